"""Recurrent layers: kernels against the composite in every form, threads, what no kernel takes. (Derivatives
against differences: test_registry; against PyTorch: tests/oracle.)"""

import numpy as np
import pytest

import autograd
from autograd import Tensor, kernels
from autograd.ops import recurrent

pytestmark = pytest.mark.skipif(not kernels.active, reason="no compiled kernels")

DOORS = {
    "rnn_tanh": recurrent.rnn_tanh_,
    "rnn_relu": recurrent.rnn_relu_,
    "gru": recurrent.gru_,
    "lstm": recurrent.lstm_,
}
KINDS = list(DOORS)


@pytest.fixture(params=kernels.isas())
def isa(request):
    before = kernels.isa()
    kernels.set_isa(request.param)
    yield request.param
    kernels.set_isa(before)


def layer(kind, steps, batch, hidden, *, packed=False, bias=True, states=True, dtype=np.float64):
    """The inputs of an op, None where not given, and its batch_sizes; sequences end at steps of their own."""
    rng = np.random.default_rng(steps * batch + hidden)
    sizes = tuple(int(n) for n in np.linspace(batch, 1, steps)) if packed else None
    rows = (sum(sizes),) if packed else (steps, batch)
    width = recurrent.GATES[kind] * hidden
    shapes = [(*rows, width), (width, hidden), (width,) if bias else None]
    shapes += [(batch, hidden) if states else None] * (2 if kind == "lstm" else 1)
    return [None if s is None else rng.normal(0, 0.6, s).astype(dtype) for s in shapes], sizes


def seed_of(x):
    return Tensor(np.cos(np.arange(x.size)).reshape(x.shape).astype(x.dtype))


def run(kind, arrays, sizes, reverse=False, wanted=None):
    """Outputs, and the gradients of the `wanted` inputs (all that are given)."""
    given = [i for i, x in enumerate(arrays) if x is not None]
    wanted = given if wanted is None else wanted
    values = [x if x is None else Tensor(x, requires_grad=i in wanted) for i, x in enumerate(arrays)]
    outs = DOORS[kind](*values, batch_sizes=sizes, reverse=reverse)
    loss = sum((out * seed_of(out.detach().numpy())).sum() for out in outs)
    gradients = autograd.grad(loss, [values[i] for i in wanted])
    return [x.detach().numpy() for x in (*outs, *gradients)]


def composite(monkeypatch, *args, **options):
    with monkeypatch.context() as patch:
        patch.setattr(kernels, "active", False)
        return run(*args, **options)


def assert_close(got, want, tolerance):
    for x, y in zip(got, want, strict=True):
        assert x.dtype == y.dtype and x.shape == y.shape
        np.testing.assert_allclose(x, y, rtol=0, atol=tolerance * max(1.0, np.abs(y).max(initial=0)))


SIZES = [(1, 1, 1), (3, 2, 5), (4, 17, 19), (5, 9, 33)]


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("packed", [False, True], ids=["dense", "packed"])
@pytest.mark.parametrize("kind", KINDS)
def test_outputs_and_gradients(isa, kind, packed, reverse, monkeypatch):
    for sizes in SIZES:
        for bias, states in ((True, True), (True, False), (False, True), (False, False)):
            for dtype, tolerance in ((np.float64, 1e-12), (np.float32, 2e-5)):
                given = layer(kind, *sizes, packed=packed, bias=bias, states=states, dtype=dtype)
                got = run(kind, *given, reverse)
                assert_close(got, composite(monkeypatch, kind, *given, reverse), tolerance)


@pytest.mark.parametrize("kind", KINDS)
def test_kernels_run(isa, kind, monkeypatch):
    """The comparisons above would hold of the composite too."""
    ran = []
    call = kernels.call
    monkeypatch.setattr(kernels, "call", lambda kernel, *args: ran.append(kernel) or call(kernel, *args))
    run(kind, *layer(kind, 3, 2, 5, packed=True))
    assert [k for k in ran if k >= kernels.RECURRENT] == [kernels.RECURRENT, kernels.RECURRENT_BACKWARD]


