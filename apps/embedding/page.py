"""The page of a map: one file of HTML with its style, program and data in it, which needs no network.

The data are JSON in a script element that is never run; the page writes words as text, never as HTML.
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nn.data.idx import write_atomically
from nn.text import WordVectors

__all__ = ["assemble", "write"]

Array = np.ndarray[Any, Any]

PARTS = Path(__file__).parent / "page"
NEIGHBOURS = 12


def write(
    path: Path, title: str, words: Sequence[str], x: Array, maps: Mapping[str, Array], chosen: Sequence[str]
) -> None:
    """Write the page of words with vectors x (n, d) and their places in each map (n, 2)."""
    near, cosines = WordVectors(words, x).nearest(list(words), min(NEIGHBOURS, len(words) - 1))
    data = {
        "words": list(words),
        "maps": {name: scaled(places) for name, places in maps.items()},
        "near": near.tolist(),
        "cosines": np.round(cosines.astype(np.float64), 3).tolist(),
        "chosen": [words.index(word) for word in chosen],
    }
    write_atomically(path, assemble(title, data).encode())


def scaled(places: Array) -> list[list[float]]:
    """Places from -1 to 1, the larger side filled, to four digits."""
    centred = places - (places.max(0) + places.min(0)) / 2
    return np.round(centred / max(np.abs(centred).max(), 1e-12), 4).astype(float).tolist()  # type: ignore


def assemble(title: str, data: Mapping[str, Any]) -> str:
    """The page as text. Nothing in the data can end the element they stand in."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    for sign, code in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026"), ("\u2028", "\\u2028")):
        text = text.replace(sign, code)
    parts = {
        "TITLE": html.escape(title),
        "STYLE": (PARTS / "map.css").read_text(encoding="utf-8"),
        "PROGRAM": (PARTS / "map.js").read_text(encoding="utf-8"),
        "DATA": text,
    }
    page = (PARTS / "map.html").read_text(encoding="utf-8")
    before, *pieces = page.split("{{")
    for piece in pieces:
        name, rest = piece.split("}}", 1)
        before += parts[name] + rest
    return before
