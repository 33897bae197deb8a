"""Every op of the registry, on every case of op_cases: shape rule, gradients to order 2, C against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from op_cases import CASES, Case

from autograd import Tensor, kernels
from autograd.check import gradcheck
from autograd.op import REGISTRY

ISAS = kernels.isas()
TOLERANCE = {np.float32: 1e-5, np.float64: 1e-12}


def as_tuple(out: Any) -> tuple[Any, ...]:
    return out if isinstance(out, tuple) else (out,)


def typed(case: Case, dtype: Any) -> list[np.ndarray]:
    return [x.astype(dtype) if x.dtype.kind == "f" else x for x in case.inputs]


def run(case: Case, dtype: Any = np.float64) -> tuple[np.ndarray, ...]:
    out = REGISTRY[case.op].door(*map(Tensor, typed(case, dtype)), **case.attributes)
    return tuple(z.data for z in as_tuple(out))


@pytest.fixture
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The named backend for one test: "numpy", or the C kernels of an ISA."""
    name: str = request.param
    if name == "numpy":
        monkeypatch.setattr(kernels, "active", False)
        yield name
        return
    best = kernels.isa()
    kernels.set_isa(name)
    yield name
    kernels.set_isa(best)


def test_every_op_has_a_case() -> None:
    assert set(REGISTRY) - {case.op for case in CASES} == set()


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_shape_rule(case: Case) -> None:
    op = REGISTRY[case.op]
    shape = op.shape(*(x.shape for x in case.inputs), **case.attributes)
    got = tuple(z.shape for z in run(case))
    assert (shape if op.several else (shape,)) == got


@pytest.mark.parametrize("backend", ["numpy", *ISAS], indirect=True)
@pytest.mark.parametrize(
    "case", [c for c in CASES if not REGISTRY[c.op].why and c.smooth and c.inputs[-1].size], ids=repr
)
def test_gradients(case: Case, backend: str) -> None:
    """Orders 1 and 2 against central differences, in every input that has a rule."""
    op = REGISTRY[case.op]
    rules = [
        op.rules["*" if op.variadic else name] for name in (op.inputs * len(case.inputs))[: len(case.inputs)]
    ]
    inputs = [
        Tensor(x.copy(), requires_grad=(rule is not None or op.fused) and x.dtype.kind == "f")
        for x, rule in zip(case.inputs, rules, strict=True)
    ]
    large = max(x.size for x in case.inputs) > 2000

    def door(*values: Any) -> Any:
        return op.door(*values, **case.attributes)

    tolerance = 1e-3 if large else 1e-5
    assert gradcheck(door, inputs, order=2, atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["f32", "f64"])
@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("case", CASES, ids=repr)
def test_c_against_numpy(case: Case, isa: str, dtype: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forward and gradient agree within the house's tolerance, scaled by the reduction's length."""
    best = kernels.isa()
    try:
        kernels.set_isa(isa)
        c = forward_and_gradients(case, dtype)
        monkeypatch.setattr(kernels, "active", False)
        reference = forward_and_gradients(case, dtype)
    finally:
        kernels.set_isa(best)
    for ours, theirs in zip(c, reference, strict=True):
        assert ours.dtype == theirs.dtype and ours.shape == theirs.shape
        if theirs.dtype.kind != "f":
            np.testing.assert_array_equal(ours, theirs)
            continue
        length = max(1, max((x.size for x in case.inputs), default=1) // max(theirs.size, 1))
        scale = TOLERANCE[dtype] * max(1.0, np.sqrt(length))
        np.testing.assert_allclose(
            ours, theirs, rtol=scale, atol=scale * max(1.0, np.abs(theirs).max(initial=0))
        )


def forward_and_gradients(case: Case, dtype: Any) -> list[np.ndarray]:
    op = REGISTRY[case.op]
    if op.why:
        return list(run(case, dtype))
    rules = [
        op.rules["*" if op.variadic else name] for name in (op.inputs * len(case.inputs))[: len(case.inputs)]
    ]
    inputs = [
        Tensor(x, requires_grad=(rule is not None or op.fused) and x.dtype.kind == "f")
        for x, rule in zip(typed(case, dtype), rules, strict=True)
    ]
    outputs = as_tuple(op.door(*inputs, **case.attributes))
    seed = np.random.default_rng(0)
    for z in outputs:
        if z.requires_grad:
            z.backward(seed.uniform(0.5, 1.5, z.shape).astype(dtype), retain_graph=True)
    return [z.data for z in outputs] + [x.grad.data for x in inputs if x.requires_grad]


def takes_part(case: Case) -> bool:
    op = REGISTRY[case.op]
    return not op.why and not op.several and all(rule is not None for rule in op.rules.values())


@pytest.mark.parametrize("case", [case for case in CASES if takes_part(case)], ids=repr)
def test_leaves_own_their_gradients(case: Case) -> None:
    """Changing one leaf's gradient in place touches neither another's nor the seed."""
    inputs = wanted = [Tensor(x.copy(), requires_grad=True) for x in case.inputs]
    op = REGISTRY[case.op]
    z = op.door(*inputs, **case.attributes)
    seed = np.ones(z.shape)
    z.backward(Tensor(seed))
    before = [x.grad.data.copy() for x in wanted]
    wanted[0].grad.data[...] = 7.0
    assert np.all(seed == 1.0)
    for x, kept in zip(wanted[1:], before[1:], strict=True):
        np.testing.assert_array_equal(x.grad.data, kept)


def test_ops_without_a_derivative_say_why() -> None:
    for op in REGISTRY.values():
        if all(rule is None for rule in op.rules.values()) and not op.fused:
            assert op.why, f"{op.name} has no rule and no reason"
