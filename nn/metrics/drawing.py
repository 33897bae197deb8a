"""One meter for everything that draws: give it the data once, then what was drawn, as often as you like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nn.metrics.classification import array
from nn.metrics.frechet import Moments, frechet_distance
from nn.metrics.lenet import features
from nn.metrics.manifold import Neighbours, nearest_neighbours, precision_recall
from nn.metrics.modes import ClassHistogram, class_histogram

__all__ = ["DrawingMeter", "Measurement"]

Array = np.ndarray[Any, Any]
DRAWS = 5  # so many random parts of the test images make a floor


@dataclass(frozen=True)
class Measurement:
    """What a DrawingMeter finds; str() of it is the line that the apps end with."""

    frechet: float
    floor: float
    count: int
    precision: float
    recall: float
    classes: Array  # (N,): what the frozen network took each drawing for
    histogram: ClassHistogram

    def __str__(self) -> str:
        return (
            f"frechet {self.frechet:.2f} (floor {self.floor:.2f}, {self.count} samples) "
            f"precision {self.precision:.3f} recall {self.recall:.3f}"
        )


class DrawingMeter:
    """Measures drawings against data in the features of the frozen network of its name (nn.metrics.features).

    dataset      "mnist", "fashion" or "optdigits"
    train, test  the images, (N, 1, side, side) in [0, 1], or nn.data.Digits
    count        so many drawings are measured, or all test images if they are fewer (`meter.count`)

    The Frechet distance is that of the drawings to all training images; its floor is the same distance of as
    many test images (if there are more, the mean over 5 random parts of them): what a model would get that
    draws like the world. Less than the floor is no merit: a copy of the training images has less. Precision
    and recall are with as many random training images, k = 3.

    >>> from nn.data import optdigits
    >>> meter = DrawingMeter("optdigits", optdigits(train=True), optdigits(train=False), count=500)
    >>> print(meter.measure(optdigits(train=False).arrays()[0][:500]))
    frechet 1.6... (floor 0.9..., 500 samples) precision 0.8... recall 0.7...
    """

    def __init__(self, dataset: str, train: Any, test: Any, count: int = 2000, seed: int = 0) -> None:
        self.dataset, self.network = dataset, features(dataset)
        self.train, train_labels = images_of(train)
        test_images, _ = images_of(test)
        real = self.network.features(self.train)
        self.moments = Moments(real)
        self.test = self.network.features(test_images)
        self.count, self.seed = min(count, len(self.test), len(real)), seed
        if self.count < 10:
            raise ValueError(
                f"DrawingMeter: want 10 drawings or more, got count {count}, {len(self.test)} test and "
                f"{len(real)} training images"
            )
        self.labels = self.network.classify(self.train) if train_labels is None else train_labels
        rng = np.random.default_rng(seed)
        self.real = real[rng.choice(len(real), self.count, replace=False)]
        draws = DRAWS if self.count < len(self.test) else 1
        parts = [self.test[rng.choice(len(self.test), self.count, replace=False)] for _ in range(draws)]
        self.floor = float(np.mean([frechet_distance(part, self.moments) for part in parts]))

    def measure(self, samples: Any) -> Measurement:
        """Measure drawings (N, 1, side, side) in [0, 1], the first `count` of them.

        Where a model was told what to draw, nn.metrics.accuracy(found.classes, told) says whether it did.
        ValueError for fewer (their floor would be another), for another size, NaN, or values outside.
        """
        pixels = array(samples)
        if len(pixels) < self.count:
            raise ValueError(
                f"measure: {len(pixels)} samples, but the floor is that of {self.count}: draw as many, or "
                f"make the meter with count={len(pixels)}"
            )
        pixels = pixels[: self.count]
        found, classes = self.network.features_and_classes(pixels)
        share = precision_recall(self.real, found)
        return Measurement(
            frechet_distance(found, self.moments), self.floor, self.count, share.precision, share.recall,
            classes, class_histogram(classes, self.labels),
        )  # fmt: skip

    def nearest(self, samples: Any, k: int = 1) -> Neighbours:
        """The training images that are nearest to each drawing, in pixels: was it drawn or remembered?"""
        return nearest_neighbours(samples, self.train, k)


def images_of(data: Any) -> tuple[Array, Array | None]:
    """(images, labels if there are any) of arrays or of nn.data.Digits."""
    if hasattr(data, "arrays"):
        images, labels = data.arrays()
        return images, labels
    return array(data), None
