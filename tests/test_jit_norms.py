"""Norms joined with the activation behind them in programs: when, when not, and to what values."""

from __future__ import annotations

import numpy as np
import pytest
from c_files import called, library, needed

import autograd
import nn
import nn.functional as F
from autograd import kernels

pytestmark, a_compiler = needed

ACTIVATIONS = {
    "relu": F.relu,
    "leaky_relu": lambda y: F.leaky_relu(y, 0.2),
    "silu": F.silu,
}
NORMS = {
    "batch": lambda: nn.BatchNorm2d(4),
    "group": lambda: nn.GroupNorm(2, 4),
    "layer": lambda: nn.LayerNorm((5, 6)),
    "batch of rows": lambda: nn.BatchNorm1d(7),
    "group without weights": lambda: nn.GroupNorm(2, 4, affine=False),
}


def shape(norm: str) -> tuple[int, ...]:
    return (9, 7) if norm == "batch of rows" else (3, 4, 5, 6)


def count(program, kernel: int) -> int:
    return sum(getattr(x, "kernel", None) == kernel for x in program.instructions)


def joined(program) -> list[str]:
    """The activations of the norms, forward and backward."""
    kinds = (kernels.STANDARDIZE, kernels.STANDARDIZE_BACKWARD)
    names = {0: "", 1: "relu", 5: "silu", 6: "leaky_relu"}
    return [names[x.sizes[6]] for x in program.instructions if getattr(x, "kernel", None) in kinds]


def trained(norm, function, eager: bool, times: int = 4, dtype=np.float32):
    """The gradients of x and of the norm's parameters in every step of `function` behind `norm`."""
    model = NORMS[norm]()
    rng = np.random.default_rng(1)
    for p in model.parameters():
        p.data = rng.uniform(-1, 1, p.shape).astype(np.float32)
    x = autograd.tensor(rng.normal(0.3, 2, shape(norm)).astype(np.float32), requires_grad=True)
    scale = autograd.tensor(rng.normal(size=shape(norm)).astype(np.float32))

    def step():
        leaves = [x, *model.parameters()]
        z = function(model, x)
        gradients = autograd.grad((z * scale).sum(), leaves)
        return z.detach(), *gradients

    run = step if eager else autograd.jit(step)
    for _ in range(times):
        results = [a.numpy().copy() for a in run()]
    state = [np.array(b) for b in (a.data for a in model.buffers())]
    return results + state, None if eager else run.program


def alike(norm, function, **options):
    """The program of a function that gives what it gives eagerly."""
    want, _ = trained(norm, function, eager=True)
    got, program = trained(norm, function, eager=False)
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6)
    return program


@pytest.mark.parametrize("isa", kernels.isas())
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("norm", NORMS)
def test_one_pass_forward_and_one_back(norm, activation, isa):
    before = kernels.isa()
    kernels.set_isa(isa)
    try:
        program = alike(norm, lambda model, x: ACTIVATIONS[activation](model(x)))
    finally:
        kernels.set_isa(before)
    assert joined(program) == [activation, activation]
    # What is left of elementwise passes: of the product with `scale` (forward and back), and of its sum.
    plain = alike(norm, lambda model, x: model(x))
    assert count(program, kernels.ELEMENTWISE) == count(plain, kernels.ELEMENTWISE)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_in_evaluation_and_without_gradients(activation):
    model = nn.BatchNorm2d(4).eval()
    x = autograd.tensor(np.random.default_rng(0).normal(size=(3, 4, 5, 6)).astype(np.float32))

    @autograd.jit
    def f(x):
        return ACTIVATIONS[activation](model(x))

    with autograd.no_grad():
        results = [f(x).numpy() for _ in range(3)]
        np.testing.assert_allclose(
            results[-1], ACTIVATIONS[activation](model(x)).numpy(), rtol=1e-6, atol=1e-7
        )
    assert joined(f.program) == [activation] and len(f.program.instructions) == 1


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_norm_itself_is_read_elsewhere(activation):
    def function(model, x):
        y = model(x)
        return ACTIVATIONS[activation](y) + y

    assert joined(alike("group", function)) == ["", ""]


