"""Reductions of raw arrays over any axes: the kernel where it pays, NumPy otherwise.

The kernel knows two kept and two reduced dimensions; neighbouring ones are merged here until that is
enough, which it is for every layout that layers make. float32 sums are more accurate than NumPy's.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from autograd import kernels

__all__ = ["extreme_backward", "logsumexp", "max", "mean", "min", "prod", "sum", "var"]

Array = npt.NDArray[Any]
Axes = tuple[int, ...] | None

SUM, MAX, MIN, PRODUCT, SQUARES = range(5)

plans: dict[Any, Plan | None] = {}  # by what reduced() is called with; None: NumPy runs
spreads: dict[Any, Callable[..., None] | None] = {}  # of extreme_backward


def sum(x: Array, axes: Axes = None, keepdims: bool = False) -> Array:
    """The sum over `axes` (non-negative; None: all).

    >>> sum(np.arange(6.0).reshape(2, 3), (0,))
    array([3., 5., 7.])
    """
    out = reduced(SUM, x, axes, keepdims)
    return np.asarray(x.sum(axes, keepdims=keepdims)) if out is None else out


def sum_of_squares(x: Array, scale: float = 1.0) -> Array:
    """The sum of the squares of all elements, times `scale`."""
    out = reduced(SQUARES, x, None, False, scale)
    return np.asarray(np.vdot(x, x) * x.dtype.type(scale)) if out is None else out


def mean(x: Array, axes: Axes = None, keepdims: bool = False) -> Array:
    """The mean over `axes`; NaN of nothing."""
    out = reduced(SUM, x, axes, keepdims, 1 / count_of(x, axes)) if x.size else None
    return np.asarray(np.mean(x, axis=axes, keepdims=keepdims)) if out is None else out


def var(x: Array, axes: Axes = None, keepdims: bool = False, correction: float = 1) -> Array:
    """The variance over `axes`, in two passes: the mean of squared deviations from the mean, with
    count - correction for the count."""
    if x.size:
        rest = count_of(x, axes) - correction
        centre = reduced(SUM, x, axes, keepdims, 1 / count_of(x, axes))
        if centre is not None and rest > 0:
            out = reduced(SQUARES, x, axes, keepdims, 1 / rest, centre)
            assert out is not None
            return out
    with np.errstate(all="ignore"):
        return np.asarray(np.var(x, axis=axes, keepdims=keepdims, ddof=correction))


def max(x: Array, axes: Axes = None, keepdims: bool = False) -> Array:
    """The largest over `axes`; NaN where there is one. ValueError for the largest of nothing."""
    out = reduced(MAX, x, axes, keepdims)
    return np.asarray(np.max(x, axis=axes, keepdims=keepdims)) if out is None else out


def min(x: Array, axes: Axes = None, keepdims: bool = False) -> Array:
    """The smallest over `axes`; NaN where there is one. ValueError for the smallest of nothing."""
    out = reduced(MIN, x, axes, keepdims)
    return np.asarray(np.min(x, axis=axes, keepdims=keepdims)) if out is None else out


def prod(x: Array, axes: Axes = None, keepdims: bool = False) -> Array:
    """The product over `axes`."""
    out = reduced(PRODUCT, x, axes, keepdims)
    return np.asarray(np.prod(x, axis=axes, keepdims=keepdims)) if out is None else out


LARGEST = {np.dtype(np.float32): float(np.finfo(np.float32).max), np.dtype(np.float64): sys.float_info.max}
SMALL = 4096  # elements up to which two steps of NumPy's are as quick as one pass


def logsumexp(x: Array, axes: tuple[int, ...], keepdims: bool, exp_below: Callable[..., Array]) -> Array:
    """log of the sum of exp(x), with the largest x taken out so that nothing overflows; `exp_below` is
    exp(x - top) in one pass."""
    top = reduced(MAX, x, axes, True)
    if top is None:
        top = np.max(x, axis=axes, keepdims=True, initial=-np.inf)
        top = np.where(np.isfinite(top), top, 0).astype(x.dtype)
        out = np.log(np.sum(np.exp(x - top), axis=axes, keepdims=True)) + top
    else:
        # Infinity is taken out as a number: what remains is infinite, not NaN.
        largest = LARGEST[x.dtype]
        top = np.minimum(np.maximum(top, -largest), largest)
        exps = exp_below(x, top) if x.size > SMALL else np.exp(x - top)
        out = np.log(sum(exps, axes, True))
        out += top
    return np.asarray(out if keepdims else out.reshape([n for i, n in enumerate(x.shape) if i not in axes]))


def count_of(x: Array, axes: Axes) -> int:
    """How many elements one output is made of."""
    return x.size if axes is None else math.prod([x.shape[axis] for axis in axes])


class Plan(NamedTuple):
    """The kernel for arrays of one layout, and what makes an array for its result."""

    run: Callable[..., None]
    new: Callable[[], Array]


def reduced(
    op: int, x: Array, axes: Axes, keepdims: bool, scale: float = 1.0, centre: Array | None = None
) -> Array | None:
    """The kernel's result, or None where NumPy should run."""
    if not kernels.active:
        return None
    key = (op, x.shape, x.strides, x.dtype, axes, keepdims, scale)
    try:
        plan = plans[key]
    except KeyError:
        plan = plans[key] = plan_of(*key)
    if plan is None:
        return None
    y = plan.new()
    plan.run(x, y, centre)
    return y


