"""Points: what a network learns from, made by a seed or brought by a person, and cut in two parts.

A seed gives the same points on every machine: the numbers are drawn from this library's own counter-based
stream, and rounded to six decimals, because sine, cosine and logarithm differ in their last bits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from apps.playground.errors import Refused
from apps.playground.settings import CLASSES, MOST_POINTS, Settings, is_number
from autograd import Generator

__all__ = ["LABELS", "MOST_CLASSES", "MOST_VALUE", "Points", "generate", "own"]

Array = np.ndarray[Any, Any]

SAMPLES = {"classification": 500, "regression": 1200}
MOST_CLASSES = 5
MOST_VALUE = 1e6  # of a coordinate or a label, either way
EDGE = 6.0  # of the page
DECIMALS = 6
LABELS = f"two classes are -1 and 1, or 0 and 1; up to {MOST_CLASSES} are 0, 1, 2 and so on"


@dataclass(frozen=True)
class Points:
    """train (n, 3) and test (m, 3) float64, rows x, y, label in the order of training; n >= 1, m >= 0.

    classes  2: labels -1 and +1.  3 to 5: labels 0, 1, 2 ...  0: regression, labels are real numbers.
    """

    train: Array
    test: Array
    classes: int


def generate(settings: Settings) -> Points:
    """The points of the data set that `settings` names: 500 to classify, or 1200 of a regression.

    Refused (`points_none`) for "own": these are `own(rows, settings)`.
    """
    if settings.data == "own":
        raise Refused("points_none")
    draw = Draw(settings.seed, settings.noise / 100)
    rows = DATA[settings.data](draw, SAMPLES[settings.problem])
    rows = np.round(rows, DECIMALS) + 0.0  # no -0.0
    return cut(rows, settings, 0 if settings.regression else CLASSES[settings.data])


def own(rows: Sequence[Sequence[float]] | Array, settings: Settings) -> Points:
    """A person's points, rows (x, y, label), with the labels of their classes told from all of them: -1 and 1
    (or 0 and 1, which become -1 and 1) are two classes; any label from 2 to 4 makes it 0, 1, 2 ...

    Refused: `points_none`, `points_many` (5000), `points_shape`, `points_number` (beyond a million, NaN, no
    number), `points_label`, `loss_needs`.
    """
    table = checked(rows)
    classes = 0
    if not settings.regression:
        classes = relabelled(table)
    settings.refuse_loss(classes)
    return cut(table, settings, classes)


def cut(rows: Array, settings: Settings, classes: int) -> Points:
    """Shuffled once, by the seed; the first part is for training, at least one point."""
    order = Generator(settings.seed, offset=SHUFFLE).permutation(len(rows))
    rows = rows[order]
    count = max(1, len(rows) * settings.perc_train_data // 100)
    return Points(np.ascontiguousarray(rows[:count]), np.ascontiguousarray(rows[count:]), classes)


# A person's points --------------------------------------------------------------------------------


def checked(rows: Any) -> Array:
    """(n, 3) float64 of finite numbers, all of them looked at."""
    if not isinstance(rows, list | tuple | np.ndarray):
        raise Refused("points_shape", value=rows)
    if len(rows) == 0:
        raise Refused("points_none")
    if len(rows) > MOST_POINTS:
        raise Refused("points_many", count=len(rows), most=MOST_POINTS)
    table = np.empty((len(rows), 3))
    for index, row in enumerate(rows.tolist() if isinstance(rows, np.ndarray) else rows):
        if not isinstance(row, list | tuple) or len(row) != 3:
            raise Refused("points_shape", value=row)
        for name, value in zip(("x", "y", "label"), row, strict=True):
            if not is_number(value, MOST_VALUE):
                raise Refused("points_number", index=index, name=name, value=value)
        table[index] = row
    return table


def relabelled(table: Array) -> int:
    """How many classes the labels are of; two classes become -1 and +1, in place."""
    labels = table[:, 2]
    two = -1 in labels
    right = np.isin(labels, (-1, 1) if two else range(MOST_CLASSES))
    if not right.all():
        index = int(np.argmin(right))
        raise Refused("points_label", index=index, value=f"{labels[index]:g}", allowed=LABELS)
    most = int(labels.max())
    if most > 1:
        return most + 1
    labels[labels == 0] = -1
    return 2


# The data sets ------------------------------------------------------------------------------------
# Of the first six the original's page is the source (TensorFlow Playground); n is its noise, 0 to 0.5.

SHUFFLE = 2**32  # where the order is drawn from the stream, far beyond where the points are


class Draw:
    """Draws of a seed, and the noise n from 0 to 0.5."""

    def __init__(self, seed: int, noise: float) -> None:
        self.generator, self.noise = Generator(seed), noise

    def uniform(self, low: float, high: float, *shape: int) -> Array:
        return low + (high - low) * self.generator.uniform(shape, np.float64)

    def around(self, reach: float, *shape: int) -> Array:
        """U(-reach, reach) times the noise."""
        return self.noise * self.uniform(-reach, reach, *shape)

    def normal(self, variance: float, *shape: int) -> Array:
        return float(np.sqrt(variance)) * self.generator.normal(shape, np.float64)

    @property
    def variance(self) -> float:
        """Of blobs: 0.5 without noise, 4 with the most."""
        return 0.5 + 7 * self.noise


def table_of(places: Array, labels: Array) -> Array:
    return np.column_stack([places, labels])


def polar(radius: Array, angle: Array) -> Array:
    """Points at an angle from the y axis, clockwise. (n,), (n,) -> (n, 2)"""
    return np.column_stack([radius * np.sin(angle), radius * np.cos(angle)])


def circle(draw: Draw, count: int) -> Array:
    half = count // 2
    radius = np.concatenate([draw.uniform(0, 2.5, half), draw.uniform(3.5, 5, count - half)])
    places = polar(radius, draw.uniform(0, 2 * np.pi, count))
    near = np.hypot(*(places + draw.around(5, count, 2)).T) < 2.5
    return table_of(places, np.where(near, 1.0, -1.0))


def xor(draw: Draw, count: int) -> Array:
    places = draw.uniform(-5, 5, count, 2)
    places += np.where(places > 0, 0.3, -0.3)
    seen = places + draw.around(5, count, 2)
    return table_of(places, np.where(seen[:, 0] * seen[:, 1] >= 0, 1.0, -1.0))


def gauss(draw: Draw, count: int) -> Array:
    labels = np.where(np.arange(count) < count // 2, 1.0, -1.0)
    return table_of(2 * labels[:, None] + draw.normal(draw.variance, count, 2), labels)


def spiral(draw: Draw, count: int) -> Array:
    half = count // 2
    i = np.arange(half) / half
    arms = [polar(5 * i, 1.75 * i * 2 * np.pi + turn) for turn in (0, np.pi)]
    labels = np.repeat([1.0, -1.0], half)
    return table_of(np.concatenate(arms) + draw.around(1, 2 * half, 2), labels)


def plane(draw: Draw, count: int) -> Array:
    places = draw.uniform(-6, 6, count, 2)
    return table_of(places, (places + draw.around(6, count, 2)).sum(1) / 10)


def bumps(draw: Draw, count: int) -> Array:
    """Six cones of radius 2 and height 1, up and down in turns; where two meet, the larger one."""
    places = draw.uniform(-6, 6, count, 2)
    seen = places + draw.around(6, count, 2)
    centres = np.array([(x, y) for y in (2.5, -2.5) for x in (-4.0, 0.0, 4.0)])
    signs = np.array([1, -1, 1, -1, 1, -1])
    away = np.hypot(*(seen[:, None] - centres).T)  # (6, n)
    heights = signs[:, None] * np.clip(1 - away / 2, 0, 1)
    return table_of(places, heights[np.abs(heights).argmax(0), np.arange(count)])


def moons(draw: Draw, count: int) -> Array:
    """Two half circles, one in the other's opening."""
    half = count // 2
    angle = draw.uniform(-np.pi / 2, np.pi / 2, count)
    places = polar(3 + draw.uniform(-0.3, 0.3, count), angle)
    places[half:] *= -1
    places += np.where(np.arange(count)[:, None] < half, (-1.5, -0.75), (1.5, 0.75))
    return inside(places + draw.around(3, count, 2), np.where(np.arange(count) < half, 1.0, -1.0))


