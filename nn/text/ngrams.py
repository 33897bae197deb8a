"""n-grams of sequences as numbers: each different one is spelt once, however often it stands there.

An n-gram is an (n - 1)-gram and one symbol more. So each level is numbered from the one before:
key = number of the (n - 1)-gram * alphabet + symbol, and equal keys get one number.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

__all__ = ["ngrams"]

Level = tuple[list[str], np.ndarray, np.ndarray]


def ngrams(
    sequence: str | Sequence[str],
    lengths: np.ndarray,
    low: int,
    high: int,
    short: bool = False,
) -> Iterator[Level]:
    """For n from low to high: (names of the different n-grams, number of each one there in names, where it
    begins in the sequence).

    sequence: a text (n-grams of characters) or a list of words (which are joined by spaces)
    lengths: of the parts one after another that it consists of; no n-gram crosses their borders
    short: parts shorter than low count too, each as one whole, in levels below low, whose names may repeat

    >>> for names, numbers, starts in ngrams("abaab", np.array([3, 2]), 1, 2):
    ...     print(names, numbers, starts)
    ['a', 'b'] [0 1 0 0 1] [0 1 2 3 4]
    ['ab', 'ba'] [0 1 0] [0 1 3]
    """
    symbols, alphabet = numbered(sequence)
    lengths = lengths[lengths > 0]
    ends = np.repeat(lengths.cumsum(), lengths)  # of the part that each symbol is in
    begins = np.repeat(lengths.cumsum() - lengths, lengths)
    starts, numbers, names, count = np.arange(len(symbols)), symbols, alphabet, len(alphabet)
    for n in range(1, high + 1):
        if n > 1:
            room = starts + n <= ends[starts]
            starts = starts[room]
            keys = numbers[room] * len(alphabet) + symbols[starts + n - 1]
            numbers, firsts = distinct(keys, count * len(alphabet))
            names = spelt(sequence, starts[firsts], n) if n >= low else []
            count = len(firsts)
        if n >= low:
            yield names, numbers, starts
        elif short:
            wholes = starts[(starts == begins[starts]) & (starts + n == ends[starts])]
            yield spelt(sequence, wholes, n), np.arange(len(wholes)), wholes


def numbered(sequence: str | Sequence[str]) -> tuple[np.ndarray, list[str]]:
    """The symbols of a sequence as numbers (n,), and the alphabet: which is which."""
    if isinstance(sequence, str):
        codes = np.frombuffer(sequence.encode("utf-32-le", "surrogatepass"), np.uint32)
        present = np.bincount(codes, minlength=1) > 0
        return (present.cumsum() - 1)[codes], [chr(code) for code in np.flatnonzero(present)]
    index: defaultdict[str, int] = defaultdict()
    index.default_factory = index.__len__  # a new word gets the next number
    numbers = np.fromiter(map(index.__getitem__, sequence), np.int64, len(sequence))
    return numbers, list(index)


def distinct(keys: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Number the different keys (n,), in [0, size): (the number of each, one place of each different one)."""
    if size <= 8 * len(keys):  # a table is faster than sorting
        place = np.full(size, -1)
        place[keys] = np.arange(len(keys))
        present = place >= 0
        return (present.cumsum() - 1)[keys], place[present]
    order = keys.argsort()
    in_order = keys[order]
    new = np.ones(len(keys), bool)
    new[1:] = in_order[1:] != in_order[:-1]
    numbers = np.empty(len(keys), np.int64)
    numbers[order] = new.cumsum() - 1
    return numbers, order[new]


def spelt(sequence: str | Sequence[str], starts: np.ndarray, n: int) -> list[str]:
    if isinstance(sequence, str):
        return [sequence[i : i + n] for i in starts.tolist()]
    return [" ".join(sequence[i : i + n]) for i in starts.tolist()]
