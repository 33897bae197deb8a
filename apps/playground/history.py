"""What is remembered of a training: losses by epoch, bounded, thinned evenly."""

from __future__ import annotations

__all__ = ["MOST_ROWS", "History"]

MOST_ROWS = 2000

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
