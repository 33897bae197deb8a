"""Corpora: sentences of texts larger than memory, read as a stream, counted and turned into numbers.

A sentence is a line. One of more than LONGEST bytes (about ten thousand English words) is cut at the last
blank before that, so a file that is one line can be read too. Every sentence has a Place, from which reading
can go on later. How training reads a corpus several times stands in encoded.py.
"""

from __future__ import annotations

import bz2
import contextlib
import gzip
import itertools
import lzma
import os
import queue
import re
import threading
import zlib
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence, Sized
from pathlib import Path
from typing import IO, Any, NamedTuple, Protocol, TypeVar

import numpy as np

from nn.text.tokenize import Tokenizer, whitespace
from nn.text.vocabulary import count_words

__all__ = ["CHUNK", "Chunk", "Corpus", "Numbering", "Place", "chunk_of", "ahead", "known_of"]

Array = np.ndarray[Any, Any]
T = TypeVar("T")

LONGEST = 1 << 16  # bytes of a sentence
BLOCK = 1 << 20  # bytes read at once
CHUNK = 1 << 19  # words of a chunk
BATCH = 1 << 13  # words looked up at once

PACKED: list[tuple[re.Pattern[bytes], Any]] = [  # how a packed file begins, and what unpacks it
    (re.compile(rb"\x1f\x8b"), gzip.open),
    (re.compile(rb"\xfd7zXZ\x00"), lzma.open),
    (re.compile(rb"BZh[1-9](1AY&|\x17rE8)"), bz2.open),  # BZh alone may begin a text
]
FOREIGN = {
    b"PK\x03\x04": "a zip archive",
    b"\x28\xb5\x2f\xfd": "packed by zstd",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"\xff\xfe": "UTF-16 or UTF-32",
    b"\xfe\xff": "UTF-16",
}
DAMAGE = (EOFError, OSError, lzma.LZMAError, zlib.error)


class Place(NamedTuple):
    """Before a sentence: of files, the file's number and the byte (unpacked); else 0 and the sentence's
    number."""

    file: int = 0
    offset: int = 0


class Chunk(NamedTuple):
    """Sentences as numbers: words (int32), the position after each sentence (int64), the place after all."""

    tokens: Array
    ends: Array
    place: Place


class Numbering(Protocol):
    """What gives words their numbers: a vocabulary."""

    def numbers(self, tokens: Iterable[str], /) -> Array: ...


