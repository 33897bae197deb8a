"""Diffusion on points of the plane: 25 narrow clouds on a grid (Lin et al. 2018, PacGAN, section 4.1).

The same net is drawn from twice: with the weights of its last step, and with their exponential average.

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
from nn.optim.swa_utils import AveragedModel, get_ema_avg_fn

BATCH, TIMESTEPS, WIDTH, LAYERS, WAVES = 512, 200, 128, 3, 6
STD, DRAWN = 0.05, 2500
WAYS: dict[str, dict[str, Any]] = {"DDPM": {}, "DDIM, 50 steps": {"steps": 50}}


def batch(g: autograd.Generator) -> tuple[Tensor, Tensor]:
    """Points, and points again for a target that nobody looks at."""
    x = Tensor(points.grid(BATCH, std=STD, generator=g))
    return x, x


def model() -> Diffusion:
    network = PointDenoiser(2, WIDTH, LAYERS, waves=WAVES)
    return Diffusion(network, (2,), timesteps=TIMESTEPS, data_range=(-5, 5))


def mean(losses: Any, target: Any) -> Any:
    return losses.mean()


def trained(run: Run, seed: int) -> tuple[nn.Trainer, AveragedModel]:
    autograd.manual_seed(seed)
    diffusion = model()
    average = AveragedModel(diffusion, get_ema_avg_fn(0.999, warmup=True))
    optimizer = nn.optim.Adam(diffusion.parameters(), lr=2e-3)
    data = stage(batch, run.steps, seed + 1_000_000)
    return run.train(f"points{seed}", diffusion, mean, optimizer, data, average=average), average


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
    minutes, first = 0.0, None
    count = 100 if run.quick else DRAWN
    for seed in seeds:
        trainer, average = trained(run, seed)
        minutes += seconds(trainer) / 60
        nets = {"average": average.module, "last weights": trainer.model}
        first = first or (trainer.model, average.module)
        for name, diffusion in nets.items():
            for way, options in WAYS.items():
                numbers.setdefault((name, way), []).append(measured(drawn(diffusion, seed, count, **options)))
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
        f"{run.steps} updates of {BATCH}, {minutes / len(seeds):.1f} min; seeds {', '.join(map(str, seeds))}"
    )
    print(table(["weights", "way", "modes", "high quality, %", "KL", "width"], rows))
    assert first is not None
    draw(*first, run, count)


def process(
    diffusion: Diffusion, seed: int, count: int, frames: int
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Points step by step into noise, and noise step by step into points."""
    data = Tensor(points.grid(count, std=STD, seed=seed))
    autograd.manual_seed(seed)
    noise = autograd.randn(count, 2)
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
    ends = {"the data": into[0], "average": back[-1], "last weights": drawn(last, run.seed, count)}
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


def main(arguments: Sequence[str] | None = None) -> int:
    return training.main(run, "diffusion_points", 20000, arguments, doc=__doc__, flags=flags)


if __name__ == "__main__":
    sys.exit(main())
