"""Elementwise programs, reductions and copies: loops written for each."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd import kernels
from autograd.jit.c.library import pieces
from autograd.jit.c.text import C_TYPES, literal, loops, place
from autograd.jit.graph import Operand, array_of, contiguous
from autograd.jit.instructions import Instruction
from autograd.jit.sealed import JitError
from autograd.symbol import TRUTH

if TYPE_CHECKING:
    from autograd.jit.c.calls import Writer

__all__ = ["activation", "activation_gradient", "copied_out", "elementwise", "filled", "reduction"]

BOOL = np.dtype(np.bool_)
DIMS = 6  # csrc/kernels.h, KG_ELEMENTWISE: how a plan is laid out
FIRST_OPERAND, FIRST_VALUE = 16, 32

# What each elementwise op (csrc/ops.def) is in C. <tgmath.h> chooses the functions' types.
EXPRESSIONS = {
    "copy": "{a}", "add": "{a} + {b}", "sub": "{a} - {b}", "mul": "{a} * {b}", "div": "{a} / {b}",
    "pow": "pow({a}, {b})", "neg": "-{a}", "abs": "fabs({a})", "sign": "sign({a})", "sqrt": "sqrt({a})",
    "rsqrt": "1 / sqrt({a})", "exp": "exp({a})", "log": "log({a})", "log1p": "log1p({a})",
    "expm1": "expm1({a})", "sin": "sin({a})", "cos": "cos({a})", "tanh": "tanh({a})",
    "sigmoid": "sigmoid({a})", "erf": "erf({a})", "softplus": "softplus({a})", "silu": "silu({a})",
    "gelu": "gelu({a})", "relu": "relu({a})", "leaky_relu": "{a} > 0 ? {a} : {a} * {b}",
    "elu": "{a} > 0 ? {a} : {b} * expm1({a})", "clamp": "minimum(maximum({a}, {b}), {c})",
    "cube": "{a} * {a} * {a}", "floor": "floor({a})", "ceil": "ceil({a})", "round": "rint({a})",
    "maximum": "maximum({a}, {b})", "minimum": "minimum({a}, {b})", "where": "{a} != 0 ? {b} : {c}",
    "eq": "{a} == {b}", "ne": "{a} != {b}", "lt": "{a} < {b}", "le": "{a} <= {b}", "gt": "{a} > {b}",
    "ge": "{a} >= {b}", "logical_not": "{a} == 0", "logical_and": "{a} != 0 && {b} != 0",
    "logical_or": "{a} != 0 || {b} != 0", "mul_add": "{a} * {b} + {c}", "mul_sub": "{a} * {b} - {c}",
    "sub_mul": "{c} - {a} * {b}", "mul_add_mul": "{a} * {b} + {c} * {d}",
    "mul_add_square": "{a} * {b} + {c} * {c} * {d}", "sqrt_mul_add": "sqrt({a} * {b}) + {c}",
    "exp_neg": "exp(-{a})", "where_lt": "{a} < {b} ? {c} : {d}", "where_le": "{a} <= {b} ? {c} : {d}",
    "silu_gradient": "silu_gradient({a}, {b})", "gelu_gradient": "gelu_gradient({a}, {b})",
}  # fmt: skip


def steps(strides: Sequence[int], lengths: Sequence[int]) -> list[int]:
    """Strides as loops count them: those of length 1 have no index."""
    return [0 if n == 1 else stride for stride, n in zip(strides, lengths, strict=False)]


def expression(writer: Writer, op: str, reads: list[str], dtype: np.dtype[Any]) -> str:
    """An op on texts."""
    if op not in EXPRESSIONS:
        raise JitError(f"to_c: the elementwise op {op} has no form in C yet")
    text = re.sub(
        r"\w+(?=\()",
        lambda m: writer.helper(m[0], dtype) if m[0] in pieces() else m[0],
        EXPRESSIONS[op],
    )
    signed = [f"({read})" if read.startswith("-") else read for read in reads]
    return text.format(**dict(zip("abcd", signed, strict=False)))


def elementwise(writer: Writer, instruction: Instruction) -> list[str]:
    """A pass: loops over the plan's shape, in them a statement for each step."""
    plan, *operands = instruction.args
    words = [int(word) for word in array_of(plan).ravel()]
    count, inputs, outputs, _, _, ndim = words[:6]
    shape = words[6 : 6 + ndim]
    if instruction.sizes and instruction.sizes[0]:
        shape[0] = int(instruction.sizes[0])
    at = 6 + DIMS
    strides = [steps(words[at + i * (1 + DIMS) + 1 :], shape) for i in range(inputs + outputs)]
    at += (inputs + outputs) * (1 + DIMS)
    program = [words[at + i * 6 : at + i * 6 + 6] for i in range(count)]
    ops = [kernels.elementwise_ops()[code] for code, *_ in program]

    dtype = instruction.dtype
    kinds = {writer.memory.types[id(x.buffer)] for x in operands}
    if not kinds <= {dtype, BOOL}:  # integers moved as they are
        if set(ops) != {"copy"} or len(kinds) > 1:
            raise JitError(f"to_c: a pass in {dtype} over arrays of {kinds}")
        (dtype,) = kinds
        operands = [x._replace(dtype=dtype) for x in operands]

    texts: dict[int, str] = {}
    for i, x in enumerate(operands[:inputs]):
        cast = f"({C_TYPES[dtype.name]})" if x.dtype == BOOL else ""
        number = writer.memory.number(x)
        texts[FIRST_OPERAND + i] = number or cast + writer.memory.element(x, strides[i])
    for i, value in enumerate(instruction.values):
        texts[FIRST_VALUE + i] = literal(value, dtype)
    body, read_later = [], [slot for step in program for slot in step[2:]]
    for number_of, ((_, slot, *reads), op) in enumerate(zip(program, ops, strict=True)):
        text = expression(writer, op, [texts[r] for r in reads], dtype)
        read_later = read_later[4:]
        target = slot - FIRST_OPERAND
        is_output = inputs <= target < inputs + outputs
        if not is_output or slot in read_later:
            texts[slot] = f"t{number_of}"
            body.append(f"const {C_TYPES[dtype.name]} t{number_of} = {text};")
            text = f"t{number_of}"
        if is_output:
            out = operands[target]
            if out.dtype == BOOL and (op not in TRUTH or text == f"t{number_of}"):
                text = f"({text}) != 0"
            body.append(f"{writer.memory.element(out, strides[target])} = {text};")
    return loops(shape, body)