class Corpus:
    """The sentences of text files: UTF-8, plain or packed by gzip, xz or bzip2 (recognised by content).

    paths      one or several
    tokenizer  splits a line into words; a function of a line that gives its words
    errors     "strict": bytes that are not UTF-8 are a ValueError; "replace": they become U+FFFD

    Nothing is held in memory but a megabyte of text. Iterating gives lists of words, and can be repeated. A
    file that has another size by then is a ValueError, as are damaged ones and those of other kinds.

    >>> import tempfile
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "text.txt"
    >>> _ = path.write_text("the cat sat\\non the mat\\n")
    >>> list(Corpus(path))
    [['the', 'cat', 'sat'], ['on', 'the', 'mat']]
    """

    def __init__(
        self, *paths: str | os.PathLike[str], tokenizer: Tokenizer = whitespace, errors: str = "strict"
    ) -> None:
        if not paths:
            raise ValueError("Corpus: want at least one file")
        if errors not in ("strict", "replace"):
            raise ValueError(f'Corpus: errors is "strict" or "replace", got {errors!r}')
        self.source: Files | Sentences = Files([Path(path) for path in paths], errors)
        self.tokenizer = tokenizer

    @classmethod
    def of(cls, sentences: Iterable[str | Sequence[str]], tokenizer: Tokenizer = whitespace) -> Corpus:
        """A corpus of sentences in memory, or of anything that can be iterated over again and again.
        Strings go through the tokenizer, lists of words are taken as they are.

        >>> list(Corpus.of(["the cat sat", ["the", "mat"]]))
        [['the', 'cat', 'sat'], ['the', 'mat']]
        """
        if isinstance(sentences, str | bytes):
            raise TypeError("Corpus.of: want sentences, got one string; Corpus(path) reads a file")
        if not isinstance(sentences, Iterable):
            raise TypeError(f"Corpus.of: want sentences, got {type(sentences).__name__}")
        if iter(sentences) is sentences:
            raise TypeError(
                "Corpus.of: want something that can be iterated over again, as training does; of a "
                "generator make a list"
            )
        corpus = cls.__new__(cls)
        corpus.source, corpus.tokenizer = Sentences(sentences), tokenizer
        return corpus

    def __iter__(self) -> Iterator[Sequence[str]]:
        return (words for words, _ in self.sentences())

    def sentences(self, start: Place = Place()) -> Iterator[tuple[Sequence[str], Place]]:  # noqa: B008
        """The sentences from a place on, each with the place after it; empty ones are left out."""
        tokenizer = self.tokenizer
        for sentence, place in self.source.sentences(start):
            words = tokenizer(sentence) if isinstance(sentence, str) else sentence
            if not isinstance(words, list) and not isinstance(words, tuple):
                raise TypeError(
                    "Corpus: a sentence is a string or a list of words (files are opened by Corpus(*paths)), "
                    f"got {type(words).__name__} {repr(words)[:80]}"
                )
            if words:
                yield words, place

    def fingerprint(self) -> list[Any]:
        """What a resumed run compares: the tokenizer; names and sizes of the files, or how many sentences."""
        name = getattr(self.tokenizer, "__qualname__", None) or repr(self.tokenizer)
        return [re.sub(" at 0x[0-9a-f]+", "", name), *self.source.fingerprint()]

    @property
    def share(self) -> float:
        """How much of the corpus the latest iteration has read, from 0 to 1 (by bytes as they are stored)."""
        return self.source.share

    def count(
        self, max_vocab_size: int | None = None, progress: Callable[[float, int], Any] | None = None
    ) -> Counter[str]:
        """How often each word occurs, in the order of first sight; see count_words.

        progress  called now and then as progress(share read, words counted)
        """
        return count_words(self if progress is None else self.watched(progress), max_vocab_size)

    def watched(self, progress: Callable[[float, int], Any]) -> Iterator[Sequence[str]]:
        words = told = 0
        for sentence in self:
            yield sentence
            words += len(sentence)
            if words - told >= CHUNK:
                told = words
                progress(self.share, words)

    def chunks(self, vocabulary: Numbering, words: int = CHUNK, start: Place = Place()) -> Iterator[Chunk]:  # noqa: B008
        """Chunks of whole sentences, of `words` words or a few more, counted before words that the
        vocabulary lacks are dropped. A sentence of which nothing is left is dropped too.

        >>> from nn.text.vocabulary import Vocabulary
        >>> chunk, = Corpus.of(["a b a", "c", "b"]).chunks(Vocabulary({"a": 2, "b": 2}))
        >>> chunk.tokens, chunk.ends
        (array([0, 1, 0, 1], dtype=int32), array([3, 4]))
        """
        parts: list[tuple[Array, Array]] = []
        joined: list[str] = []
        ends: list[int] = []
        total = 0
        for sentence, place in self.sentences(start):
            joined += sentence
            ends.append(len(joined))
            full = total + len(joined) >= words
            if full or len(joined) >= BATCH:  # few enough words that their letters stay in the cache
                parts.append(known_of(vocabulary.numbers(joined), ends))
                total, joined, ends = total + len(joined), [], []
            if full:
                yield chunk_of(parts, place)
                parts, total = [], 0
        if joined:
            parts.append(known_of(vocabulary.numbers(joined), ends))
        if parts:
            yield chunk_of(parts, place)


def known_of(tokens: Array, ends: Sequence[int] | Array) -> tuple[Array, Array]:
    """The numbers that are not -1, and how many there are in each sentence where there are any."""
    known = tokens >= 0
    before = np.concatenate([[0], np.cumsum(known)])  # known words before each position
    lengths = np.diff(before[ends], prepend=0)
    return tokens[known], lengths[lengths > 0]


def chunk_of(parts: list[tuple[Array, Array]], place: Place) -> Chunk:
    """Of numbers, and of how many of them are a sentence."""
    tokens, lengths = map(np.concatenate, zip(*parts, strict=True))
    return Chunk(tokens, np.cumsum(lengths), place)


# Where sentences come from -----------------------------------------------------------------------


class Sentences:
    """Sentences of an iterable."""

    def __init__(self, sentences: Iterable[str | Sequence[str]]) -> None:
        self.all = sentences
        self.share = 0.0

    def fingerprint(self) -> list[Any]:
        return [f"{len(self.all)} sentences"] if isinstance(self.all, Sized) else ["sentences"]

    def sentences(self, start: Place) -> Iterator[tuple[str | Sequence[str], Place]]:
        size = len(self.all) if isinstance(self.all, Sized) else 0
        for i, sentence in enumerate(itertools.islice(self.all, start.offset, None), start.offset + 1):
            self.share = i / size if size else 0.0
            yield sentence, Place(0, i)


