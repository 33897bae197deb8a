"""Runs of training: checkpoints by time and at the end, texts and options that are not as they should be."""

from __future__ import annotations

import gc
import gzip
import itertools
import os
import resource
import signal
import time
import unicodedata
import warnings
from collections import defaultdict

import numpy as np
import pytest

from nn.models import FastText, GloVe, Word2Vec
from nn.text import Corpus, Phrases, encoded, words
from nn.text.encoded import counted

QUIET = {"progress": False}
LINES = [f"a{i % 3} w{i % 7} b{i % 5} c" for i in range(900)]
KINDS = {
    "word2vec": lambda **more: Word2Vec(8, 2, 1, sample=0, workers=1, **{"epochs": 3} | more),
    "fasttext": lambda **more: FastText(8, 2, 1, sample=0, workers=1, bucket=100, **{"epochs": 3} | more),
    "glove": lambda **more: GloVe(8, 2, 1, workers=1, **{"epochs": 3} | more),
}


@pytest.fixture
def text(tmp_path, monkeypatch):
    """A file of several chunks."""
    monkeypatch.setattr(encoded, "CHUNK", 1000)
    monkeypatch.setattr("nn.models.glove.CHUNK", 20)
    monkeypatch.setattr("nn.models.glove.BLOCK", 4)
    path = tmp_path / "text.txt"
    path.write_text("\n".join(LINES))
    return path


def same(a, b):
    return all(np.array_equal(table, b.tables()[name]) for name, table in a.tables().items())


# Checkpoints -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_from_every_checkpoint_in_the_middle_of_an_epoch_a_run_ends_with_the_same_bits(kind, text, tmp_path):
    kept, path = [], tmp_path / "run"

    def keep(model, loss):
        if path.exists():
            kept.append((type(model).load(path), model.position.epoch, model.position.piece))

    whole = KINDS[kind]().fit(text, checkpoint=path, checkpoint_seconds=0, on_piece=keep, **QUIET)
    assert len(kept) >= 8 and {epoch for _, epoch, _ in kept} == {0, 1, 2}
    for part, epoch, piece in kept[::3]:
        assert (part.position.epoch, part.position.piece) in {
            (epoch, piece - 1),
            (epoch - 1, part.position.piece),
        }
        resumed = part.resume(text, **QUIET)
        assert same(resumed, whole)
        assert [r["loss"] for r in resumed.history] == [r["loss"] for r in whole.history]


def test_checkpoints_come_by_time_and_at_the_end(text, tmp_path, monkeypatch):
    path, now, saved = tmp_path / "run", itertools.count(0, 10), []
    monkeypatch.setattr(time, "perf_counter", lambda: next(now))
    monkeypatch.setattr(Word2Vec, "save", lambda self, path: saved.append(next(now)))
    KINDS["word2vec"](epochs=10).fit(text, checkpoint=path, checkpoint_seconds=400, **QUIET)
    assert len(saved) >= 3 and all(b - a >= 400 for a, b in itertools.pairwise(saved[:-1]))
    saved.clear()
    KINDS["word2vec"]().fit(text, checkpoint=path, checkpoint_seconds=1e9, **QUIET)
    assert len(saved) == 1
    with pytest.raises(ValueError, match="checkpoint_seconds: want 0 or more"):
        KINDS["word2vec"]().fit(text, checkpoint=path, checkpoint_seconds=-1, **QUIET)


def test_writing_checkpoints_is_not_taken_for_training(text, tmp_path, monkeypatch):
    monkeypatch.setattr(Word2Vec, "save", lambda self, path: time.sleep(0.1))
    model = KINDS["word2vec"](epochs=1).fit(text, checkpoint=tmp_path / "run", checkpoint_seconds=0, **QUIET)
    assert model.history[0]["seconds"] < 0.3  # four were written


def test_the_last_checkpoint_is_what_fit_returned(text, tmp_path):
    path, scores = tmp_path / "run", iter([1, 2, 0, 0, 0])
    told = {"checkpoint": path, "evaluation": lambda _: next(scores), "patience": 2, **QUIET}
    model = KINDS["word2vec"](epochs=9).fit(text, **told)
    loaded = Word2Vec.load(path)
    assert same(loaded, model) and loaded.history == model.history and len(model.history) == 4
    assert same(loaded.resume(text, **told), model)  # it has had its patience: nothing is trained
    finished = KINDS["word2vec"]().fit(text, checkpoint=path, **QUIET)
    assert same(Word2Vec.load(path).resume(text, **QUIET), finished)


