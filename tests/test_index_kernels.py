"""Gather and scatter-add on raw arrays: C against NumPy on every ISA, the adjoint identity, bit-equal sums
for any number of threads, and refusals that name the bad index."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd import kernels
from autograd.ops.index_kernel import add_along, put_add, put_add_along, take, take_along, wrapped

REALS = [np.float32, np.float64]
# (outer, size, inner) and the number of indices: edges, one column, primes, around vector lengths
SIZES = [
    ((1, 1, 1), 1),
    ((1, 5, 1), 40),
    ((1, 7, 3), 11),
    ((2, 3, 16), 5),
    ((3, 11, 17), 7),
    ((1, 10, 33), 100),
    ((5, 2, 1), 9),
    ((1, 4, 64), 0),
    ((0, 4, 3), 2),
    ((2, 4, 0), 2),
]


@pytest.fixture(params=["numpy", *kernels.isas()])
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    before = kernels.isa()
    if request.param == "numpy":
        monkeypatch.setattr(kernels, "active", False)
    else:
        kernels.set_isa(request.param)
    yield request.param
    if before:
        kernels.set_isa(before)


def arrays(shape, n, dtype, seed=0):
    rng = np.random.default_rng(seed)
    outer, size, inner = shape
    x = rng.standard_normal(shape).astype(dtype)
    y = rng.standard_normal((outer, n, inner)).astype(dtype)
    return x, y, rng.integers(0, size, n), rng.integers(0, size, (outer, n, inner))


@pytest.mark.parametrize("dtype", REALS)
@pytest.mark.parametrize(("shape", "n"), SIZES)
def test_every_element_by_hand(backend, shape, n, dtype):
    x, y, rows, single = arrays(shape, n, dtype)
    taken, along = take(x, rows, 1), take_along(x, single, 1)
    added = put_add(y, rows, 1, shape[1])
    added_along = put_add_along(y, single, 1, shape)
    sum_rows, sum_single = np.zeros_like(x), np.zeros_like(x)
    assert taken.shape == along.shape == y.shape and taken.dtype == along.dtype == dtype
    for o, i, k in np.ndindex(y.shape):
        assert taken[o, i, k] == x[o, rows[i], k]
        assert along[o, i, k] == x[o, single[o, i, k], k]
        sum_rows[o, rows[i], k] += y[o, i, k]
        sum_single[o, single[o, i, k], k] += y[o, i, k]
    np.testing.assert_array_equal(added, sum_rows)  # to the last bit: the order is that of i
    np.testing.assert_array_equal(added_along, sum_single)
    np.testing.assert_allclose(add_along(x, y, single, 1), x + sum_single, rtol=1e-5, atol=1e-5)


def test_index_of_any_shape_on_any_axis(backend):
    x = np.random.default_rng(0).standard_normal((4, 5, 6))
    index = np.array([[0, 3, 3], [2, 1, 0]])
    for axis in (0, 1, 2, -1):
        positive = axis % 3
        y = take(x, index, axis)
        np.testing.assert_array_equal(y, np.take(x, index, axis))
        back = put_add(y, index, positive, x.shape[axis])
        counts = np.bincount(index.ravel(), minlength=x.shape[axis])
        broadcast = counts.reshape([-1 if d == positive else 1 for d in range(3)])
        np.testing.assert_allclose(back, x * broadcast, rtol=1e-15)
    np.testing.assert_array_equal(put_add(y, index, -1, 6), put_add(y, index, 2, 6))
    np.testing.assert_array_equal(take(x, np.array(2), 1), x[:, 2])


def test_views_and_small_integers_are_taken_as_they_are(backend):
    x = np.arange(60.0).reshape(5, 12)[::-1, ::2]
    index = np.array([4, 0, 2], np.uint8)
    np.testing.assert_array_equal(take(x, index), np.take(x, index, 0))
    g = np.arange(36.0).reshape(6, 6)[::2].T.copy().T
    np.testing.assert_array_equal(put_add(g, index, 0, 5)[index], g)
    columns = np.argsort(np.random.default_rng(1).random((6, 5))).T[:, ::2]
    np.testing.assert_array_equal(
        take_along(x[:, :3], columns % 5, 0), np.take_along_axis(x[:, :3], columns % 5, 0)
    )


def test_other_dtypes_go_through_numpy(backend):
    x = np.arange(12).reshape(4, 3)
    assert take(x, np.array([1, 1])).tolist() == [[3, 4, 5], [3, 4, 5]]
    assert put_add(x, np.array([1, 1, 0, 1]), 0, 2).tolist() == [[6, 7, 8], [12, 15, 18]]


def test_an_index_shorter_than_x_reaches_a_corner(backend):
    """As torch.gather and torch.scatter_add: only the axis may be indexed beyond index's own length."""
    x = np.arange(20.0).reshape(4, 5)
    index = np.array([[4, 0], [1, 1]])
    y = take_along(x, index, 1)
    assert y.tolist() == [[4, 0], [6, 6]]
    back = put_add_along(np.ones((3, 4)), index, 1, x.shape)
    assert back.tolist() == [[1, 0, 0, 0, 1], [0, 2, 0, 0, 0], [0] * 5, [0] * 5]


