"""Optimiser updates: kernel against NumPy against PyTorch, every option, every ISA, edge sizes."""

import numpy as np
import pytest

from autograd import kernels
from autograd.ops.update_kernel import Rows, adam, clip_norm, rmsprop, sgd

needs_kernels = pytest.mark.skipif(not kernels.active, reason="no compiled kernels")
SIZES = [0, 1, 7, 16, 255, 257, 40_001]


@pytest.fixture(params=kernels.isas())
def isa(request):
    before = kernels.isa()
    kernels.set_isa(request.param)
    yield request.param
    kernels.set_isa(before)


@pytest.fixture
def only_kernels(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("the kernel did not take this call")

    monkeypatch.setattr(Rows, "each", refuse)


@pytest.fixture
def without_kernels(monkeypatch):
    """A function that runs its argument in NumPy."""

    def run(function, *args):
        with monkeypatch.context() as context:
            context.setattr(kernels, "active", False)
            context.setattr(Rows, "each", each)
            return function(*args)

    return run


each = Rows.each
SGD_OPTIONS = [
    {},
    {"weight_decay": 0.1, "maximize": True},
    {"momentum": 0.9},
    {"momentum": 0.9, "dampening": 0.3, "weight_decay": 0.01},
    {"momentum": 0.9, "nesterov": True, "weight_decay": 0.01},
]
ADAM_OPTIONS = [
    {},
    {"weight_decay": 0.1, "maximize": True},
    {"weight_decay": 0.1, "decoupled": True},
    {"betas": (0.5, 0.9), "eps": 1e-3, "amsgrad": True},
]


RMSPROP_OPTIONS = [
    {},
    {"weight_decay": 0.1, "maximize": True},
    {"alpha": 0.9, "eps": 1e-3, "momentum": 0.5},
    {"centered": True, "momentum": 0.5},
]
ALL = {"sgd": SGD_OPTIONS, "adam": ADAM_OPTIONS, "rmsprop": RMSPROP_OPTIONS}
CASES = [(name, options) for name, several in ALL.items() for options in several]


def columns(name, params, options):
    """The arrays of the update of these parameters. SGD's first step must not read its buffers."""
    zeros = [[np.zeros_like(p) for p in params] for _ in range(3)]
    if name == "sgd":
        return [params, [np.full_like(p, np.nan) for p in params]] if "momentum" in options else [params]
    if name == "adam":
        return [params, *zeros[: 3 if options.get("amsgrad") else 2]]
    mean, buffer = options.get("centered"), "momentum" in options
    return [params, zeros[0], zeros[1] if mean else None, zeros[2] if buffer else None]


def update(name, rows, grads, step, options):
    """Step number `step` (from 1) with the rate of the tests."""
    plain = {k: v for k, v in options.items() if k not in ("amsgrad", "centered")}
    if name == "sgd":
        sgd(rows, grads, [step] * len(grads), lr=0.1, **plain)
    elif name == "adam":
        adam(rows, grads, [step] * len(grads), lr=0.01, **plain)
    else:
        rmsprop(rows, grads, lr=0.01, **plain)


def descend(name, sizes, dtype, options, together=True, steps=4):
    """All arrays after some steps of all parameters in one call, or of each in its own."""
    rng = np.random.default_rng(sizes[0])
    arrays = columns(name, [rng.normal(size=size).astype(dtype) for size in sizes], options)
    if together:
        tables = [Rows(*arrays)]
    else:
        tables = [Rows(*(c and [c[i]] for c in arrays)) for i in range(len(sizes))]
    for step in range(1, steps + 1):
        grads = [rng.normal(size=size).astype(dtype) for size in sizes]
        for i, rows in enumerate(tables):
            update(name, rows, grads if together else [grads[i]], step, options)
    return [a for column in arrays if column for a in column]


def agree(got, want):
    for a, b in zip(got, want, strict=True):
        tolerance = 1e-5 if a.dtype == np.float32 else 1e-12
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


@needs_kernels
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
def test_the_kernel_does_what_numpy_does(isa, only_kernels, without_kernels, name, options, dtype):
    got = descend(name, SIZES, dtype, options)
    agree(got, without_kernels(descend, name, SIZES, dtype, options))


@needs_kernels
@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
def test_one_call_for_all_is_bitwise_a_call_for_each(isa, only_kernels, name, options, threads):
    sizes = [70_001, 0, 1, 65_537, *range(2, 36), 33_333]  # the cuts fall inside rows and between vectors
    before = kernels.get_num_threads()
    apart = descend(name, sizes, np.float32, options, together=False)
    try:
        kernels.set_num_threads(threads)
        together = descend(name, sizes, np.float32, options)
    finally:
        kernels.set_num_threads(before)
    for a, b in zip(together, apart, strict=True):
        assert a.tobytes() == b.tobytes()


@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
def test_updates_are_pytorchs(name, options):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(33)
    param = torch.tensor(rng.normal(size=33), requires_grad=True)
    plain = {k: v for k, v in options.items() if k != "decoupled"}
    kinds = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "rmsprop": torch.optim.RMSprop}
    kind = torch.optim.AdamW if options.get("decoupled") else kinds[name]
    optimizer = kind([param], **({"lr": 0.1 if name == "sgd" else 0.01, "weight_decay": 0.0} | plain))
    for _ in range(4):
        param.grad = torch.tensor(rng.normal(size=33))
        optimizer.step()
    agree(descend(name, [33], np.float64, options)[:1], [param.detach().numpy()])


