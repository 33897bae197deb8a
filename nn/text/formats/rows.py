"""Rows of text, a word and its numbers each, as word2vec, fastText and GloVe write them.

Words and numbers are set apart by single spaces, as bytes: other white space may be part of a word. Lines may
end in a space (word2vec.c and fastText write one) or in a carriage return.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, BinaryIO

import numpy as np

from nn.text.formats.files import Reader

__all__ = ["Rows", "check_words", "decoded", "infinite_row", "read_rows", "write_rows"]

Array = np.ndarray[Any, Any]


class Rows:
    """A (n, dim) float32 array that grows: its size is never believed from a file's header alone."""

    def __init__(self, dim: int) -> None:
        self.array, self.count = np.empty((1 + (1 << 20) // dim, dim), np.float32), 0

    def grow(self, count: int) -> Array:
        """The next `count` rows, to be filled."""
        while self.count + count > len(self.array):
            # No copy where the system can move pages.
            self.array.resize((2 * len(self.array), self.array.shape[1]), refcheck=False)
        self.count += count
        return self.array[self.count - count : self.count]

    def whole(self) -> Array:
        self.array.resize((self.count, self.array.shape[1]), refcheck=False)
        return self.array


def infinite_row(matrix: Array) -> int | None:
    """The first row with a number that isn't finite, if any."""
    for i in range(0, len(matrix), 1 << 14):  # little memory beside a large matrix
        finite = np.isfinite(matrix[i : i + (1 << 14)]).all(1)
        if not finite.all():
            return i + int(finite.argmin())
    return None


def read_rows(
    reader: Reader, dim: int, count: int | None, limit: int | None, spaced: bool = False
) -> tuple[list[str], Array]:
    """Rows up to the file's end, the next `count`, or at most `limit`: words, and vectors (n, dim) float32.

    spaced: words may contain spaces (some of GloVe's do)

    DataError, with the line: another number of fields, something that is no finite float32, bad UTF-8, an
    empty word or one that was there before, fewer rows than `count`.
    """
    rows, names = Rows(dim), list[bytes]()
    first = reader.line + 1
    most = min(1 << 40 if size is None else size for size in (count, limit))
    while len(names) < most and (lines := reader.lines(most - len(names))):
        lines = [line.rstrip(b" \r") for line in lines]
        values = parse(lines, dim, spaced, names)
        if values is None:
            raise reader.error(diagnosis(lines, dim, spaced, reader.line - len(lines) + 1))
        rows.grow(len(lines))[:] = values
    if count is not None and len(names) < most:
        raise reader.error(f"cut off after {len(names):,} vectors; its first line says {count:,}")
    return decoded(reader, names, lambda i: f"line {first + i}"), rows.whole()


def parse(lines: list[bytes], dim: int, spaced: bool, names: list[bytes]) -> Array | None:
    """The numbers of lines, (n, dim), their words added to `names`; None if anything is wrong."""
    words, rests = [], []
    for line in lines:
        spaces = line.count(b" ")
        if spaces == dim:
            word, _, rest = line.partition(b" ")
        elif spaced and spaces > dim:
            word, *fields = line.rsplit(b" ", dim)
            rest = b" ".join(fields)
        else:
            return None
        words.append(word)
        rests.append(rest)
    text = b" ".join(rests)
    # What NumPy's parser would take for the one space between numbers.
    if any(mark in text for mark in (b"  ", b"\t", b"\r", b"\v", b"\f")):
        return None
    with warnings.catch_warnings(), np.errstate(over="ignore"):
        warnings.simplefilter("error", DeprecationWarning)  # NumPy's error before 2.4
        try:
            values = np.fromstring(text, np.float32, sep=" ")
        except (ValueError, DeprecationWarning):
            return None
    if values.size != len(lines) * dim or not np.isfinite(values).all():
        return None
    names += words
    return values.reshape(len(lines), dim)


def diagnosis(lines: list[bytes], dim: int, spaced: bool, number: int) -> str:
    """What is wrong with the first bad line of some, of which the first has this number."""
    for i, line in enumerate(lines, number):
        if not line:
            return f"line {i} is empty"
        fields = line.split(b" ")
        if len(fields) != dim + 1 and not (spaced and len(fields) > dim):
            return f"line {i} has {len(fields):,} fields; a word and {dim} numbers are {dim + 1}"
        for field in fields[-dim:]:
            shown = field[:30].decode(errors="backslashreplace")
            try:
                with np.errstate(over="ignore"):
                    # Python would also take spaces around a number and underscores in it.
                    value = None if set(field) & set(b"_ \t\r\v\f") else np.float32(float(field))
            except ValueError:
                value = None
            if value is None:
                return f"line {i} has {shown!r} where a number should be"
            if not np.isfinite(value):
                return f"line {i} has {shown}, which is not a finite float32"
    return f"the lines from {number} to {number + len(lines) - 1} can't be read"


def decoded(reader: Reader, names: list[bytes], place: Any) -> list[str]:
    """Words out of UTF-8. DataError, with place(i): bad UTF-8, an empty word, one that was there before."""
    words, seen = [], dict[str, int]()
    for i, name in enumerate(names):
        try:
            word = name.decode()
        except UnicodeDecodeError:
            raise reader.error(f"{place(i)}: the word {name!r} is not UTF-8") from None
        if not word:
            raise reader.error(f"{place(i)}: the word is empty")
        if seen.setdefault(word, i) != i:
            raise reader.error(f"{place(i)}: the word {word!r} was there before, at {place(seen[word])}")
        words.append(word)
    return words


def check_words(words: Sequence[str], forbidden: str, form: str) -> None:
    """ValueError: words that a format can't hold."""
    for word in words:
        if not word or any(mark in word for mark in forbidden):
            raise ValueError(f"{form} can't hold the word {word!r} (safetensors can)")
        # A reader may take these for the end of a line.
        if word != word.strip(" \r\n\t\v\f"):
            raise ValueError(f"{form} can't hold the word {word!r}: white space at its end (safetensors can)")


def write_rows(stream: BinaryIO, words: Sequence[str], matrix: Array, form: str) -> None:
    """A line a word; nine digits, from which each float32 is read back as it was."""
    check_words(words, " \n", form)
    line = "%s" + " %.9g" * matrix.shape[1] + "\n"
    for i in range(0, len(words), 1024):
        rows = zip(words[i : i + 1024], matrix[i : i + 1024].tolist(), strict=True)
        stream.write("".join([line % (word, *row) for word, row in rows]).encode())
