"""Which of 8 Gaussians on a ring, and of 25 on a grid, does a GAN find?

The experiment of PacGAN (Lin et al. 2018, section 4.1): points around centres that are far apart, and a
generator that has to spread over all of them. A mode counts as found if one of 2,500 samples is within three
standard deviations of its centre; such samples are of high quality. Of the data itself 98.9% are.

Each net has the same layers (about 34,000 numbers a side, a thirteenth of the paper's), updates and rates, so
the rows differ in one thing: how many points the discriminator judges at once, and whether a penalty keeps
its slopes low.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import autograd
import nn
from apps import command
from autograd import Generator, Tensor
from docs.examples import training
from docs.examples.adversaries import lower
from docs.examples.training import Run, table
from nn.data import DataLoader, TensorDataset
from nn.data.points import grid, grid_centres, ring, ring_centres
from nn.metrics import modes_and_quality
from nn.models import GANTrainer
from nn.models.collapse import CollapseWarning
from nn.models.gan import PointDiscriminator, PointGenerator

Array = np.ndarray[Any, Any]

STEPS, TRIALS = 20_000, 10
POINTS, BATCH, SAMPLES, SHOWN = 100_000, 128, 2500, 500  # in the data, packs, to measure by, in pictures
LATENT, WIDTHS, RATE = 2, (128, 128, 128), 1e-3
NOTES = 50  # stairs, down which the rates go to 0
FIELD = 64  # places a side at which the discriminator is asked


@dataclass(frozen=True)
class Task:
    """Points, and where they come from."""

    points: Callable[..., Array]
    centres: Array
    std: float
    reach: float  # of the picture


@dataclass(frozen=True)
class Net:
    """What is different from net to net, and what the paper has for it: modes, high quality in %."""

    packing: int = 1
    penalty: float = 0.0
    objective: str = "gan"
    target: float = 0.0
    d_steps: int = 1
    paper: tuple[tuple[str, str], ...] = ()


TASKS = {
    "ring": Task(ring, ring_centres(), 0.01, 1.5),
    "grid": Task(grid, grid_centres(), 0.05, 5.5),
}
NETS = {
    "GAN": Net(paper=(("ring", "6.3"), ("grid", "17.3"))),
    "PacGAN2": Net(packing=2, paper=(("ring", "7.9"), ("grid", "23.8"))),
    "PacGAN4": Net(packing=4, paper=(("grid", "24.8, 93.6%"),)),
    "WGAN-GP": Net(penalty=1.0, objective="wgan", target=1.0, d_steps=2),
    "GAN, low slopes": Net(penalty=0.1),
}


class Trial:
    """One training from one seed."""

    def __init__(self, run: Run, task: str, net: str, number: int) -> None:
        self.task, self.net, seed = TASKS[task], NETS[net], run.seed + number
        self.steps, self.watched = run.steps, number == 0
        autograd.manual_seed(seed)
        data = self.task.points(POINTS, seed=seed + 1000)
        rows = BATCH * self.net.packing
        self.loader = DataLoader(TensorDataset(data), rows, shuffle=True, drop_last=True, seed=seed + 2000)
        generator = PointGenerator(LATENT, WIDTHS, norm="none")
        discriminator = PointDiscriminator(WIDTHS, packing=self.net.packing)
        file = run.file(f"{task}-{net}-{number}".lower().replace(", ", "-").replace(" ", "-"))
        self.trainer = GANTrainer(
            generator,
            discriminator,
            *(nn.optim.Adam(x.parameters(), RATE, betas=(0.5, 0.99)) for x in (generator, discriminator)),
            self.net.objective,
            d_steps=self.net.d_steps,
            penalty=self.net.penalty,
            target=self.net.target,
            every=max(1, run.steps // NOTES),
            samples=SHOWN if self.watched else 64,
            checkpoint=file,
            progress=False,
            on_epoch=self.note,
        )
        if run.options.resume and file.exists():
            self.trainer.load(file)

    def note(self, trainer: GANTrainer, record: dict[str, Any], samples: Tensor) -> None:
        """Lower the rates, straight to 0; keep what the picture shows."""
        lower(trainer, RATE, 1.0, self.steps)
        if self.watched:
            record["points"] = samples.clone()
            if self.net.packing == 1:
                record["field"] = Tensor(self.field())

    def field(self) -> Array:
        """What the discriminator says of each place of the picture, (FIELD, FIELD): 1 where all is real."""
        at = np.linspace(-self.task.reach, self.task.reach, FIELD, dtype=np.float32)
        places = np.stack(np.meshgrid(at, at), -1).reshape(-1, 2)
        with autograd.no_grad():
            return autograd.sigmoid(self.trainer.discriminator(Tensor(places))).data.reshape(FIELD, FIELD)

    def result(self) -> tuple[int, float, float, bool]:
        """Train; modes, high-quality share, divergence of the shares, whether the trainer warned."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", CollapseWarning)
            self.trainer.fit(self.loader, steps=self.steps)
        if self.trainer.steps < self.steps:
            raise KeyboardInterrupt(f"go on with --resume from {self.trainer.checkpoint}")
        warned = any(issubclass(w.category, CollapseWarning) for w in caught)
        points = self.trainer.drawn.sample(SAMPLES, generator=Generator(1)).data
        found = modes_and_quality(points, self.task.centres, self.task.std)
        return found.covered, found.quality, found.kl, warned or bool(self.trainer.watch.warned)


