"""Word vectors: words with a row each, and what can be asked of them.

v = WordVectors(["king", "queen", "man"], matrix)
v["king"]                              # (dim,) float32
v.most_similar("king", topn=3)         # [("queen", 0.78), ...]
v.analogy("man", "king", "woman")      # man is to king as woman is to ...

Similarity is the cosine. A vector of zeros has cosine 0 with everything.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from numbers import Real
from typing import Any

import numpy as np

from nn.text import similar
from nn.text.evaluate import AnalogyScores, PairScores, evaluate_analogies, evaluate_pairs
from nn.text.spelling import meant
from nn.text.subwords import END, fnv1a, ngrams, subwords

__all__ = ["SubwordVectors", "WordVectors"]

Array = np.ndarray[Any, Any]
Query = str | Array | tuple[str | Array, float]  # a word or a vector, and maybe its weight


class WordVectors:
    """Words and their vectors.

    words: all different; the more frequent should come first, as `restrict` keeps the first ones
    matrix: (len(words), dim) float32; kept, not copied, and not to be changed while it is asked
    counts: how often each word occurred, (len(words),) integers, where that is known

    TypeError, ValueError: words that repeat, another dtype, shapes that don't fit, values that aren't finite
    (these when first needed).

    >>> v = WordVectors(["a", "b", "c"], np.array([[1, 0], [1, 1], [0, 2]], np.float32))
    >>> v["b"], "d" in v, len(v), v.dim
    (array([1., 1.], dtype=float32), False, 3, 2)
    >>> v.most_similar("a", topn=1)
    [('b', 0.7071067690849304)]
    """

    def __init__(
        self, words: Sequence[str], matrix: Array, counts: Array | Sequence[int] | None = None
    ) -> None:
        if not isinstance(matrix, np.ndarray) or matrix.dtype != np.float32:
            raise TypeError(f"vectors must be a float32 array, not {getattr(matrix, 'dtype', type(matrix))}")
        if matrix.ndim != 2 or len(matrix) != len(words):
            raise ValueError(f"{len(words)} words need a row each, not an array of shape {matrix.shape}")
        self.words = list(words)
        self.index = dict(zip(self.words, range(len(self.words)), strict=True))
        if len(self.index) < len(self.words):
            again = next(word for i, word in enumerate(self.words) if self.index[word] != i)
            raise ValueError(f"the word {again!r} is there twice")
        self.matrix = matrix.view()
        self.matrix.flags.writeable = False
        self.counts = None if counts is None else np.asarray(counts)
        if self.counts is not None and (
            self.counts.shape != (len(self),) or self.counts.dtype.kind not in "iu"
        ):
            raise ValueError(f"counts must be {len(words)} integers, one a word")

    @property
    def dim(self) -> int:
        return int(self.matrix.shape[1])

    @cached_property
    def inverse_norms(self) -> Array:
        """1 / length of each vector, 0 for zeros; (words,) float32."""
        return similar.inverse_norms(self.matrix)

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        """Whether `word` has a vector."""
        return word in self.index

    def __getitem__(self, word: str | Sequence[str]) -> Array:
        """The vector (dim,) of a word, or those (n, dim) of a list of words. KeyError: one has none."""
        if isinstance(word, str):
            return self.vector(word)
        if all(each in self.index for each in word):
            rows: Array = self.matrix[[self.index[each] for each in word]]
            return rows
        return np.stack([self.vector(each) for each in word])

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self):,} words, dim {self.dim})"

    def vector(self, word: str) -> Array:
        if word not in self.index:
            return self.unseen(word)
        row: Array = self.matrix[self.index[word]]
        return row

    def unseen(self, word: str) -> Array:
        """The vector of a word that is not among `words`: here, a KeyError."""
        hint = f" (did you mean {other!r}?)" if (other := meant(word, self.index)) else ""
        raise KeyError(f"no vector for {word!r}: it is not among the {len(self):,} words{hint}")

    def unit(self, word: str | Array) -> Array:
        """The vector of a word, or a vector, at length 1 (zeros stay). ValueError: no finite length."""
        vector = self.given(word)
        with np.errstate(over="ignore"):
            length = np.linalg.norm(vector)
        if not np.isfinite(length):
            raise ValueError(f"the vector of {word!r} has no finite length")
        unit: Array = vector / (length or 1)
        return unit

    def given(self, word: str | Array) -> Array:
        """The vector of a word, or a vector as float32. TypeError, ValueError: neither a word nor (dim,)."""
        if isinstance(word, str):
            return self.vector(word)
        try:
            vector = np.asarray(word, np.float32)
        except (TypeError, ValueError):
            raise TypeError(f"want a word or a vector of {self.dim} numbers, got {word!r}") from None
        if vector.shape != (self.dim,):
            raise ValueError(f"want a word or a vector of {self.dim} numbers, got shape {vector.shape}")
        return vector

    def cosines(self, units: Array, restrict: int | None = None) -> Array:
        """Cosines (n, words) of vectors of length 1 (n, dim) with the first words."""
        part = similar.first(restrict)
        return similar.cosines(self.matrix[part], self.inverse_norms[part], units)

    def known(self, keys: Sequence[Any]) -> list[int]:
        """The numbers of those keys that are words of ours."""
        return [self.index[key] for key in keys if isinstance(key, str) and key in self.index]

    def similarity(self, a: str | Array, b: str | Array) -> float:
        """The cosine between two words (or vectors), -1 to 1; 0 with a vector of zeros."""
        return min(max(float(self.unit(a) @ self.unit(b)), -1.0), 1.0)

    def n_similarity(self, a: Sequence[str], b: Sequence[str]) -> float:
        """The cosine between the means of two sets of words."""
        if isinstance(a, str) or isinstance(b, str) or not len(a) or not len(b):
            raise ValueError(f"n_similarity: want two lists of words, each with some, got {a!r} and {b!r}")
        return self.similarity(self[list(a)].mean(0), self[list(b)].mean(0))

    def most_similar(
        self,
        positive: Query | Sequence[Query],
        negative: Query | Sequence[Query] = (),
        topn: int | None = 10,
        restrict: int | None = None,
    ) -> list[tuple[str, float]]:
        """The words nearest to the sum of the positive minus the negative ones, each at length 1, and their
        cosines with it, falling. The words asked with are left out.

        positive, negative: words, vectors (counted as they are), or pairs of one of them and a weight
        topn: how many; None: all, or all that there are
        restrict: only among the first so many words

        KeyError: a word has no vector. TypeError, ValueError: what is no word, vector or weight; none at all.
        """
        target: Array = np.zeros(self.dim, np.float32)
        keys = list[Any]()
        for sign, items in ((1, queries(positive)), (-1, queries(negative))):
            for item in items:
                key, weight = item if isinstance(item, tuple) and len(item) == 2 else (item, 1.0)
                if not isinstance(weight, Real):
                    raise TypeError(f"most_similar: the weight of {key!r} is no number: {weight!r}")
                vector = self.unit(key) if isinstance(key, str) else self.given(key)
                target = target + np.float32(sign * float(weight)) * vector
                keys.append(key)
        if not keys:
            raise ValueError("most_similar: want at least one word or vector")
        return self.named(self.cosines(self.unit(target)[None], restrict)[0], topn, self.known(keys))

    def most_similar_cosmul(
        self,
        positive: str | Array | Sequence[str | Array],
        negative: str | Array | Sequence[str | Array] = (),
        topn: int | None = 10,
        restrict: int | None = None,
    ) -> list[tuple[str, float]]:
        """As most_similar, by multiplication: the product of (1 + cosine) / 2 with the positive words over
        that with the negative ones, so that one large cosine can't outweigh the rest (3CosMul: O. Levy,
        Y. Goldberg, "Linguistic Regularities in Sparse and Explicit Word Representations", 2014)."""
        positive, negative = queries(positive), queries(negative)
        if not positive and not negative:
            raise ValueError("most_similar_cosmul: want at least one word or vector")
        units = np.stack([self.unit(each) for each in [*positive, *negative]])
        shifted = (1 + self.cosines(units, restrict)) / 2
        above, below = shifted[: len(positive)].prod(0), shifted[len(positive) :].prod(0)
        return self.named(above / (below + np.float32(1e-6)), topn, self.known([*positive, *negative]))

    def analogy(
        self,
        a: str,
        b: str,
        c: str,
        topn: int | None = 10,
        restrict: int | None = None,
        multiply: bool = False,
    ) -> list[tuple[str, float]]:
        """The words for ? in "a is to b as c is to ?": nearest to b - a + c, or by multiplication."""
        return (self.most_similar_cosmul if multiply else self.most_similar)([b, c], [a], topn, restrict)

    def named(self, scores: Array, topn: int | None, without: Sequence[int]) -> list[tuple[str, float]]:
        topn = len(scores) if topn is None else topn
        if topn < 1:
            raise ValueError(f"topn must be at least 1, or None for all words, got {topn}")
        scores[[i for i in without if i < len(scores)]] = -np.inf
        return [(self.words[i], float(scores[i])) for i in similar.top(scores, topn) if scores[i] > -np.inf]

    def nearest(self, words: Sequence[str] | Array, topn: int = 10) -> tuple[Array, Array]:
        """The nearest words of many words at once: their numbers (n, topn) and cosines (n, topn), falling.
        Also of vectors (n, dim). A word is not its own neighbour. KeyError: a word has no vector. ValueError:
        no list of words or vectors, or topn is not from 1 to the number of words, less one for words."""
        if isinstance(words, str):
            raise ValueError(f"nearest: want a list of words, got {words!r}; for one, most_similar")
        if isinstance(words, np.ndarray) and words.dtype.kind in "fiu":
            targets, own = np.asarray(words, np.float32), None
            if targets.ndim != 2 or targets.shape[1] != self.dim:
                raise ValueError(f"nearest: want vectors (n, {self.dim}), got shape {targets.shape}")
        else:
            targets, own = self[list(words)], [self.known([w]) for w in words]
        if topn < 1 or topn > len(self) - (own is not None):
            raise ValueError(f"topn must be from 1 to {len(self) - (own is not None)}, got {topn}")
        targets = targets * similar.inverse_norms(targets)[:, None]
        found = list(similar.nearest(self.matrix, self.inverse_norms, targets, topn, own))
        shape = (len(targets), topn)
        return np.array([i for i, _ in found]).reshape(shape), np.array([s for _, s in found]).reshape(shape)

    def doesnt_match(self, words: Iterable[str]) -> str:
        """The word farthest from the mean of them all, each at length 1; of equals the first."""
        if isinstance(words, str) or not (words := list(words)):
            raise ValueError(f"doesnt_match: want a list of words, got {words!r}")
        units = np.stack([self.unit(word) for word in words])
        return words[int((units @ self.unit(units.mean(0))).argmin())]

    def ranks(self, word: str, others: Sequence[str]) -> Array:
        """At which place among all words, by nearness to `word`, each of the others is; the nearest has 1."""
        row = self.cosines(self.unit(word)[None])[0]
        own = [
            row[self.index[other]] if other in self.index else self.similarity(word, other)
            for other in others
        ]
        if word in self.index:
            row[self.index[word]] = -np.inf
        return len(row) - np.searchsorted(np.sort(row), np.array(own, row.dtype), side="right") + 1

    def rank(self, word: str, other: str) -> int:
        """At which place among the neighbours of `word` the other is; the nearest has 1."""
        return int(self.ranks(word, [other])[0])

    def evaluate_pairs(self, path: str | os.PathLike[str], **options: Any) -> PairScores:
        """Agreement with people's judgements of pairs of words; see evaluate.evaluate_pairs."""
        return evaluate_pairs(self, path, **options)

    def evaluate_analogies(self, path: str | os.PathLike[str], **options: Any) -> AnalogyScores:
        """How many analogies are solved, by section; see evaluate.evaluate_analogies."""
        return evaluate_analogies(self, path, **options)


