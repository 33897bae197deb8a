"""JAX: the whole step (forward, backward, update) as one jitted function, its state donated."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from benchmarks.cases import Inputs, Run
from benchmarks.cases.steps import initial, jax_nn, jax_sequences
from benchmarks.cases.steps.jax_nn import Module, Parameter, State, pure
from benchmarks.cases.steps.library import Library
from benchmarks.cases.steps.models import MODELS, discriminator, generator
from benchmarks.cases.steps.training import OPTIMIZERS, loss_for
from benchmarks.cases.steps.updates import MOMENTS, update

LIBRARY = Library(jax_nn, SimpleNamespace(**(vars(jax_nn) | vars(jax_sequences))))


class Trained(NamedTuple):
    """All that changes when a network is trained."""

    parameters: list[Array]
    states: list[Array]
    moments: list[tuple[Array, ...]]
    count: Array  # of the updates

    @classmethod
    def begin(cls, network: Module, algorithm: str) -> Trained:
        shapes = [parameter.shape for parameter in network.variables(Parameter)]
        zeros = [tuple(jnp.zeros(shape) for _ in range(MOMENTS[algorithm])) for shape in shapes]
        states = [state.value for state in network.variables(State)]
        return cls([jnp.asarray(w) for w in initial(shapes)], states, zeros, jnp.zeros(()))

    def updated(self, gradients: list[Array], optimizer: str) -> Trained:
        algorithm, options = OPTIMIZERS[optimizer]
        rule, count = update(algorithm, **options), self.count + 1
        pairs = [
            rule(p, g, moments, count)
            for p, g, moments in zip(self.parameters, gradients, self.moments, strict=True)
        ]
        return self._replace(parameters=[p for p, _ in pairs], moments=[m for _, m in pairs], count=count)


Step = Callable[..., tuple[Array, Any]]  # (state, *batch) -> (loss, state)


def make(inputs: Inputs, model: str, batch: int, optimizer: str, dropout: bool, updates: int = 1) -> Run:
    """`updates`: how many a call makes, in one loop of the compiled function."""
    if model == "dcgan":
        step, state = adversarial()
    else:
        step, state = supervised(MODELS[model](LIBRARY, dropout), loss_for(LIBRARY, inputs), optimizer)
    tensors = [jnp.asarray(value) for value in inputs.values()]
    jitted = jax.jit(step if updates == 1 else repeated(step, updates), donate_argnums=0)

    def run() -> Array:
        nonlocal state
        loss, state = jitted(state, *tensors)
        return loss.block_until_ready()

    return run


def repeated(step: Step, updates: int) -> Step:
    """`step` many times; the loss is that of the last."""

    def steps(state: Any, *batch: Array) -> tuple[Array, Any]:
        return jax.lax.fori_loop(1, updates, lambda _, found: step(found[1], *batch), step(state, *batch))

    return steps


def supervised(network: Module, loss_of: jax_nn.Loss, optimizer: str) -> tuple[Step, Trained]:
    apply = pure(network)

    def step(state: Trained, *batch: Array) -> tuple[Array, Trained]:
        *given, target = batch

        def loss_at(parameters: list[Array]) -> tuple[Array, list[Array]]:
            output, states = apply(parameters, state.states, *given)
            return loss_of(output, target), states

        (loss, states), gradients = jax.value_and_grad(loss_at, has_aux=True)(state.parameters)
        return loss, state._replace(states=states).updated(gradients, optimizer)

    return step, Trained.begin(network, OPTIMIZERS[optimizer][0])


def adversarial() -> tuple[Step, tuple[Trained, Trained]]:
    """The step of training.adversarial, in its order. (There D also gets gradients when G is trained, which
    nobody uses; here nobody asks for them.)"""
    generating, judging = generator(LIBRARY), discriminator(LIBRARY)
    generated, judged, loss_of = pure(generating), pure(judging), jax_nn.BCEWithLogitsLoss()

    def loss_of_d(
        parameters: list[Array], states: list[Array], images: Array, target: Array
    ) -> tuple[Array, list[Array]]:
        logits, states = judged(parameters, states, images)
        return loss_of(logits, target), states

    def step(
        state: tuple[Trained, Trained], x: Array, noise: Array, ones: Array, zeros: Array
    ) -> tuple[Array, tuple[Trained, Trained]]:
        g, d = state
        of_parameters = jax.value_and_grad(loss_of_d, has_aux=True)
        of_images = jax.value_and_grad(loss_of_d, argnums=2, has_aux=True)

        (on_real, states), from_real = of_parameters(d.parameters, d.states, x, ones)
        images, pull_back, g_states = jax.vjp(
            lambda parameters: generated(parameters, g.states, noise), g.parameters, has_aux=True
        )
        (on_images, states), from_images = of_parameters(d.parameters, states, images, zeros)
        gradients = [a + b for a, b in zip(from_real, from_images, strict=True)]
        d = d.updated(gradients, "adversarial")
        (deceit, states), gradient = of_images(d.parameters, states, images, ones)
        g = g._replace(states=g_states).updated(*pull_back(gradient), "adversarial")
        return on_real + on_images + deceit, (g, d._replace(states=states))

    algorithm = OPTIMIZERS["adversarial"][0]
    return step, (Trained.begin(generating, algorithm), Trained.begin(judging, algorithm))
