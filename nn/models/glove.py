"""GloVe: vectors whose products are the logarithms of co-occurrence counts (Pennington et al. 2014).

model = GloVe(dim=100).fit("text.txt")
model.vectors.most_similar("king")

The counts stand in nn.text.cooccurrence, the model as an essay in tape.py.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from autograd.ops.glove import table_and_squares, train_cells
from autograd.ops.random import Generator
from nn.models.training import Learned, WordModel, packed, unpacked
from nn.text.cooccurrence import Cooccurrence, count_pairs
from nn.text.corpus import CHUNK, Corpus, Place, ahead
from nn.text.vectors import WordVectors
from nn.text.vocabulary import Vocabulary

__all__ = ["GloVe"]

Array = np.ndarray[Any, Any]
BLOCK = 64  # cells that stay together when an epoch shuffles them


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
        self.vocabulary = self.read(corpus, progress)
        self.build()
        generator, dim = Generator(self.seed), self.settings["dim"]
        for table in (self.words, self.contexts):
            table[...] = (generator.uniform(table.shape) - np.float32(0.5)) / np.float32(dim)

    def build(self) -> None:
        """The tables: vectors with the bias last, and the sums of squares that AdaGrad divides by."""
        words, dim = len(self.vocabulary), self.settings["dim"]
        self.words, self.word_squares = table_and_squares(words, dim)
        self.contexts, self.context_squares = table_and_squares(words, dim)

    # Training -----------------------------------------------------------------------------------------

    @property
    def total(self) -> int:
        return self.epochs * self.entries

    @contextlib.contextmanager
    def source(self, corpus: Corpus, progress: bool) -> Iterator[Entries]:
        window, memory = self.settings["window"], self.settings["memory"]
        with self.encoded(corpus, self.vocabulary) as text, contextlib.closing(text.epoch()) as chunks:
            counted = count_pairs(chunks, len(self.vocabulary), window, memory=memory, seed=self.seed)
        with counted as pairs:
            if not pairs.entries:
                raise ValueError("GloVe: no two words stand in one sentence")
            self.entries = pairs.entries
            yield Entries(pairs, self)

    def learn(self, piece: Cells) -> Learned:
        of = self.settings
        tables = self.words, self.contexts, self.word_squares, self.context_squares
        loss = train_cells(*tables, *piece, alpha=of["alpha"], x_max=of["x_max"], power=of["power"])
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
    """The entries of the matrix: cells in a random order, blocks of them in one that is new in each epoch.
    (To shuffle all cells anew would take longer than to train them; GloVe's program keeps its first order.)
    """

    def __init__(self, pairs: Cooccurrence, model: GloVe) -> None:
        self.pairs, self.model = pairs, model

    def epoch(self, first: int, place: Place) -> Iterator[Cells]:
        pieces = self.pieces(np.random.default_rng([self.model.seed % 2**64, self.model.position.epoch]))
        return ahead(itertools.islice(pieces, first, None))

    def pieces(self, random: np.random.Generator) -> Iterator[Cells]:
        for i in random.permutation(len(self.pairs.piles)):
            cells = self.pairs.pile(i).view(np.int32).reshape(-1, 3)
            whole = len(cells) // BLOCK
            blocks = cells[: whole * BLOCK].reshape(whole, BLOCK, 3)
            order = random.permutation(2 * whole)  # those from `whole` on are blocks of the mirrored matrix
            step = max(CHUNK // BLOCK, 1)
            for start in range(0, len(order), step):
                chosen = order[start : start + step]
                yield turned(blocks.take(chosen % whole, axis=0), (chosen >= whole)[:, None])
            if len(rest := cells[whole * BLOCK :]):
                yield turned(np.stack([rest, rest]), np.array([[False], [True]]))


def turned(cells: Array, mirrored: Array) -> Cells:
    """Blocks of cells (k, n, 3) as entries, rows and columns exchanged where `mirrored` (k, 1). The diagonal
    is its own mirror image, and comes once."""
    a, b, bits = cells.transpose(2, 0, 1)
    row, column = np.where(mirrored, b, a), np.where(mirrored, a, b)
    keep = (row != column) | ~mirrored
    return Cells(row[keep], column[keep], bits[keep].view(np.float32))
