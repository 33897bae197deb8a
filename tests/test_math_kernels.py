"""The elementary functions of the kernels: errors in units in the last place, and IEEE's special cases."""

import functools
import math

import numpy as np
import pytest

from autograd import kernels
from autograd.program import Program
from autograd.symbol import MEANING

pytestmark = pytest.mark.skipif(not kernels.active, reason="no compiled kernels")

# The largest error allowed, in units in the last place: (float32, float64).
LIMITS = {
    "exp": (1.5, 1.5),
    "expm1": (2, 2.5),
    "log": (1, 1),
    "log1p": (1, 1),
    "sin": (2.5, 2.5),
    "cos": (2.5, 2.5),
    "tanh": (2.5, 3),
    "sigmoid": (2.5, 2.5),
    "erf": (3, 4.5),
    "sqrt": (0.5, 0.5),
    "rsqrt": (1.5, 1.5),
    "pow": (1.5, 1.5),
}


@pytest.fixture(params=kernels.isas())
def isa(request):
    before = kernels.isa()
    kernels.set_isa(request.param)
    yield request.param
    kernels.set_isa(before)


def kernel(op, *arrays):
    """op of arrays by the kernel, never by NumPy."""
    program = Program.trace(lambda *s: s[0].apply(op, *s[1:]), inputs=len(arrays))
    program.threshold = 0
    plan = program.plan(arrays, ())
    assert plan is not None
    with np.errstate(all="ignore"):
        return program(*arrays)


@functools.cache
def exact(op, dtype):
    """op of the sample in a wider type: float64 for float32, else long double (erf: by its series)."""
    with np.errstate(all="ignore"):
        wide = sample(dtype).astype(np.float64 if dtype == np.float32 else np.longdouble)
        if op == "erf":
            return erf_series(wide.astype(np.longdouble))
        if op == "sigmoid":
            return 1 / (1 + np.exp(-wide))
        return MEANING[op](wide)


def erf_series(x):
    """erf(x) = 2/sqrt(pi) exp(-x^2) sum of (2x^2)^n x / (1 3 5 ... (2n + 1)): all terms positive."""
    x = np.clip(x, -7, 7)
    term = total = x
    for n in range(1, 220):
        term = term * (2 * x * x) / (2 * n + 1)
        total = total + term
    pi = np.longdouble("3.14159265358979323846264338327950288")
    return 2 / np.sqrt(pi) * np.exp(-x * x) * total


def ulps(got, want):
    with np.errstate(all="ignore"):
        rounded = want.astype(got.dtype)
    finite = np.isfinite(rounded)
    np.testing.assert_array_equal(got[~finite], rounded[~finite])  # NaN and infinity where they belong
    with np.errstate(all="ignore"):
        unit = np.spacing(np.abs(rounded[finite])).astype(np.longdouble)
    return np.max(np.abs(got[finite] - want[finite].astype(np.longdouble)) / unit)


def sample(dtype):
    """Every 40009th float32 there is (denormals, infinities and NaN among them), or as many float64."""
    if dtype == np.float32:
        return np.arange(0, 1 << 32, 40009, dtype=np.uint64).astype(np.uint32).view(np.float32)
    rng = np.random.default_rng(0)
    every = rng.integers(0, 1 << 63, 20000).astype(np.uint64).view(np.float64)
    near = np.ldexp(rng.uniform(1, 2, 60000), rng.integers(-60, 11, 60000))
    return np.concatenate([every, -every, near, -near, rng.uniform(-800, 800, 20000)])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("op", [op for op in LIMITS if op != "pow"])
def test_errors_in_units_in_the_last_place(isa, op, dtype):
    assert ulps(kernel(op, sample(dtype)), exact(op, dtype)) <= LIMITS[op][dtype == np.float64]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_pow(isa, dtype):
    rng = np.random.default_rng(0)
    x = np.ldexp(rng.uniform(1, 2, 40000), rng.integers(-20, 20, 40000)).astype(dtype)
    y = rng.uniform(-9, 9, 40000).astype(dtype)
    want = np.power(x.astype(np.longdouble), y.astype(np.longdouble))
    assert ulps(kernel("pow", x, y), want) <= LIMITS["pow"][dtype == np.float64]
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
        if op in LIMITS and op != "sqrt":
            got, want = kernel(op, *[x] * (2 if op == "pow" else 1)), None
            with np.errstate(all="ignore"):
                want = MEANING[op](*[x] * (2 if op == "pow" else 1))
            np.testing.assert_allclose(got, want, rtol=1e-6, atol=0, err_msg=op)
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
