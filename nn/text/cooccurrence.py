"""Co-occurrence: how often words stand near each other, counted in a bounded amount of memory.

Each pair of words is one integer, with their distance in its lowest bits. Full buffers of pairs are sorted,
equal ones added up, and the sorted runs written to temporary files; merged, they give every cell of the
matrix once. Cells are dealt out to piles that fit in memory, and shuffled there, so that training can take
them in random order.
"""

from __future__ import annotations

import tempfile
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from nn.text.corpus import Chunk

__all__ = ["CELL", "Cooccurrence", "count_pairs"]

Array = np.ndarray[Any, Any]

CELL = np.dtype([("row", np.int32), ("column", np.int32), ("count", np.float32)])
SUM = np.dtype([("key", np.int64), ("sum", np.float64)])  # of a run: row * words + column


class Run(NamedTuple):
    """Sums in the order of their keys, in a file."""

    file: BinaryIO
    size: int

    def read(self, start: int, stop: int) -> Array:
        self.file.seek(start * SUM.itemsize)
        return np.fromfile(self.file, SUM, stop - start)

    @property
    def keys(self) -> Array:
        """All keys, mapped from the file while they are looked at: pages that stay would count as ours."""
        keys: Array = np.memmap(self.file, SUM, "r", shape=self.size)["key"]
        return keys

    def cuts(self, fences: Array) -> Array:
        """Where the parts between the fences begin, and where the last ends."""
        keys = self.keys
        return np.array([0, *(bisect_left(keys, fence) for fence in fences.tolist()), self.size])


class Cooccurrence:
    """The cells of a symmetric matrix that are not 0: each pair of different words once (row < column), and
    each word with itself. They stand on disk in `piles`; close it (or use `with`) to give the space back.

    words  rows and columns of the matrix
    cells  how many there are; `entries` of the whole matrix
    """

    def __init__(self, words: int, piles: list[BinaryIO], sizes: list[int], diagonal: int) -> None:
        self.words, self.piles, self.sizes = words, piles, sizes
        self.cells = sum(sizes)
        self.entries = 2 * self.cells - diagonal

    def __enter__(self) -> Cooccurrence:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        for file in self.piles:
            file.close()

    def pile(self, i: int) -> Array:
        """The cells of pile i, CELL (n,), in random order."""
        self.piles[i].seek(0)
        cells: Array = np.fromfile(self.piles[i], CELL, self.sizes[i])
        return cells

    def toarray(self) -> Array:
        """The whole matrix, float32 (words, words); for few words."""
        matrix = np.zeros((self.words, self.words), np.float32)
        for i in range(len(self.piles)):
            cells = self.pile(i)
            matrix[cells["row"], cells["column"]] = cells["count"]
            matrix[cells["column"], cells["row"]] = cells["count"]
        return matrix