def run(run: Run) -> None:
    shown: dict[tuple[str, str], list[dict[str, Any]]] = {}
    count = run.options.trials or (1 if run.quick else TRIALS)
    for task in run.options.data:
        rows = []
        modes = len(TASKS[task].centres)
        for net in run.options.net:
            began, found = time.process_time(), []
            for number in range(count):
                trial = Trial(run, task, net, number)
                found.append(trial.result())
                if number == 0:
                    shown[task, net] = trial.trainer.history
                if not run.options.silent:
                    said = (
                        f"{task}, {net}, trial {number + 1}: {found[-1][0]} modes, {100 * found[-1][1]:.1f}%"
                    )
                    print(said, file=sys.stderr)
            rows.append(row(net, task, modes, found, (time.process_time() - began) / len(found)))
        trials = f"{count} trial{'s' * (count > 1)} from seed {run.seed}"
        print(f"{task}: {SAMPLES} samples after {run.steps} updates, {trials}, mean +- standard error")
        print(table(HEAD, rows))
        print()
    draw(shown, run)


HEAD = ["net", "modes", "least", "high quality", "least", "KL", "warned", "paper", "s a trial"]


def row(
    net: str, task: str, modes: int, found: list[tuple[int, float, float, bool]], seconds: float
) -> list[str]:
    covered, quality, kl, warned = (np.array(x, float) for x in zip(*found, strict=True))
    error = [x.std(ddof=1) / np.sqrt(len(x)) if len(x) > 1 else 0.0 for x in (covered, quality)]
    return [
        net,
        f"{covered.mean():.1f} +- {error[0]:.1f} of {modes}",
        f"{covered.min():.0f}",
        f"{100 * quality.mean():.1f} +- {100 * error[1]:.1f}%",
        f"{100 * quality.min():.1f}%",
        f"{kl.mean():.3f}",
        f"{warned.sum():.0f}",
        dict(NETS[net].paper).get(task, ""),
        f"{seconds:.0f}",
    ]


# Pictures ------------------------------------------------------------------------------------------


def draw(shown: dict[tuple[str, str], list[dict[str, Any]]], run: Run) -> None:
    """A line for each net, a column for each of some moments; and a film of all."""
    from docs.examples import pictures  # matplotlib takes a second

    size = 1.75
    for task in run.options.data:
        histories = {net: shown[task, net] for net in run.options.net}
        last = min(len(history) for history in histories.values()) - 1
        moments = sorted({0, last // 16, last // 6, last // 2, last})
        figure, axes = pictures.figure(
            size * len(moments) + 0.4,
            size * len(histories) + 0.3,
            len(histories),
            len(moments),
            squeeze=False,
        )
        for place, (net, history) in enumerate(histories.items()):
            line = axes[place]
            line[0].set_ylabel(net, color=pictures.TRUTH)
            for axis, moment in zip(line, moments, strict=True):
                show(axis, history[moment], TASKS[task])
                if place == 0:
                    axis.set_title(f"{history[moment]['step']:,} updates", fontsize=9)
        pictures.write(figure, run.folder / f"gaussians_gan_{task}.png")
        film(task, {net: histories[net] for net in histories if NETS[net].packing == 1}, run)


def film(task: str, histories: dict[str, list[dict[str, Any]]], run: Run) -> None:
    """The same, of the nets whose discriminator judges single points, as a GIF."""
    from PIL import Image

    from docs.examples import pictures

    frames = []
    figure, axes = pictures.figure(2.3 * len(histories), 2.65, columns=max(len(histories), 1), squeeze=False)
    for records in list(zip(*histories.values(), strict=False))[1::3]:
        for axis, net, record in zip(axes[0], histories, records, strict=True):
            axis.clear()
            show(axis, record, TASKS[task])
            axis.set_title(f"{net}\n{record['step']:,} updates", fontsize=9)
        figure.canvas.draw()
        frames.append(
            Image.fromarray(np.asarray(figure.canvas.buffer_rgba())[..., :3].copy()).quantize(
                24, Image.Quantize.MAXCOVERAGE
            )
        )
    if frames:
        path = run.folder / f"gaussians_gan_{task}.gif"
        frames[0].save(
            path, save_all=True, append_images=frames[1:], duration=[200] * (len(frames) - 1) + [3000], loop=0
        )
        print(f"wrote {path}")


def show(axis: Any, record: dict[str, Any], task: Task) -> None:
    from docs.examples import pictures

    reach = task.reach
    if "field" in record:
        axis.imshow(record["field"].data, extent=(-reach, reach, -reach, reach), origin="lower",
                    cmap="PuOr", vmin=0, vmax=1, alpha=0.55, interpolation="bilinear")  # fmt: skip
    axis.scatter(*task.centres.T, s=22, facecolors="none", edgecolors=pictures.QUIET, linewidths=0.5)
    axis.scatter(*record["points"].data.T, s=1.2, color=pictures.TRUTH, linewidths=0, alpha=0.8)
    axis.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", xticks=[], yticks=[])
    axis.grid(False)


def flags(parser: command.Parser) -> None:
    parser.add_argument("--data", nargs="+", choices=list(TASKS), default=list(TASKS), help="only these")
    parser.add_argument("--net", nargs="+", choices=list(NETS), default=list(NETS), help="only these")
    parser.add_argument("--trials", type=command.number(int, 1), metavar="N",
                        help=f"trainings of each net, from seeds S, S + 1, ... (default: {TRIALS}, or with "
                        "--quick 1)")  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    return training.main(run, "gaussians_gan", STEPS, arguments, quick=100, doc=__doc__, flags=flags)


if __name__ == "__main__":
    sys.exit(main())
