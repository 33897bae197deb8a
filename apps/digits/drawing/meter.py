"""How good drawings are: nn.metrics' DrawingMeter on what a painter draws, with so many images and of such
classes as the data has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from apps.digits.drawing.painters import Painter
from autograd import Generator
from nn.data import Digits
from nn.metrics import DrawingMeter, Measurement, accuracy
from nn.models.collapse import missing

__all__ = ["COUNT", "Measured", "line", "lopsided", "meter_of"]

Array = np.ndarray[Any, Any]
COUNT = 2000
MOST = 0.5  # of all drawings


class Measured:
    """A painter's drawings (N, 1, side, side), and what the meter finds."""

    def __init__(self, painter: Painter, meter: DrawingMeter, labels: Array, seed: int = 0) -> None:
        self.model, self.classes = painter.card.model, painter.card.classes
        self.data = np.bincount(labels, minlength=len(self.classes))
        generator = Generator(seed)
        order = generator.permutation(len(labels))[: meter.count]
        self.asked = labels[order] if painter.can_be_asked else None  # classes as often as the data has them
        self.drawings = painter.draw(meter.count, generator, self.asked, show=True)
        self.found: Measurement = meter.measure(self.drawings)
        self.agreement = None if self.asked is None else accuracy(self.found.classes, self.asked)

    @property
    def drawn_from(self) -> str:
        """What was measured."""
        of = {
            "autoencoder": "codes around those of each class's training images",
            "vae": "codes drawn from N(0, I)", "diffusion": "noise, and the classes",
        }.get(self.model, "random numbers")  # fmt: skip
        if self.model != "diffusion" and self.model != "autoencoder" and self.asked is not None:
            of += " and the classes"
        return f"{len(self.drawings):,} drawings from {of}"

    @property
    def histogram(self) -> str:
        """The classes that were drawn, in a line."""
        told = f"; {100 * self.agreement:.1f}% as asked" if self.agreement is not None else ""
        return f"drawn {self.found.histogram}{told}"

    @property
    def warning(self) -> str | None:
        return lopsided(self.found.histogram.counts, self.data, self.classes)


def lopsided(counts: Array, data: Array, classes: Sequence[str]) -> str | None:
    """A warning where hardly any drawings are taken for some class, or most for one; counts (C,) and data
    (C,) of each class.

    >>> lopsided(np.array([80, 19, 1]), np.array([50, 50, 50]), "abc")
    'warning: 80% of the drawings are taken for a, hardly any for c: too little was learned, or it collapsed'
    """
    expected = data / data.sum() * counts.sum()
    rare = [classes[k] for k in missing(counts, expected)]
    most = int(counts.argmax())
    told = []
    if counts[most] > max(MOST * counts.sum(), 2 * expected[most]):
        share = 100 * counts[most] / counts.sum()
        told.append(f"{share:.0f}% of the drawings are taken for {classes[most]}")
    if rare:
        told.append(f"hardly any {'for' if told else 'drawings are taken for'} {' '.join(rare)}")
    return f"warning: {', '.join(told)}: too little was learned, or it collapsed" if told else None


def meter_of(dataset: str, train: Digits, held_out: Digits, count: int = COUNT) -> DrawingMeter:
    return DrawingMeter(dataset, train, held_out, count=count)


def line(found: Measurement, minutes: float) -> str:
    """The last line of `train`."""
    return f"{found}, {minutes:.1f} min"
