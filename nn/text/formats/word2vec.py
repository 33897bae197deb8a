"""word2vec's two formats (also fastText's .vec): a line with the number of words and of dimensions, then

    text      a line a word: the word and its numbers, set apart by spaces
    binary    the word, a space, its numbers as little-endian float32, a newline (which gensim leaves out)

(T. Mikolov's word2vec.c.) Words are UTF-8; spaces and newlines can't be in them.
"""

from __future__ import annotations

import os

from nn.text.formats.files import BOM, Reader, reading, replacing
from nn.text.formats.rows import Rows, check_words, decoded, infinite_row, read_rows, write_rows
from nn.text.vectors import WordVectors

__all__ = ["read_binary", "read_text", "write_binary", "write_text"]


def header(reader: Reader) -> tuple[int, int]:
    """The numbers of words and of dimensions, from the first line."""
    reader.skip(BOM)
    line = reader.until(b"\n", "the first line", 1 << 10)
    reader.line += 1
    fields = line.split()
    if len(fields) != 2 or not all(field.isdigit() for field in fields):
        shown = line[:40].decode(errors="backslashreplace")
        raise reader.error(f"line 1 should say how many words and dimensions there are, not {shown!r}")
    count, dim = map(int, fields)
    if not 0 < dim < 1 << 20 or count >= 1 << 40:
        raise reader.error(f"line 1 promises {count} words of {dim} dimensions")
    return count, dim


def finish(reader: Reader, count: int) -> None:
    """Nothing but white space may follow the last vector."""
    while rest := reader.peek(1 << 16):
        if rest.strip():
            where = reader.position + len(rest) - len(rest.lstrip())
            raise reader.error(f"goes on after the {count:,} vectors of its first line, at byte {where:,}")
        reader.take(len(rest), "the end")


def read_text(path: str | os.PathLike[str], limit: int | None = None) -> WordVectors:
    """The vectors of a word2vec text file or fastText's .vec, packed or not; or the first `limit` of them.

    DataError, with the line and the reason: whatever is malformed (see rows.read_rows).
    """
    with reading(path) as reader:
        count, dim = header(reader)
        words, matrix = read_rows(reader, dim, count, limit)
        if len(words) == count:
            finish(reader, count)
    return WordVectors(words, matrix)


def write_text(path: str | os.PathLike[str], vectors: WordVectors) -> None:
    """Write vectors as text. ValueError: a word with a space or a newline; then nothing is written."""
    with replacing(path) as stream:
        stream.write(b"%d %d\n" % vectors.matrix.shape)
        write_rows(stream, vectors.words, vectors.matrix, "word2vec's text format")


def read_binary(path: str | os.PathLike[str], limit: int | None = None) -> WordVectors:
    """The vectors of a word2vec binary file, packed or not; or the first `limit` of them.

    DataError, with the byte and the reason: a wrong first line, a file cut off or going on after its end, a
    word that is empty, not UTF-8 or there twice, a number that isn't finite.
    """
    with reading(path) as reader:
        count, dim = header(reader)
        wanted = count if limit is None else min(count, limit)
        names, places, rows = list[bytes](), list[int](), Rows(dim)
        for i in range(wanted):
            reader.skip(b"\n")
            places.append(reader.position)
            names.append(reader.until(b" ", f"word {i + 1:,} of {count:,}"))
            reader.into(rows.grow(1), f"the vector of word {i + 1:,} of {count:,}")
        matrix = rows.whole()
        words = decoded(reader, names, lambda i: f"byte {places[i]:,}")
        bad = infinite_row(matrix)
        if bad is not None:
            raise reader.error(f"byte {places[bad]:,}: the vector of {words[bad]!r} is not finite")
        if wanted == count:
            finish(reader, count)
    return WordVectors(words, matrix)


def write_binary(path: str | os.PathLike[str], vectors: WordVectors) -> None:
    """Write vectors as word2vec's binary. ValueError: a word with a space or a newline; then nothing is
    written."""
    check_words(vectors.words, " \n", "word2vec's binary format")
    with replacing(path) as stream:
        stream.write(b"%d %d\n" % vectors.matrix.shape)
        for i in range(0, len(vectors), 1024):
            rows = zip(vectors.words[i : i + 1024], vectors.matrix[i : i + 1024], strict=True)
            stream.write(b"".join([b"%b %b\n" % (word.encode(), row.tobytes()) for word, row in rows]))
