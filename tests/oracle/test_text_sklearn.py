"""Counts and TF-IDF equal scikit-learn's within 1e-12 over its options: features, order, values, errors."""

import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import nn.text.counts
from nn.text import CountVectorizer, TfidfTransformer, Vocabulary

theirs = pytest.importorskip(
    "sklearn.feature_extraction.text", reason="scikit-learn is the oracle: pip install 'kernelgrad[oracle]'"
)
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

ENGLISH = "the cat sat The CAT mat. a I 42 don't x_y amoungst about".split()
WORDS = [*ENGLISH, *"é Über naïve 도서 도서를 가 ㅋㅋ İstanbul ß ﬁn 𝔘𝔫".split()]
SPACES = [" ", "  ", "\n", "\t ", " ", ", "]
DOCUMENTS = st.lists(
    st.one_of(
        st.lists(st.one_of(st.sampled_from(WORDS), st.sampled_from(SPACES)), max_size=12).map("".join),
        st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join),
        st.text(st.sampled_from("abAB é\u0301 \n.가나"), max_size=10),
    ),
    max_size=8,
)
TEXT = {
    "lowercase": st.booleans(),
    "strip_accents": st.sampled_from([None, "ascii", "unicode", str.upper]),
    "token_pattern": st.sampled_from([r"(?u)\b\w\w+\b", r"\w", r"(?u)(\w)\w*", r"\S+", r"\w*"]),
    "ngram_range": st.tuples(st.integers(1, 4), st.integers(0, 2)).map(lambda pair: (pair[0], sum(pair))),
    "analyzer": st.sampled_from(["word", "word", "char", "char_wb", str.split]),
    "stop_words": st.sampled_from([None, None, "english", ["cat", "the"], []]),
}
LIMITS = {
    "min_df": st.one_of(st.integers(1, 3), st.floats(0, 1)),
    "max_df": st.one_of(st.integers(1, 8), st.floats(0, 1)),
    "max_features": st.one_of(st.none(), st.integers(1, 30)),
    "binary": st.booleans(),
}
VOCABULARIES = st.one_of(
    st.none(),
    st.lists(
        st.sampled_from(["the", "cat", "the cat", "ca", "é", "도서를", "zebra"]), max_size=5, unique=True
    ),
    st.sets(st.sampled_from(["the", "cat", "sat", "도서"])),
    st.sampled_from([{"cat": 1, "the": 0}, {"cat": 0, "the": 2}, {"cat": 0, "the": 0}, ["a", "a"]]),
)
WEIGHTS = {
    "norm": st.sampled_from(["l1", "l2", None]),
    "use_idf": st.booleans(),
    "smooth_idf": st.booleans(),
    "sublinear_tf": st.booleans(),
}


def options(**strategies):
    """Some of the options, the others left as they are."""
    return st.fixed_dictionaries({}, optional=strategies)


def outcome(make, documents, others):
    """(features, values of the documents, of others), or the error."""
    try:
        with np.errstate(all="ignore"):
            vectorizer = make()
            fitted = vectorizer.fit_transform(documents)
            return vectorizer.get_feature_names_out().tolist(), fitted, vectorizer.transform(others)
    except ValueError as error:
        return error


def compare(name, chosen, documents, others):
    a = outcome(lambda: getattr(nn.text, name)(**chosen), documents, others)
    b = outcome(lambda: getattr(theirs, name)(**chosen), documents, others)
    if isinstance(b, ValueError):
        assert isinstance(a, ValueError), f"scikit-learn says {b}"
        return
    assert not isinstance(a, ValueError), a
    assert a[0] == b[0]
    for x, y in zip(a[1:], b[1:], strict=True):
        assert x.shape == y.shape and x.values.dtype == y.dtype
        np.testing.assert_allclose(x.toarray(), y.toarray(), rtol=1e-12, atol=1e-12)


MANY = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@MANY
@given(DOCUMENTS, DOCUMENTS, options(**TEXT, **LIMITS, vocabulary=VOCABULARIES))
def test_counts(documents, others, chosen):
    compare("CountVectorizer", chosen, documents, others)


@MANY
@given(DOCUMENTS, DOCUMENTS, options(**TEXT, **LIMITS, **WEIGHTS))
def test_tfidf(documents, others, chosen):
    compare("TfidfVectorizer", chosen, documents, others)


@MANY
@given(
    st.integers(1, 6).flatmap(
        lambda width: st.lists(st.lists(st.integers(0, 4), min_size=width, max_size=width), min_size=1)
    ),
    options(**WEIGHTS),
    st.sampled_from([np.int64, np.float64]),
)
def test_tfidf_of_counts(counts, chosen, dtype):
    x = np.array(counts, dtype)
    with np.errstate(all="ignore"):
        ours = TfidfTransformer(**chosen).fit_transform(x).toarray()
        wanted = theirs.TfidfTransformer(**chosen).fit_transform(x).toarray()
    np.testing.assert_allclose(ours, wanted, rtol=1e-12, atol=1e-12)


