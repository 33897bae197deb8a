"""The benchmark of classified reviews: all sides train on the same file, the goal is judged."""

from __future__ import annotations

import lzma

import numpy as np
import pytest

from autograd import kernels
from benchmarks import __main__ as program
from benchmarks.processes import Failed
from benchmarks.results import Unusable
from benchmarks.words import choose, classify
from benchmarks.words.classify import Row
from benchmarks.words.reviews import Reviews, held_out, read, reviews_of

OURS = Row("ours", 1, 4.0, 6.0, 3 * 10**8, 0.870)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A data folder whose reviews say what they think; the training file is packed."""
    home = tmp_path_factory.mktemp("data")
    draw = np.random.default_rng(0)
    lines = []
    for i in range(600):
        good = int(draw.integers(2))
        fillers = " ".join(draw.choice(["영화", "배우", "그냥", "오늘"], 3))
        lines.append(f"{i}\t{fillers} {['별로다', '최고다'][good]}\t{good}\n")
    lines[7] = "7\t\t0\n"  # some reviews are empty
    (home / "nsmc").mkdir()
    head = "id\tdocument\tlabel\n"
    (home / "nsmc" / "ratings_train.txt.xz").write_bytes(
        lzma.compress((head + "".join(lines[:400])).encode())
    )
    (home / "nsmc" / "ratings_test.txt").write_text(head + "".join(lines[400:]), encoding="utf-8")
    return home


def test_reviews_are_read_and_a_tenth_is_held_out(data, tmp_path):
    folder = reviews_of(data)
    train, test = read(folder, "train"), read(folder, "test")
    assert (len(train.texts), len(test.texts)) == (400, 200) and train.texts[7] == ""
    assert set(train.labels) == {"0", "1"} and train.texts[0].split()[-1] in ("별로다", "최고다")
    rest, tenth = held_out(train)
    assert (len(rest.texts), len(tenth.texts)) == (360, 40) == (len(rest.labels), len(tenth.labels))
    assert sorted(rest.texts + tenth.texts) == sorted(train.texts)
    assert held_out(train) == (rest, tenth)
    (tmp_path / "nsmc").mkdir()
    with pytest.raises(Unusable, match="no nsmc/ratings_train.txt"):
        reviews_of(tmp_path)
    for wrong in ("1\ta text\n", "1\ta text\t2\n", "1\ta\ttext\t0\n"):
        (tmp_path / "nsmc" / "ratings_test.txt").write_text("id\tdocument\tlabel\n" + wrong)
        with pytest.raises(Unusable, match="line 2 is not an id, a text and 0 or 1"):
            read(tmp_path / "nsmc", "test")


@pytest.mark.skipif(not kernels.active, reason="our side is measured with kernels")
@pytest.mark.parametrize("side", classify.SIDES)
def test_every_side_classifies_in_a_process_of_its_own(data, side):
    pytest.importorskip(classify.MODULES[side][0])
    row = classify.trained(reviews_of(data), side, 1, threads=1)
    assert row.side == side and row.accuracy > 0.98
    assert row.seconds > 0 and row.processors > 0 and row.peak > 10**7
    assert "accuracy" in classify.line(row)


def test_the_command_trains_who_is_there_and_judges(data, monkeypatch, capsys):
    asked = []

    def train(folder, side, seed, threads):
        asked.append((side, seed))
        return OURS._replace(side=side, seed=seed)

    monkeypatch.setattr(classify, "trained", train)
    monkeypatch.setattr(
        classify, "MODULES", dict.fromkeys(classify.SIDES, ["json"]) | {"facebook": ["nowhere"]}
    )
    assert program.main(["words", "--classify", "--seeds", "2", "--data", str(data)]) == 0
    assert asked == [("ours", 1), ("sklearn", 1), ("ours", 2)]
    assert "want 0.865: reached" in capsys.readouterr().out
    assert program.main(["words", "--classify", "--data", str(data / "nsmc")]) == 2


def test_a_training_that_dies_says_how(tmp_path):
    if not kernels.active:
        pytest.skip("our side is measured with kernels")
    with pytest.raises(Failed, match=r"(?s)ours: exit code 1.*no nsmc/ratings_train.txt"):
        classify.trained(tmp_path, "ours", 1, 1)


def test_the_goal_is_judged_by_the_mean_of_the_seeds():
    peer = Row("sklearn", 1, 80.0, 90.0, 10**9, 0.872)
    text = classify.report([OURS, OURS._replace(seed=2, accuracy=0.862), peer])
    assert text.splitlines() == [
        "accuracy 0.8660 (0.8620 - 0.8700, seeds: 2); want 0.865: reached",
        "sklearn has 0.8720 and takes 20.00 times our seconds, 15.00 times our processors' seconds",
    ]
    assert classify.report([OURS._replace(accuracy=0.8649)]) == "accuracy 0.8649; want 0.865: MISSED"


def test_candidates_are_judged_by_what_is_held_out(data):
    found = dict(choose.candidates())  # the last of each tokenizer
    assert set(found) == set(choose.TOKENIZERS)
    train, judge = held_out(read(reviews_of(data), "train"))
    accuracy, seconds = choose.tried(train, judge, "particles", {"bucket": 1000, "word_ngrams": 2})
    assert accuracy > 0.9 and seconds > 0
    assert choose.tried(train, Reviews(judge.texts, ["?"] * 40), "words", {})[0] == 0
