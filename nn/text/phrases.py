"""Phrases: pairs of words that stand together more often than by chance become one word, new_york.

Mikolov et al. 2013, Distributed Representations of Words and Phrases, section 4, as word2phrase.c has it:
score(a, b) = (count(ab) - min_count) n / (count(a) count(b)), n: all words.
Bouma 2009, Normalized (Pointwise) Mutual Information: ln(p(ab) / (p(a) p(b))) / -ln p(ab), in [-1, 1], where
p = count / n.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Self

import numpy as np

from nn.text.vocabulary import blocks

__all__ = ["Phrases"]

BLOCK = 1 << 20  # words that are counted at a time
THRESHOLDS = {"word2phrase": 100.0, "npmi": 0.5}

Counts = tuple[np.ndarray, np.ndarray]  # different pairs, rising: a * 2**32 + b; how often each


class Phrases:
    """Find phrases in sentences (lists of words), and join them. For longer ones: again, on joined sentences.

    min_count: words and pairs that are rarer make no phrase; of word2phrase's score it is taken off
    threshold: pairs that score higher are phrases; by default 100 for word2phrase, 0.5 for npmi
    scoring: "word2phrase" or "npmi", see above
    delimiter: between the words of a phrase
    max_vocab_size: bounds memory: whenever more different pairs than this are known, the rarest are forgotten

    Once fitted, `scores` maps the pairs that are phrases to their scores, the highest first.

    ValueError: another scoring, sizes below 1, not fitted.

    >>> sentences = [["in", "new", "york"], ["new", "york", "is", "in"], ["is", "it"]]
    >>> phrases = Phrases(min_count=1, threshold=1).fit(sentences)
    >>> phrases.scores
    {('new', 'york'): 2.25}
    >>> phrases(["new", "new", "york"])
    ['new', 'new_york']
    """

    scores: dict[tuple[str, str], float]

    def __init__(
        self,
        min_count: int = 5,
        threshold: float | None = None,
        scoring: str = "word2phrase",
        delimiter: str = "_",
        max_vocab_size: int | None = None,
    ) -> None:
        if scoring not in THRESHOLDS:
            raise ValueError(f"Phrases: scoring must be one of {list(THRESHOLDS)}, got {scoring!r}")
        if min_count < 1 or (max_vocab_size is not None and max_vocab_size < 1):
            raise ValueError(f"Phrases: min_count {min_count}, max_vocab_size {max_vocab_size}: at least 1")
        self.min_count, self.scoring, self.delimiter = min_count, scoring, delimiter
        self.threshold = THRESHOLDS[scoring] if threshold is None else threshold
        self.max_vocab_size = max_vocab_size

    def fit(self, sentences: Iterable[Sequence[str]]) -> Self:
        """Count words and pairs of neighbours in a stream of sentences, and score."""
        index: defaultdict[str, int] = defaultdict()
        index.default_factory = index.__len__
        words, pairs, floor = np.zeros(0, np.int64), no_pairs(), 0
        for block in blocks(sentences, BLOCK):
            numbers = np.fromiter(map(index.__getitem__, chain.from_iterable(block)), np.int64)
            new = np.bincount(numbers, minlength=len(index))
            new[: len(words)] += words
            words = new
            pairs = merged(pairs, distinct(neighbours(numbers, [len(sentence) for sentence in block])))
            while self.max_vocab_size is not None and len(pairs[0]) > self.max_vocab_size:
                floor += 1
                kept = pairs[1] > floor
                pairs = pairs[0][kept], pairs[1][kept]
        index.default_factory = None  # a circle, which would keep all words in memory
        self.scores = self.choose(list(index), words, pairs)
        return self

    def choose(self, names: list[str], words: np.ndarray, pairs: Counts) -> dict[tuple[str, str], float]:
        keys, together = pairs
        first, second = keys >> 32, keys & 0xFFFFFFFF
        enough = together >= self.min_count  # and so are the counts of its words
        first, second, together = first[enough], second[enough], together[enough]
        n = words.sum()
        chance = words[first].astype(np.float64) * words[second]  # of large texts no 64-bit integer
        if self.scoring == "npmi":
            scores = np.log(together * float(n) / chance) / -np.log(together / n)
        else:
            scores = (together - self.min_count) * float(n) / chance
        order = (-scores).argsort(kind="stable")
        order = order[scores[order] > self.threshold]
        ends = zip(first[order].tolist(), second[order].tolist(), strict=True)
        return {(names[a], names[b]): s for (a, b), s in zip(ends, scores[order].tolist(), strict=True)}

    def __call__(self, sentence: Sequence[str]) -> list[str]:
        """The sentence with its phrases joined, from left to right; no word is in two."""
        if not hasattr(self, "scores"):
            raise ValueError("these Phrases have seen no sentences yet: call fit first")
        scores, delimiter, joined = self.scores, self.delimiter, []
        last = None
        for word in sentence:
            if last is not None and (last, word) in scores:
                joined[-1] += delimiter + word
                last = None
            else:
                joined.append(word)
                last = word
        return joined

    def transform(self, sentences: Iterable[Sequence[str]]) -> Iterator[list[str]]:
        """A stream of sentences with their phrases joined."""
        return map(self, sentences)


def neighbours(numbers: np.ndarray, lengths: list[int]) -> np.ndarray:
    """The pairs of neighbours inside sentences as keys, a * 2**32 + b."""
    keys: np.ndarray = (numbers[:-1] << 32) | numbers[1:]
    inside = np.ones(len(numbers) + 1, bool)
    inside[np.cumsum(lengths)] = False  # from a sentence's last word to the next one's first
    return keys[inside[1:-1]]


def no_pairs() -> Counts:
    return np.zeros(0, np.int64), np.zeros(0, np.int64)


def distinct(keys: np.ndarray) -> Counts:
    found, counts = np.unique(keys, return_counts=True)
    return found, counts


def merged(a: Counts, b: Counts) -> Counts:
    """The sums of two counts."""
    keys, counts = np.concatenate([a[0], b[0]]), np.concatenate([a[1], b[1]])
    order = keys.argsort(kind="stable")  # two rising runs: merged in one pass
    keys, counts = keys[order], counts[order]
    if not len(keys):
        return a
    starts = np.flatnonzero(np.append(True, keys[1:] != keys[:-1]))
    return keys[starts], np.add.reduceat(counts, starts)
