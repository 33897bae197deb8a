"""How good vectors are: agreement with people on pairs of words, and analogies solved.

Files as the field has them. Pairs: two words and a score a line, set apart by tabs, commas or spaces; lines
with # are comments, a first line without a number is a heading. Analogies: four words a line, in sections
that ": name" opens. A byte order mark is skipped. Numbers are those of gensim and of word2vec's
compute-accuracy; sections named gram... or syn... are syntactic, all others semantic.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nn.data import DataError
from nn.text import similar

if TYPE_CHECKING:
    from nn.text.vectors import WordVectors

__all__ = ["AnalogyScores", "PairScores", "Section", "evaluate_analogies", "evaluate_pairs"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class PairScores:
    """Correlations between cosines and people's scores of the same pairs.

    spearman, pearson: of ranks and of values, -1 to 1; NaN where one side is constant
    pairs, unknown: how many the file has, and of how many a word has no vector
    """

    name: str
    spearman: float
    pearson: float
    pairs: int
    unknown: int

    @property
    def coverage(self) -> float:
        """The share of pairs whose words both have vectors, 0 to 1."""
        return 1 - self.unknown / self.pairs


@dataclass
class Section:
    """Analogies of one kind: (a, b, c, expected, predicted); predicted is None where a word is unknown."""

    name: str
    answers: list[tuple[str, str, str, str, str | None]] = field(default_factory=list)
    correct: int = 0
    unknown: int = 0
    total: int = 0  # those that count: without the unknown ones, unless these count as wrong

    @property
    def syntactic(self) -> bool:
        return self.name.startswith(("gram", "syn"))

    @property
    def accuracy(self) -> float:
        """The share solved, 0 to 1; NaN where there was nothing to solve."""
        return self.correct / self.total if self.total else float("nan")


@dataclass(frozen=True)
class AnalogyScores:
    """Analogies solved, by section and in all."""

    sections: list[Section]

    def sum(self, name: str, sections: list[Section]) -> Section:
        """Several sections as one."""
        answers = [answer for section in sections for answer in section.answers]
        sums = [sum(getattr(s, key) for s in sections) for key in ("correct", "unknown", "total")]
        return Section(name, answers, *sums)

    @property
    def total(self) -> Section:
        return self.sum("total", self.sections)

    @property
    def semantic(self) -> Section:
        return self.sum("semantic", [section for section in self.sections if not section.syntactic])

    @property
    def syntactic(self) -> Section:
        return self.sum("syntactic", [section for section in self.sections if section.syntactic])


def lines(path: str | os.PathLike[str]) -> Iterator[tuple[int, str]]:
    """Lines of a text file and their numbers, blank ones left out."""
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        row = error.object.count(b"\n", 0, error.start) + 1
        raise DataError(f"{path}: line {row} is not UTF-8 (byte {error.start} of the file)") from None
    return ((i, line.strip()) for i, line in enumerate(text.split("\n"), 1) if line.strip())


def read_pairs(path: str | os.PathLike[str]) -> list[tuple[str, str, float]]:
    """The pairs of a file and their scores. DataError: a line that is not two words and a number."""
    pairs: list[tuple[str, str, float]] = []
    rows = [(i, line) for i, line in lines(path) if not line.startswith("#")]
    for number, (i, line) in enumerate(rows):
        mark = "\t" if "\t" in line else "," if "," in line else None
        parts = [part.strip() for part in line.split(mark)]
        try:
            a, b, score = parts[0], parts[1], float(parts[2])
            if len(parts) > 3 or not np.isfinite(score):
                raise ValueError
        except (IndexError, ValueError):
            if number == 0 and len(parts) == 3:
                continue  # a heading
            raise DataError(f"{path}: line {i} is not two words and a score: {line[:60]!r}") from None
        pairs.append((a, b, score))
    return pairs


def read_analogies(path: str | os.PathLike[str]) -> list[tuple[str, list[tuple[str, str, str, str]]]]:
    """The sections of a file. DataError: a line that is not four words, or before any section."""
    sections: list[tuple[str, list[tuple[str, str, str, str]]]] = []
    for i, line in lines(path):
        if line.startswith(":"):
            sections.append((line[1:].strip(), []))
        elif not sections:
            raise DataError(f"{path}: line {i} comes before any section (': name')")
        elif len(words := line.split()) != 4:
            raise DataError(f"{path}: line {i} has {len(words)} words, an analogy four: {line[:60]!r}")
        else:
            sections[-1][1].append((words[0], words[1], words[2], words[3]))
    return sections


def numbers(vectors: WordVectors, restrict: int | None, fold: bool) -> tuple[list[str], dict[str, int]]:
    """The first `restrict` words as they are compared, and the number of each (of equals the first)."""
    words = [word.upper() if fold else word for word in vectors.words[similar.first(restrict)]]
    return words, dict(zip(reversed(words), range(len(words) - 1, -1, -1), strict=True))


def evaluate_pairs(
    vectors: WordVectors,
    path: str | os.PathLike[str],
    restrict: int | None = 300_000,
    case_insensitive: bool = True,
    dummy4unknown: bool = False,
    unseen: bool = False,
) -> PairScores:
    """How well cosines agree with people's scores of the pairs in a file.

    restrict: only the first so many words are known; None: all
    case_insensitive: upper and lower case are one; of several forms of a word the first is taken
    dummy4unknown: pairs with an unknown word count with cosine 0; else they are left out
    unseen: unknown words take the vectors of their sub-words, where they have any (in lower case, if
        case_insensitive)

    DataError: a line that is not two words and a score, or fewer than two pairs with vectors. ValueError:
    restrict below 1.
    """
    _, index = numbers(vectors, restrict, case_insensitive)
    pairs = read_pairs(path)

    def unit(word: str) -> Array | None:
        if (key := word.upper() if case_insensitive else word) in index:
            return vectors.unit(vectors.matrix[index[key]])
        seen = word.lower() if case_insensitive else word
        return vectors.unit(seen) if unseen and seen in vectors else None

    gold, ours, unknown = [], [], 0
    for a, b, score in pairs:
        left, right = unit(a), unit(b)
        if left is None or right is None:
            unknown += 1
            if not dummy4unknown:
                continue
        gold.append(score)
        ours.append(0.0 if left is None or right is None else float(left @ right))
    if len(gold) < 2:
        raise DataError(f"{path}: {len(gold)} of {len(pairs)} pairs have vectors; a correlation takes two")
    x, y = np.array(gold), np.array(ours)
    return PairScores(Path(path).stem, pearson(ranks(x), ranks(y)), pearson(x, y), len(pairs), unknown)


def pearson(x: Array, y: Array) -> float:
    """The correlation of two (n,) arrays; NaN where one is constant."""
    x, y = x - x.mean(), y - y.mean()
    scale = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / scale if scale else float("nan")


def ranks(x: Array) -> Array:
    """The place of each number in order, from 1; equals share the mean of theirs.

    >>> ranks(np.array([3.0, 1.0, 3.0]))
    array([2.5, 1. , 2.5])
    """
    _, where, counts = np.unique(x, return_inverse=True, return_counts=True)
    shared: Array = (np.cumsum(counts) - (counts - 1) / 2)[where]
    return shared


def evaluate_analogies(
    vectors: WordVectors,
    path: str | os.PathLike[str],
    restrict: int | None = 300_000,
    case_insensitive: bool = True,
    dummy4unknown: bool = False,
    multiply: bool = False,
) -> AnalogyScores:
    """How many of a file's analogies "a is to b as c is to ?" are solved: whether the expected word is the
    nearest to b - a + c (or wins by multiplication) among the first `restrict` words, a, b and c left out.

    case_insensitive: as in evaluate_pairs; all forms of a, b and c are left out
    dummy4unknown: analogies with an unknown word count as not solved; else they don't count

    DataError: a line that is not four words.
    """
    words, index = numbers(vectors, restrict, case_insensitive)
    forms: dict[str, list[int]] = {}
    for i, word in enumerate(words):
        forms.setdefault(word, []).append(i)
    matrix, inverse = vectors.matrix[: len(words)], vectors.inverse_norms[: len(words)]
    sections = []
    for name, questions in read_analogies(path):
        section = Section(name, total=len(questions))
        keys = [tuple(w.upper() for w in q) if case_insensitive else q for q in questions]
        known = [all(key in index for key in row) for row in keys]
        asked = [row for row, whole in zip(keys, known, strict=True) if whole]
        given = np.array([[index[key] for key in row[:3]] for row in asked], np.int64).reshape(-1, 3)
        without = [[i for key in row[:3] for i in forms[key]] for row in asked]
        answers = iter(solve(matrix, inverse, given, without, multiply))
        for question, row, whole in zip(questions, keys, known, strict=True):
            best = next(answers) if whole else None
            section.answers.append((*question, None if best is None else vectors.words[best]))
            section.correct += best is not None and words[best] == row[3]
            section.unknown += not whole
        section.total -= 0 if dummy4unknown else section.unknown
        sections.append(section)
    return AnalogyScores(sections)


def solve(
    matrix: Array, inverse: Array, given: Array, without: list[list[int]], multiply: bool
) -> Iterator[int]:
    """The best row of `matrix` for each of the analogies `given` (n, 3), numbers of a, b, c.

    The same few words are asked again and again: their cosines with all are one product, and an analogy adds
    (or multiplies) three rows of it: cos b - cos a + cos c is the cosine with b - a + c but for a factor.
    """
    score = np.empty(len(matrix), matrix.dtype)
    for part in parts(given, max(3, similar.BLOCK // max(len(matrix), 1))):
        words, rows = np.unique(given[part], return_inverse=True)
        near = similar.cosines(matrix, inverse, matrix[words] * inverse[words, None])
        if multiply:
            near += 1
        for (a, b, c), leave in zip(rows.reshape(-1, 3).tolist(), without[part], strict=True):
            if multiply:
                # (1 + cos b) / 2 (1 + cos c) / 2 / ((1 + cos a) / 2 + 1e-6), but for a factor
                np.add(near[a], np.float32(2e-6), out=score)
                np.divide(near[b], score, out=score)
                score *= near[c]
            else:
                np.subtract(near[b], near[a], out=score)
                score += near[c]
            score[leave] = -np.inf
            yield int(score.argmax())


def parts(given: Array, most: int) -> Iterator[slice]:
    """Runs of analogies with at most so many words among them."""
    start, seen = 0, set[int]()
    for i, row in enumerate(given.tolist()):
        if len(seen.union(row)) > most:
            yield slice(start, i)
            start, seen = i, set()
        seen.update(row)
    if start < len(given):
        yield slice(start, len(given))
