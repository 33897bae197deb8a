"""One-hot vectors: as many numbers as there are words, all 0 but the word's own, which is 1.

Such vectors tell words apart and nothing else: any two are equally far from each other. A matrix product with
one takes out a row, x @ weight = weight[word]; that is all an embedding layer does, without the zeros.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from nn.text.sparse import Sparse
from nn.text.vocabulary import Vocabulary

__all__ = ["OneHot"]


class OneHot:
    """Words to one-hot vectors and back.

    words: a Vocabulary, or the different words in the order of columns
    unknown: what other words give: "error", or "zeros", a row of zeros; a vocabulary with `unk` has none

    ValueError: another choice of unknown, a word that repeats, vectors that are not one-hot.
    KeyError: a word that is not known.

    >>> teams = OneHot(["Doosan", "LG", "Kia"])
    >>> teams.encode(["LG", "Kia", "LG"])
    array([[0., 1., 0.],
           [0., 0., 1.],
           [0., 1., 0.]], dtype=float32)
    >>> teams.decode([[0, 0, 1], [1, 0, 0]])
    ['Kia', 'Doosan']
    """

    def __init__(self, words: Vocabulary | Iterable[str], unknown: str = "error") -> None:
        if unknown not in ("error", "zeros"):
            raise ValueError(f"OneHot: unknown must be 'error' or 'zeros', got {unknown!r}")
        self.vocabulary = words if isinstance(words, Vocabulary) else Vocabulary.from_words(listed(words))
        self.unknown = unknown

    def sparse(self, words: Iterable[str]) -> Sparse:
        """Sparse (n, V) of float32: of each row the one column alone."""
        words = listed(words)
        numbers = self.vocabulary.numbers(words)
        known = numbers >= 0
        if self.unknown == "error" and not known.all():
            raise KeyError(f"OneHot: {words[int(known.argmin())]!r} is not one of {len(self)} words")
        indptr = np.append(0, known.cumsum())
        return Sparse(indptr, numbers[known], np.ones(known.sum(), np.float32), len(self))

    def encode(self, words: Iterable[str]) -> np.ndarray:
        """(n, V) float32."""
        return self.sparse(words).toarray()

    def decode(self, vectors: Any) -> list[str | None]:
        """The words of vectors, an array (n, V) or Sparse; None of a row of zeros."""
        x = Sparse.of(vectors).toarray()
        if x.shape[1] != len(self):
            raise ValueError(f"OneHot: vectors of {x.shape[1]} numbers, but {len(self)} words")
        if not (((x == 0) | (x == 1)).all() and (x.sum(1) <= 1).all()):
            raise ValueError("OneHot: not one-hot vectors: each must have one 1 and else 0")
        return [self.vocabulary.words[row.argmax()] if row.any() else None for row in x]

    def __len__(self) -> int:
        return len(self.vocabulary)


def listed(words: Iterable[str]) -> list[str]:
    if isinstance(words, str):
        raise TypeError(f"OneHot: want a list of words, got the text {words[:40]!r}")
    return list(words)
