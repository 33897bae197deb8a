"""FastText: Word2Vec whose words are bags of their sub-words, so that words never seen have vectors too
(Bojanowski et al. 2017).

model = FastText(sg=True).fit("text.txt")
model.vectors["unseenword"]
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nn.models.word2vec import Word2Vec
from nn.text.formats.fasttext import FastTextArgs, FastTextFile
from nn.text.subwords import END, SPELLINGS, subwords
from nn.text.vectors import SubwordVectors

__all__ = ["FastText", "own_and_subwords"]

Array = np.ndarray[Any, Any]


class FastText(Word2Vec):
    """CBOW or skip-gram over sub-words: the n-grams of a word's letters, hashed to rows of their own.

    minn, maxn  how long sub-words are, in letters; maxn=0: none, which is Word2Vec
    bucket      how many rows sub-words share
    spelling    "letters": as words are written; "jamo": Hangul syllables are taken apart first, so that
                sub-words see stems and particles inside a syllable (Park et al. 2018)

    The other settings are those of Word2Vec. `vectors` gives words never seen the mean of their sub-words.

    >>> text = ["reads reading", "reader reads", "sings singing", "singer sings"] * 100
    >>> model = FastText(dim=8, min_count=1, bucket=500, workers=1, epochs=2).fit(text, progress=False)
    >>> model.vectors["readings"].shape
    (8,)
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
        shared: int = 1,
        divide: bool = False,
        alpha: float = 0.03,
        min_alpha: float = 0.0001,
        epochs: int = 5,
        workers: int | None = None,
        seed: int = 1,
        minn: int = 3,
        maxn: int = 6,
        bucket: int = 2_000_000,
        spelling: str = "letters",
    ) -> None:
        settings = {name: value for name, value in locals().items() if name not in ("self", "__class__")}
        if spelling not in SPELLINGS:
            raise ValueError(f"FastText: spelling is one of {', '.join(SPELLINGS)}, got {spelling!r}")
        if maxn and not 1 <= minn <= maxn:
            raise ValueError(f"FastText: want 1 <= minn <= maxn, got {minn} and {maxn}")
        if maxn and bucket < 1:
            raise ValueError(f"FastText: sub-words need at least one bucket, got {bucket}")
        self.minn, self.maxn, self.bucket = minn, maxn, bucket if maxn else 0
        self.spell = SPELLINGS[spelling]
        self.begin(settings)

    @property
    def rows(self) -> int:
        return len(self.vocabulary) + self.bucket

    @property
    def subwords(self) -> tuple[Array, Array] | None:
        """(starts, rows) of each word: its own row, then those of its sub-words."""
        words = self.vocabulary.words
        own = np.arange(len(words), dtype=np.int32)
        return own_and_subwords(words, own, len(words), self.minn, self.maxn, self.bucket, self.spell)

    @property
    def vectors(self) -> SubwordVectors:
        """The words and their sub-words. They share the model's memory: ask anew after further training."""
        words, counts = self.vocabulary.words, self.vocabulary.counts
        return SubwordVectors(words, self.inputs, self.minn, self.maxn, counts, spell=self.spell)

    def file(self) -> FastTextFile:
        """What Facebook's program would write, for formats.fasttext.write: a `.bin` that it can read.

        ValueError: jamo, which that program knows nothing of, or hierarchical softmax (its tree differs).
        """
        of = self.settings
        if self.spell is not None or of["hs"]:
            raise ValueError("FastText: a .bin file holds neither jamo sub-words nor hierarchical softmax")
        args = FastTextArgs(
            dim=of["dim"],
            ws=of["window"],
            epoch=of["epochs"],
            min_count=of["min_count"],
            neg=of["negative"],
            model="sg" if of["sg"] else "cbow",
            bucket=self.bucket,
            minn=self.minn,
            maxn=self.maxn,
            t=of["sample"],
        )
        words, counts = self.vocabulary.words, self.vocabulary.counts
        inputs, outputs = np.ascontiguousarray(self.inputs), np.ascontiguousarray(self.outputs)
        return FastTextFile(args, words, counts, int(counts.sum()), inputs, outputs)


def own_and_subwords(
    words: list[str],
    own: Array,
    first: int,
    minn: int,
    maxn: int,
    bucket: int,
    spell: Callable[[str], str] | None,
) -> tuple[Array, Array]:
    """(starts, rows) of words: the row `own` of each, where that is not -1, then those of its sub-words; the
    rows of sub-words begin at `first`."""
    parts = words if spell is None else [word if word == END else spell(word) for word in words]
    starts, numbers = subwords(parts, minn, maxn, max(bucket, 1))
    has = own >= 0
    rows = np.insert(numbers + np.int32(first), starts[:-1][has], own[has])
    return starts + np.concatenate([[0], np.cumsum(has)]), rows
