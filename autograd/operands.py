"""The operands of elementwise ops, off the fast path of the doors: calls without Values, plain numbers,
mixed types, and what is said of operands that don't go together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd import dtypes
from autograd.op import Op, cast
from autograd.tape import TRACE, Value, mode

__all__ = ["any_value", "as_float", "ieee", "mixing_error", "on_numbers", "raw", "shape_error", "unify"]

ndarray = np.ndarray
ARITHMETIC = (ValueError, OverflowError, ZeroDivisionError, TypeError)  # what Python's own numbers raise


def any_value(values: Sequence[Any]) -> bool:
    return any(isinstance(x, Value) for x in values)


def raw(op: Op, *values: Any) -> Any:
    """A call without Values: arrays and numbers, as rules make them, or symbols being traced."""
    symbol = symbolic(op, *values)
    if symbol is not None:
        return symbol
    if all(isinstance(x, float | int) for x in values):
        return on_numbers(op, *values)
    return op.forward(*values)


def symbolic(op: Op, *values: Any) -> Any:
    """What symbols make of the op; None if there are none among its operands."""
    for x in values:
        if hasattr(x, "__apply_op__"):
            return x.__apply_op__(op.name, values)
    return None


def other_numbers(op: Op, x: Any, y: Any, a: Any, b: Any) -> Any:
    """An op of Scalars or numbers x and y whose data a and b are not both floats: symbols of a capture, or
    integers that somebody put into `.data`."""
    out = symbolic(op, a, b)
    if out is None:
        out = on_numbers(op, a, b)
        if out.__class__ is not float:
            raise mixing_error(op, x, y)
    return out


def ieee(op: Op, *values: Any) -> Any:
    """The op on Python numbers where Python's own arithmetic raises: 1/0, log(0), exp(1000)."""
    for x in values:
        if not isinstance(x, float | int):
            raise TypeError(f"{op.name}: cannot work with a {type(x).__name__}; make it a Scalar or a number")
    with np.errstate(all="ignore"):
        out = op.forward(*(np.asarray(x, np.float64) for x in values))
    return bool(out) if out.dtype == bool else float(out)


def on_numbers(op: Op, *values: Any) -> Any:
    if mode.word & TRACE:
        symbol = symbolic(op, *values)
        if symbol is not None:
            return symbol
    if op.number is not None:
        try:
            return op.number(*values)
        except ARITHMETIC:
            pass
    return ieee(op, *values)


def unify(op: Op, floating: bool, *values: Any) -> tuple[Any, ...] | None:
    """The operands cast to their common type, or None if they can be used as they are."""
    first = 1 if op.inputs[0] == "condition" else 0
    datas = [x.data if isinstance(x, Value) else x for x in values]
    for x, data in zip(values, datas, strict=True):
        if not isinstance(data, ndarray | float | int | np.generic):
            raise TypeError(f"{op.name}: cannot work with a {type(x).__name__}; make it a tensor first")
        if isinstance(x, Value) and not isinstance(data, ndarray):
            raise mixing_error(op, *values)
    dtype = dtypes.common_dtype(*datas[first:])
    if floating and dtype.kind != "f":
        dtype = dtypes.default_dtype
    changed = False
    result = list(values)
    for i in range(first, len(values)):
        data = datas[i]
        if isinstance(data, ndarray) and data.dtype != dtype:
            result[i] = cast(values[i], dtype)
            changed = True
        elif isinstance(data, np.generic):
            result[i] = data.item()
            changed = True
    return tuple(result) if changed else None


def as_float(x: Any) -> Any:
    return float(x) if isinstance(x, int | np.number) else x


def mixing_error(op: Op, *values: Any) -> TypeError:
    """A Scalar beside an array, or a `.data` that is neither."""
    for x in values:
        if isinstance(x, Value) and isinstance(x.data, Value):
            return TypeError(
                f"{op.name}: the .data of a value holds a {type(x.data).__name__}; assign an array, or "
                "update in place: with autograd.no_grad(): p -= step"
            )
    return TypeError(
        f"{op.name}: a Scalar and a tensor don't mix; use float(scalar), or a 0-d tensor instead"
    )


def shape_error(op: Op, error: ValueError, *arrays: Any) -> ValueError:
    """`error` in terms of shapes, if that is what it is about."""
    try:
        np.broadcast_shapes(*map(np.shape, arrays))
        return ValueError(f"{op.name}: {error}")
    except ValueError:
        shapes = " and ".join(str(np.shape(x)) for x in arrays)
    return ValueError(
        f"{op.name}: shapes {shapes} don't broadcast; trailing lengths must be equal or 1 "
        "(reshape or unsqueeze one of them)"
    )