@given(
    shape=st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(1, 40)),
    n=st.integers(1, 20),
    seed=st.integers(0, 99),
)
def test_scatter_add_is_the_adjoint_of_gather(shape, n, seed):
    """<take(x), y> = <x, put_add(y)>, for whole numbers exactly."""
    x, y, rows, single = arrays(shape, n, np.float64, seed)
    x, y = np.rint(8 * x), np.rint(8 * y)
    assert (take(x, rows, 1) * y).sum() == (x * put_add(y, rows, 1, shape[1])).sum()
    assert (take_along(x, single, 1) * y).sum() == (x * put_add_along(y, single, 1, shape)).sum()


@pytest.mark.skipif(not kernels.active, reason="no compiled kernels")
@pytest.mark.parametrize(("shape", "n"), [((1, 50, 300), 3000), ((40, 9, 33), 800), ((1, 100, 1), 200_000)])
def test_sums_are_the_same_for_any_number_of_threads(shape, n):
    _, y, rows, single = arrays(shape, n, np.float32)
    before, results = kernels.get_num_threads(), []
    for threads in (1, 2, 3, 7):
        kernels.set_num_threads(threads)
        results.append((put_add(y, rows, 1, shape[1]), put_add_along(y, single, 1, shape)))
    kernels.set_num_threads(before)
    for added, along in results[1:]:
        np.testing.assert_array_equal(added, results[0][0])
        np.testing.assert_array_equal(along, results[0][1])


def test_large_gathers_on_threads():
    x, _, rows, single = arrays((3, 40, 130), 900, np.float32)
    before = kernels.get_num_threads()
    kernels.set_num_threads(3)
    np.testing.assert_array_equal(take(x, rows, 1), x[:, rows])
    np.testing.assert_array_equal(take_along(x, single, 1), np.take_along_axis(x, single, 1))
    kernels.set_num_threads(before)


@pytest.mark.parametrize("bad", [-1, 5, 2**62, -(2**63)])
def test_an_index_out_of_range_is_named_and_nothing_is_written(backend, bad):
    x, y = np.zeros((5, 3)), np.ones((4, 3))
    index = np.array([0, 4, bad, 1])
    message = rf"embedding: index {bad} at \(2,\) is out of range: want 0 to 4"
    with pytest.raises(IndexError, match=message):
        take(x, index, 0, "embedding")
    with pytest.raises(IndexError, match=message):
        put_add(y, index, 0, 5, "embedding")
    grid = np.stack([index] * 3, axis=1)
    with pytest.raises(IndexError, match=rf"gather: index {bad} at \(2, 0\)"):
        take_along(x, grid, 0)
    with pytest.raises(IndexError, match=rf"scatter_add: index {bad} at \(2, 0\)"):
        put_add_along(y, grid, 0, (5, 3))


def test_negative_indices_are_wrapped_where_asked():
    assert wrapped(np.array([[-5, 4], [0, -1]]), 5).tolist() == [[0, 4], [0, 4]]
    with pytest.raises(IndexError, match=r"index -6 at \(1,\) is out of range: want -5 to 4"):
        wrapped(np.array([0, -6]), 5)
    with pytest.raises(IndexError, match=r"index 5 at \(1,\) is out of range"):
        wrapped(np.array([-1, 5]), 5)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: take(np.zeros(3), np.array([0.5])), TypeError, "integers, got float64"),
        (lambda: take(np.zeros(3), np.array([0]), 1), IndexError, r"axis 1 .* shape \(3,\)"),
        (lambda: take_along(np.zeros((2, 3)), np.zeros(2, int), 1), ValueError, "as many axes"),
        (
            lambda: take_along(np.zeros((2, 3)), np.zeros((3, 1), int), 1),
            ValueError,
            "longer than .* in axis 0",
        ),
        (
            lambda: put_add(np.zeros((2, 3)), np.zeros(3, int), 0, 4),
            ValueError,
            r"index \(3,\) does not match",
        ),
        (
            lambda: put_add_along(np.zeros((2, 1)), np.zeros((2, 3), int), 1, (2, 3)),
            ValueError,
            r"index \(2, 3\) does not lie within y \(2, 1\)",
        ),
    ],
)
def test_refusals_name_what_was_given(call, error, message):
    with pytest.raises(error, match=message):
        call()
