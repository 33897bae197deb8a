"""Recurrent layers: what a step computes depends, through a state, on the steps before it.

Each layer and direction is one product of all steps with the input's weights, then one op that carries the
state through time (autograd.ops.recurrent). The cells of nn.layers.cells are the same for one step.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import autograd
from nn.layers.cells import (
    Gated,
    Sizes,
    Weights,
    check_nonlinearity,
    check_positive,
    check_state,
    check_tensor,
    gru_over_time,
    lstm_over_time,
    pair,
    rnn_over_time,
)
from nn.parameter import Parameter
from nn.utils.rnn import PackedSequence, check_packed

__all__ = ["GRU", "LSTM", "RNN"]


class RNNBase(Gated):
    """What RNN, LSTM and GRU share: parameters of all layers and directions, and the way through them.

    Parameters are named, layer by layer, as in PyTorch: weight_ih_l0 (G H, input_size), weight_hh_l0
    (G H, H), bias_ih_l0 and bias_hh_l0 (G H,), then those of the other direction with `_reverse` behind, then
    layer 1, whose input is the output of layer 0. All start uniform in +-1 / sqrt(hidden_size).
    """

    weight_ih_l0: Parameter

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int,
        bias: bool,
        batch_first: bool,
        dropout: float,
        bidirectional: bool,
        dtype: Any,
        proj_size: int = 0,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        check_positive(name, input_size=input_size, hidden_size=hidden_size, num_layers=num_layers)
        for what, flag in (("bias", bias), ("batch_first", batch_first), ("bidirectional", bidirectional)):
            if not isinstance(flag, bool):
                raise TypeError(f"{name}: {what} must be True or False, got {flag!r}")
        if isinstance(dropout, bool) or not isinstance(dropout, int | float) or not 0 <= dropout <= 1:
            raise ValueError(f"{name}: dropout must be a probability in [0, 1], got {dropout!r}")
        if not isinstance(proj_size, int) or not 0 <= proj_size < hidden_size:
            raise ValueError(
                f"{name}: proj_size must be an integer in [0, hidden_size {hidden_size}), got {proj_size!r}"
            )
        if dropout and num_layers == 1:
            warnings.warn(
                f"{name}: dropout={dropout} acts between layers, so it does nothing with num_layers=1",
                stacklevel=3,
            )
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self.output_size = proj_size or hidden_size
        rows = self.gates * hidden_size
        for layer, suffix in ((i, s) for i in range(num_layers) for s in self.suffixes(i)):
            width = input_size if layer == 0 else self.output_size * self.directions
            for parameter, shape, there in (
                ("weight_ih", (rows, width), True),
                ("weight_hh", (rows, self.output_size), True),
                ("bias_ih", (rows,), bias),
                ("bias_hh", (rows,), bias),
                ("weight_hr", (proj_size, hidden_size), proj_size > 0),
            ):
                if there:
                    setattr(self, f"{parameter}{suffix}", Parameter(autograd.empty(shape, dtype=dtype)))
        self.reset_parameters()

    @property
    def directions(self) -> int:
        return 1 + self.bidirectional

    def suffixes(self, layer: int) -> list[str]:
        """What the names of a layer's parameters end with, for each direction."""
        return [f"_l{layer}", f"_l{layer}_reverse"][: self.directions]

    def weights_of(self, suffix: str) -> Weights:
        return Weights(*(getattr(self, name + suffix, None) for name in Weights._fields))

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The parameters, a list for each layer and direction."""
        suffixes = [suffix for layer in range(self.num_layers) for suffix in self.suffixes(layer)]
        return [[x for x in self.weights_of(suffix) if x is not None] for suffix in suffixes]

    def flatten_parameters(self) -> None:
        """Nothing: PyTorch lays the weights side by side for a library that wants them so; none does here."""

    def over_time(self, x: Any, weights: Weights, state: Sequence[Any], sizes: Sizes, reverse: bool) -> Any:
        """(the outputs of all steps, then the last of each state) of one layer in one direction."""
        raise NotImplementedError

    def forward(self, input: Any, hx: Any = None) -> Any:
        output, (h,) = self.through(input, [("h0", hx, self.hidden_size)])
        return output, h

    def through(self, input: Any, states: Sequence[tuple[str, Any, int]]) -> tuple[Any, list[Any]]:
        """The output, and the last of each state (name, what was given or None, width) in the form of h0."""
        packed = input if isinstance(input, PackedSequence) else None
        if packed:
            check_packed(type(self).__name__, packed)
        x = input.data if packed else input
        sizes = packed.sizes if packed else None
        self.check_input(x, sizes)
        batched = packed is not None or len(x.shape) == 3
        if not batched:
            x = autograd.unsqueeze(x, 1)
        elif self.batch_first and not packed:
            x = autograd.transpose(x, 0, 1)  # of the input, which is narrower than what the gates make of it
        batch = ((sizes[0] if sizes else x.shape[1]),) if batched else ()
        order = packed.sorted_indices if packed else None
        begin = [self.beginning(what, h, (*batch, width), x.dtype, order) for what, h, width in states]
        last: list[list[Any]] = []  # of each layer and direction, its states
        for layer in range(self.num_layers):
            if layer:
                x = autograd.dropout(x, self.dropout, self.training)
            outputs = []
            for suffix in self.suffixes(layer):
                state = [h[len(last)] for h in begin]
                reverse = suffix.endswith("_reverse")
                y, *ends = self.over_time(x, self.weights_of(suffix), state, sizes, reverse)
                outputs.append(y)
                last.append(ends)
            x = autograd.cat(outputs, -1) if self.bidirectional else outputs[0]
        back = packed.unsorted_indices if packed else None
        final = [stacked(ends, back) for ends in zip(*last, strict=True)]
        if packed:
            return packed._replace(data=x), final
        if not batched:
            return autograd.squeeze(x, 1), [autograd.squeeze(h, 1) for h in final]
        return autograd.transpose(x, 0, 1) if self.batch_first else x, final

    def beginning(self, what: str, given: Any, shape: tuple[int, ...], dtype: Any, order: Any) -> Any:
        """The state (N, width), or None, at which each layer and direction begins."""
        depth = self.num_layers * self.directions
        check_state(type(self).__name__, what, given, (depth, *shape), dtype)
        if given is None:
            return [None] * depth
        parts = autograd.unbind(given if len(shape) == 2 else autograd.unsqueeze(given, 1))
        return parts if order is None else [autograd.embedding(h, order) for h in parts]

    def check_input(self, x: Any, sizes: Sizes) -> None:
        name = type(self).__name__
        check_tensor(name, x, "a tensor or a PackedSequence")
        shape = tuple(x.shape)
        layout = "(N, T, input_size)" if self.batch_first else "(T, N, input_size)"
        if sizes is None and len(shape) not in (2, 3):
            raise ValueError(f"{name}: want an input {layout} or (T, input_size), got shape {shape}")
        if sizes is not None and len(shape) != 2:
            raise ValueError(f"{name}: want packed data (sum of batch_sizes, input_size), got shape {shape}")
        if shape[-1] != self.input_size:
            raise ValueError(
                f"{name}: an input of shape {shape}: its last length must be input_size {self.input_size}"
            )
        if 0 in shape[:-1]:
            raise ValueError(f"{name}: want at least one step of one sequence, got an input of shape {shape}")
        if x.dtype != self.weight_ih_l0.dtype:
            raise TypeError(
                f"{name}: an input of {x.dtype} and weights of {self.weight_ih_l0.dtype}: cast one "
                "(.float(), .double())"
            )

    def extra_repr(self) -> str:
        parts = [f"{self.input_size}, {self.hidden_size}"]
        for name, usual in (
            ("proj_size", 0), ("num_layers", 1), ("bias", True), ("batch_first", False), ("dropout", 0.0),
            ("bidirectional", False),
        ):  # fmt: skip
            value = getattr(self, name)
            if value != usual:
                parts.append(f"{name}={value}")
        return ", ".join(parts)


class RNN(RNNBase):
    """Elman's network (1990): h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or relu with that nonlinearity.

    input (T, N, input_size), with batch_first (N, T, input_size), without a batch (T, input_size), or a
    PackedSequence. h0 (num_layers * directions, N, hidden_size), zeros if not given; without a batch no N.
    Returns the outputs of the last layer at all steps (T, N, directions * hidden_size), both directions side
    by side, and the last state of each layer and direction, in the form of h0. With num_layers > 1 each layer
    reads the one before, through `dropout` while training. What doesn't fit is a ValueError (shapes) or a
    TypeError (types) that names it.

    >>> import autograd, nn
    >>> rnn = nn.RNN(3, 5, num_layers=2, bidirectional=True)
    >>> output, h = rnn(autograd.ones(7, 2, 3))
    >>> output.shape, h.shape
    ((7, 2, 10), (4, 2, 5))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        dtype: Any = None,
    ) -> None:
        check_nonlinearity("RNN", nonlinearity)
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, dtype
        )
        self.nonlinearity = nonlinearity

    def over_time(self, x: Any, weights: Weights, state: Sequence[Any], sizes: Sizes, reverse: bool) -> Any:
        return rnn_over_time(x, weights, state, self.nonlinearity, sizes, reverse)


