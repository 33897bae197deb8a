"""Recurrent layers, fused: one layer in one direction over a whole sequence is one op.

    rnn     h' = tanh(a + W h + b)                     (or relu)
    gru     r, z = sigmoid(a_rz + W_rz h + b_rz)       n = tanh(a_n + r (W_n h + b_n))
            h' = n + z (h - n)
    lstm    i, f, o = sigmoid(a_ifo + W_ifo h + b_ifo) g = tanh(a_g + W_g h + b_g)
            c' = f c + i g                             h' = o tanh(c')

(Elman 1990; Cho et al. 2014 as in PyTorch, with the reset gate behind the product; Hochreiter & Schmidhuber
1997 with Gers' forget gate.) `a` holds what the input adds to every gate, all steps at once: the caller makes
it by one product. Gates lie one beside the other, as in PyTorch: rnn (H), gru (r, z, n), lstm (i, f, g, o).

Sequences are dense, a (T, N, G H), or packed, a (sum of batch_sizes, G H): the rows of step t are those of
the batch_sizes[t] sequences that are at least t + 1 long, longest first. With `reverse` time runs from the
last step to the first. The composite is the meaning, and what is differentiated when a second derivative is
wanted.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd import kernels, tape
from autograd.fused import contiguous, fused
from autograd.ops import elementwise as e
from autograd.ops.index import getitem
from autograd.ops.matmul import linear
from autograd.ops.shape import cat, split, stack
from autograd.tape import RECORD, mode

__all__ = ["gru", "lstm", "rnn"]

Array = np.ndarray
Shape = tuple[int, ...]
State = tuple[Any, ...]
Cell = Callable[[Any, Any, Any, State], State]


def rnn_tanh_cell(a: Any, weight: Any, bias: Any, state: State) -> State:
    return (e.tanh(a + linear(state[0], weight, bias)),)


def rnn_relu_cell(a: Any, weight: Any, bias: Any, state: State) -> State:
    return (e.relu(a + linear(state[0], weight, bias)),)


def gru_cell(a: Any, weight: Any, bias: Any, state: State) -> State:
    (h,) = state
    width = h.shape[-1]
    a_r, a_z, a_n = split(a, width, -1)
    b_r, b_z, b_n = split(linear(h, weight, bias), width, -1)
    n = e.tanh(a_n + e.sigmoid(a_r + b_r) * b_n)
    return (n + e.sigmoid(a_z + b_z) * (h - n),)


def lstm_cell(a: Any, weight: Any, bias: Any, state: State) -> State:
    h, c = state
    i, f, g, o = split(a + linear(h, weight, bias), c.shape[-1], -1)  # (h may be a projection, narrower)
    c = e.sigmoid(f) * c + e.sigmoid(i) * e.tanh(g)
    return e.sigmoid(o) * e.tanh(c), c


def unrolled(
    cell: Cell, a: Any, weight: Any, bias: Any, state: State, batch_sizes: Shape | None, reverse: bool
) -> State:
    """The hidden states of all steps, and the state after each sequence's last."""
    count = len(batch_sizes) if batch_sizes else a.shape[0]
    starts = np.cumsum((0, *batch_sizes)) if batch_sizes else ()
    most = batch_sizes[0] if batch_sizes else a.shape[1]
    begun = state
    state = tuple(getitem(x, slice(0, batch_sizes[-1])) for x in state) if batch_sizes and reverse else state
    outputs: list[Any] = []
    ended: list[State] = []  # of sequences that are over, the shortest first
    for t in reversed(range(count)) if reverse else range(count):
        size, running = batch_sizes[t] if batch_sizes else most, state[0].shape[0]
        if size < running:
            ended.append(tuple(getitem(x, slice(size, running)) for x in state))
            state = tuple(getitem(x, slice(0, size)) for x in state)
        elif size > running:
            new = [getitem(x, slice(running, size)) for x in begun]
            state = tuple(cat([x, y]) for x, y in zip(state, new, strict=True))
        rows = getitem(a, slice(int(starts[t]), int(starts[t + 1])) if batch_sizes else t)
        state = cell(rows, weight, bias, state)
        outputs.append(state[0])
    if reverse:
        outputs.reverse()
    ended.append(state)
    last = [cat(list(parts)) if len(parts) > 1 else parts[0] for parts in zip(*reversed(ended), strict=True)]
    return (cat(outputs) if batch_sizes else stack(outputs), *last)


