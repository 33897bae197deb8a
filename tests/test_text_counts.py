"""Counts, TF-IDF, one-hot vectors by hand; tests/oracle/test_text_sklearn.py holds them to scikit-learn."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nn.text import CountVectorizer, OneHot, Sparse, TfidfTransformer, TfidfVectorizer, Vocabulary
from nn.text.ngrams import ngrams

# n-grams -----------------------------------------------------------------------------------------


@given(
    st.lists(st.text("ab가 ", max_size=6), max_size=6),
    st.integers(1, 4),
    st.integers(0, 2),
    st.booleans(),
    st.booleans(),
)
def test_ngrams_are_all_slices_of_the_parts(parts, low, more, short, of_words):
    sequence = [c for part in parts for c in part] if of_words else "".join(parts)
    found = []
    for names, numbers, starts in ngrams(sequence, np.array([*map(len, parts)], int), low, low + more, short):
        assert short or len(set(names)) == len(names)
        found += [(int(start), names[number]) for start, number in zip(starts, numbers, strict=True)]
    wanted, begin = [], 0
    for part in parts:
        for n in range(low, low + more + 1):
            wanted += [(begin + i, part[i : i + n]) for i in range(len(part) - n + 1)]
        if short and 0 < len(part) < low:
            wanted.append((begin, part))
        begin += len(part)
    wanted = [(i, " ".join(gram)) for i, gram in wanted] if of_words else wanted
    assert sorted(found) == sorted(wanted)


# Counts ------------------------------------------------------------------------------------------


def test_counts_by_hand():
    counter = CountVectorizer(ngram_range=(1, 2), stop_words=["the"])
    x = counter.fit_transform(iter(["The cat sat", "cat cat", ""]))
    assert counter.get_feature_names_out().tolist() == ["cat", "cat cat", "cat sat", "sat"]
    assert x.toarray().tolist() == [[1, 0, 1, 1], [2, 1, 0, 0], [0, 0, 0, 0]]
    assert [row.tolist() for row in counter.inverse_transform(x)] == [
        ["cat", "cat sat", "sat"],
        ["cat", "cat cat"],
        [],
    ]


def test_korean_characters_inside_words():
    counter = CountVectorizer(analyzer="char_wb", ngram_range=(4, 4))
    x = counter.fit_transform(["책을  도서관"])
    assert counter.get_feature_names_out().tolist() == [" 도서관", " 책을 ", "도서관 "]
    assert x.toarray().tolist() == [[1, 1, 1]]
    assert list(CountVectorizer(analyzer="char_wb", ngram_range=(9, 9)).fit(["책"]).vocabulary_) == [" 책 "]


def test_a_document_may_be_anything_with_an_analyzer_of_one_s_own():
    x = CountVectorizer(analyzer=lambda tokens: tokens).fit_transform([["a", "b"], ("a",)])
    assert x.toarray().tolist() == [[1, 1], [1, 0]]


def test_a_vocabulary_is_used_as_it_is():
    counter = CountVectorizer(vocabulary=Vocabulary({"mat": 3, "the": 5}), min_df=2, max_features=1)
    assert counter.transform(["the mat the dog"]).toarray().tolist() == [[2, 1]]
    assert counter.fit_transform(["dog"]).toarray().tolist() == [[0, 0]]


@pytest.mark.parametrize(
    "options, message",
    [
        ({"ngram_range": (0, 1)}, "1 <= low <= high"),
        ({"analyzer": "words"}, "analyzer must be one of"),
        ({"token_pattern": None}, "needs a token_pattern"),
        ({"token_pattern": "("}, "no regular expression"),
        ({"min_df": 0}, "min_df must be"),
        ({"max_df": 2.0}, "max_df must be"),
        ({"max_features": 1.5}, "max_features must be"),
        ({"vocabulary": ["a", "b", "a"]}, "'a' is there twice"),
        ({"vocabulary": {"a": 1}}, "columns must be 0 to 0"),
        ({"vocabulary": []}, "empty"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        CountVectorizer(**options)


def test_what_documents_cannot_be():
    with pytest.raises(ValueError, match="got one text"):
        CountVectorizer().fit("the cat")
    with pytest.raises(ValueError, match="must be text, got None"):
        CountVectorizer().fit(["the cat", None])
    with pytest.raises(ValueError, match="empty vocabulary"):
        CountVectorizer().fit(["a"])
    with pytest.raises(ValueError, match="call fit first"):
        CountVectorizer().transform(["the cat"])


# TF-IDF ------------------------------------------------------------------------------------------


def test_the_formulas_by_hand():
    counts = np.array([[2, 1], [0, 1], [0, 1]])
    smooth, plain = math.log(4 / 2) + 1, math.log(3 / 1) + 1
    for smooth_idf, idf in (True, smooth), (False, plain):
        tfidf = TfidfTransformer(norm=None, smooth_idf=smooth_idf)
        np.testing.assert_allclose(
            tfidf.fit_transform(counts).toarray(), [[2 * idf, 1], [0, 1], [0, 1]], 1e-15
        )
        np.testing.assert_allclose(tfidf.idf_, [idf, 1], 1e-15)
    sublinear = TfidfTransformer(norm=None, use_idf=False, sublinear_tf=True).fit_transform(counts).toarray()
    np.testing.assert_allclose(sublinear[0], [1 + math.log(2), 1], 1e-15)
    for norm, sizes in ("l1", 2 * smooth + 1), ("l2", math.hypot(2 * smooth, 1)):
        row = TfidfTransformer(norm=norm).fit_transform(counts).toarray()[0]
        np.testing.assert_allclose(row, np.array([2 * smooth, 1]) / sizes, 1e-15)


def test_a_particle_weighs_less_than_a_noun():
    from nn.text.korean import particles

    documents = ["철수는 도서를 샀다", "영희는 사과를 먹었다", "철수는 잤다"]
    tfidf = TfidfVectorizer(tokenizer=particles, token_pattern=None)
    weights = dict(
        zip(
            tfidf.fit(documents).get_feature_names_out(), tfidf.transform(documents).toarray()[0], strict=True
        )
    )
    assert 0 < weights["는"] < weights["철수"] < weights["도서"]


def test_tfidf_refuses():
    with pytest.raises(ValueError, match="norm must be"):
        TfidfVectorizer(norm="l3")
    with pytest.raises(ValueError, match="call fit first"):
        TfidfTransformer().transform([[1]])
    with pytest.raises(ValueError, match="3 features, but 2"):
        TfidfTransformer().fit([[1, 2]]).transform([[1, 2, 3]])
    with pytest.raises(ValueError, match="finite"):
        TfidfTransformer().fit([[np.nan]])


# Sparse and one-hot ------------------------------------------------------------------------------


@given(st.integers(0, 4), st.integers(1, 4), st.integers(0, 99))
def test_sparse_is_the_array(rows, columns, seed):
    random = np.random.default_rng(seed)
    array = random.integers(-1, 2, (rows, columns))
    x = Sparse.of(array)
    np.testing.assert_array_equal(x.toarray(), array)
    chosen = random.integers(0, rows, 5) if rows else []
    np.testing.assert_array_equal(x[np.array(chosen, int)].toarray(), array[np.array(chosen, int)])
    np.testing.assert_array_equal(x[1:].toarray(), array[1:])
    weight = random.normal(size=(columns, 3))
    np.testing.assert_allclose(x @ weight, array @ weight, atol=1e-15)
    np.testing.assert_allclose(x @ weight[:, 0], array @ weight[:, 0], atol=1e-15)


@pytest.mark.parametrize(
    "arrays",
    [
        ([0, 1], [0], [1.0, 2.0]),
        ([0, 2], [0], [1.0]),
        ([0, 1], [3], [1.0]),
        ([0, 2, 1], [0], [1.0]),
        ([], [], []),
    ],
    ids=str,
)
def test_sparse_refuses_what_does_not_fit(arrays):
    with pytest.raises(ValueError, match="Sparse"):
        Sparse(*arrays, columns=3)
    with pytest.raises(ValueError, match="do not fit"):
        Sparse([0], [], [], 3) @ np.ones(2)


def test_one_hot_there_and_back():
    teams = OneHot(["A", "B", "C"])
    x = teams.encode(["C", "A"])
    assert x.dtype == np.float32 and x.tolist() == [[0, 0, 1], [1, 0, 0]]
    assert teams.decode(x) == teams.decode(teams.sparse(["C", "A"])) == ["C", "A"]
    assert teams.encode([]).shape == (0, 3)


def test_one_hot_and_unknown_words():
    with pytest.raises(KeyError, match="'X' is not one of 1"):
        OneHot(["A"]).encode(["A", "X"])
    zeros = OneHot(["A"], unknown="zeros")
    assert zeros.encode(["X", "A"]).tolist() == [[0], [1]] and zeros.decode([[0], [1]]) == [None, "A"]
    assert OneHot(Vocabulary({"A": 1}, specials=["?"], unk="?")).encode(["X"]).tolist() == [[1, 0]]
    for make in lambda: OneHot("AB"), lambda: OneHot(["A"]).encode("A"):
        with pytest.raises(TypeError, match="list of words"):
            make()
    for vectors in [[0.5, 0.5]], [[1, 1]], [[1]]:
        with pytest.raises(ValueError, match="OneHot"):
            OneHot(["A", "B"]).decode(vectors)
