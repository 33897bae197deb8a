"""What an instruction computes, in the words of the field: `conv2d 5x5 + bias + relu`, `sum over 0, 2, 3`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from autograd import kernels
from autograd.jit.fuse import Group
from autograd.jit.graph import Step, operands_in
from autograd.jit.instructions import ACTIVATIONS, LOWERED, REALS, Instruction, PythonCall

if TYPE_CHECKING:
    from autograd.jit.program import Program

__all__ = ["lines_of", "reason", "steps_of", "words"]

ACTIVATION = {number: name for name, number in ACTIVATIONS.items() if name is not None}
REDUCTION = ("sum", "max", "min", "product", "squares")
DRAWN = ("random words", "uniform numbers", "normal numbers", "dropout mask", "random integers")
PLAIN = {  # kernels that one name says all of
    kernels.EXTREME_BACKWARD: "max or min, gradient",
    kernels.SOFTMAX_BACKWARD: "softmax, gradient",
    kernels.CROSS_ENTROPY_BACKWARD: "cross entropy, gradient",
    kernels.MAX_POOL_BACKWARD: "max pool, gradient",
    kernels.MAX_POOL_SPREAD: "max pool, gradient",
    kernels.AVG_POOL_BACKWARD: "average pool, gradient",
}
# Where sizes stand, by csrc/kernels.h.
GEMM_BATCH, GEMM_BIAS, GEMM_ADDS, GEMM_ACTIVATION = 0, 12, 13, 14
CONV_KERNEL, CONV_STRIDE, CONV_DILATION, CONV_GROUPS, CONV_ACTIVATION = 5, 9, 13, 15, 17
NORM_ACTIVATION = 6
ATTENTION_CAUSAL = 6


def words(instruction: Instruction | PythonCall, program: Program | None = None) -> str:
    """What it computes, in a few words."""
    if isinstance(instruction, PythonCall):
        return f"Python: {instruction.step.op}"
    kernel, source = instruction.kernel, instruction.source
    if kernel == kernels.ELEMENTWISE:
        return elementwise(source)
    step = source if isinstance(source, Step) else source.steps[0]
    if kernel in PLAIN:
        return PLAIN[kernel]
    if kernel in FAMILIES:
        return FAMILIES[kernel](instruction, step)
    if instruction.update is not None:
        return optimizer(instruction, program)
    return spoken(step.op)


def spoken(op: str) -> str:
    return op.replace("_", " ")


def elementwise(source: Step | Group) -> str:
    if isinstance(source, Step):
        return source.op if source.op in ("copy", "cast", "assign") else f"copy, for {spoken(source.op)}"
    return "elementwise" if len(source.steps) == 1 else f"elementwise, {len(source.steps)} steps"


def product(instruction: Instruction, step: Step) -> str:
    sizes = instruction.sizes
    text = {"conv2d_bias": "conv2d"}.get(step.op, step.op)
    if text.startswith("conv2d"):
        text = f"{spoken(text)} as product"
    if sizes[GEMM_BATCH] > 1:
        text += f", {sizes[GEMM_BATCH]} at once"
    if sizes[GEMM_BIAS]:
        text += " + bias"
    if sizes[GEMM_ADDS]:
        text += ", added"
    return text + activation(sizes[GEMM_ACTIVATION])


def activation(number: int) -> str:
    return f" + {ACTIVATION[number]}" if number in ACTIVATION else ""


def convolution(instruction: Instruction, step: Step) -> str:
    sizes = instruction.sizes
    text = "conv2d " + pair(sizes, CONV_KERNEL, "x")
    for name, place in (("stride", CONV_STRIDE), ("dilation", CONV_DILATION)):
        if tuple(sizes[place : place + 2]) != (1, 1):
            text += f", {name} {pair(sizes, place, 'x')}"
    if sizes[CONV_GROUPS] > 1:
        text += f", {sizes[CONV_GROUPS]} groups"
    if instruction.kernel == kernels.CONV2D_INPUT:
        return text + " (gradient of input)"
    if instruction.kernel == kernels.CONV2D_WEIGHT:
        return text + " (gradient of weight)"
    if len(instruction.args) > 3 and instruction.args[3] is not None:
        text += " + bias"
    return text + activation(sizes[CONV_ACTIVATION])


def pair(sizes: Any, place: int, between: str) -> str:
    return f"{sizes[place]}{between}{sizes[place + 1]}"


def reduction(instruction: Instruction, step: Step) -> str:
    kind = REDUCTION[instruction.sizes[0]]
    if step.op in ("sum", "mean", "amax", "amin"):
        dims = ", ".join(map(str, step.attributes["dims"]))
        return f"{'mean' if step.op == 'mean' else kind} over {dims}"
    return f"{kind}, of {spoken(step.op)}"


def pool(instruction: Instruction, step: Step) -> str:
    name = "max pool" if instruction.kernel == kernels.MAX_POOL else "average pool"
    text = f"{name} {pair(instruction.sizes, 5, 'x')}"
    if instruction.sizes[5:7] != instruction.sizes[7:9]:
        text += f", stride {pair(instruction.sizes, 7, 'x')}"
    return text


def optimizer(instruction: Instruction, program: Program | None) -> str:
    name = kernels.KERNEL_NAMES[instruction.kernel]
    for entry in program.host if program is not None else ():
        if entry[0] == "update" and entry[1] is instruction.update:
            name = type(entry[2]).__name__
    return f"{name}, {counted(instruction.sizes[0], 'parameter')}"


def counted(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def draw(instruction: Instruction, step: Step) -> str:
    kind = instruction.sizes[0]
    return DRAWN[kind] + (f", keep {instruction.values[0]:.3g}" if kind == 3 else "")


def norm(instruction: Instruction, step: Step) -> str:
    act = ACTIVATION.get(dict(enumerate(instruction.sizes)).get(NORM_ACTIVATION, 0))
    if instruction.kernel == kernels.STANDARDIZE_BACKWARD:
        return f"{spoken(act)} and norm, gradient" if act else "norm, gradient"
    return f"{step.attributes.get('kind', '')} norm".strip() + (f" + {spoken(act)}" if act else "")


def recurrent(instruction: Instruction, step: Step) -> str:
    back = instruction.kernel == kernels.RECURRENT_BACKWARD
    name = spoken(step.op.removesuffix("_backward"))
    text = f"{name}, {counted(instruction.sizes[1], 'step')}"
    return text + (", gradient" if back else ", reversed" if instruction.sizes[4] else "")


def attention(instruction: Instruction, step: Step) -> str:
    back = ", gradient" if instruction.kernel == kernels.ATTENTION_BACKWARD else ""
    mask = " + mask" if instruction.args[3] is not None else ""
    return ("causal " if instruction.sizes[ATTENTION_CAUSAL] else "") + "attention" + mask + back


FAMILIES: dict[int, Callable[[Instruction, Step], str]] = {
    kernels.GEMM: product,
    kernels.CONV2D: convolution,
    kernels.CONV2D_INPUT: convolution,
    kernels.CONV2D_WEIGHT: convolution,
    kernels.REDUCE: reduction,
    kernels.MAX_POOL: pool,
    kernels.AVG_POOL: pool,
    kernels.RANDOM: draw,
    kernels.STANDARDIZE: norm,
    kernels.STANDARDIZE_BACKWARD: norm,
    kernels.RECURRENT: recurrent,
    kernels.RECURRENT_BACKWARD: recurrent,
    kernels.ATTENTION: attention,
    kernels.ATTENTION_BACKWARD: attention,
    kernels.CLIP_NORM: lambda instruction, step: f"clip gradients to norm {instruction.values[0]:.3g}",
    kernels.CAST: lambda instruction, step: "cast",
    kernels.COUNT: lambda instruction, step: f"count {instruction.sizes[1]:+d}",
    kernels.CROSS_ENTROPY: lambda instruction, step: f"cross entropy, {step.attributes.get('reduction')}",
}


def reason(call: PythonCall) -> str:
    """Why a step runs in Python.

    >>> import autograd
    >>> reason(PythonCall(Step("cumsum", [], [])))
    'no kernel for this op'
    """
    step = call.step
    operands = [*operands_in(step.reads), *step.writes]
    if any(not x.size for x in operands):
        return "an empty array"
    others = {str(x.dtype) for x in operands if x.dtype not in REALS}
    known = step.op in LOWERED or getattr(step.record, "meaning", None) is not None
    if not known:
        return "no kernel for this op"
    return f"no kernel for {', '.join(sorted(others))}" if others else "no kernel for this layout"


def lines_of(instruction: Instruction | PythonCall) -> list[str]:
    """The lines that its steps were captured at, as file:line, each once."""
    return list(dict.fromkeys(place(x.where) for x in steps_of(instruction)))


def place(where: str) -> str:
    """
    >>> place("/home/me/train.py:12"), place("<doctest jit.md[3]>:5")
    ('train.py:12', 'jit.md:5')
    """
    where = re.sub(r"^<doctest (.*)\[\d+\]>", r"\1", where)
    return where.replace("\\", "/").rsplit("/", 1)[-1]


def steps_of(instruction: Instruction | PythonCall) -> list[Step]:
    """The steps that an instruction stands for."""
    source = instruction.step if isinstance(instruction, PythonCall) else instruction.source
    return source.steps if isinstance(source, Group) else [source]
