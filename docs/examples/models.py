"""The two kinds of net that the examples compare. Sequences are (T, N, features): time, batch, features."""

from __future__ import annotations

from typing import Any

import numpy as np

import autograd
import nn
from autograd import Tensor

Array = np.ndarray[Any, Any]

__all__ = ["Recurrent", "Window", "closed_loop", "remember", "width_for"]


class Recurrent(nn.Module):
    """A recurrent layer and a linear one behind it: x (T, N, inputs) -> (T, N, outputs).

    layer   nn.RNN, nn.GRU or nn.LSTM
    last    True to answer after the last step alone: (N, outputs)
    """

    def __init__(self, layer: Any, inputs: int, width: int, outputs: int, last: bool = False) -> None:
        super().__init__()
        self.layer = layer(inputs, width)
        self.head = nn.Linear(width, outputs)
        self.last = last

    def forward(self, x: Tensor) -> Any:
        return self.advance(x)[0]

    def advance(self, x: Tensor, state: Any = None) -> tuple[Any, Any]:
        """The outputs, and the state behind the last step, from which the next call can go on."""
        states, state = self.layer(x, state)
        return self.head(states[-1] if self.last else states), state


def remember(layer: Any, steps: int) -> None:
    """Set the biases of a GRU or LSTM so that its states last up to `steps` steps before anything is
    learned, some long, some short: the chrono initialisation (Tallec and Ollivier 2018)."""
    times = autograd.rand(layer.hidden_size).data * (steps - 2) + 1
    bias = np.zeros((layer.gates, layer.hidden_size), np.float32)
    bias[1] = np.log(times)  # GRU: the update gate; LSTM: the forget gate
    if layer.gates == 4:
        bias[0] = -bias[1]  # the less is let in
    with autograd.no_grad():
        layer.bias_ih_l0.copy_(Tensor(bias.ravel()))
        layer.bias_hh_l0.zero_()


class Window(nn.Module):
    """A feed-forward net that sees the last `reach` steps and nothing else: the same in every place in time.

    x (T, N, inputs) -> (T, N, outputs), or (N, outputs) with `last`. Before the beginning stand zeros. It has
    `layers` hidden layers of `width` tanh units.
    """

    def __init__(
        self, reach: int, inputs: int, width: int, outputs: int, last: bool = False, layers: int = 1
    ) -> None:
        super().__init__()
        self.reach = reach
        self.last = last
        hidden: list[nn.Module] = []
        for i in range(layers):
            hidden += [nn.Linear(width if i else reach * inputs, width), nn.Tanh()]
        self.net = nn.Sequential(*hidden, nn.Linear(width, outputs))

    def forward(self, x: Tensor) -> Any:
        return self.net(self.windows(x))

    def windows(self, x: Tensor) -> Any:
        """The last `reach` steps before and at each step, oldest first: (T, N, reach * inputs)."""
        count, batch, inputs = x.shape
        if self.last:
            x = x[-self.reach :]
        if not self.last or count < self.reach:
            missing = self.reach - (count if self.last else 1)
            x = autograd.cat([autograd.zeros(missing, batch, inputs, dtype=x.dtype), x])
        if self.last:
            return x.permute(1, 0, 2).reshape(batch, -1)
        return autograd.cat([x[i : i + count] for i in range(self.reach)], -1)


def closed_loop(
    model: Recurrent | Window, past: Array, steps: int, lag: int = 1, scale: float = 1.0
) -> Array:
    """What `model` says comes after `past` (T, N, 1), if it is given its own answers: (steps, N, 1).

    The net's output is the change from `lag` steps before, in units of `scale`.
    """
    seen, state = past, None
    new = Tensor(past)
    with autograd.no_grad():
        for _ in range(steps):
            if isinstance(model, Recurrent):
                change, state = model.advance(new, state)  # the state knows what came before
            else:
                change = model(Tensor(seen[-model.reach :]))
            value = seen[-lag][None] + scale * change[-1:].data
            seen, new = np.concatenate([seen, value]), Tensor(value)
    return seen[len(past) :]


def width_for(budget: int, inputs: int, outputs: int) -> int:
    """The width of one hidden layer that spends about `budget` parameters.

    >>> net = Window(50, 1, width_for(1153, 50, 1), 1)
    >>> sum(p.numel() for p in net.parameters())
    1145
    """
    return round((budget - outputs) / (inputs + 1 + outputs))
