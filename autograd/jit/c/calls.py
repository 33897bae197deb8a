"""The kernels that are calls of a helper: an instruction's operands and sizes as C arguments.

csrc/kernels.h says what each slot of an instruction means; the helpers are in the .c files beside this one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd import kernels
from autograd.jit.c.library import Library
from autograd.jit.c.memory import Memory
from autograd.jit.c.passes import activation, activation_gradient, elementwise, filled, reduction
from autograd.jit.c.text import C_TYPES, literal, statement
from autograd.jit.graph import Operand
from autograd.jit.instructions import ACTIVATIONS, Instruction
from autograd.jit.sealed import JitError

__all__ = ["WRITTEN", "Writer", "writes"]

DOUBLE = np.dtype(np.float64)
ACTIVATION_NAMES = {number: name for name, number in ACTIVATIONS.items()}


class Writer:
    """What the functions here write with: the file's memory and helpers."""

    def __init__(self, memory: Memory, library: Library) -> None:
        self.memory = memory
        self.library = library

    def helper(self, name: str, dtype: np.dtype[Any]) -> str:
        return self.library.use(name, C_TYPES[dtype.name])

    def call(self, name: str, dtype: np.dtype[Any], *args: Any) -> list[str]:
        """A call; operands (and None) among the arguments become pointers."""
        texts = [self.memory.pointer(x) if x is None or isinstance(x, Operand) else str(x) for x in args]
        return statement(f"{self.helper(name, dtype)}({', '.join(texts)});")

    def struct(self, name: str, dtype: np.dtype[Any], fields: str, values: Sequence[Any]) -> str:
        """A compound literal."""
        named = ", ".join(f".{field} = {value}" for field, value in zip(fields.split(), values, strict=True))
        return f"({self.helper(name, dtype)}){{{named}}}"


Write = Callable[[Writer, Instruction], list[str]]
WRITTEN: dict[str, Write] = {"ELEMENTWISE": elementwise, "REDUCE": reduction}  # by name of the kernel


def writes(*names: str) -> Callable[[Write], Write]:
    """Decorate the function that writes calls of these kernels."""

    def decorate(function: Write) -> Write:
        WRITTEN.update(dict.fromkeys(names, function))
        return function

    return decorate


def name_of(instruction: Instruction) -> str:
    return kernels.KERNEL_NAMES[instruction.kernel]


def whole(instruction: Instruction, count: int) -> list[int]:
    """Sizes as integers; those not given are 0."""
    return [int(n) for n in [*instruction.sizes, *[0] * count][:count]]


def activated(writer: Writer, number: int, y: Operand, dtype: np.dtype[Any]) -> list[str]:
    return activation(writer, str(ACTIVATION_NAMES[number]), y, dtype) if number else []


# Products and convolutions -------------------------------------------------------------------------


@writes("GEMM")
def gemm(writer: Writer, instruction: Instruction) -> list[str]:
    a, b, c, bias = instruction.args
    dtype = instruction.dtype
    batch, m, n, k, *steps, c_batch, c_row, kind, accumulate, act = whole(instruction, 15)
    if act and (c_row != n or (batch > 1 and c_batch != m * n)):
        raise JitError("to_c: a product with an activation whose result has gaps")
    if kind and accumulate:
        raise JitError("to_c: a product with a bias that is added to what was there")
    start = "ADD_TO_C" if accumulate else ("NO_BIAS", "BIAS_BY_COLUMN", "BIAS_BY_ROW")[kind]
    pointers = writer.memory.pointer(a), writer.memory.pointer(b)
    matrix = writer.helper("matrices", dtype)
    left = f"({matrix}){{{pointers[0]}, {steps[0]}, {steps[1]}, {steps[2]}}}"
    right = f"({matrix}){{{pointers[1]}, {steps[3]}, {steps[4]}, {steps[5]}}}"
    lines = writer.call(
        "gemm", dtype, batch, m, n, k, left, right, c, c_batch, c_row, bias if kind else None, start
    )
    y = c._replace(shape=(batch * m * n,))
    return lines + activated(writer, act, y, dtype)


CONV = "N C H W K R S P Q stride_h stride_w pad_h pad_w dilation_h dilation_w groups"


