"""A recurrent layer over a whole sequence: one instruction forward, one back.

The gates of an lstm may be written over what the input adds to them, and their gradients over the gates: the
kernels read all that belongs to some units of a row before they write there.
"""

from __future__ import annotations

from typing import Any

from autograd import kernels
from autograd.jit.graph import Operand, Step
from autograd.jit.instructions import Lowering, register
from autograd.jit.lower import same_real

OPS = ("rnn_tanh", "rnn_relu", "gru", "lstm")


@register(*OPS)
def recurrent(lowering: Lowering, step: Step) -> None:
    weight, bias, h, c, y, gates, cells, plan = step.attributes["saved"]
    same_real(y.dtype, step.reads[0], weight, bias, h, c)
    given = every_plain(lowering, step.reads[0], weight, bias, h, c)
    last, last_c = step.writes[1], step.writes[2] if step.op == "lstm" else None
    args = [*given, y, last, last_c, gates, cells, starts(lowering, plan)]
    over = (gates, given[0]) if step.op == "lstm" and gates is not None else None
    lowering.emit(kernels.RECURRENT, y.dtype, args, step.writes, plan.sizes, over=over)


@register(*(f"{op}_backward" for op in OPS))
def recurrent_backward(lowering: Lowering, step: Step) -> None:
    weight, _, h, c, y, gates, cells, plan = step.attributes["saved"]
    da, dweight, dbias, dh, dc = (*step.attributes["results"], None)[:5]
    gradients = (*step.reads[:2], step.reads[2] if step.op == "lstm_backward" else None)
    same_real(y.dtype, *gradients)
    gy, glast, glast_c = every_plain(lowering, *gradients)
    if da is None:
        da = lowering.temporary((*y.shape[:-1], weight.shape[0]), y.dtype)
    weight, h, c = every_plain(lowering, weight, h, c)
    made = (da, dweight, dbias, dh, dc)
    args = [weight, h, c, y, gates, cells, gy, glast, glast_c, *made, starts(lowering, plan)]
    over = (da, gates) if step.op == "lstm_backward" else None
    lowering.emit(kernels.RECURRENT_BACKWARD, y.dtype, args, step.writes, plan.sizes, over=over)


def every_plain(lowering: Lowering, *operands: Operand | None) -> list[Operand | None]:
    return [None if x is None else lowering.plain(x) for x in operands]


def starts(lowering: Lowering, plan: Any) -> Operand | None:
    """Where the rows of each step begin, of a packed sequence."""
    return None if plan.starts is None else lowering.constant(plan.starts)
