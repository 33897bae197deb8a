"""The matrix product on raw arrays: which products go to the kernel, and how strides are told to it.

The kernel reads any strides (transposed, flipped, broadcast views), so nothing is copied. It knows one
batch dimension: trailing ones are joined where one stride serves, the others are looped over. All of this
is decided once for each pair of layouts and kept; a call looks it up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd import kernels

Layout = tuple[tuple[int, ...], tuple[int, ...]]  # shape and strides (in bytes)
Run = Callable[[np.ndarray, np.ndarray, np.ndarray | None], np.ndarray]

# Multiplications (batch * m * n * k) from which the kernel beats NumPy, the crossing into C included.
# ndarray.dot has a third of np.matmul's overhead (0.3 us), so it takes the products of small matrices, and of
# contiguous ones for longer; those of a vector only while one thread does. Measured on Zen 5 (float32, one
# thread, OpenBLAS).
DOT_BELOW = 1 << 17
DOT_UP_TO = 1 << 18
CONTIGUOUS_DOT_BELOW = 1 << 20
KERNEL_FROM = 1 << 13

KEPT = 1024  # layouts
plans: dict[Any, Run] = {}


def matmul(a: np.ndarray, b: np.ndarray, bias: np.ndarray | None = None) -> np.ndarray:
    """a @ b, plus `bias` (n,) on every row, in all of np.matmul's cases: a (..., m, k) or (k,), b
    (..., k, n) or (k,), leading dimensions broadcast.

    float32 and float64 of equal dtype run in the kernel where it pays, the rest in NumPy. Raises ValueError
    where np.matmul does, and for a bias that is not (n,).

    >>> matmul(np.ones((2, 3)), np.ones((3, 4)), bias=np.arange(4.0))
    array([[3., 4., 5., 6.],
           [3., 4., 5., 6.]])
    """
    if a.ndim == 2 == b.ndim and dot_pays(a.size * b.shape[1], a, b):
        if bias is None:
            return a.dot(b)  # type: ignore[no-any-return]
        if a.size * b.shape[1] < DOT_BELOW and a.dtype == b.dtype == bias.dtype:
            refuse_bias(b, bias)
            out = a.dot(b)
            out += bias
            return out  # type: ignore[no-any-return]
    if not kernels.active:
        return with_numpy(a, b, bias)
    key = (a.shape, a.strides, a.dtype, b.shape, b.strides, b.dtype, bias is None)
    run = plans.get(key)
    if run is None:
        if len(plans) >= KEPT:
            plans.clear()
        run = plans[key] = choose(a, b, bias)
    return run(a, b, bias)


def dot_pays(work: int, a: np.ndarray, b: np.ndarray) -> bool:
    """Whether ndarray.dot is the fastest way to the product of two matrices. Never where one is a single
    number: dot skips the product with a 0, and with it NaN and infinity."""
    if a.size == 1 or b.size == 1:
        return False
    if work < DOT_BELOW:
        return True
    if a.shape[0] == 1 or b.shape[1] == 1:
        return work <= DOT_UP_TO and kernels.get_num_threads() == 1
    return work <= DOT_UP_TO or (
        work < CONTIGUOUS_DOT_BELOW and a.flags.c_contiguous and b.flags.c_contiguous
    )


def with_numpy(a: np.ndarray, b: np.ndarray, bias: np.ndarray | None) -> np.ndarray:
    """The reference."""
    refuse_bias(b, bias)
    result = np.matmul(a, b)
    return np.asarray(result if bias is None else result + (bias if b.ndim > 1 else bias[0]))


def refuse_bias(b: np.ndarray, bias: np.ndarray | None) -> None:
    n = b.shape[-1] if b.ndim > 1 else 1
    if bias is not None and bias.shape != (n,):
        raise ValueError(f"matmul: bias has shape {bias.shape}, want ({n},) for a product with {n} columns")


def choose(a: np.ndarray, b: np.ndarray, bias: np.ndarray | None) -> Run:
    """How products of these layouts are computed."""
    if a.dtype != b.dtype or a.dtype not in kernels.DTYPES or not (a.ndim and b.ndim):
        return with_numpy
    if any(step % a.itemsize for step in (*a.strides, *b.strides)):
        return with_numpy  # fields of records
    x, y = a if a.ndim > 1 else a[None, :], b if b.ndim > 1 else b[:, None]
    if x.shape[-1] != y.shape[-2]:
        return with_numpy  # which refuses
    try:
        batch = np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    except ValueError:
        return with_numpy
    (m, k), n = x.shape[-2:], y.shape[-1]
    if int(np.prod(batch, dtype=int)) * m * n * k < KERNEL_FROM:
        return with_numpy
    x, y = np.broadcast_to(x, (*batch, m, k)), np.broadcast_to(y, (*batch, k, n))
    looped, sizes = instruction(x, y, bias is not None)
    multiply = kernels.prepare(kernels.GEMM, a.dtype, sizes)
    shape = (*batch, *a.shape[-2:-1], *b.shape[1:][-1:])
    turn_a, turn_b = turned(a), turned(b)
    empty = kernels.maker(shape, a.dtype)

    def run(a: np.ndarray, b: np.ndarray, bias: np.ndarray | None) -> np.ndarray:
        if not (a.flags.aligned and b.flags.aligned and (bias is None or usable(bias, n, a))):
            return with_numpy(a, b, bias)
        out = empty()
        if not looped:
            multiply(a.mT if turn_a else a, b.mT if turn_b else b, out, bias)
            return out
        x = np.broadcast_to(a if a.ndim > 1 else a[None, :], (*batch, m, k))
        y = np.broadcast_to(b if b.ndim > 1 else b[:, None], (*batch, k, n))
        z = out.reshape(*batch, m, n)
        for index in np.ndindex(*batch[:looped]):
            multiply(x[index], y[index], z[index], bias)
        return out

    return run


def usable(bias: np.ndarray, n: int, a: np.ndarray) -> bool:
    return bias.shape == (n,) and bias.dtype == a.dtype and bias.flags.c_contiguous and bias.flags.aligned


def turned(x: np.ndarray) -> bool:
    """Whether x is a transposed contiguous array: as such it crosses into C faster."""
    return x.ndim > 1 and not x.flags.c_contiguous and x.swapaxes(-1, -2).flags.c_contiguous


def instruction(x: np.ndarray, y: np.ndarray, bias: bool) -> tuple[int, tuple[int, ...]]:
    """For x (*batch, m, k) and y (*batch, k, n): how many of the batch's dimensions are looped over, and the
    sizes of one call for the others, which are joined."""
    length, x_step, y_step = 1, 0, 0
    looped = x.ndim - 2
    while looped > 0:
        more, x_next, y_next = x.shape[looped - 1], x.strides[looped - 1], y.strides[looped - 1]
        if length == 1:
            length, x_step, y_step = more, x_next, y_next
        elif more != 1 and (x_next, y_next) != (length * x_step, length * y_step):
            break
        else:
            length *= more
        looped -= 1
    (m, k), n, size = x.shape[-2:], y.shape[-1], x.itemsize
    x_row, x_col, y_row, y_col = x.strides[-2], x.strides[-1], y.strides[-2], y.strides[-1]
    if m == 1:
        x_row = x_step
    if length > 1 and y_step == 0 and x_step == m * x_row:  # the rows of all x make one tall product
        m, length = m * length, 1
    return looped, (
        length, m, n, k, x_step // size, x_row // size, x_col // size, y_step // size, y_row // size,
        y_col // size, m * n, n, 1 if bias else 0, 0, 0,
    )  # fmt: skip
