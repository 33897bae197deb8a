"""Batch, layer and group norm: kernels against NumPy in float64, accuracy where the mean is large, running
statistics, threads. (Order-2 derivatives and C against NumPy: test_registry.)"""

import numpy as np
import pytest

import autograd
import nn.functional as F
from autograd import Tensor, kernels
from autograd.jit.instructions import ACTIVATIONS
from autograd.ops.standardize import layout

needs_kernels = pytest.mark.skipif(not kernels.active, reason="no compiled kernels")
REALS = [np.float32, np.float64]


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


def view(kind, parts, x):
    """x as (means, what each is of)."""
    if kind == "batch":
        return np.moveaxis(x, 1, 0).reshape(x.shape[1], -1)
    if kind == "group":
        return x.reshape(x.shape[0] * parts, -1)
    return x.reshape(int(np.prod(x.shape[: x.ndim - parts])), -1)


def unview(kind, rows, shape):
    if kind == "batch":
        return np.moveaxis(rows.reshape(shape[1], shape[0], *shape[2:]), 0, 1)
    return rows.reshape(shape)


def expected(kind, parts, x, w, b, g, eps=1e-5):
    """y, dx, dw, db in float64."""
    x, w, b, g = (a.astype(np.float64) for a in (x, w, b, g))
    like = w if kind == "layer" else w.reshape(1, -1, *(1,) * (x.ndim - 2))
    shift = b if kind == "layer" else b.reshape(like.shape)
    rows = view(kind, parts, x)
    r = 1 / np.sqrt(rows.var(1, keepdims=True) + eps)
    h_rows = (rows - rows.mean(1, keepdims=True)) * r
    h = unview(kind, h_rows, x.shape)
    gw = view(kind, parts, g * like)
    dx = r * (gw - gw.mean(1, keepdims=True) - h_rows * (gw * h_rows).mean(1, keepdims=True))
    axes = tuple(range(x.ndim - parts)) if kind == "layer" else (0, *range(2, x.ndim))
    return h * like + shift, unview(kind, dx, x.shape), (g * h).sum(axes), g.sum(axes)


def run(kind, parts, x, w, b):
    if kind == "batch":
        return F.batch_norm(x, None, None, w, b, training=True)
    if kind == "group":
        return F.group_norm(x, parts, w, b)
    return F.layer_norm(x, x.shape[-parts:], w, b)


CASES = [
    ("layer", 1, (1, 1)), ("layer", 1, (3, 7)), ("layer", 1, (70, 257)), ("layer", 1, (5, 5003)),
    ("layer", 2, (4, 3, 5)), ("layer", 1, (300, 16)), ("batch", 0, (2, 1)), ("batch", 0, (7, 3)),
    ("batch", 0, (150, 67)), ("batch", 0, (3, 200)), ("batch", 0, (2, 3, 1, 2)), ("batch", 0, (5, 3, 7, 7)),
    ("batch", 0, (2, 3, 50, 51)), ("group", 2, (3, 4)), ("group", 3, (2, 6, 5, 3)),
    ("group", 1, (2, 3, 40, 41)), ("group", 6, (2, 6, 1, 1, 9)),
]  # fmt: skip


@pytest.mark.parametrize("dtype", REALS)
@pytest.mark.parametrize(("kind", "parts", "shape"), CASES)
def test_output_and_gradients(backend, kind, parts, shape, dtype):
    rng = np.random.default_rng(0)
    features = shape[-parts:] if kind == "layer" else shape[1:2]
    x, g = (rng.normal(0.5, 2, shape).astype(dtype) for _ in "xg")
    w, b = (rng.uniform(0.5, 2, features).astype(dtype) for _ in "wb")
    leaves = [Tensor(a, requires_grad=True) for a in (x, w, b)]
    y = run(kind, parts, *leaves)
    gradients = autograd.grad(y, leaves, Tensor(g))
    tolerance = 2e-5 if dtype is np.float32 else 1e-11
    for got, want in zip((y, *gradients), expected(kind, parts, x, w, b, g), strict=True):
        assert got.dtype == dtype and got.shape == want.shape
        scale = max(1.0, np.abs(want).max())
        np.testing.assert_allclose(got.detach().numpy(), want, rtol=0, atol=tolerance * scale)


def numpy_activation(name, y, leak=0.25):
    """act(y) and act'(y)."""
    if name == "relu":
        return np.maximum(y, 0), (y > 0).astype(y.dtype)
    if name == "leaky_relu":
        return np.where(y > 0, y, leak * y), np.where(y > 0, 1, leak)
    s = 1 / (1 + np.exp(-y))
    return y * s, s * (1 + y * (1 - s))