def activation(writer: Writer, name: str, y: Operand, dtype: np.dtype[Any], slope: float = 0.0) -> list[str]:
    """y = act(y), of a contiguous operand. `slope`: of leaky_relu."""
    element = writer.memory.element(y, steps([1], [y.size]))
    reads = [element, literal(slope, dtype)] if name == "leaky_relu" else [element]
    return loops([y.size], [f"{element} = {expression(writer, name, reads, dtype)};"])


# g times the derivative of an activation at y, by the elementwise ops: what each reads.
GRADIENTS = {
    "relu": ("where_le", "{y} {zero} {zero} {g}"),
    "leaky_relu": ("where_lt", "{zero} {y} {g} {less}"),
    "silu": ("silu_gradient", "{g} {y}"),
}


def activation_gradient(
    writer: Writer, name: str, y: Operand, g: Operand, dtype: np.dtype[Any], slope: float
) -> list[str]:
    """y = g act'(y), of contiguous operands."""
    at, given = (writer.memory.element(x, steps([1], [x.size])) for x in (y, g))
    op, reads = GRADIENTS[name]
    texts = {"{y}": at, "{g}": given, "{zero}": "0", "{less}": f"{given} * {literal(slope, dtype)}"}
    return loops([y.size], [f"{at} = {expression(writer, op, [texts[r] for r in reads.split()], dtype)};"])


def filled(writer: Writer, x: Operand) -> list[str]:
    """x = 0, of a contiguous operand."""
    return loops([x.size], [f"{writer.memory.element(x, steps([1], [x.size]))} = 0;"])


# How totals grow, from what, and by which value. In double, but for extremes.
REDUCTIONS = [
    ("0", "total += {x};"),
    ("-INFINITY", "total = maximum(total, {x});"),
    ("INFINITY", "total = minimum(total, {x});"),
    ("1", "total *= {x};"),
    ("0", "total += ({x} - {c}) * ({x} - {c});"),
]
COLUMNS = 256


def reduction(writer: Writer, instruction: Instruction) -> list[str]:
    """y = scale times the total over two dimensions.

    Where neighbours in memory are kept apart, a row of totals grows at once.
    """
    x, y, centre = instruction.args
    op, *sizes = (int(n) for n in instruction.sizes)
    (k0, k1), kept, (r0, r1), gone = sizes[0:2], sizes[2:4], sizes[4:6], sizes[6:8]
    start, grow = REDUCTIONS[op]
    real = C_TYPES[instruction.dtype.name]
    memory = writer.memory
    element = memory.element(x, steps([*kept, *gone], [k0, k1, r0, r1]))
    c = "0" if centre is None else memory.element(centre, steps([k1, 1], [k0, k1]))
    grow = re.sub(r"\w+(?=\()", lambda m: writer.helper(m[0], np.dtype(np.float64)), grow).format(
        x=element, c=c
    )
    scale = instruction.values[0] if instruction.values else 1.0
    scaled = "" if scale == 1 else " * " + literal(scale, np.dtype(np.float64))
    out = memory.element(y, steps([k1, 1], [k0, k1]))
    by_columns = kept[1] == 1 and gone[1] != 1 and 1 < k1 <= COLUMNS
    if not by_columns:
        inner = loops([r0, r1], [grow], "kl", "")
        return loops([k0, k1], [f"double total = {start};", *inner, f"{out} = ({real})(total{scaled});"])
    grow = grow.replace("total", "total[j]")
    row = loops([1, k1], [grow], "ij", "")
    body = [
        f"double total[{k1}];",
        *loops([1, k1], [f"total[j] = {start};"], "ij", ""),
        *loops([r0, r1], row, "kl", ""),
        *loops([1, k1], [f"{out} = ({real})(total[j]{scaled});"], "ij", ""),
    ]
    return loops([k0], body)


def copied_out(writer: Writer, x: Operand, name: str) -> list[str]:
    """A parameter of the function = an operand."""
    if contiguous(x.shape, x.strides, x.dtype.itemsize):
        return [f"  memcpy({name}, {writer.memory.pointer(x)}, {x.size} * sizeof *{name});"]
    strides = [s // x.dtype.itemsize for s in x.strides]
    plain = [math.prod(x.shape[axis + 1 :]) for axis in range(len(x.shape))]
    strides, plain = steps(strides, x.shape), steps(plain, x.shape)
    return loops(x.shape, [f"{name}[{place(plain)}] = {writer.memory.element(x, strides)};"])
