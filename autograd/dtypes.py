"""Types of elements, and which type an op on several gets (PyTorch's rules of promotion)."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = [
    "bool_", "common_dtype", "float32", "float64", "get_default_dtype", "int32", "int64", "set_default_dtype",
    "uint8",
]  # fmt: skip

float32 = np.dtype(np.float32)
float64 = np.dtype(np.float64)
int32 = np.dtype(np.int32)
int64 = np.dtype(np.int64)
uint8 = np.dtype(np.uint8)
bool_ = np.dtype(np.bool_)

default_dtype = float32


def get_default_dtype() -> np.dtype[Any]:
    """The type of tensors made from Python floats: float32 unless set."""
    return default_dtype


def set_default_dtype(dtype: Any) -> None:
    """Make `float32` or `float64` the type of tensors made from Python floats."""
    global default_dtype
    dtype = np.dtype(dtype)
    if dtype not in (float32, float64):
        raise TypeError(f"set_default_dtype: want float32 or float64, got {dtype}")
    default_dtype = dtype


CATEGORY = {"b": 0, "u": 1, "i": 1, "f": 2}


def category(dtype: np.dtype[Any]) -> int:
    try:
        return CATEGORY[dtype.kind]
    except KeyError:
        raise TypeError(
            f"elements of type {dtype} are not supported; use floats, integers or bools"
        ) from None


def common_dtype(*operands: Any) -> np.dtype[Any]:
    """The type of a result of arrays and Python numbers.

    The highest category among bool, integer and float wins; within it arrays with dimensions come before
    0-d arrays, and those before Python numbers, so that `float32_array * 2.0` stays float32.

    >>> common_dtype(np.ones(3, np.float32), np.ones(3, np.int64))
    dtype('float32')
    >>> common_dtype(np.ones(3, np.int64), 0.5)
    dtype('float32')
    """
    ranked: list[tuple[int, int, np.dtype[Any]]] = []
    for x in operands:
        if isinstance(x, np.generic):  # 0.1 and np.float64(0.1) alike
            x = x.item()
        if isinstance(x, np.ndarray):
            ranked.append((category(x.dtype), 2 if x.ndim else 1, x.dtype))
        elif isinstance(x, bool):
            ranked.append((0, 0, bool_))
        elif isinstance(x, int):
            ranked.append((1, 0, int64))
        else:
            ranked.append((2, 0, default_dtype))
    top = max(rank[0] for rank in ranked)
    inside = [rank for rank in ranked if rank[0] == top]
    dims = max(rank[1] for rank in inside)
    return np.result_type(*(rank[2] for rank in inside if rank[1] == dims))
