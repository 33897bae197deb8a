"""Diffusion on points of the plane: 25 narrow clouds on a grid (Lin et al. 2018, PacGAN, section 4.1).

The same net is trained twice, at a rate that falls to 0 and at one that stays, and each is drawn from twice:
with the weights of its last step, and with their exponential average. The best net that there is, the mean of
all points that may have become x_t, is known here; it says what the schedule allows.

A point is of high quality if it is within three deviations of a centre; of the data themselves 98.9 % are.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

import autograd
import nn
from apps import command
from autograd import Tensor
from docs.examples import training
from docs.examples.training import Run, parameters, seconds, stage, table
from nn.data import points
from nn.metrics import modes_and_quality
from nn.models import Diffusion, PointDenoiser
from nn.models.diffusion import Schedule
from nn.optim.swa_utils import AveragedModel, get_ema_avg_fn

BATCH, TIMESTEPS, WIDTH, LAYERS, WAVES = 512, 200, 128, 3, 6
RATE, STD, DRAWN = 2e-3, 0.05, 2500
RATES = ("falling", "constant")
LEAST, MOST = 0.004, 30.0  # noise to signal at the first and the last time, for clouds 0.01 wide in [-1, 1]
WAYS: dict[str, dict[str, Any]] = {"DDPM": {}, "DDIM, 50 steps": {"steps": 50}}


def batch(g: autograd.Generator) -> tuple[Tensor, Tensor]:
    """Points, and points again for a target that nobody looks at."""
    x = Tensor(points.grid(BATCH, std=STD, generator=g))
    return x, x


def betas() -> np.ndarray:
    """Of a schedule whose noise grows by the same factor at each step (Song and Ermon 2019)."""
    remaining = 1 / (1 + np.geomspace(LEAST, MOST, TIMESTEPS) ** 2)
    return 1 - remaining / np.append(1.0, remaining[:-1])


def model(schedule: Any = None, network: nn.Module | None = None, objective: str = "v") -> Diffusion:
    return Diffusion(
        network or PointDenoiser(2, WIDTH, LAYERS, waves=WAVES), (2,), timesteps=TIMESTEPS,
        schedule=betas() if schedule is None else schedule, objective=objective, data_range=(-5, 5),
    )  # fmt: skip


class Best(nn.Module):
    """E[x_0 | x_t] of clouds about centres (K, D), in [-1, 1]: of each its chance, and where in it x_0 is."""

    def __init__(self, schedule: Schedule, centres: np.ndarray, std: float) -> None:
        super().__init__()
        self.centres, self.std = Tensor(np.asarray(centres, np.float32)), std
        self.table = Tensor(np.stack((schedule.signal, schedule.noise), 1).astype(np.float32))

    def forward(self, x: Any, t: Any) -> Any:
        signal, noise = autograd.embedding(self.table, t.to(np.int64)).reshape(-1, 2, 1, 1).unbind(1)
        variance = (signal * self.std) ** 2 + noise**2
        away = x.unsqueeze(1) - signal * self.centres
        chances = autograd.softmax(-0.5 * (away * away).sum(2, keepdim=True) / variance, 1)
        return (chances * (self.centres + signal * self.std**2 / variance * away)).sum(1)


def mean(losses: Any, target: Any) -> Any:
    return losses.mean()


def trained(run: Run, seed: int, falling: bool) -> tuple[nn.Trainer, AveragedModel]:
    autograd.manual_seed(seed)
    diffusion = model()
    average = AveragedModel(diffusion, avg_fn=get_ema_avg_fn(0.999, warmup=True))
    optimizer = nn.optim.Adam(diffusion.parameters(), lr=RATE)
    stream, epochs = stage(batch, run.steps, seed + 1_000_000)
    cycle = nn.optim.lr_scheduler.OneCycleLR(
        optimizer, RATE, total_steps=stream.steps * epochs, pct_start=0.05, anneal_strategy="linear",
        cycle_momentum=False,
    ) if falling else None  # fmt: skip
    name = f"points{seed}-{'falling' if falling else 'constant'}"
    return run.train(
        name, diffusion, mean, optimizer, (stream, epochs), scheduler=cycle, average=average
    ), average


def drawn(diffusion: Diffusion, seed: int, count: int, **way: Any) -> np.ndarray:
    return diffusion.sample(count, batch_size=count, generator=autograd.Generator(seed), **way).data


def width(found: np.ndarray) -> float:
    """The clouds' deviation over that of the data: of points within six deviations."""
    away = found[:, None] - points.grid_centres()
    away = away[np.arange(len(found)), (away**2).sum(2).argmin(1)]
    near = away[(away**2).sum(1) < (6 * STD) ** 2]
    return float(np.sqrt((near**2).mean()) / STD) if len(near) else float("nan")


def measured(found: np.ndarray) -> list[float]:
    modes = modes_and_quality(found, points.grid_centres(), STD)
    return [modes.covered, 100 * modes.quality, modes.kl, width(found)]


