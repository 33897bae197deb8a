"""How far back does a gradient reach? Its norm at each of 200 steps, for an RNN, an LSTM and a GRU.

The loss is the error of the last answer to the adding problem. What of its gradient arrives at the state
of step t is what can be learned about step t. In an RNN each step multiplies it by the same weights and by
slopes of tanh, so that it shrinks (or grows) as a power of the distance (Bengio, Simard and Frasconi 1994).
A gate may keep it whole: h' = z h + ..., with z near 1 where there is something to remember.

Nets are looked at untrained, as nn.RNN, nn.LSTM and nn.GRU begin; with the biases of their gates set to
remember (models.remember); and trained. With `--out runs/adding --resume` the LSTM and the GRU that adding.py
trained are taken over.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

import autograd
import nn
from autograd import Tensor
from docs.examples import adding, training
from docs.examples.models import Recurrent, remember
from docs.examples.training import Run, parameters, table

Array = np.ndarray[Any, Any]
LAYERS = {"RNN": (nn.RNN, nn.RNNCell), "LSTM": (nn.LSTM, nn.LSTMCell), "GRU": (nn.GRU, nn.GRUCell)}


def gradients(model: Recurrent, x: Tensor, target: Tensor) -> Array:
    """The norm of d loss / d state after each step of x (T, N, 2), relative to that after the last.

    The net goes step by step, so that each state is a tensor of its own, which keeps its gradient; and in
    float64, in which small ones are no zeros. An LSTM's state is h and c together.
    """
    kind = type(model.layer).__name__
    cell = LAYERS[kind][1](model.layer.input_size, model.layer.hidden_size, dtype=np.float64)
    weights = {name.removesuffix("_l0"): p for name, p in model.layer.state_dict().items()}
    cell.load_state_dict({name: p.double() for name, p in weights.items()})
    states: list[tuple[Tensor, ...]] = []
    state: Any = None
    for step in x.double():
        state = cell(step, state)
        states.append(state if kind == "LSTM" else (state,))
        for part in states[-1]:
            part.retain_grad()
    weight, bias = model.head.weight.double().detach(), model.head.bias.double().detach()
    ((autograd.linear(states[-1][0], weight, bias) - target.double()) ** 2).sum().backward()
    squares = [sum((p.grad.data**2).sum() for p in parts if p.grad is not None) for parts in states]
    return np.sqrt(np.array(squares) / squares[-1])


def run(run: Run) -> None:
    length = adding.length(run)
    x, sums = adding.batch(autograd.Generator(run.seed + 2_000_000), 16 if run.quick else 64, length)
    norms: dict[str, dict[str, Array]] = {"untrained": {}, "set to remember": {}, "trained": {}}
    shown = (0, length // 2, length - 10)
    rows = []
    for name, (layer, _) in LAYERS.items():
        autograd.manual_seed(run.seed)
        model = Recurrent(layer, 2, adding.WIDTH, 1, last=True)
        norms["untrained"][name] = gradients(model, x, sums)
        if name != "RNN":
            remember(model.layer, adding.LENGTH)
            norms["set to remember"][name] = gradients(model, x, sums)
        adding.trained(run, name.lower(), model)
        norms["trained"][name] = gradients(model, x, sums)
        error = adding.error(model, run)
        for when, found in norms.items():
            if name in found:
                last = f"{error:.1e}" if when == "trained" else ""
                left = [f"{found[name][t]:.1e}" for t in shown]
                rows.append([f"{name}, {when}", f"{parameters(model):,}", *left, last])
    print(f"gradient flow: |d loss / d h_t| / |d loss / d h_T|, T = {length}, seed {run.seed}")
    print(table(["net", "parameters", *(f"t = {t}" for t in shown), "squared error"], rows))
    draw(norms, run)


def draw(norms: dict[str, dict[str, Array]], run: Run) -> None:
    from docs.examples import pictures  # matplotlib takes a second

    figure, (left, right) = pictures.figure(9, 3.2, columns=2, sharey=True)
    for when, axes, dashes in (
        ("untrained", left, "-"),
        ("set to remember", left, ":"),
        ("trained", right, "-"),
    ):
        for name, values in norms[when].items():
            label = name if when != "set to remember" else f"{name}, set to remember"
            axes.plot(values, color=pictures.COLORS[name], ls=dashes, lw=1.8, label=label)
    for axes, title in ((left, "Before training"), (right, "After training on the adding problem")):
        axes.set(yscale="log", xlabel="step t", title=title, ylim=(1e-20, 1e3))
        axes.set_xlim(0, len(norms["trained"]["RNN"]) - 1)
        axes.grid(axis="y")
    left.set_ylabel("|d loss / d h_t|, last step = 1")
    left.legend(fontsize=8, loc="lower left")
    pictures.write(figure, run.folder / "gradient_flow.png")


def main(arguments: Sequence[str] | None = None) -> int:
    return training.main(run, "gradient_flow", 5000, arguments, doc=__doc__)


if __name__ == "__main__":
    sys.exit(main())
