"""Reductions of raw arrays over any axes: the kernel where it pays, NumPy otherwise.

The kernel knows two kept and two reduced dimensions; neighbouring ones are merged here until that is
enough, which it is for every layout that layers make. float32 sums are more accurate than NumPy's.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from autograd import kernels

__all__ = ["max", "mean", "min", "prod", "sum", "var"]

Array = npt.NDArray[Any]
Axes = tuple[int, ...] | None

SUM, MAX, MIN, PRODUCT, SQUARES = range(5)

# Elements from which the kernel beats NumPy (measured).
THRESHOLD = 16384


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


def count_of(x: Array, axes: Axes) -> int:
    """How many elements one output is made of."""
    return x.size if axes is None else math.prod([x.shape[axis] for axis in axes])


def reduced(
    op: int, x: Array, axes: Axes, keepdims: bool, scale: float = 1.0, centre: Array | None = None
) -> Array | None:
    """The kernel's result, or None where NumPy should run."""
    if not kernels.active or x.size < THRESHOLD or x.dtype not in kernels.DTYPES:
        return None
    over = frozenset(range(x.ndim) if axes is None else axes)
    if not over:
        return None
    shape, strides, size = x.shape, x.strides, x.itemsize
    kept = merged([(shape[i], strides[i]) for i in range(x.ndim) if i not in over])
    # The order of reduced dimensions does not matter: from the largest stride to the smallest.
    gone = merged(sorted([(shape[i], strides[i]) for i in over], key=lambda d: -d[1]))
    if len(kept) > 2 or len(gone) > 2 or any(stride % size for _, stride in kept + gone):
        return None
    (k0, ks0), (k1, ks1) = [(1, 0)] * (2 - len(kept)) + kept
    (r0, rs0), (r1, rs1) = [(1, 0)] * (2 - len(gone)) + gone
    sizes = (op, k0, k1, ks0 // size, ks1 // size, r0, r1, rs0 // size, rs1 // size)
    y = kernels.empty(tuple([n for i, n in enumerate(shape) if i not in over]), x.dtype)
    kernels.call(kernels.REDUCE, (x, y, centre), sizes, (scale,))
    return y.reshape([1 if i in over else n for i, n in enumerate(shape)]) if keepdims else y


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
