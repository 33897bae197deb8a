"""Word vectors: neighbours, analogies, the odd one out, ranks, sub-words, and files of judgements."""

from __future__ import annotations

import numpy as np
import pytest

from nn.data import DataError
from nn.text import korean, similar
from nn.text.subwords import fnv1a, ngrams, subwords
from nn.text.vectors import SubwordVectors, WordVectors

WORDS = ["man", "woman", "king", "queen", "apple"]
MATRIX = np.array([[1, 0, 0], [1, 1, 0], [1, 0, 1], [1, 1, 1], [0, -1, 0]], np.float32)


@pytest.fixture
def v():
    return WordVectors(WORDS, MATRIX, [9, 8, 7, 6, 5])


def random_vectors(count=500, dim=8, seed=0):
    matrix = np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float32)
    return WordVectors([f"w{i}" for i in range(count)], matrix)


def test_a_word_has_its_row(v):
    assert v["king"].tolist() == [1, 0, 1] and v[["king", "man"]].shape == (2, 3)
    assert "queen" in v and "Queen" not in v and len(v) == 5 and v.dim == 3
    with pytest.raises(KeyError, match="no vector for 'prince'"):
        v["prince"]
    with pytest.raises(ValueError):
        v["king"][0] = 2  # would make the lengths untrue


def test_neighbours_are_sorted_by_cosine_and_leave_out_what_was_asked(v):
    names, cosines = zip(*v.most_similar("king", topn=10), strict=True)
    assert names == ("queen", "man", "woman", "apple")
    np.testing.assert_allclose(cosines, [2 / 6**0.5, 0.5**0.5, 0.5, 0], atol=1e-6)
    assert v.most_similar("king", topn=1, restrict=3) == v.most_similar("king")[1:2]
    assert v.most_similar(MATRIX[2], topn=1)[0][0] == "king"  # a vector is no word: nothing is left out


@pytest.mark.parametrize("multiply", [False, True])
def test_analogies(v, multiply):
    assert v.analogy("man", "king", "woman", topn=1, multiply=multiply)[0][0] == "queen"


def test_weights_and_signs(v):
    assert v.most_similar([("king", 1.0), ("man", -1.0)]) == v.most_similar("king", "man")
    assert v.most_similar(("king", 2.0)) == v.most_similar("king")


def test_the_odd_one_out(v):
    assert v.doesnt_match(["man", "apple", "king", "woman"]) == "apple"


def test_ranks_count_the_nearer_ones(v):
    assert [v.rank("king", word) for word in ("queen", "man", "woman", "apple")] == [1, 2, 3, 4]
    assert v.ranks("king", ["apple", "queen"]).tolist() == [4, 1]


def test_similarities(v):
    assert v.similarity("woman", "apple") == pytest.approx(-(0.5**0.5))
    assert v.n_similarity(["man", "queen"], ["woman", "king"]) == pytest.approx(1)


def test_a_zero_vector_is_like_nothing():
    v = WordVectors(["a", "b", "zero"], np.array([[1, 0], [1, 1], [0, 0]], np.float32))
    assert v.similarity("a", "zero") == 0
    assert v.most_similar("a")[-1] == ("zero", 0.0)


def test_how_many_are_wanted_and_among_how_many(v):
    assert len(v.most_similar("king", topn=None)) == 4 and len(v.most_similar_cosmul("king", topn=99)) == 4
    assert [name for name, _ in v.most_similar("king", topn=None, restrict=2)] == ["man", "woman"]
    assert v.most_similar(np.array(["king", "man"])) == v.most_similar(["king", "man"])
    for wrong in ({"topn": 0}, {"restrict": 0}, {"restrict": -2}):
        with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be at least 1"):
            v.most_similar("king", **wrong)