def begin(a: Any, weight: Any, state: Any, batch_sizes: Shape | None) -> Any:
    """`state`, or zeros for every sequence."""
    if state is not None:
        return state
    rows = batch_sizes[0] if batch_sizes else a.shape[1]
    return tape.traced_constant(np.zeros((rows, weight.shape[1]), a.dtype))


def of_one_state(cell: Cell) -> Callable[..., State]:
    def composite(
        a: Any, weight: Any, bias: Any, h: Any, *, batch_sizes: Shape | None, reverse: bool
    ) -> State:
        h = begin(a, weight, h, batch_sizes)
        return unrolled(cell, a, weight, bias, (h,), batch_sizes, reverse)

    return composite


def lstm_composite(
    a: Any, weight: Any, bias: Any, h: Any, c: Any, *, batch_sizes: Shape | None, reverse: bool
) -> State:
    h, c = (begin(a, weight, x, batch_sizes) for x in (h, c))
    return unrolled(lstm_cell, a, weight, bias, (h, c), batch_sizes, reverse)


def shapes(a: Shape, weight: Shape, *_: Any, batch_sizes: Shape | None = None, **__: Any) -> Sequence[Shape]:
    rows = batch_sizes[0] if batch_sizes else a[1]
    return (*a[:-1], weight[1]), (rows, weight[1])


# The kernels (csrc/recurrent.h) ---------------------------------------------------------------------

KINDS = ("rnn_tanh", "rnn_relu", "gru", "lstm")
GATES = {"rnn_tanh": 1, "rnn_relu": 1, "gru": 3, "lstm": 4}
SAVED = {"gru": 4, "lstm": 4}  # numbers kept of every unit and step for the way back


class Layout(NamedTuple):
    """A sequence as the kernels want it: sizes, where the rows of each step begin (packed), and the shapes of
    y, the states, and what is kept for the way back."""

    sizes: Shape
    starts: Array | None
    y: Shape
    state: Shape
    gates: Shape | None


@functools.lru_cache(4096)
def layout(
    kind: str, given: tuple[Shape | None, ...], batch_sizes: Shape | None, reverse: bool
) -> Layout | None:
    """For arrays of the given shapes (None: not given); None where they do not fit each other."""
    a, weight, bias, *states = given
    assert a is not None and weight is not None
    hidden = weight[-1]
    steps, batch = (len(batch_sizes), batch_sizes[0]) if batch_sizes else a[:2]
    rows = (sum(batch_sizes),) if batch_sizes else (steps, batch)
    gates, state = (GATES[kind] * hidden,), (batch, hidden)
    wanted = (*rows, *gates), (*gates, hidden), gates, *[state for _ in states]
    if (
        any(x is not None and x != y for x, y in zip(given, wanted, strict=True))
        or not steps * batch * hidden
    ):
        return None
    starts = np.cumsum((0, *batch_sizes), dtype=np.int64) if batch_sizes else None
    if starts is not None and (np.diff(starts, 2) > 0).any() or batch_sizes and batch_sizes[-1] < 1:
        return None
    sizes = (KINDS.index(kind), steps, batch, hidden, int(reverse), rows[0] if batch_sizes else 0)
    kept = (*rows, SAVED[kind] * hidden) if kind in SAVED else None
    return Layout(sizes, starts, (*rows, hidden), state, kept)


def forward_of(kind: str) -> Callable[..., Any]:
    with_cells = kind == "lstm"

    def forward(*arrays: Any, batch_sizes: Shape | None, reverse: bool) -> Any:
        """(y, last states...), and what the way back needs; None where the kernels do not fit."""
        dtype = arrays[0].dtype
        if not kernels.active or dtype not in kernels.DTYPES:
            return None
        if any(x is not None and x.dtype != dtype for x in arrays):
            return None
        shapes = tuple([None if x is None else x.shape for x in arrays])
        plan = layout(kind, shapes, batch_sizes, reverse)
        if plan is None:
            return None
        a, weight, bias, h, c = (None if x is None else contiguous(x) for x in (*arrays, None)[:5])
        y, last = kernels.empty(plan.y, dtype), kernels.empty(plan.state, dtype)
        last_c = kernels.empty(plan.state, dtype) if with_cells else None
        gates = cells = None
        if mode.word & RECORD and plan.gates is not None:
            gates = kernels.empty(plan.gates, dtype)
            cells = kernels.empty(plan.y, dtype) if with_cells else None
        args = [a, weight, bias, h, c, y, last, last_c, gates, cells, plan.starts]
        kernels.call(kernels.RECURRENT, args, plan.sizes)
        outs = (y, last, last_c) if with_cells else (y, last)
        return outs, (weight, bias, h, c, y, gates, cells, plan)

    return forward


