"""JAX: the whole step (forward, backward, update) as one jitted function, its state donated.

The few layers that the models need stand here under the names of PyTorch's nn, so that the models
themselves are those of every side. Adam is Kingma and Ba's, with bias correction, as PyTorch's.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from benchmarks.cases import Inputs, Run
from benchmarks.cases.steps import initial
from benchmarks.cases.steps.models import MODELS, Library


class Layer(NamedTuple):
    """The shapes of a layer's parameters, and what it does: apply(x, parameters taken in order)."""

    shapes: list[tuple[int, ...]]
    apply: Callable[[jax.Array, Iterator[jax.Array]], jax.Array]


def Linear(wide: int, narrow: int) -> Layer:
    return Layer([(narrow, wide), (narrow,)], lambda x, p: x @ next(p).T + next(p))


def Conv2d(channels: int, filters: int, kernel: int, padding: int = 0) -> Layer:
    def apply(x: jax.Array, p: Iterator[jax.Array]) -> jax.Array:
        y = lax.conv_general_dilated(x, next(p), (1, 1), [(padding, padding)] * 2)
        return y + next(p)[:, None, None]

    return Layer([(filters, channels, kernel, kernel), (filters,)], apply)


def MaxPool2d(size: int) -> Layer:
    window = (1, 1, size, size)
    return Layer([], lambda x, p: lax.reduce_window(x, -jnp.inf, lax.max, window, window, "VALID"))


def Flatten() -> Layer:
    return Layer([], lambda x, p: x.reshape(x.shape[0], -1))


def ReLU() -> Layer:
    return Layer([], lambda x, p: jax.nn.relu(x))


def Tanh() -> Layer:
    return Layer([], lambda x, p: jnp.tanh(x))


def Sequential(*layers: Layer) -> Layer:
    def apply(x: jax.Array, p: Iterator[jax.Array]) -> jax.Array:
        for layer in layers:
            x = layer.apply(x, p)
        return x

    return Layer([shape for layer in layers for shape in layer.shapes], apply)


def squared_error(y: jax.Array, target: jax.Array) -> jax.Array:
    return jnp.mean((y - target) ** 2)


def cross_entropy(logits: jax.Array, target: jax.Array) -> jax.Array:
    chosen = jnp.take_along_axis(jax.nn.log_softmax(logits), target[:, None], 1)
    return -jnp.mean(chosen)


def sgd(parameters: list, gradients: list, moments: list, count: jax.Array) -> tuple[list, list]:
    return [p - 0.03 * g for p, g in zip(parameters, gradients, strict=True)], moments


def adam(parameters: list, gradients: list, moments: list, count: jax.Array) -> tuple[list, list]:
    new, kept = [], []
    for p, g, (m, v) in zip(parameters, gradients, moments, strict=True):
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        corrected = jnp.sqrt(v / (1 - 0.999**count)) + 1e-8
        new.append(p - 1e-3 * (m / (1 - 0.9**count)) / corrected)
        kept.append((m, v))
    return new, kept


def make(inputs: Inputs, model: str, batch: int, optimizer: str, dropout: bool) -> Run:
    network = MODELS[model](Library(jnp, sys.modules[__name__]), dropout)
    loss_of = squared_error if model == "playground" else cross_entropy
    update = {"sgd": sgd, "adam": adam}[optimizer]
    x, target = jnp.asarray(inputs["x"]), jnp.asarray(inputs["target"])

    def loss_at(parameters: list) -> jax.Array:
        return loss_of(network.apply(x, iter(parameters)), target)

    @partial(jax.jit, donate_argnums=(0, 1, 2))
    def advance(parameters: list, moments: list, count: jax.Array) -> tuple:
        loss, gradients = jax.value_and_grad(loss_at)(parameters)
        parameters, moments = update(parameters, gradients, moments, count + 1)
        return loss, (parameters, moments, count + 1)

    start = [jnp.asarray(value) for value in initial(network.shapes)]
    state = (start, [(jnp.zeros_like(p), jnp.zeros_like(p)) for p in start], jnp.zeros((), jnp.float32))

    def step() -> jax.Array:
        nonlocal state
        loss, state = advance(*state)
        return loss.block_until_ready()

    return step