@needs_kernels
def test_every_row_has_its_own_step(isa, only_kernels):
    def fresh():
        return [[np.full(5, value) for _ in range(4)] for value in (1.0, 0.5, 0.25)]

    grads, steps = [np.arange(5.0)] * 4, [1, 7, 7, 2]
    together, apart = fresh(), fresh()
    adam(Rows(*together), grads, steps)
    for i, step in enumerate(steps):
        adam(Rows(*([column[i]] for column in apart)), grads[:1], [step])
    np.testing.assert_array_equal(together, apart)
    assert len({a.tobytes() for a in together[0]}) == 3

    velocity = [np.full(3, 5.0), np.full(3, 5.0)]
    sgd(Rows([np.ones(3), np.ones(3)], velocity), [np.ones(3)] * 2, [1, 2], lr=0.1, momentum=0.5)
    assert velocity[0][0] == 1.0 and velocity[1][0] == 3.5


@pytest.mark.parametrize(
    ("param", "grad"),
    [
        (np.ones((50, 100), np.float32).T, np.ones((100, 50), np.float32)),
        (np.ones((100, 50), np.float32), np.ones((50, 100), np.float32).T),
        (np.ones((100, 50), np.float32), np.ones((100, 50))),
        (np.ones((100, 50), np.float16), np.ones((100, 50), np.float16)),
    ],
    ids=["strided parameter", "strided gradient", "other type", "unknown type"],
)
def test_what_does_not_fit_runs_in_numpy(param, grad):
    sgd(Rows([param]), [grad], lr=0.5)
    np.testing.assert_array_equal(param, 0.5)


def test_read_only_memory_is_refused():
    param = np.ones(4, np.float32)
    param.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        sgd(Rows([param]), [np.ones(4, np.float32)], lr=0.5)
    assert (param == 1).all()


@needs_kernels
def test_nan_stays_nan(isa, only_kernels):
    param, grad = np.ones(40), np.ones(40)
    grad[3] = np.nan
    state = [np.zeros(40) for _ in range(3)]
    adam(Rows([param], *([a] for a in state)), [grad], [1])
    for a in (param, *state):
        assert np.isnan(a[3]) and np.isnan(a).sum() == 1


@needs_kernels
@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-6), (np.float64, 1e-14)])
def test_all_gradients_are_clipped_by_one_call(isa, dtype, tolerance, threads):
    rng = np.random.default_rng(0)
    sizes = [70_001, 0, 1, 65_537, *range(2, 36), 33_333]  # the cuts fall inside rows and between vectors
    grads = [rng.normal(size=size).astype(dtype) for size in sizes]
    before = [g.astype(np.float64) for g in grads]
    want = np.linalg.norm(np.concatenate(before))
    threads_before = kernels.get_num_threads()
    try:
        kernels.set_num_threads(threads)
        np.testing.assert_allclose(clip_norm(grads, 1e4), want, rtol=tolerance)
        for g, b in zip(grads, before, strict=True):
            np.testing.assert_array_equal(g, b)  # short enough
        np.testing.assert_allclose(clip_norm(grads, 2.5), want, rtol=tolerance)
    finally:
        kernels.set_num_threads(threads_before)
    for g, b in zip(grads, before, strict=True):
        np.testing.assert_allclose(g, b * (2.5 / (want + 1e-6)), rtol=4 * tolerance)


@needs_kernels
@pytest.mark.parametrize(("bad", "scale"), [(np.nan, np.nan), (np.inf, 0.0)])
def test_gradients_without_a_norm(isa, bad, scale):
    grads = [np.ones(20, np.float32), np.array([1, bad], np.float32)]
    assert not np.isfinite(clip_norm(grads, 1.0, keep=True))
    assert (grads[0] == 1).all() and grads[1][0] == 1
    clip_norm(grads, 1.0)
    np.testing.assert_array_equal(grads[0], np.full(20, scale, np.float32))


def test_what_cannot_be_clipped_in_one_call_is_left_alone():
    x, y = np.ones((3, 4)), np.ones(4, np.float32)
    for grads in ([], [x.T], [x, y], [x[0], x[1]], [y.astype(np.float16)]):
        assert clip_norm(grads, 0.1) is None
    assert (x == 1).all() and (y == 1).all()
