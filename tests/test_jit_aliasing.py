"""Programs and memory that is written: a value read before a write, after it, through a view, twice."""

from __future__ import annotations

import numpy as np
import pytest
from jit_checks import Scene, agrees

import autograd
from autograd import kernels
from nn import functional as F
from nn import optim

pytestmark = pytest.mark.skipif(not kernels.active, reason="programs are made of kernels")


def equal_values_one_written() -> Scene:
    """Equal steps are computed once, but not if what they gave is written after."""

    def step(x):
        a, b = x * 2, x * 2
        b.mul_(3)
        return a * 1.5, b * 1.5, a + b

    return Scene(step)


def first_of_equal_values_written() -> Scene:
    def step(x):
        a = x * 2
        a.add_(1)
        return a * 1.5, x * 2 + a

    return Scene(step)


def product_with_one_written() -> Scene:
    def step(x):
        y = x + 1
        z = y * 1.0
        z.add_(2)
        return y * 2, z * 2

    return Scene(step)


def factor_of_one_written() -> Scene:
    def step(x):
        y = x + 1
        z = y * 1.0
        y.add_(2)
        return y * 2, z * 2

    return Scene(step)


def constants_written() -> Scene:
    """zeros() and ones() begin anew at each call, whatever was written to them in the last."""

    def step(x):
        total, picked = autograd.zeros(4, 3), autograd.ones(3) + 1
        total.add_(x)
        picked[1] = 5.0
        picked.add_(x[0])
        return total * 1.5, picked * x

    return Scene(step)


def product_written_before_its_activation() -> Scene:
    weight = autograd.rand(2, 3)

    def step(x):
        y = F.linear(x, weight)
        y[0] = -1.0
        return autograd.relu(y), autograd.tanh(y)

    return Scene(step)


def views_before_and_after_a_write() -> Scene:
    state = autograd.zeros(4, 3)

    def step(x):
        view = state[1:3]
        before = view * 1.5
        state.copy_(x)
        after = view * 1.5
        state[0] = 7.0
        return before, after, state.sum(), view.T

    return Scene(step, lambda: state)


def assignments_that_overlap() -> Scene:
    state = autograd.tensor(np.arange(12.0))

    def step(x):
        state[1:] = state[:-1]
        state[0] = x.sum().double()
        state[:6] = state[6:]
        state.copy_(state.flip(0))
        return state * 2

    return Scene(step, lambda: state)


def results_that_are_state_and_arguments() -> Scene:
    state = autograd.zeros(4, 3)

    def step(x):
        state.add_(x)
        return state, state[0], state.T, x, x[1:], x.reshape(12), [x, {"twice": state}]

    return Scene(step, lambda: state)


def numbers_written() -> Scene:
    state, count = autograd.ones(4, 3), autograd.tensor([1, 2])

    def step(x):
        old = state * 2.0
        state.zero_()
        state[1:] = True
        state[0, 1] = 7
        count[0] = 5
        count.add_(1)
        return old, state * x, count

    return Scene(step, lambda: [state, count])


def gradients_filled_with_zeros() -> Scene:
    w = autograd.ones(3).requires_grad_()
    update = optim.SGD([w], lr=0.1)

    def step(x):
        update.zero_grad(set_to_none=False)
        (x * w).sum().backward()
        update.step()

    return Scene(step, lambda: [w, w.grad])


def old_and_new_state_together() -> Scene:
    state = autograd.zeros(4, 3)

    def step(x):
        old = state + 0.0
        state.add_(x)
        between = state.clone()
        state.mul_(0.5)
        return old, between, state, old - between

    return Scene(step, lambda: state)


def rows_written_by_turns() -> Scene:
    state = autograd.zeros(4, 3)

    def step(x):
        for i in range(4):
            state[i] = x[i] + state[(i + 3) % 4] * 0.5
        column = state.T
        column[1] = 2.0
        return state * 1.0

    return Scene(step, lambda: state)


def one_tensor_as_two_arguments() -> Scene:
    x = autograd.tensor([1.0, 2.0])
    return Scene(lambda a, b: (a * b, a - b), arguments=lambda i: (x, x))


def an_index_computed_inside() -> Scene:
    def step(x, rows):
        return x[rows], x[rows, rows % 3], x[:, autograd.tensor([0, 2])]

    rng = np.random.default_rng(0)
    return Scene(
        step,
        arguments=lambda i: (
            autograd.tensor(rng.standard_normal((4, 3))),
            autograd.tensor(rng.integers(0, 4, 5)),
        ),
    )


SCENES = [
    equal_values_one_written, first_of_equal_values_written, product_with_one_written, factor_of_one_written,
    constants_written, product_written_before_its_activation, views_before_and_after_a_write,
    assignments_that_overlap, results_that_are_state_and_arguments, old_and_new_state_together,
    numbers_written, gradients_filled_with_zeros, rows_written_by_turns,
    one_tensor_as_two_arguments, an_index_computed_inside,
]  # fmt: skip


@pytest.mark.parametrize("build", SCENES)
def test_scene(build):
    assert agrees(build).captured == 1
