"""sort, argsort, topk, tril and triu: values, ties, NaN, gradients, programs, errors."""

import numpy as np
import pytest

import autograd
from autograd import gradgradcheck, tensor

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("dim", [0, 1, -1])
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.bool_, np.uint8])
def test_sorting(dim, descending, dtype):
    x = RNG.integers(0, 4, (5, 6, 7)).astype(dtype)  # with many equal ones
    values, indices = tensor(x).sort(dim, descending)
    want = np.sort(x, dim)
    np.testing.assert_array_equal(values.data, np.flip(want, dim) if descending else want)
    assert values.dtype == dtype and indices.dtype == np.int64
    np.testing.assert_array_equal(np.take_along_axis(x, indices.data, dim), values.data)
    np.testing.assert_array_equal(autograd.argsort(tensor(x), dim, descending).data, indices.data)
    rises = np.diff(indices.data, axis=dim) > 0
    assert rises[np.diff(values.numpy().astype(float), axis=dim) == 0].all()  # equal ones stay in their order


def test_nan_counts_as_the_largest():
    x = tensor([1.0, np.nan, np.inf, -np.inf])
    assert x.argsort().tolist() == [3, 0, 2, 1]
    assert x.argsort(descending=True).tolist() == [1, 2, 0, 3]
    assert x.topk(2).indices.tolist() == [1, 2]


@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("k", [0, 1, 3, 5])
def test_topk_is_the_beginning_of_what_is_sorted(k, largest):
    x = tensor(RNG.normal(size=(4, 5)))
    got, want = autograd.topk(x, k, 1, largest), autograd.sort(x, 1, largest)
    assert got.values.tolist() == want.values[:, :k].tolist()
    assert got.indices.tolist() == want.indices[:, :k].tolist()


@pytest.mark.parametrize("diagonal", [-5, -1, 0, 2, 5])
@pytest.mark.parametrize("dtype", [np.float64, np.int64, np.bool_])
def test_triangles(diagonal, dtype):
    x = RNG.integers(1, 9, (2, 3, 4)).astype(dtype)
    for name in ("tril", "triu"):
        got = getattr(tensor(x), name)(diagonal)
        np.testing.assert_array_equal(got.data, getattr(np, name)(x, diagonal))
        assert got.dtype == dtype
    assert tensor(np.full((2, 2), np.nan)).triu().tolist()[1][0] == 0


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.sort(0, True).values ** 2,
        lambda x: x.topk(2, largest=False).values ** 2,
        lambda x: x.tril(-1) ** 2 + x.triu(1) ** 3,
    ],
)
def test_gradients_go_where_values_came_from(function):
    x = tensor(RNG.permutation(20).reshape(4, 5) / 7, requires_grad=True)
    assert gradgradcheck(function, (x,))
    jitted = autograd.jit(lambda x: autograd.grad(function(x).sum(), x)[0])
    for _ in range(2):
        y = tensor(RNG.permutation(20).reshape(4, 5) / 7, requires_grad=True)
        want = autograd.grad(function(y).sum(), y)[0]
        np.testing.assert_allclose(jitted(y).data, want.data, rtol=1e-14)


def test_new_tensors_of_the_type_of_another():
    x = autograd.ones(2, dtype=autograd.float64)
    assert x.new_zeros(2, 3).tolist() == [[0.0] * 3] * 2 and x.new_ones((2,)).tolist() == [1.0, 1.0]
    assert x.new_zeros(1).dtype == np.float64 and x.new_ones(1, dtype=autograd.int64).dtype == np.int64


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda x: x.topk(4), ValueError, r"k in \[0, 3\], the length of dim 1, got 4"),
        (lambda x: x.topk(1.0), ValueError, "got 1.0"),
        (lambda x: x.sort(2), IndexError, "sort: dim 2 is out of range for 2 dimensions"),
        (lambda x: x[0, 0].argsort(), IndexError, "argsort: dim -1 is out of range for 0 dimensions"),
        (lambda x: x[0].tril(), ValueError, r"tril: want matrices .* got shape \(3,\)"),
    ],
)
def test_errors_name_what_was_given(call, error, words):
    with pytest.raises(error, match=words):
        call(autograd.ones(2, 3))
