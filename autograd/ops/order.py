"""Elements by their order, and by their place in a matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.op import operation
from autograd.ops import elementwise as e
from autograd.ops.index import gather
from autograd.ops.reduce import PLACE, ValuesIndices
from autograd.ops.shape import narrow
from autograd.tape import traced_constant


def argsort_forward(x: np.ndarray, *, dim: int, descending: bool) -> Any:
    if not descending:
        return np.argsort(x, dim, kind="stable")
    found = np.flip(np.argsort(np.flip(x, dim), dim, kind="stable"), dim)  # equal ones stay in their order
    return x.shape[dim] - 1 - found


argsort_ = operation("argsort", argsort_forward, {"x": None}, shape=lambda x, **_: x, why=PLACE)


def argsort(x: Any, dim: int = -1, descending: bool = False) -> Any:
    """int64 like x: where to find the smallest element over `dim`, the next, ...; equal ones stay in their
    order, and NaN counts as the largest.

    >>> import autograd
    >>> autograd.argsort(autograd.tensor([3.0, 1.0, 2.0]))
    tensor([1, 2, 0])
    """
    return argsort_(x, dim=checked_dim("argsort", x, dim), descending=bool(descending))


def sort(x: Any, dim: int = -1, descending: bool = False) -> ValuesIndices:
    """(values, indices): x in order over `dim`, as argsort says; gradients go where the values came from."""
    indices = argsort(x, checked_dim("sort", x, dim), descending)
    return ValuesIndices(gather(x, dim, indices), indices)


def topk(x: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> ValuesIndices:
    """(values, indices) of the k largest elements over `dim`, or smallest, in order (whether asked or not);
    gradients go where the values came from.

    >>> import autograd
    >>> autograd.topk(autograd.tensor([3.0, 1.0, 2.0]), 2)
    ValuesIndices(values=tensor([3., 2.]), indices=tensor([0, 2]))
    """
    dim = checked_dim("topk", x, dim)
    if not isinstance(k, int | np.integer) or not 0 <= k <= x.shape[dim]:
        raise ValueError(f"topk: want k in [0, {x.shape[dim]}], the length of dim {dim}, got {k!r}")
    indices = narrow(argsort(x, dim, largest), dim, 0, int(k))
    return ValuesIndices(gather(x, dim, indices), indices)


def checked_dim(name: str, x: Any, dim: int) -> int:
    ndim = len(x.shape)
    if not -ndim <= dim < ndim:
        raise IndexError(f"{name}: dim {dim} is out of range for {ndim} dimensions")
    return dim % ndim


def tril(x: Any, diagonal: int = 0) -> Any:
    """Matrices x (..., R, C) with 0 above a diagonal: the main one, or the one `diagonal` places above it.

    >>> import autograd
    >>> autograd.tril(autograd.ones(2, 3))
    tensor([[1., 0., 0.],
            [1., 1., 0.]])
    """
    return e.where(traced_constant(lower("tril", x, diagonal)), x, x.dtype.type(0))


def triu(x: Any, diagonal: int = 0) -> Any:
    """Matrices x (..., R, C) with 0 below a diagonal: the main one, or the one `diagonal` places above it.

    >>> import autograd
    >>> autograd.triu(autograd.ones(3, 3), diagonal=1).bool()      # attn_mask of causal attention
    tensor([[False,  True,  True],
            [False, False,  True],
            [False, False, False]])
    """
    return e.where(traced_constant(~lower("triu", x, diagonal - 1)), x, x.dtype.type(0))


def lower(name: str, x: Any, diagonal: int) -> np.ndarray:
    if len(x.shape) < 2:
        raise ValueError(f"{name}: want matrices (..., R, C), got shape {tuple(x.shape)}")
    rows, columns = x.shape[-2:]
    return np.tri(rows, columns, diagonal, dtype=bool)
