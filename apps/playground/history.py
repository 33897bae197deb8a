"""What is remembered of a training: losses by epoch, bounded, thinned evenly. And at what pace it goes."""

from __future__ import annotations

import math
from collections.abc import Callable

__all__ = ["MOST_ROWS", "History", "Pace"]

MOST_ROWS = 2000
LAG = 0.1  # seconds of training that may be made up for

Row = tuple[int, float | None, float | None]  # epoch, training loss, test loss; None: not finite


class History:
    """Losses at the ends of epochs: each at first; when there are 2000, every second of them is forgotten and
    from then on only every second epoch is kept; and so on. Epoch 0 always stays.

    >>> history = History(most=4)
    >>> for epoch in range(11):
    ...     if history.wants(epoch):
    ...         history.add((epoch, 1.0, 1.0))
    >>> [row[0] for row in history.rows]
    [0, 4, 8]
    """

    def __init__(self, most: int = MOST_ROWS) -> None:
        self.most = most
        self.every = 1
        self.rows: list[Row] = []
        self.fresh: list[Row] = []  # that `news` has not told yet

    def wants(self, epoch: int) -> bool:
        return epoch % self.every == 0

    def add(self, row: Row) -> None:
        self.rows.append(row)
        self.fresh.append(row)
        if len(self.rows) >= self.most:
            self.every *= 2
            self.rows = [row for row in self.rows if self.wants(row[0])]
            self.fresh = [row for row in self.fresh if self.wants(row[0])]

    def news(self) -> list[Row]:
        """The rows added since it was asked last."""
        fresh, self.fresh = self.fresh, []
        return fresh

    def all(self, last: Row) -> list[Row]:
        """All rows, and the last one, which may lie between two that are kept. Nothing is news then."""
        self.fresh = []
        return self.rows if self.rows and self.rows[-1][0] == last[0] else [*self.rows, last]


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
