"""Scaled dot-product attention, fused: no matrix of all scores in memory, forward or back.

    z = softmax(scale q k^T + mask) v

(Vaswani et al. 2017.) The composite is the meaning, and what is differentiated when a second derivative is
wanted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd import kernels, tape
from autograd.fused import contiguous, fused
from autograd.ops import elementwise as e
from autograd.ops import reduce
from autograd.ops.matmul import matmul
from autograd.ops.shape import swap_last
from autograd.ops.softmax import softmax

__all__ = ["attention", "attention_weights"]

Shape = tuple[int, ...]
Array = np.ndarray


def softened(q: Any, k: Any, mask: Any, causal: bool, scale: float) -> tuple[Any, Any]:
    """softmax(scale q k^T + mask), and which queries look at nothing, all their scores being -inf: their rows
    mean nothing (None: no query is kept from any key)."""
    scores = matmul(q * scale, swap_last(k))
    if causal:
        ahead = np.triu(np.ones(scores.shape[-2:], bool), 1)
        scores = e.where(tape.traced_constant(ahead), -math.inf, scores)
    if mask is not None:
        scores = e.where(mask, scores, -math.inf) if mask.dtype.kind == "b" else scores + mask
    elif not causal:
        return softmax(scores, -1), None
    blind = e.eq(reduce.amax(scores, -1, keepdim=True), -math.inf)
    return softmax(e.where(blind, 0.0, scores), -1), blind


def composite(q: Any, k: Any, v: Any, mask: Any, *, causal: bool, scale: float) -> Any:
    weights, blind = softened(q, k, mask, causal, scale)
    z = matmul(weights, v)
    return z if blind is None else e.where(blind, 0.0, z)


class Plan(NamedTuple):
    """How the kernels run on q, k, v and mask of some layouts."""

    shape: tuple[int, int, int, int, int, int]  # outer, heads, L, S, E, V
    causal: bool
    scale: float
    dtype: np.dtype[Any]
    dense: bool  # whether the kernels can read q, k and v as they are
    run: Callable[..., None]
    new: Callable[[], Array]
    new_kept: Callable[[], Array]


plans: dict[Any, Plan | None] = {}


def forward(
    q: Array, k: Array, v: Array, mask: Array | None, *, causal: bool, scale: float
) -> tuple[Array, tuple[Any, ...]] | None:
    if not kernels.active:
        return None
    seen = None if mask is None else (mask.shape, mask.strides, mask.dtype)
    layouts = q.shape, q.strides, q.dtype, k.shape, k.strides, k.dtype, v.shape, v.strides, v.dtype
    key = layouts, seen, causal, scale
    try:
        plan = plans[key]
    except KeyError:
        if len(plans) > 1000:  # a text that is written has a layout a word
            plans.clear()
        plan = plans[key] = plan_of(q, k, v, mask, causal, scale)
    if plan is None:
        return None
    if not plan.dense:
        q, k, v = (x if is_dense(x) else contiguous(x) for x in (q, k, v))
    y, kept = plan.new(), plan.new_kept()
    plan.run(q, k, v, mask, y, kept)
    return y, (q, k, v, mask, y, kept, plan)


def plan_of(q: Array, k: Array, v: Array, mask: Array | None, causal: bool, scale: float) -> Plan | None:
    """None where the composite runs: leading dimensions that broadcast or are more than two, nothing to look
    at, other types."""
    *lead, length, e = q.shape
    *others, s, width = v.shape
    dtype = q.dtype
    if (
        len(lead) > 2
        or lead != others
        or list(k.shape) != [*lead, s, e]
        or dtype not in kernels.DTYPES
        or not dtype == k.dtype == v.dtype
        or 0 in (*q.shape, s, width)
    ):
        return None
    if mask is not None and (
        mask.dtype not in (np.bool_, dtype) or not broadcasts(mask.shape, (*lead, length, s))
    ):
        return None
    outer, heads = (1, 1, *lead)[-2:]
    shape = (outer, heads, length, s, e, width)
    given = [x if is_dense(x) else np.empty(x.shape, dtype) for x in (q, k, v)]
    dense = given[0] is q and given[1] is k and given[2] is v
    q, k, v = given
    new = maker_like(q, width)
    sizes = sizes_of(shape, causal, q, k, v, new(), mask)
    run = kernels.prepare(kernels.ATTENTION, dtype, sizes, (scale,))
    return Plan(shape, causal, scale, dtype, dense, run, new, kernels.maker((2, *shape[:3]), dtype))


def broadcasts(shape: Shape, to: Shape) -> bool:
    return len(shape) <= len(to) and all(n in (1, m) for n, m in zip(shape[::-1], to[::-1], strict=False))


def is_dense(x: Any) -> bool:
    """Whether a kernel can read an array (or operand) as it is: neighbours in its last dimension are
    neighbours in memory."""
    size = x.dtype.itemsize
    return (x.strides[-1] == size or x.shape[-1] == 1) and all(step % size == 0 for step in x.strides)


def maker_like(x: Array, width: int) -> Callable[[], Array]:
    """What makes arrays (..., width) for x (..., E), their dimensions in the same order in memory: heads that
    are parts of a row in the one are so in the other."""
    *lead, length, _ = x.shape
    if len(lead) == 2 and x.strides[1] < x.strides[2]:
        new = kernels.maker((lead[0], length, lead[1], width), x.dtype)
        return lambda: new().swapaxes(1, 2)
    return kernels.maker((*lead, length, width), x.dtype)


def sizes_of(shape: Shape, causal: bool, q: Any, k: Any, v: Any, y: Any, mask: Any) -> tuple[int, ...]:
    """The sizes of KG_ATTENTION for arrays (or operands) of these layouts."""
    kind, seen = 0, (0, 0, 0, 0)
    if mask is not None:
        kind, seen = 1 if mask.dtype.kind == "b" else 2, mask_steps(mask)
    steps = [step for x in (q, k, v, y) for step in steps_of(x)]
    return (*shape, int(causal), kind, *steps, *seen)


def steps_of(x: Any) -> tuple[int, ...]:
    """The strides of (outer, heads, rows), in elements."""
    return (0, 0, *(step // x.dtype.itemsize for step in x.strides[:-1]))[-3:]


def mask_steps(mask: Any) -> tuple[int, int, int, int]:
    """Those of (outer, heads, L, S): 0 where it is repeated."""
    size = mask.dtype.itemsize
    steps = [0 if n == 1 else step // size for n, step in zip(mask.shape, mask.strides, strict=True)]
    return (0, 0, 0, 0, *steps)[-4:]  # type: ignore[return-value]


def backward(g: Array, saved: tuple[Any, ...], needs: tuple[bool, ...]) -> Sequence[Any]:
    q, k, v, mask, y, kept, plan = saved
    if not is_dense(g):
        g = np.ascontiguousarray(g)
    results = [
        maker_like(x, x.shape[-1])() if need else None for x, need in zip((q, k, v), needs, strict=False)
    ]
    sizes = backward_sizes(plan, q, k, v, y, mask, g, *results)
    kernels.call(kernels.ATTENTION_BACKWARD, [q, k, v, mask, y, kept, g, *results], sizes, (plan.scale,))
    return *results, None


def backward_sizes(
    plan: Plan, q: Any, k: Any, v: Any, y: Any, mask: Any, g: Any, dq: Any, dk: Any, dv: Any
) -> tuple[int, ...]:
    """The sizes of KG_ATTENTION_BACKWARD."""
    steps = [(0, 0, 0) if x is None else steps_of(x) for x in (g, dq, dk, dv)]
    return *sizes_of(plan.shape, plan.causal, q, k, v, y, mask), *(step for each in steps for step in each)


attention_ = fused(
    "attention",
    composite,
    forward,
    backward,
    inputs=("q", "k", "v", "mask"),
    constant=("mask",),  # its gradient has a place for each score
    shape=lambda q, k, v, mask=None, **_: (*q[:-1], v[-1]),
)


def default_scale(q: Any) -> float:
    return 1.0 / math.sqrt(q.shape[-1])


def attention(
    q: Any, k: Any, v: Any, mask: Any = None, causal: bool = False, scale: float | None = None
) -> Any:
    """q (..., L, E), k (..., S, E), v (..., S, V) -> (..., L, V).

    mask      broadcasts to (..., L, S): bool, True where a query may look; or real, added to the scores. A
              query that may look at nothing gives zeros.
    causal    query i looks at keys 0 ... i
    scale     1 / sqrt(E), unless given
    """
    return attention_(q, k, v, mask, causal=causal, scale=default_scale(q) if scale is None else scale)


def attention_weights(
    q: Any, k: Any, mask: Any = None, causal: bool = False, scale: float | None = None
) -> Any:
    """softmax(scale q k^T + mask) of what `attention` takes: (..., L, S), the matrix that it never makes. The
    row of a query that may look at nothing is zeros."""
    weights, blind = softened(q, k, mask, causal, default_scale(q) if scale is None else scale)
    return weights if blind is None else e.where(blind, 0.0, weights)
