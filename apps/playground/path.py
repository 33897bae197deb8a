"""A path: what lies between the first layer's inputs and the loss of one target, on this library's ops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import autograd
from apps.playground.errors import Refused
from apps.playground.points import LABELS
from apps.playground.settings import Settings
from nn import functional as F

__all__ = ["Layers", "Path", "path_of"]

Layers = Sequence[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]  # weight (to, from), bias (to,); float64


@dataclass(frozen=True)
class Path:
    """What lies between the first layer's inputs and the loss of one target.

    hidden, output  activations: "tanh", "relu", "sigmoid", "linear"; of the outputs "softmax" too
    loss            "squared" (half the square of output - target), "bce" or "cross_entropy"
    target          of squared the label, of bce 0 or 1, of cross_entropy the number of the class
    """

    hidden: str
    output: str
    loss: str
    target: float

    @property
    def fused(self) -> bool:
        """Whether the loss takes the outputs' sums: sigmoid or softmax and the loss are one step."""
        return self.loss in ("bce", "cross_entropy")

    def activate(self, z: Any, last: bool) -> Any:
        """The layer's activation of z (n, to): what the next layer, or the loss, is given."""
        kind = self.output if last else self.hidden
        if kind == "linear" or (last and self.fused):
            return z
        return {"tanh": autograd.tanh, "relu": autograd.relu, "sigmoid": autograd.sigmoid}[kind](z)

    def losses(self, last: Any) -> Any:
        """The loss of each row of what `activate` gave for the outputs: n elements."""
        if self.loss == "cross_entropy":
            return F.cross_entropy(last, np.full(last.shape[0], int(self.target)), reduction="none")
        target = np.full(last.shape, self.target)
        if self.loss == "bce":
            return F.binary_cross_entropy_with_logits(last, target, reduction="none")
        return autograd.square(last - target) * 0.5


def path_of(settings: Settings, classes: int, label: float) -> Path:
    """Refused (`points_label`) where the classes at hand have no such label."""
    if classes and label not in ((-1, 1) if classes == 2 else range(classes)):
        raise Refused("points_label", index=0, value=f"{label:g}", allowed=LABELS)
    if settings.loss == "cross_entropy":
        return Path(settings.activation, "softmax", settings.loss, max(label, 0.0))
    if settings.loss == "bce":
        return Path(settings.activation, "sigmoid", settings.loss, max(label, 0.0))
    return Path(settings.activation, "tanh" if classes else "linear", settings.loss, label)
