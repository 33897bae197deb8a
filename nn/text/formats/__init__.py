"""Files of word vectors: which format a file has, and the doors to all of them.

from nn.text import formats

v = formats.load("vectors.vec")        # word2vec text or binary, fastText .bin, GloVe, safetensors
formats.save("vectors.bin", v)         # the ending picks the format

Files but safetensors may be packed (.gz, .xz, .bz2). Malformed ones are a DataError with the line or the byte
and the reason, never a part of their vectors. Writing goes to a temporary file that takes the old one's place
at the end.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Callable
from pathlib import Path

from nn.data import DataError
from nn.text.formats import fasttext, glove, safetensors, word2vec
from nn.text.formats.files import BOM, reading
from nn.text.formats.rows import infinite_row
from nn.text.vectors import SubwordVectors, WordVectors

__all__ = ["FORMATS", "detect", "load", "save"]

FORMATS = ("word2vec", "word2vec-binary", "fasttext", "glove", "safetensors")
PACKED = {".gz", ".xz", ".bz2"}


def ending(path: str | os.PathLike[str]) -> str:
    """.bin of vectors.bin and of vectors.bin.gz."""
    suffixes = [suffix.lower() for suffix in Path(path).suffixes if suffix.lower() not in PACKED]
    return suffixes[-1] if suffixes else ""


def detect(path: str | os.PathLike[str]) -> str:
    """The format of a file, one of FORMATS, by its first bytes; the ending decides between word2vec's two
    where these don't."""
    with reading(path) as reader:
        start = reader.peek(1 << 12)
    if start[:4] == struct.pack("<i", fasttext.MAGIC):
        return "fasttext"
    # A header's size is the first 8 bytes, the upper ones 0; a text may have a brace there too.
    if start[8:9] == b"{" and (start[4:8] == bytes(4) or ending(path) == ".safetensors"):
        with open(path, "rb") as file:
            if file.read(len(start)) != start:
                raise DataError(f"{path}: a packed safetensors file; unpack it first")
        return "safetensors"
    first, _, rest = start.removeprefix(BOM).partition(b"\n")
    if b"\0" in first and ending(path) == ".bin":
        return "fasttext"  # the models of 2016 begin with their sizes
    # Two fields should be sizes (if not, their reader says so), but in GloVe may be a word and a number.
    word = ending(path) == ".glove" and not re.fullmatch(rb"\s*\d+\s+\d+\s*", first)
    if len(first.split()) != 2 or word:
        return "glove"
    odd = any(byte < 32 and byte not in b"\t\n\v\f\r" for byte in rest)
    binary = ending(path) == ".bin" or (odd and ending(path) not in (".vec", ".txt"))
    return "word2vec-binary" if binary else "word2vec"


def load(path: str | os.PathLike[str], format: str | None = None, limit: int | None = None) -> WordVectors:
    """The word vectors in a file.

    format: one of FORMATS; None: see `detect`
    limit: only the first so many words (of fastText's .bin then without sub-words)

    A fastText .bin gives SubwordVectors. DataError: the file can't be read or is malformed.
    """
    if limit is not None and limit < 1:
        raise ValueError(f"limit must be at least 1, got {limit}")
    format = detect(path) if format is None else known(format)
    if format == "fasttext":
        try:
            vectors = fasttext.read(path).vectors()
        except ValueError as error:
            raise error if isinstance(error, DataError) else DataError(f"{path}: {error}") from None
        if limit is None or limit >= len(vectors):
            return vectors
        counts = None if vectors.counts is None else vectors.counts[:limit]
        return WordVectors(vectors.words[:limit], vectors.matrix[:limit].copy(), counts)
    readers: dict[str, Callable[..., WordVectors]] = {
        "word2vec": word2vec.read_text,
        "word2vec-binary": word2vec.read_binary,
        "glove": glove.read,
        "safetensors": safetensors.read,
    }
    return readers[format](path, limit)


def save(path: str | os.PathLike[str], vectors: WordVectors, format: str | None = None) -> None:
    """Write word vectors.

    format: one of FORMATS; None: by the ending: .vec or .txt word2vec's text, .glove GloVe's, .safetensors;
        .bin fastText's binary of sub-word vectors, word2vec's of others

    Only fastText's binary and safetensors keep sub-words and counts. ValueError: no such format or ending,
    words that a format can't hold, numbers that aren't finite, fastText's binary without sub-words,
    safetensors that shall be packed; then nothing is written. DataError: can't be written.
    """
    if format is None:
        binary = "fasttext" if isinstance(vectors, SubwordVectors) else "word2vec-binary"
        endings = {".vec": "word2vec", ".txt": "word2vec", ".glove": "glove", ".safetensors": "safetensors"}
        format = (endings | {".bin": binary}).get(ending(path))
        if format is None:
            raise ValueError(f"{path}: the ending must be .vec, .txt, .bin, .glove or .safetensors")
    if known(format) == "safetensors" and Path(path).suffix.lower() in PACKED:
        raise ValueError(f"{path}: safetensors files are not packed; leave out {Path(path).suffix}")
    row = infinite_row(vectors.table if isinstance(vectors, SubwordVectors) else vectors.matrix)
    if row is not None:
        raise ValueError(f"row {row} of the vectors is not finite; no format would be read again")
    if format == "fasttext":
        if not isinstance(vectors, SubwordVectors):
            raise ValueError("fastText's binary holds sub-words, and these vectors have none; take .vec")
        fasttext.write(path, fasttext.of_vectors(vectors))
        return
    writers: dict[str, Callable[..., None]] = {
        "word2vec": word2vec.write_text,
        "word2vec-binary": word2vec.write_binary,
        "glove": glove.write,
        "safetensors": safetensors.write,
    }
    writers[format](path, vectors)


def known(format: str) -> str:
    if format not in FORMATS:
        raise ValueError(f"no format {format!r}; there are {', '.join(FORMATS)}")
    return format
