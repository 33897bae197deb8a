"""The helper functions of generated files: the .c files beside this one, read by pieces.

A piece is a function, a struct or an enum with the comment above it; an empty line ends it. `real` in it
stands for float or double.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

__all__ = ["Library", "pieces"]

FOLDER = Path(__file__).resolve().parent


class Piece(NamedTuple):
    """`names`: the function or type, or an enum's constants; `needs`: names of others in the text."""

    names: tuple[str, ...]
    text: str
    needs: tuple[str, ...]
    real: bool  # whether its text depends on the real type


@cache
def pieces() -> dict[str, Piece]:
    """All pieces, by each of their names, each after those it needs."""
    found: dict[str, Piece] = {}
    texts = [t for path in sorted(FOLDER.glob("*.c")) for t in path.read_text(encoding="utf-8").split("\n\n")]
    named = {name: text.strip() for text in texts for name in names_of(text)}
    words = {name: set(re.findall(r"\w+", code_of(text))) for name, text in named.items()}

    def read(name: str) -> Piece:
        if name not in found:
            names = names_of(named[name])
            needs = [other for other in named if other in words[name] and other not in names]
            real = any([read(other).real for other in needs]) or "real" in words[name]
            piece = Piece(tuple(names), named[name], tuple(needs), real)
            found.update(dict.fromkeys(names, piece))
        return found[name]

    for name in named:
        read(name)
    return found


def code_of(text: str) -> str:
    return re.sub(r"/\*.*?\*/", "", text, flags=re.S)


def names_of(text: str) -> list[str]:
    """What a piece defines."""
    code = code_of(text).strip()
    if code.startswith("enum"):
        return re.findall(r"[{,]\s*([A-Z_]+)", code)
    pattern = r".*\} (\w+);$" if code.startswith("typedef") else r"static [^(]*?(\w+)\("
    match = re.match(pattern, code, flags=re.S)
    assert match is not None, text
    return [match[1]]


class Library:
    """Collects what a file needs. The first real type keeps the plain names, the other's have it behind them.

    >>> library = Library("float")
    >>> library.use("sigmoid", "float"), library.use("sigmoid", "double")
    ('sigmoid', 'sigmoid_double')
    >>> print("\\n".join(library.texts()[0].splitlines()[1:3]))
    static float sigmoid(float x) {
      const float e = exp(-fabs(x));
    """

    def __init__(self, first: str) -> None:
        self.first = first
        self.used: dict[tuple[Piece, str], None] = {}

    def use(self, name: str, real: str) -> str:
        """The name by which a file calls a helper for this real type."""
        piece = pieces()[name]
        for need in piece.needs:
            self.use(need, real)
        self.used[piece, real if piece.real else ""] = None
        return self.named(name, real)

    def named(self, name: str, real: str) -> str:
        return name if real in ("", self.first) or not pieces()[name].real else f"{name}_{real}"

    def texts(self) -> list[str]:
        return list(self.instances())

    def instances(self) -> Iterator[str]:
        for piece, real in self.used:
            names = {name: self.named(name, real) for name in (*piece.names, *piece.needs)}
            pattern = r"\b(" + "|".join(["real", *names]) + r")\b"
            yield re.sub(pattern, lambda match: ({"real": real} | names)[match[1]], piece.text)  # noqa: B023
