"""Optimiser updates: kernel against NumPy against PyTorch, every option, every ISA, edge sizes."""

import numpy as np
import pytest

from autograd import kernels
from autograd.ops import update_kernel
from autograd.ops.update_kernel import adam, adam_reference, sgd, sgd_reference

needs_kernels = pytest.mark.skipif(not kernels.active, reason="no compiled kernels")
SIZES = [0, 1, 7, 16, 255, 257, 40_001]


@pytest.fixture(params=kernels.isas())
def isa(request):
    before = kernels.isa()
    kernels.set_isa(request.param)
    yield request.param
    kernels.set_isa(before)


@pytest.fixture
def only_kernels(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("the kernel did not take this call")

    monkeypatch.setattr(update_kernel, "SGD_THRESHOLD", (0, 0))
    monkeypatch.setattr(update_kernel, "sgd_reference", refuse)
    monkeypatch.setattr(update_kernel, "adam_reference", refuse)


SGD_OPTIONS = [
    {},
    {"weight_decay": 0.1, "maximize": True},
    {"momentum": 0.9},
    {"momentum": 0.9, "dampening": 0.3, "weight_decay": 0.01},
    {"momentum": 0.9, "nesterov": True, "weight_decay": 0.01},
]
ADAM_OPTIONS = [
    {},
    {"weight_decay": 0.1, "maximize": True},
    {"weight_decay": 0.1, "decoupled": True},
    {"betas": (0.5, 0.9), "eps": 1e-3, "amsgrad": True},
]


def run_sgd(function, size, dtype, options, steps=4):
    rng = np.random.default_rng(size)
    param = rng.normal(size=size).astype(dtype)
    # The first step must not read the buffer.
    buffer = np.full(size, np.nan, dtype) if "momentum" in options else None
    for step in range(steps):
        grad = rng.normal(size=size).astype(dtype)
        function(param, grad, buffer, lr=0.1, first=step == 0, **options)
    return [a for a in (param, buffer) if a is not None]


def run_adam(function, size, dtype, options, steps=4):
    options = dict(options)
    rng = np.random.default_rng(size)
    param, mean, square = rng.normal(size=size).astype(dtype), np.zeros(size, dtype), np.zeros(size, dtype)
    largest = np.zeros(size, dtype) if options.pop("amsgrad", False) else None
    for step in range(1, steps + 1):
        grad = rng.normal(size=size).astype(dtype)
        function(param, grad, mean, square, largest, step=step, lr=0.01, **options)
    return [a for a in (param, mean, square, largest) if a is not None]


def agree(got, want):
    for a, b in zip(got, want, strict=True):
        tolerance = 1e-5 if a.dtype == np.float32 else 1e-12
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


@needs_kernels
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("options", SGD_OPTIONS, ids=str)
def test_sgd_kernel_is_its_reference(isa, only_kernels, options, dtype):
    for size in SIZES:
        agree(run_sgd(sgd, size, dtype, options), run_sgd(sgd_reference, size, dtype, options))


@needs_kernels
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("options", ADAM_OPTIONS, ids=str)
def test_adam_kernel_is_its_reference(isa, only_kernels, options, dtype):
    for size in SIZES:
        agree(run_adam(adam, size, dtype, options), run_adam(adam_reference, size, dtype, options))


@pytest.mark.parametrize("options", SGD_OPTIONS, ids=str)
def test_sgd_is_pytorchs(options):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(33)
    param = torch.tensor(rng.normal(size=33), requires_grad=True)
    optimizer = torch.optim.SGD([param], lr=0.1, **options)
    for _ in range(4):
        param.grad = torch.tensor(rng.normal(size=33))
        optimizer.step()
    agree(run_sgd(sgd, 33, np.float64, options)[:1], [param.detach().numpy()])


@pytest.mark.parametrize("options", ADAM_OPTIONS, ids=str)
def test_adam_is_pytorchs(options):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(33)
    param = torch.tensor(rng.normal(size=33), requires_grad=True)
    plain = {name: value for name, value in options.items() if name != "decoupled"}
    kind = torch.optim.AdamW if options.get("decoupled") else torch.optim.Adam
    optimizer = kind([param], lr=0.01, **({"weight_decay": 0.0} | plain))
    for _ in range(4):
        param.grad = torch.tensor(rng.normal(size=33))
        optimizer.step()
    agree(run_adam(adam, 33, np.float64, options)[:1], [param.detach().numpy()])


def test_strided_arrays_run_in_numpy():
    param, grad = np.ones((50, 100), np.float32).T, np.ones((100, 50), np.float32)
    sgd(param, grad, lr=0.5)
    np.testing.assert_array_equal(param, 0.5)


@needs_kernels
def test_nan_stays_nan(isa, only_kernels):
    param, grad = np.ones(40), np.ones(40)
    grad[3] = np.nan
    state = [np.zeros(40) for _ in range(3)]
    adam(param, grad, *state, step=1)
    for a in (param, *state):
        assert np.isnan(a[3]) and np.isnan(a).sum() == 1
