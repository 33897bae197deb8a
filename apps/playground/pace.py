"""Training by the clock: the pace that is asked for in epochs, and the rate that comes of it in samples."""

from __future__ import annotations

import math
from collections.abc import Callable

__all__ = ["Pace", "Rate"]

LAG = 0.1  # seconds of training that may be made up for
WINDOW = 0.5  # seconds over which samples a second are counted


class Pace:
    """So many epochs a second by the clock, 0: as fast as it goes. What a pause or slow work left undone is
    not made up for, but for a tenth of a second."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.speed = 0.0
        self.credit = 1.0
        self.at = clock()

    def set(self, speed: float) -> None:
        self.speed = speed
        self.start()

    def start(self) -> None:
        """The next epoch is due now, and the clock runs from here."""
        self.credit = 1.0
        self.at = self.clock()

    def due(self) -> float:
        """The time at which the next epoch is due."""
        if not self.speed:
            return -math.inf
        now = self.clock()
        self.credit = min(self.credit + (now - self.at) * self.speed, 1.0 + LAG * self.speed)
        self.at = now
        return now if self.credit >= 1 else now + (1 - self.credit) / self.speed

    def take(self) -> None:
        """An epoch begins."""
        if self.speed:
            self.credit -= 1


class Rate:
    """Samples a second: over half a second or more of training, or at first over what there is."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.start()

    def start(self) -> None:
        """Training begins, or goes on after a rest."""
        self.begun, self.samples, self.rate, self.early = self.clock(), 0, 0.0, 0.0

    def add(self, samples: int) -> None:
        self.samples += samples
        now = self.clock()
        passed = now - self.begun
        if passed >= WINDOW:
            self.begun, self.samples, self.rate = now, 0, self.samples / passed
        elif not self.rate:
            self.early = self.samples / max(passed, 1e-3)

    def now(self) -> int:
        return round(self.rate or self.early)