class GRU(RNNBase):
    """Gated recurrent units (Cho et al. 2014), with gates for what to forget and what to renew:

        r, z = sigmoid(W_ih x + b_ih + W_hh h + b_hh)     n = tanh(W_in x + b_in + r (W_hn h + b_hn))
        h' = (1 - z) n + z h

    Input, state and results are those of RNN; weights hold the rows of r, z and n one below the other.

    >>> import autograd, nn
    >>> output, h = nn.GRU(3, 5, batch_first=True)(autograd.ones(2, 7, 3))
    >>> output.shape, h.shape
    ((2, 7, 5), (1, 2, 5))
    """

    gates = 3

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, dtype
        )

    def over_time(self, x: Any, weights: Weights, state: Sequence[Any], sizes: Sizes, reverse: bool) -> Any:
        return gru_over_time(x, weights, state, sizes, reverse)


class LSTM(RNNBase):
    """Long short-term memory (Hochreiter and Schmidhuber 1997; forget gate: Gers et al. 2000):

        i, f, o = sigmoid(W_ih x + b_ih + W_hh h + b_hh)     g = tanh(W_ig x + b_ig + W_hg h + b_hg)
        c' = f c + i g                                       h' = o tanh(c')

    Input and output are those of RNN; the state is a pair (h, c) of its form, given and returned. Weights
    hold the rows of i, f, g and o one below the other. With proj_size > 0, h' = W_hr (o tanh(c')) is of
    that width (Sak et al. 2014) and c keeps hidden_size; this is computed step by step, more slowly.

    >>> import autograd, nn
    >>> output, (h, c) = nn.LSTM(3, 5)(autograd.ones(7, 2, 3))
    >>> output.shape, h.shape, c.shape
    ((7, 2, 5), (1, 2, 5), (1, 2, 5))
    """

    gates = 4

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, dtype, proj_size
        )

    def over_time(self, x: Any, weights: Weights, state: Sequence[Any], sizes: Sizes, reverse: bool) -> Any:
        return lstm_over_time(x, weights, state, sizes, reverse)

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, tuple[Any, Any]]:
        h, c = pair("LSTM", hx)
        output, (h, c) = self.through(input, [("h0", h, self.output_size), ("c0", c, self.hidden_size)])
        return output, (h, c)


def stacked(ends: Sequence[Any], back: Any) -> Any:
    """The last states (N, width) as one tensor, sequences in the order `back` (None: as they are)."""
    if back is not None:
        ends = [autograd.embedding(h, back) for h in ends]
    return autograd.stack(ends) if len(ends) > 1 else autograd.unsqueeze(ends[0], 0)
