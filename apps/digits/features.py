"""The networks in whose features drawings are measured: how nn/metrics/lenet-*.safetensors were made.

    python -m apps.digits.features --dataset mnist --seed 0 --threads 1 --output nn/metrics

They are frozen: nn.metrics.features() takes no other file than those whose SHA-256 it knows, for distances
in the features of two networks do not compare. Run this to see that they are what they are said to be, or to
freeze one of your own.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

import autograd
import nn
from apps.command import Parser, add_shared_flags, backend, number, run, writable_folder
from apps.digits import datasets, recipes
from nn.data import DataLoader, Digits
from nn.metrics import lenet

DESCRIPTION = """Train the small network in whose features drawings are measured, and freeze it.

It is trained on the training images, with AdamW and a one-cycle learning rate; over them each feature is
given mean 0 and variance 1. The test images are read once, at the end, by the network as it is stored:
matrices in half precision.
"""

EPILOG = """example:
  python -m apps.digits.features --dataset mnist --seed 0 --threads 1 --output nn/metrics

the last line is: test accuracy NN.NN% (DATASET, seed S), sha256 HASH
"""


@dataclass(frozen=True)
class Recipe:
    epochs: int
    lr: float
    batch_size: int
    dropout: float
    weight_decay: float = 0.01
    label_smoothing: float = 0.0  # it would press the features of a class into one point
    augment: bool = True


RECIPES = {
    "mnist": Recipe(epochs=8, lr=6e-3, batch_size=256, dropout=0.1),
    "fashion": Recipe(epochs=10, lr=5e-3, batch_size=256, dropout=0.3, weight_decay=0.05, augment=False),
    "optdigits": Recipe(epochs=25, lr=3e-3, batch_size=64, dropout=0.2),
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = Parser(prog="python -m apps.digits.features", description=DESCRIPTION, epilog=EPILOG)
    parser.set_defaults(run=make)
    parser.add_argument("--epochs", type=number(int, 1, 10_000), metavar="N", help="passes over the images")
    parser.add_argument(
        "--validation",
        type=number(float, 0, 0.9),
        metavar="X",
        help="hold out this share of the training images, and do not read the test images",
    )
    add_shared_flags(parser, datasets.NAMES, "optdigits", "runs/digits-features")
    return run(parser, arguments)


def make(options: Namespace) -> int:
    name, seed = options.dataset or "optdigits", options.seed or 0
    recipe = RECIPES[name]
    epochs = options.epochs or recipe.epochs
    images = datasets.load(name, options.data, train=True)
    if options.validation:
        images, held_out = datasets.validation_split(images, options.validation)
    else:
        held_out = datasets.load(name, options.data, train=False)
    folder = writable_folder(options.output or Path("runs") / "digits-features")
    print(backend(), flush=True)
    begun = time.perf_counter()
    net = trained(name, images, recipe, epochs, seed)
    standardise(net, images.arrays()[0])
    path = lenet.file_of(name, folder)
    made = {"dataset": name, "seed": seed, **asdict(recipe), "epochs": epochs}
    nn.save(lenet.frozen_state(net), path, metadata={"training": json.dumps(made)})  # one string: in order
    net = lenet.thawed(path, net.side, net.widths)
    pixels, labels = held_out.arrays()
    accuracy = nn.metrics.accuracy(net.classify(pixels), labels)
    print(f"wrote {path} ({path.stat().st_size:,} bytes) in {time.perf_counter() - begun:.0f} s")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    kind = "validation" if options.validation else "test"
    print(f"{kind} accuracy {100 * accuracy:.2f}% ({name}, seed {seed}), sha256 {digest}")
    return 0


def trained(name: str, images: Digits, recipe: Recipe, epochs: int, seed: int) -> lenet.LeNet:
    autograd.manual_seed(seed)
    frozen = lenet.FROZEN[name]
    net = lenet.LeNet(frozen.side, frozen.widths, len(images.classes), recipe.dropout)
    loader = DataLoader(
        images, recipe.batch_size, shuffle=True, drop_last=True, seed=seed,
        transform=recipes.augmentation(recipe.augment, frozen.side),
    )  # fmt: skip
    optimizer = nn.optim.AdamW(net.parameters(), lr=recipe.lr, weight_decay=recipe.weight_decay)
    schedule = nn.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.lr, epochs=epochs, steps_per_epoch=len(loader), pct_start=0.2
    )
    loss = nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing)
    trainer = nn.Trainer(net, loss, optimizer, schedule, jit=True)
    trainer.fit(loader, epochs)
    if trainer.epoch < epochs:
        raise KeyboardInterrupt
    return net.eval()


def standardise(net: lenet.LeNet, images: np.ndarray) -> None:
    """Give the features mean 0 and variance 1 over images, so that each of them counts as much; the scores
    stay. Batch norm has done so for augmented images, and then learned a scale and a shift."""
    found = net.features(images)
    mean, std = found.mean(0), found.std(0)
    std[std < 1e-3] = 1  # a unit that never fires
    norm, last = net.body[-1], net.head[-1]
    weight, bias = last.weight.data.astype(np.float64), last.bias.data.astype(np.float64)
    changed = {
        norm.weight: norm.weight.data / std, norm.bias: (norm.bias.data - mean) / std,
        last.weight: weight * std, last.bias: bias + weight @ mean,
    }  # fmt: skip
    with autograd.no_grad():
        for parameter, value in changed.items():
            parameter.copy_(autograd.tensor(value.astype(np.float32)))


if __name__ == "__main__":
    sys.exit(main())
