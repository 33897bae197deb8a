"""A run of training: what it is told, what its pieces give, and where it is."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from nn.text.corpus import Place

__all__ = ["Learned", "Options", "Position"]


class Learned(NamedTuple):
    """What a piece gave: the sum of its losses, over how many samples, of how many words (or lines)."""

    loss: float
    samples: int
    units: int


@dataclass
class Position:
    """Where a run is: epochs done, and of the next one pieces, the place in the text, sentences and units;
    sums since the epoch's beginning; sentences and units since the run's."""

    epoch: int = 0
    piece: int = 0
    place: Place = field(default_factory=Place)
    sentences: int = 0
    units: int = 0
    loss: float = 0.0
    samples: int = 0
    epoch_units: int = 0
    seconds: float = 0.0

    def add(self, learned: Learned) -> None:
        self.loss += learned.loss
        self.samples += learned.samples
        self.units += learned.units
        self.epoch_units += learned.units

    @property
    def mean(self) -> float:
        return self.loss / self.samples if self.samples else math.nan

    @property
    def rate(self) -> float:
        """Units per second in this epoch."""
        return self.epoch_units / max(self.seconds, 1e-9)

    def next_epoch(self) -> Position:
        return Position(self.epoch + 1, sentences=self.sentences, units=self.units)


@dataclass
class Options:
    """What `fit` and `resume` are told, beside the text."""

    checkpoint: str | os.PathLike[str] | None = None
    checkpoint_seconds: float = 600.0
    evaluation: Callable[[Any], float] | None = None
    patience: int | None = None
    on_piece: Callable[[Any, float], Any] | None = None
    on_epoch: Callable[[Any, dict[str, Any]], Any] | None = None

    def __post_init__(self) -> None:
        if self.patience is not None and (self.evaluation is None or self.patience < 1):
            raise ValueError("patience: wants a number from 1 on, and an evaluation to judge by")
        if not self.checkpoint_seconds >= 0:
            raise ValueError(f"checkpoint_seconds: want 0 or more, got {self.checkpoint_seconds}")
        if self.checkpoint is not None:
            path = Path(self.checkpoint).absolute()
            if path.is_dir() or not path.parent.is_dir():
                reason = "is a folder" if path.is_dir() else "no such folder"
                raise FileNotFoundError(f"checkpoint {path}: {reason}")
        self.written = time.perf_counter()  # when the latest checkpoint was, or training began

    @property
    def due(self) -> bool:
        """Whether a checkpoint is to be written in the middle of the run."""
        return self.checkpoint is not None and time.perf_counter() - self.written >= self.checkpoint_seconds
