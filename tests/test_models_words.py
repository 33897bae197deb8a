"""Models of words: they find what was planted in a text, and go on after a stop with the same bits."""

from __future__ import annotations

import itertools
import os
import signal

import numpy as np
import pytest

from nn.models import FastText, FastTextClassifier, GloVe, Word2Vec, labelled
from nn.text import encoded as encoded_module
from nn.text.cooccurrence import count_pairs
from nn.text.corpus import Corpus
from nn.text.formats.fasttext import write

RANDOM = np.random.default_rng(0)
QUIET = {"progress": False}


def planted(sentences=2000):
    """Words w<a><b> stand between words that tell a and words that tell b: then w01 - w00 + w20 is w21."""
    lines = []
    for _ in range(sentences):
        a, b = RANDOM.integers(0, 4, 2)
        left, right = RANDOM.integers(0, 3, 2)
        lines.append(f"a{a}{left} w{a}{b} b{b}{right}")
    return lines


TEXT = planted()
FEW = {"dim": 16, "min_count": 1, "sample": 0, "workers": 1, "window": 2}
MODELS = {
    "cbow": (Word2Vec, {"epochs": 12, "alpha": 0.1}),
    "cbow, tree": (Word2Vec, {"epochs": 12, "alpha": 0.1, "hs": True, "negative": 0}),
    "skip-gram": (Word2Vec, {"epochs": 12, "alpha": 0.05, "sg": True}),
    "skip-gram, own negatives": (Word2Vec, {"epochs": 12, "alpha": 0.05, "sg": True, "shared": 1}),
    "fasttext": (FastText, {"epochs": 12, "alpha": 0.1, "sg": True, "bucket": 1000, "minn": 6}),
}


def made(name, **more):
    kind, settings = MODELS[name]
    return kind(**FEW | settings | more)


@pytest.mark.parametrize("name", MODELS)
def test_planted_analogies_are_found(name):
    model = made(name).fit(TEXT, **QUIET)
    assert_planted(model.vectors)
    losses = [record["loss"] for record in model.history]
    assert len(losses) == 12 and losses[-1] < losses[0]


def test_glove_makes_products_the_logarithms_of_counts():
    model = GloVe(8, window=2, min_count=1, epochs=30, workers=1, x_max=20).fit(TEXT, **QUIET)
    words, contexts = model.words, model.contexts
    product = words[:, :-1] @ contexts[:, :-1].T + words[:, -1:] + contexts[:, -1]
    with count_pairs(Corpus.of(TEXT).chunks(model.vocabulary), len(words), 2) as pairs:
        counts = pairs.toarray()
    seen = counts > 5
    assert np.abs(product[seen] - np.log(counts[seen])).mean() < 0.15
    assert model.history[-1]["loss"] < model.history[0]["loss"] / 10


def test_an_epoch_of_glove_has_each_entry_of_the_matrix_once(monkeypatch):
    monkeypatch.setattr("nn.models.glove.BLOCK", 8)
    monkeypatch.setattr("nn.models.glove.CHUNK", 50)
    model = GloVe(2, window=4, min_count=1, memory=1)  # several piles
    model.prepare(Corpus.of([*TEXT, "w00 w00"]), progress=False)
    with model.source(Corpus.of([*TEXT, "w00 w00"]), progress=False) as entries:
        want, orders = entries.pairs.toarray(), []
        for model.position.epoch in range(2):
            rows, columns, counts = map(
                np.concatenate, zip(*entries.epoch(0, model.position.place), strict=True)
            )
            matrix = np.zeros_like(want)
            np.add.at(matrix, (rows, columns), counts)
            assert np.array_equal(matrix, want) and len(rows) == model.entries == (want > 0).sum()
            orders.append(rows)
    assert len(entries.pairs.piles) > 1 and not np.array_equal(*orders)


