"""Mode collapse, told with evidence: samples that lie too close together, classes that are never drawn.

A generator that collapsed fools its discriminator, so no loss shows it. What shows it is the samples: the
mean distance between two of them against that between two of the data, and which classes a classifier finds
in them against those in the data.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["CollapseWarning", "Watch", "mean_distance", "missing"]

Array = np.ndarray[Any, Any]

CLOSE = 0.5  # of the distance between examples of the data: MNIST's within a digit is 0.8 of that between all
RARE = 0.1  # of a class's share in the data
EXPECTED = 8  # samples of a class that are to be expected before its absence means something
COMPARED = 512  # examples at most whose distances are taken: pairs grow by the square
REMEDY = (
    "try a discriminator with packing=2, objective='wgan' with penalty=10, or a lower learning rate of the "
    "discriminator"
)


class CollapseWarning(RuntimeWarning):
    """A generator draws much less than the data shows."""


def mean_distance(x: Array) -> float:
    """The mean Euclidean distance between two different ones of x (N, ...), N >= 2.

    >>> mean_distance(np.array([[0.0, 0.0], [3.0, 4.0], [3.0, 4.0]]))
    3.3333333333333335
    """
    if len(x) < 2:
        raise ValueError(f"mean_distance: want 2 or more examples, got {len(x)}")
    flat = x.reshape(len(x), -1).astype(np.float64)
    first, second = np.triu_indices(len(flat), 1)
    squares = np.square(flat).sum(1)
    between = squares[first] + squares[second] - 2 * (flat @ flat.T)[first, second]
    return float(np.sqrt(np.maximum(between, 0)).mean())


def missing(drawn: Array, expected: Array) -> Array:
    """The classes of which hardly any were drawn; drawn (C,) counts, and how many are to be expected (C,).

    >>> missing(np.array([40, 1, 0]), np.array([30.0, 20.0, 5.0]))
    array([1])
    """
    return np.flatnonzero((expected >= EXPECTED) & (drawn < RARE * expected))


class Watch:
    """Looks at samples from time to time, and warns once of each kind of collapse.

    classifier  examples -> classes (N,), whole numbers from 0 on (nn.metrics.features("mnist").classify), or
                None to look at distances alone

    A low distance, between 512 examples at most, must be found twice in a row. What the data's classes are is
    counted as it goes by.
    """

    def __init__(self, classifier: Callable[[Any], Any] | None = None) -> None:
        self.classifier = classifier
        self.close = 0  # looks in a row that found samples too close together
        self.warned: list[str] = []
        self.seen: list[int] = []  # examples of each class in the data so far

    def look(
        self, samples: Array, data: Array, ripe: bool = True, labels: Array | None = None
    ) -> dict[str, Any]:
        """{"spread": distance between samples / between data; "classes": counts, with a classifier}.

        samples  (N, ...) drawn by the generator
        data     (M, ...) examples of the data
        ripe     False as long as the generator can't be blamed yet
        labels   the classes (N,) that a conditional generator was asked for, as the classifier counts them;
                 without, classes are wanted as often as they are in the data
        """
        compared = samples[:COMPARED]
        apart, wanted = mean_distance(compared), mean_distance(data[:COMPARED]) if len(data) > 1 else 0.0
        found: dict[str, Any] = {"spread": apart / wanted if wanted else float("nan")}
        self.close = self.close + 1 if ripe and apart < CLOSE * wanted else 0
        if self.close >= 2:
            self.warn(
                "distance",
                f"the mean distance between {len(compared)} samples is {apart:.3g}, between examples of the "
                f"data {wanted:.3g} ({100 * apart / wanted:.0f}%)",
            )
        if self.classifier is not None:
            found["classes"] = self.classes(samples, data, ripe, labels)
        return found

    def classes(self, samples: Array, data: Array, ripe: bool, labels: Array | None) -> list[int]:
        """How many of the samples are in each class; warns of those that are missing."""
        drawn, real = self.counted(samples), self.counted(data)
        asked = np.bincount([] if labels is None else labels)
        size = max(len(drawn), len(real), len(self.seen), len(asked))
        drawn, real, before, asked = (
            np.pad(np.asarray(counts, np.int64), (0, size - len(counts)))
            for counts in (drawn, real, self.seen, asked)
        )
        seen = before + real
        self.seen = seen.tolist()
        expected = seen / seen.sum() * len(samples) if labels is None else np.where(seen > 0, asked, 0)
        rare = missing(drawn, expected)
        if ripe and len(rare):
            told = ", ".join(f"{k} ({drawn[k]}; {expected[k]:.0f} expected)" for k in rare[:5])
            more = " ..." if len(rare) > 5 else ""
            self.warn(
                "classes",
                f"of {len(samples)} samples hardly any are of class {told}{more}; all: {drawn.tolist()}",
            )
        return drawn.tolist()  # type: ignore[no-any-return]

    def counted(self, images: Array) -> Array:
        assert self.classifier is not None
        answer = self.classifier(images)
        classes = np.asarray(getattr(answer, "data", answer))
        if classes.shape != (len(images),) or classes.dtype.kind not in "iu":
            raise ValueError(
                f"classifier: want {len(images)} classes, (N,) integers, for {len(images)} images; got "
                f"{classes.dtype} of shape {classes.shape} (argmax(1) makes classes of scores)"
            )
        return np.bincount(classes)

    def warn(self, kind: str, evidence: str) -> None:
        if kind not in self.warned:
            self.warned.append(kind)
            warnings.warn(f"the generator collapses: {evidence}; {REMEDY}", CollapseWarning, stacklevel=2)

    def state_dict(self) -> dict[str, Any]:
        return {"close": self.close, "warned": list(self.warned), "seen": list(self.seen)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.close, self.warned, self.seen = state["close"], list(state["warned"]), list(state["seen"])
