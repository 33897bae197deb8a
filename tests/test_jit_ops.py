"""Every op of the registry, jitted: forward, gradients and second derivatives are those of eager ops."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from op_cases import CASES, Case

import autograd
from autograd import Tensor, kernels
from autograd.op import REGISTRY

pytestmark = pytest.mark.skipif(not kernels.active, reason="programs are made of kernels")

TOLERANCE = {np.float32: 1e-5, np.float64: 1e-12}


def as_tuple(out: Any) -> tuple[Any, ...]:
    return out if isinstance(out, tuple) else (out,)


def typed(value: Any, dtype: Any) -> Any:
    """Real arrays as another type, in the strides that they have."""
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        return value.astype(dtype, order="K")
    return tuple(typed(v, dtype) for v in value) if isinstance(value, tuple) else value


def laid_out_as(x: np.ndarray, dtype: Any) -> np.ndarray:
    """A copy on memory of its own, as far apart as the elements of x are: astype() would close the gaps."""
    if x.dtype.kind != "f":
        return x.copy()
    steps = [abs(s) // x.itemsize for s in x.strides]
    room = 1 + sum((n - 1) * s for n, s in zip(x.shape, steps, strict=True)) if x.size else 0
    backwards = [(n - 1) * s for n, s, given in zip(x.shape, steps, x.strides, strict=True) if given < 0]
    memory = np.zeros(room, dtype)
    strides = [np.sign(given) * s * memory.itemsize for s, given in zip(steps, x.strides, strict=True)]
    start = sum(backwards) * memory.itemsize if x.size else 0
    out = np.ndarray(x.shape, dtype, memory, start, strides)
    out[...] = x
    return out


def differentiated(case: Case, order: int) -> Any:
    """A function of the case's inputs: outputs, gradients and (order 2) the gradients of those."""
    op = REGISTRY[case.op]

    def function(*inputs: Tensor) -> list[Any]:
        outputs = as_tuple(op.door(*inputs, **case.attributes))
        wanted = [x for x in inputs if x.requires_grad]
        found = [z.detach() for z in outputs]
        level = [z for z in outputs if z.requires_grad]
        for left in range(order, 0, -1):
            if not level or not wanted:
                break
            seeds = [z.detach() * 0.5 + 1.25 for z in level]
            grads = autograd.grad(level, wanted, seeds, create_graph=left > 1, allow_unused=True)
            found += [g.detach() for g in grads if g is not None]
            level = [g for g in grads if g is not None and g.requires_grad]
        return found

    return function


def compare(mine: list[Any], eager: list[Any], dtype: Any, longest: int) -> None:
    assert len(mine) == len(eager)
    for ours, theirs in zip(mine, eager, strict=True):
        assert ours.dtype == theirs.dtype and ours.shape == theirs.shape
        if theirs.dtype.kind != "f":
            np.testing.assert_array_equal(ours.data, theirs.data)
            continue
        length = max(1, longest // max(theirs.data.size, 1))
        scale = TOLERANCE[dtype] * max(1.0, np.sqrt(length))
        atol = scale * max(1.0, float(np.abs(theirs.data).max(initial=0)))
        np.testing.assert_allclose(ours.data, theirs.data, rtol=scale, atol=atol)


def leaves(case: Case, dtype: Any, order: int) -> list[Tensor]:
    op = REGISTRY[case.op]
    names = ["*"] * len(case.inputs) if op.variadic else op.inputs
    ruled = [order > 0 and (op.fused or op.rules[name] is not None) for name in names]
    return [
        Tensor(laid_out_as(x, dtype), requires_grad=need and x.dtype.kind == "f")
        for x, need in zip(case.inputs, ruled, strict=False)
    ]


def moved(x: np.ndarray) -> np.ndarray:
    """Other numbers, in every op's domain as x is."""
    return x * x.dtype.type(0.875) if x.dtype.kind == "f" else x


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_on_state(case: Case) -> None:
    """On tensors that are closed over, strided as they are, with other numbers at each call."""
    for dtype, order in itertools.product((np.float32, np.float64), (0, 1, 2)):
        if order and REGISTRY[case.op].why:
            continue
        if order == 2 and dtype is np.float32 and "large" in case.label:
            continue  # sums of float32 that cancel: eager itself has few digits there
        typed_case = case._replace(attributes={k: typed(v, dtype) for k, v in case.attributes.items()})
        inputs = leaves(case, dtype, order)
        function = differentiated(typed_case, order)
        jitted = autograd.jit(lambda: function(*inputs))  # noqa: B023 (it is called in this round)
        for _ in range(4):
            compare(jitted(), function(*inputs), dtype, max(x.data.size for x in inputs))
            for x in inputs:
                x.data[...] = moved(x.data)
        assert len(jitted.programs) == 1


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_on_arguments(case: Case) -> None:
    dtype = np.float64
    inputs = leaves(case, dtype, 1)
    function = differentiated(case, 1)
    jitted = autograd.jit(function)
    for _ in range(3):
        compare(jitted(*inputs), function(*inputs), dtype, max(x.data.size for x in inputs))
        inputs = [Tensor(moved(x.data), x.requires_grad) for x in inputs]
