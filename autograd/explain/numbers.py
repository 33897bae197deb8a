"""Numbers as a person wants to read them: four digits, and large arrays in a few words."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["describe", "number", "operand"]

# Arrays of up to this many elements are written out; larger ones are summarised.
WRITTEN_OUT = 12


def number(x: Any) -> str:
    """A number to four significant digits.

    >>> number(-5.0359724), number(2.0), number(1e-7), number(True), number(12345678)
    ('-5.036', '2', '1e-07', 'True', '12345678')
    """
    if isinstance(x, bool | np.bool_):
        return str(bool(x))
    if isinstance(x, int | np.integer):
        return str(int(x))
    text = f"{float(x):.4g}"
    return "0" if text == "-0" else text


def operand(x: Any) -> str:
    """A number inside a formula: negative ones in parentheses."""
    text = number(x)
    return f"({text})" if text.startswith("-") else text


def nested(data: Any) -> str:
    return f"[{', '.join(map(nested, data))}]" if isinstance(data, list) else number(data)


def is_index(part: Any) -> bool:
    return isinstance(part, slice) or part is None or part is Ellipsis


def index(part: Any) -> str:
    """One part of an index, as it is written between brackets."""
    if not isinstance(part, slice):
        return "..." if part is Ellipsis else str(part) if part is None else describe(part)
    ends = [part.start, part.stop] if part.step is None else [part.start, part.stop, part.step]
    return ":".join("" if end is None else str(end) for end in ends)


def describe(value: Any, limit: int = WRITTEN_OUT) -> str:
    """A value in one line: the number, the elements, or (over `limit` of them) shape, mean and range.

    >>> describe(np.array([[1.0, 2.5], [3.0, 4.0]]))
    '[[1, 2.5], [3, 4]]'
    >>> describe(np.arange(100.0).reshape(4, 25))
    '(4, 25): mean 49.5, from 0 to 99'
    >>> describe((slice(None), slice(0, 8, 2), 3))
    '[:, 0:8:2, 3]'
    """
    if isinstance(value, float | int | np.generic):
        return number(value)
    if isinstance(value, slice) or (isinstance(value, tuple) and any(map(is_index, value))):
        return f"[{', '.join(map(index, value if isinstance(value, tuple) else (value,)))}]"
    if isinstance(value, list | tuple) and any(isinstance(x, np.ndarray) for x in value):
        return "; ".join(describe(x, limit) for x in value)
    if not isinstance(value, np.ndarray):
        text = str(value)
        return text if len(text) <= 60 else text[:57] + "..."
    if value.ndim == 0:
        return number(value[()])
    shape = f"({', '.join(map(str, value.shape))}{',' if value.ndim == 1 else ''})"
    if value.size == 0:
        return f"{shape}: empty"
    if value.size <= limit:
        return nested(value.tolist())
    if value.dtype.kind == "b":
        return f"{shape}: {int(value.sum())} of {value.size} true"
    if not np.isfinite(value).all():
        return f"{shape}: {int((~np.isfinite(value)).sum())} of {value.size} not finite"
    low, high = value.min(), value.max()
    if low == high:
        return f"{shape}: all {number(low)}"
    mean = float(value.mean())
    if abs(mean) < 1e-6 * max(abs(low), abs(high)):  # what rounding left of a sum that is 0
        mean = 0.0
    return f"{shape}: mean {number(mean)}, from {number(low)} to {number(high)}"
