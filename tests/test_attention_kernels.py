"""The kernels of attention: against the composite in float64 at the edges of their tiles, views, masks,
causal order, blind rows, large scores, threads."""

import numpy as np
import pytest

import autograd
from autograd import Tensor, kernels
from autograd.ops.attention import attention, composite

pytestmark = pytest.mark.skipif(not kernels.active, reason="no compiled kernels")
REALS = [np.float32, np.float64]


@pytest.fixture(params=kernels.isas())
def isa(request):
    before = kernels.isa()
    kernels.set_isa(request.param)
    yield request.param
    kernels.set_isa(before)


def normal(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng([seed, *shape]).normal(size=shape).astype(dtype)


def three(*leading, length=40, keys=70, e=8, v=4):
    """q, k and v."""
    return [normal(*leading, *n, seed=i) for i, n in enumerate(((length, e), (keys, e), (keys, v)))]


def gradients(function, arrays, g, **options):
    """The output and the gradients of all arrays."""
    leaves = [Tensor(a, requires_grad=True) for a in arrays]
    y = function(*leaves, **options)
    return [x.detach().numpy() for x in (y, *autograd.grad(y, leaves, Tensor(g)))]


def check(arrays, dtype=np.float64, mask=None, causal=False, scale=None):
    """Kernels on arrays cast to a type (keeping their strides) against the composite in float64."""
    scale = arrays[0].shape[-1] ** -0.5 if scale is None else scale
    g = normal(*arrays[0].shape[:-1], arrays[2].shape[-1], seed=9)
    real_mask = None if mask is None else Tensor(mask)
    want = gradients(composite, arrays, g, mask=real_mask, causal=causal, scale=scale)
    if mask is not None and mask.dtype != np.bool_:
        real_mask = Tensor(mask.astype(dtype, order="K"))
    given = [a.astype(dtype, order="K") for a in arrays]
    got = gradients(attention, given, g.astype(dtype), mask=real_mask, causal=causal, scale=scale)
    tolerance = (3e-6 if dtype is np.float32 else 1e-13) * max(1.0, *(np.abs(x).max() for x in arrays))
    for a, b in zip(got, want, strict=True):
        assert a.dtype == dtype and a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance)
    return got


EDGES = [  # (batch, heads, L, S, E, V)
    (1, 1, 1, 1, 1, 1), (2, 1, 3, 2, 2, 3), (1, 2, 15, 17, 16, 16), (1, 1, 33, 129, 8, 40),
    (2, 2, 65, 31, 33, 15), (1, 2, 4, 70, 17, 33), (2, 1, 2, 64, 32, 5), (1, 1, 7, 300, 5, 14),
    (1, 3, 130, 128, 32, 32), (1, 1, 64, 127, 17, 64),
]  # fmt: skip


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("dtype", REALS)
@pytest.mark.parametrize("sizes", EDGES)
def test_sizes(isa, sizes, dtype, causal):
    n, h, length, s, e, v = sizes
    check(three(n, h, length=length, keys=s, e=e, v=v), dtype, None, causal)


SHAPES = [(40, 70), (1, 70), (40, 1), (70,), (1, 1), (2, 1, 1, 70), (2, 1, 40, 1), (2, 3, 40, 70)]


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("dtype", REALS)
@pytest.mark.parametrize("kind", ["bool", "real"])
@pytest.mark.parametrize("shape", SHAPES)
def test_masks(isa, shape, kind, dtype, causal):
    mask = normal(*shape, seed=3)
    mask = mask > -0.8 if kind == "bool" else np.where(mask > -0.8, mask, -np.inf)
    check(three(2, 3), dtype, mask, causal)


def test_masks_that_are_views(isa):
    arrays = three(2, 3)
    mask = normal(70, 2, 40, seed=3).transpose(1, 2, 0)[:, None] > -0.5
    check(arrays, np.float32, mask)
    check(arrays, np.float32, np.where(normal(80, 140, seed=3)[::2, ::-2] > -0.5, 0.25, -np.inf))


@pytest.mark.parametrize("dtype", REALS)
@pytest.mark.parametrize("length", [1, 4])
@pytest.mark.parametrize("kind", ["none", "causal", "bool", "real", "blind"])
def test_few_queries(isa, kind, length, dtype):
    """They have a way of their own, by rows; the gradients go the common way from what it kept."""
    mask = {
        "bool": normal(70, length, seed=3).T > -0.5,
        "real": np.where(normal(2, 3, length, 70, seed=3) > -0.5, normal(70, seed=4), -np.inf),
        "blind": np.arange(2)[:, None, None, None] > 0,
    }.get(kind)
    check(three(2, 3, length=length, e=19, v=20), dtype, mask, kind == "causal")


@pytest.mark.parametrize("leading", [(), (3,), (2, 3)])
def test_leading_dimensions(leading):
    check(three(*leading), mask=normal(*leading, 1, 70, seed=4) > -0.5)


@pytest.mark.parametrize("dtype", REALS)
def test_heads_that_are_parts_of_rows_are_not_copied(isa, dtype, monkeypatch):
    """(N, L, H, E) seen as (N, H, L, E): read and written in that order."""
    arrays = [normal(2, n, 3, 16, seed=n).swapaxes(1, 2) for n in (37, 70, 71)]
    arrays[2] = arrays[2][:, :, 1:]
    monkeypatch.setattr("autograd.ops.attention.contiguous", None)
    for x, like in zip(check(arrays, dtype), (arrays[0], *arrays), strict=True):
        assert x.swapaxes(1, 2).flags.c_contiguous and like.strides[1] < like.strides[2]