def assert_planted(vectors):
    solved = asked = 0
    for a, b, c, d in itertools.permutations(range(4), 4):
        found = vectors.analogy(f"w{a}{b}", f"w{a}{d}", f"w{c}{b}", topn=1)[0][0]
        solved, asked = solved + (found == f"w{c}{d}"), asked + 1
    assert solved >= 0.75 * asked
    near = [word for word, _ in vectors.most_similar("a00", topn=2)]
    assert sorted(near) == ["a01", "a02"]


# The same bits -----------------------------------------------------------------------------------


@pytest.fixture
def text(tmp_path, monkeypatch):
    """A file of several chunks."""
    monkeypatch.setattr(encoded_module, "CHUNK", 1000)
    path = tmp_path / "text.txt"
    path.write_text("\n".join(TEXT[:1000]))
    return path


def same(a, b):
    assert a.tables().keys() == b.tables().keys()
    return all(np.array_equal(table, b.tables()[name]) for name, table in a.tables().items())


KINDS = {
    "cbow": lambda **more: made("cbow", epochs=3, hs=True, **more),
    "fasttext": lambda **more: made("fasttext", epochs=3, **more),
    "glove": lambda **more: GloVe(8, 2, min_count=1, epochs=3, workers=1, **more),
}


@pytest.mark.parametrize("kind", KINDS)
def test_one_worker_and_seed_give_the_same_bits(kind, text):
    first, second, other = (KINDS[kind](seed=seed).fit(text, **QUIET) for seed in (5, 5, 6))
    assert same(first, second) and not same(first, other)
    assert [r["loss"] for r in first.history] == [r["loss"] for r in second.history]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stop", [1, 6])
def test_a_run_that_was_stopped_ends_with_the_same_bits(kind, stop, text, tmp_path, monkeypatch):
    monkeypatch.setattr("nn.models.glove.CHUNK", 20)
    monkeypatch.setattr("nn.models.glove.BLOCK", 4)
    whole = KINDS[kind]().fit(text, **QUIET)
    pieces = itertools.count(1)

    def interrupt(model, loss):
        if next(pieces) == stop:
            os.kill(os.getpid(), signal.SIGINT)

    path = tmp_path / "run.safetensors"
    part = KINDS[kind]().fit(text, checkpoint=path, on_piece=interrupt, **QUIET)
    assert not same(part, whole) and part.position.piece + 100 * part.position.epoch >= 1
    resumed = type(part).load(path).resume(text, **QUIET)
    assert same(resumed, whole)
    assert [r["loss"] for r in resumed.history] == [r["loss"] for r in whole.history]
    assert np.array_equal(resumed.vectors["w00"], whole.vectors["w00"])


def test_resume_wants_the_same_files(text, tmp_path):
    path = tmp_path / "run.safetensors"
    made("cbow", epochs=1).fit(text, checkpoint=path, **QUIET)
    text.write_text("another text\n" * 9)
    with pytest.raises(ValueError, match=r"began with \['whitespace', \['text.txt'"):
        Word2Vec.load(path).resume(text, **QUIET)
    with pytest.raises(ValueError, match="holds a Word2Vec, not a FastText"):
        FastText.load(path)


@pytest.mark.parametrize("ending", [".bin", ".vec", ".txt", ".glove"])
def test_a_model_is_no_file_of_vectors(tmp_path, ending):
    path = tmp_path / f"model{ending}"
    with pytest.raises(ValueError, match=r"formats\.save"):
        Word2Vec().save(path)
    with pytest.raises(ValueError, match=r"formats\.load"):
        Word2Vec.load(path)
    assert not path.exists()


def test_several_workers_learn_the_same_to_the_eye():
    assert_planted(made("cbow", workers=2).fit(TEXT, **QUIET).vectors)


# The end of training -----------------------------------------------------------------------------


