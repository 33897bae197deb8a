"""Corpora: text is read as it stands in files of any kind and length, and from any place on."""

from __future__ import annotations

import bz2
import functools
import gzip
import lzma
import threading
from collections import Counter

import numpy as np
import pytest

from nn.text import Vocabulary, characters, regex
from nn.text import corpus as module
from nn.text import encoded as encoded_module
from nn.text.corpus import Corpus, ahead
from nn.text.encoded import Encoded

LINES = [
    "the cat sat on the mat",
    "",
    "도서관에서 책을 읽는다",
    "naïve  café",
    "\t",
    "a" * 50,
    "the end",
]
SENTENCES = [line.split() for line in LINES if line.split()]


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "text.txt"
    file.write_text("\n".join(LINES), encoding="utf-8")
    return file


@pytest.mark.parametrize("pack", [gzip.open, lzma.open, bz2.open, open], ids=lambda f: f.__module__)
def test_packed_files_are_known_by_their_content(tmp_path, pack):
    with pack(tmp_path / "text", "wb") as file:
        file.write("\n".join(LINES).encode())
    assert list(Corpus(tmp_path / "text")) == SENTENCES


@pytest.mark.parametrize("block", [1, 7, 64, 1 << 20])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_blocks_and_kinds_of_line_ends_make_no_difference(monkeypatch, tmp_path, block, end):
    monkeypatch.setattr(module, "BLOCK", block)
    (tmp_path / "text").write_bytes(("\ufeff" + end.join(LINES) + end).encode())
    assert list(Corpus(tmp_path / "text")) == SENTENCES
    assert "\r" not in Counter(c for s in Corpus(tmp_path / "text", tokenizer=characters) for c in s)


@pytest.mark.parametrize("block", [5, 13, 1000])
def test_long_lines_are_cut_at_blanks_and_nothing_is_lost(monkeypatch, tmp_path, block):
    monkeypatch.setattr(module, "BLOCK", block)
    monkeypatch.setattr(module, "LONGEST", 20)
    words = [f"w{i}" for i in range(100)]
    (tmp_path / "text").write_text(" ".join(words) + "\n" + "책" * 30)
    *sentences, first, second, third, fourth, fifth = Corpus(tmp_path / "text")
    assert [word for sentence in sentences for word in sentence] == words
    assert all(10 < len(" ".join(sentence)) <= 20 for sentence in sentences[:-1])
    assert first + second + third + fourth + fifth == [6 * "책"] * 5  # of 3 bytes, never cut within one


def test_reading_goes_on_from_every_place(monkeypatch, tmp_path, path):
    monkeypatch.setattr(module, "LONGEST", 20)
    monkeypatch.setattr(module, "BLOCK", 16)
    (tmp_path / "more.gz").write_bytes(gzip.compress("\n".join(LINES).encode()))
    for corpus in (Corpus(path, tmp_path / "more.gz"), Corpus.of(LINES)):
        everything = list(corpus.sentences())
        for i, (_, place) in enumerate(everything):
            assert list(corpus.sentences(place)) == everything[i + 1 :]


def test_bad_files_say_where(tmp_path, path):
    with pytest.raises(FileNotFoundError, match=r"none\.txt: no such file"):
        Corpus(path, tmp_path / "none.txt")
    (tmp_path / "latin").write_bytes(b"good\nna\xefve\n")
    with pytest.raises(ValueError, match="latin: byte 7 is not UTF-8"):
        list(Corpus(tmp_path / "latin"))
    assert list(Corpus(tmp_path / "latin", errors="replace")) == [["good"], ["na�ve"]]
    for name, packed in (("gz", gzip.compress(bytes(9999))), ("xz", lzma.compress(bytes(9999)))):
        (tmp_path / name).write_bytes(packed[:-9])
        with pytest.raises(ValueError, match=f"{name}: can't be unpacked"):
            list(Corpus(tmp_path / name))


def test_files_of_other_kinds_say_what_they_are(tmp_path):
    for content, kind in (
        ("the cat".encode("utf-16"), "UTF-16"),
        (b"PK\x03\x04...", "a zip archive"),
        (b"\x28\xb5\x2f\xfd...", "packed by zstd"),
    ):
        (tmp_path / "file").write_bytes(content)
        with pytest.raises(ValueError, match=f"file: is {kind}.*; want UTF-8"):
            list(Corpus(tmp_path / "file"))
    (tmp_path / "file").write_bytes(b"BZhang is no bzip2")
    assert list(Corpus(tmp_path / "file")) == [["BZhang", "is", "no", "bzip2"]]
    with pytest.raises(FileNotFoundError, match="is a folder"):
        Corpus(tmp_path)