def rings(draw: Draw, count: int) -> Array:
    """A ring between two others of the other class: what one circle can't part."""
    ring = np.array([0, 1, 1, 2])[np.arange(count) * 4 // count]  # half of the points between, as many beside
    radius = np.array([1.0, 3.0, 5.0])[ring] + draw.uniform(-0.4, 0.4, count)
    places = polar(radius, draw.uniform(0, 2 * np.pi, count))
    return inside(places + draw.around(3, count, 2), np.where(ring == 1, -1.0, 1.0))


def blobs3(draw: Draw, count: int) -> Array:
    labels = np.arange(count) * 3 // count
    centres = polar(np.full(3, 3.0), np.arange(3) * 2 * np.pi / 3)
    return inside(centres[labels] + draw.normal(draw.variance, count, 2), labels)


def spiral3(draw: Draw, count: int) -> Array:
    """Three arms, each of one turn."""
    labels = np.arange(count) % 3
    i = np.arange(count) / count
    places = polar(0.3 + 4.7 * i, (i + labels / 3) * 2 * np.pi)
    return inside(places + draw.around(1.5, count, 2), labels)


def inside(places: Array, labels: Array) -> Array:
    """Points beyond the page, onto its edge."""
    return table_of(np.clip(places, -EDGE, EDGE), labels)


DATA: dict[str, Callable[[Draw, int], Array]] = {
    "circle": circle,
    "xor": xor,
    "gauss": gauss,
    "spiral": spiral,
    "reg-plane": plane,
    "reg-gauss": bumps,
    "moons": moons,
    "rings": rings,
    "blobs3": blobs3,
    "spiral3": spiral3,
}
