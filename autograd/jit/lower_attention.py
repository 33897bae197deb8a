"""Attention: one instruction forward, one back."""

from __future__ import annotations

from autograd import kernels
from autograd.jit.graph import Step
from autograd.jit.instructions import Lowering, register
from autograd.ops import attention

__all__: list[str] = []


@register("attention")
def attention_forward(lowering: Lowering, step: Step) -> None:
    q, k, v, mask, y, kept, plan = step.attributes["saved"]
    sizes = attention.sizes_of(plan.shape, plan.causal, q, k, v, y, mask)
    lowering.emit(kernels.ATTENTION, plan.dtype, [q, k, v, mask, y, kept], step.writes, sizes, (plan.scale,))


@register("attention_backward")
def attention_backward(lowering: Lowering, step: Step) -> None:
    q, k, v, mask, y, kept, plan = step.attributes["saved"]
    g, results = step.reads[0], step.attributes["results"][:3]
    g = g if attention.is_dense(g) else lowering.plain(g)
    sizes = attention.backward_sizes(plan, q, k, v, y, mask, g, *results)
    args = [q, k, v, mask, y, kept, g, *results]
    lowering.emit(kernels.ATTENTION_BACKWARD, plan.dtype, args, step.writes, sizes, (plan.scale,))
