"""Making tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd import dtypes
from autograd.tape import TRACE, Value, mode, traced_constant
from autograd.tensor import Tensor, shape_of

__all__ = [
    "arange", "as_tensor", "empty", "empty_like", "eye", "from_numpy", "full", "full_like", "linspace",
    "ones", "ones_like", "tensor", "zeros", "zeros_like",
]  # fmt: skip


def tensor(data: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor with a copy of `data`: numbers, nested lists of them, or an array.

    Python floats become the default type (float32); arrays keep theirs.

    >>> tensor([1, 2.5])
    tensor([1. , 2.5])
    """
    if isinstance(data, Value):
        data = data.data
    if dtype is None and not isinstance(data, np.ndarray | np.generic):
        try:
            array = np.array(data)
        except ValueError as error:
            raise ValueError(f"tensor: rows of unequal length can't be a tensor ({error})") from None
        if array.dtype == np.float64:
            array = array.astype(dtypes.default_dtype)
    else:
        array = np.array(data, dtype=dtype)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"tensor: want numbers, got {array.dtype} ({data!r})"[:300])
    if isinstance(data, np.ndarray) and mode.word & TRACE:
        mode.trace.copy_of(data, array)
        return Tensor(array, requires_grad)
    return made(array, requires_grad)


def made(array: Any, requires_grad: bool) -> Tensor:
    """A tensor of values that depend on no data."""
    return Tensor(traced_constant(array), requires_grad)


def from_numpy(array: np.ndarray) -> Tensor:
    """A tensor on the memory of `array`, without a copy."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"from_numpy: want a numpy.ndarray, got {type(array).__name__}")
    return Tensor(array)


def as_tensor(data: Any, dtype: Any = None) -> Tensor:
    """`data` as a tensor, without a copy where it is one or an array already."""
    if isinstance(data, Tensor):
        return data if dtype is None else data.to(dtype)
    if isinstance(data, np.ndarray):
        return Tensor(data if dtype is None else data.astype(dtype, copy=False))
    return tensor(data, dtype)


def full(size: Any, fill_value: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    if dtype is None:
        dtype = {bool: np.bool_, int: np.int64}.get(type(fill_value), dtypes.default_dtype)
    shape = shape_of((size,) if isinstance(size, int) else size)
    return made(np.full(shape, fill_value, dtype), requires_grad)


def zeros(*size: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    return made(np.zeros(shape_of(size), dtype or dtypes.default_dtype), requires_grad)


def ones(*size: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    return made(np.ones(shape_of(size), dtype or dtypes.default_dtype), requires_grad)


def empty(*size: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor whose elements are whatever was in memory."""
    return made(np.empty(shape_of(size), dtype or dtypes.default_dtype), requires_grad)


def zeros_like(x: Tensor, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    return made(np.zeros(x.shape, dtype or x.dtype), requires_grad)


def ones_like(x: Tensor, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    return made(np.ones(x.shape, dtype or x.dtype), requires_grad)


def empty_like(x: Tensor, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    return made(np.empty(x.shape, dtype or x.dtype), requires_grad)


def full_like(x: Tensor, fill_value: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    return made(np.full(x.shape, fill_value, dtype or x.dtype), requires_grad)


def arange(
    start: Any, end: Any = None, step: Any = 1, dtype: Any = None, requires_grad: bool = False
) -> Tensor:
    """start, start + step, ... below `end`; int64 where all are ints, else the default float type."""
    if end is None:
        start, end = 0, start
    if dtype is None:
        ints = all(isinstance(v, int | np.integer) for v in (start, end, step))
        dtype = np.int64 if ints else dtypes.default_dtype
    return made(np.arange(start, end, step).astype(dtype), requires_grad)


def linspace(start: float, end: float, steps: int, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    return made(np.linspace(start, end, steps, dtype=dtype or dtypes.default_dtype), requires_grad)


def eye(n: int, m: int | None = None, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    return made(np.eye(n, m, dtype=dtype or dtypes.default_dtype), requires_grad)