@given(DOCUMENTS, st.sampled_from(["word", "char", "char_wb"]), st.integers(1, 30))
def test_blocks_make_no_difference(documents, analyzer, size):
    chosen = {"analyzer": analyzer, "ngram_range": (1, 3)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nn.text.counts, "BLOCK", size)
        compare("CountVectorizer", chosen, documents, documents)


@pytest.mark.parametrize("name", ["CountVectorizer", "TfidfVectorizer"])
@pytest.mark.parametrize("limit", [1, 50, 1000, 2900])
def test_ties_at_the_border_of_max_features(name, limit):
    random = np.random.default_rng(0)
    words = [f"w{i}" for i in range(3000)]
    documents = [" ".join(random.choice(words, 40)) for _ in range(500)]
    compare(name, {"max_features": limit}, documents, documents)


@pytest.mark.parametrize(
    "chosen",
    [
        {"input": "file"},
        {"tokenizer": str.split, "token_pattern": None},
        {"preprocessor": str.swapcase},
        {"dtype": np.float32},
        {"analyzer": "nonsense"},
        {"strip_accents": "nonsense"},
        {"stop_words": "german"},
        {"ngram_range": (2, 1)},
        {"min_df": 0},
        {"min_df": 1.5},
        {"max_df": -1},
        {"max_features": 0},
        {"min_df": 2, "max_df": 1},
        {"token_pattern": r"(\w)(\w)"},
        {"decode_error": "nonsense"},
        {"norm": "l3"},
    ],
    ids=str,
)
def test_other_options_and_errors(chosen):
    class File:
        def read(self):
            return b"the cat The"

    documents = [File(), File()] if "input" in chosen else ["The cat sat", b"the \xc3\xa9t\xc3\xa9"]
    compare("TfidfVectorizer", chosen, documents, documents)
    if "norm" not in chosen:
        compare("CountVectorizer", chosen, documents, documents)


def test_encodings():
    for chosen in {"encoding": "latin-1"}, {"decode_error": "ignore"}, {"decode_error": "replace"}, {}:
        documents = ["café".encode("latin-1"), b"cafe"]
        compare("CountVectorizer", chosen, documents, documents)


def test_names_of_files(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("naïve cat")
    make = {"input": "filename"}
    compare("CountVectorizer", make, [path], [path, path])


@pytest.mark.parametrize("documents", ["one text", [np.nan], [], ["", " "], ["the of"]], ids=str)
def test_bad_documents(documents):
    chosen = {"stop_words": "english"}
    compare("CountVectorizer", chosen, documents, documents)


def test_not_fitted():
    for module in nn.text, theirs:
        for make in module.CountVectorizer, module.TfidfVectorizer:
            with pytest.raises(ValueError):
                make().transform(["a"])
            with pytest.raises(ValueError):
                make().get_feature_names_out()
        with pytest.raises(ValueError):
            module.TfidfTransformer().transform([[1.0]])


@given(DOCUMENTS)
def test_inverse(documents):
    ours, sklearns = CountVectorizer(analyzer="char"), theirs.CountVectorizer(analyzer="char")
    try:
        x, y = ours.fit_transform(documents), sklearns.fit_transform(documents)
    except ValueError:
        return
    for a, b in zip(ours.inverse_transform(x), sklearns.inverse_transform(y), strict=True):
        assert a.tolist() == sorted(b)


def test_sparse_crosses_over_both_ways():
    documents = ["the cat", "the mat the cat"]
    counts = theirs.CountVectorizer().fit_transform(documents)
    ours = TfidfTransformer().fit_transform(counts)
    wanted = theirs.TfidfTransformer().fit_transform(counts)
    np.testing.assert_allclose(ours.toarray(), wanted.toarray(), rtol=1e-12)
    back = type(counts)((ours.values, ours.indices, ours.indptr), ours.shape)
    np.testing.assert_array_equal(back.toarray(), ours.toarray())


def test_a_vocabulary_of_ours():
    vocabulary = Vocabulary({"mat": 3, "the": 5})
    assert CountVectorizer(vocabulary=vocabulary).transform(["the mat the"]).toarray().tolist() == [[2, 1]]


def test_warnings_are_given_where_scikit_learn_gives_them():
    for chosen in (
        {"stop_words": ["don't"]},
        {"analyzer": "char", "stop_words": ["the"]},
        {"analyzer": "char", "token_pattern": "x"},
        {"analyzer": str.split, "preprocessor": str.lower},
        {"analyzer": str.split, "ngram_range": (1, 2)},
        {"vocabulary": ["The", "cat"]},
    ):
        for module in nn.text, theirs:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                module.CountVectorizer(**chosen).fit(["the cat"])
            assert len(caught) == 1, (module, chosen)
