"""A vocabulary: the words a model knows, each with its number and its count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, repeat
from typing import Any

import numpy as np

__all__ = ["Vocabulary", "blocks", "count_words"]

BLOCK = 1 << 16  # words that are counted at a time


def count_words(sentences: Iterable[Sequence[str]], max_vocab_size: int | None = None) -> Counter[str]:
    """How often each token occurs in sentences (lists of tokens), in the order of first sight.

    max_vocab_size bounds memory: whenever more words than this are known, those seen once are forgotten, the
    next time those seen twice or less, and so on (word2vec's ReduceVocab). Counts of rare words are then low.

    >>> count_words([["a", "b"], ["a"]])
    Counter({'a': 2, 'b': 1})
    """
    if max_vocab_size is not None and max_vocab_size < 1:
        raise ValueError(f"count_words: max_vocab_size must be at least 1, got {max_vocab_size}")
    counts: Counter[str] = Counter()
    floor = 0
    for block in blocks(sentences, BLOCK):
        counts.update(chain.from_iterable(block))
        while max_vocab_size is not None and len(counts) > max_vocab_size:
            floor += 1
            counts = Counter({word: count for word, count in counts.items() if count > floor})
    return counts


def blocks(sentences: Iterable[Sequence[str]], words: int) -> Iterator[list[Sequence[str]]]:
    """Sentences together until they have so many words. TypeError: one is a text instead of a list of words.

    >>> list(blocks([["a", "b"], ["c"], ["d"]], 3))
    [[['a', 'b'], ['c']], [['d']]]
    """
    block: list[Sequence[str]] = []
    size = 0
    for sentence in sentences:
        if isinstance(sentence, str | bytes):
            raise TypeError(
                f"want sentences as lists of words, got the text {sentence[:40]!r}: split it first"
            )
        block.append(sentence)
        size += len(sentence)
        if size >= words:
            yield block
            block, size = [], 0
    if block:
        yield block


class Vocabulary:
    """Words numbered by falling count; those equally frequent in the order they come in.

    counts: how often each word occurs, a mapping (see `count_words`), or pairs (word, count)
    min_count: rarer words are left out
    max_size: at most this many words, specials included; the most frequent stay
    specials: words that are there in any case and come first, whatever their counts
    unk: one of the specials, which stands for all words left out and has their count

    Without `unk`, unknown words are dropped by `encode`.

    ValueError: a count below 0, unk not among the specials, specials that repeat or don't fit.
    TypeError: words without counts (see `from_words`).

    >>> v = Vocabulary({"the": 3, "cat": 1, "sat": 2, "mat": 1}, max_size=3)
    >>> v.words, v.counts.tolist(), len(v), "mat" in v, v["sat"]
    (['the', 'sat', 'cat'], [3, 2, 1], 3, False, 1)
    >>> v.encode("the cat saw the mat".split())
    array([0, 2, 0], dtype=int32)
    >>> v.decode([0, 1])
    ['the', 'sat']
    >>> Vocabulary({"a": 3, "b": 1, "c": 1}, min_count=2, specials=["<unk>"], unk="<unk>")
    Vocabulary(2 words, 5 counted, unk='<unk>': '<unk>' 2, 'a' 3)
    """

    words: list[str]
    counts: np.ndarray  # (V,) int64
    index: dict[str, int]
    specials: tuple[str, ...]
    unk: str | None

    def __init__(
        self,
        counts: Mapping[str, int] | Iterable[tuple[str, int]],
        min_count: int = 1,
        max_size: int | None = None,
        specials: Sequence[str] = (),
        unk: str | None = None,
    ) -> None:
        pairs = counts.items() if isinstance(counts, Mapping) else list(counts)
        if isinstance(counts, str) or any(isinstance(pair, str) for pair in pairs):
            raise TypeError(
                "Vocabulary: want counts, got words: from_words(words) numbers them in their order, "
                "count_words(sentences) counts"
            )
        table = dict(pairs)
        if len(set(specials)) < len(specials) or isinstance(specials, str):
            raise ValueError(f"Vocabulary: specials must be different words, got {specials!r}")
        if unk is not None and unk not in specials:
            raise ValueError(f"Vocabulary: unk {unk!r} is not among the specials {list(specials)}")
        if max_size is not None and max_size < len(specials):
            raise ValueError(f"Vocabulary: max_size {max_size} leaves no room for {len(specials)} specials")
        other = next((word for word in table if not isinstance(word, str)), None)
        if other is not None:
            raise TypeError(f"Vocabulary: words are strings, got {type(other).__name__} {other!r:.40}")
        everything = as_counts(table.values())
        first = [table.pop(word, 0) for word in specials]
        frequent = [word for word, count in table.items() if count >= min_count]
        frequent.sort(key=table.__getitem__, reverse=True)  # stable: equal counts keep their order
        if max_size is not None:
            del frequent[max_size - len(specials) :]
        self.words = [*specials, *frequent]
        self.counts = as_counts([*first, *(table[word] for word in frequent)])
        self.index = {word: i for i, word in enumerate(self.words)}
        self.specials, self.unk = tuple(specials), unk
        if unk is not None:
            self.counts[self.index[unk]] += everything.sum() - self.counts.sum()

    @classmethod
    def from_words(cls, words: Iterable[str], counts: Any = None, unk: str | None = None) -> Vocabulary:
        """The vocabulary of these words in this order, as read from a file; counts (V,) are 0 if not given.

        ValueError: a word that repeats, counts of another number, unk not among the words.

        >>> Vocabulary.from_words(["b", "a"], [1, 2]).index
        {'b': 0, 'a': 1}
        """
        self = cls({})
        self.words = list(words)
        self.index = {word: i for i, word in enumerate(self.words)}
        if len(self.index) < len(self.words):
            twice = next(word for i, word in enumerate(self.words) if self.index[word] != i)
            raise ValueError(f"Vocabulary: {twice!r} is there twice")
        self.counts = as_counts([0] * len(self.words) if counts is None else counts)
        if self.counts.shape != (len(self.words),):
            raise ValueError(f"Vocabulary: {len(self.words)} words, counts of shape {self.counts.shape}")
        if unk is not None and unk not in self.index:
            raise ValueError(f"Vocabulary: unk {unk!r} is not among the words")
        self.specials, self.unk = () if unk is None else (unk,), unk
        return self

    def encode(self, tokens: Iterable[str]) -> np.ndarray:
        """The numbers of tokens, int32; unknown ones are dropped, or unk's where there is one."""
        if isinstance(tokens, str):
            raise TypeError(f"encode: want a list of tokens, got the text {tokens[:40]!r}: split it first")
        numbers = self.numbers(tokens)
        return numbers if self.unk is not None else numbers[numbers >= 0]

    def encode_sentences(self, sentences: Iterable[Sequence[str]]) -> tuple[np.ndarray, np.ndarray]:
        """(tokens, ends): the numbers of all sentences one after another, int32 (n,), and the end of each
        sentence in them, int64 (sentences,). A sentence may become empty.

        >>> tokens, ends = Vocabulary({"a": 2, "b": 1}).encode_sentences([["a", "x"], ["x"], ["b", "a"]])
        >>> tokens.tolist(), ends.tolist()
        ([0, 1, 0], [1, 1, 3])
        """
        sentences = sentences if isinstance(sentences, Sequence) else list(sentences)
        if sentences and isinstance(sentences[0], str):
            raise TypeError(f"encode_sentences: want lists of tokens, got the text {sentences[0][:40]!r}")
        ends = np.cumsum(np.fromiter(map(len, sentences), np.int64, len(sentences)))
        numbers = self.numbers(chain.from_iterable(sentences))
        if self.unk is None:
            known = numbers >= 0
            ends = np.concatenate([[0], np.cumsum(known)])[ends]
            numbers = numbers[known]
        return numbers, ends

    def numbers(self, tokens: Iterable[str]) -> np.ndarray:
        """The numbers of all tokens, int32: of unknown ones unk's, or else -1."""
        unknown = -1 if self.unk is None else self.index[self.unk]
        return np.fromiter(map(self.index.get, tokens, repeat(unknown)), np.int32)

    def decode(self, numbers: Iterable[int] | np.ndarray) -> list[str]:
        """The words of numbers. IndexError: a number that is no word's."""
        array = np.asarray(numbers if isinstance(numbers, np.ndarray) else list(numbers))
        if array.size and (array.dtype.kind not in "iu" or array.ndim != 1):
            raise TypeError(f"decode: want a list of whole numbers, got {array.dtype} of shape {array.shape}")
        if array.size and not 0 <= array.min() <= array.max() < len(self):
            raise IndexError(f"decode: numbers {array.min()} to {array.max()}, but {len(self)} words")
        return [self.words[i] for i in array.tolist()]

    def keep(self, sample: float = 1e-3) -> np.ndarray:
        """The probability of each word to be kept when frequent ones are thinned out, float64 (V,).

        sqrt(sample / f) + sample / f, at most 1, of a word that is the fraction f of the text: as word2vec's
        program has it, which differs from the paper (Mikolov et al. 2013b, section 2.3). 0: all are kept.

        >>> Vocabulary({"the": 98, "cat": 2}).keep(0.01).round(3).tolist()
        [0.111, 1.0]
        """
        if not 0 <= sample < 1:
            raise ValueError(f"keep: sample must be in [0, 1), got {sample}")
        kept = np.ones(len(self))
        if sample:
            seen = self.counts > 0
            ratio = sample * self.counts.sum() / self.counts[seen]
            kept[seen] = np.minimum(np.sqrt(ratio) + ratio, 1)
        return kept

    def noise(self, power: float = 0.75) -> np.ndarray:
        """The probability of each word to be drawn as a negative sample, float64 (V,), in sum 1:
        proportional to count ** power; never a word of count 0. (Mikolov et al. 2013b, section 2.2.)

        >>> Vocabulary({"the": 16, "cat": 1}).noise(0.5).tolist()
        [0.8, 0.2]
        """
        seen = self.counts > 0
        if not seen.any():
            raise ValueError("noise: no word has a count")
        logs = power * np.log(self.counts[seen])
        weights = np.zeros(len(self))
        weights[seen] = np.exp(logs - logs.max())  # of the largest, 1: no power overflows
        weights /= weights.sum()
        return weights

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self.index

    def __getitem__(self, word: str) -> int:
        return self.index[word]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Vocabulary):
            return NotImplemented
        same = self.words == other.words and np.array_equal(self.counts, other.counts)
        return same and (self.specials, self.unk) == (other.specials, other.unk)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        first = ", ".join(
            f"{word!r} {count}" for word, count in zip(self.words[:5], self.counts, strict=False)
        )
        unk = "" if self.unk is None else f", unk={self.unk!r}"
        more = ", ..." if len(self) > 5 else ""
        return f"Vocabulary({len(self)} words, {self.counts.sum()} counted{unk}: {first}{more})"


def as_counts(counts: Any) -> np.ndarray:
    array = np.asarray(counts if isinstance(counts, np.ndarray) else list(counts))
    if array.size and (array.dtype.kind not in "iu" or array.min() < 0):
        raise ValueError(f"Vocabulary: counts must be whole numbers of at least 0, got {array!r:.80}")
    return array.astype(np.int64)