def test_early_stop_goes_back_to_the_best_epoch():
    scores, seen = iter([0.1, 0.5, 0.4, 0.3, 0.9]), []

    def evaluation(model):
        seen.append(model.inputs.copy())
        return next(scores)

    records = []
    model = made("cbow").fit(
        TEXT, evaluation=evaluation, patience=2, on_epoch=lambda m, r: records.append(r), **QUIET
    )
    assert [record["score"] for record in records] == [0.1, 0.5, 0.4, 0.3]
    assert model.history == records and np.array_equal(model.inputs, seen[1])
    with pytest.raises(ValueError, match="an evaluation to judge by"):
        made("cbow").fit(TEXT, patience=2, **QUIET)


def test_progress_says_words_and_time(capsys):
    made("cbow", epochs=2).fit(TEXT[:100])
    err = capsys.readouterr().err
    assert "epoch 1/2  loss" in err and "words/s" in err and "left 0:00" in err


def test_steps_that_are_too_large_are_an_error():
    with pytest.raises(FloatingPointError, match="lower alpha"):
        made("cbow", alpha=1e30, min_alpha=1e30, cbow_mean=False).fit(TEXT, **QUIET)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"negative": 0}, "needs hs=True"),
        ({"dim": 0}, "dim must be"),
        ({"epochs": 1.5}, "epochs must be"),
        ({"workers": 0}, "workers must be"),
        ({"window": 0}, "window must be"),
        ({"alpha": 0.1, "min_alpha": 0.2}, "min_alpha <= alpha"),
    ],
)
def test_impossible_settings_are_refused(settings, reason):
    with pytest.raises(ValueError, match=reason):
        Word2Vec(**settings)


def test_texts_without_frequent_words_are_refused():
    with pytest.raises(ValueError, match="of 3 different words 0 occur 5 times or more"):
        Word2Vec().fit(["one two three"], **QUIET)


# Sub-words ---------------------------------------------------------------------------------------


def test_words_never_seen_are_near_their_relatives():
    stems, ends = ["read", "sing", "climb", "paint"], ["ing", "er", "able"]
    lines = [f"{stem}{end} {stem} tool{stem}" for stem in stems for end in ends[:2]] * 300
    model = FastText(16, 2, 1, sg=True, sample=0, workers=1, epochs=8, bucket=5000).fit(lines, **QUIET)
    vectors = model.vectors
    for stem in stems:
        assert f"{stem}able" not in vectors.index
        assert max(stems, key=lambda other: vectors.similarity(f"{stem}able", other)) == stem


def test_jamo_see_inside_syllables():
    lines = ["갔다 학교", "갑니다 학교", "봤다 영화", "봅니다 영화"] * 300
    settings = {"dim": 16, "min_count": 1, "sample": 0, "workers": 1, "epochs": 8, "bucket": 5000}
    model = FastText(spelling="jamo", sg=True, **settings).fit(lines, **QUIET)
    assert model.vectors.similarity("간다", "갔다") > model.vectors.similarity("간다", "봤다")
    with pytest.raises(ValueError, match="jamo"):
        model.file()


def test_facebooks_program_reads_our_vectors(tmp_path):
    fasttext = pytest.importorskip("fasttext")
    model = made("fasttext", minn=2, maxn=3).fit(TEXT[:300], **QUIET)
    write(tmp_path / "model.bin", model.file())
    theirs = fasttext.load_model(str(tmp_path / "model.bin"))
    for word in ("w00", "a01", "never"):
        np.testing.assert_allclose(theirs.get_word_vector(word), model.vectors[word], rtol=1e-5, atol=1e-7)


# Classification ----------------------------------------------------------------------------------


def reviews(count, random):
    """What a text says depends on the order of two words alone, or on a part of a word."""
    texts, labels = [], []
    for _ in range(count):
        good = bool(random.integers(2))
        filler = [f"x{i}" for i in random.integers(0, 50, 5)]
        pair = ["not", "bad"] if good else ["bad", "not"]
        at = int(random.integers(0, 5))
        texts.append(" ".join(filler[:at] + pair + filler[at:]))
        labels.append("good" if good else "poor")
    return texts, labels


