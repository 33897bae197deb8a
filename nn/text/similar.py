"""Nearest neighbours among many vectors: cosines as one matrix product, then the largest of each row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

__all__ = ["blocks", "cosines", "first", "inverse_norms", "nearest", "top"]

Array = np.ndarray[Any, Any]

BLOCK = 1 << 22  # cosines held at once: 16 MB
STRIP = 64


def inverse_norms(matrix: Array) -> Array:
    """1 / length of each row of a (V, d) matrix, (V,) float32; 0 for a row of zeros, which is like nothing.

    ValueError: a row that has no finite length; the message says which.
    """
    lengths = np.sqrt(np.einsum("ij,ij->i", matrix, matrix))
    if not np.isfinite(lengths).all():
        raise ValueError(f"row {int(np.isfinite(lengths).argmin())} of the vectors has no finite length")
    inverse: Array = np.divide(1, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    return inverse


def first(restrict: int | None) -> slice:
    """The first `restrict` words; None: all. ValueError: fewer than one."""
    if restrict is not None and restrict < 1:
        raise ValueError(f"restrict must be at least 1, or None for all words, got {restrict}")
    return slice(restrict)


def cosines(matrix: Array, inverse: Array, queries: Array) -> Array:
    """Cosines (q, V) between queries (q, d) of length 1 and the rows of a matrix (V, d)."""
    result: Array = queries @ matrix.T
    result *= inverse
    return result


def top(scores: Array, count: int) -> Array:
    """Where the `count` largest of scores (V,) are, falling; of equals the first come first.

    >>> top(np.array([1.0, 3.0, 2.0, 3.0]), 3)
    array([1, 3, 2])
    """
    if not len(scores):
        return np.zeros(0, np.int64)
    # The largest of each strip: the count-th of these is no more than the count-th of all.
    strips = len(scores) // STRIP
    most = scores[: strips * STRIP].reshape(STRIP, strips).max(0) if count < strips else scores
    place = max(len(most) - count, 0)
    candidates = np.flatnonzero(scores >= np.partition(most, place)[place])
    best: Array = candidates[np.argsort(-scores[candidates], kind="stable")[:count]]
    return best


def blocks(queries: int, vectors: int) -> Iterator[slice]:
    """Parts of so many queries that their scores with `vectors` others fit a block."""
    step = max(1, BLOCK // max(vectors, 1))
    return (slice(i, min(i + step, queries)) for i in range(0, queries, step))


def nearest(
    matrix: Array, inverse: Array, queries: Array, count: int, without: Sequence[Sequence[int]] | None = None
) -> Iterator[tuple[Array, Array]]:
    """For each of the queries (q, d) of length 1 the `count` nearest rows of `matrix` and their cosines,
    falling; those in without[i] are left out for query i."""
    for part in blocks(len(queries), len(matrix)):
        scores = cosines(matrix, inverse, queries[part])
        for i, row in enumerate(scores, part.start):
            if without is not None:
                row[list(without[i])] = -np.inf
            best = top(row, count)
            best = best[row[best] > -np.inf]
            yield best, row[best]
