"""The elementary functions of the kernels: errors in units in the last place, and IEEE's special cases."""

import functools
import math

import numpy as np
import pytest
import ulp
from ulp import kernel

from autograd import kernels
from autograd.symbol import MEANING

pytestmark = pytest.mark.skipif(not kernels.active, reason="no compiled kernels")


@pytest.fixture(params=kernels.isas())
def isa(request):
    before = kernels.isa()
    kernels.set_isa(request.param)
    yield request.param
    kernels.set_isa(before)


@functools.cache
def sample64():
    """float64 numbers of all sizes, most of them where the functions bend."""
    rng = np.random.default_rng(0)
    every = rng.integers(0, 1 << 63, 20000).astype(np.uint64).view(np.float64)
    near = np.ldexp(rng.uniform(1, 2, 60000), rng.integers(-60, 11, 60000))
    return np.concatenate([every, -every, near, -near, rng.uniform(-800, 800, 20000)])


@functools.cache
def exact(op):
    """op of the sample in long double."""
    with np.errstate(all="ignore"):
        x = sample64().astype(np.longdouble)
        match op:
            case "erf":
                return np.where(np.isnan(x), x, erf_series(x))
            case "sigmoid":
                return 1 / (1 + np.exp(-x))
            case "silu":
                return np.where(x == -np.inf, np.longdouble(0), x / (1 + np.exp(-x)))
            case "softplus":
                return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))
            case "gelu":
                return np.maximum(x, 0) - np.minimum(np.abs(x), 60) * normal_tail(np.abs(x))
        return MEANING[op](x)


PI = np.longdouble("3.14159265358979323846264338327950288")


def erf_series(x):
    """erf(x) = 2/sqrt(pi) exp(-x^2) sum of (2x^2)^n x / (1 3 5 ... (2n + 1)): all terms positive."""
    x = np.clip(x, -7, 7)
    term = total = x
    for n in range(1, 220):
        term = term * (2 * x * x) / (2 * n + 1)
        total = total + term
    return 2 / np.sqrt(PI) * np.exp(-x * x) * total


def normal_tail(t):
    """Q(t) = exp(-t^2/2) / sqrt(2 pi) times 1/(t + 1/(t + 2/(t + 3/ ...))); 1/2 - erf(t/sqrt 2)/2 below 2."""
    fraction = far = np.clip(t, 2, 60)
    for n in range(400, 0, -1):
        fraction = far + n / fraction
    tail = np.exp(-far * far / 2) / np.sqrt(2 * PI) / fraction
    return np.where(t < 2, (1 - erf_series(np.minimum(t, 2) / np.sqrt(np.longdouble(2)))) / 2, tail)


@pytest.mark.parametrize("op", ulp.UNARY)
def test_float64_errors_in_units_in_the_last_place(isa, op):
    assert ulp.ulps(kernel(op, sample64()), exact(op)).max() <= ulp.LIMITS[op][1]


