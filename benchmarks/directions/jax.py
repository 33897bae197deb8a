"""JAX: one jitted function, waited for. The result y is returned with the gradients, or XLA would leave the
forward pass out. What needs no gradient (labels, indices) is given as `others`, the function's last
arguments, or XLA would take it for a constant and compute ahead with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from benchmarks.cases import Run


def run(
    function: Callable[..., Any],
    arguments: Sequence[np.ndarray],
    gradient: np.ndarray,
    direction: str,
    others: Sequence[np.ndarray] = (),
) -> Run:
    x, rest = ([jax.numpy.asarray(a) for a in arrays] for arrays in (arguments, others))
    if direction == "forward":
        forward = jax.jit(function)
        return lambda: forward(*x, *rest).block_until_ready()
    g = jax.numpy.asarray(gradient)

    @jax.jit
    def both(g: jax.Array, x: list[jax.Array], rest: list[jax.Array]) -> tuple[jax.Array, ...]:
        y, pull_back = jax.vjp(lambda *x: function(*x, *rest), *x)
        return y, *pull_back(g)

    return lambda: jax.block_until_ready(both(g, x, rest))
