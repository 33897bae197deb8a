"""Reductions: the kernel against NumPy over any axes of any view; accuracy; NaN; threads; empty arrays."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd import kernels
from autograd.ops import reduce_kernel

needs_kernels = pytest.mark.skipif(not kernels.active, reason="no compiled kernels")
NUMPY = {
    "sum": np.sum,
    "mean": np.mean,
    "max": np.max,
    "min": np.min,
    "prod": np.prod,
    "var": lambda x, axis, keepdims: np.var(x, axis=axis, keepdims=keepdims, ddof=1),
}


@pytest.fixture(params=kernels.isas())
def isa(request):
    before = kernels.isa()
    kernels.set_isa(request.param)
    yield request.param
    kernels.set_isa(before)


def agree(name, x, axes, keepdims=False):
    """The kernel against NumPy in a wider type."""
    got = getattr(reduce_kernel, name)(x, axes, keepdims)
    want = NUMPY[name](x.astype(np.longdouble), axis=axes, keepdims=keepdims)
    assert got.shape == want.shape and got.dtype == x.dtype
    tolerance = 1e-5 if x.dtype == np.float32 else 1e-12
    np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance, err_msg=f"{name} {x.shape} {axes}")


def values(shape, dtype, seed=0):
    """Numbers about 1, so that products stay in range."""
    return np.random.default_rng(seed).uniform(0.9, 1.1, shape).astype(dtype)


LAYOUTS = [
    ((1,), (0,)), ((7,), (0,)), ((257,), (0,)), ((70_001,), (0,)), ((200_000,), (0,)),
    ((5, 13), (0,)), ((5, 13), (1,)), ((5, 13), (0, 1)), ((300, 257), (0,)), ((300, 257), (1,)),
    ((2, 100_000), (1,)), ((100_000, 3), (0,)), ((3, 4, 5), (1,)), ((9, 40, 17), (0, 2)), ((9, 40, 64), (1,)),
    ((100, 16), (1,)), ((37, 500), (1,)), ((9, 513), (1,)),
    ((4, 3, 5, 5), (0, 2, 3)), ((40, 16, 14, 14), (0, 2, 3)), ((2, 3, 4, 5), (1, 3)), ((2, 3, 4, 5), (0, 2)),
]  # fmt: skip


@needs_kernels
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_every_op_over_every_kind_of_layout(isa, layout, dtype):
    shape, axes = layout
    x = values(shape, dtype)
    for name in NUMPY:
        if name == "prod" and x.size > 1000 or name == "var" and math.prod(shape[a] for a in axes) == 1:
            continue
        agree(name, x, axes)
    agree("sum", x, axes, keepdims=True)


@st.composite
def views(draw):
    shape = draw(st.lists(st.sampled_from([1, 2, 3, 8, 33, 70]), min_size=1, max_size=4))
    steps = [draw(st.sampled_from([1, 1, -1, 2])) for _ in shape]
    order = draw(st.permutations(range(len(shape))))
    x = values([n * abs(s) for n, s in zip(shape, steps, strict=True)], np.float64)
    x = x[tuple(slice(None, None, s) for s in steps)].transpose(order)
    if draw(st.booleans()):
        x = np.broadcast_to(x[:1], x.shape)
    axes = draw(st.sets(st.integers(0, x.ndim - 1), min_size=1))
    return x, tuple(axes), draw(st.booleans()), draw(st.sampled_from(["sum", "max", "min", "mean"]))


@settings(max_examples=150, deadline=None)
@given(views())
def test_any_view(view):
    x, axes, keepdims, name = view
    agree(name, x, axes, keepdims)


@needs_kernels
def test_the_layouts_of_layers_run_in_the_kernel():
    for shape, axes in LAYOUTS[:-2]:
        assert reduce_kernel.reduced(0, values(shape, np.float32), axes, False) is not None


@needs_kernels
@pytest.mark.parametrize("axes", [(0,), (1,), (0, 1)])
def test_float32_sums_are_no_less_accurate_than_numpys(isa, axes):
    x = np.random.default_rng(0).normal(size=(1000, 1000)).astype(np.float32)
    x = x + np.float32(3)
    exact = np.sum(x.astype(np.float64), axis=axes)
    error = np.abs(reduce_kernel.sum(x, axes) - exact).max()
    assert error <= np.abs(np.sum(x, axis=axes) - exact).max() + np.spacing(np.float32(exact.max()))


@needs_kernels
def test_errors_do_not_add_up_over_a_long_sum(isa):
    """A constant is the worst case: every block errs in the same direction."""
    x = np.full(3_000_001, 0.1, np.float32)
    exact = x.size * float(x[0])
    assert abs(float(reduce_kernel.sum(x)) - exact) <= 2 * np.spacing(np.float32(exact))
    y = np.random.default_rng(0).uniform(0, 1, 3_000_001).astype(np.float32)
    exact = np.sum(y, dtype=np.float64)
    assert abs(float(reduce_kernel.sum(y)) - exact) <= np.spacing(np.float32(exact))


@needs_kernels
@pytest.mark.parametrize("shape", [(50, 60), (5000,), (4100, 3)])
@pytest.mark.parametrize("axes", [(0,), None])
def test_nan_and_infinity(isa, shape, axes):
    for special in (np.nan, np.inf, -np.inf):
        x = values(shape, np.float32)
        x.ravel()[x.size // 2] = special
        for name in ("sum", "max", "min", "mean"):
            np.testing.assert_array_equal(
                np.isnan(getattr(reduce_kernel, name)(x, axes)), np.isnan(NUMPY[name](x, axis=axes))
            )
            np.testing.assert_array_equal(
                np.isinf(getattr(reduce_kernel, name)(x, axes)), np.isinf(NUMPY[name](x, axis=axes))
            )


def test_empty_arrays_follow_numpy():
    x = np.ones((0, 3), np.float32)
    np.testing.assert_array_equal(reduce_kernel.sum(x, (0,)), np.zeros(3, np.float32))
    assert reduce_kernel.sum(x, (1,)).shape == (0,)
    np.testing.assert_array_equal(reduce_kernel.prod(x), 1)
    with pytest.raises(ValueError, match="zero-size array"):
        reduce_kernel.max(x, (0,))
    one = reduce_kernel.sum(np.ones((), np.float32))
    assert isinstance(one, np.ndarray) and one.shape == () and one == 1


@needs_kernels
@pytest.mark.parametrize("axes", [(0,), (1,), (0, 1)])
def test_threads_do_not_change_the_result(axes):
    before = kernels.get_num_threads()
    x = np.random.default_rng(0).normal(size=(1500, 333)).astype(np.float32)
    results = []
    try:
        for threads in (1, 2, 3):
            kernels.set_num_threads(threads)
            results.append(reduce_kernel.sum(x, axes))
    finally:
        kernels.set_num_threads(before)
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])


def test_other_types_run_in_numpy():
    x = np.arange(10_000)
    assert reduce_kernel.sum(x) == 49_995_000


SPREADS = [
    *LAYOUTS, ((40_000, 2), (0,)), ((3, 50_000), (1,)), ((2, 3, 20_000), (0, 2)), ((30, 700), (0,)),
    ((20, 9, 3, 300), (0, 2)),
]  # fmt: skip


@needs_kernels
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("layout", SPREADS, ids=str)
def test_the_gradient_of_an_extreme_is_shared_evenly(isa, layout, dtype, monkeypatch):
    shape, axes = layout
    x = np.random.default_rng(0).integers(0, 9, shape).astype(dtype)  # with ties
    x.ravel()[0] = np.nan
    z = np.asarray(np.max(x, axis=axes))
    g = np.random.default_rng(1).uniform(1, 2, z.shape).astype(dtype)
    got = reduce_kernel.extreme_backward(g, x, z, axes)
    monkeypatch.setattr(kernels, "active", False)
    want = reduce_kernel.extreme_backward(g, x, z, axes)
    assert got.dtype == dtype and np.isnan(got).any()
    np.testing.assert_allclose(got, want, rtol=1e-6)


@needs_kernels
@pytest.mark.parametrize(("shape", "axes"), [((200_001,), (0,)), ((2, 90_000), (1,)), ((900, 300), (0,))])
def test_threads_share_out_the_same_gradient(shape, axes):
    before, results = kernels.get_num_threads(), []
    x = np.random.default_rng(0).integers(0, 99, shape).astype(np.float32)
    z = np.asarray(x.max(axes))
    try:
        for threads in (1, 2, 3):
            kernels.set_num_threads(threads)
            results.append(reduce_kernel.extreme_backward(np.ones_like(z), x, z, axes))
    finally:
        kernels.set_num_threads(before)
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])
