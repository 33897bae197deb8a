"""Recurrent cells, and the way of one layer in one direction: a cell is a layer of one step.

Weights come with the input's first (weight_ih), then the state's (weight_hh). Where both biases are added to
the same thing they are added up first: then their gradient is one sum over all steps, not two.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

import autograd
from autograd import Tensor
from autograd.ops import recurrent
from autograd.tape import traced_constant
from nn import init
from nn.module import Module
from nn.parameter import Parameter

__all__ = ["GRUCell", "LSTMCell", "RNNCell"]

Sizes = tuple[int, ...] | None


class Weights(NamedTuple):
    """The parameters of one layer in one direction."""

    weight_ih: Any
    weight_hh: Any
    bias_ih: Any = None
    bias_hh: Any = None
    weight_hr: Any = None

    def both_biases(self) -> Any:
        return None if self.bias_ih is None else self.bias_ih + self.bias_hh


# One layer in one direction: x (T, N, I), or packed (rows, I), and the states at its beginning (None: zeros)
# give the outputs of all steps, and the last of each state.


def rnn_over_time(
    x: Any, weights: Weights, state: Sequence[Any], nonlinearity: str, sizes: Sizes, reverse: bool
) -> Any:
    a = autograd.linear(x, weights.weight_ih, weights.both_biases())
    return recurrent.rnn(a, weights.weight_hh, None, state[0], nonlinearity, sizes, reverse)


def gru_over_time(x: Any, weights: Weights, state: Sequence[Any], sizes: Sizes, reverse: bool) -> Any:
    a = autograd.linear(x, weights.weight_ih, weights.bias_ih)
    return recurrent.gru(a, weights.weight_hh, weights.bias_hh, state[0], sizes, reverse)


def lstm_over_time(x: Any, weights: Weights, state: Sequence[Any], sizes: Sizes, reverse: bool) -> Any:
    a = autograd.linear(x, weights.weight_ih, weights.both_biases())
    if weights.weight_hr is not None:
        return projected_lstm(a, weights.weight_hh, weights.weight_hr, state, sizes, reverse)
    return recurrent.lstm(a, weights.weight_hh, None, state[0], state[1], sizes, reverse)


def projected_lstm(
    a: Any, weight: Any, projection: Any, state: Sequence[Any], sizes: Sizes, reverse: bool
) -> Any:
    """An LSTM whose h is the product of its gated output with `projection` (Sak et al. 2014)."""
    count = sizes[0] if sizes else a.shape[1]
    h, c = (
        autograd.as_tensor(traced_constant(np.zeros((count, width), a.dtype))) if given is None else given
        for given, width in zip(state, projection.shape, strict=True)
    )

    def cell(a: Any, weight: Any, bias: Any, state: Any) -> Any:
        h, c = recurrent.lstm_cell(a, weight, bias, state)
        return autograd.linear(h, projection), c

    return recurrent.unrolled(cell, a, weight, None, (h, c), sizes, reverse)


# Checks ------------------------------------------------------------------------------------------


def check_positive(name: str, **sizes: Any) -> None:
    for what, size in sizes.items():
        if isinstance(size, bool) or not isinstance(size, int | np.integer) or size <= 0:
            raise ValueError(f"{name}: {what} must be a positive integer, got {size!r}")


def check_tensor(name: str, x: Any, wanted: str = "a tensor") -> None:
    if not isinstance(x, Tensor | np.ndarray):
        raise TypeError(f"{name}: want {wanted} as input, got a {type(x).__name__}")


def check_nonlinearity(name: str, nonlinearity: Any) -> None:
    if nonlinearity not in ("tanh", "relu"):
        raise ValueError(f'{name}: nonlinearity must be "tanh" or "relu", got {nonlinearity!r}')


def check_state(name: str, what: str, given: Any, shape: tuple[int, ...], dtype: Any) -> None:
    """Whether a state that was given fits (None does)."""
    if given is None:
        return
    if not isinstance(given, Tensor):
        pairs = "; a pair (h, c) is an LSTM's" if isinstance(given, tuple | list) else ""
        raise TypeError(
            f"{name}: {what} must be a tensor of shape {shape}, got a {type(given).__name__}{pairs}"
        )
    if tuple(given.shape) != shape:
        raise ValueError(f"{name}: {what} of shape {tuple(given.shape)} given, want {shape}")
    if given.dtype != dtype:
        raise TypeError(f"{name}: {what} of {given.dtype} for an input of {dtype}: cast one")


def pair(name: str, hx: Any) -> tuple[Any, Any]:
    """An LSTM's state, given as a pair or not at all."""
    if hx is None:
        return None, None
    if not isinstance(hx, tuple | list) or len(hx) != 2:
        got = f"a tensor of shape {tuple(hx.shape)}" if isinstance(hx, Tensor) else f"{hx!r:.60}"
        raise TypeError(f"{name}: the state must be a pair (h, c), got {got}")
    return hx[0], hx[1]


