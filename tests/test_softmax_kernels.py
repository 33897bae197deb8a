"""Softmax and cross-entropy: kernels against NumPy against PyTorch, edge sizes, strides, refusals."""

import numpy as np
import pytest

import autograd
from autograd import Tensor, kernels
from autograd.ops.cross_entropy import cross_entropy
from autograd.ops.softmax_kernel import (
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
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(3, 5, 2), (2, 7, 67), (1, 10, 16, 9), (4, 1, 130), (2, 300, 3)])
def test_softmax_in_strips(isa, shape, dtype):
    x, g = normal(shape, dtype), normal(shape, dtype, 1)
    x[0, 0] = -np.inf if shape[1] > 1 else 0
    for log, forward, backward in ((0, softmax, softmax_backward), (1, log_softmax, log_softmax_backward)):
        y = forward(x, 1)
        agree(y, softmax_reference(x, 1, log))
        agree(backward(g, y, 1), softmax_backward_reference(g, y, 1, log))


@pytest.fixture(params=["numpy", *kernels.isas()])
def backend(request, monkeypatch):
    before = kernels.isa()
    if request.param == "numpy":
        monkeypatch.setattr(kernels, "active", False)
    else:
        kernels.set_isa(request.param)
    yield request.param
    if before:
        kernels.set_isa(before)


def both(x, targets, g=None, **options):
    """Losses and the gradient in the logits."""
    leaf = Tensor(x, requires_grad=True)
    losses = cross_entropy(leaf, Tensor(targets), **options)
    (dx,) = autograd.grad(losses, leaf, None if g is None else Tensor(g))
    return losses.data, dx.data


def expected(x, targets, weight=None, ignore_index=-100, label_smoothing=0.0):
    """Losses, the weights that count, and the gradient of the losses' sum, in float64, a row at a time."""
    classes = x.shape[1]
    w = np.ones(classes) if weight is None else weight.astype(np.float64)
    rows = np.moveaxis(x.astype(np.float64), 1, -1).reshape(-1, classes)
    losses, counted, dx = [], [], np.zeros(rows.shape)
    for i, (row, t) in enumerate(zip(rows, targets.ravel(), strict=True)):
        if t == ignore_index:
            losses.append(0.0), counted.append(0.0)
            continue
        q = label_smoothing / classes * w
        q[t] += (1 - label_smoothing) * w[t]
        log_p = row - row.max() - np.log(np.exp(row - row.max()).sum())
        losses.append(-(q * log_p).sum()), counted.append(w[t])
        dx[i] = np.exp(log_p) * q.sum() - q
    dx = np.moveaxis(dx.reshape(*targets.shape, classes), -1, 1)
    return np.reshape(losses, targets.shape), np.reshape(counted, targets.shape), dx


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
def test_cross_entropy_row_by_row(backend, dtype, options, weighted):
    rng = np.random.default_rng(2)
    for shape in [*SHAPES, (5, 3, 2), (2, 7, 67), (2, 10, 5, 13), (1, 1, 9)]:
        x, g = normal(shape, dtype), normal((shape[0], *shape[2:]), dtype, 1)
        targets = rng.integers(0, shape[1], g.shape)
        weight = rng.uniform(0.5, 2, shape[1]).astype(dtype) if weighted else None
        want, counted, gradient = expected(x, targets, weight, **options)
        losses, dx = both(x, targets, g, weight=weight, reduction="none", **options)
        agree(losses, want.astype(dtype))
        agree(dx, (gradient * np.expand_dims(g, 1)).astype(dtype))
        total, dx = both(x, targets, weight=weight, reduction="sum", **options)
        agree(total, np.asarray(want.sum(), dtype))
        if counted.sum():
            mean, dx = both(x, targets, weight=weight, **options)
            agree(mean, np.asarray(want.sum() / counted.sum(), dtype))
            agree(dx, (gradient / counted.sum()).astype(dtype))


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("shape", [(20, 9), (6, 9, 4, 3)])
def test_cross_entropy_is_pytorchs(options, shape):
    torch = pytest.importorskip("torch")
    x, weight = normal(shape, np.float64), np.linspace(0.5, 2, 9)
    targets = np.random.default_rng(2).integers(0, 9, (shape[0], *shape[2:]))
    for w in (None, weight):
        leaf, tw = torch.tensor(x, requires_grad=True), None if w is None else torch.tensor(w)
        want = torch.nn.functional.cross_entropy(leaf, torch.tensor(targets), tw, **options)
        want.backward()
        loss, dx = both(x, targets, weight=w, **options)
        agree(loss, want.detach().numpy())
        agree(dx, leaf.grad.numpy())


