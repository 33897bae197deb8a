"""Word vectors against gensim and Facebook's fastText: the same answers, scores and files."""

from __future__ import annotations

import numpy as np
import pytest

from nn.text import formats
from nn.text.formats import fasttext
from nn.text.vectors import WordVectors

gensim = pytest.importorskip("gensim.models", reason="gensim is the oracle: pip install 'kernelgrad[oracle]'")
native = pytest.importorskip("gensim.models.fasttext")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:gensim")

RANDOM = np.random.default_rng(0)
LETTERS = list("abcdeßé도서관는가🙂")
WORDS = list(dict.fromkeys("".join(RANDOM.choice(LETTERS, RANDOM.integers(1, 6))) for _ in range(900)))
WORDS += [word.upper() for word in WORDS[:100] if word.upper() not in WORDS]  # a case apart
MATRIX = (RANDOM.normal(size=(len(WORDS), 6)) + 0.3).astype(np.float32)


@pytest.fixture(scope="module")
def ours():
    return WordVectors(WORDS, MATRIX)


@pytest.fixture(scope="module")
def theirs():
    vectors = gensim.KeyedVectors(MATRIX.shape[1], len(WORDS))
    for word, row in zip(WORDS, MATRIX, strict=True):
        vectors.add_vector(word, row)
    return vectors


