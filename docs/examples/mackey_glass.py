"""A chaotic series goes on by itself: nets learn the next step of Mackey and Glass's equation.

    dx/dt = 0.2 x(t - 17) / (1 + x(t - 17)^10) - 0.1 x(t)            (Mackey and Glass 1977, Science 197)

x is 1.2 until t = 0; Runge and Kutta's fourth order with steps of 0.1 (the delayed value between two steps
by cubic interpolation); the first 1000 units of time are dropped, then one number is kept a unit. Nets learn
from 3000 numbers, and are tested on those behind: in a *closed loop* each step's answer is the next step's
input. The measure is NRMSE 84: the error after 84 such steps over many starts, in standard deviations of the
series (as Jaeger and Haas 2004).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

import autograd
import nn
from autograd import Tensor
from docs.examples import training
from docs.examples.models import Recurrent, Window, closed_loop
from docs.examples.training import Run, parameters, seconds, stage, table

Array = np.ndarray[Any, Any]

TRAINING, LENGTH, BATCH, WIDTH = 3000, 150, 32, 32
WARM = 50  # steps of a sequence on which nothing is asked: what came before it is not known
PAST, HORIZON, MEASURED = 300, 300, 84


def series(count: int, delay: float = 17.0, step: float = 0.1, dropped: int = 1000) -> Array:
    """`count` numbers of the Mackey-Glass series, one a unit of time, in float64.

    >>> x = series(200)
    >>> bool(x.min() > 0.2), bool(x.max() < 1.4)
    (True, True)
    """
    lag, each = round(delay / step), round(1 / step)
    steps = (dropped + count - 1) * each
    x = [1.2] * (lag + 2)  # x[i] is at time (i - lag - 1) * step

    def slope(now: float, before: float) -> float:
        return 0.2 * before / (1 + before**10) - 0.1 * now

    for i in range(lag + 1, lag + 1 + steps):
        now, (a, b, c, d) = x[i], x[i - lag - 1 : i - lag + 3]
        between = (9 * (b + c) - a - d) / 16
        k1 = slope(now, b)
        k2 = slope(now + step / 2 * k1, between)
        k3 = slope(now + step / 2 * k2, between)
        k4 = slope(now + step * k3, c)
        x.append(now + step / 6 * (k1 + 2 * k2 + 2 * k3 + k4))
    return np.array(x[lag + 1 + dropped * each :: each])


def pieces(x: Array, starts: Array, length: int) -> Array:
    """(length, len(starts), 1): the stretches of x that begin at `starts`."""
    return x[starts + np.arange(length)[:, None], None]


def error(output: Tensor, change: Tensor) -> Any:
    """The squared error of the predicted changes, once the net has seen WARM steps."""
    return ((output[WARM:] - change[WARM:]) ** 2).mean()


def run(run: Run) -> None:
    length, tests = (60, 200) if run.quick else (LENGTH, 6500)
    x = series(TRAINING + PAST + HORIZON + tests)
    x = ((x - x[:TRAINING].mean()) / x[:TRAINING].std()).astype(np.float32)

    def batch(g: autograd.Generator) -> tuple[Tensor, Tensor]:
        """Sequences, and the change from each step to the next."""
        found = pieces(x, g.integers(0, TRAINING - length, (BATCH,)), length + 1)
        return Tensor(found[:-1]), Tensor(found[1:] - found[:-1])

    gru, lstm = Recurrent(nn.GRU, 1, WIDTH, 1), Recurrent(nn.LSTM, 1, WIDTH, 1)
    budget = parameters(gru)
    nets: dict[str, nn.Module] = {"GRU": gru, "LSTM": lstm}
    for reach in (20, 6):
        nets[f"window of {reach}"] = Window(reach, 1, two_layers(budget, reach), 1, layers=2)

    starts = TRAINING + np.arange(0, tests, 13)
    past, future = (pieces(x, starts + skip, n) for skip, n in ((0, PAST), (PAST, HORIZON)))
    loops, rows = {}, []
    for name, model in nets.items():
        optimizer = nn.optim.Adam(model.parameters(), lr=5e-3)
        stream, epochs = stage(batch, run.steps, run.seed + 1)
        schedule = nn.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
        file = name.lower().replace(" ", "-")
        trainer = run.train(
            file, model, error, optimizer, (stream, epochs), scheduler=schedule, clip_norm=1.0
        )
        loops[name] = closed_loop(model, past, HORIZON)
        errors = nrmse(loops[name], future, x)
        shown = [f"{errors[step - 1]:.4f}" for step in (1, MEASURED)]
        rows.append([name, f"{parameters(model):,}", *shown, f"{seconds(trainer):.0f} s"])
    print(f"Mackey-Glass: NRMSE over {len(starts)} starts, after {run.steps} updates, seed {run.seed}")
    print(table(["net", "parameters", "1 step", f"{MEASURED} steps", "training"], rows))
    draw(loops, future, x, run)


def nrmse(loop: Array, future: Array, x: Array) -> Array:
    """The error at each step of a closed loop, in standard deviations of the series."""
    return np.sqrt(((loop - future) ** 2).mean((1, 2))) / x.std()


def two_layers(budget: int, reach: int) -> int:
    """The width of two hidden layers that spends about `budget` parameters."""
    return round(((reach + 3) ** 2 / 4 + budget) ** 0.5 - (reach + 3) / 2)


def draw(loops: dict[str, Array], future: Array, x: Array, run: Run) -> None:
    from docs.examples import pictures  # matplotlib takes a second

    figure, (left, right) = pictures.figure(9, 3, columns=2, width_ratios=[2, 1])
    colors = [pictures.GRU, pictures.LSTM, pictures.WINDOW, pictures.OTHER]
    place = future.shape[1] // 2
    left.plot(future[:, place, 0], color=pictures.TRUTH, lw=3, alpha=0.3, label="truth")
    for (name, loop), color in zip(loops.items(), colors, strict=True):
        left.plot(loop[:, place, 0], color=color, lw=1.2, label=name)
        right.plot(np.arange(1, HORIZON + 1), nrmse(loop, future, x), color=color, lw=1.5)
    low, high = future.min(), future.max()
    left.set(xlim=(0, HORIZON), ylim=(low - 1, high + 0.5), xlabel="steps alone")
    left.set_title("Mackey-Glass in a closed loop")
    left.legend(ncols=5, loc="lower left", fontsize=8, columnspacing=1, handlelength=1.2)
    right.axvline(MEASURED, color=pictures.NAIVE, lw=1, ls="--")
    right.text(MEASURED + 5, 0.03, f"{MEASURED}", color=pictures.QUIET, transform=right.get_xaxis_transform())
    right.set(yscale="log", xlim=(0, HORIZON), ylim=(None, 2), xlabel="steps alone", title="NRMSE")
    pictures.write(figure, run.folder / "mackey_glass.png")


def main(arguments: Sequence[str] | None = None) -> int:
    return training.main(run, "mackey_glass", 10_000, arguments, doc=__doc__)


if __name__ == "__main__":
    sys.exit(main())
