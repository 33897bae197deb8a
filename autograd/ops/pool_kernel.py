"""Pooling over windows on raw arrays: C kernels and NumPy references.

    largest    the maximum of every window of x (N, C, H, W), and where it is in its plane
    scatter    zeros, plus y at those places;   pick   its adjoint
    average    the mean of every window;   spread   its adjoint

Kernel size, stride, padding and dilation are pairs; `shape` is (P, Q), how many windows there are.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from autograd import kernels

__all__ = ["average", "largest", "pick", "scatter", "spread"]

Array = np.ndarray[Any, Any]
Pair = tuple[int, int]


def largest(
    x: Array, kernel_size: Pair, stride: Pair, padding: Pair, dilation: Pair, shape: Pair
) -> tuple[Array, Array]:
    """(values, index): NaN wins over numbers, the first of equal numbers over the others."""
    geometry = (*shape, *kernel_size, *stride, *padding, *dilation)
    if kernels.active and (prepared := windows(kernels.MAX_POOL, x.dtype, x.shape, geometry)) is not None:
        run, new = prepared
        y, index = new(), kernels.empty((*x.shape[:2], *shape), np.int64)
        run(np.ascontiguousarray(x), y, index)
        return y, index
    y, index = (
        np.full((*x.shape[:2], *shape), -np.inf, x.dtype),
        np.full((*x.shape[:2], *shape), -1, np.int64),
    )
    place = np.arange(math.prod(x.shape[2:])).reshape(x.shape[2:])
    for inside, under in taps(x.shape[2:], shape, kernel_size, stride, padding, dilation):
        best, where, value = y[inside], index[inside], x[under]
        take = (value > best) | (value != value) | (where < 0)
        y[inside] = np.where(take, value, best)
        index[inside] = np.where(take, place[under[2:]], where)
    return y, index


def prepared_largest(
    x: Array, kernel_size: Pair, stride: Pair, padding: Pair, dilation: Pair, shape: Pair
) -> Callable[[Array], Array] | None:
    """The values of `largest`, for arrays of x's layout; None where no kernel runs."""
    geometry = (*shape, *kernel_size, *stride, *padding, *dilation)
    return prepared_values(kernels.MAX_POOL, x, geometry)


def prepared_values(kernel: int, x: Array, geometry: tuple[int, ...]) -> Callable[[Array], Array] | None:
    shape = x.shape
    if not x.flags.c_contiguous or windows(kernel, x.dtype, shape, geometry) is None:
        return None
    sizes = (shape[0] * shape[1], *shape[2:], *geometry)
    return kernels.filling(kernel, x.dtype, sizes, (*shape[:2], *geometry[:2]))


def scatter(y: Array, index: Array, size: Pair) -> Array:
    """Planes of `size` that are zero but for y, added at its places."""
    if kernels.active and (prepared := places(y.dtype, y.shape, size)) is not None:
        run, new = prepared
        x = new()
        run(x, np.ascontiguousarray(y), np.ascontiguousarray(index))
        return x
    planes, outputs = math.prod(y.shape[:2]), math.prod(y.shape[2:])
    x = np.zeros((planes, math.prod(size)), y.dtype)
    np.add.at(x, (np.arange(planes)[:, None], index.reshape(planes, outputs)), y.reshape(planes, outputs))
    return x.reshape(*y.shape[:2], *size)


def pick(x: Array, index: Array) -> Array:
    """The adjoint of scatter: what stands at those places."""
    planes = math.prod(x.shape[:2])
    rows, places = (
        x.reshape(planes, math.prod(x.shape[2:])),
        index.reshape(planes, math.prod(index.shape[2:])),
    )
    return np.take_along_axis(rows, places, 1).reshape(index.shape)


def average(
    x: Array, kernel_size: Pair, stride: Pair, padding: Pair, count_include_pad: bool, shape: Pair
) -> Array:
    """The mean of every window. Padding counts as zeros, or with count_include_pad=False not at all."""
    geometry = (*shape, *kernel_size, *stride, *padding, 1, 1, int(count_include_pad))
    if kernels.active and (prepared := windows(kernels.AVG_POOL, x.dtype, x.shape, geometry)) is not None:
        run, new = prepared
        y = new()
        run(np.ascontiguousarray(x), y)
        return y
    y = np.zeros((*x.shape[:2], *shape), x.dtype)
    for inside, under in taps(x.shape[2:], shape, kernel_size, stride, padding, (1, 1)):
        y[inside] += x[under]
    y /= counts(x.shape[2:], kernel_size, stride, padding, count_include_pad, shape).astype(x.dtype)
    return y