class Files:
    """Lines of files."""

    def __init__(self, paths: list[Path], errors: str) -> None:
        self.paths, self.errors = paths, errors
        for path in paths:
            if not os.path.isfile(path):
                kind = "is a folder" if os.path.isdir(path) else "is no file that can be read twice"
                reason = kind if os.path.exists(path) else "no such file"
                raise FileNotFoundError(f"{str(path)[:200]}: {reason}")
        self.sizes = [path.stat().st_size for path in paths]
        self.share = 0.0

    def fingerprint(self) -> list[Any]:
        return [[path.name, size] for path, size in zip(self.paths, self.sizes, strict=True)]

    def sentences(self, start: Place) -> Iterator[tuple[str, Place]]:
        for i in range(start.file, len(self.paths)):
            offset = start.offset if i == start.file else 0
            with open(self.paths[i], "rb") as stored:
                for line, begin, end in self.lines(stored, i, offset):
                    try:
                        text = line.decode("utf-8-sig" if begin == 0 else "utf-8", self.errors)
                    except UnicodeDecodeError as error:
                        raise ValueError(
                            f"{self.paths[i]}: byte {begin + error.start} is not UTF-8 ({error.reason}); "
                            'errors="replace" reads on'
                        ) from None
                    yield text, Place(i, end)

    def lines(self, stored: IO[bytes], i: int, offset: int) -> Iterator[tuple[bytes, int, int]]:
        """The lines of file i from a byte on, cut where too long, each with where it begins and ends."""
        rest, begin = b"", offset
        for block in self.blocks(stored, i, offset):
            *lines, rest = (rest + block).split(b"\n")
            for line in lines:
                if len(line) > LONGEST:
                    line, begin = yield from cut(line, begin)
                end = begin + len(line) + 1
                yield line.rstrip(b"\r"), begin, end
                begin = end
            rest, begin = yield from cut(rest, begin)
        if rest:
            yield rest.rstrip(b"\r"), begin, begin + len(rest)

    def blocks(self, stored: IO[bytes], i: int, offset: int) -> Iterator[bytes]:
        before, size = sum(self.sizes[:i]), sum(self.sizes)
        if (now := os.fstat(stored.fileno()).st_size) != self.sizes[i]:
            raise ValueError(
                f"{self.paths[i]}: was changed: it had {self.sizes[i]:,} bytes, and has {now:,} now"
            )
        head = stored.read(16)
        stored.seek(0)
        kind = next((kind for magic, kind in FOREIGN.items() if head.startswith(magic)), None)
        if kind is not None:
            raise ValueError(
                f"{self.paths[i]}: is {kind}; want UTF-8 text, plain or packed by gzip, xz or bzip2"
            )
        unpacks = next((unpacks for magic, unpacks in PACKED if magic.match(head)), None)
        try:
            file = unpacks(stored) if unpacks is not None else stored
            file.seek(offset)
            while block := file.read(BLOCK):
                self.share = (before + stored.tell()) / size
                yield block
        except DAMAGE as error:
            raise ValueError(
                f"{self.paths[i]}: can't be {'unpacked' if unpacks else 'read'}: {error}"
            ) from None


def cut(line: bytes, begin: int) -> Generator[tuple[bytes, int, int], None, tuple[bytes, int]]:
    """Yields sentences of a line until what is left fits one; returns that and where it begins."""
    at = 0
    while len(line) - at > LONGEST:
        blank = line.rfind(b" ", at + 1, at + LONGEST + 1)
        if blank > 0:
            end = after = blank
            after += 1
        else:
            end = at + LONGEST
            while end > at + LONGEST - 4 and line[end] & 0xC0 == 0x80:  # within a character
                end -= 1
            after = end
        yield line[at:end], begin + at, begin + after
        at = after
    return line[at:], begin + at


def ahead(items: Iterator[T], depth: int = 2) -> Generator[T, None, None]:
    """The same items, made by a thread that is up to `depth` items ahead.

    >>> list(ahead(iter("abc")))
    ['a', 'b', 'c']
    """
    done: queue.Queue[tuple[str, Any]] = queue.Queue(depth)
    stop = threading.Event()

    def put(kind: str, value: Any) -> bool:
        while not stop.is_set():
            with contextlib.suppress(queue.Full):
                done.put((kind, value), timeout=0.1)
                return True
        return False

    def run() -> None:
        try:
            for item in items:
                if not put("item", item):
                    break
        except BaseException as error:
            put("error", error)
        else:
            put("end", None)
        finally:
            if hasattr(items, "close"):
                items.close()

    thread = threading.Thread(target=run, name="reader", daemon=True)
    thread.start()
    try:
        while True:
            kind, value = done.get()
            if kind == "item":
                yield value
            elif kind == "error":
                raise value
            else:
                return
    finally:
        stop.set()
        thread.join()
