"""autograd: autograd.grad on tensors that require a gradient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import autograd
from benchmarks.cases import Run


def run(
    function: Callable[..., Any], arguments: Sequence[np.ndarray], gradient: np.ndarray, direction: str
) -> Run:
    x = [autograd.tensor(a, requires_grad=direction == "gradient") for a in arguments]
    if direction == "forward":
        return lambda: function(*x)
    g = autograd.tensor(gradient)

    def both() -> tuple[Any, ...]:
        y = function(*x)
        return y, *autograd.grad(y, x, g)

    return both
