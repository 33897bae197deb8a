"""The playground's settings: what is taken, what is refused and how it says so, what a change asks for."""

from __future__ import annotations

import json
import math
from dataclasses import FrozenInstanceError, fields, replace
from typing import Any

import pytest

from apps.playground.errors import SENTENCES, Refused
from apps.playground.settings import KEYS, RULES, Settings, effect

DEFAULTS = {
    "learningRate": 0.03,
    "regularizationRate": 0.0,
    "activation": "tanh",
    "regularization": "none",
    "problem": "classification",
    "dataset": "circle",
    "regDataset": "reg-plane",
    "percTrainData": 50,
    "noise": 0,
    "batchSize": 10,
    "networkShape": [4, 2],
    "x": True,
    "y": True,
    "xSquared": False,
    "ySquared": False,
    "xTimesY": False,
    "sinX": False,
    "sinY": False,
    "seed": 1,
    "weightSeed": 1,
    "initZero": False,
    "optimizer": "sgd",
    "loss": "squared",
}


def refused(mapping: dict[str, Any], base: Settings | None = None) -> Refused:
    with pytest.raises(Refused) as found:
        Settings.from_mapping(mapping, base)
    json.dumps(found.value.details, allow_nan=False)  # the page can be told
    return found.value


def test_defaults_by_their_keys() -> None:
    assert Settings().to_mapping() == DEFAULTS
    assert json.loads(json.dumps(DEFAULTS)) == Settings().to_mapping()
    assert Settings.from_mapping({}) == Settings.from_mapping(DEFAULTS) == Settings()
    assert KEYS["percTrainData"] == "perc_train_data" and KEYS["xTimesY"] == "x_times_y"
    assert [field.name for field in fields(Settings)] == list(KEYS.values())


TAKEN: list[tuple[str, Any, Any]] = [
    ("learningRate", 100, 100.0),
    ("learningRate", 1e-5, 1e-5),
    ("regularizationRate", 0, 0.0),
    ("percTrainData", 10, 10),
    ("percTrainData", 90.0, 90),
    ("noise", 50, 50),
    ("batchSize", 5000, 5000),
    ("networkShape", [], ()),
    ("networkShape", [32] * 8, (32,) * 8),
    ("networkShape", [5.0], (5,)),
    ("seed", 2**32 - 1, 2**32 - 1),
    ("seed", 0, 0),
    ("seed", 0.12345, 12345),
    ("seed", 0.00001, 1),
    ("seed", 0.999999, 100000),
    ("weightSeed", 0, 0),
    ("activation", "relu", "relu"),
    ("initZero", True, True),
    ("sinY", True, True),
    ("optimizer", "nesterov", "nesterov"),
    ("dataset", "own", "own"),
]


@pytest.mark.parametrize(("key", "given", "kept"), TAKEN)
def test_taken(key: str, given: Any, kept: Any) -> None:
    settings = Settings.from_mapping({key: given})
    value = getattr(settings, KEYS[key])
    assert value == kept and type(value) is type(kept)
    assert Settings.from_mapping(settings.to_mapping()) == settings
    assert settings == replace(Settings(), **{KEYS[key]: kept})


NO_NUMBERS: list[Any] = ["1", None, True, [], {}, math.nan, math.inf, -math.inf, 10**400, 1e300]
NUMBERS = ("learningRate", "regularizationRate", "percTrainData", "noise", "batchSize", "seed", "weightSeed")
OUT_OF_RANGE: list[tuple[str, Any]] = [
    ("learningRate", 0),
    ("learningRate", -0.1),
    ("learningRate", 100.1),
    ("regularizationRate", -1e-9),
    ("regularizationRate", 101),
    ("percTrainData", 9),
    ("percTrainData", 91),
    ("percTrainData", 50.5),
    ("noise", -1),
    ("noise", 51),
    ("batchSize", 0),
    ("batchSize", 5001),
    ("batchSize", 2.5),
    ("networkShape", [0]),
    ("networkShape", [33]),
    ("networkShape", [1] * 9),
    ("networkShape", [2.5]),
    ("networkShape", [True]),
    ("networkShape", ["4"]),
    ("networkShape", [[4]]),
    ("networkShape", "4,2"),
    ("networkShape", 4),
    ("networkShape", [math.nan]),
    ("seed", -1),
    ("seed", 2**32),
    ("seed", 1.5),
    ("weightSeed", 0.5),
    ("activation", "TANH"),
    ("activation", ["tanh"]),
    ("activation", 1),
    ("regularization", "l1"),
    ("problem", ""),
    ("dataset", "reg-plane"),
    ("regDataset", "circle"),
    ("optimizer", "lion"),
    ("loss", "mse"),
    ("x", 1),
    ("x", "true"),
    ("initZero", None),
]