@pytest.mark.parametrize(
    ("ask", "error"),
    [
        (lambda v: v.most_similar([]), "want at least one word or vector"),
        (lambda v: v.most_similar_cosmul([]), "want at least one word or vector"),
        (lambda v: v.most_similar([1.0, 0.0, 1.0]), r"a vector of 3 numbers, got shape \(\)"),  # of one each
        (lambda v: v.most_similar(np.ones(4)), r"a vector of 3 numbers, got shape \(4,\)"),
        (lambda v: v.most_similar([("king", "man")]), "the weight of 'king' is no number: 'man'"),
        (lambda v: v.most_similar_cosmul([("king", 2.0)]), r"a vector of 3 numbers, got \('king', 2.0\)"),
        (lambda v: v.most_similar(np.full(3, np.nan)), "no finite length"),
        (lambda v: v.similarity("king", np.full(3, 1e30)), "no finite length"),
        (lambda v: v.nearest("king"), "want a list of words, got 'king'"),
        (lambda v: v.nearest(np.ones(3)), r"want vectors \(n, 3\), got shape \(3,\)"),
        (lambda v: v.nearest(["king"], 5), "topn must be from 1 to 4, got 5"),
        (lambda v: v.doesnt_match("king man"), "want a list of words, got 'king man'"),
        (lambda v: v.n_similarity("king", ["man"]), "want two lists of words"),
    ],
)
def test_questions_that_make_no_sense(v, ask, error):
    with pytest.raises((TypeError, ValueError), match=error):
        ask(v)


def test_an_unknown_word_is_told_with_the_known_one_it_may_be(v):
    for word, meant in {
        "King": "king",
        "quen": "queen",
        "wmoan": "woman",
        "applee": "apple",
        "men": "man",
    }.items():
        with pytest.raises(KeyError, match=rf"no vector for '{word}'.*did you mean '{meant}'\?"):
            v.similarity("man", word)
    with pytest.raises(KeyError, match="among the 5 words'?\"?$"):
        v["prince"]


def test_cosines_stay_within_one():
    v = random_vectors()
    assert max(v.similarity(word, word) for word in v.words) == 1
    assert min(v.similarity(v[word], -v[word]) for word in v.words) == -1


@pytest.mark.parametrize("layout", ["padded", "columns", "reversed"])
def test_rows_may_lie_anyhow(layout):
    plain = random_vectors(70, 6)
    if layout == "padded":
        matrix = np.zeros((70, 16), np.float32)[:, :6]
    else:
        matrix = np.zeros((70, 6), np.float32, order="F")[:: -1 if layout == "reversed" else 1]
    matrix[...] = plain.matrix
    v = WordVectors(plain.words, matrix)
    assert not v.matrix.flags.c_contiguous and np.shares_memory(v.matrix, matrix)
    assert [name for name, _ in v.most_similar("w3")] == [name for name, _ in plain.most_similar("w3")]
    assert np.array_equal(v.nearest(v.words, 3)[0], plain.nearest(plain.matrix.astype(float), 4)[0][:, 1:])


def test_many_at_once_are_each_alone():
    v = random_vectors()
    ids, cosines = v.nearest(v.words[:40], topn=7)
    for word, row, values in zip(v.words, ids, cosines, strict=False):
        alone = v.most_similar(word, topn=7)
        assert [v.words[i] for i in row] == [name for name, _ in alone]
        np.testing.assert_allclose(values, [value for _, value in alone], atol=1e-6)
    assert v.nearest(v.matrix[:3], topn=1)[0].ravel().tolist() == [0, 1, 2]


@pytest.mark.parametrize(("size", "count"), [(1, 1), (5, 9), (1000, 1), (1000, 14), (1000, 15), (5000, 5000)])
def test_the_largest_are_found_and_equals_keep_their_order(size, count):
    scores = np.random.default_rng(1).integers(0, 300, size).astype(np.float32)
    assert similar.top(scores, count).tolist() == np.argsort(-scores, kind="stable")[:count].tolist()


