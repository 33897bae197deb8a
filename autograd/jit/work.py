"""How much an instruction has to do: floating-point operations and bytes, whatever way the kernel goes.

A multiply-add is two operations; any other elementwise op, exp too, is one. Bytes are those of the arrays
that are read and of those that are written, each once; so an instruction that finds them in a cache, or a
convolution by Winograd's way, can be faster than its numbers seem to allow.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from autograd import kernels
from autograd.jit.expressions import steps_of
from autograd.jit.graph import MADE, Operand, Step, read_by
from autograd.jit.instructions import Instruction

__all__ = ["Work", "peak_bytes", "work"]


class Work(NamedTuple):
    """What an instruction has to do."""

    flops: float
    nbytes: float


def work(instruction: Instruction) -> Work:
    """FLOPs and bytes of an instruction."""
    count = FLOPS.get(instruction.kernel)
    return Work(float(count(instruction)) if count else 0.0, float(bytes_of(instruction)))


# Operations ----------------------------------------------------------------------------------------

FUSED = {  # operations of the ops that stand for several
    "copy": 0, "mul_add": 2, "mul_sub": 2, "sub_mul": 2, "mul_add_mul": 3, "mul_add_square": 4, "cube": 2,
    "sqrt_mul_add": 3, "exp_neg": 2, "where_lt": 2, "where_le": 2, "leaky_relu": 2, "clamp": 2, "rsqrt": 2,
}  # fmt: skip


def of_pass(instruction: Instruction) -> int:
    plan = instruction.args[0].buffer.array
    each = sum(FUSED.get(step.op, 1) for step in steps_of(plan))
    return int(each * instruction.args[-1].size)  # every output has the pass's shape


def of_product(instruction: Instruction) -> int:
    batch, m, n, k = instruction.sizes[:4]
    return batch * m * n * (2 * k + bool(instruction.sizes[12]))


def of_convolution(instruction: Instruction) -> int:
    n, c, _, _, k, r, s, p, q = instruction.sizes[:9]
    groups = instruction.sizes[15]
    biased = len(instruction.args) > 3 and instruction.args[3] is not None
    return n * k * p * q * (2 * (c // groups) * r * s + biased)


def of_pool(instruction: Instruction) -> int:
    planes, _, _, p, q, r, s = instruction.sizes[:7]
    return planes * p * q * r * s


def of_recurrent(instruction: Instruction) -> int:
    """The product with the weight (back: that of states, and that of the weight), and 5 for each gate."""
    kind, steps, batch, hidden, _, packed = instruction.sizes
    gates = (1, 1, 3, 4)[kind]
    back = instruction.kernel == kernels.RECURRENT_BACKWARD
    products = 1 + (instruction.args[10] is not None) if back else 1
    return int((packed or steps * batch) * hidden * (2 * gates * hidden * products + 5 * gates))


def of_attention(products: int) -> Callable[[Instruction], int]:
    """Of so many products with the scores, and 5 operations of a softmax for each."""

    def count(instruction: Instruction) -> int:
        outer, heads, queries, keys, e, width, causal = instruction.sizes[:7]
        scores = sum(min(keys, i + 1) for i in range(queries)) if causal else queries * keys
        return int(outer * heads * scores * (products * (e + width) + 5))

    return count


def each(count: int, arg: int = 0) -> Callable[[Instruction], int]:
    """So many operations for each element of an argument."""
    return lambda instruction: count * instruction.args[arg].size


def of_rows(count: int) -> Callable[[Instruction], int]:
    """So many operations for each parameter of an optimiser's table."""
    return lambda instruction: count * sum(x.size for x in instruction.args[1])


FLOPS: dict[int, Callable[[Instruction], int]] = {
    kernels.ELEMENTWISE: of_pass,
    kernels.GEMM: of_product,
    kernels.CONV2D: of_convolution,
    kernels.CONV2D_INPUT: of_convolution,
    kernels.CONV2D_WEIGHT: of_convolution,
    kernels.REDUCE: each(1),
    kernels.SOFTMAX: each(5),  # max, minus, exp, sum, times
    kernels.SOFTMAX_BACKWARD: each(4),
    kernels.CROSS_ENTROPY: each(4),
    kernels.CROSS_ENTROPY_BACKWARD: each(4),
    kernels.MAX_POOL: of_pool,
    kernels.AVG_POOL: of_pool,
    kernels.AVG_POOL_BACKWARD: of_pool,
    kernels.SCATTER_ADD: each(1, 2),
    kernels.BLOCK_SUMS: each(1, 1),
    kernels.STANDARDIZE: each(7),  # mean 1, variance 3, the result 3
    kernels.STANDARDIZE_BACKWARD: each(11),
    kernels.RECURRENT: of_recurrent,
    kernels.RECURRENT_BACKWARD: of_recurrent,
    kernels.ATTENTION: of_attention(2),
    kernels.ATTENTION_BACKWARD: of_attention(5),
    kernels.SGD: of_rows(4),
    kernels.ADAM: of_rows(12),
    kernels.RMSPROP: of_rows(8),
    kernels.CLIP_NORM: of_rows(3),
}

# Bytes ---------------------------------------------------------------------------------------------


def bytes_of(instruction: Instruction) -> int:
    """Of all arrays, each once, and once more those that are read and then written in place."""
    if instruction.kernel == kernels.GEMM:
        batch, m, n, k = instruction.sizes[:4]
        return int(batch * (m * k + k * n + m * n) * instruction.dtype.itemsize)
    if instruction.kernel == kernels.GATHER:
        return sum(map(extent, instruction.args[1:])) + extent(instruction.args[2])
    in_place = isinstance(instruction.source, Step) and instruction.source.in_place
    total = sum(extent(x) for x in dict.fromkeys(instruction.operands))
    if in_place and instruction.kernel != kernels.ELEMENTWISE:
        total += sum(extent(x) for x in dict.fromkeys(instruction.writes))
    if instruction.kernel == kernels.ELEMENTWISE:
        total -= extent(instruction.args[0])  # its plan
    return total


def extent(x: Operand) -> int:
    """Bytes of the elements that an operand has, those that are repeated once."""
    lengths = [n for n, stride in zip(x.shape, x.strides, strict=True) if stride]
    return math.prod(lengths) * x.dtype.itemsize


# What eager would hold -----------------------------------------------------------------------------


def peak_bytes(steps: Sequence[Step], kept: Iterable[Operand]) -> int:
    """The most that steps hold at a time if each array is freed after its last reader (`kept`: never). Run
    eagerly they hold this much or more: variables of Python live longer.

    >>> import numpy as np
    >>> from autograd.jit.graph import Memory
    >>> memory = Memory()
    >>> a, b, c = (memory.add(np.zeros(n), MADE) for n in (10, 100, 1))
    >>> peak_bytes([Step("exp", [], [a]), Step("outer", [a], [b]), Step("sum", [b], [c])], [c])
    880
    """
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    sizes: dict[int, int] = {}
    for place, step in enumerate(steps):
        for x in (*step.writes, *read_by(step)):
            if x.buffer.kind == MADE:
                first.setdefault(id(x.buffer), place)
                last[id(x.buffer)] = place
                sizes[id(x.buffer)] = x.buffer.nbytes
    last.update((id(x.buffer), len(steps)) for x in kept if id(x.buffer) in last)
    change = [0] * (len(steps) + 2)
    for key, nbytes in sizes.items():
        change[first[key]] += nbytes
        change[last[key] + 1] -= nbytes
    peak = held = 0
    for difference in change:
        held += difference
        peak = max(peak, held)
    return peak
