"""jax.numpy.sum, mean, max and var, each in a jit of its own."""

from __future__ import annotations

from functools import partial

import jax.numpy as jnp

from benchmarks.cases import Inputs, Run
from benchmarks.cases.reduce import AXES
from benchmarks.directions import jax

FUNCTIONS = {"sum": jnp.sum, "mean": jnp.mean, "max": jnp.max, "var": partial(jnp.var, ddof=1)}


def make(inputs: Inputs, function: str, axes: str, size: int, direction: str) -> Run:
    reduced, dim = FUNCTIONS[function], AXES[axes]
    return jax.run(lambda x: reduced(x, dim), [inputs["x"]], inputs["g"], direction)
