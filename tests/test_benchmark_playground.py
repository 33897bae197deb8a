"""The playground's benchmark: peers do the same work, wrong ones are refused, goals are judged."""

from __future__ import annotations

import copy
import shutil

import pytest

from benchmarks import __main__ as program
from benchmarks import sides
from benchmarks.playground import measure
from benchmarks.playground.measure import PEERS, Row, Side
from benchmarks.protocol import Summary, Wrong

needs_node = pytest.mark.skipif(
    not (shutil.which("node") or shutil.which("nodejs")), reason="no Node.js for the peers in JavaScript"
)


@needs_node
@pytest.mark.parametrize("name", measure.NETWORKS)
def test_all_sides_train_the_same_network_and_draw_the_same_fields(name):
    """Losses after each of five epochs, and pixels of every neuron, in the order of the layers."""
    task = measure.work(name)
    first = {}
    for side, command in measure.commands().items():
        with Side(command) as one:
            first[side] = one.ask("load", **{**task, "epochs": 2})
            answer = one.ask("train", seconds=0)
            assert len(answer["taken"]) == 1 and answer["loss"] == pytest.approx(first[side]["losses"][2])
            assert len(one.ask("fields", seconds=0)["taken"]) == 1
    measure.compare(name, first)
    for losses in (answer["losses"] for answer in first.values()):
        assert len(losses) == measure.CHECK + 1
        assert losses[-1] < losses[0]
    neurons = sum(len(layer["bias"]) for layer in task["layers"])
    assert all(
        len(answer["pixels"]) == neurons and len(answer["pixels"][0]) == 11 for answer in first.values()
    )
    wrong = copy.deepcopy(first)
    wrong["arrays"]["pixels"][3][4] += 1e-6
    with pytest.raises(Wrong, match="pixels"):
        measure.compare(name, wrong)


def test_a_side_that_computes_something_else_is_refused():
    right = {"losses": [0.5, 0.4], "pixels": [[0.1]]}
    measure.compare("net", {"arrays": right, "ours": right})
    for key, value in {"losses": [0.5, 0.41], "pixels": [[0.1], [0.2]]}.items():
        with pytest.raises(Wrong, match=key):
            measure.compare("net", {"arrays": {**right, key: value}, "ours": right})


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), 0.5, 0.6])
def test_a_training_whose_loss_does_not_fall_does_not_count(loss):
    measure.refuse_loss("net", "arrays", 0.5, {"loss": 0.4})
    with pytest.raises(Wrong, match="arrays went from 0.5"):
        measure.refuse_loss("net", "arrays", 0.5, {"loss": loss})


def test_the_ratio_is_to_the_faster_peer_round_by_round():
    times = {"original": [8, 9, 2], "arrays": [4, 6, 9], "ours": [1, 2, 1]}
    found = measure.row("net", "updates", times, complete=True)
    assert found.ratio == Summary(3, 2, 4)
    assert found.seconds["original"] == Summary(8, 2, 9)
    void = measure.row("net", "updates", {**times, "ours": [1]}, complete=False)
    assert "VOID" in void.line() and not measure.judged([void])


def test_goals_are_judged_by_the_medians():
    seconds = {side: Summary(10e-6, 9e-6, 11e-6) for side in PEERS}
    reached = Row("net", "updates", {**seconds, "ours": Summary(2e-6, 2e-6, 2e-6)}, Summary(5, 4, 6))
    missed = Row("net", "fields", {**seconds, "ours": Summary(4e-3, 2e-3, 5e-3)}, Summary(5, 4, 6))
    text = measure.judged([reached, missed])
    assert "500,000 updates a second, 100,000 in plain JavaScript: 5.0 times; reached (goal: 4)" in text
    assert "all fields in 4.00 ms; NOT reached" in text
    assert " 2.00 (2.00 - 2.00)" in reached.line() and "5.0 (4.0 - 6.0)" in reached.line()


def test_without_node_it_says_so(monkeypatch, capsys):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(sides.Refused, match=r"no Node\.js"):
        measure.node()
    assert program.main(["playground"]) == 2
    assert "no Node.js" in capsys.readouterr().err


@pytest.mark.parametrize("flags", [["--rounds", "0"], ["--seconds", "0"], ["--seconds", "nan"]])
def test_numbers_that_are_none_are_refused(flags, capsys):
    with pytest.raises(SystemExit):
        program.main(["playground", *flags])
    assert "want" in capsys.readouterr().err
