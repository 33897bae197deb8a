"""How fast the noise comes: beta of each step, and all that follows from it by arithmetic.

A step makes x_t = sqrt(1 - beta_t) x_(t-1) + sqrt(beta_t) noise; after t of them, in one go,

    x_t = sqrt(a_t) x_0 + sqrt(1 - a_t) noise,      a_t = (1 - beta_0) ... (1 - beta_t).

Steps count from 0 to T - 1 here, from 1 to T in papers; "step -1" is x_0. All in float64.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

__all__ = ["SCHEDULES", "Posterior", "Schedule", "Steps", "cosine", "linear", "sigmoid"]

Array = np.ndarray[Any, Any]
LARGEST = 0.999  # of beta: x_t never forgets x_(t-1) wholly, so that nothing is divided by 0


def linear(timesteps: int) -> Array:
    """Beta from 1e-4 to 0.02 in equal steps (Ho et al. 2020), for 1000 of them; of fewer each takes more.

    >>> linear(1000)[[0, -1]]
    array([0.0001, 0.02  ])
    """
    scale = 1000 / timesteps
    return np.linspace(1e-4 * scale, 0.02 * scale, timesteps).clip(max=LARGEST)


def cosine(timesteps: int, offset: float = 0.008) -> Array:
    """a_t falls as cos^2 from 1 to 0 (Nichol and Dhariwal 2021, eq. 17): small images keep their shapes for
    longer than with `linear`."""
    part = np.linspace(0, 1, timesteps + 1)
    return betas_of(np.cos((part + offset) / (1 + offset) * np.pi / 2) ** 2)


def sigmoid(timesteps: int, start: float = -3.0, end: float = 3.0, tau: float = 1.0) -> Array:
    """a_t falls as a sigmoid from `start` to `end`, over tau (Jabri et al. 2022)."""
    part = np.linspace(start, end, timesteps + 1) / tau
    falling = 1 / (1 + np.exp(part))
    return betas_of((falling - falling[-1]) / (falling[0] - falling[-1]))


def betas_of(remaining: Array) -> Array:
    """The betas of a_(-1), a_0 ... a_(T-1), in any scale."""
    return (1 - remaining[1:] / remaining[:-1]).clip(0.0, LARGEST)


SCHEDULES: dict[str, Callable[[int], Array]] = {"linear": linear, "cosine": cosine, "sigmoid": sigmoid}


class Posterior(NamedTuple):
    """q(x_(t-1) | x_t, x_0) of each t: normal with mean x0_share x_0 + xt_share x_t and this variance."""

    x0_share: Array
    xt_share: Array
    variance: Array


class Steps(NamedTuple):
    """Some steps on the way back, each from t to `to`: x_to = x0_share x_0 + xt_share x_t + spread noise."""

    t: Array
    to: Array
    x0_share: Array
    xt_share: Array
    spread: Array


class Schedule:
    """What follows from the betas (T,), each in (0, 1).

    remaining      a_t, how much of x_0's variance is left in x_t
    signal, noise  sqrt(a_t) and sqrt(1 - a_t), the shares of x_0 and of the noise in x_t
    snr            a_t / (1 - a_t), signal to noise

    >>> schedule = Schedule.named("cosine", 4)
    >>> schedule.remaining.round(3)
    array([0.847, 0.494, 0.144, 0.   ])
    """

    def __init__(self, betas: Any) -> None:
        self.betas = np.asarray(betas, np.float64)
        if self.betas.ndim != 1 or not self.betas.size or not ((self.betas > 0) & (self.betas < 1)).all():
            raise ValueError("Schedule: want betas (T,), each above 0 and below 1")
        self.remaining = np.cumprod(1 - self.betas)
        self.signal = np.sqrt(self.remaining)
        self.noise = np.sqrt(1 - self.remaining)
        self.snr = self.remaining / (1 - self.remaining)

    @classmethod
    def named(cls, schedule: Any, timesteps: int) -> Schedule:
        """Of a name among SCHEDULES, or of `timesteps` betas."""
        if timesteps < 2:
            raise ValueError(f"Schedule: want at least two steps, got {timesteps}")
        if isinstance(schedule, str):
            if schedule not in SCHEDULES:
                raise ValueError(f"Schedule: want one of {', '.join(SCHEDULES)}, or betas; got {schedule!r}")
            return cls(SCHEDULES[schedule](timesteps))
        if len(schedule) != timesteps:
            raise ValueError(f"Schedule: {len(schedule)} betas for {timesteps} steps")
        return cls(schedule)

    def __len__(self) -> int:
        return len(self.betas)

    def left(self, t: Any) -> Array:
        """a_t, with 1 at t = -1."""
        left: Array = np.append(self.remaining, 1.0)[np.asarray(t)]
        return left

    def posterior(self) -> Posterior:
        """Bayes' rule on two normals (Ho et al. 2020, eq. 6 and 7)."""
        before = self.left(np.arange(-1, len(self) - 1))
        gone = 1 - self.remaining
        return Posterior(
            np.sqrt(before) * self.betas / gone,
            np.sqrt(1 - self.betas) * (1 - before) / gone,
            self.betas * (1 - before) / gone,
        )

    def times(self, steps: int | None = None, start: int | None = None) -> Array:
        """Where a way back in so many steps stops: from `start` (the last by default) to -1, evenly."""
        first = len(self) - 1 if start is None else start
        if not isinstance(first, int | np.integer) or not 0 <= first < len(self):
            raise ValueError(f"want a start of 0 ... {len(self) - 1}, got {start}")
        count = first + 1 if steps is None else steps
        if not isinstance(count, int | np.integer) or not 1 <= count <= first + 1:
            raise ValueError(f"want 1 ... {first + 1} steps on the way back from {first}, got {steps}")
        return np.linspace(first, -1, count + 1).round().astype(np.int64)

    def steps(self, times: Array, eta: float) -> Steps:
        """The way along falling `times` (Song, Meng and Ermon 2021, eq. 12 and 16).

        eta  how much of the noise is new at each step: 0 none (DDIM), 1 as much as in DDPM, which along all
             times it is: the shares are then those of posterior()
        """
        if not 0 <= eta <= 1:
            raise ValueError(f"want eta in [0, 1], got {eta}")
        t, to = times[:-1], times[1:]
        here, there = self.left(t), self.left(to)
        variance = eta**2 * (1 - there) / (1 - here) * (1 - here / there)
        xt_share = np.sqrt((1 - there - variance).clip(min=0) / (1 - here))
        return Steps(t, to, np.sqrt(there) - xt_share * np.sqrt(here), xt_share, np.sqrt(variance))
