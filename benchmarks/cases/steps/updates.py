"""SGD and Adam as formulas, for the sides whose whole step is one compiled function: JAX and torch.compile.

Each is update(parameter, gradient, moments, count) -> (new parameter, new moments), of one parameter;
`count` is an array that says how many updates there were with this one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

Moments = tuple[Any, ...]
Update = Callable[[Any, Any, Moments, Any], tuple[Any, Moments]]


def sgd(p: Any, g: Any, moments: Moments, count: Any, lr: float) -> tuple[Any, Moments]:
    return p - lr * g, moments


def adam(
    p: Any, g: Any, moments: Moments, count: Any, lr: float, betas: tuple[float, float] = (0.9, 0.999)
) -> tuple[Any, Moments]:
    """Kingma and Ba 2015, the bias correction drawn into the rate (end of section 2): one division and one
    root an element, where the textbook's form has three divisions."""
    m, v = moments
    m, v = betas[0] * m + (1 - betas[0]) * g, betas[1] * v + (1 - betas[1]) * g * g
    root = (1 - betas[1] ** count) ** 0.5
    rate = lr * root / (1 - betas[0] ** count)
    return p - rate * m / (v**0.5 + 1e-8 * root), (m, v)


MOMENTS = {"SGD": 0, "Adam": 2}  # how many of them a parameter has


def update(algorithm: str, **options: Any) -> Update:
    return partial({"SGD": sgd, "Adam": adam}[algorithm], **options)