def test_a_file_cut_or_damaged_in_its_middle_is_an_error_after_what_came_before(tmp_path):
    text = "\n".join(f"{i:x} {i * i:x}" for i in range(100_000)).encode()
    for name, pack in (("gz", gzip.compress), ("xz", lzma.compress), ("bz2", bz2.compress)):
        packed = pack(text)
        half = len(packed) // 2
        for damaged in (packed[:half], packed[:half] + bytes(64) + packed[half + 64 :]):
            (tmp_path / name).write_bytes(damaged)
            with pytest.raises(ValueError, match=f"{name}: can't be unpacked"):
                list(Corpus(tmp_path / name))


def test_a_file_that_grows_is_an_error(path):
    corpus = Corpus(path)
    list(corpus)
    path.write_text("more of it")
    with pytest.raises(ValueError, match="text.txt: was changed: it had .* bytes, and has 10 now"):
        list(corpus)


def test_a_tokenizer_has_a_name_that_stays(path):
    names = {
        str(Corpus(path, tokenizer=t).fingerprint()[0]) for t in (characters, regex(r"\w+"), regex(r"\S+"))
    }
    assert len(names) == 3
    assert " at 0x" not in str(Corpus(path, tokenizer=functools.partial(str.split)).fingerprint())


def test_what_can_be_read_only_once_is_refused():
    with pytest.raises(TypeError, match="iterated over again"):
        Corpus.of(sentence for sentence in SENTENCES)
    with pytest.raises(TypeError, match="one string"):
        Corpus.of("the cat")


def test_counts_and_progress(monkeypatch, path):
    monkeypatch.setattr(module, "CHUNK", 4)
    told = []
    counts = Corpus(path).count(progress=lambda share, words: told.append((share, words)))
    assert counts == Counter(word for sentence in SENTENCES for word in sentence)
    assert told == [(1.0, 6), (1.0, 11)]


@pytest.mark.parametrize("size", [1, 4, 100])
@pytest.mark.parametrize("batch", [1, 5, 100])
def test_chunks_hold_the_known_words_in_order(monkeypatch, path, size, batch):
    monkeypatch.setattr(module, "BATCH", batch)
    vocabulary = Vocabulary(Corpus(path).count(), min_count=2)  # the
    vocabulary = Vocabulary.from_words([*vocabulary.words, "mat", "café"])
    found = [[w for w in s if w in vocabulary] for s in SENTENCES]
    got = []
    for tokens, ends, _ in Corpus(path).chunks(vocabulary, size):
        assert (tokens.dtype, ends.dtype) == (np.int32, np.int64)
        got += [vocabulary.decode(part) for part in np.split(tokens, ends)[:-1]]
        assert ends.size == 0 or ends[-1] == tokens.size
    assert got == [sentence for sentence in found if sentence]


def test_words_left_out_become_unk_where_there_is_one():
    vocabulary = Vocabulary({"a": 2, "b": 1}, min_count=2, specials=["?"], unk="?")
    (chunk,) = Corpus.of(["a b", "b"]).chunks(vocabulary)
    assert chunk.tokens.tolist() == [1, 0, 0] and chunk.ends.tolist() == [2, 3]


@pytest.mark.parametrize("cache", [True, False])
def test_later_epochs_and_resumed_ones_give_the_same_chunks(path, cache):
    corpus = Corpus(path)
    vocabulary = Vocabulary(corpus.count())
    want = list(corpus.chunks(vocabulary, 4))
    assert len(want) == 3
    with Encoded(corpus, vocabulary, 4, cache) as text:
        assert_equal(text.epoch(1, want[0].place), want[1:])  # from the middle, as a resumed run does
        for _ in range(2):
            assert_equal(text.epoch(), want)
        assert (text.store is not None) == cache
        assert_equal(text.epoch(2, want[1].place), want[2:])
        next(text.epoch()).tokens  # noqa: B018  one that is given up leaves the rest whole
        assert_equal(text.epoch(), want)


def assert_equal(chunks, want):
    chunks = list(chunks)
    assert len(chunks) == len(want)
    for a, b in zip(chunks, want, strict=True):
        assert np.array_equal(a.tokens, b.tokens) and np.array_equal(a.ends, b.ends) and a.place == b.place


def test_a_full_disk_only_costs_the_cache(monkeypatch, path):
    class Full:
        def write(self, data):
            raise OSError(28, "No space left on device")

        def close(self):
            pass

    monkeypatch.setattr(encoded_module.tempfile, "TemporaryFile", Full)
    vocabulary = Vocabulary(Corpus(path).count())
    with Encoded(Corpus(path), vocabulary, 4) as text:
        for _ in range(2):
            assert len(list(text.epoch())) == 3


def test_the_reading_thread_ends_with_its_reader_and_passes_errors_on():
    def numbers():
        yield 1
        yield 2
        raise ValueError("no 3")

    before = threading.active_count()
    reader = ahead(numbers())
    assert [next(reader), next(reader)] == [1, 2]
    with pytest.raises(ValueError, match="no 3"):
        next(reader)
    endless = ahead(iter(int, 1))
    assert next(endless) == 0
    endless.close()
    assert threading.active_count() == before
