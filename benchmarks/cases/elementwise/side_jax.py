"""jax.numpy's functions, each in a jit of its own."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp

from benchmarks.cases import Inputs, Run
from benchmarks.directions import jax as directions

FUNCTIONS = {
    "add": jnp.add, "mul": jnp.multiply, "div": jnp.divide, "pow": jnp.power, "maximum": jnp.maximum,
    "add row": jnp.add, "exp": jnp.exp, "log": jnp.log, "sqrt": jnp.sqrt, "sin": jnp.sin, "tanh": jnp.tanh,
    "sigmoid": jax.nn.sigmoid, "relu": jax.nn.relu, "gelu": partial(jax.nn.gelu, approximate=False),
    "silu": jax.nn.silu, "softplus": jax.nn.softplus, "cube": lambda x: x**3, "abs": jnp.abs,
    "where": lambda x, y, condition: jnp.where(condition, x, y),
}  # fmt: skip


def make(inputs: Inputs, function: str, n: int, direction: str) -> Run:
    arguments = [inputs[k] for k in "xy" if k in inputs]
    others = [inputs["condition"]] if function == "where" else []
    return directions.run(FUNCTIONS[function], arguments, inputs["g"], direction, others)
