"""jax.nn's softmax, and the losses made of it."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from benchmarks.cases import Inputs, Run
from benchmarks.directions import jax as directions


def cross_entropy(x: jax.Array, labels: jax.Array) -> jax.Array:
    return -jnp.take_along_axis(jax.nn.log_softmax(x), labels[:, None], 1).mean()


FUNCTIONS = {
    "cross entropy": cross_entropy,
    "log softmax": jax.nn.log_softmax,
    "softmax": jax.nn.softmax,
    "bce": lambda x, target: (jax.nn.softplus(x) - x * target).mean(),
    "mse": lambda x, target: ((x - target) ** 2).mean(),
}
OTHERS = {
    "cross entropy": ("labels",), "log softmax": (), "softmax": (), "bce": ("target",), "mse": ("target",)
}  # fmt: skip


def make(inputs: Inputs, function: str, n: int, classes: int, direction: str) -> Run:
    others = [inputs[name] for name in OTHERS[function]]
    return directions.run(FUNCTIONS[function], [inputs["x"]], inputs["g"], direction, others)