def count_pairs(
    chunks: Iterable[Chunk],
    words: int,
    window: int = 10,
    weighting: bool = True,
    memory: int = 512 << 20,
    seed: int = 0,
) -> Cooccurrence:
    """Count the pairs of words that stand up to `window` words apart in a sentence.

    weighting  a pair d words apart counts 1 / d (False: 1), as in GloVe (Pennington et al. 2014, section 4.2)
    memory     bytes that counting and each pile may take, about
    seed       of the random order of cells

    Both directions count, as GloVe's program does: what is beside itself counts twice. ValueError: so many
    words and so wide a window that a pair is no 64-bit integer.

    >>> from nn.text.corpus import Corpus
    >>> from nn.text.vocabulary import Vocabulary
    >>> chunks = Corpus.of(["a b c", "a a"]).chunks(Vocabulary.from_words("abc"))
    >>> count_pairs(chunks, 3).toarray()
    array([[2. , 1. , 0.5],
           [1. , 0. , 1. ],
           [0.5, 1. , 0. ]], dtype=float32)
    """
    bits = window.bit_length()
    if window < 1 or words < 1 or words * words << bits >= 1 << 63:
        raise ValueError(f"count_pairs: can't count {words} words with a window of {window}")
    capacity = max(memory // 64, 1024)  # of pairs: 8 bytes each, and so several times while they are added up
    weights = np.ones(1 << bits)
    if weighting:
        weights[1:] /= np.arange(1, 1 << bits)
    buffer, used = np.empty(capacity, np.int64), 0
    runs: list[Run] = []
    try:
        for pairs in pairs_of(chunks, words, window, bits, capacity):
            if used + len(pairs) > capacity:
                runs.append(sorted_run(buffer[:used], bits, weights))
                used = 0
            buffer[used : used + len(pairs)] = pairs
            used += len(pairs)
        if used:
            runs.append(sorted_run(buffer[:used], bits, weights))
        del buffer
        return dealt(runs, words, capacity, np.random.default_rng(seed))
    finally:
        for run in runs:
            run.file.close()


def pairs_of(chunks: Iterable[Chunk], words: int, window: int, bits: int, most: int) -> Iterator[Array]:
    """(smaller word * words + larger word) << bits | distance, for each pair; arrays of at most `most`."""
    piece = max(min(most, 1 << 16), 1)
    for tokens, ends, _ in chunks:
        wide = tokens.astype(np.int64)
        room = np.repeat(ends, np.diff(ends, prepend=0)) - np.arange(len(tokens))  # to the sentence's end
        for i in range(0, len(tokens), piece):
            for distance in range(1, min(window, len(tokens) - 1) + 1):
                left, right = wide[i : i + piece], wide[i + distance : i + piece + distance]
                inside = room[i : i + len(right)] > distance
                a, b = left[: len(right)][inside], right[inside]
                yield (np.minimum(a, b) * words + np.maximum(a, b)) << bits | distance


def sorted_run(pairs: Array, bits: int, weights: Array) -> Run:
    """Sort pairs in place, add up the weights of equal ones, write them to a file."""
    pairs.sort()
    key = pairs >> bits
    starts = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]]))
    return written(key[starts], np.add.reduceat(weights[pairs & (len(weights) - 1)], starts))


def written(key: Array, sums: Array) -> Run:
    run = np.empty(len(key), SUM)
    run["key"], run["sum"] = key, sums
    file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
    run.tofile(file)
    return Run(file, len(run))


def merged(runs: list[Run], capacity: int) -> Iterator[tuple[Array, Array]]:
    """The sums of all runs by rising keys, each key once; (keys, sums) of at most about `capacity`."""
    step = max(capacity // (2 * max(len(runs), 1)), 1)
    # Between two of these keys, each run has at most two steps.
    fences = np.unique(np.concatenate([np.array(run.keys[step::step]) for run in runs]))[:: len(runs)]
    cuts = [run.cuts(fences) for run in runs]
    for i in range(len(fences) + 1):
        part = np.concatenate([run.read(cut[i], cut[i + 1]) for run, cut in zip(runs, cuts, strict=True)])
        if len(part):
            order = np.argsort(part["key"], kind="stable")  # which merges what is sorted piecewise
            key, sums = part["key"][order], part["sum"][order]
            starts = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]]))
            yield key[starts], np.add.reduceat(sums, starts)


def dealt(runs: list[Run], words: int, capacity: int, random: np.random.Generator) -> Cooccurrence:
    """Merge the runs, deal their cells in turn to piles of about `capacity`, and shuffle each."""
    count = max(-(-sum(run.size for run in runs) // capacity), 1)
    piles: list[BinaryIO] = [tempfile.TemporaryFile(buffering=0) for _ in range(count)]  # noqa: SIM115
    sizes, diagonal = [0] * count, 0
    for key, sums in merged(runs, capacity) if runs else ():
        cells = np.empty(len(key), CELL)
        cells["row"], cells["column"] = np.divmod(key, words)
        same = cells["row"] == cells["column"]
        cells["count"] = np.where(same, 2 * sums, sums)
        diagonal += int(same.sum())
        for i in range(count):
            cells[i::count].tofile(piles[i])
            sizes[i] += len(cells[i::count])
    pairs = Cooccurrence(words, piles, sizes, diagonal)
    for i, file in enumerate(piles):
        plain = pairs.pile(i).view(np.int32).reshape(-1, 3)  # whose rows NumPy takes many times quicker
        file.seek(0)
        plain.take(random.permutation(len(plain)), axis=0).tofile(file)
    return pairs
