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
from apps.digits.drawing.animate import into_noise
from apps.digits.drawing.grids import sheet
from apps.digits.drawing.painters import load
from docs.examples import training
from docs.examples.diffusion_points import mean
from docs.examples.training import Run, parameters, seconds, table
from nn.data import DataLoader, Digits, optdigits
from nn.metrics import DrawingMeter, accuracy
from nn.models import Diffusion, UNet
from nn.models.diffusion.process import OBJECTIVES
from nn.optim.swa_utils import AveragedModel, get_ema_avg_fn

Array = np.ndarray[Any, Any]
BATCH, RATE = 64, 1e-3
FEW, NEW = 50, 1.0  # steps of DDIM, and the eta that is tried beside 0
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
    average = AveragedModel(diffusion, avg_fn=get_ema_avg_fn(0.999, warmup=True))
    loader = DataLoader(
        images, BATCH, shuffle=True, drop_last=True, seed=seed + 1,
        transform=lambda x, labels, generator: (x, labels, labels),
    )  # fmt: skip
    optimizer = nn.optim.Adam(diffusion.parameters(), lr=RATE)
    epochs = max(1, round(run.steps / len(loader)))
    stages = (loader, epochs)
    return run.train(f"{objective}-{seed}", diffusion, mean, optimizer, stages, average=average), average


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
    """Of one painter: how good, and in what time; each row is told as soon as it is there."""
    options = run.options
    painter = load(options.painter)
    if painter.card.model != "diffusion":
        raise command.UserError(f"{options.painter}: want one of --model diffusion, got {painter.card.model}")
    name, diffusion = painter.card.dataset, painter.network
    if diffusion.timesteps < FEW:
        raise command.UserError(f"{options.painter}: has {diffusion.timesteps} steps; want {FEW} or more")
    train, test = (datasets.load(name, options.data, train=part) for part in (True, False))
    eye = Eye(name, train, test, options.count)
    rows = []

    def row(label: str, **way: Any) -> None:
        began = time.process_time()
        found = cells([eye.look(diffusion, run.seed, **way)])
        rows.append([label, *found, f"{time.process_time() - began:.0f} s"])
        if not options.silent:
            print("  ".join(rows[-1]), file=sys.stderr, flush=True)

    show(run, diffusion, test)
    row(f"DDIM, {FEW} steps", steps=FEW)
    row(f"{FEW} steps, eta {NEW:g}", steps=FEW, eta=NEW)
    for w in options.guidance:
        row(f"{FEW} steps, eta {NEW:g}, guidance {w:g}", steps=FEW, eta=NEW, guidance=w)
    some = np.random.default_rng(run.seed).choice(len(test), options.bits, replace=False)
    images, labels = (array[some] for array in test.arrays())
    levels = 17 if name == "optdigits" else 256
    bits = diffusion.bits_per_dim(autograd.from_numpy(images), labels, levels=levels, stride=10)
    each = bits.total
    told = (
        f"bits per dimension of {len(some)} test images of {levels} levels, at most: {each.mean():.2f} "
        f"(standard error {each.std() / len(each) ** 0.5:.2f}; the decoder's part {bits.decoder.mean():.2f})"
    )
    if not options.silent:
        print(told, file=sys.stderr, flush=True)
    if options.all_steps:
        row(f"DDPM, {diffusion.timesteps} steps")
    print(
        f"ways back of {options.painter.name}: {eye.meter.count:,} drawings, floor {eye.meter.floor:.2f}, "
        f"seed {run.seed}; time of the processor"
    )
    print(table(["way", *HEAD, "time"], rows))
    print(told)


# Pictures ------------------------------------------------------------------------------------------

STRONG, TILES = 4.0, 10  # guidance in the picture; tiles in a row


