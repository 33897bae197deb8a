"""Batch, layer and group normalisation, fused: a kernel forward, a kernel back.

    z = (x - mean) r weight + bias,   r = 1 / sqrt(var + eps)

They differ in what mean and variance are taken over: the batch and the places of a channel ("batch"), the
last `parts` dimensions ("layer"), one of `parts` groups of channels of a sample ("group"). Saved are x and
two numbers for every mean. The composite is the meaning, and what is differentiated when a second derivative
is wanted; with given statistics (batch norm in evaluation) these are constants.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd import kernels, tape
from autograd.fused import contiguous, fused
from autograd.ops import elementwise as e
from autograd.ops import reduce, reduce_kernel
from autograd.ops.shape import reshape
from autograd.tape import TRACE, mode

__all__ = ["prepared", "standardize"]

Shape = tuple[int, ...]
Array = np.ndarray
Running = tuple[Array, Array]


def composite(
    x: Any,
    weight: Any,
    bias: Any,
    *,
    kind: str,
    parts: int,
    eps: float,
    running: Running | None,
    momentum: float | None,
) -> Any:
    shape = tuple(x.shape)
    channel = (1, -1, *(1,) * (len(shape) - 2))
    if kind == "group":
        x = reshape(x, (shape[0], parts, -1) if x.size else (*shape[:1], parts, 0))
    if momentum is None:
        assert running is not None
        mean, var = (reshape(tape.wrap(p, None), channel) for p in running)
        out = (x - mean) * e.rsqrt(var + eps)
    else:
        deviation = x - reduce.mean(x, averaged(kind, parts, len(x.shape)), keepdim=True)
        var = reduce.mean(e.square(deviation), averaged(kind, parts, len(x.shape)), keepdim=True)
        out = deviation * e.rsqrt(var + eps)
    if kind == "group":
        out = reshape(out, shape)
    if kind != "layer":
        weight, bias = (None if p is None else reshape(p, channel) for p in (weight, bias))
    out = out if weight is None else out * weight
    return out if bias is None else out + bias


def averaged(kind: str, parts: int, ndim: int) -> Shape:
    """Over which dimensions (of x, grouped) the mean is taken."""
    if kind == "batch":
        return (0, *range(2, ndim))
    return (2,) if kind == "group" else tuple(range(ndim - parts, ndim))


def layout(
    shape: Shape, kind: str, parts: int, eps: float, momentum: float | None
) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """The kernels' sizes and values (csrc/norm.h says what a unit, a segment and a span are)."""
    if kind == "batch":
        places = math.prod(shape[2:])
        units, segments, length, span, period = shape[1], shape[0], places, places, shape[1]
    elif kind == "group":
        units, segments, length = shape[0] * parts, 1, math.prod(shape[1:]) // parts
        span, period = math.prod(shape[2:]), parts
    else:
        length = math.prod(shape[len(shape) - parts :])
        units, segments, span, period = math.prod(shape) // length, 1, 1, 1
    return (units, segments, length, span, period, int(momentum is None)), (eps, momentum or 0.0)


class Plan(NamedTuple):
    """The kernels for x of one shape, and what makes arrays like x, and for the means."""

    forward: Callable[..., None]
    backward: Callable[..., None]
    new: Callable[[], Array]
    new_statistics: Callable[[], Array]
    dtype: np.dtype[Any]
    sizes: tuple[int, ...]
    values: tuple[float, ...]


plans: dict[Any, Plan | None] = {}


def plan_of(
    shape: Shape, dtype: np.dtype[Any], kind: str, parts: int, eps: float, momentum: float | None
) -> Plan | None:
    """How the kernels run; None where they don't."""
    if dtype not in kernels.DTYPES or 0 in shape:
        return None
    sizes, values = layout(shape, kind, parts, eps, momentum)
    return Plan(
        kernels.prepare(kernels.STANDARDIZE, dtype, sizes, values),
        kernels.prepare(kernels.STANDARDIZE_BACKWARD, dtype, sizes, values),
        kernels.maker(shape, dtype),
        kernels.maker(sizes[:1], dtype),
        dtype,
        sizes,
        values,
    )


