"""FastText's classifier as its users have it: files to and from Facebook's program, many labels, bad input.

What it learns of texts stands in test_models_words.py, its step in test_labels_kernel.py."""

from __future__ import annotations

import numpy as np
import pytest

from autograd import kernels
from nn.models import FastTextClassifier, labelled
from nn.text.formats.fasttext import read, write
from nn.text.tokenize import characters

QUIET = {"progress": False}
TEXTS = ["good film", "so bad a film", "책이 참 좋다", "영화가 나쁘다"] * 20
LABELS = ["good", "bad", "좋은 책", "bad"] * 20


def fitted(**settings):
    small = {"dim": 8, "bucket": 500, "alpha": 0.5, "workers": 1}
    return FastTextClassifier(**small | settings).fit(labelled(TEXTS, LABELS), **QUIET)


# Predictions -------------------------------------------------------------------------------------


def test_labels_may_have_spaces_and_the_first_k_are_given():
    model = fitted()
    assert model.labels == ["bad", "good", "좋은 책"] and model.score(TEXTS, LABELS) == 1
    (first, second), (only, _) = model.predict_top(["참 좋다", "bad"], k=2)
    assert first[0] == "좋은 책" and only[0] == "bad" and 1 > first[1] > second[1] > 0
    everything = model.predict_top(["good"], k=99)[0]
    assert sorted(label for label, _ in everything) == sorted(model.labels)
    assert sum(chance for _, chance in everything) == pytest.approx(1, rel=1e-6)


def test_what_is_unknown_is_judged_by_the_end_of_a_text():
    model = fitted()
    chances = model.predict_proba(["", "never seen", "__label__good", []])
    assert (chances == chances[0]).all() and np.isfinite(chances).all()
    assert model.predict([]) == [] and model.predict_top([], 1) == []
    sub_words = fitted(minn=2, maxn=3)
    assert not np.allclose(*sub_words.predict_proba(["", "나쁘네"]))


def test_asking_in_parts_changes_nothing(monkeypatch):
    model = fitted(word_ngrams=2, minn=1, maxn=2)
    whole = model.predict_proba(TEXTS)
    monkeypatch.setattr("nn.models.classifier.ASKED", 7)
    np.testing.assert_allclose(model.predict_proba(TEXTS), whole, rtol=1e-6)


@pytest.mark.skipif(not kernels.active, reason="NumPy takes several texts at once, too many for this rate")
def test_a_thousand_of_labels():
    """Each has a word of its own."""
    texts, labels = [f"w{i}" for i in range(1000)] * 2, [f"label {i}" for i in range(1000)] * 2
    model = FastTextClassifier(dim=16, epochs=20, alpha=1.5, workers=2).fit(labelled(texts, labels), **QUIET)
    assert len(model.labels) == 1000 and model.score(texts[:300], labels[:300]) > 0.9
    assert model.history[0]["loss"] > 6 > 1 > model.history[-1]["loss"]


@pytest.mark.skipif(not kernels.active, reason="there is NumPy alone")
def test_numpy_learns_the_same_where_there_are_no_kernels(monkeypatch):
    """The same samples in the same order at the same rates; few texts are computed one by one."""
    settings = {"word_ngrams": 2, "minn": 2, "maxn": 3, "min_count": 2}
    fast = fitted(**settings)
    monkeypatch.setattr(kernels, "active", False)
    slow = fitted(**settings)
    for name, table in fast.tables().items():
        np.testing.assert_allclose(table, slow.tables()[name], rtol=1e-4, atol=1e-5)
    assert fast.history[-1]["loss"] == pytest.approx(slow.history[-1]["loss"], rel=1e-5)


def test_a_seed_gives_the_same_bits():
    one, again, other = fitted(seed=3), fitted(seed=3), fitted(seed=4)
    assert np.array_equal(one.inputs, again.inputs) and not np.array_equal(one.inputs, other.inputs)


# Files -------------------------------------------------------------------------------------------


