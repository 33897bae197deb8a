"""Files of vectors at the command line: endings checked before the work, what a format leaves out said."""

from __future__ import annotations

from pathlib import Path

from apps.command import UserError
from nn.data import DataError
from nn.text import SubwordVectors, WordVectors, formats

__all__ = ["check_ending", "losses_of", "open_vectors", "word_error", "write"]

ENDINGS = (".vec", ".txt", ".bin", ".glove", ".safetensors")


def check_ending(path: Path) -> None:
    """UserError where a file's ending names no format that can be written."""
    ending = formats.ending(path)
    if ending not in ENDINGS:
        raise UserError(f"{path}: the ending picks the format: {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}")
    if ending == ".safetensors" and path.suffix.lower() in formats.PACKED:
        raise UserError(f"{path}: safetensors files are not packed; leave out {path.suffix}")


def open_vectors(path: Path, limit: int | None = None) -> WordVectors:
    """The vectors of a file (DataError: what is wrong with it), at least two."""
    if path.is_dir():
        raise UserError(f"{path}: is a folder; want a file of vectors")
    vectors = formats.load(path, limit=limit)
    if len(vectors) < 2:
        raise UserError(f"{path}: has {len(vectors)} words; want at least two")
    return vectors


def write(path: Path, vectors: WordVectors, format: str | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        formats.save(path, vectors, format)
    except DataError:  # names the file itself
        raise
    except ValueError as error:
        raise UserError(f"{path}: {error}") from None


def losses_of(path: Path, vectors: WordVectors) -> str:
    """What of the vectors is not in the file, for a line that ends there; "" if nothing."""
    format, lost = formats.detect(path), []
    if isinstance(vectors, SubwordVectors) and format not in ("fasttext", "safetensors"):
        lost.append("sub-words (no vectors for words never seen)")
    if vectors.counts is not None and format not in ("fasttext", "safetensors"):
        lost.append("counts")
    return f"; not kept in this format: {', '.join(lost)}" if lost else ""


def word_error(path: Path, vectors: WordVectors, word: str) -> UserError:
    """That a word has no vector, and what is written much like it."""
    from difflib import get_close_matches

    near = [word.lower()] if word.lower() in vectors.index else []
    near += [other for other in get_close_matches(word, vectors.words, 4, 0.7) if other not in near]
    hint = f"; perhaps {', '.join(near[:4])}?" if near else ""
    return UserError(f"no vector for {word!r} among the {len(vectors):,} words of {path}{hint}")
