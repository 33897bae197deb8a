"""Tensor: making, types, printing, indexing, writes, and errors that say what was given."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

import autograd
from autograd import Tensor, float32, float64, int64, tensor
from autograd.check import gradcheck


def test_default_types() -> None:
    assert tensor([1.0, 2.0]).dtype == float32 and tensor([1, 2]).dtype == int64
    assert tensor(np.ones(2)).dtype == float64 and tensor([True]).dtype == np.bool_
    assert autograd.ones(2, 3).shape == autograd.zeros((2, 3)).shape == (2, 3)


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (tensor([1.0]), 2.0, float32),
        (tensor([1]), 2.5, float32),
        (tensor([1]), tensor([1.0]), float32),
        (tensor([1.0]), tensor([1.0], dtype=float64), float64),
        (tensor([1.0]), tensor(1.0, dtype=float64), float32),
        (tensor([1]), 2, int64),
        (tensor([True]), 1, int64),
    ],
)
def test_promotion_follows_pytorch(left: Tensor, right: Tensor | float, expected: np.dtype) -> None:
    assert (left + right).dtype == expected and (right + left).dtype == expected


def test_division_and_functions_of_integers_are_floats() -> None:
    x = tensor([1, 2])
    assert (x / 2).dtype == x.exp().dtype == x.sqrt().dtype == float32
    assert (x**2).dtype == int64 and (x**-1).tolist() == [1.0, 0.5]


def test_gradient_of_a_cast_comes_back_in_the_leafs_type() -> None:
    x = tensor([1.0, 2.0], requires_grad=True)
    (x * tensor([3.0, 4.0], dtype=float64)).sum().backward()
    assert x.grad.dtype == float32 and x.grad.tolist() == [3.0, 4.0]


@settings(max_examples=60, deadline=None)
@given(mutually_broadcastable_shapes(num_shapes=2, max_dims=4, max_side=4), st.integers(0, 2**32 - 1))
def test_broadcasting_is_undone(shapes: object, seed: int) -> None:
    """Gradients have the leaves' shapes and sum over what was repeated."""
    rng = np.random.default_rng(seed)
    a, b = (Tensor(rng.uniform(0.5, 2, shape), requires_grad=True) for shape in shapes.input_shapes)
    z = a * b
    assert z.shape == shapes.result_shape
    g = rng.uniform(size=z.shape)
    z.backward(g)
    for x, other in ((a, b), (b, a)):
        full = g * np.broadcast_to(other.data, z.shape)
        lead = z.ndim - x.ndim
        axes = tuple(range(lead)) + tuple(lead + i for i, n in enumerate(x.shape) if n == 1)
        np.testing.assert_allclose(x.grad.data, full.sum(axis=axes).reshape(x.shape), rtol=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_indexing_follows_numpy(data: st.DataObject) -> None:
    from hypothesis.extra.numpy import basic_indices

    shape = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=3).map(tuple))
    key = data.draw(basic_indices(shape, allow_newaxis=True))
    array = np.arange(np.prod(shape), dtype=np.float64).reshape(shape)
    x = Tensor(array.copy(), requires_grad=True)
    y = x[key]
    np.testing.assert_array_equal(y.data, array[key])
    (y * 2).sum().backward()
    expected = np.zeros(shape)
    expected[key] = 2
    np.testing.assert_array_equal(x.grad.data, expected)


def test_repeated_indices_add_up() -> None:
    x = tensor([1.0, 2.0, 3.0], requires_grad=True)
    x[[0, 0, 2]].sum().backward()
    assert x.grad.tolist() == [2.0, 0.0, 1.0]


