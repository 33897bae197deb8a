"""Who trains: so many sessions at once, the others one after the other in the order in which they asked."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["MOST_TRAINING", "Turns"]

MOST_TRAINING = 4


class Turns:
    """Seats for sessions that want to train.

    >>> turns = Turns(1)
    >>> turns.seat(["a", "b"])
    [('b', 'waiting')]
    >>> turns.seat(["b"])
    [('b', 'training')]
    >>> turns.training
    ['b']
    """

    def __init__(self, most: int = MOST_TRAINING) -> None:
        self.most = most
        self.training: list[str] = []
        self.waiting: list[str] = []

    def seat(self, wanting: Iterable[str]) -> list[tuple[str, str]]:
        """Give seats to those that want them now. Returns what is news: (session, "waiting" or "training");
        one that is seated at once is not told."""
        wanting = list(wanting)
        waited = set(self.waiting)
        self.training = [session for session in self.training if session in wanting]
        queue = [session for session in self.waiting if session in wanting]
        queue += [session for session in wanting if session not in self.training and session not in queue]
        free = self.most - len(self.training)
        self.training += queue[:free]
        self.waiting = queue[free:]
        news = [(session, "training") for session in queue[:free] if session in waited]
        return news + [(session, "waiting") for session in self.waiting if session not in waited]

    def rotate(self, session: str) -> None:
        """It has had its turn: behind the others."""
        self.training.remove(session)
        self.training.append(session)