def backward(gs: Sequence[Any], saved: tuple[Any, ...], needs: tuple[bool, ...]) -> Sequence[Any]:
    weight, bias, h, c, y, gates, cells, plan = saved
    gy, glast, glast_c = (None if g is None else np.ascontiguousarray(g) for g in (*gs, None)[:3])
    dtype = weight.dtype
    da = kernels.empty((*y.shape[:-1], weight.shape[0]), dtype)
    dweight, dbias, dh, dc = (
        kernels.empty(x.shape, dtype) if x is not None and need else None
        for x, need in zip((weight, bias, h, c), (*needs[1:], False), strict=False)
    )
    args = [weight, h, c, y, gates, cells, gy, glast, glast_c, da, dweight, dbias, dh, dc, plan.starts]
    kernels.call(kernels.RECURRENT_BACKWARD, args, plan.sizes)
    found = (da if needs[0] else None, dweight, dbias, dh, dc)
    return found[: len(needs)]


INPUTS = ("a", "weight", "bias", "h")


def of_cell(name: str, cell: Cell) -> Callable[..., State]:
    composite = of_one_state(cell)
    return fused(
        name, composite, forward_of(name), backward, inputs=INPUTS, shape=shapes, outputs=("y", "last")
    )


rnn_tanh_ = of_cell("rnn_tanh", rnn_tanh_cell)
rnn_relu_ = of_cell("rnn_relu", rnn_relu_cell)
gru_ = of_cell("gru", gru_cell)
lstm_ = fused(
    "lstm",
    lstm_composite,
    forward_of("lstm"),
    backward,
    inputs=(*INPUTS, "c"),
    shape=lambda *given, **attributes: (*(s := shapes(*given, **attributes)), s[1]),
    outputs=("y", "last", "last_c"),
)


def rnn(
    a: Any,
    weight: Any,
    bias: Any = None,
    h: Any = None,
    nonlinearity: str = "tanh",
    batch_sizes: Shape | None = None,
    reverse: bool = False,
) -> State:
    """All hidden states and the last: a (T, N, H), weight (H, H), bias (H,), h (N, H) or None for zeros ->
    (T, N, H), (N, H). Packed: a (sum of batch_sizes, H)."""
    door = {"tanh": rnn_tanh_, "relu": rnn_relu_}[nonlinearity]
    return door(a, weight, bias, h, batch_sizes=batch_sizes, reverse=reverse)


def gru(
    a: Any,
    weight: Any,
    bias: Any = None,
    h: Any = None,
    batch_sizes: Shape | None = None,
    reverse: bool = False,
) -> State:
    """All hidden states and the last: a (T, N, 3 H), weight (3 H, H), bias (3 H,), h (N, H) or None for zeros
    -> (T, N, H), (N, H). Packed: a (sum of batch_sizes, 3 H)."""
    return gru_(a, weight, bias, h, batch_sizes=batch_sizes, reverse=reverse)


def lstm(
    a: Any,
    weight: Any,
    bias: Any = None,
    h: Any = None,
    c: Any = None,
    batch_sizes: Shape | None = None,
    reverse: bool = False,
) -> State:
    """All hidden states, the last, and the last cell state: a (T, N, 4 H), weight (4 H, H), bias (4 H,),
    h and c (N, H) or None for zeros -> (T, N, H), (N, H), (N, H). Packed: a (sum of batch_sizes, 4 H)."""
    return lstm_(a, weight, bias, h, c, batch_sizes=batch_sizes, reverse=reverse)  # type: ignore[no-any-return]
