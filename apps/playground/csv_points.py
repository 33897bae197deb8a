"""Points as a text of lines x,y,label: read with clear errors, written so that they read back exactly."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from apps.playground.errors import Refused
from apps.playground.points import LABELS, MOST_CLASSES, MOST_VALUE
from apps.playground.settings import MOST_POINTS

__all__ = ["MOST_BYTES", "read", "write"]

Array = np.ndarray[Any, Any]

MOST_BYTES = 256 * 1024
NUMBER = re.compile(
    r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(nan|inf|infinity)", re.ASCII | re.IGNORECASE
)


def read(text: str, regression: bool = False) -> list[list[float]]:
    """The points [x, y, label] of a text, in its order.

    Columns are parted by commas, semicolons or tabs. The first line may be names; empty lines, lines from #
    on, and what other programs put before and after lines (a byte order mark, carriage returns) are passed
    over. `regression` tells whether labels are real numbers; else they are -1, or whole from 0 to 4.

    Refused, the `line` counted from 1: `csv_large` (256 KiB), `csv_number`, `csv_columns`, `csv_finite` (NaN,
    infinite, beyond a million), `csv_label`, `csv_many` (5000 points), `csv_none`.

    >>> read("x;y;label\\n1;2.5;-1\\n\\n# mine\\n0;-1e-3;1\\n")
    [[1.0, 2.5, -1.0], [0.0, -0.001, 1.0]]
    """
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > MOST_BYTES:
        raise Refused("csv_large", bytes=size, most=MOST_BYTES)
    rows: list[list[float]] = []
    begun = False  # whether a line was points or names
    for line, content in enumerate(re.split(r"\r\n|\r|\n", text.removeprefix("\ufeff")), start=1):
        content = content.split("#", 1)[0].strip(" ")
        if not content.strip():
            continue
        cells = [cell.strip().strip('"').strip() for cell in re.split("[,;\t]", content)]
        if not begun and not any(NUMBER.fullmatch(cell) for cell in cells):
            begun = True  # names
            continue
        begun = True
        if len(cells) != 3:
            raise Refused("csv_columns", line=line, count=len(cells), text=content)
        if len(rows) == MOST_POINTS:
            raise Refused("csv_many", line=line, most=MOST_POINTS)
        rows.append([number(cell, line) for cell in cells])
        if not regression and rows[-1][2] not in range(-1, MOST_CLASSES):
            raise Refused("csv_label", line=line, text=cells[2], allowed=LABELS)
    if not rows:
        raise Refused("csv_none")
    return rows


def number(cell: str, line: int) -> float:
    if not NUMBER.fullmatch(cell):
        raise Refused("csv_number", line=line, text=cell)
    value = float(cell)
    if not -MOST_VALUE <= value <= MOST_VALUE:
        raise Refused("csv_finite", line=line, text=cell)
    return value


def write(rows: Array) -> str:
    """The text of points (n, 3), which reads back as exactly these numbers.

    >>> print(write(np.array([[0.1, -2.0, 1.0]])), end="")
    x,y,label
    0.1,-2,1
    """
    lines = [",".join(shortest(value) for value in row) for row in np.asarray(rows, np.float64).tolist()]
    return "\n".join(["x,y,label", *lines, ""])


def shortest(value: float) -> str:
    """The fewest digits that read back as this number."""
    return repr(value).removesuffix(".0")
