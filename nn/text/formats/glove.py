"""GloVe's text: as word2vec's, without the line that says how many there are. Some of the published files
have words with spaces in them (". . ."): the numbers are the last fields of a line."""

from __future__ import annotations

import os

from nn.text.formats.files import BOM, reading, replacing
from nn.text.formats.rows import read_rows, write_rows
from nn.text.vectors import WordVectors

__all__ = ["read", "write"]


def read(path: str | os.PathLike[str], limit: int | None = None) -> WordVectors:
    """The vectors of a GloVe file, packed or not; or the first `limit` of them. The first line says how many
    dimensions there are, so its word must be one without spaces.

    DataError, with the line and the reason: whatever is malformed (see rows.read_rows).
    """
    with reading(path) as reader:
        reader.skip(BOM)
        first = reader.peek(1 << 20).partition(b"\n")[0].rstrip(b" \r")
        dim = first.count(b" ")
        if not dim:
            raise reader.error("line 1 is not a word and its numbers" if first else "the file is empty")
        words, matrix = read_rows(reader, dim, None, limit, spaced=True)
    return WordVectors(words, matrix)


def write(path: str | os.PathLike[str], vectors: WordVectors) -> None:
    """Write vectors as GloVe's text. ValueError: a word with a space or a newline, no word at all, a first
    one with a byte order mark, which would be taken for the file's; then nothing is written."""
    if not len(vectors) or vectors.words[0].encode().startswith(BOM):
        raise ValueError(f"GloVe's text format can't begin with {vectors.words[:1]} (safetensors can)")
    with replacing(path) as stream:
        write_rows(stream, vectors.words, vectors.matrix, "GloVe's text format")
