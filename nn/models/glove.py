"""GloVe: vectors whose products are the logarithms of co-occurrence counts (Pennington et al. 2014).

model = GloVe(dim=100).fit("text.txt")
model.vectors.most_similar("king")

The counts stand in nn.text.cooccurrence, the model as an essay in tape.py.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

import autograd
from autograd.ops.random import Generator
from nn.models.training import Learned, WordModel, packed, unpacked, vocabulary_of
from nn.text.cooccurrence import Cooccurrence, count_pairs
from nn.text.corpus import CHUNK, Corpus, Place, ahead
from nn.text.vectors import WordVectors
from nn.text.vocabulary import Vocabulary

__all__ = ["GloVe", "train_cells"]

Array = np.ndarray[Any, Any]

BATCH = 1 << 10  # entries computed before any is written
CLIP = 100.0  # as in GloVe's program: no part of a gradient is larger


class Cells(NamedTuple):
    """Entries of the co-occurrence matrix: rows and columns int32, counts float32."""

    rows: Array
    columns: Array
    counts: Array


class GloVe(WordModel):
    """Weighted least squares on the logarithms of how often words stand near each other, by AdaGrad.

    dim, min_count, max_vocab_size, epochs, workers, seed  as in Word2Vec
    window     how far apart two words may be; d apart they count 1 / d
    x_max      counts from this on have the full weight
    power      rarer ones have (count / x_max) ** power
    alpha      the rate of learning
    memory     bytes that counting may take, about

    `vectors` are the sums of a word's two vectors. Defaults and steps are those of GloVe's program.

    >>> text = ["red green blue", "blue green red", "one two three", "three two one"] * 50
    >>> model = GloVe(dim=4, min_count=1, epochs=5, workers=1).fit(text, progress=False)
    >>> model.history[0]["loss"] > model.history[-1]["loss"]
    True
    """

    unit = "pairs"

    def __init__(
        self,
        dim: int = 100,
        window: int = 15,
        min_count: int = 5,
        max_vocab_size: int | None = None,
        x_max: float = 100.0,
        power: float = 0.75,
        alpha: float = 0.05,
        epochs: int = 25,
        memory: int = 512 << 20,
        workers: int | None = None,
        seed: int = 1,
    ) -> None:
        settings = {name: value for name, value in locals().items() if name not in ("self", "__class__")}
        super().__init__(**settings)
        if window < 1 or not x_max > 0 or not alpha > 0 or not power >= 0:
            raise ValueError("GloVe: want window >= 1, x_max > 0, alpha > 0 and power >= 0")
        self.vocabulary = Vocabulary({})
        self.entries = 0

    def prepare(self, corpus: Corpus, progress: bool) -> None:
        of = self.settings
        self.vocabulary = vocabulary_of(corpus, of["min_count"], of["max_vocab_size"], progress)
        self.build()
        generator, dim = Generator(self.seed), of["dim"]
        for table in (self.words, self.contexts):
            table[...] = (generator.uniform(table.shape) - np.float32(0.5)) / np.float32(dim)

    def build(self) -> None:
        """The tables: vectors with the bias last, and the sums of squares that AdaGrad divides by."""
        shape = (len(self.vocabulary), self.settings["dim"] + 1)
        self.words, self.contexts = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        self.word_squares, self.context_squares = np.ones(shape, np.float32), np.ones(shape, np.float32)

    # Training -----------------------------------------------------------------------------------------

    @property
    def total(self) -> int:
        return self.epochs * self.entries

    @contextlib.contextmanager
    def source(self, corpus: Corpus, progress: bool) -> Iterator[Entries]:
        of = self.settings
        chunks = ahead(corpus.chunks(self.vocabulary))
        with count_pairs(
            chunks, len(self.vocabulary), of["window"], memory=of["memory"], seed=self.seed
        ) as pairs:
            if not pairs.entries:
                raise ValueError("GloVe: no two words stand in one sentence")
            self.entries = pairs.entries
            yield Entries(pairs, self)

    def learn(self, piece: Cells) -> Learned:
        of = self.settings
        tables = self.words, self.contexts, self.word_squares, self.context_squares

        def train(part: Cells) -> float:
            return train_cells(*tables, *part, alpha=of["alpha"], x_max=of["x_max"], power=of["power"])

        parts = autograd.get_num_threads()
        cut = [Cells(*columns) for columns in zip(*(np.array_split(a, parts) for a in piece), strict=True)]
        with ThreadPoolExecutor(parts) as pool:  # they write without locks, as GloVe's program does
            loss = sum(pool.map(train, cut))
        return Learned(loss, len(piece.rows), len(piece.rows))

    # Results ------------------------------------------------------------------------------------------

    @property
    def vectors(self) -> WordVectors:
        """The words and the sums of their two vectors, as they are now."""
        dim = self.settings["dim"]
        matrix = self.words[:, :dim] + self.contexts[:, :dim]
        return WordVectors(self.vocabulary.words, matrix, self.vocabulary.counts)

    def tables(self) -> dict[str, Array]:
        return {
            "words": self.words,
            "contexts": self.contexts,
            "word_squares": self.word_squares,
            "context_squares": self.context_squares,
        }

    def state(self) -> dict[str, Any]:
        return {"vocabulary": packed(self.vocabulary)}

    def restore(self, state: dict[str, Any]) -> None:
        self.vocabulary = unpacked(state["vocabulary"])
        self.build()


class Entries:
    """The entries of the whole matrix in an order that is random, and new in each epoch."""

    def __init__(self, pairs: Cooccurrence, model: GloVe) -> None:
        self.pairs, self.model = pairs, model

    def epoch(self, first: int, place: Place) -> Iterator[Cells]:
        return ahead(self.pieces(first, self.model.position.epoch))

    def pieces(self, first: int, epoch: int) -> Iterator[Cells]:
        random = np.random.default_rng([self.model.seed % 2**64, epoch])
        number = 0
        for i in random.permutation(len(self.pairs.piles)):
            cells = self.pairs.pile(i)
            mirrored = np.flatnonzero(cells["row"] != cells["column"])
            order = random.permutation(np.concatenate([np.arange(len(cells)), len(cells) + mirrored]))
            for start in range(0, len(order), CHUNK):
                if number >= first:
                    chosen = order[start : start + CHUNK]
                    part, turned = cells[chosen % len(cells)], chosen >= len(cells)
                    yield Cells(
                        np.where(turned, part["column"], part["row"]),
                        np.where(turned, part["row"], part["column"]),
                        part["count"],
                    )
                number += 1


def train_cells(
    words: Array,
    contexts: Array,
    word_squares: Array,
    context_squares: Array,
    rows: Array,
    columns: Array,
    counts: Array,
    *,
    alpha: float,
    x_max: float,
    power: float,
    batch: int = BATCH,
) -> float:
    """AdaGrad on entries of the matrix, in place; the sum of f(x) (w c + b + b' - log x)^2 / 2.

    words, contexts (V, dim + 1): vectors, the bias last; their squares, of the same shape, begin at 1
    batch: so many entries are computed before any is written

    As GloVe's program has it, a gradient is multiplied by alpha before it is squared.
    """
    total, dim = 0.0, words.shape[1] - 1
    for start in range(0, len(rows), batch):
        i, j, x = rows[start : start + batch], columns[start : start + batch], counts[start : start + batch]
        w, c = words.take(i, axis=0), contexts.take(j, axis=0)
        difference = np.einsum("nd,nd->n", w[:, :dim], c[:, :dim]) + w[:, dim] + c[:, dim] - np.log(x)
        weighted = np.minimum(x / np.float32(x_max), 1) ** np.float32(power) * difference
        total += 0.5 * float(np.dot(weighted, difference))
        w[:, dim] = c[:, dim] = 1
        for part in (w, c):
            part *= weighted[:, None]
            np.clip(part, -CLIP, CLIP, out=part)
            part *= np.float32(alpha)
        step(words, word_squares, i, c)
        step(contexts, context_squares, j, w)
    return total


def step(table: Array, squares: Array, index: Array, gradient: Array) -> None:
    """Subtract gradients over the roots of their squares so far; rows that repeat are added up."""
    order = np.argsort(index, kind="stable")
    index, gradient = index[order], gradient.take(order, axis=0)
    starts = np.flatnonzero(np.concatenate([[True], index[1:] != index[:-1]]))
    rows = index[starts]
    before = squares.take(rows, axis=0)
    table[rows] -= np.add.reduceat(gradient, starts, axis=0) / np.sqrt(before)
    np.square(gradient, out=gradient)
    squares[rows] = before + np.add.reduceat(gradient, starts, axis=0)