def test_pairs_of_words_tell_what_single_words_cannot(tmp_path):
    texts, labels = reviews(400, RANDOM)
    unseen, wanted = reviews(300, RANDOM)
    plain = FastTextClassifier(dim=8, epochs=5, alpha=0.5).fit(labelled(texts, labels), **QUIET)
    pairs = FastTextClassifier(dim=8, epochs=5, alpha=0.5, word_ngrams=2, bucket=5000)
    pairs.fit(labelled(texts, labels), **QUIET)
    assert plain.score(unseen, wanted) < 0.7 < 0.99 < pairs.score(unseen, wanted)
    pairs.save(tmp_path / "model")
    loaded = FastTextClassifier.load(tmp_path / "model")
    assert np.array_equal(loaded.predict_proba(unseen), pairs.predict_proba(unseen))
    np.testing.assert_allclose(pairs.predict_proba(unseen).sum(1), 1, rtol=1e-5)
    assert pairs.predict_proba([]).shape == (0, 2) and len(pairs.predict([""])) == 1


def test_rare_words_count_by_their_sub_words():
    texts = [f"{'un' * (i % 2)}word{i}" for i in range(400)]  # each but once
    labels = ["un" if i % 2 else "plain" for i in range(400)]
    model = FastTextClassifier(dim=8, min_count=5, minn=2, maxn=3, bucket=1000, alpha=0.3)
    model.fit(labelled(texts, labels), **QUIET)
    assert model.words.words == ["</s>"]
    assert model.predict(["unword999", "word999"]) == ["un", "plain"]


def test_a_stopped_classifier_goes_on_with_the_same_bits(text, tmp_path):
    text.write_text("\n".join(f"__label__{line[1]} {line}" for line in TEXT[:900]))
    settings = {"dim": 8, "min_count": 2, "word_ngrams": 2, "bucket": 100, "epochs": 3}
    whole = FastTextClassifier(**settings).fit(text, **QUIET)
    pieces, path = itertools.count(1), tmp_path / "run"
    FastTextClassifier(**settings).fit(
        text,
        checkpoint=path,
        on_piece=lambda *_: next(pieces) == 5 and os.kill(os.getpid(), signal.SIGINT),
        **QUIET,
    )
    assert same(FastTextClassifier.load(path).resume(text, **QUIET), whole)


def test_a_line_of_several_labels_learns_them_all():
    lines = ["__label__a __label__b both", "__label__c other", "__label__c"] * 100
    model = FastTextClassifier(dim=8, alpha=0.3).fit(Corpus.of(lines), **QUIET)
    chances = dict(zip(model.labels, model.predict_proba(["both"])[0], strict=True))
    assert chances["a"] > 0.1 and chances["b"] > 0.1 and chances["c"] < 0.1  # the latest epoch's weighs more
    with pytest.raises(ValueError, match="1 different labels"):
        FastTextClassifier().fit(["__label__a word"], **QUIET)


def test_facebooks_program_reads_our_classifier(tmp_path):
    fasttext = pytest.importorskip("fasttext")
    texts = ["good film", "so bad a film", "책이 참 좋다", "영화가 나쁘다"] * 10
    model = FastTextClassifier(dim=8, word_ngrams=3, minn=2, maxn=3, bucket=500)
    model.fit(labelled(texts, [1, 2, 3, 2] * 10), **QUIET)
    write(tmp_path / "model.bin", model.file())
    theirs = fasttext.load_model(str(tmp_path / "model.bin"))
    for text in ("good film", "never seen 영화가", "so", "책이 참"):
        found = {label: chance for chance, label in theirs.f.predict(text + "\n", 3, 0.0, "strict")}
        mine = model.predict_proba([text])[0]
        for label, chance in zip(model.labels, mine, strict=True):
            assert found[f"__label__{label}"] == pytest.approx(chance, abs=1e-4)
