"""apps/embedding: maps, the page, the walk-throughs, tables; and the examples in its docstrings."""

from __future__ import annotations

import doctest
import importlib
import json
import lzma
import pkgutil
import re
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="the apps extra")

import apps.embedding  # noqa: E402
import autograd  # noqa: E402
from apps.embedding import corpora, guess, onehot, page, projection, tables, tfidf  # noqa: E402
from apps.embedding.__main__ import main  # noqa: E402
from nn.text import WordVectors, formats  # noqa: E402

MODULES = [module.name for module in pkgutil.iter_modules(apps.embedding.__path__) if "__" not in module.name]


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_are_true(name):
    module = importlib.import_module(f"apps.embedding.{name}")
    assert doctest.testmod(module, optionflags=doctest.ELLIPSIS).failed == 0


@pytest.fixture
def vectors(tmp_path) -> Path:
    """Three heaps of ten words."""
    rng = np.random.default_rng(1)
    centres = np.repeat(np.eye(3, 12), 10, 0) * 3
    words = [f"{kind}{i}" for kind in ("tree", "도시", "<b>") for i in range(10)]
    path = tmp_path / "words.safetensors"
    formats.save(path, WordVectors(words, (centres + rng.normal(0, 0.3, (30, 12))).astype(np.float32)))
    return path


# Maps --------------------------------------------------------------------------------------------


def test_pca_is_the_eigenvectors_of_the_covariance():
    x = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32) * [5, 3, 1, 1, 1, 1]
    y, share = projection.pca(x.astype(np.float32))
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    values, directions = np.linalg.eigh(np.cov(unit.T))
    expected = (unit - unit.mean(0)) @ directions[:, ::-1][:, :2]
    assert np.allclose(np.abs(y), np.abs(expected), atol=1e-5)
    assert np.isclose(share, values[-2:].sum() / values.sum())


def test_affinities_have_the_perplexity_asked_for():
    """By the definition, row by row, each with the width that gives it the perplexity."""
    x = np.random.default_rng(0).normal(size=(50, 8)).astype(np.float32)
    p = projection.affinities(x, 12.0)
    assert np.allclose(p, p.T) and np.isclose(p.sum(), 1, atol=1e-5) and not p.diagonal().any()
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    d = ((unit[:, None] - unit[None]) ** 2).sum(-1)

    def row(i: int, beta: float) -> np.ndarray:
        a = np.exp(-beta * d[i]) * (np.arange(50) != i)
        return a / a.sum()

    def perplexity(q: np.ndarray) -> float:
        return float(np.exp(-(q[q > 0] * np.log(q[q > 0])).sum()))

    full = np.zeros((50, 50))
    for i in range(50):
        low, high = 0.01, 100.0
        for _ in range(60):
            beta = np.sqrt(low * high)
            low, high = (beta, high) if perplexity(row(i, beta)) > 12 else (low, beta)
        full[i] = row(i, beta)
    assert np.allclose(p, (full + full.T) / 100, atol=1e-6)


def test_the_gradient_of_tsne_is_that_of_the_paper():
    """4 sum_j (p_ij - q_ij) (y_i - y_j) / (1 + |y_i - y_j|^2), van der Maaten and Hinton's equation 5."""
    rng = np.random.default_rng(0)
    p = projection.affinities(rng.normal(size=(20, 5)).astype(np.float32), 5.0)
    y = rng.normal(size=(20, 2)).astype(np.float32)
    place = autograd.tensor(y, requires_grad=True)
    others = autograd.tensor((1 - np.eye(20)).astype(np.float32))
    projection.cost(place, autograd.tensor(p), others, 1.0).backward()
    gaps = y[:, None] - y[None]
    a = (1 - np.eye(20)) / (1 + (gaps**2).sum(-1))
    expected = 4 * (((p - a / a.sum()) * a)[..., None] * gaps).sum(1)
    assert np.allclose(place.grad.data, expected, atol=1e-5)


def test_tsne_keeps_heaps_together(vectors):
    x = formats.load(vectors).matrix
    y, divergence = projection.tsne(x, perplexity=8)
    heaps = y.reshape(3, 10, 2)
    within = np.linalg.norm(heaps - heaps.mean(1, keepdims=True), axis=-1).max()
    between = min(np.linalg.norm(heaps[i].mean(0) - heaps[j].mean(0)) for i, j in [(0, 1), (0, 2), (1, 2)])
    assert between > 2 * within and 0 <= divergence < 0.3
    told: list[int] = []
    assert np.array_equal(y, projection.tsne(x, perplexity=8, tell=told.append)[0])  # nothing is random
    assert told == list(range(1, projection.STEPS + 1))


def test_plot_writes_maps_and_a_page(vectors, tmp_path, capsys):
    assert main(["plot", str(vectors)]) == 0
    folder = tmp_path / "words-map"
    assert sorted(path.name for path in folder.iterdir()) == ["map.html", "pca.png", "tsne.png"]
    assert all((folder / name).read_bytes().startswith(b"\x89PNG") for name in ("pca.png", "tsne.png"))
    assert "30 words" in capsys.readouterr().out


