"""Means of the numbers that updates give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Means"]


@dataclass
class Means:
    """Numbers of updates, added up until they are noted."""

    totals: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    samples: int = 0
    seconds: float = 0.0

    def add(self, numbers: Mapping[str, float], samples: int) -> None:
        for name, value in numbers.items():
            self.totals[name] = self.totals.get(name, 0.0) + value
            self.counts[name] = self.counts.get(name, 0) + 1
        self.samples += samples

    @property
    def rate(self) -> float:
        """Examples of the data per second."""
        return self.samples / max(self.seconds, 1e-9)

    def numbers(self) -> dict[str, float]:
        return {name: total / self.counts[name] for name, total in self.totals.items()}
