"""Two series that everybody knows: airline passengers by the month, and sunspots by the year.

The last two years of the one and the last thirty of the other are held out. A GRU and a feed-forward
window of the same size learn from the rest, for as many updates, from several seeds; beside them stands the
forecast that needs no learning: as it was a season ago. Errors are MASE (Hyndman and Koehler 2006): mean
absolute errors in units of the error that the seasonal forecast makes, one step ahead, where nets train.

  1 step     each forecast is made from the true past
  all ahead  the whole stretch is forecast at once, each answer the next input

What was to choose (updates, what the change is counted from) was chosen with --before, on the stretch of
the same length before the one that is held out.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import autograd
import nn
from apps import command
from autograd import Tensor
from docs.examples import training
from docs.examples.models import Recurrent, Window, closed_loop, width_for
from docs.examples.training import Run, Stream, parameters, table

Array = np.ndarray[Any, Any]
DATA = Path(__file__).parent / "data"
WIDTH = 16


@dataclass
class Series:
    """A series and how it is forecast.

    season   steps in a season;  held  steps that are held out;  first, unit  of the time axis
    lag      nets learn the change from `lag` steps before
    reach    steps that the window sees
    share    of the updates (the sunspots are learned by heart early)
    scaled, back   to numbers whose swings are alike everywhere, and back
    """

    name: str
    season: int
    held: int
    first: int
    unit: float
    lag: int
    reach: int
    share: float
    scaled: Callable[[Array], Array]
    back: Callable[[Array], Array]

    def numbers(self) -> Array:
        lines = (DATA / f"{self.name}.txt").read_text().splitlines()
        return np.array([number for line in lines if line[0] != "#" for number in line.split()], np.float64)

    def times(self, count: int) -> Array:
        return self.first + self.unit * np.arange(count)


def squares(x: Array) -> Array:
    return np.maximum(x, 0) ** 2


SERIES = [
    Series("airline", 12, 24, 1949, 1 / 12, 12, 13, 1, np.log, np.exp),
    Series("sunspots", 11, 30, 1700, 1, 1, 12, 1 / 6, np.sqrt, squares),
]


def mase(forecast: Array, x: Array, series: Series) -> float:
    """The error of a forecast of the last numbers of x."""
    known = x[: -series.held]
    usual = np.abs(known[series.season :] - known[: -series.season]).mean()
    return float(np.abs(forecast - x[-series.held :]).mean() / usual)


def forecast(model: Recurrent | Window, x: Array, series: Series, run: Run, name: str) -> tuple[Array, Array]:
    """Train `model` on all but the last numbers of x; forecasts of those, one step and all ahead."""
    count, lag = len(x) - series.held, series.lag
    scaled = series.scaled(x)
    mean, std = scaled[:count].mean(), scaled[:count].std()
    z = ((scaled - mean) / std).astype(np.float32)[:, None, None]
    changes = z[lag:] - z[:-lag]  # changes[i] is how z came to i + lag
    scale = float(changes[: count - lag].std())
    skip = max(lag, series.reach) - 1  # of inputs, so that both nets see whole windows
    given, asked = Tensor(z[: count - 1]), Tensor(changes[skip + 1 - lag : count - lag] / scale)

    def loss(output: Tensor, change: Tensor) -> Any:
        return ((output[skip:] - change) ** 2).mean()

    steps = max(round(run.steps * series.share), 1)
    optimizer = nn.optim.Adam(model.parameters(), lr=1e-2)
    once = Stream(lambda g: (given, asked), max(steps // 20, 1))
    schedule = nn.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps // len(once))
    run.train(name, model, loss, optimizer, (once, steps // len(once)), scheduler=schedule, keep=False)
    with autograd.no_grad():
        change = model(Tensor(z[:-1])).data[count - 1 :] * scale
    one = z[count - lag : len(z) - lag] + change
    ahead = closed_loop(model, z[:count], series.held, lag, scale)
    one, ahead = (series.back(y[:, 0, 0].astype(np.float64) * std + mean) for y in (one, ahead))
    return one, ahead


def seasonal(x: Array, series: Series) -> tuple[Array, Array]:
    """As it was a season ago: one step ahead, and all ahead (the last season again and again)."""
    start = len(x) - series.held
    last = x[start - series.season : start]
    return x[start - series.season : len(x) - series.season], np.resize(last, series.held)


def run(run: Run) -> None:
    seeds = run.options.seeds or (2 if run.quick else 5)
    found = {}
    rows = []
    for series in SERIES:
        x = series.numbers()
        if run.options.before:
            x = x[: -series.held]
        budget = parameters(Recurrent(nn.GRU, 1, WIDTH, 1))
        nets: dict[str, Callable[[], Recurrent | Window]] = {
            "GRU": lambda: Recurrent(nn.GRU, 1, WIDTH, 1),
            "window": lambda n=series.reach, b=budget: Window(n, 1, width_for(b, n, 1), 1),
        }
        results: dict[str, list[tuple[Array, Array]]] = {"season ago": [seasonal(x, series)]}
        for name, make in nets.items():
            results[name] = []
            for seed in range(run.seed, run.seed + seeds):
                autograd.manual_seed(seed)
                results[name].append(forecast(make(), x, series, run, f"{series.name} {name} {seed}"))
        for name, pairs in results.items():
            size = f"{parameters(nets[name]()):,}" if name in nets else "0"
            rows.append([f"{series.name}, {name}", size, *(spread(pairs, i, x, series) for i in (0, 1))])
        found[series.name] = results
    print(f"forecasts: MASE, mean and deviation over {seeds} seeds; {run.steps} updates, sunspots a sixth")
    print(table(["series, net", "parameters", "1 step", "all ahead"], rows))
    if not run.options.before:
        draw(found, run)


def spread(pairs: Sequence[tuple[Array, Array]], which: int, x: Array, series: Series) -> str:
    errors = [mase(pair[which], x, series) for pair in pairs]
    return f"{np.mean(errors):.2f}" + (f" +- {np.std(errors):.2f}" if len(errors) > 1 else "")


def draw(found: dict[str, dict[str, list[tuple[Array, Array]]]], run: Run) -> None:
    from docs.examples import pictures  # matplotlib takes a second

    colors = {"season ago": pictures.NAIVE, "GRU": pictures.GRU, "window": pictures.WINDOW}
    figure, panels = pictures.figure(9, 3, columns=2)
    titles = ["Airline passengers, thousands: all ahead", "Sunspots: one year ahead"]
    for axes, series, title, which in zip(panels, SERIES, titles, (1, 0), strict=True):
        x = series.numbers()
        times, shown = series.times(len(x)), 3 * series.held
        axes.plot(times[-shown:], x[-shown:], color=pictures.TRUTH, lw=3, alpha=0.3, label="truth")
        for name, pairs in found[series.name].items():
            mean = np.mean([pair[which] for pair in pairs], 0)
            dashes = "--" if name == "season ago" else "-"
            axes.plot(times[-series.held :], mean, color=colors[name], lw=1.5, ls=dashes, label=name)
        axes.axvline(times[-series.held] - series.unit / 2, color=pictures.NAIVE, lw=1)
        axes.set_title(title)
        axes.set_ylim(0)
    panels[0].legend(loc="lower left", ncols=2, fontsize=8)
    pictures.write(figure, run.folder / "forecasts.png")


def flags(parser: command.Parser) -> None:
    parser.add_argument("--seeds", type=command.number(int, 1), metavar="N",
                        help="from how many seeds each net learns (default: 5, --quick: 2)")  # fmt: skip
    parser.add_argument("--before", action="store_true", help="forecast the stretch before, to choose by")


def main(arguments: Sequence[str] | None = None) -> int:
    return training.main(run, "forecasts", 600, arguments, doc=__doc__, flags=flags)


if __name__ == "__main__":
    sys.exit(main())