def show(run: Run, diffusion: Diffusion, test: Digits) -> None:
    """Into noise and back; guided; around what is known; from one digit to another."""
    from docs.examples import pictures  # matplotlib takes a second

    images, labels = test.arrays()
    first = np.array([np.flatnonzero(labels == k)[run.seed] for k in range(10)])
    real = images[first]
    panels = {
        "three digits go into noise, three come back": process(diffusion, real[::4], run.seed),
        f"as asked (two rows each): guidance 1, 2 and {STRONG:g}": guided(diffusion, run.seed),
        "what is known, four ways to complete it, what it was": completed(diffusion, real, run.seed),
        "from one digit (left) to another (right)": between(diffusion, real, run.seed),
    }
    figure, axes = pictures.figure(9.0, 6.0, 2, 2)
    for axis, (title, (tiles, columns)) in zip(axes.flat, panels.items(), strict=True):
        axis.imshow(sheet(tiles, columns, 4), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        axis.set_title(title, loc="left", fontsize=9)
        axis.set_axis_off()
    pictures.write(figure, run.folder / "diffusion_digits.png")


def process(diffusion: Diffusion, real: Array, seed: int) -> tuple[Array, int]:
    """Rows of digits on their way into noise, below them as many on the way back."""
    generator, count = autograd.Generator(seed), len(real)
    times = np.linspace(-1, diffusion.timesteps - 1, TILES).round().astype(int)
    into = np.stack([(x + 1) / 2 for x in into_noise(diffusion.schedule, 2 * real - 1, times, generator)], 1)
    back: list[Array] = []
    diffusion.sample(
        count, classes=np.arange(count) * 3 + 2, steps=FEW, generator=generator, frames=TILES,
        watch=lambda done, total, x, x0: back.append(x.data),
    )  # fmt: skip
    return np.concatenate([*into, *np.stack(back, 1)]), TILES


def guided(diffusion: Diffusion, seed: int) -> tuple[Array, int]:
    asked = np.tile(np.arange(10), 2)
    drawn = [
        diffusion.sample(
            20, classes=asked, steps=FEW, guidance=w, generator=autograd.Generator(seed), batch_size=20
        ).data
        for w in (1.0, 2.0, STRONG)
    ]  # the same noise, so the same digits but for their guidance
    return np.concatenate(drawn), 10


def completed(diffusion: Diffusion, real: Array, seed: int) -> tuple[Array, int]:
    """Of the upper half, without a word of the classes."""
    mask = np.zeros(real.shape[1:], np.float32)
    mask[:, : real.shape[2] // 2] = 1
    generator = autograd.Generator(seed)
    x = autograd.from_numpy(real)
    filled = [
        diffusion.inpaint(x, mask, steps=FEW, eta=1.0, resamplings=4, generator=generator).data
        for _ in range(4)
    ]
    return np.concatenate([np.where(mask > 0, real, 0.15).astype(np.float32), *filled, real]), 10


def between(diffusion: Diffusion, real: Array, seed: int) -> tuple[Array, int]:
    weights = np.linspace(0, 1, TILES - 2)
    rows = []
    for a, b in ((0, 6), (1, 7), (2, 3), (4, 9), (5, 8), (3, 8)):
        path = diffusion.interpolate(
            autograd.from_numpy(real[a]), autograd.from_numpy(real[b]), weights.tolist(),
            t=diffusion.timesteps // 2, generator=autograd.Generator(seed), steps=FEW // 2, eta=0.0,
        ).data  # fmt: skip
        rows += [real[a][None], path, real[b][None]]
    return np.concatenate(rows), TILES


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
    parser.add_argument("--all-steps", action="store_true", help="measure DDPM, too, 20 times the work")
    parser.add_argument("--guidance", nargs="+", type=float, default=[1.15, 2.0], metavar="W",
                        help="of the guided drawings (default: 1.15 2)")  # fmt: skip
    parser.add_argument("--bits", type=command.number(int, 1), default=100, metavar="N",
                        help="test images whose bits are told (default: 100)")  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    return training.main(run, "diffusion_digits", 2000, arguments, doc=__doc__, flags=flags)


if __name__ == "__main__":
    sys.exit(main())
