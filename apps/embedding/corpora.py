"""The texts that the app learns from: files, tiny Shakespeare where none is named, and Korean ones in a data
folder for the walk-throughs."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from apps.command import UserError
from apps.texts import PACKED
from nn.text import characters, syllables, whitespace, words
from nn.text.corpus import Corpus
from nn.text.korean import particles
from nn.text.tokenize import Tokenizer

__all__ = ["TOKENIZERS", "KoreanText", "korean_text", "morphemes", "open_corpus"]

VERB = re.compile(r"^([가-힣]{2,})(?:하|했|한|할|함|해)[가-힣]{0,3}$")  # 구매했다, 구매하여

TOKENIZERS: dict[str, Tokenizer] = {
    "words": words,
    "whitespace": whitespace,
    "characters": characters,
    "syllables": syllables,
    "particles": particles,
    "jamo": words,  # the words stay as they are written: FastText cuts them into jamo (recipes.py)
}


def open_corpus(paths: Sequence[Path], tokenizer: str) -> Corpus:
    """The sentences of some files, or of tiny Shakespeare; UserError where one can't be read."""
    for path in paths:
        if path.is_dir():
            raise UserError(f"--corpus {path}: is a folder; want files")
        if str(path) == "-" or (path.exists() and not path.is_file()):
            raise UserError(f"--corpus {path}: is no file; a text is read more than once, so write it to one")
        if not path.exists():
            raise UserError(f"--corpus {path}: no such file")
        with open(path, "rb"):  # says now what can't be read
            pass
    return Corpus(*(paths or [PACKED]), tokenizer=TOKENIZERS[tokenizer])


# Korean ------------------------------------------------------------------------------------------


class KoreanText(NamedTuple):
    """A corpus whose particles are words of their own, and what it is."""

    corpus: Corpus
    name: str


def korean_text(folder: Path | None) -> KoreanText | None:
    """Korean Wikipedia (kowiki/*.txt.xz, as WikiExtractor writes it) or else NSMC's film reviews
    (nsmc/ratings_train.txt, plain or .xz) of a data folder ($AUTOGRAD_DATA); None: neither is there."""
    if folder is not None and not folder.is_dir():
        raise UserError(f"--data {folder}: no such folder")
    home = folder or (Path(os.environ["AUTOGRAD_DATA"]) if os.environ.get("AUTOGRAD_DATA") else None)
    if home is None:
        return None
    if pages := sorted((home / "kowiki").glob("*.txt*")):
        return KoreanText(Corpus(*pages, tokenizer=of_page), "Korean Wikipedia")
    if reviews := sorted((home / "nsmc").glob("ratings_train.txt*")):
        return KoreanText(Corpus(reviews[0], tokenizer=of_review), "NSMC, film reviews")
    return None


def of_page(line: str) -> list[str]:
    """The words of a line of WikiExtractor's, whose <doc> lines are no text."""
    return [] if line.startswith(("<doc ", "</doc>")) else morphemes(line)


def of_review(line: str) -> list[str]:
    """The words of a review: NSMC has number, review and label, between tabs."""
    parts = line.split("\t")
    return morphemes(parts[1]) if len(parts) == 3 and parts[0] != "id" else []


def morphemes(line: str) -> list[str]:
    """Words and particles; of a noun made a verb by 하다, the noun. Rules, not a dictionary.

    >>> morphemes("철수는 도서를 구매했다.")
    ['철수', '는', '도서', '를', '구매']
    """
    return [part for word in line.split() for part in parts_of(word)]


@lru_cache(maxsize=1 << 17)  # most of a text are words that were there before
def parts_of(word: str) -> tuple[str, ...]:
    return tuple(VERB.sub(r"\1", part) for part in particles(word))
