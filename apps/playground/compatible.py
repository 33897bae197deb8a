"""Losses per epoch in full precision: what two programs that train as the original does must agree on.

    python -m apps.playground.compatible --epochs 50 --output losses.csv

A line for every epoch of every data set with no penalty, L1 and L2, by a small network whose batches fill
its epochs and by a larger one whose batches leave a rest, which is carried over.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from apps.command import Parser, number, run
from apps.playground.points import generate
from apps.playground.settings import CLASSES, REGRESSION_DATASETS, Settings
from apps.playground.training import Trainer

__all__ = ["COLUMNS", "DATA", "Row", "command", "losses", "settings_of"]

DATA = [name for name, classes in CLASSES.items() if classes == 2]
DATA += [name for name in REGRESSION_DATASETS if name != "own"]
RATES = {"none": 0.0, "L1": 0.01, "L2": 0.01}
NETWORKS = (((4, 2), 10), ((8, 8), 7))  # hidden layers, samples a batch


class Row(NamedTuple):
    """A line: losses at the end of an epoch, without penalties; `dead`, links that L1 has taken."""

    dataset: str
    regularization: str
    network: str
    batch: int
    epoch: int
    updates: int
    train_loss: float
    test_loss: float
    dead: int


COLUMNS = Row._fields


def settings_of(dataset: str, **others: Any) -> Settings:
    """The settings that train on a data set of either problem."""
    if dataset in DATA and dataset not in CLASSES:
        return Settings.from_mapping({"problem": "regression", "regDataset": dataset, **others})
    return Settings.from_mapping({"dataset": dataset, **others})


def losses(settings: Settings, epochs: int) -> Iterator[Row]:
    """The losses at the start (epoch 0) and after each epoch."""
    trainer = Trainer(settings, generate(settings))
    name = "-".join(map(str, (len(settings.features), *trainer.network.sizes)))
    for epoch in range(epochs + 1):
        trainer.train_epochs(int(epoch > 0))
        yield Row(
            settings.data, settings.regularization, name, settings.batch_size, epoch, trainer.updates,
            *trainer.loss(), trainer.update.dead(),
        )  # fmt: skip


def lines(options: Namespace) -> Iterator[str]:
    yield ",".join(COLUMNS)
    for dataset in options.dataset:
        for kind, rate in RATES.items():
            for shape, batch in NETWORKS:
                settings = settings_of(
                    dataset, regularization=kind, regularizationRate=rate, networkShape=shape, batchSize=batch
                )
                for row in losses(settings, options.epochs):
                    yield ",".join(map(str, row))  # of a float all digits that it takes to read it back


def write(options: Namespace) -> int:
    if options.output is None:
        for line in lines(options):
            print(line)
        return 0
    with options.output.open("w", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in lines(options))
    print(f"wrote {options.output}")
    return 0


def command() -> Parser:
    parser = Parser(prog="python -m apps.playground.compatible", description=__doc__)
    parser.add_argument(
        "--epochs", type=number(int, 0, 100_000), default=20, metavar="N", help="(default: 20)"
    )
    parser.add_argument(
        "--dataset", nargs="+", choices=DATA, default=DATA, metavar="NAME",
        help=f"some of {', '.join(DATA)} (default: all)",
    )  # fmt: skip
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="where to write (default: standard output)"
    )
    parser.set_defaults(run=write)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    return run(command(), arguments)


if __name__ == "__main__":
    sys.exit(main())
