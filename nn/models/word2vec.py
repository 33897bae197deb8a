"""Word2Vec: vectors from which the words nearby can be told (Mikolov et al. 2013a and 2013b).

model = Word2Vec(dim=100, sg=True).fit("text.txt")
model.vectors.most_similar("king")

tape.py has the same model as an essay; here it trains in a kernel (autograd.ops.words).
"""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np

from autograd.ops.random import Generator
from autograd.ops.words import WordTrainer, table
from nn.models import huffman
from nn.models.training import Learned, WordModel, packed, unpacked
from nn.text.corpus import Chunk, Corpus
from nn.text.encoded import Encoded
from nn.text.vectors import WordVectors
from nn.text.vocabulary import Vocabulary

__all__ = ["Word2Vec"]

Array = np.ndarray[Any, Any]
BLOCK = 1 << 16  # rows filled at once


class Word2Vec(WordModel):
    """Continuous bag of words (sg=False: the words around predict the one between) or skip-gram (sg=True:
    a word and each near it predict one another).

    dim              numbers in a vector
    window           how far a word looks to each side, at most
    min_count        rarer words are left out
    max_vocab_size   how many words are held while counting (the rarest are forgotten); None: all
    negative         random words for each true one (0: none, with hs)
    hs               hierarchical softmax, instead of negative sampling or beside it
    sample           frequent words are thinned out: those of a larger share of the text than this, about
    ns_exponent      random words are drawn as count ** ns_exponent
    cbow_mean        CBOW averages the words around (False: adds)
    shrink_windows   each word draws its window from 1 to `window` (False: always `window`)
    shared           how many pairs share their random words: 0, all of a window; 1, each has its own
    divide           the words averaged share the error, which is the true gradient (False: each takes it
                     whole, as word2vec.c and gensim do); CBOW only
    alpha, min_alpha the rate of learning at the beginning (None: 0.15 for CBOW that divides, where
                     each of some six words gets its share, 0.035 for skip-gram, else 0.025) and
                     at the end; it falls with each word
    epochs           how often the text is read
    workers          threads; None: as many as autograd uses. With one a run is the same to the last bit
    seed             of the first vectors and of everything drawn

    ValueError: impossible settings; a text in which no two words are frequent enough.

    >>> text = ["red green blue", "blue green red", "one two three", "three two one"] * 200
    >>> model = Word2Vec(dim=8, min_count=1, sample=0, workers=1, epochs=3).fit(text, progress=False)
    >>> len(model.vectors), model.vectors.dim, len(model.history)
    (6, 8, 3)
    """

    def __init__(
        self,
        dim: int = 100,
        window: int = 5,
        min_count: int = 5,
        max_vocab_size: int | None = None,
        sg: bool = False,
        negative: int = 5,
        hs: bool = False,
        sample: float = 1e-3,
        ns_exponent: float = 0.75,
        cbow_mean: bool = True,
        shrink_windows: bool = True,
        shared: int = 0,
        divide: bool = True,
        alpha: float | None = None,
        min_alpha: float = 0.0001,
        epochs: int = 5,
        workers: int | None = None,
        seed: int = 1,
    ) -> None:
        settings = {name: value for name, value in locals().items() if name not in ("self", "__class__")}
        if alpha is None:
            settings["alpha"] = 0.035 if sg else 0.15 if divide else 0.025
        self.begin(settings)

    def begin(self, settings: dict[str, Any]) -> None:
        """Check the settings that all models with a window have."""
        super().__init__(**settings)
        name, of = type(self).__name__, settings
        if of["window"] < 1 or of["negative"] < 0 or of["shared"] < 0:
            raise ValueError(f"{name}: window must be at least 1, negative and shared at least 0")
        if not of["negative"] and not of["hs"]:
            raise ValueError(f"{name}: negative=0 needs hs=True: something must tell true words from others")
        if not 0 <= of["min_alpha"] <= of["alpha"] or not of["alpha"] > 0:
            raise ValueError(f"{name}: want 0 <= min_alpha <= alpha and alpha > 0")
        self.vocabulary = Vocabulary({})

    # Beginning --------------------------------------------------------------------------------------

    def prepare(self, corpus: Corpus, progress: bool) -> None:
        """Vectors begin uniform from -1 / dim to 1 / dim, as in fastText's program; word2vec.c's half of that
        begins more slowly."""
        self.vocabulary = self.read(corpus, progress)
        self.build()
        generator, width = Generator(self.seed), np.float32(2 / self.settings["dim"])
        for i in range(0, self.rows, BLOCK):
            rows = self.inputs[i : i + BLOCK]
            rows[...] = (generator.uniform(rows.shape) - np.float32(0.5)) * width

    def build(self) -> None:
        """The tables at 0, and the trainer that writes to them."""
        of, dim, words = self.settings, self.settings["dim"], len(self.vocabulary)
        self.inputs = table(self.rows, dim)
        self.outputs = table(words, dim) if of["negative"] else None
        self.nodes = table(words - 1, dim) if of["hs"] else None
        self.trainer = WordTrainer(
            self.inputs,
            self.outputs,
            window=of["window"],
            sg=of["sg"],
            negative=of["negative"],
            noise=self.vocabulary.noise(of["ns_exponent"]) if of["negative"] else None,
            keep=self.vocabulary.keep(of["sample"]) if of["sample"] else None,
            subwords=self.subwords,
            nodes=self.nodes,
            paths=huffman.paths(self.vocabulary.counts) if of["hs"] else None,
            shared=of["shared"],
            shrink_windows=of["shrink_windows"],
            cbow_mean=of["cbow_mean"],
            divide=of["divide"],
            seed=self.seed,
        )

    @property
    def rows(self) -> int:
        """Rows of the input table."""
        return len(self.vocabulary)

    @property
    def subwords(self) -> tuple[Array, Array] | None:
        """(starts, rows): the rows of the input table of each word, where that is not its own alone."""
        return None

    # Training -----------------------------------------------------------------------------------------

    @property
    def total(self) -> int:
        return self.epochs * int(self.vocabulary.counts.sum())

    def source(self, corpus: Corpus, progress: bool) -> contextlib.AbstractContextManager[Encoded]:
        return self.encoded(corpus, self.vocabulary)

    def learn(self, piece: Chunk) -> Learned:
        trained = self.trainer.train(
            piece.tokens,
            piece.ends,
            sentence=self.position.sentences,
            words=self.position.units,
            total=self.total,
            alpha=self.settings["alpha"],
            min_alpha=self.settings["min_alpha"],
        )
        self.position.sentences += len(piece.ends)
        return Learned(trained.loss, trained.pairs, len(piece.tokens))

    # Results ------------------------------------------------------------------------------------------

    @property
    def vectors(self) -> WordVectors:
        """The words and their vectors. They share the model's memory: ask anew after further training."""
        return WordVectors(self.vocabulary.words, self.inputs, self.vocabulary.counts)

    def tables(self) -> dict[str, Array]:
        tables = {"inputs": self.inputs, "outputs": self.outputs, "nodes": self.nodes}
        return {name: table for name, table in tables.items() if table is not None}

    def state(self) -> dict[str, Any]:
        return {"vocabulary": packed(self.vocabulary)}

    def restore(self, state: dict[str, Any]) -> None:
        self.vocabulary = unpacked(state["vocabulary"])
        self.build()