@pytest.mark.parametrize(
    ("words", "matrix", "error"),
    [
        (["a", "a"], np.zeros((2, 3), np.float32), "'a' is there twice"),
        (["a"], np.zeros((2, 3), np.float32), r"need a row each, not an array of shape \(2, 3\)"),
        (["a"], np.zeros((1, 3)), "must be a float32 array, not float64"),
    ],
)
def test_what_makes_no_vectors(words, matrix, error):
    with pytest.raises((TypeError, ValueError), match=error):
        WordVectors(words, matrix)


def test_counts_are_integers_one_a_word():
    with pytest.raises(ValueError, match="counts must be 5 integers"):
        WordVectors(WORDS, MATRIX, [1, 2])


# --- sub-words


def test_numbers_of_subwords_are_the_hashes_of_ngrams():
    words = ["where", "는", "도서를", "a", "</s>", "", "naïve😀", "x" * 40]
    for minn, maxn in [(3, 6), (1, 2), (0, 2), (2, 9), (4, 3), (0, 0)]:
        starts, numbers = subwords(words, minn, maxn, 1000)
        for i, word in enumerate(words):
            expected = [fnv1a(part.encode()) % 1000 for part in ngrams(word, minn, maxn)]
            assert numbers[starts[i] : starts[i + 1]].tolist() == expected, word


def test_the_paper_s_example():
    assert ngrams("where", 3, 3) == ["<wh", "whe", "her", "ere", "re>"]


def fasttext_vectors(**options):
    table = np.random.default_rng(0).normal(size=(3 + 50, 4)).astype(np.float32)
    return SubwordVectors(["where", "도서", "</s>"], table, 3, 4, **options)


def test_a_word_is_the_mean_of_its_parts():
    v = fasttext_vectors()
    rows = [0] + [3 + fnv1a(part.encode()) % 50 for part in ngrams("where", 3, 4)]
    np.testing.assert_allclose(v["where"], v.table[rows].mean(0), rtol=1e-5)
    assert v["</s>"].tolist() == v.table[2].tolist()  # taken whole


def test_words_never_seen_have_vectors_too():
    v = fasttext_vectors()
    rows = [3 + fnv1a(part.encode()) % 50 for part in ngrams("here", 3, 4)]
    np.testing.assert_allclose(v["here"], v.table[rows].mean(0), rtol=1e-5)
    assert "here" in v and "here" not in v.index
    assert "" not in v  # "<>" is shorter than a sub-word
    with pytest.raises(KeyError, match="has no sub-words"):
        v[""]
    assert len(v.most_similar("here", topn=3)) == 3 and v.rank("here", "where") in (1, 2, 3)


def test_jamo_share_what_syllables_do_not():
    v, plain = fasttext_vectors(spell=korean.decompose), fasttext_vectors()
    assert set(v.parts("도서")) & set(v.parts("도시")) and not set(plain.parts("도서")) & set(
        plain.parts("도시")
    )


def test_without_buckets_there_are_no_subwords():
    v = SubwordVectors(["a"], np.ones((1, 2), np.float32))
    assert "abc" not in v and v["a"].tolist() == [1, 1]


# --- judgements of pairs


def write(tmp_path, text, name="file.txt"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "text",
    [
        "man\tking\t3\nman\twoman\t2\nman\tapple\t1\nman\tprince\t4\n",
        "# a comment\r\nman king 3\r\nman woman 2\r\n\r\nman apple 1\r\nman prince 4",
        "\ufeffword 1,word 2,score\nMan,King,3\nman,woman,2\nman,apple,1\nman,prince,4\n",
    ],
)
def test_pairs_in_their_notations(v, tmp_path, text):
    scores = v.evaluate_pairs(write(tmp_path, text))
    assert (scores.pairs, scores.unknown, scores.coverage) == (4, 1, 0.75)
    cosines, gold = [0.5**0.5, 0.5**0.5, 0], [3, 2, 1]
    assert scores.pearson == pytest.approx(np.corrcoef(cosines, gold)[0, 1], abs=1e-6)


