"""Gather along an axis and its adjoint, scatter-add, on raw arrays: C kernels and NumPy references.

Two ways to index, each with its adjoint. The axis divides a shape into (outer, size, inner):

    take          y[o, i, k] = x[o, index[i], k]            rows; an embedding is axis 0
    put_add       x[o, index[i], k] += y[o, i, k]
    take_along    y[o, i, k] = x[o, index[o, i, k], k]      elements; torch.gather
    put_add_along x[o, index[o, i, k], k] += y[o, i, k]     torch.scatter_add

Indices lie in [0, size); `wrapped` makes NumPy's negative ones so. Sums go in the order of i, so they are
the same to the last bit in C and NumPy and for any number of threads.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd import kernels

__all__ = [
    "add_along", "prepared_add_along", "prepared_take", "prepared_take_along", "put_add", "put_add_along",
    "take", "take_along", "wrapped",
]  # fmt: skip

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]
INT64 = np.dtype(np.int64)


def wrapped(index: Array, size: int, name: str = "index") -> Array:
    """int64 indices in [0, size) of indices in [-size, size); anything else is an IndexError.

    >>> wrapped(np.array([0, -1]), 5)
    array([0, 4])
    """
    index = as_index(index, name)
    if index.size and index.min() < 0:
        index = np.where(index < 0, index + size, index)
        if index.min() < 0:
            raise out_of_range(name, index - size, -size, size)
    refuse_outside(name, index, size)
    return index


def take(x: Array, index: Array, axis: int = 0, name: str = "take") -> Array:
    """x with its axis replaced by index's axes.

    >>> take(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1, 1, 0]))
    array([[3., 4.],
           [3., 4.],
           [1., 2.]])
    """
    axis, index = checked_axis(x, axis), as_index(index, name)
    shape = (*x.shape[:axis], *index.shape, *x.shape[axis + 1 :])
    if use_kernel(x.dtype):
        y = kernels.empty(shape, x.dtype)
        run(kernels.GATHER, name, x, axis, index, y, single=False)
        return y
    refuse_outside(name, index, x.shape[axis])
    out: Array = np.take(x, index, axis)
    return out


def put_add(y: Array, index: Array, axis: int, size: int, name: str = "put_add") -> Array:
    """The adjoint of `take`: zeros with `size` at the axis, plus every row of y at its index.

    >>> put_add(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), np.array([1, 1, 0]), axis=0, size=2)
    array([[5., 6.],
           [4., 6.]])
    """
    index = as_index(index, name)
    axis = axis + y.ndim - index.ndim + 1 if axis < 0 else axis
    if y.shape[axis : axis + index.ndim] != index.shape:
        raise ValueError(f"{name}: index {index.shape} does not match axes {axis} ... of y {y.shape}")
    shape = (*y.shape[:axis], size, *y.shape[axis + index.ndim :])
    if use_kernel(y.dtype):
        x = kernels.empty(shape, y.dtype)
        run(kernels.SCATTER_ADD, name, x, axis, index, y, single=False)
        return x
    refuse_outside(name, index, size)
    x = np.zeros(shape, y.dtype)
    np.add.at(x, (slice(None),) * axis + (index,), y)  # type: ignore[arg-type]
    return x


def take_along(x: Array, index: Array, axis: int, name: str = "gather") -> Array:
    """torch.gather: index has x's number of axes, and is nowhere longer than x but along the axis.

    >>> take_along(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1], [0]]), axis=1)
    array([[2.],
           [3.]])
    """
    axis, index = checked_axis(x, axis), as_index(index, name)
    if x.shape != index.shape:
        x = x[corner(name, x.shape, index.shape, axis)]
    if use_kernel(x.dtype):
        y = kernels.empty(index.shape, x.dtype)
        run(kernels.GATHER, name, x, axis, index, y, single=True)
        return y
    refuse_outside(name, index, x.shape[axis])
    return np.take_along_axis(x, index, axis)


def put_add_along(
    y: Array, index: Array, axis: int, shape: tuple[int, ...], name: str = "scatter_add"
) -> Array:
    """The adjoint of `take_along`: zeros of x's shape, plus every element of y at its index. y may be longer
    than index; what stands beyond is not used (as in torch.scatter_add).

    >>> put_add_along(np.array([[1.0, 2.0, 4.0]]), np.array([[1, 0, 1]]), axis=1, shape=(1, 2))
    array([[2., 5.]])
    """
    index = as_index(index, name)
    axis = axis % len(shape) if shape else 0
    if y.ndim != index.ndim or any(n > m for n, m in zip(index.shape, y.shape, strict=True)):
        raise ValueError(f"{name}: index {index.shape} does not lie within y {y.shape}")
    y = y[tuple(slice(n) for n in index.shape)]
    within = corner(name, shape, index.shape, axis)
    small = (*index.shape[:axis], shape[axis], *index.shape[axis + 1 :])
    if use_kernel(y.dtype):
        x = kernels.empty(small, y.dtype)
        run(kernels.SCATTER_ADD, name, x, axis, index, y, single=True)
    else:
        refuse_outside(name, index, shape[axis])
        x = np.zeros(small, y.dtype)
        grid = list(np.ogrid[tuple(slice(n) for n in index.shape)])
        grid[axis] = index
        np.add.at(x, tuple(grid), y)
    if small == shape:
        return x
    out = np.zeros(shape, y.dtype)
    out[within] = x
    return out


def add_along(x: Array, y: Array, index: Array, axis: int, name: str = "scatter_add") -> Array:
    """x, plus what put_add_along makes of y.

    >>> add_along(np.ones((1, 2)), np.array([[1.0, 2.0, 4.0]]), np.array([[1, 0, 1]]), axis=1)
    array([[3., 6.]])
    """
    axis = axis % x.ndim if x.ndim else 0
    others = [x.shape[d] == index.shape[d] for d in range(x.ndim) if d != axis]
    if use_kernel(x.dtype) and y.dtype == x.dtype and y.shape == index.shape and all(others):
        out = kernels.empty(x.shape, x.dtype)
        np.copyto(out, x)
        run(kernels.SCATTER_ADD, name, out, axis, as_index(index, name), y, single=True, accumulate=True)
        return out
    sums: Array = x + put_add_along(y, index, axis, x.shape, name)
    return sums


# The crossing ------------------------------------------------------------------------------------


def use_kernel(dtype: np.dtype[Any]) -> bool:
    return kernels.active and dtype in kernels.DTYPES


@functools.lru_cache(4096)
def prepared(
    kernel: int, dtype: np.dtype[Any], shape: Shape, axis: int, n: int, single: bool, accumulate: bool
) -> Callable[..., None]:
    return kernels.prepare(kernel, dtype, sizes_of(shape, axis, n, single, accumulate))


def sizes_of(shape: Shape, axis: int, n: int, single: bool, accumulate: bool) -> tuple[int, ...]:
    return math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :]), n, single, accumulate


def run(
    kernel: int,
    name: str,
    x: Array,
    axis: int,
    index: Array,
    y: Array,
    single: bool,
    accumulate: bool = False,
) -> None:
    """x is read by a gather and written (from zero, or accumulated) by a scatter-add; y the other way
    round."""
    n = index.shape[axis] if single else index.size
    apply = prepared(kernel, x.dtype, x.shape, axis, n, single, accumulate)
    if not index.flags.c_contiguous:
        index = np.ascontiguousarray(index)
    if kernel == kernels.GATHER:
        x = x if x.flags.c_contiguous else np.ascontiguousarray(x)
    else:
        y = y if y.flags.c_contiguous else np.ascontiguousarray(y)
    try:
        apply(x, index, y)
    except IndexError:
        raise out_of_range(name, index, 0, x.shape[axis]) from None


def direct(*arrays: Array) -> bool:
    """Whether a kernel takes these (the second the indices) as they are."""
    kinds = use_kernel(arrays[0].dtype) and arrays[1].dtype == INT64
    same = all(a.dtype == arrays[0].dtype for a in arrays[2:])
    return kinds and same and all(a.flags.c_contiguous for a in arrays)


def prepared_take(x: Array, index: Array) -> Callable[..., Array] | None:
    """`take` of rows as a function of arrays of these layouts; None where it needs more than a kernel."""
    if not direct(x, index):
        return None
    return gathering(x, index, 0, index.size, False, (*index.shape, *x.shape[1:]))


def prepared_take_along(x: Array, index: Array, axis: int) -> Callable[..., Array] | None:
    """`take_along` as a function of arrays of these layouts; None where it needs more than a kernel."""
    axis %= x.ndim
    if not direct(x, index) or not same_around(x, index, axis):
        return None
    return gathering(x, index, axis, index.shape[axis], True, index.shape)


def gathering(x: Array, index: Array, axis: int, n: int, single: bool, shape: Shape) -> Callable[..., Array]:
    sizes = sizes_of(x.shape, axis, n, single, False)
    return kernels.filling(kernels.GATHER, x.dtype, sizes, shape, inputs=2)


def prepared_add_along(x: Array, y: Array, index: Array, axis: int) -> Callable[..., Array] | None:
    """`add_along` as a function of x, index, y of these layouts; None where it needs more than a kernel."""
    axis %= x.ndim
    if not direct(x, index, y) or y.shape != index.shape or not same_around(x, index, axis):
        return None
    apply = prepared(kernels.SCATTER_ADD, x.dtype, x.shape, axis, index.shape[axis], True, True)
    new = kernels.maker(x.shape, x.dtype)

    def call(x: Array, index: Array, y: Array) -> Array:
        out = new()
        out[...] = x
        apply(out, index, y)
        return out

    return call


def same_around(x: Array, index: Array, axis: int) -> bool:
    """Whether shapes are the same but along the axis."""
    a, b = x.shape, index.shape
    return len(a) == len(b) and all(a[d] == b[d] for d in range(len(a)) if d != axis)


# Checks ------------------------------------------------------------------------------------------


def as_index(index: Array, name: str) -> Array:
    if index.__class__ is np.ndarray and index.dtype is INT64:
        return index
    index = np.asarray(index)
    if index.dtype.kind not in "iu":
        raise TypeError(f"{name}: indices must be integers, got {index.dtype}")
    return index.astype(np.int64, copy=False)


def checked_axis(x: Array, axis: int) -> int:
    if not -x.ndim <= axis < x.ndim:
        raise IndexError(f"axis {axis} is out of range for shape {x.shape}")
    return axis % x.ndim


def corner(name: str, shape: tuple[int, ...], index_shape: tuple[int, ...], axis: int) -> tuple[slice, ...]:
    """The part of `shape` that index reaches: all of the axis, as much as it is long of the others."""
    if len(index_shape) != len(shape):
        raise ValueError(f"{name}: index {index_shape} must have as many axes as {shape}")
    for d, (n, m) in enumerate(zip(index_shape, shape, strict=True)):
        if d != axis and n > m:
            raise ValueError(f"{name}: index {index_shape} is longer than {shape} in axis {d}")
    return tuple(slice(None) if d == axis else slice(n) for d, n in enumerate(index_shape))


def refuse_outside(name: str, index: Array, size: int) -> None:
    if index.size and (index.min() < 0 or index.max() >= size):
        raise out_of_range(name, index, 0, size)


def out_of_range(name: str, index: Array, low: int, high: int) -> IndexError:
    outside = (index < low) | (index >= high)
    place = np.unravel_index(int(outside.argmax()), index.shape)
    where = f" at {tuple(map(int, place))}" if index.ndim else ""
    return IndexError(f"{name}: index {index[place]}{where} is out of range: want {low} to {high - 1}")
