"""Softmax and cross-entropy: kernels against NumPy against PyTorch, edge sizes, strides, refusals."""

import numpy as np
import pytest

from autograd import kernels
from autograd.ops import softmax_kernel
from autograd.ops.softmax_kernel import (
    cross_entropy,
    cross_entropy_backward,
    cross_entropy_backward_reference,
    cross_entropy_reference,
    log_softmax,
    log_softmax_backward,
    softmax,
    softmax_backward,
    softmax_backward_reference,
    softmax_reference,
)

needs_kernels = pytest.mark.skipif(not kernels.active, reason="no compiled kernels")
SHAPES = [(1, 1), (3, 2), (5, 7), (4, 16), (2, 17), (64, 10), (7, 257), (3, 1000)]
DTYPES = [np.float32, np.float64]
OPTIONS = [{}, {"label_smoothing": 0.1}, {"ignore_index": 0}, {"ignore_index": 1, "label_smoothing": 0.3}]


@pytest.fixture(params=kernels.isas())
def isa(request):
    before = kernels.isa()
    kernels.set_isa(request.param)
    yield request.param
    kernels.set_isa(before)


def agree(got, want):
    assert got.shape == want.shape and got.dtype == want.dtype
    tolerance = 1e-5 if got.dtype == np.float32 else 1e-12
    np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance)


def normal(shape, dtype, seed=0, scale=3.0):
    return (scale * np.random.default_rng(seed).normal(size=shape)).astype(dtype)


@needs_kernels
@pytest.mark.parametrize("dtype", DTYPES)
def test_softmax_kernels_are_their_references(isa, dtype):
    for shape in SHAPES:
        x, g = normal(shape, dtype), normal(shape, dtype, 1)
        for log, forward, backward in (
            (False, softmax, softmax_backward),
            (True, log_softmax, log_softmax_backward),
        ):
            y = forward(x)
            agree(y, softmax_reference(x, -1, log))
            agree(backward(g, y), softmax_backward_reference(g, y, -1, log))


@pytest.mark.parametrize("dim", [0, 1, 2, -1, -2])
def test_softmax_over_any_dimension_of_any_view(dim):
    x = normal((6, 5, 8), np.float64).transpose(2, 0, 1)[::2, ::-1]
    g = normal(x.shape, np.float64, 1)
    y = softmax(x, dim)
    agree(y, softmax_reference(x, dim))
    agree(softmax_backward(g, y, dim), softmax_backward_reference(g, y, dim))
    np.testing.assert_allclose(y.sum(dim), 1, rtol=1e-12)


def test_softmax_of_every_kind_of_extreme(isa):
    x = np.array([[1e4, 0, -1e4], [-np.inf, 0, 0], [np.inf, 0, 0], [-np.inf] * 3, [np.nan, 0, 0]], np.float32)
    for log in (False, True):
        np.testing.assert_allclose(
            (log_softmax if log else softmax)(x), softmax_reference(x, -1, log), rtol=1e-6
        )
    assert softmax(np.ones((3, 0), np.float32)).shape == (3, 0)
    assert softmax(np.ones((0, 3), np.float32)).shape == (0, 3)
    np.testing.assert_array_equal(softmax(np.full((1, 17), 5e4)), np.full((1, 17), 1 / 17))


@needs_kernels
@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
def test_cross_entropy_kernel_is_its_reference(isa, dtype, options):
    for shape in SHAPES:
        x, g = normal(shape, dtype), normal(shape[0], dtype, 1)
        targets = np.random.default_rng(2).integers(0, shape[1], shape[0])
        losses, saved = cross_entropy(x, targets, **options)
        want, want_saved = cross_entropy_reference(x, targets, **options)
        agree(losses, want)
        agree(saved, want_saved)
        agree(
            cross_entropy_backward(g, x, targets, saved, **options),
            cross_entropy_backward_reference(g, x, targets, saved, **options),
        )


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_cross_entropy_is_pytorchs(options):
    torch = pytest.importorskip("torch")
    x, g = normal((20, 9), np.float64), normal(20, np.float64, 1)
    targets = np.random.default_rng(2).integers(0, 9, 20)
    leaf = torch.tensor(x, requires_grad=True)
    want = torch.nn.functional.cross_entropy(leaf, torch.tensor(targets), reduction="none", **options)
    want.backward(torch.tensor(g))
    losses, saved = cross_entropy(x, targets, **options)
    agree(losses, want.detach().numpy())
    agree(cross_entropy_backward(g, x, targets, saved, **options), leaf.grad.numpy())


def test_cross_entropy_keeps_its_digits_for_large_logits(isa):
    """A common shift of the logits changes nothing, although float32 has few digits left for it."""
    x = np.array([[0, 1, 2, 0.5]], np.float32)
    targets = np.array([1])
    losses, saved = cross_entropy(x + 2.0**20, targets)
    np.testing.assert_allclose(losses, cross_entropy(x, targets)[0], rtol=1e-6)
    np.testing.assert_allclose(
        cross_entropy_backward(np.ones(1, np.float32), x + 2.0**20, targets, saved),
        softmax(x) - np.eye(4, dtype=np.float32)[targets],
        rtol=1e-6,
        atol=1e-7,
    )


def test_cross_entropy_of_views_and_one_gradient_for_all():
    x = normal((10, 12), np.float32)[::2, :7]
    targets = np.array([0, 3, 6, 1, 2], np.int32)
    losses, saved = cross_entropy(x, targets)
    agree(losses, cross_entropy_reference(x, targets)[0])
    g = np.float32(0.2)
    agree(
        cross_entropy_backward(g, x, targets, saved),
        cross_entropy_backward_reference(np.full(5, g), x, targets, saved),
    )


@pytest.mark.parametrize("active", [True, False])
def test_wrong_targets_are_named(monkeypatch, active):
    monkeypatch.setattr(softmax_kernel.kernels, "active", active and kernels.active)
    x = np.zeros((4, 3))
    with pytest.raises(IndexError, match="target 3 in row 2 is not a class: want 0 to 2"):
        cross_entropy(x, np.array([0, 1, 3, -1]))
    with pytest.raises(ValueError, match=r"got logits of shape \(4, 3\) and float64 targets of shape \(4,\)"):
        cross_entropy(x, np.zeros(4))
    with pytest.raises(ValueError, match=r"targets of shape \(5,\)"):
        cross_entropy(x, np.zeros(5, np.int64))
