"""Encoded text: a corpus as numbers, tokenized once however often it is trained on.

The pass that counts words also numbers them, in the order of first sight, and writes the numbers to a
temporary file; once the counts have made a vocabulary, they are renumbered as they are read. Where there is
no such file (no room on the disk, a resumed run) the text itself is read, and gives the same chunks.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import IO, Any

import numpy as np

from nn.text.corpus import CHUNK, Chunk, Corpus, Place, ahead, chunk_of, known_of
from nn.text.vocabulary import Vocabulary

__all__ = ["Encoded", "Store", "counted"]

Array = np.ndarray[Any, Any]


class Store:
    """Chunks in a temporary file, 4 bytes a word and 8 a sentence, until it is closed.

    words  of which the numbers in the file are the positions; None: they are the vocabulary's own
    """

    def __init__(self) -> None:
        self.words: list[str] | None = None
        self.file: IO[bytes] | None = None
        self.index: list[tuple[int, int, Place]] = []  # of each chunk: tokens, sentences, place
        with contextlib.suppress(OSError):
            self.file = tempfile.TemporaryFile()  # noqa: SIM115

    def write(self, chunk: Chunk) -> None:
        """Append a chunk; on a full disk give up all of them, and be `file` None from then on."""
        if self.file is None:
            return
        try:
            self.file.write(chunk.tokens.data)
            self.file.write(chunk.ends.data)
            self.file.flush()
            self.index.append((len(chunk.tokens), len(chunk.ends), chunk.place))
        except OSError:
            self.close()

    def read(self, first: int) -> Iterator[Chunk]:
        """The chunks from number `first` on."""
        file = self.file
        assert file is not None
        file.seek(sum(4 * tokens + 8 * sentences for tokens, sentences, _ in self.index[:first]))
        for tokens, sentences, place in self.index[first:]:
            words, ends = np.empty(tokens, np.int32), np.empty(sentences, np.int64)
            for array in (words, ends):
                if file.readinto(array.data.cast("B")) != array.nbytes:  # type: ignore[attr-defined]
                    raise OSError("the temporary file of encoded text was changed while it was read")
            yield Chunk(words, ends, place)

    def close(self) -> None:
        file, self.file = self.file, None
        if file is not None:
            with contextlib.suppress(OSError):  # what a full disk did not take is not missed
                file.close()


class FirstSight:
    """Numbers words in the order of first sight, and counts them."""

    def __init__(self) -> None:
        self.index: defaultdict[str, int] = defaultdict()
        self.index.default_factory = self.index.__len__
        self.counts: Array = np.zeros(0, np.int64)

    def numbers(self, words: Iterable[str]) -> Array:
        return np.fromiter(map(self.index.__getitem__, words), np.int32)

    def count(self, tokens: Array) -> None:
        new = np.bincount(tokens, minlength=len(self.index))
        new[: len(self.counts)] += self.counts
        self.counts = new


def counted(
    corpus: Corpus, progress: Callable[[float, int], Any] | None = None, words: int | None = None
) -> tuple[dict[str, int], Store]:
    """How often each word occurs, in the order of first sight; and the text as numbers in this order.

    progress  called now and then as progress(share read, words counted)
    words     of a chunk

    >>> counts, store = counted(Corpus.of(["a rose is", "a rose"]))
    >>> counts, next(store.read(0)).tokens.tolist()
    ({'a': 2, 'rose': 2, 'is': 1}, [0, 1, 2, 0, 1])
    """
    sight, total = FirstSight(), 0
    store = Store()
    try:
        for chunk in corpus.chunks(sight, CHUNK if words is None else words):
            sight.count(chunk.tokens)
            store.write(chunk)
            total += len(chunk.tokens)
            if progress is not None:
                progress(corpus.share, total)
    except BaseException:
        store.close()
        raise
    sight.index.default_factory = None  # a circle, which would keep all this in memory
    store.words = list(sight.index)
    return dict(zip(store.words, sight.counts.tolist(), strict=True)), store


class Encoded:
    """A corpus as chunks of numbers for several epochs; a thread works ahead, so that training hardly ever
    waits for text.

    store  what `counted` wrote; None: the first whole epoch writes one, and the later ones read it
    cache  False to read the text anew in every epoch, where there is no store
    """

    def __init__(
        self,
        corpus: Corpus,
        vocabulary: Vocabulary,
        words: int | None = None,
        cache: bool = True,
        store: Store | None = None,
    ) -> None:
        self.corpus, self.vocabulary, self.cache = corpus, vocabulary, cache
        self.words = CHUNK if words is None else words
        self.store = store if store is not None and store.file is not None else None
        self.renumber: Array | None = None
        if self.store is not None and self.store.words is not None:
            self.renumber, self.store.words = vocabulary.numbers(self.store.words), None

    def __enter__(self) -> Encoded:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        if self.store is not None:
            self.store.close()
            self.store = None

    def epoch(self, first: int = 0, start: Place = Place()) -> Generator[Chunk, None, None]:  # noqa: B008
        """The chunks of an epoch, from number `first` on, which begins at the place `start`."""
        if self.store is not None:
            return ahead(self.remembered(first))
        if self.cache and first == 0:
            return ahead(self.remembering())
        return ahead(self.corpus.chunks(self.vocabulary, self.words, start))

    def remembering(self) -> Iterator[Chunk]:
        store = Store()
        try:
            for chunk in self.corpus.chunks(self.vocabulary, self.words):
                store.write(chunk)
                yield chunk
            self.cache = store.file is not None
            if self.cache:
                self.store = store
        finally:
            if self.store is not store:
                store.close()

    def remembered(self, first: int) -> Iterator[Chunk]:
        assert self.store is not None
        for chunk in self.store.read(first):
            if self.renumber is None:
                yield chunk
            else:
                yield chunk_of([known_of(self.renumber[chunk.tokens], chunk.ends)], chunk.place)
