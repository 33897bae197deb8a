"""The matrix product on raw arrays: which products go to the kernel, and how strides are told to it.

The kernel reads any strides (transposed, flipped, broadcast views), so nothing is copied. It knows one
batch dimension: trailing ones are joined where one stride serves, the others are looped over.
"""

from __future__ import annotations

import numpy as np

from autograd import kernels

# Multiplications (batch * m * n * k) from which the kernel beats np.matmul, the crossing into C and this
# file's own microseconds included. Measured on Zen 5 (float32, one thread, OpenBLAS): 0.84x at 64^3,
# 1.09x at 80^3, 1.7x at 128^3. A product with a vector is bound by memory: 0.97x at 512 x 512, both alike
# from there on, so the kernel only adds its threads.
KERNEL_FROM = 3 << 17
VECTOR_FROM = 1 << 20


def matmul(
    a: np.ndarray, b: np.ndarray, bias: np.ndarray | None = None, out: np.ndarray | None = None
) -> np.ndarray:
    """a @ b, plus `bias` (n,) on every row, in all of np.matmul's cases: a (..., m, k) or (k,), b
    (..., k, n) or (k,), leading dimensions broadcast. `out`, where given, receives the result.

    float32 and float64 of equal dtype run in the kernel from KERNEL_FROM multiplications on, the rest in
    np.matmul. Raises ValueError where np.matmul does, and for a bias that is not (n,).

    >>> matmul(np.ones((2, 3)), np.ones((3, 4)), bias=np.arange(4.0))
    array([[3., 4., 5., 6.],
           [3., 4., 5., 6.]])
    """
    n = b.shape[-1] if b.ndim > 1 else 1
    if bias is not None and bias.shape != (n,):
        raise ValueError(f"matmul: bias has shape {bias.shape}, want ({n},) for a product with {n} columns")
    if not (kernels.active and kernel_fits(a, b, bias, out)):
        return with_numpy(a, b, bias, out)
    x = a if a.ndim > 1 else a[None, :]
    y = b if b.ndim > 1 else b[:, None]
    batch = x.shape[:-2] if x.ndim == y.ndim == 2 else np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    shape = (*batch, *a.shape[-2:-1], *b.shape[1:][-1:])
    if out is None:
        out = kernels.empty(shape, a.dtype)
    elif out.shape != shape:
        raise ValueError(f"matmul: out has shape {out.shape}, the product has {shape}")
    if len(batch) > 0:
        run_batch(
            np.broadcast_to(x, (*batch, *x.shape[-2:])),
            np.broadcast_to(y, (*batch, *y.shape[-2:])),
            bias,
            out.reshape(*batch, x.shape[-2], n),
        )
    else:
        run(x, y, bias, out, 1, 0, 0)
    return out


def kernel_fits(a: np.ndarray, b: np.ndarray, bias: np.ndarray | None, out: np.ndarray | None) -> bool:
    if a.ndim > 1 and b.ndim > 1:
        m, n = a.shape[-2], b.shape[-1]
        work = a.size * n if a.ndim >= b.ndim else b.size * m
        if work < KERNEL_FROM or ((m == 1 or n == 1) and work < VECTOR_FROM):
            return False
        inner = b.shape[-2]
    else:
        if max(a.size, b.size) < VECTOR_FROM or not (a.ndim and b.ndim):
            return False
        inner = b.shape[0] if b.ndim == 1 else b.shape[-2]
    if a.dtype != b.dtype or a.dtype not in kernels.DTYPES or a.shape[-1] != inner:
        return False
    if bias is not None and not (bias.dtype == a.dtype and bias.flags.c_contiguous):
        return False
    if out is not None and (
        out.dtype != a.dtype
        or not out.flags.c_contiguous
        or np.may_share_memory(out, a)
        or np.may_share_memory(out, b)
    ):
        return False
    return a.flags.aligned and b.flags.aligned


def with_numpy(a: np.ndarray, b: np.ndarray, bias: np.ndarray | None, out: np.ndarray | None) -> np.ndarray:
    """The reference."""
    result = np.asarray(np.matmul(a, b, out=out))
    if bias is not None:
        result = np.asarray(np.add(result, bias if b.ndim > 1 else bias[0], out=out))
    return result


def run(
    x: np.ndarray,
    y: np.ndarray,
    bias: np.ndarray | None,
    out: np.ndarray,
    length: int,
    x_step: int,
    y_step: int,
) -> None:
    """One call: `length` products whose operands are x_step and y_step bytes apart; the last two
    dimensions of x and y are those of the first."""
    (m, k), n, size = x.shape[-2:], y.shape[-1], x.itemsize
    x_row, x_col, y_row, y_col = x.strides[-2], x.strides[-1], y.strides[-2], y.strides[-1]
    if m == 1:
        x_row = x_step
    if length > 1 and y_step == 0 and x_step == m * x_row:  # the rows of all x make one tall product
        m, length = m * length, 1
    sizes = (
        length, m, n, k, x_step // size, x_row // size, x_col // size, y_step // size, y_row // size,
        y_col // size, m * n, n, 0 if bias is None else 1, 0, 0,
    )  # fmt: skip
    kernels.call(kernels.GEMM, (x, y, out, bias), sizes)


def run_batch(x: np.ndarray, y: np.ndarray, bias: np.ndarray | None, out: np.ndarray) -> None:
    """x (*batch, m, k) @ y (*batch, k, n) into the contiguous out (*batch, m, n)."""
    length, x_step, y_step = 1, 0, 0
    outer = x.ndim - 2
    while outer > 0:
        more, x_next, y_next = x.shape[outer - 1], x.strides[outer - 1], y.strides[outer - 1]
        if length == 1:
            length, x_step, y_step = more, x_next, y_next
        elif more != 1 and (x_next, y_next) != (length * x_step, length * y_step):
            break
        else:
            length *= more
        outer -= 1
    for index in np.ndindex(x.shape[:outer]):
        run(x[index], y[index], bias, out[index], length, x_step, y_step)