def test_ties_share_a_rank(tmp_path):
    v = WordVectors(["a", "b", "c", "d"], np.array([[1, 0], [1, 1], [1, -1], [0, 1]], np.float32))
    scores = v.evaluate_pairs(write(tmp_path, "a b 5\na c 5\na d 1\n"))
    assert scores.spearman == pytest.approx(1)


def test_unknown_words_can_count_as_zero_or_by_their_subwords(tmp_path):
    v = fasttext_vectors()
    path = write(tmp_path, "where 도서 1\nwhere HERE 3\nwhere there 2\n")
    assert v.evaluate_pairs(path, unseen=True).unknown == 0
    assert v.evaluate_pairs(path, dummy4unknown=True).unknown == 2
    with pytest.raises(DataError, match="1 of 3 pairs have vectors"):
        v.evaluate_pairs(path)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("man king 3\nman king\n", "line 2 is not two words and a score: 'man king'"),
        ("man king 3\nman king 3 4\n", "line 2"),
        ("man king 3\nman woman nan\n", "line 2"),
        ("man\tking\t3\nman\twoman\t2,5\n", "line 2"),
        ("", "0 of 0 pairs have vectors"),
    ],
)
def test_malformed_pairs(v, tmp_path, text, error):
    with pytest.raises(DataError, match=error):
        v.evaluate_pairs(write(tmp_path, text))


# --- analogies

ANALOGIES = ": royal\nMan King Woman Queen\nman king woman apple\n: gram1-x\nman prince woman queen\n"


def test_analogies_by_section(v, tmp_path):
    scores = v.evaluate_analogies(write(tmp_path, ANALOGIES))
    assert [(s.name, s.correct, s.total, s.unknown) for s in scores.sections] == [
        ("royal", 1, 2, 0),
        ("gram1-x", 0, 0, 1),
    ]
    assert scores.sections[0].answers[1] == ("man", "king", "woman", "apple", "queen")
    assert scores.total.accuracy == 0.5 and scores.semantic.total == 2 and scores.syntactic.unknown == 1
    assert np.isnan(scores.syntactic.accuracy)
    assert v.evaluate_analogies(write(tmp_path, ANALOGIES), multiply=True).total.correct == 1


@pytest.mark.parametrize("multiply", [False, True])
def test_analogies_are_those_asked_one_by_one(tmp_path, monkeypatch, multiply):
    v = random_vectors(50)
    monkeypatch.setattr(similar, "BLOCK", 50 * 20)  # twenty words at a time
    asked = np.random.default_rng(2).integers(0, 50, (60, 4))
    path = write(tmp_path, ": all\n" + "\n".join(" ".join(f"w{i}" for i in row) for row in asked))
    for a, b, c, _, predicted in v.evaluate_analogies(path, multiply=multiply).sections[0].answers:
        assert predicted == v.analogy(a, b, c, topn=1, multiply=multiply)[0][0]


def test_what_counts_as_unknown(v, tmp_path):
    path = write(tmp_path, ANALOGIES)
    assert v.evaluate_analogies(path, dummy4unknown=True).total.accuracy == pytest.approx(1 / 3)
    assert v.evaluate_analogies(path, case_insensitive=False).total.unknown == 2
    assert v.evaluate_analogies(path, restrict=3).total.unknown == 3
    with pytest.raises(ValueError, match="restrict must be at least 1"):
        v.evaluate_analogies(path, restrict=0)


@pytest.mark.parametrize(
    ("text", "error"),
    [("a b c d\n", "line 1 comes before any section"), (": s\na b c\n", "line 2 has 3 words")],
)
def test_malformed_analogies(v, tmp_path, text, error):
    with pytest.raises(DataError, match=error):
        v.evaluate_analogies(write(tmp_path, text))


def test_files_that_are_not_text(v, tmp_path):
    path = tmp_path / "file.txt"
    path.write_bytes(b": s\nman king \xff queen\n")
    with pytest.raises(DataError, match="line 2 is not UTF-8"):
        v.evaluate_analogies(path)
    with pytest.raises(DataError, match="cannot be read: No such file"):
        v.evaluate_pairs(tmp_path / "none")
