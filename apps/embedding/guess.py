"""CBOW and skip-gram at work on Korean: a sentence with a hole, and a word with its context.

Both are trained on the Korean text of a data folder, or on sentences made for the purpose.
"""

from __future__ import annotations

import itertools
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from apps.command import UserError
from apps.embedding.corpora import korean_text, morphemes
from nn.models.word2vec import Word2Vec
from nn.text.corpus import Corpus
from nn.text.korean import fits

__all__ = ["Guesses", "Sentences", "contexts", "fill", "made_sentences", "sentences", "train"]

Array = np.ndarray[Any, Any]

PEOPLE = "철수 영희 민수 지은".split()
PLACES = {
    "구매": "도서 신발 가방 사과 우유 모자 연필 의자",
    "읽었다": "도서 소설 신문 잡지 편지",
    "먹었다": "사과 우유 김치 국수 과자",
    "입었다": "바지 치마 외투 저고리",
    "보았다": "영화 연극 야구 축구",
}


@dataclass(frozen=True)
class Sentences:
    """Sentences as words. made: by us, since there was no text; min_count: rarer words are left out."""

    all: list[list[str]]
    name: str
    made: bool
    min_count: int

    def __len__(self) -> int:
        return sum(map(len, self.all))


def sentences(folder: Path | None, lines: int | None = None) -> Sentences:
    """Those of the data folder's Korean text, up to `lines`; else made ones."""
    text = korean_text(folder)
    if text is None:
        return Sentences(made_sentences(), "sentences made for the purpose", True, 1)
    print(f"reading {text.name} ...", file=sys.stderr, flush=True)
    try:
        read = [list(sentence) for sentence in itertools.islice(text.corpus, lines)]
    except ValueError as error:
        raise UserError(str(error)) from None
    return Sentences(read, text.name, False, 5)


def made_sentences() -> list[list[str]]:
    """Who bought, read, ate, wore or saw what.

    >>> sentences = made_sentences()
    >>> len(sentences), " ".join(sentences[0])
    (104, '철수 는 도서 를 구매')
    """
    made = []
    for verb, things in PLACES.items():
        for thing, person in itertools.product(things.split(), PEOPLE):
            subject, object = (
                f"{word} {first if fits(word, first) else second}"
                for word, first, second in ((person, "는", "은"), (thing, "를", "을"))
            )
            made.append(f"{subject} {object} {verb}".split())
    return made


# Training and asking -----------------------------------------------------------------------------


def train(text: Sentences, sg: bool, seed: int, workers: int | None) -> Word2Vec:
    """CBOW or skip-gram on the sentences; small and quick."""
    settings: dict[str, Any] = {"sample": 0.0, "epochs": 200, "dim": 16, "alpha": 0.05}
    if not text.made:
        epochs = (20_000_000 if sg else 40_000_000) // max(len(text), 1)
        settings = {"sample": 1e-4, "epochs": min(max(epochs, 5 if sg else 8), 20)}
        settings |= {"alpha": 0.05} if sg else {"alpha": 0.1, "window": 3}  # a hole is filled from nearby
    settings |= {"min_count": text.min_count, "sg": sg, "seed": seed, "workers": workers}
    try:
        model = Word2Vec(**settings).fit(Corpus.of(text.all), progress=not text.made)
    except ValueError as error:
        raise UserError(f"{text.name}: {error}") from None
    if model.position.epoch < model.epochs:  # Ctrl-C: what it has learned by then would say little
        raise KeyboardInterrupt
    return model


@dataclass(frozen=True)
class Guesses:
    """The known words that were asked with, and for each word the chance that a guess is right: of a true
    word against one random one, 0 to 1."""

    known: list[str]
    words: list[str]
    chances: Array

    def best(self, among: Sequence[str] | None, count: int) -> list[tuple[str, float]]:
        """The likeliest words, falling, without those asked with; of all, or among some."""
        allowed = set(self.words if among is None else among) - set(self.known)
        order = (self.words[i] for i in np.argsort(-self.chances, kind="stable"))
        found = itertools.islice((word for word in order if word in allowed), count)
        index = dict(zip(self.words, self.chances.tolist(), strict=True))
        return [(word, index[word]) for word in found]


def fill(model: Word2Vec, context: Sequence[str]) -> Guesses:
    """What a model takes for the word between those of a context: the mean of their input vectors meets the
    output vector of every word, sigmoid(mean . output). Frequent words weigh what training kept of them."""
    vocabulary = model.vocabulary
    known = [word for word in context if word in vocabulary]
    assert model.outputs is not None
    if not known:
        return Guesses([], vocabulary.words, np.zeros(len(vocabulary), np.float32))
    numbers = [vocabulary.index[word] for word in known]
    sample = model.settings["sample"]
    weights = vocabulary.keep(sample)[numbers] if sample else np.ones(len(known))
    mean = (weights / weights.sum()).astype(np.float32) @ model.inputs[numbers]
    return Guesses(known, vocabulary.words, 1 / (1 + np.exp(-(model.outputs @ mean))))


def contexts(model: Word2Vec, word: str) -> Guesses:
    """What a model expects around a word."""
    return fill(model, [word])


def objects(text: Sentences, least: int) -> list[str]:
    """The words that stand before 를 so often or oftener: those that a hole before 를 may have."""
    before = Counter(a for sentence in text.all for a, b in pairwise(sentence) if b == "를")
    return [word for word, count in before.items() if count >= least and fits(word, "를")]


def context_of(sentence: str, hole: str = "___") -> list[str]:
    """The words around the hole of a sentence.

    >>> context_of("철수는 ___를 구매했다")
    ['철수', '는', '를', '구매']
    """
    return [part for piece in sentence.split(hole) for part in morphemes(piece)]
