"""What the average of the weights is good for, and the ways back from noise to digits.

A U-Net learns 8x8 digits at a rate that stays, for each objective, and is drawn from with the weights of its
last step and with their average. Or, with --painter, one that `python -m apps.digits train --model
diffusion` trained draws in several ways: all steps (DDPM) or few (DDIM), and more and more guided.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import autograd
import nn
from apps import command
from apps.digits import datasets
from apps.digits.drawing.painters import load
from docs.examples import training
from docs.examples.training import Run, parameters, seconds, table
from nn.data import DataLoader, Digits, optdigits
from nn.metrics import DrawingMeter, accuracy
from nn.models import Diffusion, UNet
from nn.models.diffusion.process import OBJECTIVES
from nn.optim.swa_utils import AveragedModel, get_ema_avg_fn

Array = np.ndarray[Any, Any]
BATCH, RATE, FEW = 64, 1e-3, 50
HEAD = ("frechet", "precision", "recall", "as asked")


class Eye:
    """Measures what a diffusion draws: as many as the meter wants, of classes as often as the data has."""

    def __init__(self, name: str, train: Digits, test: Digits, count: int) -> None:
        self.meter = DrawingMeter(name, train, test, count=count)
        self.labels = train.labels

    def look(self, diffusion: Diffusion, seed: int, **way: Any) -> tuple[float, float, float, float]:
        """Frechet distance, precision, recall, and the share that is read as what was asked for."""
        generator = autograd.Generator(seed)
        asked = self.labels[generator.permutation(len(self.labels))[: self.meter.count]]
        drawn = diffusion.sample(len(asked), classes=asked, generator=generator, **way)
        found = self.meter.measure(drawn.data)
        return found.frechet, found.precision, found.recall, accuracy(found.classes, asked)


def cells(rows: Sequence[tuple[float, float, float, float]]) -> list[str]:
    """The means of some measurements, and the distance of each where there are several."""
    frechet, precision, recall, asked = np.mean(rows, 0)
    each = f" ({', '.join(f'{row[0]:.2f}' for row in rows)})" if len(rows) > 1 else ""
    return [f"{frechet:.2f}{each}", f"{precision:.3f}", f"{recall:.3f}", f"{100 * asked:.1f}%"]


# Averages ------------------------------------------------------------------------------------------


def trained(run: Run, objective: str, seed: int, images: Digits) -> tuple[nn.Trainer, AveragedModel]:
    autograd.manual_seed(seed)
    network = UNet(8, dim=16 if run.quick else 32, dim_mults=(1, 2), attention=4, classes=10)
    diffusion = Diffusion(network, (1, 8, 8), schedule="cosine", objective=objective)
    average = AveragedModel(diffusion, get_ema_avg_fn(0.999, warmup=True))
    loader = DataLoader(
        images, BATCH, shuffle=True, drop_last=True, seed=seed + 1,
        transform=lambda x, labels, generator: (x, labels, labels),
    )  # fmt: skip
    optimizer = nn.optim.Adam(diffusion.parameters(), lr=RATE)
    epochs = max(1, round(run.steps / len(loader)))
    stages = (loader, epochs)
    return run.train(f"{objective}-{seed}", diffusion, mean, optimizer, stages, average=average), average


def mean(losses: Any, target: Any) -> Any:
    return losses.mean()


def averages(run: Run) -> None:
    images, test = optdigits(train=True), optdigits(train=False)
    eye = Eye("optdigits", images, test, 100 if run.quick else 2000)
    seeds = [run.seed + i for i in range(1 if run.quick else run.options.seeds)]
    rows, minutes, trainer = [], 0.0, None
    for objective in run.options.objective:
        found: dict[str, list[Any]] = {"last weights": [], "average": []}
        for seed in seeds:
            trainer, average = trained(run, objective, seed, images)
            minutes += seconds(trainer) / 60
            steps = 4 if run.quick else FEW
            found["last weights"].append(eye.look(trainer.model, seed, steps=steps))
            found["average"].append(eye.look(average.module, seed, steps=steps))
        rows += [[objective, name, *cells(measured)] for name, measured in found.items()]
    assert trainer is not None
    print(
        f"diffusion on optdigits: {eye.meter.count} drawings in {FEW} steps, floor {eye.meter.floor:.2f}; "
        f"{parameters(trainer.model):,} parameters, {trainer.epoch} epochs in batches of {BATCH} at {RATE}, "
        f"{minutes / len(rows) * 2 / len(seeds):.1f} min each; seeds {', '.join(map(str, seeds))}"
    )
    print(table(["objective", "weights", *HEAD], rows))


# Ways back -----------------------------------------------------------------------------------------


def ways(run: Run) -> None:
    """Of one painter: how good, and in what time."""
    painter = load(run.options.painter)
    if painter.card.model != "diffusion":
        raise command.UserError(f"{run.options.painter}: a {painter.card.model}; want --model diffusion")
    name, data = painter.card.dataset, run.options.data
    train, test = (datasets.load(name, data, train=part) for part in (True, False))
    eye = Eye(name, train, test, run.options.count)
    rows = []
    for label, way in {
        "DDPM, all steps": {},
        "DDIM, 50 steps": {"steps": 50},
        "DDIM, 20 steps": {"steps": 20},
        **{f"DDIM, 50 steps, guidance {w}": {"steps": 50, "guidance": w} for w in run.options.guidance},
    }.items():
        began = time.perf_counter()
        found = eye.look(painter.network, run.seed, **way)
        rows.append([label, *cells([found]), f"{time.perf_counter() - began:.0f} s"])
        if not run.options.silent:
            print(f"{label}: frechet {found[0]:.2f}", file=sys.stderr)
    some = np.random.default_rng(run.seed).choice(len(test), run.options.bits, replace=False)
    images, labels = test.arrays()
    bits = painter.network.bits_per_dim(
        autograd.from_numpy(images[some]), labels[some], levels=17 if name == "optdigits" else 256, stride=10
    )
    print(f"{name}: {eye.meter.count} drawings, floor {eye.meter.floor:.2f}, seed {run.seed}")
    print(table(["way", *HEAD, "time"], rows))
    print(f"bits per dimension of {len(some)} test images, at most: {bits.total.data.mean():.2f}")


def run(run: Run) -> None:
    if run.options.painter:
        ways(run)
    else:
        averages(run)


def flags(parser: command.Parser) -> None:
    parser.add_argument("--objective", nargs="+", choices=OBJECTIVES, default=list(OBJECTIVES),
                        help="what the nets state (default: each)")  # fmt: skip
    parser.add_argument("--seeds", type=command.number(int, 1), default=3, metavar="K",
                        help="how many nets, of seeds S, S + 1 ... (default: 3)")  # fmt: skip
    parser.add_argument("--painter", type=Path, metavar="CHECKPOINT", help="measure this one instead")
    parser.add_argument("--data", type=Path, metavar="DIR", help="where its data is")
    parser.add_argument("--count", type=command.number(int, 10), default=2000, metavar="N",
                        help="drawings that are measured (default: 2000)")  # fmt: skip
    parser.add_argument("--guidance", nargs="+", type=float, default=[1.5, 2.0, 3.0], metavar="W",
                        help="of the guided drawings (default: 1.5 2 3)")  # fmt: skip
    parser.add_argument("--bits", type=command.number(int, 1), default=200, metavar="N",
                        help="test images whose bits are told (default: 200)")  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    return training.main(run, "diffusion_digits", 2000, arguments, doc=__doc__, flags=flags)


if __name__ == "__main__":
    sys.exit(main())
