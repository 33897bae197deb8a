"""Choosing elements by position, and its adjoint: adding into zeros at those positions.

getitem and putitem are each other's derivative; so are gather and scatter_add, and take_rows (an
embedding's forward) and add_rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.op import operation
from autograd.ops.index_kernel import (
    add_along,
    prepared_add_along,
    prepared_take,
    prepared_take_along,
    put_add,
    put_add_along,
    take,
    take_along,
    wrapped,
)
from autograd.quick import quick
from autograd.tape import TRACE, Value, mode, traced_constant

Shape = tuple[int, ...]


# x[key] ------------------------------------------------------------------------------------------


def getitem_shape(x: Shape, *, key: Any) -> Shape:
    shape: Shape = np.broadcast_to(np.int8(0), x)[key].shape
    return shape


def is_basic(key: Any) -> bool:
    """Whether a key has only ints, slices, None and Ellipsis: then x[key] is a view."""
    parts = key if isinstance(key, tuple) else (key,)
    return all(part is None or part is Ellipsis or isinstance(part, int | slice) for part in parts)


def is_integer_array(part: Any) -> bool:
    return isinstance(part, np.ndarray) and part.dtype.kind in "iu"


def putitem_forward(y: Any, *, key: Any, shape: Shape) -> Any:
    parts = key if isinstance(key, tuple) else (key,)
    arrays = [is_integer_array(part) for part in parts]
    if any(arrays) and all(array or type(part) is int for array, part in zip(arrays, parts, strict=True)):
        # Indices of the leading dimensions only: rows of a table, each named by one number.
        row: Any = 0
        rows = 1
        for part, length in zip(parts, shape, strict=False):
            row, rows = row * length + wrapped(np.asarray(part), length), rows * length
        return put_add(np.asarray(y), row, 0, rows).reshape(shape)
    out = np.zeros(shape, y.dtype)
    if is_basic(key) or (isinstance(key, np.ndarray) and key.dtype.kind == "b"):
        out[key] = y  # every place at most once
    else:
        np.add.at(out, key, y)
    return out


getitem_ = operation(
    "getitem",
    lambda x, *, key: np.asarray(x[key]),
    {"x": lambda g, key, x_shape: putitem_(g, key=key, shape=x_shape)},
    shape=getitem_shape,
)
putitem_ = operation(
    "putitem",
    putitem_forward,
    {"y": lambda g, key: getitem_(g, key=key)},
    shape=lambda y, *, key, shape: shape,
)


def plain_key(key: Any) -> Any:
    """A key with arrays where there were Tensors or lists, and ints where there were NumPy's."""
    if isinstance(key, tuple):
        return tuple(plain_key(part) for part in key)
    if isinstance(key, Value):
        key = key.data
    if isinstance(key, list):
        key = np.asarray(key)
    if isinstance(key, np.ndarray):
        if key.dtype.kind not in "iub":
            raise TypeError(f"indexing: want integers or booleans, got an index of {key.dtype}")
        if key.ndim == 0 and key.dtype.kind != "b":
            if mode.word & TRACE:
                mode.trace.refuse_index(key)
            return int(key)
        return key
    if isinstance(key, np.integer):
        return int(key)
    if key is None or key is Ellipsis or isinstance(key, int | slice):
        return key
    raise TypeError(f"indexing: want ints, slices, None, ..., or arrays of them, got {key!r}")


def getitem(x: Any, key: Any) -> Any:
    """x[key] for ints, slices, Ellipsis, None, integer arrays and boolean masks, as in NumPy."""
    return getitem_(x, key=plain_key(key))


# gather and scatter_add --------------------------------------------------------------------------


def gather_shape(x: Shape, *, dim: int, index: np.ndarray) -> Shape:
    return index.shape


def put_along(g: Any, shape: Shape, dim: int, index: np.ndarray) -> Any:
    return scatter_add_(traced_constant(np.zeros(shape, g.dtype)), g, dim=dim, index=index)


def scatter_rule_source(g: Any, dim: int, index: np.ndarray, source_shape: Shape) -> Any:
    gathered = gather_(g, dim=dim, index=index)
    if index.shape == source_shape:
        return gathered
    key = tuple(slice(0, length) for length in index.shape)
    return putitem_(gathered, key=key, shape=source_shape)


gather_ = operation(
    "gather",
    lambda x, *, dim, index: take_along(x, index, dim, "gather"),
    {"x": lambda g, x_shape, dim, index: put_along(g, x_shape, dim, index)},
    shape=gather_shape,
    raw_rules={"x": lambda g, x_shape, dim, index: put_add_along(g, index, dim, x_shape, "gather")},
)
scatter_add_ = operation(
    "scatter_add",
    lambda x, source, *, dim, index: add_along(x, source, index, dim),
    {"x": lambda g: g, "source": scatter_rule_source},
    shape=lambda x, source, *, dim, index: x,
)


def checked_index(name: str, x: Any, dim: int, index: Any) -> tuple[int, np.ndarray]:
    index = index.data if isinstance(index, Value) else np.asarray(index)
    ndim = len(x.shape)
    if not -ndim <= dim < ndim:
        raise IndexError(f"{name}: dim {dim} is out of range for {ndim} dimensions")
    dim %= ndim
    if index.dtype.kind not in "iu":
        raise TypeError(f"{name}: want an integer index, got {index.dtype}")
    if index.shape != x.shape and (
        index.ndim != ndim or any(index.shape[d] > x.shape[d] for d in range(ndim) if d != dim)
    ):
        raise ValueError(f"{name}: index {index.shape} doesn't fit a tensor of shape {tuple(x.shape)}")
    return dim, index


@quick(lambda x, dim, index: prepared_take_along(x, index, dim), arrays=("x", "index"))
def gather(x: Any, dim: int, index: Any) -> Any:
    """out[i][j][k] = x[i][index[i][j][k]][k] (for dim = 1): one element of x per index."""
    dim, index = checked_index("gather", x, dim, index)
    return gather_(x, dim=dim, index=index)


@quick(
    lambda x, dim, index, source: prepared_add_along(x, source, index, dim), arrays=("x", "index", "source")
)
def scatter_add(x: Any, dim: int, index: Any, source: Any) -> Any:
    """A copy of x with source[i][j][k] added at x[i][index[i][j][k]][k] (for dim = 1)."""
    dim, index = checked_index("scatter_add", x, dim, index)
    if any(a > b for a, b in zip(index.shape, source.shape, strict=True)):
        raise ValueError(f"scatter_add: source {tuple(source.shape)} is smaller than index {index.shape}")
    return scatter_add_(x, source, dim=dim, index=index)


# Rows of a table ---------------------------------------------------------------------------------


take_rows_ = operation(
    "take_rows",
    lambda table, *, index: take(table, index, 0, "embedding"),
    {"table": lambda g, index, table_shape: add_rows_(g, index=index, rows=table_shape[0])},
    shape=lambda table, *, index: (*index.shape, table[1]),
)
add_rows_ = operation(
    "add_rows",
    lambda y, *, index, rows: put_add(y, index, 0, rows),
    {"y": lambda g, index: take_rows_(g, index=index)},
    shape=lambda y, *, index, rows: (rows, y[-1]),
)


@quick(prepared_take, arrays=("table", "index"))
def embedding(table: Any, index: Any) -> Any:
    """The rows of a (rows, width) table named by an integer array of any shape: (*index.shape, width)."""
    index = index.data if isinstance(index, Value) else np.asarray(index)
    if index.dtype.kind not in "iu":
        raise TypeError(f"embedding: want an integer index, got {index.dtype}")
    return take_rows_(table, index=index)
