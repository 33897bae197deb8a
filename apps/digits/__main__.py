"""A network learns to read handwritten digits, or to draw them, on this repository's own engine.

commands:
  train      train a network; writes its weights and pictures of how it went
  evaluate   accuracy on the test images, class by class
  predict    read photos or drawings of a digit
  sample     draw digits with a network that has learned to draw
  animate    films of it: how it learned, and how it draws
  explore    walk through one forward pass, one loss and one update, number by number

try:
  python -m apps.digits train                      optdigits (comes with the package), under a minute
  python -m apps.digits evaluate runs/digits-optdigits-cnn
  python -m apps.digits predict photo.png
  python -m apps.digits explore
  python -m apps.digits train --model diffusion    a network that draws, some minutes
  python -m apps.digits sample runs/digits-optdigits-diffusion
  python -m apps.digits animate runs/digits-optdigits-diffusion

Each command explains itself: python -m apps.digits train --help
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from apps.command import Parser, add_shared_flags, number, run
from apps.digits import datasets, models
from apps.digits.drawing.recipes import MODELS as PAINTERS

TRAIN = """Train a network on handwritten digits (or clothes), to read them or to draw them, and show how it
went.

datasets:
  optdigits   8x8, 3823 images by 30 people; 1797 test images by 13 others. Comes with the package.
  mnist       28x28, 60,000 images; 10,000 test images
  fashion     28x28, clothes instead of digits, same numbers
  mnist and fashion are read from --data DIR, else $AUTOGRAD_DATA, else downloaded; every file is checked
  by its hash.

models that read:
  dnn         fully connected layers; --widths 512,256 are two hidden layers
  cnn         convolutions 3x3; --widths 32,64,64 are three layers of so many filters
  quick       for mnist and fashion, learns in one epoch; --widths 24,32,256 are two convolutions and a layer

models that draw:
  autoencoder  squeezes images into codes and draws them again; new ones from new codes beside those;
               --widths 256,128 are two layers between pixels and code, and as many back
  vae          a variational autoencoder: each image has a cloud of codes, all of them together one bell;
               --widths as of an autoencoder
  gan          a generator against a discriminator, both fully connected; --widths 128,256 are two layers of
               the generator, and of the discriminator the other way round
  dcgan        the same of convolutions; told which class to draw; --widths 64,128 are their filters from the
               image inwards, where it is halved each time
  wgan-gp      the same, but the discriminator is a critic with a gradient penalty
  diffusion    a U-Net that takes noise away step by step; told which class to draw; --widths 32,64 are its
               channels, where the image is halved in between: multiples of the first, and that one of 8
  They write sheets of samples on the way. What they draw at the end is measured in the features of a frozen
  network (nn.metrics): the Frechet distance to the training images, beside its floor, that of as many test
  images; the share of drawings that look like data (precision), and of the data that is reached (recall).
  An autoencoder is measured by drawings from new codes, not by images drawn again.

What is not given is taken from a recipe per dataset and model (apps/digits/recipes.py, for models that draw
apps/digits/drawing/recipes.py), chosen without the test images, which are read once, after the last epoch. To
make choices of your own, hold out a part with --validation 0.2: then the test images are not read at all.

Ctrl-C saves; the same command with --resume goes on, to the same result bit by bit, and with --over starts
over.
"""

TRAIN_EXAMPLES = """examples:
  python -m apps.digits train
  python -m apps.digits train --dataset mnist --model quick
  python -m apps.digits train --dataset mnist --data ~/data --model dnn --widths 800,400 --epochs 15
  python -m apps.digits train --lr 0.01 --validation 0.2 --output runs/try
  python -m apps.digits train --model diffusion --dataset mnist --epochs 5
  python -m apps.digits train --resume

the last line is: test accuracy NN.NN% (optdigits, writer-independent, cnn, seed S)
of models that draw: frechet F (floor F0, N samples) precision P recall R, M min
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

SAMPLE = """Draw with a network that has learned to draw. Writes

  samples.png      a grid of drawings, and below it which classes they are taken for by a network that reads
  neighbours.png   some of them above the training images that are nearest: drawn, or remembered?

An autoencoder, dcgan, wgan-gp or diffusion draws the classes that it is asked for, a row each.
"""

SAMPLE_EXAMPLES = """examples:
  python -m apps.digits sample runs/digits-optdigits-vae
  python -m apps.digits sample runs/digits-optdigits-diffusion --classes 3,7 --count 40 --guidance 2
  python -m apps.digits sample runs/digits-mnist-diffusion --steps 0

the last line is: drawn N: classes S S S ... % (KL K); A% as asked
the shares and the KL are beside those that were asked for, or else those of the data; there is no KL if a
drawing was taken for a class that nobody asked for
"""

ANIMATE = """Films of a network that draws, as GIFs of less than 2 MB that loop:

  learning.gif   what it drew after each epoch
  forger.gif     the same of a GAN, with what its discriminator, the detective, made of it
  ink-drop.gif   a diffusion's two ways: images step by step into noise, noise step by step into images
  walk.gif       what lies between the codes of images; of all but a diffusion
"""