@pytest.mark.parametrize("op", ulp.UNARY)
def test_float32_errors_in_units_in_the_last_place(isa, op):
    """For every 1009th float32; tests/slow/test_ulp.py looks at all."""
    worst, where = ulp.worst_float32(op, step=1009)
    assert worst <= ulp.LIMITS[op][0], where


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_pow(isa, dtype):
    rng = np.random.default_rng(0)
    x = np.ldexp(rng.uniform(1, 2, 40000), rng.integers(-20, 20, 40000)).astype(dtype)
    y = rng.uniform(-9, 9, 40000).astype(dtype)
    want = np.power(x.astype(np.longdouble), y.astype(np.longdouble))
    assert ulp.ulps(kernel("pow", x, y), want).max() <= ulp.LIMITS["pow"][dtype == np.float64]
    special = np.array([0, -0.0, 1, -1, 2, -2, 0.5, 3, -3, math.inf, -math.inf, math.nan, 1e-310, 2.5], dtype)
    base, exponent = (a.ravel() for a in np.meshgrid(special, special))
    with np.errstate(all="ignore"):
        want = np.power(base, exponent)
    tolerance = 1e-6 if dtype == np.float32 else 1e-14
    np.testing.assert_allclose(kernel("pow", base, exponent), want, rtol=tolerance)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_special_values_are_numpys(isa, dtype):
    tiny, huge = np.finfo(dtype).smallest_subnormal, np.finfo(dtype).max
    x = np.array([0.0, -0.0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 1e7, math.inf, -math.inf, math.nan], dtype)
    x = np.concatenate([x, np.array([tiny, -tiny, huge, -huge, 1e30, -1e30], dtype)])
    for op in MEANING:
        if op in ulp.LIMITS and op != "sqrt":
            arguments = [x] * (2 if op == "pow" else 1)
            if op in ("silu", "gelu"):  # at -inf NumPy multiplies infinity by 0; the kernels give the limit
                assert kernel(op, np.full(1, -math.inf, dtype)) == 0
                arguments = [x[x != -math.inf]]
            got, want = kernel(op, *arguments), None
            with np.errstate(all="ignore"):
                want = MEANING[op](*arguments)
            np.testing.assert_allclose(got, want, rtol=1e-6, atol=tiny, err_msg=op)
            number = ~np.isnan(want)
            np.testing.assert_array_equal(np.signbit(got[number]), np.signbit(want[number]), err_msg=op)
    for op in ["sqrt", "abs", "neg", "sign", "floor", "ceil", "round", "copy"]:
        with np.errstate(all="ignore"):
            got, want = kernel(op, x), MEANING[op](x)
        np.testing.assert_array_equal(got, want, err_msg=op)
        number = ~np.isnan(want)
        np.testing.assert_array_equal(np.signbit(got[number]), np.signbit(want[number]), err_msg=op)
    a, b = (v.ravel() for v in np.meshgrid(x, x))
    for op in ["add", "sub", "mul", "div", "maximum", "minimum", "eq", "ne", "lt", "le", "gt", "ge"]:
        with np.errstate(all="ignore"):
            np.testing.assert_array_equal(kernel(op, a, b), MEANING[op](a, b), err_msg=op)


def test_huge_arguments_of_sine_and_cosine(isa):
    """Lanes past the reduction's range go to the C library; their neighbours do not change."""
    x = np.linspace(0, 9, 64)
    x[5], x[40] = 1e22, -1e300
    np.testing.assert_allclose(kernel("sin", x), np.sin(x), rtol=1e-14)
    np.testing.assert_allclose(kernel("cos", x), np.cos(x), rtol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gradients_of_silu_and_gelu_far_from_zero(isa, dtype):
    """Their limits 1 and 0, whatever the size; NaN at the infinities, as PyTorch and the formula have it."""
    far, huge = np.geomspace(800, np.finfo(dtype).max / 2, 300), np.finfo(dtype).max
    x = np.concatenate([far, [1e30, 3e38, huge]]).astype(dtype)
    infinite = np.array([math.inf, -math.inf, math.nan], dtype)
    for op in ("silu_gradient", "gelu_gradient"):
        np.testing.assert_array_equal(kernel(op, np.full_like(x, 3), x), 3, err_msg=op)
        np.testing.assert_array_equal(kernel(op, np.full_like(x, 3), -x), 0, err_msg=op)
        assert np.isnan(kernel(op, np.ones_like(infinite), infinite)).all(), op


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gradients_of_silu_and_gelu_where_they_vanish(isa, dtype):
    """Down to the denormals."""
    digits, smallest = (2e-5, np.finfo(dtype).smallest_subnormal) if dtype == np.float32 else (1e-12, 1e-320)
    for op, edge in (("silu_gradient", 110 if dtype == np.float32 else 760), ("gelu_gradient", 40)):
        x = np.linspace(-edge, -2, 5003).astype(dtype)
        want = MEANING[op](np.longdouble(1), x.astype(np.longdouble)).astype(np.float64)
        np.testing.assert_allclose(kernel(op, np.ones_like(x), x), want, digits, 64 * smallest, err_msg=op)
