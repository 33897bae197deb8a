"""Documents as counts: how often each n-gram stands in each (bag of words), with scikit-learn's options."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import repeat
from numbers import Integral
from typing import Any, Self

import numpy as np

from nn.text.analyze import Analyzer
from nn.text.ngrams import ngrams
from nn.text.sparse import Sparse
from nn.text.vocabulary import Vocabulary

__all__ = ["CountVectorizer"]

BLOCK = 1 << 19  # symbols (words, characters) that are worked on at a time


class CountVectorizer:
    """A matrix with a row for each document and a column for each feature: how often it occurs there.

    Features are n-grams of words or characters, sorted. Names, options, results and errors are those of
    scikit-learn's class of this name (text options: see nn.text.analyze).

    lowercase, strip_accents ("ascii", "unicode"): applied first, in this order
    analyzer: "word", "char", or "char_wb" (characters of single words, with a space at both ends);
        or a function from a document to the list of its features
    token_pattern: what a word is, by default two letters or digits or more; tokenizer: a function instead
    stop_words: words left out, "english" for a list of 318; before n-grams are made
    ngram_range: (low, high), both included
    min_df, max_df: features in fewer or more documents are left out; a whole number is a number of
        documents, a fraction one of all documents
    max_features: then only as many are kept, those most frequent in all documents together
    vocabulary: the features, in order: a list, a set, a mapping to columns, a Vocabulary; min_df, max_df and
        max_features have no effect then
    binary: 1 for all counts above 0
    dtype: of the values

    Once fitted, `vocabulary_` maps features to columns.

    ValueError: an option that is none, no features left, documents that are one text, not fitted.

    >>> documents = ["the cat sat", "the cat saw the mat"]
    >>> counter = CountVectorizer()
    >>> counter.fit_transform(documents).toarray()
    array([[1, 0, 1, 0, 1],
           [1, 1, 0, 1, 2]])
    >>> counter.get_feature_names_out().tolist()
    ['cat', 'mat', 'sat', 'saw', 'the']
    >>> counter.transform(["the dog"]).toarray()
    array([[0, 0, 0, 0, 1]])
    >>> list(CountVectorizer(ngram_range=(2, 2), max_df=1).fit(documents).vocabulary_)
    ['cat sat', 'cat saw', 'saw the', 'the mat']
    """

    vocabulary_: dict[str, int]

    def __init__(
        self,
        *,
        max_df: float = 1.0,
        min_df: float = 1,
        max_features: int | None = None,
        vocabulary: Any = None,
        binary: bool = False,
        dtype: Any = np.int64,
        **text_options: Any,
    ) -> None:
        self.analyzer = Analyzer(**text_options)
        self.max_df, self.min_df, self.max_features = max_df, min_df, max_features
        self.binary, self.dtype = binary, np.dtype(dtype)
        for name, value in (("max_df", max_df), ("min_df", min_df)):
            if not (value >= 1 if isinstance(value, Integral) else 0 <= value <= 1):
                raise ValueError(f"{name} must be a whole number >= 1 or a fraction in [0, 1], got {value!r}")
        if max_features is not None and not (isinstance(max_features, Integral) and max_features >= 1):
            raise ValueError(f"max_features must be a whole number >= 1 or None, got {max_features!r}")
        self.fixed = vocabulary is not None
        if self.fixed:
            self.vocabulary_ = columns_of(vocabulary)
            if self.analyzer.lowercase and any(c.isupper() for term in self.vocabulary_ for c in term):
                warnings.warn("vocabulary: no text has its capitals, since lowercase=True", stacklevel=2)

    def fit(self, documents: Iterable[Any]) -> Self:
        """Learn the features of documents, an iterable of texts (or bytes, files, names: `input`)."""
        self.count(documents)
        return self

    def fit_transform(self, documents: Iterable[Any]) -> Sparse:
        """Learn the features, and count them: Sparse (documents, features), columns rising in each row."""
        return self.count(documents)

    def transform(self, documents: Iterable[Any]) -> Sparse:
        """Count the features learned; others are passed over. Sparse (documents, features)."""
        self.get_feature_names_out()
        return self.matrix(*self.tally(documents, self.vocabulary_), len(self.vocabulary_))

    def get_feature_names_out(self) -> np.ndarray:
        """The features in the order of columns, (features,) of objects."""
        if not hasattr(self, "vocabulary_"):
            raise ValueError(f"this {type(self).__name__} has learned no features yet: call fit first")
        return np.array(sorted(self.vocabulary_, key=self.vocabulary_.__getitem__), dtype=object)

    def inverse_transform(self, x: Any) -> list[np.ndarray]:
        """Of each row the features that are not 0."""
        names, x = self.get_feature_names_out(), Sparse.of(x)
        rows = (
            np.unique(x.indices[a:b][x.values[a:b] != 0])
            for a, b in zip(x.indptr, x.indptr[1:], strict=False)
        )
        return [names[row] for row in rows]

    def count(self, documents: Iterable[Any]) -> Sparse:
        if self.fixed:
            return self.transform(documents)
        found: defaultdict[str, int] = defaultdict()
        found.default_factory = found.__len__  # a new feature gets the next number
        rows, columns, values, total = self.tally(documents, found)
        if not found:
            raise ValueError("empty vocabulary: no document has a feature, or only stop words")
        names = list(found)
        kept = self.choose(names, columns, values, total)
        self.vocabulary_ = {names[old]: new for new, old in enumerate(kept.tolist())}
        place = np.full(len(names), -1)
        place[kept] = np.arange(len(kept))
        columns = place[columns]
        there = columns >= 0
        return self.matrix(rows[there], columns[there], values[there], total, len(kept))

    def choose(self, names: list[str], columns: np.ndarray, values: np.ndarray, total: int) -> np.ndarray:
        """The numbers of the features that stay, in the order of their names."""
        most, least = (df if isinstance(df, Integral) else df * total for df in (self.max_df, self.min_df))
        if most < least:
            raise ValueError(f"max_df {self.max_df} means fewer documents than min_df {self.min_df}")
        documents = np.bincount(columns, minlength=len(names))
        within = np.flatnonzero((documents >= least) & (documents <= most)).tolist()
        stay = np.array(sorted(within, key=names.__getitem__), np.int64)
        if self.max_features is not None and len(stay) > self.max_features:
            sums = np.bincount(columns, values, len(names))[stay]
            sums = sums.astype(self.dtype if self.dtype.kind == "f" else np.int64)
            # Which of equally frequent ones stay is up to argsort: what scikit-learn keeps, too.
            stay = stay[np.sort((-sums).argsort()[: self.max_features])]
        if not len(stay):
            raise ValueError("no features remain: try a lower min_df or a higher max_df")
        return stay

    def matrix(
        self, rows: np.ndarray, columns: np.ndarray, values: np.ndarray, total: int, width: int
    ) -> Sparse:
        order = (rows * width + columns).argsort()
        indptr = np.append(0, np.bincount(rows, minlength=total).cumsum())
        return Sparse(indptr, columns[order], values[order].astype(self.dtype), width)

    def tally(
        self, documents: Iterable[Any], features: dict[str, int]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
        """(rows, columns, counts) of all that is not 0, in no order, and the number of documents. Unknown
        features get a number if `features` gives one, else they are passed over."""
        if isinstance(documents, str | bytes):
            raise ValueError("documents must be an iterable of texts, got one text")
        known = not isinstance(features, defaultdict)
        found: list[tuple[np.ndarray, ...]] = [(np.zeros(0, np.int64),) * 3]
        total = 0
        for sequence, lengths, owners, count in self.blocks(documents):
            owner = np.repeat(owners, lengths)
            rows, columns = [], []
            levels = ngrams(sequence, lengths, self.analyzer.low, self.analyzer.high, self.whole)
            for names, numbers, starts in levels:
                if known:
                    ids = np.fromiter(map(features.get, names, repeat(-1)), np.int64, len(names))
                else:
                    ids = np.fromiter(map(features.__getitem__, names), np.int64, len(names))
                rows.append(owner[starts])
                columns.append(ids[numbers])
            found.append(counted(np.concatenate(rows) + total, np.concatenate(columns), len(features)))
            total += count
        rows_, columns_, values = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
        if self.binary:
            values = np.ones_like(values)
        return rows_, columns_, values, total

    @property
    def whole(self) -> bool:
        """Whether words too short for an n-gram count as a whole."""
        return self.analyzer.analyzer == "char_wb"

    def blocks(self, documents: Iterable[Any]) -> Iterator[tuple[Any, np.ndarray, np.ndarray, int]]:
        """Documents joined until they are long enough: (sequence, lengths of its parts, the document of each
        part counted from the block's first, number of documents)."""
        parts: list[Any] = []
        counts: list[int] = []
        size = 0
        for document in documents:
            new = self.analyzer.parts(document)
            parts += new
            counts.append(len(new))
            size += sum(map(len, new))
            if size >= BLOCK:
                yield self.joined(parts, counts)
                parts, counts, size = [], [], 0
        if counts:
            yield self.joined(parts, counts)

    def joined(self, parts: list[Any], counts: list[int]) -> tuple[Any, np.ndarray, np.ndarray, int]:
        sequence = "".join(parts) if self.analyzer.spelling else [word for part in parts for word in part]
        lengths = np.fromiter(map(len, parts), np.int64, len(parts))
        return sequence, lengths, np.repeat(np.arange(len(counts)), counts), len(counts)


def columns_of(vocabulary: Any) -> dict[str, int]:
    """The mapping from features to columns that a user's vocabulary means."""
    if isinstance(vocabulary, Vocabulary):
        vocabulary = vocabulary.index
    if not isinstance(vocabulary, Mapping):
        terms = sorted(vocabulary) if isinstance(vocabulary, set | frozenset) else list(vocabulary)
        vocabulary = {term: i for i, term in enumerate(terms)}
        if len(vocabulary) < len(terms):
            twice = next(term for i, term in enumerate(terms) if vocabulary[term] != i)
            raise ValueError(f"vocabulary: {twice!r} is there twice")
    if not vocabulary:
        raise ValueError("vocabulary: empty")
    if sorted(vocabulary.values()) != list(range(len(vocabulary))):
        raise ValueError(f"vocabulary: columns must be 0 to {len(vocabulary) - 1}, each once")
    return dict(vocabulary)


def counted(rows: np.ndarray, columns: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs (row, column), some many times: (rows, columns, how often). Column -1 is passed over."""
    keys = np.sort((rows * width + columns)[columns >= 0])
    first = np.ones(len(keys), bool)
    first[1:] = keys[1:] != keys[:-1]
    starts = np.flatnonzero(first)
    times = np.diff(np.append(starts, len(keys)))
    if not len(keys):
        return keys, keys, keys
    return keys[starts] // width, keys[starts] % width, times
