"""A network learns to read handwritten digits, on this repository's own engine.

commands:
  train      train a network; writes its weights and pictures of how it went
  evaluate   accuracy on the test images, class by class
  predict    read photos or drawings of a digit
  explore    walk through one forward pass, one loss and one update, number by number

try:
  python -m apps.digits train                      optdigits (comes with the package), under a minute
  python -m apps.digits evaluate runs/digits-optdigits-cnn
  python -m apps.digits predict photo.png
  python -m apps.digits explore

Each command explains itself: python -m apps.digits train --help
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from apps.command import Parser, add_shared_flags, number, run
from apps.digits import datasets, models

TRAIN = """Train a network on handwritten digits (or clothes) and show how it went.

datasets:
  optdigits   8x8, 3823 images by 30 people; 1797 test images by 13 others. Comes with the package.
  mnist       28x28, 60,000 images; 10,000 test images
  fashion     28x28, clothes instead of digits, same numbers
  mnist and fashion are read from --data DIR, else $AUTOGRAD_DATA, else downloaded; every file is checked
  by its hash.

models:
  dnn         fully connected layers; --widths 512,256 are two hidden layers
  cnn         convolutions 3x3; --widths 32,64,64 are three layers of so many filters
  quick       for mnist and fashion, learns in one epoch; --widths 24,32,256 are two convolutions and a layer

What is not given is taken from a recipe per dataset and model, chosen on a validation part of the training
images (apps/digits/recipes.py). The test images are read once, after the last epoch. To make choices of your
own, hold out a part with --validation 0.2: then the test images are not read at all.

Ctrl-C saves; the same command with --resume goes on, to the same result bit by bit.
"""

TRAIN_EXAMPLES = """examples:
  python -m apps.digits train
  python -m apps.digits train --dataset mnist --model quick
  python -m apps.digits train --dataset mnist --data ~/data --model dnn --widths 800,400 --epochs 15
  python -m apps.digits train --lr 0.01 --validation 0.2 --output runs/try
  python -m apps.digits train --resume

the last line is: test accuracy NN.NN% (optdigits, writer-independent, cnn, seed S)
"""

EVALUATE = """Read the test images with a trained network: accuracy, a line for each class, and the confusion
matrix as a picture (confusion.png, beside the checkpoint unless --output says where).

recall is the share of a class's images that were recognised, precision the share of what was taken for
the class that was of it.
"""

PREDICT = """Read photos or drawings of one digit each: PNG, JPEG or others, any size, grey or colour, dark
on light or light on dark. The digit is found, cut out, scaled and centred as the training images were; what
the network then sees is shown in characters, with its ranking of the classes under it.