def prepared_average(
    x: Array,
    kernel_size: Pair,
    stride: Pair,
    padding: Pair,
    dilation: Pair,
    shape: Pair,
    count_include_pad: bool,
) -> Callable[[Array], Array] | None:
    """`average` for arrays of x's layout; None where no kernel runs."""
    geometry = (*shape, *kernel_size, *stride, *padding, *dilation, int(count_include_pad))
    return prepared_values(kernels.AVG_POOL, x, geometry)


def spread(
    y: Array, kernel_size: Pair, stride: Pair, padding: Pair, count_include_pad: bool, size: Pair
) -> Array:
    """The adjoint of `average`: every y shared out over its window in planes of `size`."""
    full, shape = (*y.shape[:2], *size), y.shape[2:]
    geometry = (*shape, *kernel_size, *stride, *padding, 1, 1, int(count_include_pad))
    if (
        kernels.active
        and (prepared := windows(kernels.AVG_POOL_BACKWARD, y.dtype, full, geometry)) is not None
    ):
        run, new = prepared
        x = new()
        run(x, np.ascontiguousarray(y))
        return x
    y = y / counts(size, kernel_size, stride, padding, count_include_pad, shape).astype(y.dtype)
    x = np.zeros(full, y.dtype)
    for inside, under in taps(size, shape, kernel_size, stride, padding, (1, 1)):
        x[under] += y[inside]
    return x


Prepared = tuple[Callable[..., None], Callable[[], Array]]


@functools.lru_cache(4096)
def windows(
    kernel: int, dtype: np.dtype[Any], shape: tuple[int, ...], geometry: tuple[int, ...]
) -> Prepared | None:
    """A kernel of windows over arrays of this shape and what makes its result; None if it can't run.

    geometry   the kernel's sizes after H and W, which begin with P and Q"""
    if dtype not in kernels.DTYPES or shape[2] * shape[3] >= 1 << 31:
        return None
    run = kernels.prepare(kernel, dtype, (shape[0] * shape[1], *shape[2:], *geometry))
    full = shape if kernel == kernels.AVG_POOL_BACKWARD else (*shape[:2], *geometry[:2])
    return run, kernels.maker(full, dtype)


@functools.lru_cache(4096)
def places(dtype: np.dtype[Any], shape: tuple[int, ...], size: Pair) -> Prepared | None:
    """The same for MAX_POOL_BACKWARD of arrays of this shape into planes of `size`."""
    if dtype not in kernels.DTYPES:
        return None
    sizes = (shape[0] * shape[1], size[0] * size[1], shape[2] * shape[3])
    run = kernels.prepare(kernels.MAX_POOL_BACKWARD, dtype, sizes)
    return run, kernels.maker((*shape[:2], *size), dtype)


def taps(
    size: tuple[int, ...],
    shape: tuple[int, ...],
    kernel_size: Pair,
    stride: Pair,
    padding: Pair,
    dilation: Pair,
) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...]]]:
    """For each place of a window: the outputs for which it lies inside the plane, and what is under it."""
    for r in range(kernel_size[0]):
        for s in range(kernel_size[1]):
            inside: list[Any] = [slice(None), slice(None)]
            under: list[Any] = [slice(None), slice(None)]
            for d, tap in enumerate((r, s)):
                shift = tap * dilation[d] - padding[d]
                low = max(0, -(shift // stride[d]))
                high = min(shape[d], -((shift - size[d]) // stride[d]))
                inside.append(slice(low, max(low, high)))
                start = low * stride[d] + shift
                under.append(
                    slice(start, start + max(0, high - low - 1) * stride[d] + (high > low), stride[d])
                )
            yield tuple(inside), tuple(under)


def counts(
    size: tuple[int, ...],
    kernel_size: Pair,
    stride: Pair,
    padding: Pair,
    include_pad: bool,
    shape: tuple[int, ...],
) -> Array:
    """By what the sum of each window is divided, (P, Q)."""
    lengths = []
    for d in (0, 1):
        start = np.arange(shape[d]) * stride[d] - padding[d]
        end = np.minimum(start + kernel_size[d], size[d] + padding[d])
        lengths.append(end - start if include_pad else np.minimum(end, size[d]) - np.maximum(start, 0))
    return np.outer(*lengths)