@pytest.mark.parametrize(
    ("key", "value"), OUT_OF_RANGE + [(key, value) for key in NUMBERS for value in NO_NUMBERS]
)
def test_refused(key: str, value: Any) -> None:
    error = refused({key: value})
    assert error.code == "setting_value"
    assert error.details["key"] == key
    assert error.details["allowed"] == RULES[key].allowed
    assert isinstance(error.details["value"], int | str) and len(str(error.details["value"])) <= 100
    assert str(error).startswith(f"{key} can't be ")


def test_unknown_names() -> None:
    assert refused({"learning_rate": 0.1}).details == {"key": "learning_rate"}
    assert refused({"__class__": 1}).code == "setting_unknown"
    assert refused({"x" * 1000: 1}).details["key"] == "x" * 99 + "…"


def test_one_feature_at_least() -> None:
    assert refused({"x": False, "y": False}).code == "features_none"
    assert Settings.from_mapping({"x": False, "y": False, "sinX": True, "xSquared": True}).features == (
        "xSquared",
        "sinX",
    )


@pytest.mark.parametrize(
    ("given", "needs"),
    [
        ({"dataset": "blobs3"}, "cross_entropy"),
        ({"dataset": "spiral3", "loss": "bce"}, "cross_entropy"),
        ({"problem": "regression", "loss": "bce"}, "squared"),
        ({"problem": "regression", "loss": "cross_entropy"}, "squared"),
        ({"problem": "regression", "dataset": "spiral3", "loss": "cross_entropy"}, "squared"),
    ],
)
def test_losses_that_can_not_learn_the_data(given: dict[str, Any], needs: str) -> None:
    error = refused(given)
    assert error.code == "loss_needs"
    assert error.details["needs"] == needs
    assert Settings.from_mapping({**given, "loss": needs}).loss == needs


def test_losses_that_can() -> None:
    for loss in ("squared", "bce", "cross_entropy"):
        for dataset in ("circle", "moons", "own"):
            assert Settings.from_mapping({"dataset": dataset, "loss": loss}).loss == loss
    other = Settings.from_mapping({"problem": "regression", "dataset": "spiral3"})  # which is not in force
    assert other.data == "reg-plane"


def test_a_part_changes_nothing_else() -> None:
    base = Settings.from_mapping({"noise": 20, "loss": "bce"})
    changed = Settings.from_mapping({"batchSize": 3}, base)
    assert changed == replace(base, batch_size=3)
    assert refused({"batchSize": 4, "noise": 99}, base).details["key"] == "noise"
    assert base.batch_size == 10
    with pytest.raises(FrozenInstanceError):
        base.noise = 0  # type: ignore[misc]


def test_compatible() -> None:
    assert Settings().compatible and Settings.from_mapping({"regularization": "L1"}).compatible
    assert not Settings.from_mapping({"optimizer": "momentum"}).compatible
    assert not Settings.from_mapping({"loss": "bce"}).compatible


EFFECTS: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({}, {}, "none"),
    ({}, {"learningRate": 1}, "live"),
    ({}, {"regularizationRate": 1}, "live"),
    ({}, {"regularization": "L2"}, "live"),
    ({"regularization": "L2"}, {"regularization": "none"}, "live"),
    ({}, {"regularization": "L1"}, "reset"),
    ({"regularization": "L1"}, {"regularization": "L2"}, "reset"),
    ({"regularization": "L1"}, {"regularizationRate": 1}, "live"),
    *[
        ({}, change, "reset")
        for change in (
            {"activation": "relu"}, {"batchSize": 5}, {"networkShape": [3]}, {"sinX": True},
            {"weightSeed": 2}, {"initZero": True}, {"optimizer": "adam"}, {"loss": "bce"},
        )
    ],
    *[
        ({}, change, "data")
        for change in (
            {"problem": "regression"}, {"dataset": "xor"}, {"percTrainData": 60}, {"noise": 5}, {"seed": 2},
        )
    ],
    ({}, {"seed": 2, "learningRate": 1, "batchSize": 3}, "data"),
    ({}, {"regDataset": "reg-gauss"}, "live"),  # it is not in force
    ({"problem": "regression"}, {"regDataset": "reg-gauss"}, "data"),
    ({"problem": "regression"}, {"dataset": "xor"}, "live"),
]  # fmt: skip


@pytest.mark.parametrize(("base", "change", "want"), EFFECTS)
def test_what_a_change_asks_for(base: dict[str, Any], change: dict[str, Any], want: str) -> None:
    before = Settings.from_mapping(base)
    assert effect(before, Settings.from_mapping(change, before)) == want


def test_refusals_name_their_code_and_details() -> None:
    error = Refused("points_many", count=5001, most=5000)
    assert (error.code, error.details) == ("points_many", {"count": 5001, "most": 5000})
    assert str(error) == "These are 5001 points; 5000 is the most."
    with pytest.raises(KeyError):
        Refused("points_many", count=1)
    with pytest.raises(KeyError):
        Refused("no_such_code")
    assert all(sentence.endswith((".", "}")) for sentence in SENTENCES.values())
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    assert Refused("setting_unknown", key=deep).details == {"key": "list"}
