"""Elementwise programs: the kernel against NumPy, whatever the shapes, strides and types."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd import kernels
from autograd import program as program_module
from autograd.program import Program
from autograd.symbol import MEANING, TRUTH, Trace

needs_kernels = pytest.mark.skipif(not kernels.active, reason="no compiled kernels")
ISAS = kernels.isas()
TOLERANCE = {np.dtype(np.float32): 1e-5, np.dtype(np.float64): 1e-12}


@pytest.fixture(params=ISAS)
def isa(request):
    before = kernels.isa()
    kernels.set_isa(request.param)
    yield request.param
    kernels.set_isa(before)


@pytest.fixture(autouse=True)
def any_size(monkeypatch):
    """Let the kernel run however small the arrays are."""
    monkeypatch.setattr(program_module, "THRESHOLD", (0,))


@pytest.fixture
def only_kernel(monkeypatch):
    """Fail where the program would fall back to NumPy."""

    def refuse(self, *arrays, out=None):
        raise AssertionError("the kernel did not take this call")

    monkeypatch.setattr(Program, "reference", refuse)


def agree(got, want):
    assert got.shape == want.shape
    assert got.dtype == want.dtype
    if got.dtype == bool:
        np.testing.assert_array_equal(got, want)
    else:
        tolerance = TOLERANCE[got.dtype]
        np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance * 1e-2)


def arrays_for(arity, shape, dtype, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.uniform(0.25, 3, shape).astype(dtype) for _ in range(arity)]


ARITY = {name: 2 for name in ["add", "sub", "mul", "div", "pow", "maximum", "minimum"]}
ARITY |= {name: 2 for name in TRUTH} | {"where": 3, "logical_not": 1}
ARITY |= {"leaky_relu": 2, "elu": 2, "clamp": 3}
ARITY |= {"silu_gradient": 2, "gelu_gradient": 2}


def of(op):
    return Program.trace(lambda *s: s[0].apply(op, *s[1:]), inputs=ARITY.get(op, 1))


def oracle(program, *arrays):
    """The reference, out of reach of `only_kernel`."""
    return REFERENCE(program, *arrays)


REFERENCE = Program.reference


@needs_kernels
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [1, 2, 7, 16, 255, 256, 257, 1031, 20011])
def test_every_op_at_edge_sizes(isa, only_kernel, dtype, size):
    for op in MEANING:
        program = of(op)
        arrays = arrays_for(program.inputs, (size,), dtype)
        if op == "where":
            arrays[0] = arrays[0] > 1
        agree(program(*arrays), oracle(program, *arrays))


@needs_kernels
def test_the_kernels_ops_are_those_of_the_table():
    fused = set(kernels.elementwise_ops()) - set(MEANING)
    assert set(MEANING) <= set(kernels.elementwise_ops())
    assert fused == {
        "mul_add", "mul_sub", "sub_mul", "mul_add_mul", "mul_add_square", "sqrt_mul_add", "exp_neg",
        "where_lt", "where_le",
    }  # fmt: skip


@needs_kernels
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_steps_that_do_two_things(isa, only_kernel, dtype):
    programs = {
        "exp_neg": Program.trace(lambda a: (-a).apply("exp"), inputs=1),
        "sub_mul": Program.trace(lambda a, b, c: c - a * b, inputs=3),
        "mul_sub": Program.trace(lambda a, b, c: a * b - c, inputs=3),
        "mul_add": Program.trace(lambda a, b, c: c + a * b, inputs=3),
        "mul_add_mul": Program.trace(lambda a, b, c: a * 0.9 + b * c, inputs=3),
        "mul_add_square": Program.trace(lambda a, b: a * 0.9 + b * b * 0.1, inputs=2),
        "where_lt": Program.trace(lambda a, b, c: (a > b).apply("where", a, c), inputs=3),
        "where_le": Program.trace(lambda a, b, c: (a <= b).apply("where", a, c), inputs=3),
        "sqrt_mul_add": Program.trace(lambda a, b: (a * b).apply("sqrt") + 1e-8, inputs=2),
    }
    for name, program in programs.items():
        assert str(program).startswith(name + "("), str(program)
        assert len(str(program).splitlines()) == 1
        arrays = arrays_for(program.inputs, (1000,), dtype)
        agree(program(*arrays), oracle(program, *arrays))


def test_a_step_that_others_read_is_not_swallowed():
    program = Program.trace(lambda a, b: (a * b + 1, a * b), inputs=2)
    a, b = arrays_for(2, (300,), np.float32)
    first, second = program(a, b)
    agree(first, a * b + 1)
    agree(second, a * b)


# Shapes and strides ------------------------------------------------------------------------------


@needs_kernels
@pytest.mark.parametrize("row", [1000, 1024, 100])  # rows that end within a vector, at its end; short ones
def test_outputs_that_are_stored_past_the_caches(isa, only_kernel, row):
    program = Program.trace(lambda a, b: (a - b) * b, inputs=2)
    rows = (1 << 24) // 4 // row + 3
    (a,), (b,) = arrays_for(1, (rows, row), np.float32), arrays_for(1, (rows, 1), np.float32, seed=1)
    np.testing.assert_array_equal(program(a, b), (a - b) * b)


@st.composite
def strided(draw, shape, dtype):
    """An array that broadcasts to `shape`: some axes of length 1, permuted, with steps, backwards."""
    kept = [1 if draw(st.booleans()) and draw(st.booleans()) else n for n in shape]
    kept = kept[draw(st.integers(0, len(shape))) if draw(st.booleans()) else 0 :]
    order = draw(st.permutations(range(len(kept))))
    steps = [draw(st.sampled_from([1, 1, 2, -1, -3])) for _ in kept]
    big = [kept[axis] * abs(steps[axis]) for axis in order]
    seed = draw(st.integers(0, 1000))
    values = np.random.default_rng(seed).uniform(-2, 2, big)
    base = values > 0 if dtype is bool else values.astype(dtype)
    view = base.transpose(np.argsort(order))
    return np.asarray(view[tuple(slice(None, None, step) for step in steps)])


@st.composite
def calls(draw):
    shape = tuple(draw(st.lists(st.sampled_from([1, 2, 3, 5, 17, 64, 300]), max_size=4)))
    while math.prod(shape) > 60_000:
        shape = shape[1:]
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    a, b = draw(strided(shape, dtype)), draw(strided(shape, dtype))
    return a, b, draw(strided(shape, draw(st.sampled_from([bool, dtype])))), draw(st.sampled_from(ISAS))


CHAIN = Program.trace(lambda a, b, c: (c.apply("where", a * 2 + b, a - b * b), a < b), inputs=3)


@needs_kernels
@settings(max_examples=150, deadline=None)
@given(calls())
def test_any_strides_and_broadcasts(call):
    a, b, c, isa = call
    before, chain = kernels.isa(), Program(CHAIN.steps, CHAIN.outputs, 3, True)
    chain.threshold = 0
    kernels.set_isa(isa)
    try:
        assert math.prod(np.broadcast_shapes(a.shape, b.shape, c.shape)) == 0 or chain.plan((a, b, c), ())
        for got, want in zip(chain(a, b, c), chain.reference(a, b, c), strict=True):
            agree(got, want)
    finally:
        kernels.set_isa(before)


@needs_kernels
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_threads_do_not_change_the_result(threads):
    before = kernels.get_num_threads()
    a, b = arrays_for(2, (700, 1009), np.float32)
    program = Program.trace(lambda a, b: (a * b).apply("exp") + a, inputs=2)
    want = program.reference(a, b[:, :1])
    try:
        kernels.set_num_threads(threads)
        agree(program(a, b[:, :1]), want)
    finally:
        kernels.set_num_threads(before)


def test_empty_arrays_and_scalars():
    program = Program.trace(lambda a, b: a * b + 1, inputs=2)
    assert program(np.ones((3, 0), np.float32), np.ones((3, 1), np.float32)).shape == (3, 0)
    assert program(np.float32(2).reshape(()), np.float32(3).reshape(())) == 7
    assert program(np.ones(2, np.float32), 0.5).dtype == np.float32
    np.testing.assert_array_equal(program(np.ones(2, np.float32), 3), [4, 4])
    assert program(2.0, 3.0) == 7


def test_memory_order_of_the_result_is_that_of_the_operands():
    a = np.asfortranarray(np.random.default_rng(0).normal(size=(40, 30)).astype(np.float32))
    program = Program.trace(lambda a: a * a + a, inputs=1)
    result = program(a)
    assert result.strides == (a * a).strides
    agree(result, a * a + a)


def test_more_than_the_kernel_holds_runs_in_numpy():
    """Sixteen registers, fifteen operands: beyond, the reference runs."""
    many = Program.trace(lambda *s: sum(s[1:], s[0]), inputs=20)
    arrays = arrays_for(20, (300,), np.float64)
    agree(many(*arrays), sum(arrays))

    def wide(a):
        parts = [(a * (i + 1.5)).apply("sin") for i in range(20)]
        return sum((p * q for p, q in zip(parts, parts[::-1], strict=True)), 0.0)

    program = Program.trace(wide, inputs=1)
    agree(program(arrays[0]), program.reference(arrays[0]))


def test_mixed_types_follow_numpy():
    program = Program.trace(lambda a, b: a + b, inputs=2)
    assert program(np.ones(300, np.float32), np.ones(300, np.float64)).dtype == np.float64
    assert program(np.ones(300, np.int64), np.ones(300, np.float64)).dtype == np.float64


# Writing to given arrays -------------------------------------------------------------------------


def test_out_may_be_an_input_itself():
    program = Program.trace(lambda p, g: p - 0.1 * g * g, inputs=2)
    p, g = arrays_for(2, (513,), np.float32)
    want = program.reference(p, g)
    assert program(p, g, out=p) is p
    agree(p, want)


def test_out_that_overlaps_an_input_otherwise():
    program = Program.trace(lambda a, b: (a + b, a * b), inputs=2)
    memory = np.arange(600.0)
    a, b, first, second = memory[:300], memory[300:], memory[1:301], np.empty(300)
    want = program.reference(a, b)
    program(a, b, out=(first, second))
    agree(first, want[0])
    agree(second, want[1])


@needs_kernels
def test_out_may_have_any_strides(only_kernel):
    program = Program.trace(lambda a: a * 2 < 3, inputs=1)
    (a,) = arrays_for(1, (70, 33), np.float64)
    out = np.zeros((33, 140), bool).T[::-2]
    program(a, out=out)
    np.testing.assert_array_equal(out, a * 2 < 3)


@needs_kernels
def test_out_of_a_wrong_shape_is_refused():
    program = Program.trace(lambda a: a * 2 + 1, inputs=1)
    with pytest.raises(ValueError, match=r"want float64 of shape \(300,\), got float64 of shape \(299,\)"):
        program(np.ones(300), out=np.ones(299))


# Tracing -----------------------------------------------------------------------------------------


def steps_of(function, inputs=1):
    return str(Program.trace(function, inputs=inputs)).splitlines()


def test_constants_fold_equal_steps_merge_and_dead_steps_go():
    assert steps_of(lambda x: x * (2.0 * 3 + 1)) == ["mul(input 0, 7.0) -> output 0"]

    def wasteful(x):
        x.apply("exp")
        return (x * x) / (x * x)

    assert steps_of(wasteful) == ["mul(input 0, input 0) -> r0", "div(r0, r0) -> output 0"]


def test_simple_powers_are_products_and_roots():
    assert steps_of(lambda x: x**2) == ["mul(input 0, input 0) -> output 0"]
    assert steps_of(lambda x: x**0.5) == ["sqrt(input 0) -> output 0"]
    assert steps_of(lambda x: x**-1) == ["div(1.0, input 0) -> output 0"]
    assert steps_of(lambda x: x**2.5) == ["pow(input 0, 2.5) -> output 0"]


def test_nan_and_negative_zero_survive_folding():
    program = Program.trace(lambda x: x.apply("maximum", math.nan), inputs=1)
    assert np.isnan(program(np.ones(300))).all()
    program = Program.trace(lambda x: (x * 0.0, x * -0.0), inputs=1)
    plus, minus = program(np.ones(300))
    assert not np.signbit(plus).any()
    assert np.signbit(minus).all()


def test_results_that_are_inputs_or_repeat():
    program = Program.trace(lambda x, y: (x, x * y, x * y), inputs=2)
    a, b = arrays_for(2, (300,), np.float32)
    same, first, second = program(a, b)
    assert not np.may_share_memory(same, a) and not np.may_share_memory(first, second)
    agree(same, a)
    agree(first, a * b)
    agree(second, a * b)


def test_registers_are_given_back():
    def long_chain(x):
        for i in range(50):
            x = (x + i).apply("tanh")
        return x

    lines = steps_of(long_chain)
    assert len(lines) == 100
    assert {line.split("-> ")[1] for line in lines} == {"r0", "output 0"}


def test_what_a_program_cannot_hold_is_refused():
    with pytest.raises(TypeError, match="cumsum is no elementwise op"):
        Program.trace(lambda x: x.apply("cumsum"), inputs=1)
    with pytest.raises(TypeError, match="got ndarray; make an array one of the program's inputs"):
        Program.trace(lambda x: x.apply("add", np.ones(3)), inputs=1)
    with pytest.raises(TypeError, match="can't branch on data"):
        Program.trace(lambda x: x if x > 0 else -x, inputs=1)
    with pytest.raises(ValueError, match="two different traces"):
        Program.trace(lambda x: x + Trace().input(), inputs=1)
    with pytest.raises(TypeError, match="takes 2 arrays, got 1"):
        Program.trace(lambda x, y: x + y, inputs=2)(np.ones(300))


def test_truth_values():
    program = Program.trace(lambda a, b: ((a < b) & ~(a == b) | (a > 2), (a < b) * a), inputs=2)
    a, b = arrays_for(2, (301,), np.float32)
    mask, product = program(a, b)
    agree(mask, (a < b) & ~(a == b) | (a > 2))
    agree(product, np.where(a < b, a, np.float32(0)))


@needs_kernels
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("columns", [2, 3, 16, 100, 255, 256, 300])
def test_a_row_repeated_over_many_tiles(isa, only_kernel, dtype, columns):
    """Tiles begin anywhere in the row; it may be a bool one, a strided one or one of several."""
    program = Program.trace(lambda x, y, z: x * y + z, inputs=3)
    x, y, z = (
        arrays_for(1, shape, dtype, 7)[0] for shape in [(53, 61, columns), (columns,), (1, 2 * columns)]
    )
    agree(program(x, y, z[:, ::-2]), oracle(program, x, y, z[:, ::-2]))
    agree(program(x, y > 1, z[0, :columns]), oracle(program, x, y > 1, z[0, :columns]))