@writes("CONV2D", "CONV2D_INPUT", "CONV2D_WEIGHT")
def convolution(writer: Writer, instruction: Instruction) -> list[str]:
    x, w, y, bias = (*instruction.args, None)[:4]
    dtype, name = instruction.dtype, name_of(instruction)
    *sizes, _, act = whole(instruction, 18)
    shape = writer.struct("conv_shape", dtype, CONV, sizes)
    if name == "CONV2D":
        return writer.call("conv2d", dtype, x, w, bias, y, shape) + activated(writer, act, y, dtype)
    return writer.call(name.lower(), dtype, x, w, y, shape)


# Softmax, norms, losses ----------------------------------------------------------------------------


@writes("EXTREME_BACKWARD")
def extreme_backward(writer: Writer, instruction: Instruction) -> list[str]:
    return writer.call("extreme_backward", instruction.dtype, *instruction.args, *whole(instruction, 4))


@writes("SOFTMAX")
def softmax(writer: Writer, instruction: Instruction) -> list[str]:
    rows, columns, log, step, inner = whole(instruction, 5)
    name = "log_softmax" if log else "softmax"
    step = step if inner == 1 else columns * inner
    return writer.call(name, instruction.dtype, *instruction.args, rows, columns, inner, step)


@writes("SOFTMAX_BACKWARD")
def softmax_backward(writer: Writer, instruction: Instruction) -> list[str]:
    rows, columns, log, y_step, g_step, inner = whole(instruction, 6)
    name = "log_softmax_backward" if log else "softmax_backward"
    if inner > 1:
        y_step = g_step = columns * inner
    return writer.call(name, instruction.dtype, *instruction.args, rows, columns, inner, y_step, g_step)


def logits(writer: Writer, instruction: Instruction) -> str:
    """What both directions of cross entropy share."""
    x, targets, weight = (writer.memory.pointer(z) for z in instruction.args[:3])
    rows, columns, inner, step, ignored = whole(instruction, 5)
    step = step if inner == 1 else columns * inner
    smoothing = literal(instruction.values[0] if instruction.values else 0, instruction.dtype)
    fields = "x targets weight rows columns inner x_row ignored smoothing"
    values = (x, targets, weight, rows, columns, inner, step, ignored, smoothing)
    return writer.struct("logits", instruction.dtype, fields, values)


@writes("CROSS_ENTROPY")
def cross_entropy(writer: Writer, instruction: Instruction) -> list[str]:
    losses, saved, result = instruction.args[3:]
    dtype, reduction = instruction.dtype, whole(instruction, 6)[5]
    batch = logits(writer, instruction)
    if not reduction:
        return writer.call("cross_entropy", dtype, batch, losses, saved)
    lines = [
        *statement(f"const {writer.helper('logits', dtype)} batch = {batch};"),
        *writer.call("cross_entropy", dtype, "batch", losses, saved),
        *writer.call("total_loss", dtype, "batch", losses, int(reduction == 2), result),
    ]
    return ["  {", *["  " + line for line in lines], "  }"]


@writes("CROSS_ENTROPY_BACKWARD")
def cross_entropy_backward(writer: Writer, instruction: Instruction) -> list[str]:
    saved, result, g, dx = instruction.args[3:]
    step = whole(instruction, 6)[5]
    batch = logits(writer, instruction)
    return writer.call("cross_entropy_backward", instruction.dtype, batch, saved, result, g, step, dx)


NORM = "units segments length span period"


@writes("STANDARDIZE")
def standardize(writer: Writer, instruction: Instruction) -> list[str]:
    *arrays, running_mean, running_var = (*instruction.args, None, None)[:8]
    *sizes, given, act = whole(instruction, 7)
    dtype, (eps, momentum, slope) = instruction.dtype, (*instruction.values, 0.0, 0.0)[:3]
    args = [*arrays, running_mean, running_var, writer.struct("norm_shape", dtype, NORM, sizes)]
    args.append(literal(eps, DOUBLE))
    if given:
        lines = writer.call("standardize_given", dtype, *args)
    else:
        lines = writer.call("standardize", dtype, *args, literal(momentum, DOUBLE))
    if act:
        lines += activation(writer, str(ACTIVATION_NAMES[act]), arrays[3], dtype, slope)
    return lines


