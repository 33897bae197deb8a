"""jax.lax.reduce_window."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from benchmarks.cases import Inputs, Run
from benchmarks.cases.pool import WINDOWS
from benchmarks.directions import jax as directions


def make(inputs: Inputs, window: str, size: int, direction: str) -> Run:
    kind, kernel, stride, padding = WINDOWS[window]
    sizes, steps = (1, 1, kernel, kernel), (1, 1, stride, stride)
    border = [(0, 0), (0, 0), (padding, padding), (padding, padding)]

    def pool(x: jax.Array) -> jax.Array:
        if not kernel:
            return jnp.mean(x, (2, 3), keepdims=True)
        if kind == "max":
            return lax.reduce_window(x, -jnp.inf, lax.max, sizes, steps, border)
        return lax.reduce_window(x, 0.0, lax.add, sizes, steps, border) / (kernel * kernel)

    return directions.run(pool, [inputs["x"]], inputs["g"], direction)