def test_views_that_are_copied(isa):
    turned, gaps = normal(2, 3, 8, 40).swapaxes(2, 3), normal(2, 3, 70, 16)[..., ::2]
    check([turned, gaps, normal(2, 3, 70, 8)[..., ::-1]])
    check([normal(2, 3, 40, 8)[:, ::-1], normal(2, 3, 70, 8)[::-1], normal(2, 3, 140, 8)[:, :, ::2]])


@pytest.mark.parametrize("dtype", REALS)
def test_rows_that_may_look_at_nothing(isa, dtype):
    """They give zeros and take no gradient, even where v is not finite."""
    mask = normal(40, 70) > 0
    mask[[0, 17, 39]] = False
    arrays = three(v=8)
    y, dq, dk, dv = check(arrays, dtype, mask)
    assert not y[[0, 17, 39]].any() and not dq[[0, 17, 39]].any()
    none = np.zeros((40, 70), bool)
    for x in check(arrays, dtype, none):
        assert not x.any()
    arrays[2][3] = np.inf
    assert not attention(*(Tensor(a.astype(dtype)) for a in arrays), Tensor(none)).numpy().any()


@pytest.mark.parametrize("dtype", REALS)
def test_large_scores(isa, dtype):
    """Nothing overflows, and a row whose scores are all the lowest number is one of equals."""
    arrays = [a * scale for a, scale in zip(three(keys=300), (1e3, 1e3, 1.0), strict=True)]
    arrays[0][:, 1:] = 0  # so that scores have no rounding errors but their own
    got = check([np.round(a) for a in arrays], dtype, scale=1.0)
    assert all(np.isfinite(x).all() for x in got)
    lowest = np.full((1, 70), np.finfo(dtype).min, dtype)
    q, k, v = (a.astype(dtype) for a in three())
    y, _, _, dv = gradients(attention, (q, k, v), np.ones((40, 4), dtype), mask=Tensor(lowest))
    np.testing.assert_allclose(y, np.broadcast_to(v.mean(0), y.shape), rtol=0, atol=1e-6)
    np.testing.assert_allclose(dv, np.full((70, 4), 40 / 70), rtol=1e-5)


@pytest.mark.parametrize("causal", [False, True])
def test_nan_and_infinity_reach_what_sees_them(isa, causal):
    q, k, v = three()
    k[5, 2], q[3, 1] = np.nan, np.inf
    want = composite(q, k, v, None, causal=causal, scale=1.0)
    np.testing.assert_array_equal(np.isnan(attention(q, k, v, None, causal, 1.0)), np.isnan(want))


@pytest.mark.parametrize("shape", [(1, 1, 300), (1, 3, 150), (2, 3, 64)])
def test_threads(shape):
    """Forward, and the gradient of q, have the same bits; sums of dk and dv differ by rounding."""
    n, h, length = shape
    arrays = [normal(n, h, length, 20, seed=i, dtype=np.float32) for i in range(3)]
    g = normal(*arrays[0].shape, seed=9, dtype=np.float32)
    before = kernels.get_num_threads()
    results = []
    try:
        for threads in (1, 2, 4, 7):
            kernels.set_num_threads(threads)
            results.append(gradients(attention, arrays, g, causal=True))
    finally:
        kernels.set_num_threads(before)
    for other in results[1:]:
        for place, (a, b) in enumerate(zip(results[0], other, strict=True)):
            np.testing.assert_allclose(a, b, rtol=0, atol=0 if place < 2 else 5e-6)


@pytest.mark.parametrize("needs", ["q", "k", "v", "qk", "kv", "qv"])
def test_only_the_gradients_that_are_wanted(needs):
    arrays = {name: normal(2, 40, 12, seed=i) for i, name in enumerate("qkv")}
    leaves = {name: Tensor(a, requires_grad=name in needs) for name, a in arrays.items()}
    autograd.sum(attention(*leaves.values(), causal=True)).backward()
    _, *want = gradients(attention, arrays.values(), np.ones((2, 40, 12)), causal=True)
    for (name, leaf), wanted in zip(leaves.items(), want, strict=True):
        if name in needs:
            np.testing.assert_allclose(leaf.grad.numpy(), wanted, rtol=0, atol=1e-13)
        else:
            assert leaf.grad is None


def test_a_mask_that_wants_a_gradient():
    arrays, mask, g = three(2), normal(40, 70, seed=3), normal(2, 40, 4, seed=4)
    got = gradients(attention, [*arrays, mask], g)
    want = gradients(composite, [*arrays, mask], g, causal=False, scale=8**-0.5)
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-13)


def test_second_derivatives_go_through_the_composite():
    q, k, v = (Tensor(normal(2, 9, 4, seed=i), requires_grad=True) for i in range(3))

    def penalty(function, **options):
        (dq,) = autograd.grad(autograd.sum(function(q, k, v, None, **options) ** 2), [q], create_graph=True)
        return autograd.grad(autograd.sum(dq**2), [q, k, v])

    got, want = penalty(attention, causal=True), penalty(composite, causal=True, scale=0.5)
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=0, atol=1e-12)