@pytest.fixture(params=kernels.isas())
def isa(request):
    before = kernels.isa()
    kernels.set_isa(request.param)
    yield request.param
    kernels.set_isa(before)


@pytest.mark.parametrize("given", ["wb", "w", "b", ""])
@pytest.mark.parametrize("dtype", REALS)
@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "silu"])
@pytest.mark.parametrize(("kind", "parts", "shape"), CASES)
def test_kernels_with_an_activation(isa, kind, parts, shape, activation, dtype, given):
    """z = act(y) in one pass; its gradients from that of z, x and the bias. Only programs ask for it."""
    rng = np.random.default_rng(0)
    features = shape[-parts:] if kind == "layer" else shape[1:2]
    x, g = (rng.normal(0.5, 2, shape).astype(dtype) for _ in "xg")
    w = rng.uniform(0.5, 2, features).astype(dtype) if "w" in given else None
    b = rng.uniform(-1, 1, features).astype(dtype) if "b" in given else None
    sizes, values = layout(shape, kind, parts, 1e-5, 0.0)
    code = ((*sizes, ACTIVATIONS[activation]), (*values, 0.25), np.dtype(dtype))
    z, dx = np.empty_like(x), np.empty_like(x)
    mean, r = (np.empty(sizes[0], dtype) for _ in "mr")
    dw, db = (np.empty(features, dtype) for _ in "wb")
    kernels.call(kernels.STANDARDIZE, (x, w, b, z, mean, r), *code)
    kernels.call(kernels.STANDARDIZE_BACKWARD, (x, g, w, mean, r, dx, dw, db, b), *code)
    ones, zeros = np.ones(features, dtype), np.zeros(features, dtype)
    weights = (ones if w is None else w, zeros if b is None else b)
    y = expected(kind, parts, x, *weights, g)[0]
    want_z, slope = numpy_activation(activation, y)
    _, *want = expected(kind, parts, x, *weights, g * slope)
    tolerance = 3e-5 if dtype is np.float32 else 1e-11
    for got, wanted in zip((z, dx, dw, db), (want_z, *want), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=0, atol=tolerance * max(1.0, np.abs(wanted).max()))
    # Without dw and db, without dx, and with dx in the place of g.
    alone, in_place = np.empty_like(x), g.copy()
    kernels.call(kernels.STANDARDIZE_BACKWARD, (x, g, w, mean, r, alone, None, None, b), *code)
    np.testing.assert_array_equal(alone, dx)
    kernels.call(kernels.STANDARDIZE_BACKWARD, (x, g, w, mean, r, None, dw, db, b), *code)
    np.testing.assert_allclose(dw, want[1], rtol=0, atol=tolerance * max(1.0, np.abs(want[1]).max()))
    kernels.call(kernels.STANDARDIZE_BACKWARD, (x, in_place, w, mean, r, in_place, None, None, b), *code)
    np.testing.assert_array_equal(in_place, dx)


def test_an_activation_gets_the_very_y_that_would_be_written(isa):
    """A place where y is 0 or next to it must not change sides between forward and backward."""
    rng = np.random.default_rng(0)
    for kind, parts, shape in CASES:
        x = rng.normal(0.5, 2, shape).astype(np.float32)
        features = shape[-parts:] if kind == "layer" else shape[1:2]
        w, b = (rng.uniform(0.5, 2, features).astype(np.float32) for _ in "wb")
        sizes, values = layout(shape, kind, parts, 1e-5, 0.0)
        y, z, zero = np.empty_like(x), np.empty_like(x), np.zeros_like(x)
        mean, r = (np.empty(sizes[0], np.float32) for _ in "mr")
        single = np.dtype(np.float32)
        kernels.call(kernels.STANDARDIZE, (x, w, b, y, mean, r), sizes, values, single)
        kernels.call(kernels.STANDARDIZE, (x, w, b, z, mean, r), (*sizes, 1), values, single)
        np.testing.assert_array_equal(z, np.maximum(y, 0))
        if kind == "batch":  # with the statistics given dx is g act'(y) r w, without averages
            given = (*sizes[:5], 1)
            running = r.astype(np.float64) ** -2 - 1e-5
            args = (x, w, b, y, mean.copy(), r.copy(), mean, running.astype(np.float32))
            kernels.call(kernels.STANDARDIZE, args, given, values, single)
            args = (x, zero + 1, w, args[4], args[5], zero, None, None, b)
            kernels.call(kernels.STANDARDIZE_BACKWARD, args, (*given, 1), values, single)
            np.testing.assert_array_equal(zero != 0, y > 0)


