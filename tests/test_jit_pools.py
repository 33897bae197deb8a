"""Max pools in programs: without an index where windows lie apart, and the relu before them folded in."""

from __future__ import annotations

import numpy as np
import pytest

import autograd
import nn.functional as F
from autograd import kernels
from autograd.ops import pool_kernel

pytestmark = pytest.mark.skipif(not kernels.active, reason="programs are made of kernels")


@pytest.fixture(params=kernels.isas())
def isa(request):
    before = kernels.isa()
    kernels.set_isa(request.param)
    yield request.param
    kernels.set_isa(before)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("window", [(2, 2), (3, 3), (2, 3), (1, 2)])
@pytest.mark.parametrize("size", [(3, 3), (4, 4), (9, 35), (24, 24), (7, 66)])
def test_the_gradient_without_an_index_is_that_with_one(isa, dtype, window, size):
    rng = np.random.default_rng(0)
    count = size[0] // window[0], size[1] // window[1]
    x = rng.integers(0, 4, (3, 2, *size)).astype(dtype)  # many are equal
    if size[0] > 4:
        x[1, 0, 1, ::3] = np.nan
    y, index = pool_kernel.largest(x, window, window, (0, 0), (1, 1), count)
    g = rng.standard_normal(y.shape).astype(dtype)
    out = np.full_like(x, 7)
    sizes = (6, *size, *count, *window, *window, 0, 0, 1, 1)
    kernels.call(kernels.MAX_POOL_SPREAD, [x, y, g, out], sizes)
    np.testing.assert_array_equal(out, pool_kernel.scatter(g, index, size))


def test_windows_that_overlap_are_refused_by_the_kernel():
    a = np.zeros((1, 1, 4, 4), np.float32)
    with pytest.raises(ValueError, match="max_pool_spread"):
        kernels.call(kernels.MAX_POOL_SPREAD, [a, a, a, a], (1, 4, 4, 3, 3, 2, 2, 1, 1, 0, 0, 1, 1))


@pytest.mark.parametrize(
    ("pool", "instructions"),
    [({"kernel_size": 2}, {"unpool"}), ({"kernel_size": 3, "stride": 1}, {"max_pool2d", "put_in_plane"})],
)
def test_programs_pool_as_eager_does(pool, instructions):
    autograd.manual_seed(0)
    w = autograd.randn(4, 1, 3, 3, requires_grad=True)

    def gradient(x):
        y = F.max_pool2d(F.relu(F.conv2d(x, w, padding=1)), **pool)
        return y, autograd.grad((y * y).sum(), [w])[0]

    jitted = autograd.jit(gradient)
    for _ in range(4):
        x = autograd.randn(2, 1, 9, 9)
        for mine, expected in zip(jitted(x), gradient(x), strict=True):
            np.testing.assert_allclose(mine.data, expected.data, rtol=1e-4, atol=1e-4)
    found = {getattr(i.source, "op", "pass") for i in jitted.program.instructions}
    assert instructions <= found
    assert ("put_in_plane" in found) == ("put_in_plane" in instructions)
