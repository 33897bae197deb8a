"""fastText's binary model, as Facebook's program writes and reads it (version 12; all little-endian):

    2 int32    magic number 793712314, version
    args       12 int32 and a double: dim ... lr_update_rate, t
    dictionary 3 int32: entries, words, labels; 2 int64: tokens, pruned sub-words (-1: none);
               an entry: UTF-8 bytes, a zero byte, int64 count, int8 kind (0 a word, 1 a label); words first
    input      a byte (quantised?), 2 int64: rows, columns, float32: a row a word, then one a bucket
    output     the same: a row a word, or a label of a supervised model

(args.cc, dictionary.cc, densematrix.cc, fasttext.cc.) Quantised models (.ftz) and those from before there was
a magic number are refused. A .vec file is word2vec's text.
"""

from __future__ import annotations

import os
import struct
from dataclasses import astuple, dataclass, field, fields
from itertools import repeat
from typing import Any

import numpy as np

from nn.text.formats.files import Reader, reading, replacing
from nn.text.formats.rows import decoded, infinite_row
from nn.text.vectors import SubwordVectors

__all__ = ["FastTextArgs", "FastTextFile", "MAGIC", "of_vectors", "read", "write"]

Array = np.ndarray[Any, Any]

MAGIC, VERSION = 793712314, 12
LOSSES = ("hs", "ns", "softmax", "ova")  # numbered from 1
MODELS = ("cbow", "sg", "sup")
ARGS = struct.Struct("<12id")


@dataclass(frozen=True)
class FastTextArgs:
    """How a model was trained, in fastText's words (its manual explains each) and with its defaults."""

    dim: int = 100
    ws: int = 5
    epoch: int = 5
    min_count: int = 5
    neg: int = 5
    word_ngrams: int = 1
    loss: str = "ns"  # hs, ns, softmax, ova
    model: str = "sg"  # cbow, sg, sup
    bucket: int = 2_000_000
    minn: int = 3
    maxn: int = 6
    lr_update_rate: int = 100
    t: float = 1e-4


@dataclass
class FastTextFile:
    """What a .bin file holds.

    words, counts: the known words and how often each occurred, (words,) int64
    labels, label_counts: the same of a supervised model's classes, such as "__label__good"
    tokens: how many words were read in training
    input: (words + bucket, dim) float32; output: (words or labels, dim) float32
    """

    args: FastTextArgs
    words: list[str]
    counts: Array
    tokens: int
    input: Array
    output: Array
    labels: list[str] = field(default_factory=list)
    label_counts: Array = field(default_factory=lambda: np.zeros(0, np.int64))

    def vectors(self) -> SubwordVectors:
        """The words' vectors, and by sub-words those of all others. ValueError: a sum beyond float32."""
        minn, maxn = self.args.minn, self.args.maxn
        return SubwordVectors(self.words, self.input, minn, maxn, self.counts, origin=self)

    def fault(self) -> str | None:
        """What does not fit together, if anything."""
        args, words, labels = self.args, len(self.words), len(self.labels)
        rows = labels if args.model == "sup" else words
        wanted: list[tuple[str, Any, Any]] = [
            ("rows and columns of the input matrix", self.input.shape, (words + args.bucket, args.dim)),
            ("rows and columns of the output matrix", self.output.shape, (rows, args.dim)),
            ("type of the input matrix", self.input.dtype, np.float32),
            ("type of the output matrix", self.output.dtype, np.float32),
            ("counts of words", self.counts.shape, (words,)),
            ("counts of labels", self.label_counts.shape, (labels,)),
        ]
        return next((f"{what}: {got}, not {want}" for what, got, want in wanted if got != want), None)


def read(path: str | os.PathLike[str]) -> FastTextFile:
    """The whole model in a .bin file, packed or not.

    DataError, with the byte and the reason: no such model, quantised, cut off or going on after its end,
    sizes that don't fit together, words that aren't UTF-8 or are there twice, numbers that aren't finite.
    """
    with reading(path) as reader:
        magic, version = struct.unpack("<2i", reader.take(8, "the magic number"))
        if magic != MAGIC:
            raise reader.error("is no fastText model: its magic number is another (models of 2016 had none)")
        if not 10 < version <= VERSION:
            raise reader.error(f"is of version {version} of fastText's format; versions 11 and 12 are read")
        args = read_args(reader, version)
        words, counts, labels, label_counts, tokens = read_dictionary(reader)
        table = read_matrix(reader, "input", (len(words) + args.bucket, args.dim))
        output = read_matrix(reader, "output", (len(labels if args.model == "sup" else words), args.dim))
        if reader.peek(1):
            raise reader.error(f"goes on after the model's end, at byte {reader.position:,}")
        return FastTextFile(args, words, counts, tokens, table, output, labels, label_counts)