def test_cross_entropy_keeps_its_digits_for_large_logits(backend):
    """A common shift of the logits changes nothing, although float32 has few digits left for it."""
    for x in (np.array([[0, 1, 2, 0.5]], np.float32), np.ones((1, 4, 3), np.float32)):
        targets = np.ones((1, *x.shape[2:]), np.int64)
        near, far = both(x, targets), both(x + 2.0**20, targets)
        for a, b in zip(near, far, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("inner", [(), (3,)], ids=str)
def test_cross_entropy_of_classes_that_cannot_be(backend, inner):
    """A logit of -inf is probability 0: an infinite loss where it is the target, nothing anywhere else."""
    x = np.zeros((3, 4, *inner), np.float32)
    x[:, 1] = -np.inf
    targets = np.zeros((3, *inner), np.int64)
    targets[2] = 1
    losses, dx = both(x, targets, np.ones(targets.shape, np.float32), reduction="none")
    np.testing.assert_allclose(losses[:2], np.log(3), rtol=1e-6)
    assert np.isposinf(losses[2]).all()
    np.testing.assert_allclose(dx[0, :, ...].T.reshape(-1, 4)[0], [-2 / 3, 0, 1 / 3, 1 / 3], rtol=1e-6)
    assert np.isfinite(dx).all()


@needs_kernels
def test_ignored_rows_lose_nothing_whatever_they_hold(isa):
    for inner in ((), (3,)):
        x = np.full((2, 4, *inner), np.nan, np.float32)
        x[0] = 0
        targets = np.zeros((2, *inner), np.int64)
        targets[1] = -100
        losses, dx = both(x, targets, np.ones(targets.shape, np.float32), reduction="none")
        assert (losses[1] == 0).all() and (dx[1] == 0).all() and np.isfinite(dx[0]).all()


def test_cross_entropy_of_views(backend):
    x = normal((10, 12), np.float32)[::2, :7]
    targets = np.array([0, 3, 6, 1, 2], np.int32)
    losses, dx = both(x, targets, np.ones(5, np.float32), reduction="none")
    want, _, gradient = expected(x, targets)
    agree(losses, want.astype(np.float32))
    agree(dx, gradient.astype(np.float32))
    planes = normal((6, 5, 4), np.float64).transpose(2, 1, 0)
    targets = np.arange(24).reshape(6, 4).T % 5
    agree(both(planes, targets)[0], np.asarray(expected(planes, targets)[0].mean()))


@needs_kernels
@pytest.mark.parametrize("shape", [(5000, 10), (300, 257), (3, 5, 5000)])
def test_any_number_of_threads(shape):
    x = normal(shape, np.float32)
    targets = np.random.default_rng(2).integers(0, shape[1], (shape[0], *shape[2:]))
    before, results = kernels.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            kernels.set_num_threads(threads)
            results.append((*both(x, targets), softmax(x, 1)))
    finally:
        kernels.set_num_threads(before)
    for other in results[1:]:
        for a, b in zip(other, results[0], strict=True):
            np.testing.assert_array_equal(a, b)


def test_wrong_targets_are_named(backend):
    x = Tensor(np.zeros((4, 3)))
    with pytest.raises(IndexError, match="target 3 in row 2 is not a class: want 0 to 2"):
        cross_entropy(x, np.array([0, 1, 3, -1]))
    with pytest.raises(IndexError, match=r"target 5 at \(1, 2\) is not a class"):
        cross_entropy(Tensor(np.zeros((2, 3, 4))), np.array([[0, 1, 2, 0], [0, 0, 5, 0]]))
    with pytest.raises(ValueError, match=r"got logits of shape \(4, 3\) and float64 targets of shape \(4,\)"):
        cross_entropy(x, np.zeros(4))
    with pytest.raises(ValueError, match=r"targets of shape \(5,\)"):
        cross_entropy(x, np.zeros(5, np.int64))
    with pytest.raises(ValueError, match=r"weight has shape \(4,\), want \(3,\)"):
        cross_entropy(x, np.zeros(4, np.int64), np.ones(4))