@writes("STANDARDIZE_BACKWARD")
def standardize_backward(writer: Writer, instruction: Instruction) -> list[str]:
    """Behind an activation y is made again where dx will be, and there multiplied by g act'."""
    x, g, weight, mean, rstd, dx, dw, db, bias = (*instruction.args, None)[:9]
    *sizes, given, act = whole(instruction, 7)
    dtype = instruction.dtype
    shape = writer.struct("norm_shape", dtype, NORM, sizes)
    lines = []
    if act:
        lines = writer.call("normalize", dtype, x, weight, bias, dx, mean, rstd, shape)
        name, slope = str(ACTIVATION_NAMES[act]), instruction.values[2]
        lines += activation_gradient(writer, name, dx, g, dtype, slope)
        g = dx
    args = (x, g, weight, mean, rstd, dx, dw, db)
    return lines + writer.call("standardize_backward", dtype, *args, shape, given)


# Attention -----------------------------------------------------------------------------------------

ATTENTION = "outer heads L S E V causal mask_kind"
STEPS = (("q", 3), ("k", 3), ("v", 3), ("y", 3), ("mask", 4), ("g", 3), ("dq", 3), ("dk", 3), ("dv", 3))


@writes("ATTENTION", "ATTENTION_BACKWARD")
def attention(writer: Writer, instruction: Instruction) -> list[str]:
    values: list[Any] = whole(instruction, 36)
    for place, (_, count) in enumerate(STEPS, 8):
        values[place : place + count] = ["{" + ", ".join(map(str, values[place : place + count])) + "}"]
    fields = " ".join([ATTENTION, *(name for name, _ in STEPS)])
    shape = writer.struct("attention_shape", instruction.dtype, fields, values)
    name, scale = name_of(instruction).lower(), literal(instruction.values[0], DOUBLE)
    return writer.call(name, instruction.dtype, *instruction.args, shape, scale)


# Pools ---------------------------------------------------------------------------------------------

POOL = "planes H W P Q R S stride_h stride_w pad_h pad_w dilation_h dilation_w"


@writes("MAX_POOL", "MAX_POOL_SPREAD", "AVG_POOL", "AVG_POOL_BACKWARD")
def pool(writer: Writer, instruction: Instruction) -> list[str]:
    name, args = name_of(instruction), list(instruction.args)
    *sizes, include_pad = whole(instruction, 14)
    shape = writer.struct("pool_shape", instruction.dtype, POOL, sizes)
    args += [None] * (3 - len(args)) if name == "MAX_POOL" else []
    more = [include_pad] if name.startswith("AVG") else []
    return writer.call(name.lower(), instruction.dtype, *args, shape, *more)


@writes("MAX_POOL_BACKWARD")
def max_pool_backward(writer: Writer, instruction: Instruction) -> list[str]:
    return writer.call("max_pool_backward", instruction.dtype, *instruction.args, *whole(instruction, 3))


# Moving elements -----------------------------------------------------------------------------------


@writes("ENLARGE", "BLOCK_SUMS")
def blocks(writer: Writer, instruction: Instruction) -> list[str]:
    name = name_of(instruction).lower()
    return writer.call(name, instruction.dtype, *instruction.args, *whole(instruction, 4))


@writes("GATHER")
def gather(writer: Writer, instruction: Instruction) -> list[str]:
    outer, size, inner, n, single = whole(instruction, 5)
    name = "gather_elements" if single else "gather_rows"
    return writer.call(name, instruction.dtype, *instruction.args, outer, size, inner, n)


@writes("SCATTER_ADD")
def scatter_add(writer: Writer, instruction: Instruction) -> list[str]:
    outer, size, inner, n, single, accumulate = whole(instruction, 6)
    x = instruction.args[0]._replace(shape=(outer * size * inner,))
    lines = [] if accumulate else filled(writer, x)
    name = "add_to_elements" if single else "add_to_rows"
    return lines + writer.call(name, instruction.dtype, *instruction.args, outer, size, inner, n)


@writes("COUNT")
def count(writer: Writer, instruction: Instruction) -> list[str]:
    n, delta = whole(instruction, 2)
    x, y = (writer.memory.element(z, [1 if n > 1 else 0]) for z in instruction.args)
    head = [f"  for (int64_t i = 0; i < {n}; i++)"] if n > 1 else []
    return [*head, f"{'  ' * (1 + len(head))}{y} = {x} + {delta};"]


@writes("CAST")
def cast(writer: Writer, instruction: Instruction) -> list[str]:
    (n,) = whole(instruction, 1)
    x, y = (writer.memory.element(z, [1 if n > 1 else 0]) for z in instruction.args)
    head = [f"  for (int64_t i = 0; i < {n}; i++)"] if n > 1 else []
    return [*head, f"{'  ' * (1 + len(head))}{y} = {x};"]
