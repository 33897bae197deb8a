"""What a visitor takes home: a Python program, weights and settings as JSON, points as CSV."""

from __future__ import annotations

import json as text_of
import math
from collections.abc import Callable

import numpy as np

from apps.playground import csv_points
from apps.playground.script import python
from apps.playground.training import Trainer

__all__ = ["FILES", "csv", "file", "json", "python"]


def json(trainer: Trainer) -> str:
    """Settings, weights and biases by layer ([to][from]), how far training is, and a person's own points."""
    network, points = trainer.network, trainer.points
    parts = [part.tolist() for part in network.parts(network.weights())]
    train, test = [value if math.isfinite(value) else None for value in trainer.loss()]
    found = {
        "program": "kernelgrad playground", "version": 1,
        "settings": trainer.settings.to_mapping(), "classes": points.classes,
        "features": list(network.features), "output": network.output,
        "layers": [{"weight": w, "bias": b} for w, b in zip(parts[::2], parts[1::2], strict=True)],
        "epoch": trainer.epoch, "updates": trainer.updates, "train_loss": train, "test_loss": test,
    }  # fmt: skip
    if trainer.settings.data == "own":
        found["points"] = {"train": points.train.tolist(), "test": points.test.tolist()}
    return text_of.dumps(found, indent=1, allow_nan=False) + "\n"


def csv(trainer: Trainer) -> str:
    """All points, those of training first."""
    return csv_points.write(np.concatenate([trainer.points.train, trainer.points.test]))


FILES: dict[str, tuple[str, Callable[[Trainer], str]]] = {
    "python": ("playground.py", python),
    "json": ("playground.json", json),
    "csv": ("points.csv", csv),
}


def file(what: str, trainer: Trainer) -> dict[str, str]:
    """The message that brings a file of FILES to the page."""
    name, write = FILES[what]
    return {"type": "file", "name": name, "text": write(trainer)}
