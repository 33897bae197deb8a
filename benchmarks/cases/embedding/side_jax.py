"""jax.numpy.take, take_along_axis, and .at[].add()."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from benchmarks.cases import Inputs, Run
from benchmarks.directions import jax as directions


def scatter_add(x: jax.Array, source: jax.Array, index: jax.Array) -> jax.Array:
    return x.at[jnp.arange(x.shape[0])[:, None], index].add(source)


FUNCTIONS = {
    "embedding": lambda table, index: jnp.take(table, index, axis=0),
    "gather": lambda x, index: jnp.take_along_axis(x, index, 1),
    "scatter add": scatter_add,
}


def make(inputs: Inputs, function: str, size: int, direction: str) -> Run:
    arguments = [inputs[name] for name in ("x", "source") if name in inputs]
    return directions.run(FUNCTIONS[function], arguments, inputs["g"], direction, [inputs["index"]])
