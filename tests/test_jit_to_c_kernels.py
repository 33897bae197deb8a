"""Every kernel as C, called with what csrc/kernels.h allows: it computes what the kernel computes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from c_files import called, library, needed

from autograd import kernels
from autograd.jit.c.calls import WRITTEN
from autograd.jit.c.library import pieces
from autograd.jit.c.passes import EXPRESSIONS
from autograd.jit.graph import HELD, INPUT, MADE, Buffer, Operand, Step, array_of
from autograd.jit.instructions import Instruction, Lowering
from autograd.jit.names import Argument
from autograd.jit.to_c import to_c
from autograd.symbol import MEANING

pytestmark = needed


class Calls:
    """Instructions made by hand: run by the kernels, and written as one C function."""

    def __init__(self, real: type) -> None:
        self.real = np.dtype(real)
        self.random = np.random.default_rng(0)
        self.instructions: list[Instruction] = []
        self.inputs: list[np.ndarray] = []
        self.results: list[Operand] = []
        self.labels: list[str] = []

    def given(self, array: Any) -> Operand:
        """An input."""
        array = np.array(array, order="C")
        array = array.astype(self.real) if array.dtype.kind == "f" else array
        self.inputs.append(array)
        return operand(array, INPUT, len(self.inputs) - 1)

    def numbers(self, *shape: int) -> Operand:
        return self.given(self.random.standard_normal(shape))

    def indices(self, below: int, *shape: int) -> Operand:
        return self.given(self.random.integers(0, below, shape))

    def made(self, *shape: int, dtype: Any = None) -> Operand:
        return operand(np.zeros(shape, dtype or self.real), MADE)

    def state(self, *shape: int, positive: bool = False) -> Operand:
        values = self.random.standard_normal(shape).astype(self.real)
        return operand(np.abs(values) if positive else values, HELD)

    def result(self, label: str, *operands: Operand) -> None:
        self.results += operands
        self.labels += [label] * len(operands)

    def call(
        self, name: str, args: list[Any], writes: list[Operand], sizes: Any = (), values: Any = (),
        label: str = "", dtype: Any = None,
    ) -> None:  # fmt: skip
        """One instruction, whose writes are results."""
        step = Step("fake", [], writes, where="here.py:1")
        kernel = getattr(kernels, name)
        self.instructions.append(
            Instruction(kernel, np.dtype(dtype or self.real), args, sizes, values, writes, step)
        )
        self.result(f"{name} {label}", *writes)

    def program(self) -> Any:
        return SimpleNamespace(
            name="calls", instructions=self.instructions, outputs=self.results, host=[], function=None,
            watch=SimpleNamespace(modules=[], grads=[]), exit_grads=[],
            arguments=[Argument(f"x{i}", x.shape, x.dtype) for i, x in enumerate(self.inputs)],
        )  # fmt: skip

    def check(self, folder: Path, rtol: float) -> None:
        text = to_c(self.program())
        run = library(text, folder, "-O2" if self.real.itemsize == 4 else "-O1").calls
        found = called(run, self.inputs, [array_of(x) for x in self.results])
        for instruction in self.instructions:
            args = [arrays_of(x) for x in instruction.args]
            kernels.call_many(
                instruction.kernel, instruction.dtype, args, instruction.sizes, instruction.values
            )
        for label, x, mine in zip(self.labels, self.results, found, strict=True):
            np.testing.assert_allclose(mine, array_of(x), rtol=rtol, atol=rtol, err_msg=label)


def operand(array: np.ndarray, kind: str, number: int = -1) -> Operand:
    return Operand(Buffer(array, kind, number), 0, array.shape, array.strides, array.dtype)


def arrays_of(x: Any) -> Any:
    if isinstance(x, list):
        return kernels.addresses([array_of(y) for y in x])
    return None if x is None else array_of(x)


def products(c: Calls) -> None:
    for m, n, k in ((5, 7, 3), (4, 1, 19), (1, 6, 32), (3, 4, 0)):
        a, b, turned, bias, rows = (
            c.numbers(2, m, max(k, 1)), c.numbers(2, max(k, 1), n), c.numbers(n, max(k, 1)),
            c.numbers(n), c.numbers(m),
        )  # fmt: skip
        kk = max(k, 1)
        sizes = (2, m, n, k, m * kk, kk, 1, kk * n, n, 1, m * n, n)
        y = c.made(2, m, n)
        c.call("GEMM", [a, b, y, bias], [y], (*sizes, 1, 0, 0), label="bias by column")
        y = c.made(2, m, n)
        c.call("GEMM", [a, b, y, rows], [y], (*sizes, 2, 0, 2), label="bias by row, tanh")
        y = c.made(1, m, n)
        transposed = (1, m, n, k, 0, kk, 1, 0, 1, kk, m * n, n)
        c.call("GEMM", [a, turned, y, None], [y], (*transposed, 0, 0, 0), label="transposed")
        for act in range(6):
            y = c.made(1, m, n)
            c.call("GEMM", [a, turned, y, None], [y], (*transposed, 0, 0, act), label=f"act {act}")
    a, b, y = c.numbers(3, 4), c.numbers(4, 2), c.state(3, 2)
    c.call("GEMM", [a, b, y, None], [y], (1, 3, 2, 4, 0, 4, 1, 0, 2, 1, 6, 2, 0, 1, 0), label="added")


def convolutions(c: Calls) -> None:
    for case in (
        (2, 3, 7, 6, 4, 3, 2, 1, 1, 1, 0, 1, 1, 1),
        (2, 4, 9, 8, 6, 3, 3, 2, 2, 1, 1, 2, 1, 2),
        (1, 3, 5, 5, 3, 5, 3, 1, 3, 4, 2, 1, 2, 3),
        (2, 2, 3, 3, 2, 1, 1, 3, 2, 1, 1, 1, 1, 1),
    ):
        n, ch, h, w, k, r, s, stride_h, stride_w, pad_h, pad_w, dil_h, dil_w, groups = case
        p = (h + 2 * pad_h - dil_h * (r - 1) - 1) // stride_h + 1
        q = (w + 2 * pad_w - dil_w * (s - 1) - 1) // stride_w + 1
        sizes = (n, ch, h, w, k, r, s, p, q, stride_h, stride_w, pad_h, pad_w, dil_h, dil_w, groups, 0)
        x, weight, bias, g = (
            c.numbers(n, ch, h, w), c.numbers(k, ch // groups, r, s), c.numbers(k), c.numbers(n, k, p, q)
        )  # fmt: skip
        y, z, dx, dw = c.made(n, k, p, q), c.made(n, k, p, q), c.made(n, ch, h, w), c.made(*weight.shape)
        c.call("CONV2D", [x, weight, y, bias], [y], (*sizes, 1), label=str(case))
        c.call("CONV2D", [x, weight, z, None], [z], (*sizes, 0), label=str(case))
        c.call("CONV2D_INPUT", [dx, weight, g], [dx], sizes, label=str(case))
        c.call("CONV2D_WEIGHT", [x, dw, g], [dw], sizes, label=str(case))


def reductions(c: Calls) -> None:
    x = c.numbers(4, 5, 6, 7)
    steps = {0: 210, 1: 42, 2: 7, 3: 1}
    length = {0: 4, 1: 5, 2: 6, 3: 7}
    for op in range(5):
        for kept in ((0, 1), (0, 2), (1, 3), (2, 3), (0, 3)):
            gone = [d for d in range(4) if d not in kept]
            sizes = [op, *(length[d] for d in kept), *(steps[d] for d in kept)]
            sizes += [*(length[d] for d in gone), *(steps[d] for d in gone)]
            shape = [length[d] for d in kept]
            y, centre = c.made(*shape), c.numbers(*shape) if op == 4 and kept != (0, 1) else None
            c.call("REDUCE", [x, y, centre], [y], sizes, (0.25 if op != 3 else 1.0,), f"{op} {kept}")
    y = c.made(1)
    c.call("REDUCE", [x, y, None], [y], (0, 1, 1, 0, 0, 1, 840, 0, 1), (1 / 840,), "all")
    for columns in (1, 3):
        x = c.given(c.random.integers(0, 3, (2, 3, 4, columns)).astype(float))
        z, g = c.given(array_of(x).max(axis=(0, 2))), c.numbers(3, columns)
        dx = c.made(2, 3, 4, columns)
        c.call("EXTREME_BACKWARD", [x, z, g, dx], [dx], (2, 3, 4, columns))


def losses(c: Calls) -> None:
    for inner in (1, 3):
        for log in (0, 1):
            x, y, dx = c.numbers(5, 4, inner), c.made(5, 4, inner), c.made(5, 4, inner)
            g = c.numbers(5, 4, inner)
            c.call("SOFTMAX", [x, y], [y], (5, 4, log, 4, inner), label=f"log {log}")
            c.call("SOFTMAX_BACKWARD", [y, g, dx], [dx], (5, 4, log, 4, 4, inner), label=f"log {log}")
        for reduction, smoothing in ((0, 0.0), (1, 0.1), (2, 0.0), (2, 0.2)):
            x, targets = c.numbers(6, 4, inner), c.indices(4, 6, inner)
            c.inputs[-1][2] = -100
            weight = None if smoothing == 0.2 else c.given(np.abs(c.random.standard_normal(4)))
            each, saved = c.made(6, inner), c.made(6, 2, inner)
            result = c.made(2) if reduction else None
            sizes, values = (6, 4, inner, 4, -100), (smoothing,)
            out = [each, saved, *([result] if result else [])]
            args = [x, targets, weight, each, saved, result]
            c.call("CROSS_ENTROPY", args, out, (*sizes, reduction), values, f"{reduction} {smoothing}")
            g, dx = c.numbers(*((1,) if reduction else (6, inner))), c.made(6, 4, inner)
            args = [x, targets, weight, saved, result, g, dx]
            c.call("CROSS_ENTROPY_BACKWARD", args, [dx], (*sizes, int(not reduction)), values)


def norms(c: Calls) -> None:
    # units segments length span period: batch norm of images and of rows, layer norm, group norm
    for units, segments, length, span, period in (
        (3, 4, 6, 6, 3),
        (5, 7, 1, 1, 5),
        (4, 1, 6, 1, 1),
        (6, 1, 8, 4, 3),
    ):
        count, weights = units * segments * length, period * (length // span)
        running = (units, segments, length, span, period) in ((3, 4, 6, 6, 3), (5, 7, 1, 1, 5))
        for given in (0, 1) if running else (0,):
            x, g, weight, bias = c.numbers(count), c.numbers(count), c.numbers(weights), c.numbers(weights)
            y, mean, rstd, dx, dw, db = (
                c.made(count), c.made(units), c.made(units), c.made(count), c.made(weights), c.made(weights)
            )  # fmt: skip
            average, var = (c.state(units), c.state(units, positive=True)) if running else (None, None)
            sizes, values = (units, segments, length, span, period, given), (1e-5, 0.1)
            writes = [y, mean, rstd, *([average, var] if running and not given else [])]
            args = [x, weight, bias, y, mean, rstd, average, var]
            c.call("STANDARDIZE", args, writes, sizes, values, label=f"{sizes}")
            args = [x, g, weight, mean, rstd, dx, dw, db]
            c.call("STANDARDIZE_BACKWARD", args, [dx, dw, db], sizes, values, label=f"{sizes}")
    x, y, mean, rstd = c.numbers(12), c.made(12), c.made(3), c.made(3)
    c.call("STANDARDIZE", [x, None, None, y, mean, rstd, None, None], [y], (3, 1, 4, 1, 1, 0), (1e-5, 0.0))


def attentions(c: Calls) -> None:
    shape, length, total, e, width = (2, 3), 5, 7, 4, 6
    rows = [c.numbers(2, n, 3, w) for n, w in ((length, e), (total, e), (total, width), (length, width))]
    q, k, v, g = rows  # the heads are parts of a row, as sizes tell
    seen = c.random.random((length, total)) > 0.3
    seen[2] = False
    for causal, kind in ((0, 0), (1, 0), (0, 1), (1, 2)):
        mask = (None, seen, c.random.standard_normal((length, total)))[kind]
        mask = None if mask is None else c.given(mask)
        y, dq, dk, dv = (c.made(2, 3, *n) for n in ((length, width), (length, e), (total, e), (total, width)))
        kept = c.made(2, *shape, length)
        steps = [s for n, w in ((length, e), (total, e), (total, width)) for s in (n * 3 * w, w, 3 * w)]
        out = [3 * length * width, length * width, width]
        sizes = (*shape, length, total, e, width, causal, kind, *steps, *out, 0, 0, total, 1)
        label = f"causal {causal}, mask {kind}"
        c.call("ATTENTION", [q, k, v, mask, y, kept], [y], sizes, (0.4,), label=label)
        back = [s for n, w in ((length, e), (total, e), (total, width)) for s in (3 * n * w, n * w, w)]
        sizes = (*sizes, length * 3 * width, width, 3 * width, *back)
        args = [q, k, v, mask, y, kept, g, dq, dk, dv]
        c.call("ATTENTION_BACKWARD", args, [dq, dk, dv], sizes, (0.4,), label=label)


def pools(c: Calls) -> None:
    for p, q, *geometry in (
        (3, 3, 2, 2, 2, 2, 0, 0, 1, 1),
        (4, 3, 3, 2, 2, 3, 1, 1, 1, 1),
        (4, 2, 2, 3, 1, 2, 0, 1, 2, 2),
    ):
        x, y, index, g, dx = (
            c.numbers(4, 7, 6), c.made(4, p, q), c.made(4, p, q, dtype=np.int64), c.numbers(4, p, q),
            c.made(4, 7, 6),
        )  # fmt: skip
        sizes = (4, 7, 6, p, q, *geometry)
        c.call("MAX_POOL", [x, y, index], [y, index], sizes)
        c.call("MAX_POOL_BACKWARD", [dx, g, index], [dx], (4, 42, p * q))
        if geometry[-2:] == [1, 1]:
            for include in (0, 1):
                z, spread = c.made(4, p, q), c.made(4, 7, 6)
                c.call("AVG_POOL", [x, z], [z], (*sizes, include))
                c.call("AVG_POOL_BACKWARD", [spread, g], [spread], (*sizes, include))
        if geometry[4:6] == [0, 0]:
            y, apart = c.made(4, p, q), c.made(4, 7, 6)
            c.call("MAX_POOL", [x, y, None], [y], sizes)
            c.call("MAX_POOL_SPREAD", [x, y, g, apart], [apart], sizes)
    x, y, back = c.numbers(6, 5), c.made(12, 15), c.made(6, 5)
    c.call("ENLARGE", [x, y], [y], (6, 5, 2, 3))
    c.call("BLOCK_SUMS", [back, y], [back], (6, 5, 2, 3))


def moves(c: Calls) -> None:
    x, rows, elements = c.numbers(2, 5, 3), c.indices(5, 7), c.indices(5, 2, 7, 3)
    y, z, g = c.made(2, 7, 3), c.made(2, 7, 3), c.numbers(2, 7, 3)
    c.call("GATHER", [x, rows, y], [y], (2, 5, 3, 7, 0))
    c.call("GATHER", [x, elements, z], [z], (2, 5, 3, 7, 1))
    for single, index in ((0, rows), (1, elements)):
        out, more = c.made(2, 5, 3), c.state(2, 5, 3)
        c.call("SCATTER_ADD", [out, index, g], [out], (2, 5, 3, 7, single, 0))
        c.call("SCATTER_ADD", [more, index, g], [more], (2, 5, 3, 7, single, 1))
    x, y = c.indices(9, 4), c.made(4, dtype=np.int64)
    c.call("COUNT", [x, y], [y], (4, -3), dtype=np.float64)
    for n in (1, 4):
        cast = c.made(n)
        c.call("CAST", [x, cast], [cast], (n,))


def draws(c: Calls) -> None:
    word = np.uint32 if c.real.itemsize == 4 else np.uint64
    for count in (1, 37):
        for kind, values in ((0, ()), (1, ()), (2, (0.5, 2.0)), (3, (0.7, 1 / 0.7))):
            out = c.made(count, dtype=word if kind == 0 else None)
            c.call("RANDOM", [out], [out], (kind, count, -5, 2**40 + 3, 0), values, f"{kind}")
        if c.real.itemsize == 8:
            for first, span in ((-4, 9), (0, 3 << 60), (5, 2**40 + 1)):
                out = c.made(count, dtype=np.int64)
                sizes = (4, count, 11, 7, 0, first, span)
                c.call("RANDOM", [out], [out], sizes, (), f"integers below {span}")


def updates(c: Calls) -> None:
    shapes = [(3, 4), (5,)]

    def columns(count: int) -> list[list[Operand] | None]:
        states = [[c.state(*s, positive=i > 0) for s in shapes] for i in range(count)]
        return [*states, *[None] * (4 - count)]

    for name, memories, sizes, values, step in (
        ("SGD", 0, (0, 0), (0.1, 0.0, 0.0, 0.01), None),
        ("SGD", 1, (1, 1), (0.1, 0.9, 0.0, 0.01), None),
        ("SGD", 1, (0, 0), (0.1, 0.9, 0.3, 0.0), 1),
        ("ADAM", 2, (0, 0), (0.1, 0.9, 0.99, 1e-6, 0.1), 3),
        ("ADAM", 3, (1, 1), (0.1, 0.8, 0.9, 1e-6, 0.1), 1),
        ("RMSPROP", 1, (0,), (0.1, 0.9, 1e-4, 0.01, 0.0), None),
        ("RMSPROP", 3, (1,), (0.1, 0.9, 1e-4, 0.0, 0.5), None),
    ):
        params, *state = columns(memories + 1)
        grads = [c.numbers(*s) for s in shapes]
        counts = operand(np.array([x.size for x in grads]), HELD)
        steps = None if step is None else operand(np.array([step] * len(shapes)), HELD)
        if name == "RMSPROP" and memories == 3:  # the deviation must stay real
            for x in state[0] or ():
                array_of(x)[...] += 20
        writes = [x for column in (params, *state) for x in column or ()]
        args = [counts, params, grads, *state, steps]
        c.call(name, args, writes, (len(shapes), *sizes), values, f"{sizes}")
    for most in (0.5, 100.0):
        grads, norm = [c.state(*s) for s in shapes], c.made(1, dtype=np.float64)
        counts = operand(np.array([x.size for x in grads]), HELD)
        c.call("CLIP_NORM", [counts, grads, norm], [norm, *grads], (2, 0), (most,), str(most))


GROUPS = [products, convolutions, reductions, losses, norms, attentions, pools, moves, draws, updates]


@pytest.mark.parametrize("real", [np.float32, np.float64])
def test_every_kernel(real, tmp_path):
    calls = Calls(real)
    for group in GROUPS:
        group(calls)
    called_here = {kernels.KERNEL_NAMES[x.kernel] for x in calls.instructions}
    assert called_here >= set(WRITTEN) - {"ELEMENTWISE"}
    calls.check(tmp_path, 3e-5 if real == np.float32 else 1e-12)


TWO = "add sub mul div pow leaky_relu elu maximum minimum eq ne lt le gt ge logical_and logical_or".split()
ARITY = dict.fromkeys([*TWO, "silu_gradient", "gelu_gradient"], 2) | {"clamp": 3, "where": 3}
TRUTH_OPS = frozenset("eq ne lt le gt ge logical_not logical_and logical_or".split())

FUSED: dict[str, Callable[..., Any]] = {
    "mul_add": lambda a, b, c, d: a * b + c, "mul_sub": lambda a, b, c, d: a * b - c,
    "sub_mul": lambda a, b, c, d: c - a * b, "mul_add_mul": lambda a, b, c, d: a * b + c * d,
    "mul_add_square": lambda a, b, c, d: a * b + c * c * d,
    "sqrt_mul_add": lambda a, b, c, d: (a * b).apply("sqrt") + c,
    "exp_neg": lambda a, b, c, d: (-a).apply("exp"),
    "where_lt": lambda a, b, c, d: (a < b).apply("where", c, d),
    "where_le": lambda a, b, c, d: (a <= b).apply("where", c, d),
}  # fmt: skip


@pytest.mark.parametrize("real", [np.float32, np.float64])
def test_every_elementwise_op(real, tmp_path):
    calls, lowering = Calls(real), Lowering()
    operands = [calls.given(np.abs(calls.random.standard_normal((3, 4))) + 0.3) for _ in range(3)]
    operands.append(calls.given([0.5, 0.7, 1.5, 2.0]))  # broadcast
    truth = calls.given(np.arange(12).reshape(3, 4) % 3 == 0)
    functions = FUSED | {
        name: lambda a, b, c, d, name=name: a.apply(name, *[b, c, d][: ARITY.get(name, 1) - 1])
        for name in MEANING
    }
    for name, function in functions.items():
        is_truth = name in TRUTH_OPS
        out = calls.made(3, 4, dtype=np.bool_ if is_truth else None)
        lowering.source = Step(name, [], [out], where="here.py:1")
        lowering.elementwise(function, operands, out)
        calls.result(name, out)
    several = calls.made(3, 4), calls.made(3, 4, dtype=np.bool_), calls.made(4, 3)
    lowering.source = Step("several", [], list(several), where="here.py:1")
    turned = several[2].viewed((3, 4), several[2].strides[::-1])
    lowering.elementwise(
        lambda a, t: (a * t - 3.0, t.apply("logical_not"), -a), [operands[0], truth], *several[:2], turned
    )
    calls.result("several", *several)
    calls.instructions = lowering.instructions  # type: ignore[assignment]
    names = {op for x in lowering.instructions for op in EXPRESSIONS if f"{op}(" in x.fused}  # type: ignore[union-attr]
    assert names >= set(EXPRESSIONS) == set(kernels.elementwise_ops())
    calls.check(tmp_path, 2e-6 if real == np.float32 else 1e-13)


def test_helpers_are_all_called():
    """No piece of the library lies about unused: each is in a file of the tests above."""
    files = ""
    for real in (np.float32, np.float64):
        calls = Calls(real)
        for group in GROUPS:
            group(calls)
        files += to_c(calls.program())
    elementwise = set(EXPRESSIONS)
    assert all(name in files or name in elementwise or name == "normal_cdf" for name in pieces())
