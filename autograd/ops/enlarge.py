"""Pixels repeated as blocks (nearest-neighbour enlarging), and the sums of blocks: each other's derivative.

    z[n, c, h rows + i, w columns + j] = x[n, c, h, w]        0 <= i < rows,  0 <= j < columns

Both work on whole images laid end to end, first in one direction and then in the other: loops as long as
all rows together, where an expanded view of six dimensions leaves NumPy inner loops of two elements.
"""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np

from autograd import kernels
from autograd.op import operation

__all__ = ["enlarge"]

Shape = tuple[int, ...]


def enlarge_forward(x: np.ndarray, *, rows: int, columns: int) -> np.ndarray:
    n, c, h, w = x.shape
    if kernels.active and x.dtype in kernels.DTYPES and x.size and rows * columns:
        out = kernels.empty((n, c, h * rows, w * columns), x.dtype)
        run = kernels.prepared(kernels.ENLARGE, x.dtype, (n * c * h, w, rows, columns))
        run(np.ascontiguousarray(x), out)
        return out
    return x.repeat(columns, 3).repeat(rows, 2)


def block_sums_forward(x: np.ndarray, *, rows: int, columns: int) -> np.ndarray:
    n, c, h, w = x.shape
    if kernels.active and x.dtype in kernels.DTYPES and x.size:
        out = kernels.empty((n, c, h // rows, w // columns), x.dtype)
        run = kernels.prepared(kernels.BLOCK_SUMS, x.dtype, (n * c * h // rows, w // columns, rows, columns))
        run(out, np.ascontiguousarray(x))
        return out
    lines = x.reshape(n * c * h // rows, rows, w)
    lines = reduce(np.add, [lines[:, i] for i in range(rows)])
    parts = lines.reshape(lines.size // columns, columns)
    return reduce(np.add, [parts[:, j] for j in range(columns)]).reshape(n, c, h // rows, w // columns)


enlarge_ = operation(
    "enlarge",
    enlarge_forward,
    {"x": lambda g, rows, columns: block_sums_(g, rows=rows, columns=columns)},
    shape=lambda x, *, rows, columns: (*x[:2], x[2] * rows, x[3] * columns),
)
block_sums_ = operation(
    "block_sums",
    block_sums_forward,
    {"x": lambda g, rows, columns: enlarge_(g, rows=rows, columns=columns)},
    shape=lambda x, *, rows, columns: (*x[:2], x[2] // rows, x[3] // columns),
)


def enlarge(x: Any, rows: int, columns: int) -> Any:
    """Every pixel of x (N, C, H, W) as a block of rows x columns equal ones.

    >>> import autograd
    >>> enlarge(autograd.tensor([[[[1.0, 2.0]]]]), 1, 2).tolist()
    [[[[1.0, 1.0, 2.0, 2.0]]]]
    """
    return enlarge_(x, rows=rows, columns=columns)
