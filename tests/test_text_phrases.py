"""Phrases: scores as their formulas have them, joining from left to right, streams in blocks."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn.text.phrases
from nn.text import Phrases

SENTENCES = st.lists(st.lists(st.sampled_from("a b c d".split()), max_size=9), max_size=12)


def scored(sentences, min_count, threshold, scoring):
    """The formulas, pair by pair."""
    words = Counter(word for sentence in sentences for word in sentence)
    pairs = Counter(pair for sentence in sentences for pair in zip(sentence, sentence[1:], strict=False))
    n, found = sum(words.values()), {}
    for (a, b), together in pairs.items():
        if together >= min_count:
            if scoring == "word2phrase":
                score = (together - min_count) * n / (words[a] * words[b])
            else:
                score = math.log(together * n / (words[a] * words[b])) / -math.log(together / n)
            if score > threshold:
                found[a, b] = score
    return found


@given(
    SENTENCES, st.integers(1, 3), st.sampled_from([-1, 0, 0.3, 1]), st.sampled_from(["word2phrase", "npmi"])
)
def test_scores_are_those_of_the_formulas(sentences, min_count, threshold, scoring):
    phrases = Phrases(min_count, threshold, scoring).fit(iter(sentences))
    assert phrases.scores == pytest.approx(scored(sentences, min_count, threshold, scoring))
    assert list(phrases.scores.values()) == sorted(phrases.scores.values(), reverse=True)


@given(SENTENCES, st.integers(1, 20))
def test_blocks_make_no_difference(sentences, size):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nn.text.phrases, "BLOCK", size)
        blockwise = Phrases(1, 0).fit(sentences).scores
    assert blockwise == Phrases(1, 0).fit(sentences).scores


def test_no_word_is_in_two_phrases():
    phrases = Phrases(1, 0).fit([["a", "b"]] * 3 + [["b", "c"]] * 3)
    assert set(phrases.scores) == {("a", "b"), ("b", "c")}
    assert phrases(["a", "b", "c"]) == ["a_b", "c"]
    assert phrases(["b", "c"]) == ["b_c"] and phrases([]) == []
    assert list(phrases.transform([["a", "b"], ["c"]])) == [["a_b"], ["c"]]


def test_a_second_pass_makes_longer_ones():
    sentences = [["new", "york", "city"]] * 4 + [["a", "b", "c", "d"]] * 9
    once = Phrases(1, 2, delimiter="+").fit(sentences)
    joined = list(once.transform(sentences))
    twice = Phrases(1, 2, delimiter="+").fit(joined)
    assert twice(once(["new", "york", "city"])) == ["new+york+city"]


def test_bounded_memory_forgets_the_rarest_pairs(monkeypatch):
    monkeypatch.setattr(nn.text.phrases, "BLOCK", 4)
    sentences = [["often", "seen"]] * 20 + [["once", "only"], ["also", "rare"]]
    assert list(Phrases(1, 0, max_vocab_size=1).fit(sentences).scores) == [("often", "seen")]


@pytest.mark.parametrize("options", [{"scoring": "x"}, {"min_count": 0}, {"max_vocab_size": 0}], ids=str)
def test_what_does_not_fit_is_refused(options):
    with pytest.raises(ValueError, match="Phrases"):
        Phrases(**options)
    with pytest.raises(ValueError, match="call fit first"):
        Phrases()(["a"])


def test_counts_of_large_texts_do_not_overflow():
    words, n = np.array([5_000_000_000, 4_000_000_000]), 100_000_000_000
    phrases = Phrases(1, -10.0)
    counted = np.array([words[0], words[1], n - words.sum()])
    scores = phrases.choose(["of", "the", "x"], counted, (np.array([1]), np.array([2_000_000_000])))
    assert scores == {("of", "the"): pytest.approx(1_999_999_999 * 5e-9)}


def test_texts_are_not_taken_for_lists_of_letters():
    with pytest.raises(TypeError, match="split it first"):
        Phrases().fit(["new york"])
