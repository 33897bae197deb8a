"""The benchmark of word vectors: both sides train the same lines, runs go on, goals are judged."""

from __future__ import annotations

import json
import lzma
import os
import shutil
import sys
from dataclasses import replace

import numpy as np
import pytest

from autograd import kernels
from benchmarks import __main__ as program
from benchmarks.processes import Failed
from benchmarks.results import Unusable
from benchmarks.words import korean, measure, table
from benchmarks.words.measure import Plan, Row
from benchmarks.words.text import first_words, rare_words, scores, text_of
from benchmarks.words.train import SIDES, Task, peak, sides_of
from nn.text.vectors import WordVectors

KINDS = [f"w{i}" for i in range(200)]
ROW = Row(
    "cbow", "ours", 1, 1000, 50, 0.1, 2.0, 3.0, 10**8, "kernelgrad", scores={"WS353": 0.5, "total": 30.0}
)
PEER = replace(ROW, side="gensim", training=5.0, processors=6.0, peak=4 * 10**8, library="gensim")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A data folder: 20,000 words on one line, and files of judgements that are about some of them."""
    home = tmp_path_factory.mktemp("data")
    draw = np.random.default_rng(0)
    words = draw.choice(KINDS, 20_000, p=(share := 1 / np.arange(1, 201)) / share.sum())
    (home / "enwiki").mkdir()
    (home / "enwiki" / "text.txt.xz").write_bytes(lzma.compress(" ".join(words).encode()))
    (home / "wordeval").mkdir()
    pairs = "".join(f"w{i}\tw{i + 1}\t{i % 7}\n" for i in range(20))
    (home / "wordeval" / "EN-WS-353-ALL.txt").write_text(pairs)
    rare = "w1 w2 1\nw1 w3 2\nw2 w3 3\nw1 w1x 4\nw2 w2x 3\nw3 w4y 2\n"  # three with words that the text lacks
    (home / "wordeval" / "EN-RW-STANFORD.txt").write_text(rare)
    questions = ": capitals\nw1 w2 w3 w4\n: gram1\nw5 w6 w7 w8\nw5 w6 w7 nowhere\n"
    (home / "wordeval" / "questions-words.txt").write_text(questions)
    return home


def test_the_first_words_of_a_text_stand_in_lines_of_a_thousand(data, tmp_path):
    file, count = first_words(text_of(data), 4_500, tmp_path)
    lines = [line.split() for line in file.read_text().splitlines()]
    with lzma.open(text_of(data), "rt") as text:
        whole = text.read().split()
    assert [len(line) for line in lines] == [1000] * 4 + [500] and count == 4_500
    assert [word for line in lines for word in line] == whole[:4_500]
    assert first_words(text_of(data), None, tmp_path)[1] == 20_000
    with pytest.raises(Unusable, match="20,000 words, fewer than 20,001"):
        first_words(text_of(data), 20_001, tmp_path)
    assert not list(tmp_path.glob("*-20001.txt"))
    other = tmp_path / "text.txt"  # another text of that name
    other.write_text("a b c d")
    assert first_words(other, None, tmp_path)[1] == 4
    with pytest.raises(Unusable, match="is no file"):
        first_words(tmp_path / "missing.txt", 2, tmp_path)
    with pytest.raises(Unusable, match="--text FILE"):
        text_of(tmp_path)


@pytest.mark.skipif(not kernels.active, reason="our side is measured with kernels")
@pytest.mark.parametrize("model", ["skipgram", "fasttext", "glove"])
def test_all_sides_train_the_same_words(data, tmp_path, model):
    """In processes of their own; the words read are counted alike, and so is the vocabulary."""
    pytest.importorskip("gensim")
    text, count = first_words(text_of(data), 20_000, tmp_path)
    plan = Plan("text", count, epochs=2, threads=1, dim=8, bucket=100)
    rows = [measure.trained(plan, text, data / "wordeval", model, side, 1) for side in sides_of(model)]
    rare = ["RW", "RW zero", *["RW unseen"] * (model == "fasttext")]
    for row in rows:
        assert row.words == (20_000 if model == "glove" else 40_000) and (row.cells > 0) == (model == "glove")
        assert row.vocabulary == len(KINDS)
        assert row.peak > 10**7
        if row.side != "facebook":  # a difference of two runs, which may be below 0 on short texts
            assert row.training > 0 and row.processors > 0
        assert list(row.scores) == ["WS353", *rare, "semantic", "syntactic", "total"]
        assert -1 <= row.scores["WS353"] <= 1 and 0 <= row.scores["total"] <= 100
        assert model != "fasttext" or row.scores["RW unseen"] != row.scores["RW zero"]
    assert [row.library.split()[0] for row in rows][:2] == ["kernelgrad", "gensim"][: len(rows)]


WORD2VEC = """#!{python}
import struct, sys
from collections import Counter
asked = dict(zip(sys.argv[1::2], sys.argv[2::2]))
if "-save-vocab" in asked:
    counts = Counter(open(asked["-train"]).read().split())
    open(asked["-save-vocab"], "w").write("".join(f"{{w}} {{n}}\\n" for w, n in counts.most_common()))
