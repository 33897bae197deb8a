"""Random programs give what they give eagerly, call after call: results, gradients, state, random numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from jit_checks import Scene, agrees
from jit_programs import SHAPES, computed, written

import autograd
from autograd import Tensor, kernels

pytestmark = pytest.mark.skipif(not kernels.active, reason="programs are made of kernels")

numbers = st.integers(0, 2**16)
programs = st.lists(st.tuples(numbers, numbers, numbers), min_size=1, max_size=14)


def tensors(seed: int, requires_grad: bool = False, dtype: Any = np.float64) -> list[Tensor]:
    rng = np.random.default_rng(seed)
    return [Tensor(rng.standard_normal(shape).astype(dtype), requires_grad) for shape in SHAPES]


def arguments(i: int) -> tuple[Any, ...]:
    """Nested in lists and dicts, as a batch may be."""
    x, row, column, *rest = tensors(100 + i)
    return x, {"row": row, "others": [column, *rest]}


def flat(x: Tensor, more: dict[str, Any]) -> list[Tensor]:
    return [x, more["row"], *more["others"]]


def writes_agree(program, seed):
    """State, views of it and temporaries are written between reads, under no_grad."""

    def build() -> Scene:
        state = tensors(seed)[:2]

        @autograd.no_grad()
        def step(x, more):
            values = written(program, flat(x, more), state)
            return values[-1], {"before": values[-3:-1]}, values[5:8]

        return Scene(step, lambda: state, arguments)

    agrees(build, calls=4, rtol=1e-9)


ways = st.sampled_from(["grad", "backward", "twice", "second"])


def gradients_agree(program, seed, how):
    """Gradients returned, in .grad, added up over two backward calls, differentiated again."""

    def build() -> Scene:
        weights = tensors(seed, requires_grad=True)

        def step(x, more):
            values = computed(program, [*flat(x, more), *weights])
            loss = sum((v.square().mean() for v in values[-3:]), weights[0].sum() * 0.0)
            if how == "grad":
                return loss, autograd.grad(loss, weights, allow_unused=True), values[-1].detach()
            if how == "second":
                (g,) = autograd.grad(loss, weights[:1], create_graph=True)
                total = g.square().sum() + loss
                return total, autograd.grad(total, weights, allow_unused=True)
            if seed % 2:
                for w in weights:
                    w.grad = None
            loss.backward(retain_graph=how == "twice")
            if how == "twice":
                (loss * 0.5).backward()
            with autograd.no_grad():
                for w in weights:
                    if w.grad is not None and seed % 3:
                        w.add_(w.grad, alpha=-1e-3)
            return loss

        return Scene(step, lambda: [[w, w.grad] for w in weights], arguments)

    agrees(build, calls=5, rtol=1e-8)


test_writes_among_ops = examples(60)(given(programs, numbers)(writes_agree))
test_gradients = examples(60)(given(programs, numbers, ways)(gradients_agree))
