"""Is the number of ones so far odd? One bit of memory answers that for a sequence of any length.

An RNN learns it on sequences of up to 50 bits and is then asked about 500. A window over the last 50 bits
gets the same training. Beyond 50 no window can be right more often than by chance: what it does not see is as
likely odd as even.
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
from docs.examples.models import Recurrent, Window, width_for
from docs.examples.training import Run, parameters, seconds, stage, table

TRAINED, TESTED, BATCH, WIDTH = 50, 500, 64, 32
# Short sequences first (each prefix of a sequence is one, too): the share of the updates at each length.
STAGES = [(10, 0.5), (20, 0.25), (TRAINED, 0.25)]


def batch(g: autograd.Generator, length: int, count: int = BATCH) -> tuple[Tensor, Tensor]:
    """Bits (T, N, 1), and whether the ones up to each place are odd."""
    bits = g.integers(0, 2, (length, count, 1))
    return Tensor(bits.astype(np.float32)), Tensor((bits.cumsum(0) % 2).astype(np.float32))


def accuracy(model: nn.Module, seed: int, count: int) -> np.ndarray[Any, Any]:
    """The share of right answers after 1, 2 ... 500 bits of `count` new sequences."""
    bits, odd = batch(autograd.Generator(seed), TESTED, count)
    with autograd.no_grad():
        return ((model(bits).data > 0) == (odd.data > 0.5)).mean((1, 2))


def trained(run: Run, name: str, model: nn.Module) -> nn.Trainer:
    stages = [
        stage(lambda g, n=length: batch(g, n), round(run.steps * share), run.seed + length)
        for length, share in STAGES
    ]
    optimizer = nn.optim.Adam(model.parameters(), lr=3e-3)
    return run.train(name, model, nn.BCEWithLogitsLoss(), optimizer, *stages, clip_norm=1.0)


def run(run: Run) -> None:
    rnn = Recurrent(nn.RNN, 1, WIDTH, 1)
    window = Window(TRAINED, 1, width_for(parameters(rnn), TRAINED, 1), 1)
    count = 100 if run.quick else 1000
    curves, rows = {}, []
    for name, model in (("RNN", rnn), ("window", window)):
        trainer = trained(run, name.lower(), model)
        curve = curves[name] = accuracy(model, run.seed + 1_000_000, count)
        shown = [f"{100 * curve[length - 1]:.1f}%" for length in (10, TRAINED, TESTED)]
        rows.append([name, f"{parameters(model):,}", *shown, f"{seconds(trainer):.1f} s"])
    print(f"parity: right answers for {count} new sequences, after {run.steps} updates, seed {run.seed}")
    print(table(["net", "parameters", "10 bits", f"{TRAINED}", f"{TESTED}", "training"], rows))
    draw(curves, run)


def draw(curves: dict[str, np.ndarray[Any, Any]], run: Run) -> None:
    from docs.examples import pictures  # matplotlib takes a second

    figure, axes = pictures.figure(6.6, 2.6)
    lengths = np.arange(1, TESTED + 1)
    axes.axvspan(0, TRAINED, color=pictures.NAIVE, alpha=0.25, lw=0)
    axes.text(TRAINED + 5, 0.75, "trained on\nthis length", va="center", color=pictures.QUIET)
    axes.axhline(0.5, color=pictures.NAIVE, lw=1, ls="--")
    axes.plot(lengths, curves["window"], color=pictures.WINDOW, lw=1.2)
    axes.plot(lengths, curves["RNN"], color=pictures.RNN, lw=2)
    axes.text(TESTED, curves["RNN"][-1] - 0.03, "RNN", ha="right", va="top", color=pictures.RNN)
    axes.text(TESTED, 0.55, "feed-forward window of 50", ha="right", va="bottom", color=pictures.WINDOW)
    axes.set(xlabel="bits", title="Is the number of ones odd?", xlim=(0, TESTED), ylim=(0.4, 1.03))
    axes.set_yticks([0.5, 0.75, 1], ["50%", "75%", "100%"])
    pictures.write(figure, run.folder / "parity.png")


def main(arguments: Sequence[str] | None = None) -> int:
    return training.main(run, "parity", 20_000, arguments, doc=__doc__)


if __name__ == "__main__":
    sys.exit(main())