class SubwordVectors(WordVectors):
    """Vectors of words and of their sub-words (fastText): also words never seen have one.

    words: as in WordVectors
    table: (len(words) + bucket, dim) float32: a row for each word, then one for each number of sub-words
    minn, maxn: how many characters sub-words have; maxn 0 is none
    origin: the fastText file they come from, with all that is not asked here (see formats.fasttext)
    spell: what is done to a word before it is cut into sub-words (korean.decompose: into jamo)

    The vector of a word is the mean of its own row and those of its sub-words; of a word never seen, the
    mean of its sub-words' rows. `in` says whether a word has one; `index` has only the known words.
    """

    def __init__(
        self,
        words: Sequence[str],
        table: Array,
        minn: int = 3,
        maxn: int = 6,
        counts: Array | Sequence[int] | None = None,
        origin: Any = None,
        spell: Callable[[str], str] | None = None,
    ) -> None:
        if len(table) < len(words):
            raise ValueError(f"{len(words)} words and their sub-words need more rows than {len(table)}")
        self.table, self.minn, self.maxn, self.bucket = table, minn, maxn, len(table) - len(words)
        self.origin, self.spell = origin, spell
        super().__init__(words, self.compose(words), counts)

    def compose(self, words: Sequence[str]) -> Array:
        if not self.bucket:
            return self.table
        matrix = np.empty((len(words), self.table.shape[1]), self.table.dtype)
        for i in range(0, len(words), 1024):  # the rows of so many words are gathered at once
            starts, numbers = self.cut(words[i : i + 1024])
            sizes = np.diff(starts)
            # A word's own row comes before those of its sub-words.
            rows = np.insert(numbers.astype(np.int64) + len(words), starts[:-1], np.arange(i, i + len(sizes)))
            with np.errstate(over="ignore"):
                sums = np.add.reduceat(self.table[rows], starts[:-1] + np.arange(len(sizes)), axis=0)
            if not np.isfinite(sums).all():
                bad = int(np.isfinite(sums).all(1).argmin())
                raise ValueError(f"the rows of {words[i + bad]!r} have no finite sum")
            matrix[i : i + 1024] = sums / (sizes + 1)[:, None].astype(np.float32)
        return matrix

    def cut(self, words: Sequence[str]) -> tuple[Array, Array]:
        """The numbers of the words' sub-words; see subwords.subwords."""
        spelled = [self.spell(word) if word != END else word for word in words] if self.spell else words
        return subwords(spelled, self.minn, self.maxn, self.bucket)

    def parts(self, word: str) -> Array:
        """The rows of `table` of a word's sub-words."""
        if not self.bucket:
            return np.zeros(0, np.int64)
        parts = ngrams(self.spell(word) if self.spell and word != END else word, self.minn, self.maxn)
        return np.array([fnv1a(part.encode()) % self.bucket + len(self.words) for part in parts], np.int64)

    def __contains__(self, word: object) -> bool:
        return isinstance(word, str) and (
            word in self.index or (self.bucket > 0 and len(self.parts(word)) > 0)
        )

    def unseen(self, word: str) -> Array:
        """The mean of the sub-words' vectors; KeyError where there are none (too short a word)."""
        rows = self.parts(word)
        if not len(rows):
            raise KeyError(f"no vector for {word!r}: it is no known word and has no sub-words")
        mean: Array = self.table[rows].sum(0) / np.float32(len(rows))
        return mean


def queries(items: Any) -> list[Any]:
    """A list of words, vectors or weighted ones, given one or several."""
    single = isinstance(items, str)
    if isinstance(items, np.ndarray) and items.dtype.kind in "fiu":
        single = items.ndim < 2
    weighted = isinstance(items, tuple) and len(items) == 2 and isinstance(items[1], Real)
    return [items] if single or weighted else list(items)
