"""Names, numbers and loops as C writes them."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = [
    "C_TYPES",
    "comment",
    "identifier",
    "initializer",
    "literal",
    "loops",
    "place",
    "statement",
]

C_TYPES = {
    "float32": "float", "float64": "double", "bool": "uint8_t", "int8": "int8_t", "uint8": "uint8_t",
    "int16": "int16_t", "uint16": "uint16_t", "int32": "int32_t", "uint32": "uint32_t", "int64": "int64_t",
    "uint64": "uint64_t",
}  # fmt: skip
WIDTH = 110
INDICES = "ijklmnpq"


def literal(value: Any, dtype: np.dtype[Any]) -> str:
    """The shortest C constant that is read as this very value.

    >>> literal(0.1, np.dtype(np.float32)), literal(-np.inf, np.dtype(np.float64))
    ('0.1f', '-INFINITY')
    """
    if dtype.kind == "f":
        number = dtype.type(value)
        if not np.isfinite(number):
            return "NAN" if np.isnan(number) else "INFINITY" if number > 0 else "-INFINITY"
        return str(number) + ("f" if dtype.itemsize == 4 else "")
    number = int(value)
    if number == -(2**63):
        return "INT64_MIN"
    return f"{number}u" if number >= 2**63 else str(number)


def initializer(values: np.ndarray[Any, Any]) -> str:
    """A flat array between braces; {0} stands for zeros."""
    if not values.view(np.uint8).any():
        return "{0}"
    words = [literal(value, values.dtype) for value in values]
    line = "{" + ", ".join(words) + "}"
    if len(line) <= WIDTH // 2:
        return line
    body = textwrap.fill(", ".join(words), WIDTH, initial_indent="  ", subsequent_indent="  ")
    return "{\n" + body + "}"


def identifier(name: str) -> str:
    """A name of letters, digits and underscores; layers that only have a number are called so.

    >>> identifier("0.weight"), identifier("blocks.2.norm1.bias")
    ('layer0_weight', 'blocks_2_norm1_bias')
    """
    found = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")
    return f"layer{found}" if found[:1].isdigit() else found or "unnamed"


def comment(text: str, indent: str = "") -> str:
    """A comment, wrapped where it is long."""
    text = text.replace("*/", "* /")
    lines = textwrap.wrap(text, WIDTH - len(indent) - 6)
    return f"{indent}/* " + f"\n{indent} * ".join(lines) + " */"


def place(strides: Sequence[int], offset: int = 0, names: str = INDICES) -> str:
    """Where an element lies, by its indices.

    >>> place([64, 1]), place([0, 0], 3), place([-2], 6)
    ('64 * i + j', '3', '6 - 2 * i')
    """
    text = str(offset) if offset else ""
    for name, stride in zip(names, strides, strict=False):
        if stride:
            sign = ("-" if stride < 0 else "") if not text else " - " if stride < 0 else " + "
            text += sign + (name if abs(stride) == 1 else f"{abs(stride)} * {name}")
    return text or "0"


def loops(lengths: Sequence[int], body: Sequence[str], names: str = INDICES, indent: str = "  ") -> list[str]:
    """Loops around statements, one index a length; lengths of 1 have none.

    >>> print("\\n".join(loops([2, 1], ["x[i] = 0;"], indent="")))
    for (int64_t i = 0; i < 2; i++)
      x[i] = 0;
    """
    counted = [(name, n) for name, n in zip(names, lengths, strict=False) if n != 1]
    heads = [f"for (int64_t {name} = 0; {name} < {n}; {name}++)" for name, n in counted]
    lines = [indent + "  " * depth + head for depth, head in enumerate(heads)]
    inner = indent + "  " * len(heads)
    if all(line.startswith("  ") for line in body[1:]):  # one statement
        return [*lines, *[inner + line for line in body]]
    if not heads:
        return [indent + "{", *[indent + "  " + line for line in body], indent + "}"]
    return [*lines[:-1], lines[-1] + " {", *[inner + line for line in body], inner[2:] + "}"]


def statement(text: str, indent: str = "  ") -> list[str]:
    """A statement on as many lines as it takes; `.field = value` is not parted."""
    if len(indent + text) <= WIDTH:
        return [indent + text]
    lines = textwrap.wrap(
        text.replace(" = ", "\xa0=\xa0"), WIDTH, initial_indent=indent, subsequent_indent=indent + "    ",
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
    return [line.replace("\xa0", " ") for line in lines]