def run(run: Run) -> None:
    seeds = [run.seed + i for i in range(1 if run.quick else run.options.seeds)]
    numbers: dict[tuple[str, str], list[list[float]]] = {}
    minutes, shown = 0.0, []
    count = 100 if run.quick else DRAWN

    def measure(name: str, diffusion: Diffusion, seed: int) -> None:
        for way, options in WAYS.items():
            numbers.setdefault((name, way), []).append(measured(drawn(diffusion, seed, count, **options)))

    for rate in run.options.rates:
        for seed in seeds:
            trainer, average = trained(run, seed, rate == "falling")
            minutes += seconds(trainer) / 60
            shown.append((trainer.model, average.module))
            measure(f"rate {rate}, average", average.module, seed)
            measure(f"rate {rate}, last weights", trainer.model, seed)
    for name, schedule in (("this schedule", betas()), ("linear", "linear")):
        net = Best(Schedule.named(schedule, TIMESTEPS), points.grid_centres() / 5, STD / 5)
        for seed in seeds:
            measure(f"the best net, {name}", model(schedule, net, "x0"), seed)
    numbers["the data", ""] = [measured(points.grid(count, std=STD, seed=seed + 7)) for seed in seeds]
    rows = []
    for (name, way), found in numbers.items():
        covered, quality, kl, spread = np.array(found).T
        rows.append([
            name, way, "  ".join(f"{n:.0f}/25" for n in covered), "  ".join(f"{q:.1f}" for q in quality),
            f"{kl.mean():.3f}", f"{spread.mean():.2f}",
        ])  # fmt: skip
    print(
        f"diffusion on points: 25 clouds, {count} points drawn, {parameters(model()):,} parameters, "
        f"{run.steps} updates of {BATCH}, {minutes / len(shown):.1f} min; seeds {', '.join(map(str, seeds))}"
    )
    print(table(["weights", "way", "modes", "high quality, %", "KL", "width"], rows))
    draw(shown[-len(seeds)][0], shown[0][1], run, count)


def process(
    diffusion: Diffusion, seed: int, count: int, frames: int
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Points step by step into noise, and noise step by step into points."""
    data = Tensor(points.grid(count, std=STD, seed=seed))
    noise = Tensor(autograd.Generator(seed + 99).normal((count, 2), np.float32))  # not of the data's numbers
    into = [data.data]
    for t in np.linspace(0, TIMESTEPS - 1, frames).round().astype(int)[1:]:
        times = Tensor(np.full(count, t))
        into.append(diffusion.outward(diffusion.q_sample(diffusion.inward(data), times, noise)).data)
    back: list[np.ndarray] = []
    diffusion.sample(
        count, batch_size=count, generator=autograd.Generator(seed), frames=frames,
        watch=lambda done, total, x, x0: back.append(x.data),
    )  # fmt: skip
    return into, back


def draw(last: Any, average: Any, run: Run, count: int) -> None:
    from docs.examples import pictures  # matplotlib takes a second

    frames = 6
    into, back = process(average, run.seed, count, frames)
    figure, axes = pictures.figure(8.4, 4.4, 3, frames)
    ends = {
        "the data": into[0],
        "drawn": back[-1],
        f"rate {run.options.rates[-1]}, last weights": drawn(last, run.seed, count),
    }
    for place, cloud in enumerate([*into, *back]):
        dots(axes.flat[place], cloud, pictures.TRUTH if place < frames else pictures.GRU)
    axes[0, 0].set_title("into noise ...", loc="left")
    axes[1, 0].set_title("... and back", loc="left")
    for place, (name, cloud) in enumerate(ends.items()):  # one cloud of the middle, and those around it
        for axis, reach in zip(axes[2, 2 * place :], (5.0, 0.4), strict=False):
            dots(axis, cloud, pictures.TRUTH if name == "the data" else pictures.LSTM, reach)
            if reach < 1:
                axis.add_patch(pictures.plt.Circle((0, 0), 3 * STD, fill=False, color=pictures.QUIET))
        axes[2, 2 * place].set_title(name, loc="left")
    pictures.write(figure, run.folder / "diffusion_points.png")


def dots(axis: Any, cloud: np.ndarray, color: str, reach: float = 7.0) -> None:
    size = 1.0 if reach > 1 else 5.0
    axis.scatter(*cloud.T, s=size, color=color, alpha=0.5, linewidths=0)
    axis.set(xlim=(-reach, reach), ylim=(-reach, reach), xticks=[], yticks=[], aspect="equal")


def flags(parser: command.Parser) -> None:
    parser.add_argument("--seeds", type=command.number(int, 1), default=3, metavar="K",
                        help="how many nets, of seeds S, S + 1 ... (default: 3)")  # fmt: skip
    parser.add_argument("--rates", nargs="+", choices=RATES, default=list(RATES),
                        help="how the learning rate goes (default: both)")  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    return training.main(run, "diffusion_points", 20000, arguments, doc=__doc__, flags=flags)


if __name__ == "__main__":
    sys.exit(main())
