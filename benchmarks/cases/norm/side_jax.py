"""The norms in jax.numpy, as their papers write them. (The running statistics of a batch are left out: a
jitted function keeps no state. It is a thousandth of the work.)"""

from __future__ import annotations

import jax

from benchmarks.cases import Inputs, Run
from benchmarks.cases.norm import GROUPS
from benchmarks.directions import jax as directions

EPS = 1e-5


def standardized(x: jax.Array, dims: tuple[int, ...]) -> jax.Array:
    mean = x.mean(dims, keepdims=True)
    return (x - mean) * jax.lax.rsqrt(x.var(dims, keepdims=True) + EPS)


def scaled(x: jax.Array, weight: jax.Array, bias: jax.Array) -> jax.Array:
    return x * weight[:, None, None] + bias[:, None, None]


def batch(x: jax.Array, w: jax.Array, b: jax.Array) -> jax.Array:
    return scaled(standardized(x, (0, 2, 3)), w, b)


def batch_eval(x: jax.Array, w: jax.Array, b: jax.Array, mean: jax.Array, var: jax.Array) -> jax.Array:
    return scaled((x - mean[:, None, None]) * jax.lax.rsqrt(var + EPS)[:, None, None], w, b)


def layer(x: jax.Array, w: jax.Array, b: jax.Array) -> jax.Array:
    return standardized(x, (1,)) * w + b


def group(x: jax.Array, w: jax.Array, b: jax.Array) -> jax.Array:
    grouped = standardized(x.reshape(x.shape[0], GROUPS, -1), (2,))
    return scaled(grouped.reshape(x.shape), w, b)


FUNCTIONS = {"batch": batch, "batch eval": batch_eval, "layer": layer, "group": group}


def make(inputs: Inputs, kind: str, size: int, direction: str) -> Run:
    arguments = [inputs[name] for name in ("x", "weight", "bias")]
    others = [inputs[name] for name in ("mean", "var")] if kind == "batch eval" else []
    return directions.run(FUNCTIONS[kind], arguments, inputs["g"], direction, others)