def test_scores_that_are_no_number_are_the_worst(text):
    scores = iter([float("nan"), 1.0, float("nan"), float("nan")])
    model = KINDS["word2vec"](epochs=9).fit(text, evaluation=lambda _: next(scores), patience=2, **QUIET)
    assert model.best["epoch"] == 2 and len(model.history) == 4


def test_a_full_disk_costs_checkpoints_and_store_but_not_the_run(text, tmp_path):
    whole = KINDS["word2vec"]().fit(text, **QUIET)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))  # writes beyond fail, as on a full disk
    try:
        with pytest.warns(RuntimeWarning, match="the checkpoint could not be written: .*File too large"):
            model = KINDS["word2vec"]().fit(text, checkpoint=tmp_path / "run", checkpoint_seconds=0, **QUIET)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert same(model, whole) and [p.name for p in tmp_path.iterdir()] == ["text.txt"]


def test_a_second_ctrl_c_stops_at_once_and_leaves_the_last_checkpoint(text, tmp_path):
    path, pieces = tmp_path / "run", itertools.count(1)

    def interrupt(model, loss):
        if next(pieces) == 4:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        KINDS["word2vec"]().fit(text, checkpoint=path, checkpoint_seconds=0, on_piece=interrupt, **QUIET)
    assert signal.getsignal(signal.SIGINT) is before
    assert same(Word2Vec.load(path).resume(text, **QUIET), KINDS["word2vec"]().fit(text, **QUIET))


def test_other_workers_may_resume(text, tmp_path):
    path = tmp_path / "run"
    stop = itertools.count(1)
    KINDS["word2vec"]().fit(
        text,
        checkpoint=path,
        on_piece=lambda *_: next(stop) == 3 and os.kill(os.getpid(), signal.SIGINT),
        **QUIET,
    )
    model = Word2Vec.load(path)
    model.workers = 2
    model.resume(text, checkpoint=path, **QUIET)
    assert len(model.history) == 3 and Word2Vec.load(path).settings["workers"] == 2


# Texts -------------------------------------------------------------------------------------------


def test_resume_wants_the_same_text_and_tokenizer(text, tmp_path):
    path, pieces = tmp_path / "run", itertools.count(1)
    KINDS["word2vec"]().fit(
        text,
        checkpoint=path,
        on_piece=lambda *_: next(pieces) == 2 and os.kill(os.getpid(), signal.SIGINT),
        **QUIET,
    )
    with pytest.raises(ValueError, match="resume: the run began with .*whitespace.*, not with .*words"):
        Word2Vec.load(path).resume(Corpus(text, tokenizer=words), **QUIET)
    with pytest.raises(ValueError, match="not with .*'900 sentences'"):
        Word2Vec.load(path).resume(LINES, **QUIET)
    text.write_text("\n".join(LINES).replace("a1 w", "a1w "))  # as many bytes, other words
    with pytest.raises(ValueError, match="the text was changed: it had 3,600 words"):
        Word2Vec.load(path).resume(text, **QUIET)


def no_room():
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("change", [lambda p: p.write_text("a b\n" * 2000), lambda p: p.unlink()])
def test_files_that_change_between_epochs_are_an_error_unless_the_text_is_stored(text, change, monkeypatch):
    def meddle(model, record):
        if record["epoch"] == 1:
            change(text)

    whole = KINDS["word2vec"]().fit(text, **QUIET)
    assert same(KINDS["word2vec"]().fit(text, on_epoch=meddle, **QUIET), whole)
    text.write_text("\n".join(LINES))
    monkeypatch.setattr(encoded.tempfile, "TemporaryFile", no_room)
    with pytest.raises((ValueError, FileNotFoundError), match=r"text.txt: was changed: it had|No such file"):
        KINDS["word2vec"]().fit(text, on_epoch=meddle, **QUIET)