else:
    words = ["</s>"] + [line.split()[0] for line in open(asked["-read-vocab"])]
    row = struct.pack("3f", int(asked["-size"]), int(asked["-cbow"]), int(asked["-iter"]))
    with open(asked["-output"], "wb") as out:
        out.write(f"{{len(words)}} 3\\n".encode())
        for word in words:
            out.write(word.encode() + b" " + row + b"\\n")
"""


@pytest.mark.skipif(os.name != "posix", reason="the stand-in is a script")
def test_the_original_program_is_asked_where_the_path_has_it(data, tmp_path, monkeypatch):
    assert ("word2vec.c" in sides_of("cbow")) == (shutil.which("word2vec") is not None)
    script = tmp_path / "word2vec"
    script.write_text(WORD2VEC.format(python=sys.executable))
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert sides_of("cbow") == ["ours", "gensim", "word2vec.c"] and "word2vec.c" not in sides_of("fasttext")
    text, _ = first_words(text_of(data), 20_000, tmp_path)
    found = SIDES["word2vec.c"](Task("word2vec.c", "cbow", 1, str(text), "", epochs=7, dim=9))
    assert sorted(found.words) == sorted(KINDS) and found.training > 0 and peak(program=True) > 10**6
    assert (found.matrix == [9, 1, 7]).all()  # size, CBOW, passes


def test_a_training_that_dies_says_how(tmp_path):
    if not kernels.active:
        pytest.skip("our side is measured with kernels")
    with pytest.raises(Failed, match=r"(?s)ours, cbow: exit code 1.*missing\.txt"):
        measure.trained(Plan("text", 1, threads=1), tmp_path / "missing.txt", None, "cbow", "ours", 1)


def test_vectors_are_judged_by_the_files_that_are_there(data):
    vectors = WordVectors(KINDS, np.random.default_rng(1).standard_normal((200, 8)).astype(np.float32))
    found = scores(vectors, data / "wordeval")
    assert found["WS353"] == vectors.evaluate_pairs(data / "wordeval" / "EN-WS-353-ALL.txt").spearman
    assert (
        found["total"]
        == 100 * vectors.evaluate_analogies(data / "wordeval" / "questions-words.txt").total.accuracy
    )
    assert scores(vectors, None) == {}


def test_rare_words_are_asked_without_and_with_vectors_of_unseen_ones(data):
    vectors = WordVectors(KINDS[1:4], np.eye(3, dtype=np.float32))
    assert rare_words(data / "wordeval") == ["w1", "w1x", "w2", "w2x", "w3", "w4y"]
    unseen = WordVectors(["w1x", "w2x"], np.array([[1, 0, 0], [0, 1, 1]], np.float32))
    found = scores(vectors, data / "wordeval", unseen)
    assert np.isnan(found["RW"]) and np.isnan(found["RW zero"])  # all cosines are 0
    ranks = [2.5, 2.5, 2.5, 6, 5, 2.5], [1, 2.5, 4.5, 6, 4.5, 2.5]  # of cosines 0 0 0 1 .7 0, and of `gold`
    assert found["RW unseen"] == pytest.approx(np.corrcoef(*ranks)[0, 1])
    assert "RW unseen" not in scores(vectors, data / "wordeval")


def test_an_interrupted_run_goes_on_and_sides_take_turns(data, tmp_path, monkeypatch):
    asked = []

    def train(plan, text, judgements, model, side, seed):
        if len(asked) == 3:
            raise KeyboardInterrupt
        asked.append((model, side, seed))
        return replace(ROW, model=model, side=side, seed=seed)

    monkeypatch.setattr(measure, "trained", train)
    monkeypatch.setattr(measure, "FOLDER", tmp_path)
    command = ["words", "--words", "2000", "--seeds", "2", "--model", "skipgram", "--data", str(data)]
    command += ["--json", str(tmp_path / "rows.json")]
    assert program.main(command) == 130
    first, asked[:] = list(asked), []
    assert program.main(command) == 0
    sides = [("ours", 1), ("gensim", 1), ("gensim", 2), ("ours", 2)]
    assert first + asked == [("skipgram", side, seed) for side, seed in sides]
    assert program.main(command) == 0 and len(asked) == 1  # all was there

    assert program.main([*command, "--epochs", "2"]) == 2  # rows of other settings are not taken
    assert len(json.loads((tmp_path / "rows.json").read_text())["rows"]) == 4
    (tmp_path / "rows.json").write_text("{}")
    assert program.main(command) == 2
    asked.clear()
    assert program.main([*command, "--fresh", "--seeds", "1"]) == 0 and len(asked) == 2
    assert (tmp_path / "rows.json.before").read_text() == "{}"


def test_goals_are_judged_over_the_seeds():
    """Speeds by the median of pairs, scores by the mean: the second seed alone would miss."""
    second = [replace(row, seed=2) for row in (ROW, PEER)]
    second[0] = replace(second[0], scores={"WS353": 0.45, "total": 26.0})
    text = table.report([ROW, PEER, *second])
    assert "cbow: 2.50 times gensim's words/s (2.50 - 2.50, seeds: 2); want 2: reached" in text
    assert "2.00 times by processor time, 2.43 with the counting before; 0.25 of its peak memory" in text
    assert "WS353      0.475 (0.450 - 0.500) beside  0.500 (0.500 - 0.500): MISSED" in text
    assert "total       28.0 (26.0 - 30.0) beside   30.0 (30.0 - 30.0): MISSED" in text
    assert "commits" not in text and "commits: a, b+" in table.report(
        [replace(ROW, commit="a"), replace(PEER, commit="b+")]
    )
    close = replace(ROW, training=3.0, scores={"WS353": 0.481, "total": 28.6})
    text = table.report([close, PEER])
    assert "1.67 times" in text and text.count("MISSED") == 1 and text.count("reached") == 2
    assert table.report([ROW]) == ""  # alone
    glove = replace(ROW, model="glove", cells=3e6)
    assert "glove: 500 words/s, 3.00 M cells/s, 100 MB (seeds: 1)\n  WS353      0.500" in table.report(
        [glove]
    )
    gained = [
        replace(row, scores={"RW zero": 0.2, "RW unseen": 0.2 + gain})
        for row, gain in ((ROW, 0.1), (PEER, 0.05))
    ]
    assert "change RW by +0.100 beside +0.050; want more than 0: reached" in table.report(gained)
    assert "WS353" not in table.report([ROW, replace(PEER, scores={})])
    assert "500 words/s on 1.50 cores" in table.line(ROW)


def test_korean_words_are_scored_without_and_with_subwords(tmp_path, capsys):
    """Half of the pairs have a word that the text has not, but that shares letters with some of it."""
    (tmp_path / "kowiki").mkdir()
    (tmp_path / "wordeval-ko").mkdir()
    page = '<doc id="5" title="책">\n' + "책은 도서이다. 도시에 학교가 책과 있다.\n" * 30 + "</doc>\n"
    (tmp_path / "kowiki" / "pages.txt").write_text(page, encoding="utf-8")
    pairs = "책,도서이다,8\n책,도시,3\n도시,학교,5\n도시들,학교,4\n도서가,책,7\n학교는,도시,6\n"
    (tmp_path / "wordeval-ko" / "WS353_korean.csv").write_text(
        "word 1,word 2,kor_score\n" + pairs, "utf-8-sig"
    )
    flags = ["--data", str(tmp_path), "--epochs", "1", "--dim", "4", "--bucket", "50", "--threads", "1"]
    assert korean.main([*flags, "--seeds", "2"]) == 0
    head, names, *rows = capsys.readouterr().out.splitlines()
    assert head.startswith("300 words of Korean Wikipedia") and "in reach" in names
    cells = {" ".join(row.split()[:2]): row.split()[2:] for row in rows}
    assert list(cells)[:3] == ["none 1", "syllables 1", "jamo 1"] and list(cells)[-1] == "jamo mean"
    assert [cells[f"{way} 1"][1] for way in korean.WAYS] == ["50.0%"] * 3
    assert [cells[f"{way} 2"][4] for way in korean.WAYS] == ["50.0%", "100.0%", "100.0%"]
    same = {
        way: all(cells[f"{way} {seed}"][2] == cells[f"{way} {seed}"][3] for seed in (1, 2))
        for way in korean.WAYS
    }
    assert same == {"none": True, "syllables": False, "jamo": False}
    assert korean.whole("(책은, 책.) ·") == ["책은", "책"] and korean.whole("<doc id=5>") == []
    assert korean.main(["--data", str(tmp_path / "nowhere")]) == 2
    assert "kowiki/*.txt" in capsys.readouterr().err