def same(a, b):
    assert [word for word, _ in a] == [word for word, _ in b]
    np.testing.assert_allclose([x for _, x in a], [x for _, x in b], rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("restrict", [None, 300])
@pytest.mark.parametrize(("positive", "negative"), [(1, 0), (2, 1), (3, 2)])
def test_neighbours(ours, theirs, positive, negative, restrict):
    for i in range(0, 200, 10):
        plus, minus = WORDS[i : i + positive], WORDS[i + 5 : i + 5 + negative]
        same(
            ours.most_similar(plus, minus, 8, restrict),
            theirs.most_similar(plus, minus, 8, restrict_vocab=restrict),
        )
        same(ours.most_similar_cosmul(plus, minus, 8), theirs.most_similar_cosmul(plus, minus, 8))


def test_weighted_words_and_vectors(ours, theirs):
    keys = [(WORDS[1], 2.0), (WORDS[2], -0.5), MATRIX[7]]
    same(ours.most_similar(keys), theirs.most_similar(keys))


def test_the_rest_of_the_questions(ours, theirs):
    for i in range(0, 300, 7):
        group = WORDS[i : i + 5]
        assert ours.doesnt_match(group) == theirs.doesnt_match(group)
        assert ours.similarity(*group[:2]) == pytest.approx(theirs.similarity(*group[:2]), abs=1e-6)
        assert ours.n_similarity(group[:2], group[2:]) == pytest.approx(
            theirs.n_similarity(group[:2], group[2:]), abs=1e-6
        )
        assert ours.ranks(group[0], group[1:]).tolist() == [theirs.rank(group[0], word) for word in group[1:]]


OPTIONS = [
    {},
    {"restrict": 300},
    {"case_insensitive": False},
    {"dummy4unknown": True, "restrict": 500},
    {"case_insensitive": False, "dummy4unknown": True},
]


def translated(options):
    return {"restrict_vocab" if key == "restrict" else key: value for key, value in options.items()}


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_scores_of_pairs(ours, theirs, tmp_path, options):
    random = np.random.default_rng(1)
    words = random.choice([*WORDS, "unknown", "nowhere"], (200, 2))
    path = tmp_path / "pairs.tsv"
    lines = [f"{a.swapcase()}\t{b}\t{random.integers(0, 20) / 2}\r\n" for a, b in words]
    path.write_text("".join(["# a comment\n", *lines]), encoding="utf-8", newline="")
    pearson, spearman, unknown = theirs.evaluate_word_pairs(str(path), **translated(options))
    scores = ours.evaluate_pairs(path, **options)
    assert scores.pearson == pytest.approx(pearson[0], abs=1e-6)
    assert scores.spearman == pytest.approx(spearman[0], abs=1e-6)
    assert 100 * (1 - scores.coverage) == pytest.approx(unknown)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_scores_of_analogies(tmp_path, options):
    random = np.random.default_rng(1)
    # Words on a lattice, with noise, so that some analogies are solved.
    steps = np.stack(np.meshgrid(range(5), range(5), range(5)), -1).reshape(-1, 3)
    matrix = np.concatenate([steps, steps]) + random.normal(0, 0.2, (250, 3))
    words = [f"Word{i}" for i in range(125)] + [f"word{i}" for i in range(125)]
    matrix = np.concatenate([matrix, np.ones((250, 1))], 1).astype(np.float32)
    ours, theirs = WordVectors(words, matrix), gensim.KeyedVectors(4)
    theirs.add_vectors(words, matrix)
    lines = []
    for section in ("capitals", "gram1-plural"):
        lines.append(f": {section}")
        for a, b, step in random.integers(0, 125, (150, 3)):
            d = (steps == steps[b] - steps[a] + steps[step]).all(1)
            lines.append(f"word{a} word{b} Word{step} Word{d.argmax() if d.any() else 999}")
    path = tmp_path / "questions.txt"
    path.write_text("\n".join(lines) + "\n")
    options = {**options, **({"restrict": 200} if "restrict" in options else {})}
    total, sections = theirs.evaluate_word_analogies(str(path), **translated(options))
    scores = ours.evaluate_analogies(path, **options)
    assert scores.total.correct and scores.total.accuracy == total
    for one, other in zip(scores.sections, sections, strict=False):
        assert (one.correct, one.total) == (
            len(other["correct"]),
            len(other["correct"]) + len(other["incorrect"]),
        )


# --- files


@pytest.mark.parametrize(("form", "binary"), [("word2vec", False), ("word2vec-binary", True)])
def test_word2vec_files_both_ways(ours, theirs, tmp_path, form, binary):
    formats.save(tmp_path / "ours", ours, form)
    read = gensim.KeyedVectors.load_word2vec_format(str(tmp_path / "ours"), binary=binary)
    assert read.index_to_key == WORDS
    np.testing.assert_array_equal(read.vectors, MATRIX)
    theirs.save_word2vec_format(str(tmp_path / "theirs"), binary=binary)
    again = formats.load(tmp_path / "theirs")
    assert again.words == WORDS
    np.testing.assert_array_equal(again.matrix, MATRIX)


def test_glove_files_both_ways(ours, theirs, tmp_path):
    formats.save(tmp_path / "ours.glove", ours)
    read = gensim.KeyedVectors.load_word2vec_format(str(tmp_path / "ours.glove"), no_header=True)
    assert read.index_to_key == WORDS
    np.testing.assert_array_equal(read.vectors, MATRIX)
    theirs.save_word2vec_format(str(tmp_path / "theirs"), write_header=False)
    np.testing.assert_array_equal(formats.load(tmp_path / "theirs").matrix, MATRIX)


SENTENCES = [RANDOM.choice(WORDS[:60], 20).tolist() for _ in range(60)]
UNSEEN = ["도서관에서", "unseen", "ß", "🙂🙂", "naïve"]


@pytest.mark.parametrize("options", [{"sg": 1}, {"hs": 1, "negative": 0}, {"min_n": 1, "max_n": 4}], ids=str)
def test_fasttext_bin_both_ways(tmp_path, options):
    settings = {"vector_size": 8, "bucket": 300, "min_count": 1, "epochs": 1, "workers": 1}
    model = gensim.FastText(SENTENCES, **settings, **options)
    native.save_facebook_model(model, str(tmp_path / "theirs.bin"))
    ours = formats.load(tmp_path / "theirs.bin")
    assert ours.words == model.wv.index_to_key
    np.testing.assert_allclose(ours.matrix, model.wv.vectors, atol=1e-6)
    for word in UNSEEN:
        np.testing.assert_allclose(ours[word], model.wv[word], atol=1e-6)

    formats.save(tmp_path / "ours.bin", ours)
    assert (tmp_path / "ours.bin").read_bytes() == (tmp_path / "theirs.bin").read_bytes()
    read = native.load_facebook_model(str(tmp_path / "ours.bin")).wv
    np.testing.assert_allclose(read["도서관에서"], ours["도서관에서"], atol=1e-6)

    ours.origin = None  # as if from no file
    formats.save(tmp_path / "new.bin", ours)
    read = native.load_facebook_vectors(str(tmp_path / "new.bin"))
    np.testing.assert_allclose(read.vectors, ours.matrix, atol=1e-6)
    assert [read.get_vecattr(word, "count") for word in ours.words] == ours.counts.tolist()


@pytest.fixture
def facebook():
    return pytest.importorskip("fasttext", reason="Facebook's fastText is not installed (fasttext-wheel)")


def trained(facebook, tmp_path, supervised, **options):
    path = tmp_path / "corpus.txt"
    lines = [f"__label__{i % 3} " * supervised + " ".join(line) for i, line in enumerate(SENTENCES)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    train = facebook.train_supervised if supervised else facebook.train_unsupervised
    model = train(str(path), dim=8, bucket=200, minCount=1, epoch=2, thread=1, verbose=0, **options)
    model.save_model(str(tmp_path / "theirs.bin"))
    return model


@pytest.mark.parametrize("options", [{"model": "cbow"}, {"loss": "hs"}, {"maxn": 0}], ids=str)
def test_facebook_s_models(facebook, tmp_path, options):
    model = trained(facebook, tmp_path, False, **options)
    ours = formats.load(tmp_path / "theirs.bin")
    formats.save(tmp_path / "ours.bin", ours)
    assert (tmp_path / "ours.bin").read_bytes() == (tmp_path / "theirs.bin").read_bytes()
    again = facebook.load_model(str(tmp_path / "ours.bin"))
    assert again.words == ours.words == model.words and "</s>" in ours
    for word in [*model.words, *UNSEEN]:
        if word in ours:
            np.testing.assert_allclose(ours[word], again.get_word_vector(word), atol=1e-6)
        else:
            assert not again.get_word_vector(word).any()


@pytest.mark.parametrize("options", [{}, {"wordNgrams": 2}, {"minn": 2, "maxn": 3, "loss": "hs"}], ids=str)
def test_facebook_s_classifiers(facebook, tmp_path, options):
    model = trained(facebook, tmp_path, True, **options)
    ours = fasttext.read(tmp_path / "theirs.bin")
    assert ours.labels == model.labels and ours.words == model.words and ours.args.model == "sup"
    np.testing.assert_array_equal(ours.output, model.get_output_matrix())
    fasttext.write(tmp_path / "ours.bin", ours)
    assert (tmp_path / "ours.bin").read_bytes() == (tmp_path / "theirs.bin").read_bytes()
    for word in model.words:
        np.testing.assert_allclose(ours.vectors()[word], model.get_word_vector(word), atol=1e-6)