def test_files_go_both_ways_through_facebooks_program(tmp_path):
    fasttext = pytest.importorskip("fasttext")
    labels = [label.replace(" ", "_") for label in LABELS]
    (tmp_path / "texts").write_text(
        "\n".join(f"__label__{label} {text}" for label, text in zip(labels, TEXTS, strict=True))
    )
    asked = ["good film", "never 나쁘네", "영화가 참 __label__good 좋다", ""]
    for settings in ({}, {"wordNgrams": 3}, {"minn": 0, "maxn": 3}, {"wordNgrams": 2, "minn": 2, "maxn": 3}):
        theirs = fasttext.train_supervised(
            str(tmp_path / "texts"), dim=8, lr=0.5, bucket=500, minCount=2, thread=1, verbose=0, **settings
        )
        theirs.save_model(str(tmp_path / "theirs.bin"))
        ours = FastTextClassifier.from_file(read(tmp_path / "theirs.bin"))
        write(tmp_path / "ours.bin", ours.file())
        back = fasttext.load_model(str(tmp_path / "ours.bin"))
        for text, mine in zip(asked, ours.predict_proba(asked), strict=True):
            for program in (theirs, back):
                found = {label: chance for chance, label in program.f.predict(text + "\n", 3, 0.0, "strict")}
                assert [found[f"__label__{label}"] for label in ours.labels] == pytest.approx(
                    list(mine), abs=1e-4
                )


def test_a_file_of_word_vectors_is_no_classifier():
    file = fitted(bucket=5, word_ngrams=2).file()
    for wrong in ({"model": "sg", "loss": "ns"}, {"loss": "hs"}, {"loss": "ova"}):
        other = type(file.args)(**vars(file.args) | wrong)
        with pytest.raises(ValueError, match="wants a supervised model with softmax, the file has model"):
            FastTextClassifier.from_file(type(file)(**vars(file) | {"args": other}))


def test_a_label_with_a_space_is_not_for_facebooks_format(tmp_path):
    with pytest.raises(ValueError, match="can't hold the word '__label__좋은 책'"):
        write(tmp_path / "model.bin", fitted().file())
    with pytest.raises(ValueError, match="jamo"):
        fitted(spelling="jamo", minn=2, maxn=3).file()


# Bad input ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"alpha": float("nan")}, "finite alpha > 0, got 1 and nan"),
        ({"alpha": float("inf")}, "finite alpha > 0"),
        ({"alpha": 0.0}, "finite alpha > 0"),
        ({"word_ngrams": 0}, "word_ngrams >= 1"),
        ({"minn": 3, "maxn": 2}, "want 1 <= minn <= maxn, got 3 and 2"),
        ({"word_ngrams": 2, "bucket": 0}, "need at least one bucket"),
        ({"spelling": "runes"}, "spelling is one of letters, jamo"),
        ({"dim": 0}, "dim must be a whole number"),
        ({"bucket": 2.5}, "bucket must be a whole number from 0 on, got 2.5"),
        ({"min_count": -1}, "min_count must be a whole number from 0 on, got -1"),
    ],
)
def test_impossible_settings_are_refused(settings, says):
    with pytest.raises(ValueError, match=says):
        FastTextClassifier(**settings)


def test_impossible_texts_are_refused():
    with pytest.raises(ValueError, match="1 different labels"):
        FastTextClassifier().fit(labelled(["a", "b"], [1, 1]), **QUIET)
    with pytest.raises(ValueError, match="0 different labels"):
        FastTextClassifier().fit(["no label here"], **QUIET)
    with pytest.raises(ValueError, match="min_count 81 is more than the 80 lines"):
        fitted(min_count=81)
    with pytest.raises(ValueError, match="text 1 has a word that begins with __label__"):
        list(labelled(["a", "b __label__c"], [1, 2]))
    assert len(list(labelled(["a __label__b"], [1], characters))) == 1  # there it is no word
    with pytest.raises(ValueError, match="2 texts, but 1 labels"):
        labelled(["a", "b"], [1])
    with pytest.raises(FloatingPointError, match="lower alpha"):
        fitted(alpha=1e38)


def test_questions_that_make_no_sense_are_refused():
    model = fitted()
    for ask in (model.predict, model.predict_proba):
        with pytest.raises(TypeError, match="want a list of texts, got the text 'good'"):
            ask("good")
    with pytest.raises(ValueError, match="want k >= 1, got 0"):
        model.predict_top(["good"], 0)
    with pytest.raises(ValueError, match="no texts"):
        model.score([], [])
    with pytest.raises(ValueError, match="zip"):
        model.score(["good"], [])
