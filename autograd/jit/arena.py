"""One piece of memory for all that a program computes: buffers that are never needed together share it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

__all__ = ["APART", "Life", "aligned", "arranged"]

LINE = 64  # bytes: buffers begin at whole cache lines

# Each buffer in memory of its own, just as large as it is: so a sanitizer sees who reads or writes beside it.
APART = os.environ.get("AUTOGRAD_ARENA") == "apart"


class Life(NamedTuple):
    """When a buffer is in use (places of instructions, both included), and its size."""

    first: int
    last: int
    nbytes: int


def arranged(lives: Mapping[Any, Life]) -> tuple[dict[Any, int], int]:
    """Where each buffer lies, and how many bytes they take in all: the largest first, each at the lowest
    place that no buffer alive at the same time has.

    >>> arranged({"a": Life(0, 1, 64), "b": Life(1, 2, 64), "c": Life(2, 3, 64)})
    ({'a': 0, 'b': 64, 'c': 0}, 128)
    """
    places: dict[Any, int] = {}
    placed: list[tuple[int, int, Life]] = []  # begin, end
    total = 0
    for key, life in sorted(lives.items(), key=lambda item: -item[1].nbytes):
        size = -(-max(life.nbytes, 1) // LINE) * LINE
        start = 0
        for begin, end, other in sorted(placed, key=lambda entry: entry[0]):
            if other.first <= life.last and life.first <= other.last and begin < start + size and start < end:
                start = end
        places[key] = start
        placed.append((start, start + size, life))
        total = max(total, start + size)
    return places, total


def aligned(nbytes: int) -> np.ndarray[Any, Any]:
    """Uninitialised memory (uint8) that begins at a whole line."""
    raw = np.empty(nbytes + LINE, np.uint8)
    shift = -raw.ctypes.data % LINE
    return raw[shift : shift + nbytes]