The first path is the network: a folder that `train` wrote, or its model.safetensors. Left out, it is
runs/digits-mnist-cnn, or else runs/digits-mnist-quick, or else runs/digits-optdigits-cnn.
"""

EXPLORE = """Walk through learning on one real image, with all the numbers: the pixels, a 4x4 picture of them
as a row of 16 numbers, the label as a one-hot row, one forward pass through a small network, one loss, its
gradients, one update, and the loss again, which is smaller. Each is printed, and drawn as a PNG. The numbers
come from autograd.explain, which shows the same for any computation.
"""


OWN = "the checkpoint's own"


def main(arguments: Sequence[str] | None = None) -> int:
    return run(make_parser(), arguments)


def make_parser() -> argparse.ArgumentParser:
    parser = Parser(prog="python -m apps.digits", description=__doc__, usage="%(prog)s COMMAND ...")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", help=argparse.SUPPRESS)
    add_train(commands)
    add_evaluate(commands)
    add_predict(commands)
    add_explore(commands)
    return parser


def add_train(commands: argparse._SubParsersAction[Parser]) -> None:
    def command(options: argparse.Namespace) -> int:
        from apps.digits import train

        return train.run(options)

    parser = commands.add_parser("train", description=TRAIN, epilog=TRAIN_EXAMPLES)
    parser.set_defaults(run=command)
    parser.add_argument(
        "--model", choices=tuple(models.MODELS), metavar="NAME", help="dnn, cnn (default) or quick"
    )
    parser.add_argument("--widths", type=widths, metavar="N,N,...", help="units or filters of each layer")
    parser.add_argument("--epochs", type=number(int, 1, 10_000), metavar="N", help="passes over the images")
    parser.add_argument("--lr", type=number(float, 0, 100, above=True), metavar="X",
                        help="highest learning rate of the one-cycle schedule")  # fmt: skip
    parser.add_argument("--batch-size", type=number(int, 2, 100_000), metavar="N", help="images in an update")
    parser.add_argument("--dropout", type=number(float, 0, 0.95), metavar="X",
                        help="share of features dropped while training")  # fmt: skip
    parser.add_argument("--augment", action=argparse.BooleanOptionalAction, default=None,
                        help="move, turn, scale and bend each image a little")  # fmt: skip
    parser.add_argument(
        "--validation",
        type=number(float, 0, 0.9),
        metavar="X",
        help="hold out this share of the training images, and do not read the test images",
    )
    parser.add_argument(
        "--jit",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="run each update as one program (default), or op by op",
    )
    parser.add_argument("--resume", action="store_true", help="go on with the run that was interrupted")
    add_shared_flags(parser, datasets.NAMES, "optdigits", "runs/digits-DATASET-MODEL")


def add_evaluate(commands: argparse._SubParsersAction[Parser]) -> None:
    def command(options: argparse.Namespace) -> int:
        from apps.digits import evaluate

        return evaluate.run(options)

    parser = commands.add_parser(
        "evaluate",
        description=EVALUATE,
        epilog="example:\n  python -m apps.digits evaluate runs/digits-mnist-cnn",
    )
    parser.set_defaults(run=command)
    parser.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help="what train wrote")
    add_shared_flags(parser, datasets.NAMES, OWN, "the checkpoint's folder", without=["seed"])


def add_predict(commands: argparse._SubParsersAction[Parser]) -> None:
    def command(options: argparse.Namespace) -> int:
        from apps.digits import predict

        return predict.run(options)

    parser = commands.add_parser(
        "predict",
        description=PREDICT,
        usage="%(prog)s [CHECKPOINT] FILE.png ...",
        epilog="examples:\n  python -m apps.digits predict photo.png\n"
        "  python -m apps.digits predict runs/digits-mnist-cnn one.png two.jpg",
    )
    parser.set_defaults(run=command)
    parser.add_argument("paths", type=Path, nargs="+", metavar="[CHECKPOINT] FILE", help="images")
    add_shared_flags(parser, datasets.NAMES, OWN, "", without=["seed", "data", "output"])


def add_explore(commands: argparse._SubParsersAction[Parser]) -> None:
    def command(options: argparse.Namespace) -> int:
        from apps.digits import explore

        return explore.run(options)

    parser = commands.add_parser(
        "explore",
        description=EXPLORE,
        epilog="examples:\n  python -m apps.digits explore\n"
        "  python -m apps.digits explore --dataset mnist --image 7",
    )
    parser.set_defaults(run=command)
    parser.add_argument("--image", type=number(int, 0), default=0, metavar="I",
                        help="which training image (default: 0)")  # fmt: skip
    parser.add_argument("--lr", type=number(float, 0, 100, above=True), default=0.5, metavar="X",
                        help="step of the one update (default: 0.5)")  # fmt: skip
    add_shared_flags(parser, datasets.NAMES, "optdigits", "runs/digits-explore")


def widths(text: str) -> tuple[int, ...]:
    """The type of --widths."""
    parts = text.split(",")
    if not all(part.isdecimal() and 1 <= int(part) <= 100_000 for part in parts) or len(parts) > 20:
        raise argparse.ArgumentTypeError(f"want whole numbers >= 1 with commas, as 512,256; got {text!r}")
    return tuple(map(int, parts))


if __name__ == "__main__":
    sys.exit(main())