def test_the_norm_itself_is_wanted():
    model = nn.GroupNorm(2, 4)
    x = autograd.tensor(np.random.default_rng(0).normal(size=(3, 4, 5, 6)).astype(np.float32))

    @autograd.jit
    def f(x):
        y = model(x).detach()
        return y, F.silu(y)

    for _ in range(3):
        y, z = f(x)
    np.testing.assert_array_equal(y.numpy(), model(x).detach().numpy())
    np.testing.assert_allclose(z.numpy(), F.silu(y).numpy(), rtol=1e-6, atol=1e-7)
    assert joined(f.program) == [""]


def test_the_result_may_be_read_by_anybody():
    """z twice: in the product with `scale`, and in a second branch whose gradient is added."""

    def function(model, x):
        z = F.silu(model(x))
        return z * autograd.tanh(z) + z

    assert joined(alike("group", function)) == ["silu", "silu"]


def test_two_activations_of_one_norm():
    def function(model, x):
        y = model(x)
        return F.silu(y) * F.relu(y)

    assert joined(alike("batch", function)) == ["", ""]


def test_other_activations_stay_behind_the_norm():
    assert joined(alike("layer", lambda model, x: F.gelu(model(x)))) == ["", ""]


@a_compiler
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("norm", ["batch", "group", "layer"])
def test_in_c(norm, activation, tmp_path):
    model = NORMS[norm]()
    scale = autograd.tensor(1.5, requires_grad=True)

    @autograd.jit
    def step(x):
        z = ACTIVATIONS[activation](model(x * scale))
        gradients = autograd.grad((z * z).sum(), [scale, *model.parameters()])
        return z.detach(), *gradients

    x = autograd.tensor(np.random.default_rng(0).normal(0.3, 2, shape(norm)).astype(np.float32))
    for _ in range(3):
        want = [a.numpy() for a in step(x)]
    assert joined(step.program) == [activation, activation]
    lib = library(step.program.to_c(name="step"), tmp_path)
    for got, expected in zip(called(lib.step, [x.data], want), want, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-3)


def test_a_gradient_of_the_gradient():
    """It goes through the ops that the norm is made of, which read y too."""
    x = autograd.tensor(
        np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float32), requires_grad=True
    )
    model = nn.GroupNorm(2, 4)

    def step():
        z = F.silu(model(x))
        (g,) = autograd.grad((z * z).sum(), x, create_graph=True)
        return autograd.grad((g * g).sum(), x)[0]

    run = autograd.jit(step)
    for _ in range(3):
        got = run()
    np.testing.assert_allclose(got.numpy(), step().numpy(), rtol=1e-3, atol=1e-4)


def test_the_gradient_of_an_activation_is_one_step():
    """silu and gelu have an opcode for it; without a norm too."""
    x = autograd.tensor(np.linspace(-3, 3, 50, dtype=np.float32), requires_grad=True)
    for activation in (F.silu, F.gelu):

        def gradient(activation=activation):
            return autograd.grad((activation(x) * 2.0).sum(), x)[0]

        run = autograd.jit(gradient)
        for _ in range(3):
            got = run()
        np.testing.assert_allclose(got.numpy(), gradient().numpy(), rtol=2e-6, atol=1e-7)
        names = [s.op for i in run.program.instructions for s in getattr(i.source, "steps", [])]
        assert f"{activation.__name__}_gradient" in names


@pytest.mark.parametrize("norm", ["layer", "group", "batch"])
def test_inputs_and_gradients_of_any_layout(norm):
    """What a norm saves of an input with gaps is a copy, made again at each call."""
    model = NORMS[norm]()
    wide = np.random.default_rng(2).normal(size=(6, 3, 4, 6, 5))

    def step(x):
        y = model(x.flip(0).transpose(2, 3))
        loss = (y.transpose(2, 3) * x).square().mean()
        return loss.detach(), *autograd.grad(loss, [x, *model.parameters()])

    run = autograd.jit(step)
    for values in wide.astype(np.float32):
        x = autograd.tensor(values, requires_grad=True)
        for ours, wanted in zip(run(x), step(x), strict=True):
            np.testing.assert_allclose(ours.numpy(), wanted.numpy(), rtol=1e-5, atol=1e-6)
