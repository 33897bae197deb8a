"""Exports: the program prints the losses that were shown and trains as the playground does; files read
back."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from apps.playground import csv_points, export
from apps.playground.points import generate, own
from apps.playground.settings import FEATURES, OPTIMIZERS, Settings
from apps.playground.training import Trainer

ROOT = Path(__file__).resolve().parent.parent
LINE = re.compile(r"^(training|test) +loss (\S+)  (accuracy|R\^2) (\S+)$", re.MULTILINE)


def trainer(points=None, **settings):
    s = Settings.from_mapping({"networkShape": [3, 2], **settings})
    return Trainer(s, generate(s) if points is None else own(points, s))


def run(text: str, tmp_path: Path, *flags: str) -> str:
    """What the program prints, as a user runs it: elsewhere, in a process of its own."""
    program = tmp_path / "playground.py"
    program.write_text(text, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-W", "error", program, *flags], cwd=tmp_path, env=environment,
                          capture_output=True, text=True)  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def executed(text: str) -> dict:
    """The names of the program, run here and without its main part."""
    names: dict = {"__name__": "playground"}
    exec(compile(text, "playground.py", "exec"), names)
    return names


def same(printed: str, trainer: Trainer, rel: float = 1e-12) -> None:
    found = LINE.findall(printed)
    losses, metrics = trainer.loss(), trainer.metrics()
    assert [name for name, *_ in found] == ["training", "test"][: len(found)]
    for (_, loss, _, metric), expected, share in zip(found, losses, metrics, strict=False):
        assert float(loss) == pytest.approx(expected, rel=rel)
        assert float(metric) == pytest.approx(share, abs=1e-6)


NINE = [[x, y, (x > 0) + 2.0 * (y > 0)] for x in (-2.5, 0.25, 1.75) for y in (-1.5, 0.5, 3.0)]
PROGRAMS = {
    "squared": dict(dataset="spiral", sinX=True),
    "bce": dict(loss="bce", dataset="xor", activation="relu"),
    "three classes": dict(loss="cross_entropy", dataset="blobs3", activation="sigmoid"),
    "regression": dict(problem="regression", regDataset="reg-gauss", percTrainData=10),
    "own points": dict(points=NINE, loss="cross_entropy", dataset="own", percTrainData=70, batchSize=2),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_prints_what_was_shown_and_goes_on(name, tmp_path):
    shown = trainer(**PROGRAMS[name])
    shown.train_epochs(5)
    printed = run(export.python(shown), tmp_path, "--train", "2")
    before, after = printed.split("after 2 more epochs\n")
    same(before, shown)
    assert len(LINE.findall(after)) == 2
    shown.train_epochs(2)
    same(after, shown, rel=1e-9)


def continued(shown: Trainer, epochs: int) -> None:
    """The program and the trainer, from the same place: the same weights after so many epochs more."""
    names = executed(export.python(shown))
    names["train"](epochs)
    shown.train_epochs(epochs)
    weights = np.concatenate([p.data.ravel() for p in names["model"].parameters()])
    np.testing.assert_allclose(weights, shown.network.weights(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimiser_goes_on_as_the_trainer_does(optimizer):
    continued(trainer(optimizer=optimizer, learningRate=0.01, batchSize=15), 3)


@pytest.mark.parametrize("penalty", ["L1", "L2"])
@pytest.mark.parametrize("updates", [0, 5, 35, 36])  # at the start, in an epoch, at its end, after it
def test_penalties_and_what_an_epoch_carries_over_too(penalty, updates):
    shown = trainer(regularization=penalty, regularizationRate=0.1, batchSize=7, dataset="xor")
    shown.train(updates)
    if penalty == "L1" and updates > 30:
        assert any((alive.data == 0).any() for alive in shown.update.alive)  # some links are dead
    continued(shown, 4)


def test_every_feature_and_no_hidden_layer():
    shown = trainer(**dict.fromkeys(FEATURES, True), networkShape=[])
    continued(shown, 1)


def test_two_classes_by_softmax_and_a_linear_network():
    continued(trainer(loss="cross_entropy", activation="linear"), 2)


def test_one_point_and_none_to_test(tmp_path):
    shown = trainer(points=[[1.0, 2.0, 0.5]], problem="regression", regDataset="own")
    printed = run(export.python(shown), tmp_path)
    assert len(LINE.findall(printed)) == 1 and printed.rstrip().endswith("nan")
    assert float(LINE.findall(printed)[0][1]) == shown.loss()[0]


class Bare(ast.NodeTransformer):
    """A program without its heading, its numbers and its lists of them."""

    def visit_Module(self, node):
        return self.generic_visit(ast.Module(node.body[1:], []))

    def visit_Constant(self, node):
        return node if isinstance(node.value, str) else ast.Constant(0)

    def visit_UnaryOp(self, node):
        return self.visit(node.operand)

    def visit_List(self, node):
        return ast.List([])


def test_data_enter_a_program_as_numbers_only():
    programs = [
        trainer(dataset="xor", noise=35),
        trainer(points=[[1, 2, 1], [-1e6, 1e-9, -1], [0.1, 0, 1]], dataset="own", seed=7),
    ]
    circle, mine = [ast.unparse(Bare().visit(ast.parse(export.python(one)))) for one in programs]
    assert circle == mine
    assert "eval" not in circle and "exec" not in circle and "open" not in circle


def test_lines_of_a_program_can_be_read():
    shown = trainer(networkShape=[32] * 8, loss="cross_entropy", dataset="spiral3", regularization="L1")
    assert max(map(len, export.python(shown).splitlines())) <= 110


def test_json_has_settings_and_weights_exactly():
    shown = trainer(dataset="spiral", batchSize=7)
    shown.train_epochs(3)
    found = json.loads(export.json(shown))
    assert Settings.from_mapping(found["settings"]) == shown.settings
    weights = [np.ravel(part) for layer in found["layers"] for part in (layer["weight"], layer["bias"])]
    np.testing.assert_array_equal(np.concatenate(weights), shown.network.weights())
    assert (found["epoch"], found["updates"]) == (3, shown.updates)
    assert (found["train_loss"], found["test_loss"]) == shown.loss()
    assert "points" not in found
    assert (
        len(json.loads(export.json(trainer(points=NINE, loss="cross_entropy", dataset="own")))["points"]) == 2
    )


def test_csv_has_all_points_exactly():
    shown = trainer(dataset="moons", noise=10)
    rows = csv_points.read(export.csv(shown))
    np.testing.assert_array_equal(rows, np.concatenate([shown.points.train, shown.points.test]))


@pytest.mark.parametrize(
    "what, name", [("python", "playground.py"), ("json", "playground.json"), ("csv", "points.csv")]
)
def test_files_come_as_messages(what, name):
    message = export.file(what, trainer())
    assert (message["type"], message["name"]) == ("file", name)
    assert len(message["text"]) > 1000