OWN = "the checkpoint's own"


def main(arguments: Sequence[str] | None = None) -> int:
    return run(make_parser(), arguments)


def make_parser() -> argparse.ArgumentParser:
    parser = Parser(prog="python -m apps.digits", description=__doc__, usage="%(prog)s COMMAND ...")
    commands = parser.add_subparsers(
        dest="command", required=True, prog=parser.prog, metavar="COMMAND", help=argparse.SUPPRESS
    )
    add_train(commands)
    add_evaluate(commands)
    add_predict(commands)
    add_sample(commands)
    add_animate(commands)
    add_explore(commands)
    return parser


def add_train(commands: argparse._SubParsersAction[Parser]) -> None:
    def command(options: argparse.Namespace) -> int:
        from apps.digits import train

        return train.run(options)

    parser = commands.add_parser("train", description=TRAIN, epilog=TRAIN_EXAMPLES)
    parser.set_defaults(run=command)
    parser.add_argument(
        "--model",
        choices=(*models.MODELS, *PAINTERS),
        metavar="NAME",
        help=f"{', '.join(models.MODELS)} (default: cnn), {', '.join(PAINTERS)}",
    )
    parser.add_argument("--widths", type=widths, metavar="N,N,...", help="sizes of the layers, as above")
    parser.add_argument("--epochs", type=number(int, 1, 10_000), metavar="N", help="passes over the images")
    parser.add_argument("--lr", type=number(float, 0, 100, above=True), metavar="X",
                        help="learning rate: highest of a cycle; of a GAN, the one that stays")  # fmt: skip
    parser.add_argument("--batch-size", type=number(int, 2, 100_000), metavar="N", help="images in an update")
    parser.add_argument("--dropout", type=number(float, 0, 0.95), metavar="X",
                        help="share of features dropped while training (models that read)")  # fmt: skip
    parser.add_argument("--augment", action=argparse.BooleanOptionalAction, default=None,
                        help="move, turn, scale and bend each image a little (models that read)")  # fmt: skip
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
    interrupted = parser.add_mutually_exclusive_group()
    interrupted.add_argument("--resume", action="store_true", help="go on with the run that was interrupted")
    interrupted.add_argument("--over", action="store_true", help="drop that run, and start over")
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


def add_sample(commands: argparse._SubParsersAction[Parser]) -> None:
    def command(options: argparse.Namespace) -> int:
        from apps.digits.drawing import sample

        return sample.run(options)

    parser = commands.add_parser("sample", description=SAMPLE, epilog=SAMPLE_EXAMPLES)
    parser.set_defaults(run=command)
    parser.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help="what train wrote")
    parser.add_argument("--count", type=number(int, 1, 10_000), metavar="N",
                        help="drawings, or a few more: of each class as many, in full rows "
                        "(default: 100)")  # fmt: skip
    parser.add_argument("--classes", type=classes, metavar="K,K,...",
                        help="numbers of the classes to draw, a row each, or several where there are many "
                        "drawings (default: all)")  # fmt: skip
    add_way(parser, "50")
    add_shared_flags(parser, datasets.NAMES, OWN, "drawn, in the checkpoint's folder")


def add_animate(commands: argparse._SubParsersAction[Parser]) -> None:
    def command(options: argparse.Namespace) -> int:
        from apps.digits.drawing import animate

        return animate.run(options)

    parser = commands.add_parser(
        "animate",
        description=ANIMATE,
        epilog="example:\n  python -m apps.digits animate runs/digits-optdigits-diffusion",
    )
    parser.set_defaults(run=command)
    parser.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help="what train wrote")
    add_way(parser, "all of them")
    add_shared_flags(parser, datasets.NAMES, OWN, "the checkpoint's folder")


def add_way(parser: argparse.ArgumentParser, steps: str) -> None:
    """How a diffusion goes back from noise."""
    parser.add_argument("--steps", type=number(int, 0, 100_000), metavar="N",
                        help=f"of a diffusion's way back, 0 for all of them (default: {steps})")  # fmt: skip
    parser.add_argument("--guidance", type=number(float, 0, 100), metavar="W",
                        help="how far a diffusion goes towards the class it is asked for: 1 as it learned, "
                        "more beyond (default: the recipe's, 1 or a little more)")  # fmt: skip


def classes(text: str) -> tuple[int, ...]:
    """The type of --classes."""
    parts = text.split(",")
    if not all(part.isdecimal() for part in parts):
        raise argparse.ArgumentTypeError(f"want numbers of classes with commas, as 3,7; got {text!r}")
    return tuple(map(int, parts))


def widths(text: str) -> tuple[int, ...]:
    """The type of --widths."""
    parts = text.split(",")
    if not all(part.isdecimal() and 1 <= int(part) <= 100_000 for part in parts) or len(parts) > 20:
        raise argparse.ArgumentTypeError(f"want whole numbers >= 1 with commas, as 512,256; got {text!r}")
    return tuple(map(int, parts))


if __name__ == "__main__":
    sys.exit(main())
