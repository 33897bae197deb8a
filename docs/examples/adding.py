"""The adding problem (Hochreiter and Schmidhuber 1997): 200 steps, each a random number and a mark.

Two numbers are marked, one of the first ten and one before the middle; the answer, at the end, is their sum.

So the last hundred steps say nothing, and a net must keep both numbers through them. (Numbers are uniform in
[0, 1] here, as in later papers. The variance of the sum is then 1/6: the error of always answering 1.)
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
from docs.examples.models import Recurrent, Window, remember, width_for
from docs.examples.training import Run, parameters, seconds, stage, table

LENGTH, BATCH, WIDTH, REACH = 200, 50, 64, 100
NETS = {"LSTM": nn.LSTM, "GRU": nn.GRU}


def batch(g: autograd.Generator, count: int = BATCH, length: int = LENGTH) -> tuple[Tensor, Tensor]:
    """Numbers and marks (T, N, 2), and the sums (N, 1)."""
    numbers = g.uniform((length, count))
    marks = np.zeros_like(numbers)
    head = min(10, length // 4)
    for low, high in ((0, head), (head, length // 2)):
        marks[g.integers(low, high, (count,)), np.arange(count)] = 1
    sums = (numbers * marks).sum(0)[:, None]
    return Tensor(np.stack([numbers, marks], -1)), Tensor(sums)


def recurrent(kind: str) -> Recurrent:
    net = Recurrent(NETS[kind], 2, WIDTH, 1, last=True)
    remember(net.layer, LENGTH)
    return net


def length(run: Run) -> int:
    return 40 if run.quick else LENGTH


def trained(run: Run, name: str, model: nn.Module) -> nn.Trainer:
    optimizer = nn.optim.Adam(model.parameters(), lr=3e-3)
    stream, epochs = stage(lambda g: batch(g, BATCH, length(run)), run.steps, run.seed + 1)
    schedule = nn.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    loss = nn.MSELoss()
    return run.train(name, model, loss, optimizer, (stream, epochs), scheduler=schedule, clip_norm=1.0)


def error(model: nn.Module, run: Run) -> float:
    """The mean squared error for new sequences, 1000 of them."""
    x, sums = batch(autograd.Generator(run.seed + 1_000_000), 50 if run.quick else 1000, length(run))
    with autograd.no_grad():
        return float(((model(x) - sums) ** 2).mean().item())


def run(run: Run) -> None:
    nets: dict[str, nn.Module] = {kind: recurrent(kind) for kind in NETS}
    budget = parameters(nets["LSTM"])
    nets["window"] = Window(REACH, 2, width_for(budget, 2 * REACH, 1), 1, last=True)
    histories, rows = {}, []
    for name, model in nets.items():
        trainer = trained(run, name.lower(), model)
        histories[name] = trainer.history
        found = error(model, run)
        rows.append([name, f"{parameters(model):,}", f"{found:.1e}", f"{seconds(trainer):.0f} s"])
    rows.append(["always 1", "0", f"{1 / 6:.1e}", ""])
    print(f"adding: errors for new sequences of {length(run)}, after {run.steps} updates, seed {run.seed}")
    print(table(["net", "parameters", "squared error", "training"], rows))
    draw(histories, run)


def draw(histories: dict[str, list[dict[str, Any]]], run: Run) -> None:
    from docs.examples import pictures  # matplotlib takes a second

    figure, axes = pictures.figure(6.6, 2.8)
    axes.axhline(1 / 6, color=pictures.NAIVE, lw=1, ls="--")
    for name, history in histories.items():
        color = pictures.COLORS[name]
        steps = [record["epoch"] * run.steps / len(history) for record in history]
        losses = [record["loss"] for record in history]
        axes.plot(steps, losses, color=color, lw=1.8)
        beside = {"LSTM": "bottom", "GRU": "top"}.get(name, "center")
        axes.text(1.01 * run.steps, losses[-1], name, color=color, va=beside)
    axes.set(yscale="log", xlim=(0, run.steps), xlabel="updates", title="Adding two numbers, squared error")
    pictures.write(figure, run.folder / "adding.png")


def main(arguments: Sequence[str] | None = None) -> int:
    return training.main(run, "adding", 5000, arguments, doc=__doc__)


if __name__ == "__main__":
    sys.exit(main())