@pytest.mark.parametrize(
    ("source", "kind", "reason"),
    [
        ([b"a b", b"b a"], TypeError, "a sentence is a string or a list of words .*got bytes b'a b'"),
        ([[b"a", b"b"]] * 9, TypeError, "words are strings, got bytes b'a'"),
        ([[1, 2]] * 9, TypeError, "words are strings, got int 1"),
        (["a b", None], TypeError, "got NoneType"),
        ([np.array(["a", "b"])] * 9, TypeError, "got ndarray"),
        (["the", "cat", "sat"] * 9, ValueError, "nothing to learn from.*are the sentences single words"),
        (b"text.txt", TypeError, "got one string"),
        (7, TypeError, "want sentences, got int"),
        ((s for s in ["a b"]), TypeError, "of a generator make a list"),
        ([], ValueError, "of 0 different words"),
        (["a"] * 9, ValueError, "of 1 different words 1 occur"),
        ("the cat sat " * 1000, FileNotFoundError, "the cat .*no such file"),
    ],
)
def test_what_is_no_text_is_refused(source, kind, reason):
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        with pytest.raises(kind, match=reason):
            Word2Vec(4, min_count=1).fit(source, **QUIET)


def test_a_text_counted_with_bounds_is_trained_as_one_that_is_not(text):
    whole, bounded = KINDS["word2vec"]().fit(text, **QUIET), KINDS["word2vec"](max_vocab_size=1000)
    assert same(bounded.fit(text, **QUIET), whole)
    fewer = KINDS["word2vec"](max_vocab_size=10).fit(text, **QUIET)
    assert len(fewer.vectors) <= 10 and len(fewer.history) == 3


def test_words_in_single_letters_are_warned_of_and_put_together_by_words():
    lines = [unicodedata.normalize("NFD", "도서관에서 책을 읽는다")] * 9
    with pytest.warns(UserWarning, match="3 of 3 words are not in Unicode's form NFC"):
        model = KINDS["word2vec"]().fit(lines, **QUIET)
    assert "책을" not in model.vectors
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = KINDS["word2vec"]().fit(Corpus.of(lines, tokenizer=words), **QUIET)
    assert "책을" in model.vectors


def test_an_epoch_that_chance_left_empty_is_no_error_unless_all_are():
    class Thinned(Word2Vec):
        def learn(self, piece):
            return super().learn(piece)._replace(**{} if self.position.epoch == 1 else {"samples": 0})

    losses = [record["loss"] for record in Thinned(4, min_count=1, epochs=3).fit(LINES, **QUIET).history]
    assert np.isnan(losses).tolist() == [True, False, True]


def test_options_are_checked_before_the_text_is_read(text, tmp_path):
    for option, kind, reason in (
        ({"chekpoint": "run"}, TypeError, "chekpoint"),
        ({"checkpoint": tmp_path / "none" / "run"}, FileNotFoundError, "none/run: no such folder"),
        ({"checkpoint": tmp_path}, FileNotFoundError, "is a folder"),
    ):
        with pytest.raises(kind, match=reason):
            Word2Vec().fit("no such text", **option, **QUIET)


def test_words_that_were_counted_are_not_kept_twice():
    gc.disable()
    try:
        counts, store = counted(Corpus.of(["a seldom-seen word"]))
        Phrases().fit([["seldom-seen"]])
        tables = [
            each for each in gc.get_objects() if isinstance(each, defaultdict) and "seldom-seen" in each
        ]
    finally:
        gc.enable()
    store.close()
    assert counts["seldom-seen"] == 1 and not tables


def test_the_pass_that_counts_stores_the_chunks_of_the_text(text):
    (text.parent / "more").write_bytes(gzip.compress(b"c d e\n\nx\nd"))
    corpus = Corpus(text, text.parent / "more")
    told = []
    counts, store = counted(corpus, lambda share, total: told.append((share, total)), 1000)
    assert counts == corpus.count() and list(counts) == list(corpus.count())
    assert told == sorted(told) and told[-1] == (1.0, sum(counts.values()))
    vocabulary = encoded.Vocabulary(counts, min_count=2)
    want = list(corpus.chunks(vocabulary, 1000))
    with encoded.Encoded(corpus, vocabulary, 1000, store=store) as chunks:
        for first in (0, 1, 3):
            got = list(chunks.epoch(first))
            assert len(got) == len(want) - first
            for a, b in zip(got, want[first:], strict=True):
                assert (
                    np.array_equal(a.tokens, b.tokens)
                    and np.array_equal(a.ends, b.ends)
                    and a.place == b.place
                )