def test_the_page_needs_nothing_else_and_holds_words_as_text(vectors, tmp_path):
    assert main(["plot", str(vectors), "도시3", "<b>1", "--output", str(tmp_path / "out")]) == 0
    text = (tmp_path / "out" / "map.html").read_text(encoding="utf-8")
    assert not re.search(r"""(src|href)=|@import|url\(|https?:|innerHTML|{{""", text) and "<b>" not in text
    data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)[1])
    assert data["words"][:2] == ["도시3", "<b>1"] and data["chosen"] == [0, 1]
    assert set(data["maps"]) == {"t-SNE", "PCA"}
    assert all(np.abs(places).max() == 1 for places in data["maps"].values())
    nearest = [data["words"][i] for i in data["near"][0]]
    all_words = formats.load(vectors)
    assert nearest[:5] == [word for word, _ in all_words.most_similar("도시3", topn=5)]
    assert data["cosines"][0] == sorted(data["cosines"][0], reverse=True)


def test_a_word_cannot_end_the_data_of_the_page():
    data = {"words": ["</script><script>alert(1)</script>", "a&b", "\u2028"]}
    text = page.assemble("<title>", data)
    assert "alert(1)" in text and "<script>alert" not in text and "<title><title>" not in text
    found = re.search(r'id="data">(.*?)</script>', text, re.S)[1]
    assert json.loads(found) == data


# Walk-throughs -----------------------------------------------------------------------------------


def test_onehot_shows_rows_of_0_and_1_and_fills_the_hole(capsys, monkeypatch):
    monkeypatch.delenv("AUTOGRAD_DATA", raising=False)
    assert main(["onehot", "--workers", "1"]) == 0
    said = capsys.readouterr().out
    assert re.search(r"LG +0   1     0     0     0\n", said)
    assert "No Korean text was found" in said and "철수는 ___를 구매했다" in said
    hole = said.split("\n4. ")[1].split("\n5. ")[0]
    guessed = re.findall(r"^  (\S+) +\d+%", hole, re.M)
    bought = set(guess.PLACES["구매"].split())
    assert set(guessed[:4]) <= bought
    assert {"구매", "읽었다", "를"} <= set(re.findall(r"^  (\S+) +\d+%", said.split("\n5. ")[1], re.M))
    bars = [line.split("#")[0] for line in said.splitlines() if line.endswith("#")]
    assert len({tables.width(before) for before in bars[:5]}) == 1  # all begin in one column
    assert {"야구", "축구"} <= set(re.search(r"^  영화 (.+)$", said, re.M)[1].split())


@pytest.mark.parametrize("command", ["", *"onehot tfidf train similar analogy evaluate plot convert".split()])
def test_help_fits_a_terminal_of_80_columns(command, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        main([*command.split(), "--help"])
    assert [line for line in capsys.readouterr().out.splitlines() if tables.width(line) > 80] == []


def test_the_row_that_the_product_takes_is_the_row_of_the_matrix():
    said = onehot.first_steps(3)
    row = re.findall(r"^  LG +(-?\d\.\d) +(-?\d\.\d) +(-?\d\.\d)$", said, re.M)[0]
    assert f"one-hot(LG) @ W = {', '.join(row)}" in said


def test_tfidf_gives_particles_small_weights(capsys, monkeypatch):
    monkeypatch.delenv("AUTOGRAD_DATA", raising=False)
    assert main(["tfidf"]) == 0
    said = capsys.readouterr().out
    idf = {w: float(x) for w, x in re.findall(r"^  (\S+) +\d +(\d\.\d\d)$", said, re.M)}
    assert {idf[w] for w in "은는이가"} == {min(idf.values())} and idf["도서"] > idf["는"]
    assert "no Korean text was found" in said and idf["철수"] == round(np.log(7 / 2) + 1, 2)
    assert len(tfidf.DOCUMENTS) == 6


def test_korean_texts_of_a_data_folder_are_found_and_read(tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("AUTOGRAD_DATA", raising=False)
    assert corpora.korean_text(None) is None and corpora.korean_text(tmp_path) is None
    for command in "onehot", "tfidf":
        assert main([command, "--data", str(tmp_path / "no")]) == 2
        output = capsys.readouterr()
        assert "no: no such folder" in output.err and not output.out
    reviews = tmp_path / "nsmc" / "ratings_train.txt.xz"
    reviews.parent.mkdir()
    rows = [f"{i}\t철수는 책을 구매했다. 영화는 {word}\t1" for i, word in enumerate(["지루", "최고"] * 30)]
    reviews.write_bytes(lzma.compress("\n".join(["id\tdocument\tlabel", *rows]).encode()))
    text = corpora.korean_text(tmp_path)
    assert next(iter(text.corpus)) == ["철수", "는", "책", "을", "구매", "영화", "는", "지루"]
    assert main(["onehot", "--data", str(tmp_path), "--workers", "1"]) == 0
    said = capsys.readouterr().out
    assert "NSMC, film reviews, 60 lines" in said and '"도서" less than 5 times' in said
    assert "철수 60 times, 는 120 times, 구매 60 times" in said and "Without 철수:" in said
    assert main(["tfidf", "--data", str(tmp_path)]) == 0
    assert "NSMC, film reviews: 60 lines as texts" in capsys.readouterr().out

    pages = tmp_path / "kowiki" / "pages.txt"
    pages.parent.mkdir()
    pages.write_text('<doc id="1" title="도서">\n도서를 구매하였다.\n</doc>\n', encoding="utf-8")
    text = corpora.korean_text(tmp_path)
    assert text.name == "Korean Wikipedia" and list(text.corpus) == [["도서", "를", "구매"]]


def test_columns_are_aligned_where_letters_are_wide():
    lines = tables.table([["도서", "1"], ["a", "10"]], ["word", "n"]).splitlines()
    assert [tables.width(line) for line in lines] == [10, 10, 10]