@pytest.mark.parametrize("part", [0, 1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_gradients_of_one_output(isa, kind, part, monkeypatch):
    """Outputs that took no part have no gradient (not one of zeros)."""
    arrays, sizes = layer(kind, 4, 3, 7, packed=True)

    def gradients():
        values = [Tensor(x, requires_grad=True) for x in arrays]
        outs = DOORS[kind](*values, batch_sizes=sizes, reverse=True)
        out = outs[min(part, len(outs) - 1)]
        return [x.numpy() for x in autograd.grad(out.square().sum(), values)]

    got = gradients()
    monkeypatch.setattr(kernels, "active", False)
    assert_close(got, gradients(), 1e-12)


@pytest.mark.parametrize("wanted", [[0], [1], [2], [3]])
@pytest.mark.parametrize("kind", KINDS)
def test_gradients_of_one_input(isa, kind, wanted, monkeypatch):
    given = layer(kind, 3, 4, 6)
    assert_close(run(kind, *given, wanted=wanted), composite(monkeypatch, kind, *given, wanted=wanted), 1e-12)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_same_bits_for_any_number_of_threads(isa, kind, packed):
    given = layer(kind, 12, 37, 80, packed=packed, dtype=np.float32)
    before = kernels.get_num_threads()
    try:
        results = []
        for threads in (1, 2, 5):
            kernels.set_num_threads(threads)
            results.append(run(kind, *given))
    finally:
        kernels.set_num_threads(before)
    for other in results[1:]:
        for x, y in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300, 1e-310])
@pytest.mark.parametrize("kind", KINDS)
def test_nan_infinity_and_extremes(isa, kind, value, monkeypatch):
    for place in (0, 3):  # a and h
        arrays, sizes = layer(kind, 3, 4, 5)
        arrays[place].reshape(-1)[7] = value
        got, want = run(kind, arrays, sizes), composite(monkeypatch, kind, arrays, sizes)
        for x, y in zip(got, want, strict=True):
            np.testing.assert_array_equal(np.isnan(x), np.isnan(y))
            np.testing.assert_allclose(x, y, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("kind", KINDS)
def test_inputs_with_gaps(isa, kind):
    arrays, _ = layer(kind, 3, 4, 5)
    gapped = [np.asfortranarray(x) if x.ndim > 1 else np.repeat(x, 2)[::2] for x in arrays]
    assert not any(x.flags.c_contiguous for x in gapped)
    for x, y in zip(run(kind, gapped, None), run(kind, arrays, None), strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_graph_nothing_is_kept(isa, kind):
    arrays, _ = layer(kind, 3, 4, 5)
    values = [Tensor(x, requires_grad=True) for x in arrays]
    with autograd.no_grad():
        alone = DOORS[kind](*values, batch_sizes=None, reverse=False)
    outs = DOORS[kind](*values, batch_sizes=None, reverse=False)
    for x, y in zip(alone, outs, strict=True):
        assert not x.requires_grad
        np.testing.assert_array_equal(x.numpy(), y.detach().numpy())


def test_what_does_not_fit_is_left_to_the_composite():
    a, weight, bias, h = (4, 3, 6), (6, 2), (6,), (3, 2)
    good = (a, weight, bias, h)
    assert recurrent.layout("gru", good, None, False).sizes == (2, 4, 3, 2, 0, 0)
    for bad in (((4, 3, 5), *good[1:]), (a, (6, 3), *good[2:]), (a, weight, (5,), h), (*good[:3], (2, 2))):
        assert recurrent.layout("gru", bad, None, False) is None
    packed = ((6, 6), weight, bias, h)
    assert recurrent.layout("gru", packed, (3, 2, 1), True).starts.tolist() == [0, 3, 5, 6]
    for sizes in ((3, 2), (3, 1, 2), (3, 3, 0), (2, 2, 2)):
        assert recurrent.layout("gru", packed, sizes, True) is None
    assert recurrent.layout("gru", ((0, 3, 6), *good[1:]), None, False) is None


def test_second_derivative_is_that_of_the_composite(monkeypatch):
    def second():
        arrays, sizes = layer("lstm", 3, 2, 4, packed=True)
        values = [Tensor(x, requires_grad=True) for x in arrays]
        y, last, c = DOORS["lstm"](*values, batch_sizes=sizes, reverse=False)
        first = autograd.grad((y.square().sum() + c.sin().sum()), values, create_graph=True)
        return [x.numpy() for x in autograd.grad(sum(g.square().sum() for g in first), values)]

    got = second()
    monkeypatch.setattr(kernels, "active", False)
    assert_close(got, second(), 1e-11)
