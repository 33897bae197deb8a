"""Denormal numbers: kernels take and give them as they are, and leave the caller's floating-point mode."""

from __future__ import annotations

import ctypes
import platform
from collections.abc import Iterator

import numpy as np
import pytest
import ulp

import autograd
from autograd import kernels, tensor
from autograd.symbol import MEANING

pytestmark = pytest.mark.skipif(not kernels.active, reason="no compiled kernels")
OPS = "neg abs sqrt rsqrt exp log log1p expm1 sin cos tanh sigmoid silu relu cube".split()


@pytest.fixture(params=kernels.isas())
def isa(request: pytest.FixtureRequest) -> Iterator[str]:
    before = kernels.isa()
    kernels.set_isa(request.param)
    yield request.param
    kernels.set_isa(before)


def denormals(dtype: type) -> np.ndarray:
    """From the smallest to the largest, and their negatives."""
    info = np.finfo(dtype)
    positive = np.geomspace(1, 2.0**info.nmant - 1, 501).round() * float(info.smallest_subnormal)
    positive = positive.astype(dtype)
    assert 0 < positive.min() == info.smallest_subnormal and positive.max() < info.smallest_normal
    return np.concatenate([positive, -positive])


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_functions_of_denormals(isa: str, op: str, dtype: type) -> None:
    x = denormals(dtype)
    if op in ("sqrt", "rsqrt", "log"):
        x = np.abs(x)
    wide = x.astype(np.float64 if dtype == np.float32 else np.longdouble)
    got, want = ulp.kernel(op, x), MEANING[op](wide)
    assert ulp.ulps(got, want).max() <= ulp.LIMITS.get(op, (0.5, 0.5))[dtype == np.float64]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sums_and_products_of_denormals(isa: str, dtype: type) -> None:
    """Exact: sums of denormals are multiples of the smallest one, as are halves of even ones."""
    x = denormals(dtype)
    with np.errstate(all="ignore"):
        assert (ulp.kernel("add", x, x) == x + x).all()
        assert (ulp.kernel("mul", x + x, np.full_like(x, 0.5)) == x).all()
        unit = np.finfo(dtype).smallest_subnormal
        assert tensor(np.full(1001, unit)).sum().data == 1001 * unit
        matrix = x[:25].reshape(5, 5)
        product = tensor(matrix) @ tensor(np.eye(5, dtype=dtype))
        assert (product.data == matrix).all()


def test_the_mode_of_the_caller_stays(isa: str) -> None:
    """The rounding direction that the caller chose, and gradual underflow, on every kernel's way."""
    libm = ctypes.CDLL(None)
    upward = {"x86_64": 0x800, "aarch64": 0x400000}.get(platform.machine())
    if upward is None or not hasattr(libm, "fesetround"):
        pytest.skip("no rounding direction to set here")
    x = tensor(np.linspace(-1, 1, 40000, dtype=np.float32).reshape(200, 200), requires_grad=True)
    one, small, tiny = float("1"), float("1e-30"), float("5e-324")
    before = libm.fegetround()
    try:
        assert libm.fesetround(upward) == 0
        y = autograd.softmax(autograd.silu(x @ x), 1)
        autograd.grad((autograd.log(y) * y).sum(), [x])
        autograd.randn(1000)
        assert libm.fegetround() == upward
        assert one + small > one  # rounded up
        assert tiny * one == tiny > 0.0  # neither read nor written as zero
    finally:
        libm.fesetround(before)
