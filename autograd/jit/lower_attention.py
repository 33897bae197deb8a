"""Attention: one instruction forward, one back."""

from __future__ import annotations

from autograd import kernels
from autograd.jit.graph import Operand, Step
from autograd.jit.instructions import Lowering, register
from autograd.ops import attention

__all__: list[str] = []


@register("attention")
def attention_forward(lowering: Lowering, step: Step) -> None:
    q, k, v, mask, y, kept, plan = step.attributes["saved"]
    sizes = attention.sizes_of(plan, q, k, v, y, mask)
    lowering.emit(kernels.ATTENTION, plan.dtype, [q, k, v, mask, y, kept], step.writes, sizes, (plan.scale,))


@register("attention_backward")
def attention_backward(lowering: Lowering, step: Step) -> None:
    q, k, v, mask, y, kept, plan = step.attributes["saved"]
    g, results = dense(lowering, step.reads[0]), step.attributes["results"][:3]
    sizes = attention.backward_sizes(plan, q, k, v, y, mask, g, *results)
    args = [q, k, v, mask, y, kept, g, *results]
    lowering.emit(kernels.ATTENTION_BACKWARD, plan.dtype, args, step.writes, sizes, (plan.scale,))


def dense(lowering: Lowering, x: Operand) -> Operand:
    return x if attention.is_dense(x.strides, x.shape, x.dtype.itemsize) else lowering.plain(x)
