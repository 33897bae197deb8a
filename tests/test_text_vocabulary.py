"""Vocabularies: which words get in, in which order, encoding and decoding, word2vec's two distributions."""

import pickle
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nn.text import Vocabulary, count_words

WORDS = st.lists(st.sampled_from("a b c d e f".split()), max_size=60)


# Which words -------------------------------------------------------------------------------------


def test_words_stand_by_falling_count_and_ties_as_first_seen():
    v = Vocabulary({"d": 1, "b": 3, "a": 1, "c": 3})
    assert v.words == ["b", "c", "d", "a"]
    assert v.counts.tolist() == [3, 3, 1, 1] and v.counts.dtype == np.int64
    assert v.index == {"b": 0, "c": 1, "d": 2, "a": 3}


def test_min_count_and_max_size_leave_out_the_rare():
    counts = {"a": 4, "b": 3, "c": 2, "d": 1}
    assert Vocabulary(counts, min_count=2).words == ["a", "b", "c"]
    assert Vocabulary(counts, min_count=2, max_size=2).words == ["a", "b"]
    assert len(Vocabulary(counts, min_count=5)) == 0


def test_specials_come_first_and_are_never_left_out():
    v = Vocabulary({"a": 4, "b": 3, "<s>": 1}, min_count=2, max_size=3, specials=["<pad>", "<s>"])
    assert v.words == ["<pad>", "<s>", "a"] and v.counts.tolist() == [0, 1, 4]


def test_unk_counts_what_was_left_out():
    v = Vocabulary({"a": 4, "b": 3, "c": 1}, max_size=2, specials=["?"], unk="?")
    assert v.words == ["?", "a"] and v.counts.tolist() == [4, 4]


def test_a_file_s_order_is_kept():
    v = Vocabulary.from_words(["x", "y"], [1, 5])
    assert v.words == ["x", "y"] and v.counts.tolist() == [1, 5]
    assert Vocabulary.from_words(["x", "y"]).counts.tolist() == [0, 0]
    assert Vocabulary.from_words(["x", "?"], unk="?").encode(["z", "x"]).tolist() == [1, 0]


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: Vocabulary({"a": -1}), "at least 0"),
        (lambda: Vocabulary({"a": 1.5}), "whole numbers"),
        (lambda: Vocabulary({"a": 1}, specials=["?", "?"]), "different"),
        (lambda: Vocabulary({"a": 1}, specials="<unk>"), "different words"),
        (lambda: Vocabulary({"a": 1}, unk="?"), "not among the specials"),
        (lambda: Vocabulary({"a": 1}, max_size=1, specials=["?", "!"]), "no room"),
        (lambda: Vocabulary.from_words(["a", "b", "a"]), "'a' is there twice"),
        (lambda: Vocabulary.from_words(["a", "b"], [1]), "2 words"),
        (lambda: Vocabulary.from_words(["a"], unk="?"), "not among the words"),
        (lambda: count_words([["a"]], 0), "at least 1"),
    ],
)
def test_what_does_not_fit_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# Counting ----------------------------------------------------------------------------------------


@given(st.lists(WORDS))
def test_counting_is_counting(sentences):
    assert count_words(sentences) == Counter(word for sentence in sentences for word in sentence)
    assert count_words(iter(sentences), max_vocab_size=6) == count_words(sentences)


def test_a_bounded_count_forgets_the_rarest_first():
    sentences = [["often"] * 5 + ["twice"] * 2, ["once"], ["also"]]
    assert count_words(sentences, max_vocab_size=3) == {"often": 5, "twice": 2}
    assert count_words(sentences, max_vocab_size=1) == {"often": 5}


def test_max_vocab_size_bounds_long_sentences_too(monkeypatch):
    sizes = []

    class Watched(Counter):
        def update(self, *words):
            super().update(*words)
            sizes.append(len(self))

    monkeypatch.setattr("nn.text.vocabulary.Counter", Watched)
    monkeypatch.setattr("nn.text.vocabulary.BLOCK", 100)
    count_words(([f"{i} {j}" for j in range(50)] for i in range(100)), max_vocab_size=40)
    assert len(sizes) >= 50 and max(sizes) <= 40 + 100