def plan_of(
    op: int,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    dtype: np.dtype[Any],
    axes: Axes,
    keepdims: bool,
    scale: float,
) -> Plan | None:
    """How the kernel reduces x; None for layouts, types and empty arrays that it does not take."""
    if len(plans) > 4096:
        plans.clear()
    found = laid_out(shape, strides, dtype, axes, keepdims)
    if found is None:
        return None
    sizes, result = found
    return Plan(kernels.prepare(kernels.REDUCE, dtype, (op, *sizes), (scale,)), kernels.maker(result, dtype))


def filling(op: int, x: Array, axes: Axes, keepdims: bool, scale: float) -> Callable[[Array], Array] | None:
    """`reduced` as a function of arrays of x's layout."""
    found = laid_out(x.shape, x.strides, x.dtype, axes, keepdims)
    if found is None:
        return None
    sizes, result = found
    return kernels.filling(kernels.REDUCE, x.dtype, (op, *sizes), result, values=(scale,))


def laid_out(
    shape: tuple[int, ...], strides: tuple[int, ...], dtype: np.dtype[Any], axes: Axes, keepdims: bool
) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """The kernel's sizes, and the result's shape; None where it does not run."""
    over = frozenset(range(len(shape)) if axes is None else axes)
    if dtype not in kernels.DTYPES or not over or 0 in shape:
        return None
    size = dtype.itemsize
    kept = merged([(shape[i], strides[i]) for i in range(len(shape)) if i not in over])
    # The order of reduced dimensions does not matter: from the largest stride to the smallest.
    gone = merged(sorted([(shape[i], strides[i]) for i in over], key=lambda d: -d[1]))
    if len(kept) > 2 or len(gone) > 2 or any(stride % size for _, stride in kept + gone):
        return None
    (k0, ks0), (k1, ks1) = [(1, 0)] * (2 - len(kept)) + kept
    (r0, rs0), (r1, rs1) = [(1, 0)] * (2 - len(gone)) + gone
    sizes = (k0, k1, ks0 // size, ks1 // size, r0, r1, rs0 // size, rs1 // size)
    return sizes, tuple([1 if i in over else n for i, n in enumerate(shape) if keepdims or i not in over])


def extreme_backward(g: Array, x: Array, z: Array, axes: tuple[int, ...]) -> Array:
    """The gradient in x of z, its maximum (or minimum) over `axes`, from g, that in z: elements equal to z
    share it evenly."""
    shape, dtype = x.shape, x.dtype
    key, run = (shape, dtype, axes), None
    if kernels.active:
        try:
            run = spreads[key]
        except KeyError:
            run = spreads[key] = extreme_plan(*key)
    if run is None or g.dtype != dtype:
        kept = [1 if i in axes else n for i, n in enumerate(shape)]
        hit = x == z.reshape(kept)
        with np.errstate(invalid="ignore"):
            share = hit / hit.sum(axis=axes, keepdims=True)
        return np.asarray(g.reshape(kept) * share.astype(dtype))
    dx = kernels.empty(shape, dtype)
    run(np.ascontiguousarray(x), np.ascontiguousarray(z), np.ascontiguousarray(g), dx)
    return dx


def extreme_plan(
    shape: tuple[int, ...], dtype: np.dtype[Any], axes: tuple[int, ...]
) -> Callable[..., None] | None:
    """The kernel for shapes that are (outer, kept, inner, columns), reduced over outer and inner."""
    if len(spreads) > 4096:
        spreads.clear()
    if dtype not in kernels.DTYPES or 0 in shape:
        return None
    lengths, is_gone = [1], [True]  # neighbours that are both kept, or both reduced, are one
    for i, n in enumerate(shape):
        if n == 1:
            continue
        if is_gone[-1] == (i in axes):
            lengths[-1] *= n
        else:
            lengths.append(n)
            is_gone.append(i in axes)
    if len(lengths) > 4:
        return None
    if len(lengths) < 3:
        lengths = [1, 1, *lengths]  # all of it, or columns
    sizes = (*lengths, *[1] * (4 - len(lengths)))
    return kernels.prepare(kernels.EXTREME_BACKWARD, dtype, sizes)


def merged(dims: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """(length, stride) pairs with neighbours that lie as one dimension joined, and lengths of 1 dropped."""
    joined: list[tuple[int, int]] = []
    for length, stride in dims:
        if length == 1:
            continue
        if joined and joined[-1][1] == length * stride:
            joined[-1] = (joined[-1][0] * length, stride)
        else:
            joined.append((length, stride))
    return joined
