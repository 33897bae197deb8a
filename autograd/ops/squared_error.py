"""The sum of squared differences times a number, fused: the squared error of regression.

    z = s sum((x - y)^2)          dx = 2 s g (x - y),   dy = -dx

One pass writes the differences, which are all that the way back needs; one pass sums their squares. The
composite is its meaning, and what is differentiated when a second derivative is wanted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd.fused import fused
from autograd.ops import elementwise as e
from autograd.ops import reduce, reduce_kernel

__all__ = ["squared_error"]

Array = np.ndarray[Any, Any]


def composite(x: Any, y: Any, *, scale: float) -> Any:
    return reduce.sum(e.square(x - y)) * scale


def forward(x: Any, y: Any, *, scale: float) -> tuple[Array, tuple[Any, ...]] | None:
    if x.dtype != y.dtype or x.shape != y.shape or x.dtype.kind != "f":
        return None
    difference = np.asarray(x - y)
    return reduce_kernel.sum_of_squares(difference, scale), (difference, 2.0 * scale)


def backward(g: Array, saved: tuple[Any, ...], needs: tuple[bool, ...]) -> Sequence[Any]:
    difference, factor = saved
    dx = np.asarray(difference * (g * factor))
    return dx, -dx if needs[1] else None


squared_error_ = fused(
    "squared_error", composite, forward, backward, inputs=("x", "y"), shape=lambda x, y, *, scale: ()
)


def squared_error(x: Any, y: Any, scale: float = 1.0) -> Any:
    """scale * sum((x - y)^2), a 0-d tensor; x and y of one shape.

    >>> import autograd
    >>> squared_error(autograd.tensor([1.0, 2.0]), autograd.tensor([1.0, 4.0]), scale=0.5).item()
    2.0
    """
    return squared_error_(x, y, scale=scale)
