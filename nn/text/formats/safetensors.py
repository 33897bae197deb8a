"""Vectors as safetensors: any words, exact numbers, counts and sub-words kept, read by other programs too.

    words       (bytes,) uint8: UTF-8, one word after the other
    word_ends   (words,) int64: where each ends
    vectors     (words, dim) float32; of sub-word vectors instead
    table       (words + bucket, dim) float32
    counts      (words,) int64, where known

The metadata say "format": "word vectors", with a table minn, maxn and spelling (see subwords.SPELLINGS) too;
further ones are the user's.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np

from nn.data import DataError
from nn.serialize import read as read_tensors
from nn.serialize import write_whole
from nn.text.formats.rows import infinite_row
from nn.text.subwords import SPELLINGS
from nn.text.vectors import SubwordVectors, WordVectors

__all__ = ["metadata", "read", "write"]

FORMAT = "word vectors"


def read(path: str | os.PathLike[str], limit: int | None = None) -> WordVectors:
    """The vectors of a file that `write` wrote; or the first `limit` of them, without sub-words then.

    DataError: damaged, not word vectors, parts that don't fit together, numbers that aren't finite.
    """
    try:
        tensors, notes = read_tensors(path)
    except (ValueError, OSError) as error:
        raise DataError(str(error)) from None
    if notes.get("format") != FORMAT or not {"words", "word_ends"} <= tensors.keys():
        raise DataError(f"{path}: a safetensors file, but not one of word vectors")
    try:
        text, ends = tensors["words"].tobytes(), tensors["word_ends"].tolist()
        edges = [0, *ends]
        if sorted(edges) != edges or edges[-1] != len(text):
            raise ValueError("word_ends does not fit words")
        words = [text[i:j].decode() for i, j in pairwise(edges)]
        counts = tensors.get("counts")
        found = tensors["vectors" if "vectors" in tensors else "table"]
        bad = infinite_row(found)
        if bad is not None:
            raise ValueError(f"row {bad} of the vectors is not finite")
        if "vectors" in tensors:
            vectors = WordVectors(words, found, counts)
        else:
            minn, maxn, spell = int(notes["minn"]), int(notes["maxn"]), SPELLINGS[notes["spelling"]]
            vectors = SubwordVectors(words, found, minn, maxn, counts, spell=spell)
    except (ValueError, TypeError, KeyError) as error:
        raise DataError(f"{path}: does not fit together: {error}") from None
    if limit is None or limit >= len(words):
        return vectors
    return WordVectors(words[:limit], vectors.matrix[:limit], None if counts is None else counts[:limit])


def metadata(path: str | os.PathLike[str]) -> dict[str, str]:
    """What write(metadata=...) was given."""
    own = {"format", "minn", "maxn", "spelling"}
    return {key: text for key, text in read_tensors(path)[1].items() if key not in own}


def write(
    path: str | os.PathLike[str], vectors: WordVectors, metadata: Mapping[str, str] | None = None
) -> None:
    """Write vectors and, if wanted, strings about them (say, the corpus). ValueError: an unknown spelling."""
    encoded = [word.encode() for word in vectors.words]
    tensors = {
        "words": np.frombuffer(b"".join(encoded), np.uint8),
        "word_ends": np.cumsum([len(word) for word in encoded], dtype=np.int64),
    }
    notes = {**(metadata or {}), "format": FORMAT}
    if isinstance(vectors, SubwordVectors):
        tensors["table"] = vectors.table
        spelling = next((name for name, spell in SPELLINGS.items() if spell is vectors.spell), None)
        if spelling is None:
            raise ValueError(f"no name for the spelling {vectors.spell}; there are {', '.join(SPELLINGS)}")
        notes |= {"minn": str(vectors.minn), "maxn": str(vectors.maxn), "spelling": spelling}
    else:
        tensors["vectors"] = vectors.matrix
    if vectors.counts is not None:
        tensors["counts"] = vectors.counts.astype(np.int64, copy=False)
    path = Path(path)
    try:
        write_whole(path, {name: np.ascontiguousarray(array) for name, array in tensors.items()}, notes)
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror or error}") from None