@pytest.mark.parametrize(
    ("a", "b"),
    [((3,), (3,)), ((3,), (3, 4)), ((2, 3), (3,)), ((2, 3), (3, 4)), ((5, 2, 3), (3,)), ((3,), (5, 3, 2)),
     ((5, 2, 3), (3, 4)), ((2, 3), (5, 3, 4)), ((5, 1, 2, 3), (4, 3, 2)), ((0, 3), (3, 2)), ((2, 0), (0, 3))],
)  # fmt: skip
def test_matmul_in_all_of_numpys_cases(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    x, y = (Tensor(rng.standard_normal(shape), requires_grad=True) for shape in (a, b))
    np.testing.assert_allclose((x @ y).data, x.data @ y.data, rtol=1e-12)
    if 0 not in a:
        assert gradcheck(lambda x, y: x @ y, (x, y), order=2)


def test_max_over_a_dimension_gives_values_and_indices() -> None:
    x = tensor([[1.0, 5.0, 2.0], [7.0, 0.0, 7.0]], requires_grad=True)
    values, indices = x.max(1)
    values.sum().backward()
    assert values.tolist() == [5.0, 7.0] and indices.tolist() == [1, 0]
    assert x.grad.tolist() == [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]


def test_full_max_shares_the_gradient_of_ties() -> None:
    x = tensor([7.0, 1.0, 7.0], requires_grad=True)
    x.max().backward()
    assert x.grad.tolist() == [0.5, 0.0, 0.5]


def test_the_gradient_of_a_norm_at_zero_is_zero() -> None:
    x = autograd.zeros(3, requires_grad=True)
    x.norm().backward()
    assert x.grad.tolist() == [0.0, 0.0, 0.0]


def test_logsumexp_of_minus_infinity_and_of_large_numbers() -> None:
    x = tensor([[-np.inf, -np.inf], [1000.0, 1000.0]], requires_grad=True)
    z = x.logsumexp(1)
    z[1].backward()
    assert z.tolist()[0] == -np.inf and z.tolist()[1] == pytest.approx(1000.6931)
    assert not np.isnan(x.grad.data).any()


def test_views_share_memory_and_writes_reach_them() -> None:
    x = autograd.zeros(2, 3)
    view = x.T
    x[0, 1] = 5.0
    assert view[1, 0].item() == 5.0
    view += 1
    assert x.tolist() == [[1.0, 6.0, 1.0], [1.0, 1.0, 1.0]]


def test_assigning_a_recorded_value_is_refused() -> None:
    x, w = autograd.zeros(3), tensor([1.0], requires_grad=True)
    with pytest.raises(RuntimeError, match="where, cat or scatter_add"):
        x[0] = w[0] * 2
    with pytest.raises(TypeError, match="cannot write float32 into a tensor of int64"):
        autograd.arange(3)[0] = tensor(1.5)


def test_augmented_assignment_records() -> None:
    w = tensor([2.0], requires_grad=True)
    total = autograd.zeros(1)
    total += w * 3
    total.sum().backward()
    assert w.grad.tolist() == [3.0]


def test_printing() -> None:
    assert repr(tensor([1.0, 2.5])) == "tensor([1. , 2.5])"
    assert (
        repr(tensor([1.0], dtype=float64, requires_grad=True))
        == "tensor([1.], dtype=float64, requires_grad=True)"
    )
    assert repr(tensor(1.0, requires_grad=True) * 2) == "tensor(2., grad_fn=<mul>)"


def test_copies_and_pickles_of_leaves() -> None:
    x = tensor([1.0, 2.0], requires_grad=True)
    for other in (copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert other.tolist() == [1.0, 2.0] and other.requires_grad and other.node is not x.node


def test_numpy_on_the_left() -> None:
    x = tensor([1.0, 2.0], requires_grad=True)
    y = np.array([3.0, 4.0], np.float32) * x
    assert isinstance(y, Tensor) and y.tolist() == [3.0, 8.0]
    assert np.asarray(x.detach()).tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: autograd.ones(3) + autograd.ones(4), ValueError, r"add: shapes \(3,\) and \(4,\)"),
        (
            lambda: autograd.ones(2, 3) @ autograd.ones(2, 3),
            ValueError,
            r"matmul: shapes \(2, 3\) and \(2, 3\)",
        ),
        (lambda: autograd.ones(2, 3).reshape(4), ValueError, "6 elements can't become"),
        (lambda: autograd.ones(2).sum(3), IndexError, "dim 3 is out of range for 1 dimensions"),
        (lambda: autograd.ones(2)["a"], TypeError, "want ints, slices"),
        (lambda: autograd.ones(2)[5], IndexError, "out of bounds"),
        (lambda: autograd.ones(2) + "x", TypeError, "cannot work with a str"),
        (lambda: bool(autograd.ones(2)), ValueError, "ambiguous"),
        (lambda: autograd.ones(2).item(), ValueError, "want one element"),
        (lambda: tensor([[1], [1, 2]]), ValueError, "unequal length"),
        (lambda: tensor(["a"]), TypeError, "want numbers"),
        (lambda: tensor([1], requires_grad=True), TypeError, "only float tensors"),
        (lambda: autograd.zeros(-1), ValueError, "integers >= 0"),
        (lambda: autograd.cat([autograd.ones(2, 2), autograd.ones(2, 3)]), ValueError, "cat: tensor 1"),
        (lambda: autograd.ones(0).max(), ValueError, "no elements to choose from"),
        (lambda: autograd.linear(autograd.ones(2, 3), autograd.ones(4, 5)), ValueError, "in_features"),
        (lambda: autograd.embedding(autograd.ones(4, 2), tensor([4])), IndexError, "out of range"),
        (lambda: tensor([1.0], requires_grad=True).numpy(), RuntimeError, "detach"),
        (lambda: autograd.ones(3) @ autograd.ones(4), ValueError, r"shapes \(3,\) and \(4,\)"),
        (lambda: autograd.ones(2, 3).argmax((0, 1)), TypeError, "want one dim"),
        (lambda: autograd.ones(2).chunk(0), ValueError, "at least 1"),
    ],
)
def test_errors_name_what_was_given(call, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_contiguous_makes_rows_contiguous() -> None:
    x = autograd.randn(3, 4).T.contiguous()
    assert x.data.flags.c_contiguous and x.view(12).shape == (12,)


def test_std_of_equal_numbers_has_gradient_zero() -> None:
    x = autograd.ones(3, requires_grad=True)
    x.std().backward()
    assert x.grad.tolist() == [0.0, 0.0, 0.0]


def test_a_nan_does_not_hide_in_relus_gradient() -> None:
    x = tensor([np.nan, -1.0, 2.0], requires_grad=True)
    (x.relu() * x).sum().backward()
    assert np.isnan(x.grad.data[0]) and x.grad.tolist()[1:] == [0.0, 4.0]


def test_integers_stay_integers() -> None:
    x = tensor([1, -2])
    assert x.clamp(min=0).tolist() == [1, 0] and x.clamp(min=0).dtype == int64
    assert x.relu().dtype == int64 and (tensor(2.0) * np.float64(0.1)).dtype == float32
    small = autograd.zeros(2, dtype=autograd.uint8)
    small[0] = 5
    small[1:].fill_(True)
    assert small.tolist() == [5, 1]
    with pytest.raises(ValueError, match="[Ii]ntegers to negative"):
        x ** tensor([-1, 2])


def test_gradients_in_grad_may_be_written() -> None:
    x = autograd.ones(3, requires_grad=True)
    y = x * 1
    y.retain_grad()
    y.sum().backward()
    assert x.grad.add_(1).tolist() == y.grad.add_(1).tolist() == [2.0, 2.0, 2.0]


def test_the_gradient_of_a_sum_is_one_number_repeated() -> None:
    """No pass over memory writes it out; as in PyTorch, its clone can be written, not itself."""
    x = autograd.ones(3, requires_grad=True)
    (g,) = autograd.grad(x.sum(), x)
    assert g.data.strides == (0,)
    with pytest.raises(ValueError, match="write to x.clone()"):
        g.add_(1)
    assert g.clone().add_(1).tolist() == [2.0, 2.0, 2.0]


def test_a_tensor_in_data_is_named() -> None:
    x = tensor([1.0], requires_grad=True)
    x.data = x.data - 0.1 * tensor([1.0])
    with pytest.raises(TypeError, match="holds a Tensor.*no_grad"):
        x * 2


def test_dropout_keeps_the_mean_and_its_mask() -> None:
    autograd.manual_seed(0)
    x = autograd.ones(10_000, requires_grad=True)
    y = autograd.dropout(x, 0.25)
    y.sum().backward()
    assert set(np.unique(y.data)) == {np.float32(0), np.float32(1 / 0.75)}
    assert abs(y.data.mean() - 1) < 0.02
    np.testing.assert_array_equal(x.grad.data, y.data)


def test_what_is_no_number_is_unequal() -> None:
    for x in (tensor([1.0, 2.0]), autograd.Scalar(1.0)):
        assert (x == None) is False and (x != None) is True and (x == "mean") is False  # noqa: E711
    assert (tensor([1.0, 2.0]) == np.float32(2)).tolist() == [False, True]
    assert (tensor([True, False]) == np.True_).tolist() == [True, False]
    with pytest.raises(TypeError, match="eq: cannot work with a NoneType"):
        autograd.eq(tensor([1.0]), None)


def test_names_that_pytorch_has() -> None:
    x = tensor([[1.0, -2.0], [3.5, 4.0]])
    assert x.where(x > 0, 0.0).tolist() == x.masked_fill(x < 0, 0.0).tolist() == [[1.0, 0.0], [3.5, 4.0]]
    assert x.t().tolist() == x.T.tolist() and x[0].t().shape == (2,)
    assert x[0].expand_as(x).tolist() == [[1.0, -2.0]] * 2
    assert (x // 2).tolist() == [[0.0, -1.0], [1.0, 2.0]] and (x % 2).tolist() == [[1.0, 0.0], [1.5, 0.0]]
    assert (7 // tensor([2])).tolist() == [3] and (7 % tensor([4])).tolist() == [3]
    assert (tensor([7, -7]) // 2).dtype == autograd.int64
    assert x.isinf().any().item() is False and (x / 0).isinf().all().item() is True
    assert x.allclose(x + 1e-7) and not autograd.allclose(x, x + 1)
    assert x.allclose(x * np.nan, equal_nan=True) is False
    assert x.stride() == (2, 1) and x.T.stride(0) == 1
    assert x.is_contiguous() and not x.T.is_contiguous()
    assert autograd.empty_like(x).shape == x.shape
    assert np.allclose(x.silu().data, (x * x.sigmoid()).data) and x.gelu().shape == x.shape


def test_repeat_lays_copies_side_by_side() -> None:
    x = tensor([[1.0, 2.0, 3.0]], requires_grad=True)
    for sizes in ((2, 2), (3, 1, 2), (1, 0)):
        y = x.repeat(*sizes)
        assert np.array_equal(y.data, np.tile(x.data, sizes))
    x.repeat(2, 2).sum().backward()
    assert x.grad.tolist() == [[4.0, 4.0, 4.0]]
    with pytest.raises(ValueError, match="repeat: want a count"):
        x.repeat(2)


def test_mm_and_bmm_want_their_dimensions() -> None:
    x = autograd.ones(2, 3)
    assert autograd.mm(x, x.T).tolist() == [[3.0, 3.0]] * 2
    assert x.expand(4, 2, 3).bmm(autograd.ones(4, 3, 1)).shape == (4, 2, 1)
    with pytest.raises(ValueError, match="mm: want 2 dimensions"):
        x.mm(autograd.ones(3))
    with pytest.raises(ValueError, match="bmm: batches of 4 and 1"):
        autograd.bmm(autograd.ones(4, 2, 3), autograd.ones(1, 3, 2))


def test_filling_with_random_numbers() -> None:
    autograd.manual_seed(0)
    x = autograd.empty(10_000)
    assert x.uniform_(-3, 5) is x
    assert x.min().item() >= -3 and x.max().item() < 5 and abs(x.mean().item() - 1) < 0.1
    assert abs(x.normal_(2.0, 0.5).mean().item() - 2) < 0.05 and abs(x.std().item() - 0.5) < 0.05
    with pytest.raises(RuntimeError, match="in place"):
        autograd.ones(2, requires_grad=True).uniform_()
