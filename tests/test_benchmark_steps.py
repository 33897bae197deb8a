"""Training steps: every side does the same work, by each library's own means."""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from benchmarks import cases, sides
from benchmarks.cases import jit, steps
from benchmarks.worker import to_numpy

RNG = np.random.default_rng(0)
X = RNG.standard_normal((3, 8, 6, 6)).astype(np.float32)


@pytest.fixture
def jax_nn() -> ModuleType:
    pytest.importorskip("jax")
    from benchmarks.cases.steps import jax_nn

    return jax_nn


LAYERS: dict[str, Callable[[Any], Any]] = {
    "strided convolution": lambda nn: nn.Conv2d(8, 4, 4, stride=2, padding=1),
    "convolution without bias": lambda nn: nn.Conv2d(8, 4, 3, bias=False),
    "transposed convolution": lambda nn: nn.ConvTranspose2d(8, 4, 4, stride=2, padding=1),
    "transposed convolution without bias": lambda nn: nn.ConvTranspose2d(8, 4, 5, bias=False),
    "batch norm": lambda nn: nn.BatchNorm2d(8),
    "group norm": lambda nn: nn.GroupNorm(4, 8),
    "upsampling": lambda nn: nn.Upsample(scale_factor=2),
    "pooling": lambda nn: nn.MaxPool2d(2),
    "activations": lambda nn: nn.Sequential(nn.SiLU(), nn.LeakyReLU(0.2), nn.Tanh(), nn.ReLU()),
}


@pytest.mark.parametrize("name", LAYERS)
def test_jax_layers_are_pytorch_s(name: str, jax_nn: ModuleType) -> None:
    """Output, what is kept (running statistics), and the gradients of input and parameters."""
    torch = pytest.importorskip("torch")
    import jax

    theirs, layer = LAYERS[name](torch.nn), LAYERS[name](jax_nn)
    shapes = [tuple(p.shape) for p in theirs.parameters()]
    assert shapes == [p.shape for p in layer.variables(jax_nn.Parameter)]
    weights = [RNG.standard_normal(shape).astype(np.float32) for shape in shapes]
    with torch.no_grad():
        for parameter, weight in zip(theirs.parameters(), weights, strict=True):
            parameter.copy_(torch.tensor(weight))
    x = torch.tensor(X, requires_grad=True)
    y = theirs(x)
    g = RNG.standard_normal(y.shape).astype(np.float32)
    y.backward(torch.tensor(g))

    states = [state.value for state in layer.variables(jax_nn.State)]
    function = jax.jit(lambda weights, x: jax_nn.pure(layer)(weights, states, x))
    ours, pull_back, kept = jax.vjp(function, weights, X, has_aux=True)
    gradients, gradient = pull_back(g)
    kept_there = [b.detach() for n, b in theirs.named_buffers() if n.startswith("running")]
    found = [ours, gradient, *gradients, *kept]
    expected = [y.detach(), x.grad, *(p.grad for p in theirs.parameters()), *kept_there]
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=2e-5)


def test_jax_dropout_has_a_new_mask_each_step(jax_nn: ModuleType) -> None:
    dropout = jax_nn.Dropout(0.25)
    apply = jax_nn.pure(dropout)
    key = [state.value for state in dropout.variables(jax_nn.State)]
    ones = np.ones((100, 100), np.float32)
    first, key = apply([], key, ones)
    second, _ = apply([], key, ones)
    assert set(np.unique(first)) == {0, np.float32(4 / 3)}
    assert np.mean(first) == pytest.approx(1, abs=0.05)
    assert not np.array_equal(first, second)


def losses(side: str, model: str, optimizer: str) -> list[float]:
    make = importlib.import_module(f"benchmarks.cases.steps.side_{side}").make
    sizes = {"model": model, "batch": 4, "optimizer": optimizer, "dropout": False}
    run = make(steps.CASE.draw(sizes), **sizes)
    return [float(to_numpy(run())) for _ in range(4)]


@pytest.mark.parametrize(
    ("side", "model", "optimizer"),
    [
        ("jax", "playground", "sgd"),
        ("jax", "lenet5", "adam"),
        ("jax", "dcgan", "adam"),
        pytest.param("jax", "unet", "adam", marks=pytest.mark.slow),  # XLA takes long
        ("pytorch_channels_last", "lenet5", "adam"),
        *(
            (side, model, "adam")
            for model in ("lstm", "gru", "rnn", "transformer")
            for side in ("pytorch", "jax")
        ),
    ],
)
def test_sides_take_the_same_steps(side: str, model: str, optimizer: str) -> None:
    pytest.importorskip("jax" if side == "jax" else "torch")
    assert losses(side, model, optimizer) == pytest.approx(losses("ours", model, optimizer), rel=1e-3)


def test_compiled_optimizers_are_pytorch_s() -> None:
    """What stands in for torch.optim where a step is compiled, run eagerly."""
    torch = pytest.importorskip("torch")
    from benchmarks.cases.steps.side_pytorch_compile import OPTIM

    for algorithm, options in (("SGD", {"lr": 0.1}), ("Adam", {"lr": 0.01, "betas": (0.5, 0.999)})):
        trained = []
        for optim in (torch.optim, OPTIM):
            p = torch.tensor(X, requires_grad=True)
            optimizer = getattr(optim, algorithm)([p], **options)
            for _ in range(3):
                optimizer.zero_grad()
                (p**3).sum().backward()
                optimizer.step()
            trained.append(p.detach())
        torch.testing.assert_close(trained[0], trained[1])


def test_a_step_that_is_not_compiled_is_an_error() -> None:
    torch = pytest.importorskip("torch")
    from benchmarks.cases.steps.side_pytorch_compile import compiled

    switched_off = torch._dynamo.config.patch(disable=True)
    with switched_off, pytest.raises(RuntimeError, match="runs the step eagerly"):
        compiled(lambda x: x)(torch.ones(1))


def test_torch_compile_without_a_compiler_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(sides.Refused, match="needs a C\\+\\+ compiler, and no-such-compiler"):
        sides.set_up("pytorch_compile", 1)


@pytest.mark.slow
def test_a_step_becomes_one_graph() -> None:
    pytest.importorskip("torch")
    if shutil.which("g++") is None:
        pytest.skip("torch.compile needs g++")
    assert losses("pytorch_compile", "playground", "sgd") == pytest.approx(
        losses("ours", "playground", "sgd"), rel=1e-4
    )


def test_jit_has_the_rows_of_the_steps() -> None:
    rows = [row for row in jit.CASE.rows if row is not jit.loop]
    assert tuple(rows) == steps.CASE.rows
    for row in rows:
        recurrent = row.sizes["model"] in steps.RECURRENT
        assert {"pytorch", "jax"} <= set(row.peers)
        assert ("pytorch_compile" in row.peers) is not recurrent
        assert ("pytorch_channels_last" in row.peers) is (row.sizes["model"] in steps.CONVOLUTIONS)
    assert cases.load(cases.package("jit")) is jit.CASE