def test_texts_are_not_taken_for_lists_of_letters():
    for sentences in (["the cat"], [b"the cat"], [["the"], "cat"]):
        with pytest.raises(TypeError, match="split it first"):
            count_words(sentences)
    with pytest.raises(TypeError, match="words are strings, got int 1"):
        Vocabulary({1: 2})


# Encoding ----------------------------------------------------------------------------------------


def test_unknown_words_are_dropped_or_unk():
    counts = {"a": 2, "b": 1}
    assert Vocabulary(counts).encode(["b", "x", "a"]).tolist() == [1, 0]
    assert Vocabulary(counts, specials=["?"], unk="?").encode(["b", "x", "a"]).tolist() == [2, 0, 1]
    assert Vocabulary(counts).encode(iter([])).dtype == np.int32


@given(st.lists(WORDS, max_size=8), st.integers(1, 4), st.booleans())
def test_sentences_are_encoded_one_by_one(sentences, min_count, with_unk):
    unk = {"specials": ["?"], "unk": "?"} if with_unk else {}
    v = Vocabulary(count_words(sentences), min_count=min_count, **unk)
    tokens, ends = v.encode_sentences(sentences)
    assert tokens.dtype == np.int32 and ends.dtype == np.int64 and len(ends) == len(sentences)
    starts = [0, *ends][: len(ends)]
    for sentence, start, end in zip(sentences, starts, ends, strict=True):
        np.testing.assert_array_equal(tokens[start:end], v.encode(sentence))
        assert v.decode(tokens[start:end]) == [w if w in v else "?" for w in sentence if w in v or with_unk]
    assert not len(ends) or ends[-1] == len(tokens)
    if with_unk:
        assert v.counts.tolist() == np.bincount(tokens, minlength=len(v)).tolist()


def test_a_text_is_no_list_of_tokens():
    with pytest.raises(TypeError, match="split it first"):
        Vocabulary({"a": 1}).encode("a b")
    with pytest.raises(TypeError, match="'a b'"):
        Vocabulary({"a": 1}).encode_sentences(["a b"])


@pytest.mark.parametrize("words", [["a", "b"], ["ab", "cd"], "ab", iter(["ab"])])
def test_words_without_counts_are_refused_with_the_way_to_go(words):
    with pytest.raises(TypeError, match="from_words"):
        Vocabulary(words)


def test_decode_refuses_what_is_no_word():
    v = Vocabulary({"a": 1})
    assert v.decode([]) == [] and v.decode(np.array([0, 0])) == ["a", "a"]
    for numbers in [1], [-1]:
        with pytest.raises(IndexError, match="1 words"):
            v.decode(numbers)
    with pytest.raises(TypeError, match="float64"):
        v.decode([0.0])


# word2vec's distributions ------------------------------------------------------------------------


def test_keep_is_word2vec_s_formula():
    v = Vocabulary({"the": 900, "of": 90, "cat": 10}, specials=["<pad>"])
    wanted = [1] + [min(1, (np.sqrt(c / (1e-2 * 1000)) + 1) * 1e-2 * 1000 / c) for c in (900, 90, 10)]
    np.testing.assert_allclose(v.keep(1e-2), wanted, rtol=1e-12)
    assert v.keep(0).tolist() == [1] * 4
    for sample in -1e-3, 1, 1e3:
        with pytest.raises(ValueError, match="sample"):
            v.keep(sample)


@pytest.mark.parametrize("power", [0.75, 0, 1, -0.5, 400])
def test_noise_is_proportional_to_a_power_of_the_count(power):
    v = Vocabulary({"the": 9, "cat": 3}, specials=["<pad>"])
    noise = v.noise(power)
    assert noise[0] == 0 and noise.sum() == pytest.approx(1, abs=1e-15)
    assert noise[2] / noise[1] == pytest.approx(3.0**-power)
    with pytest.raises(ValueError, match="no word has a count"):
        Vocabulary({}).noise()


def test_equality_and_pickles():
    v = Vocabulary({"a": 2, "b": 1}, specials=["?"], unk="?")
    assert pickle.loads(pickle.dumps(v)) == v
    assert v != Vocabulary({"a": 2, "b": 1}) and v != Vocabulary({"a": 3, "b": 1}, specials=["?"], unk="?")
