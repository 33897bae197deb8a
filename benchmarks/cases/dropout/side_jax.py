"""JAX: a Bernoulli mask from its default generator; the key is split inside the jitted function."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.cases import Inputs, Run
from benchmarks.cases.dropout import counts


def make(inputs: Inputs, p: float, n: int, direction: str, counted: bool) -> Run:
    x, g = jnp.asarray(inputs["x"]), jnp.asarray(inputs["g"])

    @jax.jit
    def dropout(key: jax.Array, x: jax.Array, g: jax.Array) -> tuple[jax.Array, ...]:
        key, used = jax.random.split(key)

        def function(x: jax.Array) -> jax.Array:
            return jnp.where(jax.random.bernoulli(used, 1 - p, x.shape), x / (1 - p), 0.0)

        if direction == "forward":
            return key, function(x)
        y, pull_back = jax.vjp(function, x)
        return key, y, *pull_back(g)

    key = jax.random.key(0)

    def run() -> tuple[jax.Array, ...]:
        nonlocal key
        key, *arrays = jax.block_until_ready(dropout(key, x, g))
        return tuple(arrays)

    return (lambda: tuple(counts(np.asarray(y)) for y in run())) if counted else run
