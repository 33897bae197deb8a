"""Pooling: C against NumPy on every ISA, NaN and infinity, derivatives to order 2, refusals."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd
from autograd import kernels
from autograd.check import gradcheck
from autograd.ops import pool_kernel
from autograd.ops.pool import avg_pool2d, max_pool2d, windows_of


@pytest.fixture(autouse=True)
def settings_kept() -> Iterator[None]:
    isa, threads, active = kernels.isa(), kernels.get_num_threads(), kernels.active
    yield
    kernels.active = active
    if isa:
        kernels.set_isa(isa)
        kernels.set_num_threads(threads)


def same_every_way(run, rtol):
    """`run()` gives what it gives on NumPy, with each ISA and 1 and 2 threads."""
    active, kernels.active = kernels.active, False
    expected = run()
    kernels.active = active
    for isa in kernels.isas():
        kernels.set_isa(isa)
        for threads in (1, 2):
            kernels.set_num_threads(threads)
            for actual, want in zip(run(), expected, strict=True):
                assert actual.dtype == want.dtype
                np.testing.assert_allclose(
                    actual, want, rtol=rtol, atol=rtol, err_msg=f"{isa}, {threads} threads"
                )


def values(x, *geometry):
    """The maxima alone, which a kernel finds in another way."""
    found = windows_of("max_pool2d", x, *geometry)
    run = pool_kernel.prepared_largest(x, **found)
    return run(x) if run is not None else pool_kernel.largest(x, **found)[0]


@st.composite
def pools(draw):
    size = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    padding = tuple(draw(st.integers(0, k // 2)) for k in size)
    stride = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    shape = draw(st.tuples(st.integers(0, 2), st.integers(1, 3), st.integers(4, 40), st.integers(4, 40)))
    return shape, size, stride, padding, draw(st.booleans()), draw(st.booleans())


@pytest.mark.skipif(not kernels.active, reason="no compiled kernels")
@pytest.mark.parametrize(("dtype", "rtol"), [(np.float32, 1e-5), (np.float64, 1e-12)])
@given(case=pools(), seed=st.integers(0, 99))
@settings(max_examples=50, deadline=None)
def test_kernels_agree_with_the_reference(case, seed, dtype, rtol):
    shape, size, stride, padding, ceil_mode, include_pad = case
    x = np.random.default_rng(seed).integers(-4, 4, shape).astype(dtype)  # with ties
    x.ravel()[: x.size // 9] = [np.nan, -np.inf, 1][seed % 3]
    same_every_way(lambda: max_pool2d(x, size, stride, padding, 1, ceil_mode, True), rtol)
    same_every_way(lambda: (values(x, size, stride, padding, 1, ceil_mode),), rtol)
    x = np.random.default_rng(seed).standard_normal(shape).astype(dtype)
    same_every_way(lambda: (avg_pool2d(x, size, stride, padding, ceil_mode, include_pad),), rtol)
    y, index = max_pool2d(x, size, stride, padding, 1, ceil_mode, True)
    g = np.random.default_rng(seed).standard_normal(y.shape).astype(dtype)
    same_every_way(lambda: (pool_kernel.scatter(g, index, shape[2:]),), rtol)
    same_every_way(lambda: (pool_kernel.spread(g, size, stride, padding, include_pad, shape[2:]),), rtol)


def test_dilation_and_long_rows():
    x = np.random.default_rng(0).standard_normal((2, 1, 9, 700)).astype(np.float32)
    same_every_way(lambda: max_pool2d(x, 3, (1, 2), 1, 2, False, True), 0)
    values, index = max_pool2d(x, 3, (1, 2), 1, 2, return_indices=True)
    np.testing.assert_array_equal(
        values.ravel(), x.reshape(2, -1)[np.repeat([0, 1], index[0].size), index.ravel()]
    )


@pytest.mark.skipif(not kernels.active, reason="no compiled kernels")
@pytest.mark.parametrize(
    ("shape", "geometry"),
    [
        ((2, 1, 9, 700), (3, (1, 2), 1, 2)),  # rows in pieces
        ((1, 2, 7, 3000), ((2, 9), (1, 5), 0, 1)),
        ((1, 2, 5, 2000), ((5, 300), (1, 300), (2, 150), 1)),  # windows too large for a vector of them
        ((1, 1, 3, 9000), ((2, 4200), 1, 0, 1)),  # and for one line
        ((1, 1, 40, 9000), (2, 30, 0, (9, 8000))),
        ((3, 2, 45, 45), (45, 1, 0, 1)),  # one window
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_windows_and_long_rows(shape, geometry, dtype):
    x = np.random.default_rng(0).integers(-99, 99, shape).astype(dtype)
    x[..., 1, 5] = np.nan
    x[0, 0, -1] = -np.inf
    same_every_way(lambda: max_pool2d(x, *geometry, return_indices=True), 0)
    same_every_way(lambda: (values(x, *geometry, False),), 0)
    x[0, 0, -1] = 0
    x = np.nan_to_num(x)
    if geometry[3] == 1:
        same_every_way(lambda: (avg_pool2d(x, *geometry[:3], True, False),), 1e-6)


@pytest.fixture(params=["numpy", "kernels"])
def backend(request, monkeypatch):
    if request.param == "numpy":
        monkeypatch.setattr(kernels, "active", False)
    elif not kernels.active:
        pytest.skip("no compiled kernels")


def test_padding_never_wins_and_nan_always_does(backend):
    x = np.full((1, 1, 2, 2), -5.0)
    assert max_pool2d(x, 2, 1, 1).max() == -5
    x[0, 0, 1, 1] = np.nan
    assert np.isnan(max_pool2d(x, 2, 1, 1)).sum() == 4
    values, index = max_pool2d(np.full((1, 1, 2, 2), -np.inf), 2, return_indices=True)
    assert values.item() == -np.inf and index.item() == 0


def test_average_divides_by_what_it_counts(backend):
    ones = np.ones((1, 1, 3, 3), np.float32)
    assert avg_pool2d(ones, 2, 2, 1)[0, 0].tolist() == [[0.25, 0.5], [0.5, 1.0]]
    assert (avg_pool2d(ones, 2, 2, 1, count_include_pad=False) == 1).all()
    assert avg_pool2d(ones, 2, ceil_mode=True).shape == (1, 1, 2, 2)
    assert (avg_pool2d(ones, 2, ceil_mode=True) == 1).all()


def distinct(*shape):
    """No ties, and far apart: a maximum must not move under the differences of gradcheck."""
    order = np.random.default_rng(0).permutation(np.prod(shape)).astype(float)
    return autograd.tensor(order.reshape(shape), requires_grad=True)


@pytest.mark.parametrize("shape", [(2, 2, 5, 6), (2, 5, 6)])
@pytest.mark.parametrize("options", [{}, {"stride": 1, "padding": 1}, {"stride": (1, 2), "ceil_mode": True}])
def test_derivatives(backend, shape, options):
    x = distinct(*shape)
    assert gradcheck(lambda x: max_pool2d(x, 2, **options) ** 2, [x / 10], order=2)
    assert gradcheck(lambda x: avg_pool2d(x, 2, **options) ** 2, [x / 10], order=2)
    assert gradcheck(
        lambda x: avg_pool2d(x, (3, 2), count_include_pad=False, **options) ** 2, [x / 10], order=2
    )


def test_gradient_of_shared_maxima_adds_up(backend):
    x = autograd.tensor([[[[1.0, 2.0, 1.0]]]], requires_grad=True)
    max_pool2d(x, (1, 2), 1).sum().backward()
    assert x.grad.tolist() == [[[[0.0, 2.0, 0.0]]]]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: max_pool2d(x, 5), "too small for windows of 5 x 5"),
        (lambda x: max_pool2d(x, 2, padding=2), "at most half"),
        (lambda x: max_pool2d(x[0, 0], 2), r"want \(N, C, H, W\)"),
        (lambda x: avg_pool2d(x, 0), "kernel_size 0"),
        (lambda x: max_pool2d(x[:, :, :1], 2, 1, 3, 5), "too small"),
    ],
)
def test_what_does_not_fit_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call(autograd.ones(1, 1, 4, 4))