def test_unknown_activations_are_refused():
    x = np.ones((2, 3), np.float32)
    sizes, values = layout(x.shape, "layer", 1, 1e-5, 0.0)
    args = (x, None, None, x.copy(), np.empty(2, np.float32), np.empty(2, np.float32))
    if kernels.active:
        with pytest.raises(ValueError):
            kernels.call(kernels.STANDARDIZE, args, (*sizes, 2), values, x.dtype)


@pytest.mark.parametrize("wanted", ["x", "w", "b", "wb", ""])
def test_only_what_is_wanted(backend, wanted):
    rng = np.random.default_rng(1)
    arrays = {
        "x": rng.normal(size=(6, 4, 5)),
        "w": rng.uniform(0.5, 2, 4),
        "b": rng.uniform(0.5, 2, 4),
    }
    for kind, parts in (("batch", 0), ("group", 2)):
        leaves = {name: Tensor(a, requires_grad=name in wanted) for name, a in arrays.items()}
        y = run(kind, parts, *leaves.values())
        assert y.requires_grad == bool(wanted)
        if wanted:
            g = rng.normal(size=y.shape)
            y.backward(Tensor(g))
            _, *want = expected(kind, parts, *arrays.values(), g)
            for (name, leaf), gradient in zip(leaves.items(), want, strict=True):
                assert (leaf.grad is not None) == (name in wanted)
                if leaf.grad is not None:
                    np.testing.assert_allclose(leaf.grad.data, gradient, atol=1e-9)
    plain = run("layer", 1, Tensor(arrays["x"]), None, None)
    np.testing.assert_allclose(plain.data.std(-1), 1, rtol=1e-3)


@pytest.mark.parametrize("isa", kernels.isas())
@pytest.mark.parametrize(
    ("kind", "shape"), [("layer", (9, 3000)), ("batch", (3000, 40)), ("batch", (40, 5, 75))]
)
def test_the_variance_keeps_its_digits_where_the_mean_is_large(isa, kind, shape):
    """Mean 1e4, deviation 1: a sum of squares would have no digit left (1e8 has a spacing of 8). What is
    left is the rounding of the mean: half of a spacing at 1e4."""
    before = kernels.isa()
    kernels.set_isa(isa)
    try:
        large_mean(kind, np.random.default_rng(0).normal(1e4, 1, shape).astype(np.float32))
    finally:
        kernels.set_isa(before)


def large_mean(kind, x):
    shape = x.shape
    ones, zeros = (np.full(shape[1], v, np.float32) for v in (1, 0))
    y = run(kind, 1, Tensor(x), Tensor(ones), Tensor(zeros)).data
    want = expected(kind, 1, x, ones, zeros, x)[0]
    np.testing.assert_allclose(y, want, rtol=1e-5, atol=0.51 * np.spacing(np.float32(1e4)))
    running = [Tensor(zeros.copy()), Tensor(ones.copy())]
    if kind == "batch":
        F.batch_norm(Tensor(x), *running, training=True, momentum=1.0)
        wide = view(kind, 0, x).astype(np.float64)
        np.testing.assert_allclose(running[0].data, wide.mean(1), rtol=6e-8)
        np.testing.assert_allclose(running[1].data, wide.var(1, ddof=1), rtol=2e-5)


@pytest.mark.parametrize("shape", [(8, 3), (4, 3, 5), (2, 3, 31, 33)])
def test_running_statistics(backend, shape):
    x = np.random.default_rng(0).normal(2, 3, shape)
    mean, var = Tensor(np.zeros(3)), Tensor(np.ones(3))
    F.batch_norm(Tensor(x), mean, var, training=True, momentum=0.25)
    rows = view("batch", 0, x)
    np.testing.assert_allclose(mean.data, 0.25 * rows.mean(1))
    np.testing.assert_allclose(var.data, 0.75 + 0.25 * rows.var(1, ddof=1))
    before = mean.data.copy()
    y = F.batch_norm(Tensor(x), mean, var, eps=0.5)
    channel = (1, 3, *(1,) * (len(shape) - 2))
    want = (x - mean.data.reshape(channel)) / np.sqrt(var.data.reshape(channel) + 0.5)
    np.testing.assert_allclose(y.data, want, atol=1e-12)
    np.testing.assert_array_equal(mean.data, before)


