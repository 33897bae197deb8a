"""`similar` and `analogy`: what vectors know, as tables."""

from __future__ import annotations

from argparse import Namespace

from apps.command import UserError
from apps.embedding.files import open_vectors, word_error
from apps.embedding.tables import table
from nn.text import WordVectors

__all__ = ["analogy", "similar"]


def similar(options: Namespace) -> int:
    """The nearest words of each word given."""
    vectors = open_vectors(options.vectors)
    check(options, vectors, options.words)
    for i, word in enumerate(options.words):
        found = vectors.most_similar(word, topn=options.top, restrict=options.restrict)
        seen = "" if word in vectors.index else " (never seen: from its sub-words)"
        print(f"{'' if i == 0 else chr(10)}{word}{seen}")
        print(ranking(vectors, found, "cosine"))
    return 0


def analogy(options: Namespace) -> int:
    """The words for ? in "A is to B as C is to ?"."""
    vectors, words = open_vectors(options.vectors), options.words
    check(options, vectors, words)
    found = vectors.analogy(*words, options.top, options.restrict, options.multiply)
    print("{} : {} = {} : ?".format(*words))
    print(ranking(vectors, found, "score" if options.multiply else "cosine"))
    return 0


def check(options: Namespace, vectors: WordVectors, words: list[str]) -> None:
    for word in words:
        if word not in vectors:
            raise word_error(options.vectors, vectors, word)
        if not vectors.vector(word).any():
            raise UserError(f"the vector of {word!r} is all zeros: it is near to nothing")


def ranking(vectors: WordVectors, found: list[tuple[str, float]], score: str) -> str:
    """Found words as a table, with how often they occurred where that is known."""
    counts = vectors.counts
    rows = []
    for place, (word, value) in enumerate(found, 1):
        row = [str(place), word, f"{value:.3f}"]
        rows.append(row if counts is None else [*row, f"{counts[vectors.index[word]]:,}"])
    heading = ["", "word", score] + ([] if counts is None else ["count"])
    return table(rows, heading, left=2)
