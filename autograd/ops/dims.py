"""The dimensions that a reduction is asked for, and the shapes that it leaves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Dims = int | Sequence[int] | None


def dims_of(name: str, ndim: int, dim: Dims) -> tuple[int, ...]:
    """`dim` as a sorted tuple of non-negative dimensions; None means all."""
    if dim is None:
        return tuple(range(ndim))
    dims, rank = [], ndim or 1  # 0-d takes dim 0 and -1; `max` is ours here
    for d in (dim,) if isinstance(dim, int | np.integer) else dim:
        if not -rank <= d < rank:
            raise IndexError(f"{name}: dim {d} is out of range for {ndim} dimensions")
        dims.append(int(d) % rank)
    if len(set(dims)) != len(dims):
        raise ValueError(f"{name}: dim {dim} names a dimension twice")
    return tuple(sorted(dims)) if ndim else ()


def reduced_shape(x: tuple[int, ...], *, dims: tuple[int, ...], keepdim: bool) -> tuple[int, ...]:
    if keepdim:
        return tuple(1 if i in dims else length for i, length in enumerate(x))
    return tuple(length for i, length in enumerate(x) if i not in dims)
