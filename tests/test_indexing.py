"""x[key] and its gradient for every kind of key, duplicates included; gather, scatter_add and embedding."""

import numpy as np
import pytest

import autograd
from autograd import kernels

RNG = np.random.default_rng(0)


def some(length, *shape):
    return RNG.integers(-length, length, shape)


KEYS = {
    "rows": some(5, 200),
    "a grid of rows": some(5, 4, 30),
    "one row": np.array(-2),
    "no rows": some(5, 0),
    "elements": (some(5, 100), some(3, 100), some(7, 100)),
    "rows of two dimensions, broadcast": (some(5, 100, 1), some(3, 50)),
    "an int and an array": (2, some(3, 50)),
    "arrays about a slice": (some(5, 9), slice(None), some(7, 9)),
    "an array behind a slice": (slice(1, 4), some(3, 50)),
    "an array behind an ellipsis": (Ellipsis, some(7, 6)),
    "a mask": RNG.random((5, 3, 7)) > 0.5,
    "a mask of rows": RNG.random(5) > 0.5,
    "a mask and an array": (RNG.random(5) > 2, some(3, 1)),
    "ints": (1, -2),
    "a slice backwards and a new axis": (slice(None, None, -2), None, 1),
}


@pytest.fixture(params=[True, False], ids=["kernels", "numpy"])
def backend(request, monkeypatch):
    if request.param and not kernels.active:
        pytest.skip("no compiled kernels")
    monkeypatch.setattr(kernels, "active", request.param)


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_getitem_and_its_gradient(backend, key):
    array = RNG.standard_normal((5, 3, 7))
    x = autograd.tensor(array, requires_grad=True)
    y = x[key]
    np.testing.assert_array_equal(y.data, array[key])
    weight = np.rint(8 * RNG.standard_normal(y.shape))
    (y * autograd.tensor(weight)).sum().backward()
    expected = np.zeros_like(array)
    np.add.at(expected, key, weight)
    np.testing.assert_array_equal(x.grad.data, expected)


def test_gather_and_scatter_add_are_each_others_gradient(backend):
    index = RNG.integers(0, 6, (3, 90))
    x = autograd.tensor(RNG.standard_normal((4, 6)), requires_grad=True)
    weight = np.rint(8 * RNG.standard_normal((3, 90)))
    (x.gather(1, index) * autograd.tensor(weight)).sum().backward()
    summed = np.zeros((4, 6))
    for i, j in np.ndindex(3, 90):
        summed[i, index[i, j]] += weight[i, j]
    np.testing.assert_array_equal(x.grad.data, summed)

    source = autograd.tensor(RNG.standard_normal((4, 95)), requires_grad=True)  # longer than index
    z = autograd.zeros(4, 6, dtype=autograd.float64).scatter_add(1, autograd.tensor(index), source)
    (z * autograd.tensor(summed)).sum().backward()
    expected = np.zeros((4, 95))
    expected[:3, :90] = np.take_along_axis(summed[:3], index, 1)
    np.testing.assert_array_equal(source.grad.data, expected)


def test_embedding(backend):
    table = autograd.tensor(RNG.standard_normal((10, 3)), requires_grad=True)
    index = RNG.integers(0, 10, (4, 50))
    y = autograd.embedding(table, autograd.tensor(index))
    np.testing.assert_array_equal(y.data, table.data[index])
    y.sum().backward()
    counts = np.bincount(index.ravel(), minlength=10)
    np.testing.assert_array_equal(table.grad.data, np.repeat(counts[:, None], 3, 1))


@pytest.mark.parametrize("bad", [-1, 10])
def test_an_index_out_of_range_is_named(backend, bad):
    x = autograd.randn(10, 3)
    with pytest.raises(IndexError, match=rf"embedding: index {bad} at \(1,\) is out of range: want 0 to 9"):
        autograd.embedding(x, np.array([3, bad]))
    with pytest.raises(IndexError, match=rf"gather: index {bad} at \(0, 1\)"):
        x.gather(0, np.array([[0, bad, 1]]))
    with pytest.raises(IndexError, match=rf"scatter_add: index {bad} at \(0, 1\)"):
        x.scatter_add(0, np.array([[0, bad, 1]]), autograd.ones(1, 3))
