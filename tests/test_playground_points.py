"""The playground's points: what each data set is, how a seed decides, people's own, and CSV in and out."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.playground import csv_points
from apps.playground.errors import Refused
from apps.playground.points import Points, generate, own
from apps.playground.settings import CLASSES, Settings

Array = np.ndarray[Any, Any]
REGRESSIONS = ("reg-plane", "reg-gauss")
NAMES = (*CLASSES, *REGRESSIONS)


def settings_of(name: str, **others: Any) -> Settings:
    if name in REGRESSIONS:
        return Settings.from_mapping({"problem": "regression", "regDataset": name, **others})
    loss = "squared" if CLASSES[name] == 2 else "cross_entropy"
    return Settings.from_mapping({"dataset": name, "loss": loss, **others})


def all_of(name: str, **others: Any) -> Array:
    points = generate(settings_of(name, **others))
    return np.concatenate([points.train, points.test])


# What each data set is -----------------------------------------------------------------------------


def circle(x: float, y: float, label: float) -> bool:
    radius = math.hypot(x, y)
    return radius < 2.5 if label == 1 else 3.5 <= radius <= 5


def spiral(x: float, y: float, label: float) -> bool:
    """i tells the radius; is the point where its arm then is?"""
    radius = math.hypot(x, y)
    turn = 1.75 * radius / 5 * 2 * math.pi + (0 if label == 1 else math.pi)
    return math.hypot(x - radius * math.sin(turn), y - radius * math.cos(turn)) < 1e-4


def reg_gauss(x: float, y: float, label: float) -> bool:
    bumps = {(-4, 2.5): 1, (0, 2.5): -1, (4, 2.5): 1, (-4, -2.5): -1, (0, -2.5): 1, (4, -2.5): -1}
    found = [sign * max(0, 1 - math.hypot(x - a, y - b) / 2) for (a, b), sign in bumps.items()]
    return math.isclose(label, max(found, key=abs), abs_tol=2e-6)


IS: dict[str, Callable[[float, float, float], bool]] = {
    "circle": circle,
    "xor": lambda x, y, label: (x * y >= 0) == (label == 1) and min(abs(x), abs(y)) >= 0.3,
    "gauss": lambda x, y, label: math.hypot(x - 2 * label, y - 2 * label) < 4,
    "spiral": spiral,
    "moons": lambda x, y, label: (
        abs(math.hypot(x + 1.5 * label, y + 0.75 * label) - 3) < 0.31 and label * y >= -0.751
    ),
    "rings": lambda x, y, label: (
        abs(math.hypot(x, y) - 3) < 0.41 if label == -1 else math.hypot(x, y) % 4 < 1.41
    ),
    "blobs3": lambda x, y, label: (
        math.hypot(x - 3 * math.sin(label * 2.0944), y - 3 * math.cos(label * 2.0944)) < 4
    ),
    "spiral3": lambda x, y, label: math.hypot(x, y) < 5.01,
    "reg-plane": lambda x, y, label: math.isclose(label, (x + y) / 10, abs_tol=1e-6),
    "reg-gauss": reg_gauss,
}


@pytest.mark.parametrize("name", NAMES)
def test_without_noise(name: str) -> None:
    rows = all_of(name)
    assert rows.shape == ((1200 if name in REGRESSIONS else 500), 3) and rows.dtype == np.float64
    for x, y, label in rows.tolist():
        assert IS[name](x, y, label), (x, y, label)
        assert max(abs(x), abs(y)) <= 6
    if name not in REGRESSIONS:
        labels, counts = np.unique(rows[:, 2], return_counts=True)
        assert labels.tolist() == ([-1, 1] if CLASSES[name] == 2 else [0, 1, 2])
        assert counts.min() >= 160 and (name == "xor" or counts.max() - counts.min() <= 1)


def test_the_mean_and_spread_of_gauss() -> None:
    for noise, variance in ((0, 0.5), (25, 2.25), (50, 4.0)):
        rows = all_of("gauss", noise=noise)
        around = rows[:, :2] - 2 * rows[:, 2:]
        assert abs(around.mean()) < 4 * math.sqrt(variance / 1000)
        assert abs(around.var() / variance - 1) < 0.2


@pytest.mark.parametrize("name", NAMES)
def test_noise_is_live_and_the_rest_stays(name: str) -> None:
    still, noisy = all_of(name), all_of(name, noise=50)
    assert (still != noisy).any()
    if name in ("circle", "xor", *REGRESSIONS):  # noise is in the labels alone
        assert (still[:, :2] == noisy[:, :2]).all()
        assert (still[:, 2] != noisy[:, 2]).any()
    else:
        assert (still[:, 2] == noisy[:, 2]).all()
    if name in ("moons", "rings", "blobs3", "spiral3"):
        assert np.abs(noisy[:, :2]).max() <= 6
    if name == "spiral":
        assert 0.4 < np.abs(still - noisy).max() <= 0.5


# What a seed decides -------------------------------------------------------------------------------

FIRST = {  # on every machine
    "circle": [-0.845298, -0.809099, 1.0],
    "xor": [1.798188, -1.549897, -1.0],
    "gauss": [1.535717, 2.464223, 1.0],
    "spiral": [-1.854369, -0.694058, 1.0],
    "moons": [-1.808379, 2.311598, 1.0],
    "rings": [-0.703938, -0.673794, 1.0],
    "blobs3": [-0.464283, 3.464223, 0.0],
    "spiral3": [1.165499, 0.394953, 0.0],
    "reg-plane": [-1.952722, 2.415023, 0.04623],
    "reg-gauss": [-1.952722, 2.415023, -0.022715],
}


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_decides(name: str) -> None:
    first, same, other = all_of(name), all_of(name), all_of(name, seed=2)
    assert (first == same).all() and (first != other).any()
    assert first[0].tolist() == FIRST[name]
    assert (first == np.round(first, 6)).all()
    assert not np.signbit(first[first == 0]).any()


@pytest.mark.parametrize("percent", [10, 30, 50, 90])
def test_the_order_is_drawn_once_and_cut(percent: int) -> None:
    half, cut = generate(Settings()), generate(settings_of("circle", percTrainData=percent))
    rows = np.concatenate([half.train, half.test])
    assert len(cut.train) == 5 * percent and len(cut.test) == 500 - 5 * percent
    assert (np.concatenate([cut.train, cut.test]) == rows).all()
    assert (np.diff(rows[:, 2]) != 0).sum() > 20  # shuffled, not class by class
    assert cut.train.flags.c_contiguous and cut.test.flags.c_contiguous


# People's own points -------------------------------------------------------------------------------

OWN = Settings.from_mapping({"dataset": "own"})
MANY = Settings.from_mapping({"dataset": "own", "loss": "cross_entropy"})
REAL = Settings.from_mapping({"problem": "regression", "regDataset": "own"})


def labelled(labels: list[float], settings: Settings) -> Points:
    return own([[i, -i, label] for i, label in enumerate(labels)], settings)


def labels_of(points: Points) -> list[float]:
    rows = np.concatenate([points.train, points.test])
    return rows[rows[:, 0].argsort(), 2].tolist()


@pytest.mark.parametrize(
    ("labels", "settings", "want", "classes"),
    [
        ([-1, 1, 1], OWN, [-1, 1, 1], 2),
        ([0, 1, 0], OWN, [-1, 1, -1], 2),
        ([1, 1], OWN, [1, 1], 2),
        ([0], OWN, [-1], 2),
        ([0, 1, 0], MANY, [-1, 1, -1], 2),
        ([0, 1, 2], MANY, [0, 1, 2], 3),
        ([4, 0], MANY, [4, 0], 5),
        ([0.5, -3, 1e6], REAL, [0.5, -3, 1e6], 0),
    ],
)
def test_labels(labels: list[float], settings: Settings, want: list[float], classes: int) -> None:
    points = labelled(labels, settings)
    assert labels_of(points) == want and points.classes == classes


@pytest.mark.parametrize(
    ("rows", "settings", "code"),
    [
        ([], OWN, "points_none"),
        ([[0, 0, 1]] * 5001, OWN, "points_many"),
        ("abc", OWN, "points_shape"),
        (None, OWN, "points_shape"),
        ([[0, 0]], OWN, "points_shape"),
        ([[0, 0, 1, 1]], OWN, "points_shape"),
        (["abc"], OWN, "points_shape"),
        ([[0, 0, 1], [math.nan, 0, 1]], OWN, "points_number"),
        ([[0, math.inf, 1]], OWN, "points_number"),
        ([[0, 1.1e6, 1]], OWN, "points_number"),
        ([[0, 10**400, 1]], OWN, "points_number"),
        ([["0", 0, 1]], OWN, "points_number"),
        ([[True, 0, 1]], OWN, "points_number"),
        ([[0, 0, -1e7]], REAL, "points_number"),
        ([[0, 0, 0.5]], OWN, "points_label"),
        ([[0, 0, 5]], MANY, "points_label"),
        ([[0, 0, -2]], OWN, "points_label"),
        ([[0, 0, -1], [0, 0, 0]], OWN, "points_label"),
        ([[0, 0, -1], [0, 0, 2]], MANY, "points_label"),
        ([[0, 0, 2]], OWN, "loss_needs"),
    ],
)
def test_refused(rows: Any, settings: Settings, code: str) -> None:
    with pytest.raises(Refused) as refused:
        own(rows, settings)
    assert refused.value.code == code
    json.dumps(refused.value.details, allow_nan=False)


def test_own_points_are_not_generated_and_not_changed() -> None:
    with pytest.raises(Refused, match="no points"):
        generate(OWN)
    rows = np.array([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]])
    assert own(rows, OWN).classes == 2
    assert rows[:, 2].tolist() == [0, 1]


@pytest.mark.parametrize(("count", "train"), [(1, 1), (2, 1), (3, 1), (7, 3), (101, 50)])
def test_own_points_are_shuffled_and_cut(count: int, train: int) -> None:
    points = labelled([1] * count, OWN)
    assert (len(points.train), len(points.test)) == (train, count - train)
    rows = np.concatenate([points.train, points.test])
    assert sorted(rows[:, 0]) == list(range(count))
    assert count < 7 or (rows[:, 0] != np.arange(count)).any()


# CSV -----------------------------------------------------------------------------------------------

READ: list[tuple[str, list[list[float]]]] = [
    ("1,2,1\n", [[1, 2, 1]]),
    ("x,y,label\n1,2,-1", [[1, 2, -1]]),
    ("\ufeffx;y;class\r\n.5;-2e-3;+1\r\n", [[0.5, -0.002, 1]]),
    ("1\t2\t0\r3\t4\t1\r", [[1, 2, 0], [3, 4, 1]]),
    ("# drawn by hand\n\n 1 , 2 ,1 # here\n   \n3,4,4.0\n#", [[1, 2, 1], [3, 4, 4]]),
    ('"x","y","label"\n"1","2","1"\n', [[1, 2, 1]]),
]


@pytest.mark.parametrize(("text", "want"), READ)
def test_csv_is_read(text: str, want: list[list[float]]) -> None:
    assert csv_points.read(text) == want


BAD: list[tuple[str, str, int | None]] = [
    ("", "csv_none", None),
    ("x,y,label\n# no more\n\n", "csv_none", None),
    ("1,2,1\n\n1,two,1\n", "csv_number", 3),
    ("x,y,label\nx,y,label\n1,2,1\n", "csv_number", 2),
    ("1,2,1\n1,2\n", "csv_columns", 2),
    ("# a\n1,2,1,1\n", "csv_columns", 2),
    ("1 2 1\n3 4 1\n", "csv_columns", 2),
    ("1,,1\n", "csv_number", 1),
    ("1,2,1\n1,nan,1\n", "csv_finite", 2),
    ("1,2,1\n-Infinity,1,1\n", "csv_finite", 2),
    ("1e400,2,1\n", "csv_finite", 1),
    ("1000001,2,1\n", "csv_finite", 1),
    ("1_000,2,1\n", "csv_number", 1),
    ("1,0x10,1\n", "csv_number", 1),
    ("1,٣,1\n", "csv_number", 1),
    ("1,2,1\n1,2,5\n", "csv_label", 2),
    ("1,2,0.5\n", "csv_label", 1),
    ("1,2,-2\n", "csv_label", 1),
    ("1,2,1\n" * 5001, "csv_many", 5001),
    ("1,2,1\n" + " " * (256 * 1024), "csv_large", None),
    ("1,2,1\n" + "#" + "가" * (100 * 1024), "csv_large", None),
]


@pytest.mark.parametrize(("text", "code", "line"), BAD)
def test_csv_is_refused_by_its_line(text: str, code: str, line: int | None) -> None:
    with pytest.raises(Refused) as refused:
        csv_points.read(text)
    assert refused.value.code == code and refused.value.details.get("line") == line
    assert line is None or f"ine {line}" in str(refused.value)


def test_csv_of_a_regression() -> None:
    assert csv_points.read("1,2,0.5\n3,4,-1e6\n", regression=True) == [[1, 2, 0.5], [3, 4, -1e6]]
    with pytest.raises(Refused, match="Line 1"):
        csv_points.read("1,2,1.5e6", regression=True)


@given(st.lists(st.tuples(*[st.floats(-1e6, 1e6)] * 3), min_size=1, max_size=20))
def test_csv_reads_back_exactly(rows: list[tuple[float, float, float]]) -> None:
    table = np.array(rows)
    assert (np.array(csv_points.read(csv_points.write(table), regression=True)) == table).all()


@pytest.mark.parametrize("name", NAMES)
def test_csv_of_the_data_sets(name: str) -> None:
    rows = all_of(name)
    text = csv_points.write(rows)
    assert (np.array(csv_points.read(text, name in REGRESSIONS)) == rows).all()
    assert len(text) < csv_points.MOST_BYTES


@given(st.text(max_size=60) | st.text("0123456789.,;-e\n\t x#", max_size=60))
def test_csv_takes_or_refuses_any_text(text: str) -> None:
    try:
        rows = csv_points.read(text, regression=True)
    except Refused as refused:
        json.dumps(refused.details, allow_nan=False)
    else:
        assert rows and all(math.isfinite(value) for row in rows for value in row)
