"""Convolution and its two gradients on raw arrays: C kernels and NumPy references.

One trilinear form in x, w and g, each function leaving one of them out:

    forward   y[n, k, p, q] = sum_c,r,s w[k, c, r, s] x[n, c, p stride + r dilation - padding, ...]
    input     its gradient in x,     weight   its gradient in w

Shapes: x (N, C, H, W), w (K, C / groups, R, S), y (N, K, P, Q); stride, padding and dilation are pairs.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd import kernels
from autograd.ops import conv_choice
from autograd.ops.matmul_kernel import matmul

__all__ = ["forward", "input_gradient", "output_length", "weight_gradient"]

Array = np.ndarray[Any, Any]
Pair = tuple[int, int]


def output_length(length: int, taps: int, stride: int, padding: int, dilation: int) -> int:
    """How many places a window of `taps` has along an axis.

    >>> output_length(28, 3, stride=2, padding=1, dilation=1)
    14
    """
    return (length + 2 * padding - dilation * (taps - 1) - 1) // stride + 1


def forward(
    x: Array, w: Array, bias: Array | None, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Array:
    """y = conv(x, w) + bias."""
    p, q = (output_length(x.shape[2 + i], w.shape[2 + i], stride[i], padding[i], dilation[i]) for i in (0, 1))
    shape = (x.shape[0], w.shape[0], p, q)
    if is_product(x.shape, w.shape, padding, groups):
        return matmul(flat(x), flat(w).T, bias).reshape(shape)
    if has_kernel(x, w):
        y = kernels.empty(shape, x.dtype)
        run(kernels.CONV2D, x, w, y, bias, x.shape, w.shape, shape, stride, padding, dilation, groups)
        return y
    columns = windows(x, w.shape, shape, stride, padding, dilation, groups)
    products = columns @ w.reshape(groups, w.shape[0] // groups, -1).transpose(0, 2, 1)  # (groups, N P Q, K)
    y = products.reshape(groups, shape[0], p, q, shape[1] // groups).transpose(1, 0, 4, 2, 3).reshape(shape)
    return y if bias is None else y + bias[:, None, None]


def input_gradient(
    y: Array, w: Array, size: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Array:
    """The gradient in x, of height and width `size`, for the gradient y of the output."""
    n, k, p, q = y.shape
    _, channels, taps_h, taps_w = w.shape
    shape = (n, channels * groups, *size)
    if is_product(shape, w.shape, padding, groups):
        return matmul(flat(y), flat(w)).reshape(shape)
    if has_kernel(y, w):
        x = kernels.empty(shape, y.dtype)
        run(kernels.CONV2D_INPUT, x, w, y, None, shape, w.shape, y.shape, stride, padding, dilation, groups)
        return x
    rows = y.reshape(n, groups, k // groups, p * q)
    columns = w.reshape(groups, k // groups, -1).transpose(0, 2, 1) @ rows  # (N, groups, C R S, P Q)
    columns = columns.reshape(n, shape[1], taps_h, taps_w, p, q)
    padded = np.zeros((n, shape[1], *(2 * padding[i] + size[i] for i in (0, 1))), y.dtype)
    for r in range(taps_h):
        for s in range(taps_w):
            top, left = r * dilation[0], s * dilation[1]
            bottom, right = top + (p - 1) * stride[0] + 1, left + (q - 1) * stride[1] + 1
            padded[:, :, top : bottom : stride[0], left : right : stride[1]] += columns[:, :, r, s]
    return padded[:, :, padding[0] : padding[0] + size[0], padding[1] : padding[1] + size[1]]


def weight_gradient(
    x: Array, y: Array, size: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Array:
    """The gradient in w, of `size` taps, for the gradient y of the output."""
    k = y.shape[1]
    shape = (k, x.shape[1] // groups, *size)
    if is_product(x.shape, shape, padding, groups):
        return matmul(flat(y).T, flat(x)).reshape(shape)
    if has_kernel(x, y):
        w = kernels.empty(shape, x.dtype)
        run(kernels.CONV2D_WEIGHT, x, w, y, None, x.shape, shape, y.shape, stride, padding, dilation, groups)
        return w
    columns = windows(x, shape, y.shape, stride, padding, dilation, groups)  # (groups, N P Q, C R S)
    n, _, p, q = y.shape
    rows = y.reshape(n, groups, k // groups, p * q).transpose(1, 2, 0, 3)
    return (rows.reshape(groups, k // groups, n * p * q) @ columns).reshape(shape)


def is_product(x: tuple[int, ...], w: tuple[int, ...], padding: Pair, groups: int) -> bool:
    """Whether there is one window, the whole image: then a sample is a row, and all three are products."""
    return x[2:] == w[2:] and padding == (0, 0) and groups == 1


def flat(array: Array) -> Array:
    return array.reshape(len(array), math.prod(array.shape[1:]))


def windows(
    x: Array,
    w_shape: tuple[int, ...],
    y_shape: tuple[int, ...],
    stride: Pair,
    padding: Pair,
    dilation: Pair,
    groups: int,
) -> Array:
    """The window under every output place, as rows: (groups, N P Q, C / groups R S)."""
    (top, left), (taps_h, taps_w), (n, _, p, q) = padding, w_shape[2:], y_shape
    x = np.pad(x, ((0, 0), (0, 0), (top, top), (left, left)))
    a, b, c, d = x.strides
    every = np.lib.stride_tricks.as_strided(
        x,
        (n, groups, x.shape[1] // groups, p, q, taps_h, taps_w),
        (a, b * (x.shape[1] // groups), b, c * stride[0], d * stride[1], c * dilation[0], d * dilation[1]),
        writeable=False,
    )
    terms = x.shape[1] // groups * taps_h * taps_w
    return every.transpose(1, 0, 3, 4, 2, 5, 6).reshape(groups, n * p * q, terms)


def has_kernel(x: Array, y: Array) -> bool:
    return kernels.active and x.dtype == y.dtype and x.dtype in kernels.DTYPES


def run(
    kernel: int,
    x: Array,
    w: Array,
    y: Array,
    bias: Array | None,
    x_shape: tuple[int, ...],
    w_shape: tuple[int, ...],
    y_shape: tuple[int, ...],
    stride: Pair,
    padding: Pair,
    dilation: Pair,
    groups: int,
) -> None:
    x, w, y = (np.ascontiguousarray(array) for array in (x, w, y))
    bias = None if bias is None else np.ascontiguousarray(bias)
    sizes = (*x_shape, w_shape[0], *w_shape[2:], *y_shape[2:], *stride, *padding, *dilation, groups)
    conv_choice.call(kernel, [x, w, y, bias], sizes)