# Cells -------------------------------------------------------------------------------------------


class Gated(Module):
    """What cells and layers share: how many gates they have, and weights that begin uniform in
    +-1 / sqrt(hidden_size)."""

    gates = 1  # how many rows of the weights there are to each of the state
    hidden_size: int

    def reset_parameters(self) -> None:
        bound = 1.0 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)


class Cell(Gated):
    """What cells share: weight_ih (G H, input_size), weight_hh (G H, H), bias_ih and bias_hh (G H,), and the
    way of one step."""

    nonlinearity = "tanh"

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, dtype: Any = None) -> None:
        super().__init__()
        check_positive(type(self).__name__, input_size=input_size, hidden_size=hidden_size)
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        rows = self.gates * hidden_size
        self.weight_ih = Parameter(autograd.empty(rows, input_size, dtype=dtype))
        self.weight_hh = Parameter(autograd.empty(rows, hidden_size, dtype=dtype))
        self.bias_ih = Parameter(autograd.empty(rows, dtype=dtype)) if bias else None
        self.bias_hh = Parameter(autograd.empty(rows, dtype=dtype)) if bias else None
        self.reset_parameters()

    def over_time(self, x: Any, weights: Weights, state: Sequence[Any]) -> Any:
        raise NotImplementedError

    def step(self, input: Any, *state: Any) -> list[Any]:
        """Each state after one step."""
        name = type(self).__name__
        check_tensor(name, input)
        shape = tuple(input.shape)
        if len(shape) not in (1, 2) or shape[-1] != self.input_size:
            raise ValueError(
                f"{name}: want an input (N, {self.input_size}) or ({self.input_size},), got shape {shape}"
            )
        if input.dtype != self.weight_ih.dtype:
            raise TypeError(
                f"{name}: an input of {input.dtype} and weights of {self.weight_ih.dtype}: cast one"
            )
        for what, h in zip("hc", state, strict=False):
            check_state(name, what, h, (*shape[:-1], self.hidden_size), input.dtype)
        batched = len(shape) == 2
        if not batched:
            state = tuple(h if h is None else autograd.unsqueeze(h, 0) for h in state)
        x = autograd.reshape(input, (1, -1, self.input_size))
        weights = Weights(self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)
        _, *last = self.over_time(x, weights, state)
        return last if batched else [autograd.squeeze(h, 0) for h in last]

    def forward(self, input: Any, hx: Any = None) -> Any:
        return self.step(input, hx)[0]

    def extra_repr(self) -> str:
        nonlinearity = "" if self.nonlinearity == "tanh" else f", nonlinearity={self.nonlinearity}"
        return (
            f"{self.input_size}, {self.hidden_size}{'' if self.bias else f', bias={self.bias}'}{nonlinearity}"
        )


class RNNCell(Cell):
    """One step of nn.RNN: input (N, input_size) and h (N, hidden_size), zeros if not given -> the next h;
    without a batch no N. A ValueError (shapes) or TypeError (types) names what doesn't fit.

    >>> import autograd, nn
    >>> cell, h = nn.RNNCell(3, 5), None
    >>> for x in autograd.ones(7, 2, 3):
    ...     h = cell(x, h)
    >>> h.shape
    (2, 5)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        dtype: Any = None,
    ) -> None:
        check_nonlinearity("RNNCell", nonlinearity)
        super().__init__(input_size, hidden_size, bias, dtype)
        self.nonlinearity = nonlinearity

    def over_time(self, x: Any, weights: Weights, state: Sequence[Any]) -> Any:
        return rnn_over_time(x, weights, state, self.nonlinearity, None, False)


class GRUCell(Cell):
    """One step of nn.GRU; called as RNNCell."""

    gates = 3

    def over_time(self, x: Any, weights: Weights, state: Sequence[Any]) -> Any:
        return gru_over_time(x, weights, state, None, False)


class LSTMCell(Cell):
    """One step of nn.LSTM: input (N, input_size) and a pair (h, c), each (N, hidden_size) -> the next pair.

    >>> import autograd, nn
    >>> h, c = nn.LSTMCell(3, 5)(autograd.ones(2, 3))
    >>> h.shape, c.shape
    ((2, 5), (2, 5))
    """

    gates = 4

    def over_time(self, x: Any, weights: Weights, state: Sequence[Any]) -> Any:
        return lstm_over_time(x, weights, state, None, False)

    def forward(self, input: Any, hx: Any = None) -> Any:
        return tuple(self.step(input, *pair("LSTMCell", hx)))