def read_args(reader: Reader, version: int) -> FastTextArgs:
    numbers = ARGS.unpack(reader.take(ARGS.size, "the arguments"))
    values: dict[str, Any] = {f.name: number for f, number in zip(fields(FastTextArgs), numbers, strict=True)}
    for name, names in (("loss", LOSSES), ("model", MODELS)):
        if not 1 <= values[name] <= len(names):
            raise reader.error(f"knows no {name} number {values[name]} (bytes 8 to {reader.position:,})")
        values[name] = names[values[name] - 1]
    if not 0 < values["dim"] < 1 << 20 or min(values["bucket"], values["minn"], values["maxn"]) < 0:
        raise reader.error(f"has impossible sizes (bytes 8 to {reader.position:,}): {values}")
    if version == 11 and values["model"] == "sup":
        values["maxn"] = 0  # what supervised models of that version did
    return FastTextArgs(**values)


def read_dictionary(reader: Reader) -> tuple[list[str], Array, list[str], Array, int]:
    start = reader.position
    size, words, labels, tokens, pruned = struct.unpack("<3i2q", reader.take(28, "the dictionary"))
    if min(words, labels, tokens) < 0 or size != words + labels:
        raise reader.error(f"byte {start:,}: {size} entries, of them {words} words and {labels} labels")
    if pruned >= 0:
        raise reader.error(f"byte {start + 20:,}: its sub-words are pruned, as only quantised models' are")
    names, places, counts = list[bytes](), list[int](), list[int]()
    for i in range(size):
        places.append(reader.position)
        names.append(reader.until(b"\0", f"entry {i + 1:,} of {size:,} of the dictionary"))
        count, kind = struct.unpack("<qb", reader.take(9, "the dictionary"))
        if kind != (i >= words) or count < 0:
            raise reader.error(f"byte {places[i]:,}: entry {i + 1:,} has kind {kind}, count {count}")
        counts.append(count)
    texts = decoded(reader, names, lambda i: f"byte {places[i]:,}")
    numbers = np.array(counts, np.int64)
    return texts[:words], numbers[:words], texts[words:], numbers[words:], tokens


def read_matrix(reader: Reader, name: str, shape: tuple[int, int]) -> Array:
    start = reader.position
    quantised, rows, columns = struct.unpack("<?2q", reader.take(17, f"the {name} matrix"))
    if quantised:
        raise reader.error(f"byte {start:,}: the {name} matrix is quantised (.ftz), not whole")
    if (rows, columns) != shape:
        raise reader.error(
            f"byte {start:,}: {name} matrix of {rows} by {columns}, not {shape[0]} by {shape[1]}"
        )
    try:
        matrix = np.empty(shape, np.float32)
    except MemoryError:
        raise reader.error(f"byte {start:,}: no memory for {rows:,} by {columns} numbers") from None
    reader.into(matrix, f"the {name} matrix")
    bad = infinite_row(matrix)
    if bad is not None:
        raise reader.error(f"byte {start + 17 + 4 * columns * bad:,}: {name} row {bad} is not finite")
    return matrix


def write(path: str | os.PathLike[str], model: FastTextFile) -> None:
    """Write a model as Facebook's program does. ValueError: words with white space or zero bytes, which
    fastText would never ask for, or parts that don't fit together; then nothing is written."""
    if fault := model.fault():
        raise ValueError(f"the model does not fit together: {fault}")
    words = zip(model.words, model.counts.tolist(), repeat(0))
    labels = zip(model.labels, model.label_counts.tolist(), repeat(1))
    entries = [*words, *labels]
    for word, *_ in entries:
        if not word or any(mark in word for mark in " \n\r\t\v\f\0"):
            raise ValueError(f"fastText's format can't hold the word {word!r} (safetensors can)")
    values = list(astuple(model.args))
    values[6], values[7] = LOSSES.index(model.args.loss) + 1, MODELS.index(model.args.model) + 1
    with replacing(path) as stream:
        stream.write(struct.pack("<2i", MAGIC, VERSION) + ARGS.pack(*values))
        sizes = len(entries), len(model.words), len(model.labels), model.tokens, -1
        stream.write(struct.pack("<3i2q", *sizes))
        ends = struct.Struct("<xqb")
        stream.write(b"".join(word.encode() + ends.pack(count, kind) for word, count, kind in entries))
        for matrix in (model.input, model.output):
            stream.write(struct.pack("<?2q", False, *matrix.shape))
            stream.write(np.ascontiguousarray(matrix).data)


def of_vectors(vectors: SubwordVectors) -> FastTextFile:
    """The model that vectors come from; of others one with their rows, their counts (1 where unknown) and an
    output matrix of zeros, as before training. ValueError: a spelling, which the file can't hold."""
    if isinstance(vectors.origin, FastTextFile):
        return vectors.origin
    if vectors.spell:
        raise ValueError("fastText's binary can't say how words were spelled (jamo); safetensors can")
    counts = np.ones(len(vectors), np.int64) if vectors.counts is None else vectors.counts.astype(np.int64)
    minn, maxn = (vectors.minn, vectors.maxn) if vectors.bucket else (0, 0)
    args = FastTextArgs(vectors.dim, min_count=1, bucket=vectors.bucket, minn=minn, maxn=maxn)
    output = np.zeros(vectors.matrix.shape, np.float32)
    return FastTextFile(args, vectors.words, counts, int(counts.sum()), vectors.table, output)
