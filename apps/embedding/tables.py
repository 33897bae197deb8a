"""Tables in text, aligned also where letters are two columns wide (Hangul)."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

__all__ = ["table", "width"]


def width(text: str) -> int:
    """Columns a text takes on a terminal.

    >>> width("king"), width("도서"), width("é")
    (4, 4, 1)
    """
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(unicodedata.combining(c) > 0 for c in text)


def table(rows: Sequence[Sequence[str]], heading: Sequence[str] = (), left: int = 1, indent: int = 2) -> str:
    """Rows as lines. The first `left` columns are aligned to the left, the others (numbers) to the right.

    >>> print(table([["왕", "0.50"], ["queen", "0.41"]], ["word", "cosine"]))
      word   cosine
      왕       0.50
      queen    0.41
    """
    lines = [list(heading), *map(list, rows)] if heading else [list(row) for row in rows]
    widths = [max(map(width, column)) for column in zip(*lines, strict=True)]

    def cell(text: str, i: int) -> str:
        space = " " * (widths[i] - width(text))
        return text + space if i < left else space + text

    return "\n".join(
        (" " * indent + "  ".join(cell(text, i) for i, text in enumerate(line))).rstrip() for line in lines
    )
