"""The matrix product: the kernel against NumPy in float64 on every ISA, and np.matmul's cases on top of it.

The tolerance is that of a sum of k products: 1e-5 (float32) or 1e-12 (float64) of sum |a| |b|."""

from collections.abc import Iterator

import numpy as np
import pytest
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import autograd
from autograd import kernels
from autograd.ops import matmul_kernel
from autograd.ops.matmul_kernel import matmul

pytestmark = pytest.mark.skipif(not kernels.isas(), reason="no compiled kernels")

REALS = [np.dtype(np.float32), np.dtype(np.float64)]
TOLERANCE = {REALS[0]: 1e-5, REALS[1]: 1e-12}
# Lengths around the tiles (4 to 14 rows, 4 to 32 columns), primes, none at all.
LENGTHS = st.sampled_from([0, 1, 2, 3, 5, 7, 8, 13, 14, 15, 16, 17, 29, 31, 32, 33, 48, 64, 67])


# The fixture `isa` holds for all examples of a test, as it should.
ANY_ISA = settings(examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(params=kernels.isas())
def isa(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Every product runs in the kernel, with this instruction set."""
    before, threads = kernels.isa(), kernels.get_num_threads()
    kernels.set_isa(request.param)
    for name in ("KERNEL_FROM", "DOT_BELOW", "DOT_UP_TO", "CONTIGUOUS_DOT_BELOW"):
        monkeypatch.setattr(matmul_kernel, name, -1)
    monkeypatch.setattr(matmul_kernel, "plans", {})
    yield request.param
    kernels.set_isa(before)
    kernels.set_num_threads(threads)


ACTIVATIONS = ("none", "relu", "tanh", "sigmoid", "gelu", "silu")


def gemm(a, b, c, bias=None, kind=0, accumulate=False, activation="none"):
    """c (batch, m, n) by the bare kernel; a and b of any strides, c with contiguous columns."""
    size = a.itemsize
    (batch, m, k), n = a.shape, b.shape[-1]
    strides = [s // size for s in (*a.strides, *b.strides, *c.strides[:2])]
    code = ACTIVATIONS.index(activation)
    kernels.call(kernels.GEMM, [a, b, c, bias], [batch, m, n, k, *strides, kind, accumulate, code])


def assert_product(got, a, b, dtype, extra=0.0, relu=False):
    """got = a @ b + extra within the rounding of a sum of products; all in float64."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    want = np.matmul(a, b) + extra
    if relu:
        want = np.maximum(want, 0)
    assert got.shape == want.shape and got.dtype == dtype
    scale = np.matmul(abs(a), abs(b)) + abs(extra)
    assert np.all(abs(got - want) <= TOLERANCE[dtype] * scale)


@st.composite
def layouts(draw, shape, dtype, rng):
    """An array of this shape with its axes in any order in memory, gaps, flips and broadcast axes."""
    order = draw(st.permutations(range(len(shape))))
    gaps = [shape[axis] + draw(st.integers(0, 2)) for axis in order]
    memory = rng.standard_normal(gaps).astype(dtype)
    x = memory[tuple(slice(shape[axis]) for axis in order)].transpose(np.argsort(order))
    for axis in range(len(shape)):
        what = draw(st.sampled_from(["keep", "keep", "keep", "flip", "repeat"]))
        if what == "flip":
            x = np.flip(x, axis)
        elif what == "repeat" and shape[axis] > 0:
            x = np.broadcast_to(np.take(x, [0], axis), shape)
    return x


@pytest.mark.parametrize("dtype", REALS, ids=str)
@ANY_ISA
@given(data=st.data(), batch=st.integers(0, 3), m=LENGTHS, n=LENGTHS, k=LENGTHS, threads=st.integers(1, 2))
def test_any_shape_stride_and_flag(isa, dtype, data, batch, m, n, k, threads):
    rng = np.random.default_rng(m * 10007 + n * 101 + k)
    a = data.draw(layouts((batch, m, k), dtype, rng), label="a")
    b = data.draw(layouts((batch, k, n), dtype, rng), label="b")
    kind = data.draw(st.sampled_from([0, 1, 2]), label="bias kind")
    accumulate, relu = data.draw(st.booleans(), label="accumulate"), data.draw(st.booleans(), label="relu")
    memory = rng.standard_normal((batch, m, n + data.draw(st.integers(0, 3), label="gap"))).astype(dtype)
    before, c = memory.copy(), memory[:, :, :n]
    bias = rng.standard_normal((0, n, m)[kind]).astype(dtype) if kind else None
    kernels.set_num_threads(threads)
    gemm(a, b, c, bias, kind, accumulate, "relu" if relu else "none")
    extra = before[:, :, :n].astype(np.float64) if accumulate else np.zeros((batch, m, n))
    if bias is not None:
        extra = extra + (bias[:, None] if kind == 2 else bias)
    assert_product(c, a, b, dtype, extra, relu)
    assert np.array_equal(memory[:, :, n:], before[:, :, n:]), "wrote between the rows of c"


# Every path: blocks of k, of m and of n; operands in place and packed; vectors; columns as rows.
BLOCKED = [
    (300, 40, 800), (40, 1100, 30), (700, 600, 17), (1, 300, 500), (500, 1, 300), (3, 2100, 64),
    (129, 131, 401),
]  # fmt: skip


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("dtype", REALS, ids=str)
@pytest.mark.parametrize("shape", BLOCKED, ids=str)
def test_blocks(isa, dtype, shape, threads):
    m, n, k = shape
    rng = np.random.default_rng(0)
    kernels.set_num_threads(threads)
    bias, bias_rows = rng.standard_normal(n).astype(dtype), rng.standard_normal(m).astype(dtype)
    for a_order in "CF":
        for b_order in "CF":
            a = np.asarray(rng.standard_normal((1, m, k)), dtype, order=a_order)
            b = np.asarray(rng.standard_normal((1, k, n)), dtype, order=b_order)
            start = rng.standard_normal((1, m, n)).astype(dtype)
            c = start.copy()
            gemm(a, b, c, bias, 1, accumulate=True)
            assert_product(c, a, b, dtype, start.astype(np.float64) + bias)
            gemm(a, b, c, bias_rows, 2, activation="relu")
            assert_product(c, a, b, dtype, np.broadcast_to(bias_rows[:, None], c.shape[1:]), relu=True)


@pytest.mark.parametrize("dtype", REALS, ids=str)
@pytest.mark.parametrize("shape", [(1, 9, 5), (9, 1, 5), (20, 70, 33), (1, 300, 3)], ids=str)
def test_nan_and_infinity(isa, dtype, shape):
    """No product is skipped: 0 * inf is NaN, and relu keeps NaN."""
    m, n, k = shape
    rng = np.random.default_rng(1)
    for b_order in "CF":
        a = np.asarray(rng.integers(-2, 3, (1, m, k)), dtype)
        b = np.asarray(rng.integers(-2, 3, (1, k, n)), dtype, order=b_order)
        a[0, 0, 1], b[0, 2, n // 2], b[0, 0, n - 1] = np.inf, np.nan, -np.inf
        c = np.empty((1, m, n), dtype)
        with np.errstate(invalid="ignore"):
            want = np.matmul(a, b)
        gemm(a, b, c)
        assert np.array_equal(c, want, equal_nan=True) and np.isnan(c).any()
        gemm(a, b, c, activation="relu")
        assert np.array_equal(c, np.maximum(want, 0), equal_nan=True)


@pytest.mark.parametrize("dtype", REALS, ids=str)
@pytest.mark.parametrize("length", [3, 150_000])
def test_a_zero_of_shape_1_1_keeps_nan(dtype, length):
    """NumPy's dot takes it as a factor, and skips the product."""
    zero, column = np.zeros((1, 1), dtype), np.ones((length, 1), dtype)
    column[0], column[1] = np.nan, np.inf
    x, y = autograd.tensor(zero), autograd.tensor(column)
    for out in (y @ x, (x @ y.T).T, autograd.linear(y, x), autograd.linear(y, x, autograd.tensor(zero[0]))):
        assert np.isnan(out.numpy()[:2]).all() and not out.numpy()[2:].any()
    assert np.isnan((x @ autograd.tensor(column[:1])).item())


@pytest.mark.parametrize("dtype", REALS, ids=str)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(isa, dtype, name):
    """act(a @ b + bias) is what the op of that name makes of the product: in one block of k and in several,
    for a vector in either direction; and between the rows of c nothing is touched."""
    rng = np.random.default_rng(7)
    op = (lambda x: x) if name == "none" else getattr(autograd, name)
    for m, n, k in [(37, 45, 60), (3, 130, 1100), (1, 77, 40), (40, 1, 30), (2, 3, 0)]:
        for b_order in "CF":
            a = rng.standard_normal((1, m, k)).astype(dtype)
            b = np.asarray(rng.standard_normal((1, k, n)), dtype, order=b_order)
            bias = rng.standard_normal(n).astype(dtype)
            memory = np.full((1, m, n + 2), 5, dtype)
            gemm(a, b, memory[:, :, :n], bias, 1, activation=name)
            plain = np.empty((1, m, n), dtype)
            gemm(a, b, plain, bias, 1)
            np.testing.assert_allclose(
                memory[:, :, :n],
                op(autograd.tensor(plain.astype(np.float64))).numpy(),
                rtol=10 * TOLERANCE[dtype],
                atol=TOLERANCE[dtype],
            )
            assert np.all(memory[:, :, n:] == 5)


def test_unknown_activation(isa):
    x = np.ones((1, 1, 1))
    with pytest.raises(ValueError, match="bad argument"):
        kernels.call(kernels.GEMM, [x, x, x.copy(), None], [1] * 12 + [0, 0, 6])


@pytest.mark.parametrize("dtype", REALS, ids=str)
@settings(ANY_ISA, max_examples=examples(25).max_examples)
@given(
    m=st.sampled_from([1, 2, 15, 29, 120, 700]),
    n=st.sampled_from([1, 5, 33, 97, 1300]),
    k=st.sampled_from([3, 77, 600, 1100]),
    batch=st.integers(1, 3),
    orders=st.sampled_from(["CC", "CF", "FC", "FF"]),
)
def test_same_bits_for_any_number_of_threads(isa, dtype, m, n, k, batch, orders):
    """k is never cut between threads, and no element's sum depends on where its rectangle ends."""
    rng = np.random.default_rng(2)
    a = np.asarray(rng.standard_normal((batch, m, k)), dtype, order=orders[0])
    b = np.asarray(rng.standard_normal((batch, k, n)), dtype, order=orders[1])
    results = []
    for threads in (1, 2, 3, 5, 2):
        kernels.set_num_threads(threads)
        c = np.empty((batch, m, n), dtype)
        gemm(a, b, c)
        results.append(c.tobytes())
    assert len(set(results)) == 1


# np.matmul's cases ---------------------------------------------------------------------------------

CASES = [
    ((4,), (4,)), ((4,), (4, 3)), ((3, 4), (4,)), ((3, 4), (4, 5)), ((2, 3, 4), (4, 5)), ((2, 3, 4), (4,)),
    ((4,), (2, 4, 5)), ((2, 3, 4), (2, 4, 5)), ((2, 1, 3, 4), (5, 4, 6)), ((6, 1, 4), (4, 2)),
    ((1, 3, 4), (7, 4, 2)),
    ((2, 3, 1, 3, 4), (2, 1, 5, 4, 2)), ((0, 4), (4, 3)), ((3, 0), (0, 2)), ((0, 3, 4), (4, 5)), ((0,), (0,)),
    ((2, 3, 4), (2, 4, 0)), ((1, 1, 4), (3, 2, 4, 1)), ((5, 1, 1, 8), (8, 3)),
]  # fmt: skip


@pytest.mark.parametrize("dtype", REALS, ids=str)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_cases_of_matmul(isa, dtype, case):
    rng = np.random.default_rng(3)
    a, b = (rng.standard_normal(shape).astype(dtype) for shape in case)
    want = np.matmul(a.astype(np.float64), b.astype(np.float64))
    flipped = np.ascontiguousarray(a[..., ::-1])[..., ::-1], np.ascontiguousarray(b.T).T
    for x, y in [(a, b), flipped]:
        got = matmul(x, y)
        assert got.shape == want.shape and got.dtype == dtype
        np.testing.assert_allclose(got, want, rtol=0, atol=TOLERANCE[dtype] * 20)
        assert np.array_equal(matmul(x, y), got)  # by the plan that is kept
    bias = rng.standard_normal(b.shape[-1] if b.ndim > 1 else 1).astype(dtype)
    np.testing.assert_allclose(
        matmul(a, b, bias), want + (bias if b.ndim > 1 else bias[0]), rtol=0, atol=TOLERANCE[dtype] * 20
    )


@ANY_ISA
@given(
    data=st.data(), batch=st.lists(st.integers(1, 3), max_size=3), m=st.integers(1, 4), k=st.integers(0, 5)
)
def test_batches_of_any_strides(isa, data, batch, m, k):
    rng = np.random.default_rng(4)
    a = data.draw(layouts((*batch, m, k), REALS[1], rng))
    b = data.draw(layouts((*batch[data.draw(st.integers(0, len(batch))) :], k, 3), REALS[1], rng))
    np.testing.assert_allclose(matmul(a, b), np.matmul(a, b), rtol=0, atol=1e-12)


def test_other_types_are_numpys(isa):
    a = np.arange(6).reshape(2, 3)
    assert matmul(a, a.T).dtype == np.int64 and np.array_equal(matmul(a, a.T), a @ a.T)
    assert matmul(a.astype(np.float32), a.T.astype(np.float64)).dtype == np.float64
    swapped = a.astype(">f8")
    assert np.array_equal(matmul(swapped, swapped.T), a @ a.T)
    fields = np.zeros(4, np.dtype([("x", "u1"), ("y", "<f8")]))  # strides of 9 bytes, unaligned
    fields["y"] = [1, 2, 3, 4]
    assert matmul(fields["y"], fields["y"]) == 30


def test_refusals(isa):
    with pytest.raises(ValueError, match="mismatch"):
        matmul(np.ones((2, 3)), np.ones((2, 3)))
    with pytest.raises(ValueError, match="broadcast"):
        matmul(np.ones((2, 2, 3)), np.ones((3, 3, 3)))
    with pytest.raises(ValueError, match=r"bias has shape \(2,\), want \(4,\)"):
        matmul(np.ones((2, 3)), np.ones((3, 4)), np.ones(2))


def test_small_products_by_dot():
    """Without the fixture: the same numbers whichever way the thresholds send them, and kept plans few."""
    rng = np.random.default_rng(6)
    for m in (1, 4, 50, 51, 64, 65, 101, 102):
        a, b = rng.integers(-4, 5, (m, m)).astype(np.float32), rng.integers(-4, 5, (m, m)).astype(np.float32)
        for x in (a, np.asfortranarray(a), a[::-1]):
            for y in (b, np.asfortranarray(b), b[:, ::-1]):
                assert np.array_equal(matmul(x, y), x.astype(np.int64) @ y.astype(np.int64))
    for m in range(matmul_kernel.KEPT + 10):
        matmul(np.ones((m, 1, 1)), np.ones((1, 1)))
        assert len(matmul_kernel.plans) <= matmul_kernel.KEPT
