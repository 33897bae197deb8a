"""The kernel that measures the machine does the work that its rates are counted in."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from autograd import kernels
from benchmarks import limits

pytestmark = pytest.mark.skipif(not kernels.active, reason="no compiled kernels")


@pytest.fixture(params=kernels.isas())
def isa(request: pytest.FixtureRequest) -> Iterator[str]:
    before = kernels.isa()
    kernels.set_isa(request.param)
    yield request.param
    kernels.set_isa(before)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [1, 7, 161, 10007])
@pytest.mark.usefixtures("isa")
def test_memory_kinds(n: int, dtype: type) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal(n).astype(dtype), rng.standard_normal(n).astype(dtype)
    y = np.full(n + 1, np.nan, dtype)  # one more: what must not be written
    kernels.call(kernels.LIMIT, [a, b, y], [limits.TRIAD, n])
    np.testing.assert_allclose(y[:n], a + 3 * b, rtol=1e-5, atol=1e-6)
    assert np.isnan(y[n])
    kernels.call(kernels.LIMIT, [a, None, y], [limits.COPY, n])
    np.testing.assert_array_equal(y[:n], a)
    assert np.isnan(y[n])
    sums = np.zeros(64, dtype)
    kernels.call(kernels.LIMIT, [a, None, sums], [limits.READ, n])
    np.testing.assert_allclose(sums.sum(), a.sum(), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.usefixtures("isa")
def test_multiply_adds(dtype: type) -> None:
    """Ten accumulators x = x / 2 + 1 all come to 2, in every thread."""
    sums = np.zeros(64, dtype)
    kernels.call(kernels.LIMIT, [None, None, sums], [limits.FMA, 640 * 100], dtype=np.dtype(dtype))
    np.testing.assert_allclose(sums[: kernels.get_num_threads()], 20, rtol=1e-6)


def test_unknown_kind_is_refused() -> None:
    y = np.zeros(64, np.float32)
    with pytest.raises(ValueError, match="limit"):
        kernels.call(kernels.LIMIT, [y, y, y], [4, 1])
