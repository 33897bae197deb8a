"""What is read: the first words of a text as lines of a file, and the folders with judgements of vectors."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from benchmarks.results import Unusable
from nn.text import Corpus
from nn.text.evaluate import read_pairs
from nn.text.vectors import WordVectors

__all__ = ["first_words", "rare_words", "scores", "text_of"]

LINE = 1000  # words of a line, which is a sentence to all sides
PAIRS = {
    "WS353": "EN-WS-353-ALL.txt",
    "SimLex": "EN-SIMLEX-999.txt",
    "MEN": "EN-MEN-TR-3k.txt",
    "RW": "EN-RW-STANFORD.txt",
}
ANALOGIES = "questions-words.txt"
RESTRICT = 30_000  # analogies are asked among the most frequent words


def text_of(data: Path | None) -> Path:
    """The text in enwiki/ of a data folder (None: $AUTOGRAD_DATA). Unusable: it is not there."""
    home = data or Path(os.environ.get("AUTOGRAD_DATA", ""))
    found = sorted(path for path in (home / "enwiki").glob("*.txt*") if "README" not in path.name)
    if not found:
        raise Unusable("no enwiki/*.txt in --data DIR or $AUTOGRAD_DATA; or name a text with --text FILE")
    return found[0]


def first_words(source: Path, words: int | None, folder: Path) -> tuple[Path, int]:
    """A file in `folder` with the first words of a text (packed or not) in lines of LINE, and how many they
    are; made once. None: all. Unusable: the text has fewer, or is not there."""
    if not source.is_file():
        raise Unusable(f"{source} is no file")
    known = f"{source.resolve()} {source.stat().st_size} {source.stat().st_mtime_ns}"
    mark = hashlib.sha256(known.encode()).hexdigest()[:8]  # texts of the same name may differ
    file = folder / f"{source.name.split('.')[0]}-{mark}-{words or 'all'}.txt"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        temporary = file.with_suffix(".tmp")
        stream = (word for sentence in Corpus(source) for word in sentence)
        with temporary.open("w", encoding="utf-8") as out:
            for line in lines(islice(stream, words)):
                print(*line, file=out)
        os.replace(temporary, file)
    with file.open(encoding="utf-8") as text:
        found = sum(len(line.split()) for line in text)
    if found < (words or 2):
        file.unlink()
        raise Unusable(f"{source} has {found:,} words, fewer than {words or 2:,}")
    return file, found


def lines(words: Iterator[str]) -> Iterator[list[str]]:
    while line := list(islice(words, LINE)):
        yield line


def rare_words(judgements: Path | None) -> list[str]:
    """The words of RW in lower case: most are so rare that a text does not have them."""
    if judgements is None or not (file := judgements / PAIRS["RW"]).exists():
        return []
    return sorted({word.lower() for a, b, _ in read_pairs(file) for word in (a, b)})


def scores(
    vectors: WordVectors, judgements: Path | None, unseen: WordVectors | None = None
) -> dict[str, float]:
    """Spearman's correlation for each file of PAIRS that the folder has, then analogies solved, in percent:
    semantic, syntactic, all. These with the words that have vectors; nothing without a folder.

    RW is about words that a text hardly has, so all of its pairs are asked too: "RW zero" has cosine 0 for a
    pair with an unknown word, "RW unseen" the vectors that sub-words give to these, where there are any.
    """
    if judgements is None:
        return {}
    found = {}
    for name, file in PAIRS.items():
        if not (path := judgements / file).exists():
            continue
        found[name] = vectors.evaluate_pairs(path, restrict=None).spearman
        if name == "RW":
            wider = {"RW zero": vectors} | (
                {"RW unseen": joined(vectors, unseen)} if unseen is not None else {}
            )
            for way, known in wider.items():
                found[way] = known.evaluate_pairs(path, restrict=None, dummy4unknown=True).spearman
    if (judgements / ANALOGIES).exists():
        solved = vectors.evaluate_analogies(judgements / ANALOGIES, restrict=RESTRICT)
        for name in ("semantic", "syntactic", "total"):
            found[name] = 100 * getattr(solved, name).accuracy
    return found


def joined(a: WordVectors, b: WordVectors) -> WordVectors:
    """The words of both."""
    return WordVectors(a.words + b.words, np.concatenate([a.matrix, b.matrix]))