def test_a_second_derivative_leaves_the_running_statistics_alone(backend):
    x = Tensor(np.random.default_rng(0).normal(size=(6, 3)), requires_grad=True)
    mean, var = Tensor(np.zeros(3)), Tensor(np.ones(3))
    y = F.batch_norm(x, mean, var, training=True)
    after = mean.data.copy(), var.data.copy()
    (g,) = autograd.grad((y * y * y).sum(), x, create_graph=True)
    autograd.grad((g * g).sum(), x)
    np.testing.assert_array_equal((mean.data, var.data), after)


def test_nan_stays_where_it_is_averaged(backend):
    x = np.ones((3, 40), np.float32) * np.arange(40, dtype=np.float32)
    x[1, 5] = np.nan
    rows = np.isnan(run("layer", 1, Tensor(x), None, None).data).all(1)
    assert rows.tolist() == [False, True, False]
    columns = np.isnan(run("batch", 0, Tensor(x), None, None).data).any(0)
    assert columns.nonzero()[0].tolist() == [5]


@pytest.mark.parametrize("shape", [(0, 3), (4, 3, 0)])
def test_nothing_in_nothing_out(backend, shape):
    assert F.layer_norm(autograd.ones(0, 3), (3,)).shape == (0, 3)
    mean, var = autograd.zeros(3), autograd.ones(3)
    assert F.batch_norm(autograd.ones(*shape), mean, var).shape == shape


@needs_kernels
@pytest.mark.parametrize(
    ("kind", "parts", "shape"),
    [
        ("layer", 1, (500, 300)),
        ("batch", 0, (900, 200)),
        ("batch", 0, (30, 8, 700)),
        ("group", 2, (30, 8, 700)),
    ],
)
def test_any_number_of_threads(kind, parts, shape):
    """The same y and dx to the last bit; dw and db, where threads share them, to their last place."""
    rng = np.random.default_rng(0)
    x, g = (rng.normal(size=shape).astype(np.float32) for _ in "xg")
    w, b = (rng.uniform(0.5, 2, shape[1]).astype(np.float32) for _ in "wb")
    before, results = kernels.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            kernels.set_num_threads(threads)
            leaves = [Tensor(a, requires_grad=True) for a in (x, w, b)]
            y = run(kind, parts, *leaves)
            results.append([y.data, *(d.data for d in autograd.grad(y, leaves, Tensor(g)))])
    finally:
        kernels.set_num_threads(before)
    for other in results[1:]:
        np.testing.assert_array_equal(other[0], results[0][0])
        np.testing.assert_array_equal(other[1], results[0][1])
        for got, want in zip(other[2:], results[0][2:], strict=True):
            np.testing.assert_allclose(got, want, rtol=3e-7, atol=3e-7 * np.abs(want).max())


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x, w: F.layer_norm(x, (3,), w), r"layer_norm: weight has shape \(4,\), want \(3,\)"),
        (lambda x, w: F.layer_norm(x, (4,)), "doesn't end in normalized_shape"),
        (lambda x, w: F.group_norm(x, 3, w), r"group_norm: weight has shape \(4,\), want \(3,\)"),
        (lambda x, w: F.group_norm(x, 2), "divisible by num_groups"),
        (lambda x, w: F.batch_norm(x, None, None, w, training=True), r"weight has shape \(4,\), want \(3,\)"),
        (lambda x, w: F.batch_norm(x, None, None), "needs running_mean"),
    ],
)
def test_what_does_not_fit_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call(autograd.ones(2, 3), autograd.ones(4))


@needs_kernels
def test_results_larger_than_the_caches():
    """They are stored past these: at every alignment of a plane, and on every instruction set, the same."""
    rng = np.random.default_rng(0)
    x, g = (rng.normal(size=(8, 3, 593, 601)).astype(np.float32) for _ in "xg")
    w, b = (rng.uniform(0.5, 2, 3).astype(np.float32) for _ in "wb")
    *want, _, _ = expected("batch", 0, x, w, b, g)
    before = kernels.isa()
    try:
        for isa in kernels.isas():
            kernels.set_isa(isa)
            leaf = Tensor(x, requires_grad=True)
            y = run("batch", 0, leaf, Tensor(w), Tensor(b))
            (dx,) = autograd.grad(y, leaf, Tensor(g))
            np.testing.assert_allclose(y.data, want[0], atol=1e-4)
            np.testing.assert_allclose(dx.data, want[1], atol=1e-4)
    finally:
        kernels.set_isa(before)