def forward(
    x: Array,
    weight: Array | None,
    bias: Array | None,
    *,
    kind: str,
    parts: int,
    eps: float,
    running: Running | None,
    momentum: float | None,
) -> tuple[Array, tuple[Any, ...]] | None:
    plan = None
    if kernels.active:
        key = (x.shape, x.dtype, kind, parts, eps, momentum)
        try:
            plan = plans[key]
        except KeyError:
            if len(plans) > 1000:  # one a shape; a momentum that changes at each step must not fill memory
                plans.clear()
            plan = plans[key] = plan_of(*key)
    before, var = running or (None, None)
    if plan is None or not (
        usable(weight, plan.dtype)
        and usable(bias, plan.dtype)
        and usable(before, plan.dtype)
        and usable(var, plan.dtype)
    ):
        if running is not None and momentum is not None:
            follow(x, running, momentum)
        return None
    x = contiguous(x)
    out, mean, r = plan.new(), plan.new_statistics(), plan.new_statistics()
    plan.forward(x, weight, bias, out, mean, r, before, var)
    if running is not None and momentum is not None:
        tape.written(running[0])
        tape.written(running[1])
    return out, (x, weight, bias, mean, r, plan)


def prepared(
    x: Array,
    weight: Array | None,
    bias: Array | None,
    *,
    kind: str,
    parts: int = 0,
    eps: float,
    running: tuple[Array | None, Array | None] = (None, None),
    momentum: float | None = 0.0,
) -> Callable[..., Array] | None:
    """The kernel for arrays of these layouts as a function of x, weight, bias (and the running mean and
    variance); None where none runs. For calls whose gradient nobody wants."""
    plan = plan_of(x.shape, x.dtype, kind, parts, eps, momentum)
    if plan is None or not all(usable(a, x.dtype) for a in (x, weight, bias, *running)):
        return None
    run, new, new_statistics = plan.forward, plan.new, plan.new_statistics
    follows = momentum is not None

    def call(
        x: Array, w: Array | None, b: Array | None, mean: Array | None = None, var: Array | None = None
    ) -> Array:
        out = new()
        run(x, w, b, out, new_statistics(), new_statistics(), mean, var)
        if follows and mean is not None:
            tape.written(mean)
            tape.written(var)
        return out

    return call


def usable(a: Array | None, dtype: np.dtype[Any]) -> bool:
    """Whether a kernel can read this as it is."""
    return a is None or (a.dtype == dtype and a.flags.c_contiguous)


def follow(x: Array, running: Running, momentum: float) -> None:
    """Move the running mean and (unbiased) variance towards the batch's."""
    if mode.word & TRACE:
        mode.trace.refuse(
            "batch norm whose running statistics no kernel follows",
            "give the input and the statistics one type, float32 or float64, and contiguous memory",
        )
    dims = averaged("batch", 0, x.ndim)
    now = (reduce_kernel.mean(x, dims), reduce_kernel.var(x, dims, correction=1))
    for array, value in zip(running, now, strict=True):
        array += ((value - array) * momentum).astype(array.dtype)
        tape.written(array)


def backward(g: Array, saved: tuple[Any, ...], needs: tuple[bool, ...]) -> Sequence[Any]:
    x, weight, bias, mean, r, plan = saved
    if not g.flags.c_contiguous:
        g = np.ascontiguousarray(g)
    dx = plan.new() if needs[0] else None
    dw = db = None
    if needs[1] or needs[2]:
        like = weight if weight is not None else bias
        dw, db = np.empty(like.shape, plan.dtype), np.empty(like.shape, plan.dtype)
    plan.backward(x, g, weight, mean, r, dx, dw, db)
    return dx, dw if needs[1] else None, db if needs[2] else None


standardize_ = fused(
    "standardize",
    composite,
    forward,
    backward,
    inputs=("x", "weight", "bias"),
    shape=lambda x, weight=None, bias=None, **_: x,
)


def standardize(
    x: Any,
    weight: Any = None,
    bias: Any = None,
    *,
    kind: str,
    parts: int = 0,
    eps: float = 1e-5,
    running: Running | None = None,
    momentum: float | None = 0.0,
) -> Any:
    """x with mean 0 and variance 1, then times weight plus bias.

    kind      "batch": x (N, C, *), weight and bias (C,); mean and variance of every channel
              "layer": of the last `parts` dimensions, whose shape weight and bias have
              "group": x (N, C, *), weight and bias (C,); of each of `parts` groups of channels of a sample
    running   batch: mean and variance (C,), which move towards the batch's by `momentum`; with momentum
              None they are used instead of the batch's

    >>> import autograd
    >>> standardize(autograd.tensor([[1.0, 3.0]]), kind="layer", parts=1)
    tensor([[-1.,  1.]])
    """
    return standardize_(x, weight, bias, kind=kind, parts=parts, eps=eps, running=running, momentum=momentum)
