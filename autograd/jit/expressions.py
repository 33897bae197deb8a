"""An elementwise pass as expressions: what the kernel's plan says, the way a person would write it.

The plan is the array that the kernel itself reads (csrc/kernels.h, KG_ELEMENTWISE), so a listing can't say
anything else than what runs.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd import kernels

__all__ = ["PassStep", "expressions", "steps_of"]

FIRST_OPERAND, FIRST_VALUE = 16, 32  # slots: registers, then operands, then values
HEAD, OPERAND, STEP, DIMS = 12, 7, 6, 6  # words of the plan

# How each op of csrc/ops.def is written; those not here are functions of their arguments.
WRITTEN = {
    "copy": "{0}", "add": "{0} + {1}", "sub": "{0} - {1}", "mul": "{0} * {1}", "div": "{0} / {1}",
    "pow": "{0} ** {1}", "neg": "-{0}", "cube": "{0} ** 3", "rsqrt": "1 / sqrt({0})",
    "eq": "{0} == {1}", "ne": "{0} != {1}", "lt": "{0} < {1}", "le": "{0} <= {1}", "gt": "{0} > {1}",
    "ge": "{0} >= {1}", "logical_not": "~{0}", "logical_and": "{0} & {1}", "logical_or": "{0} | {1}",
    "mul_add": "{0} * {1} + {2}", "mul_sub": "{0} * {1} - {2}", "sub_mul": "{2} - {0} * {1}",
    "mul_add_mul": "{0} * {1} + {2} * {3}", "mul_add_square": "{0} * {1} + {2} ** 2 * {3}",
    "sqrt_mul_add": "sqrt({0} * {1}) + {2}", "exp_neg": "exp(-{0})",
    "where_lt": "where({0} < {1}, {2}, {3})", "where_le": "where({0} <= {1}, {2}, {3})",
}  # fmt: skip
UNARY = frozenset(
    "abs sign sqrt exp log log1p expm1 sin cos tanh sigmoid erf softplus silu gelu relu".split()
    + "floor ceil round".split()
)
ARGUMENTS = {"where": 3, "clamp": 3}  # of functions with neither one argument nor two


class PassStep(NamedTuple):
    """One op of a pass: slots as csrc/kernels.h numbers them."""

    op: str
    out: int
    reads: tuple[int, ...]


def arguments_of(op: str) -> int:
    if op in WRITTEN:
        return 1 + max(int(n) for n in re.findall(r"{(\d)", WRITTEN[op]))
    return 1 if op in UNARY else ARGUMENTS.get(op, 2)


def steps_of(plan: np.ndarray[Any, Any]) -> Iterator[PassStep]:
    """The steps that a plan holds."""
    ops = kernels.elementwise_ops()
    count, inputs, outputs = (int(n) for n in plan[:3])
    start = HEAD + OPERAND * (inputs + outputs)
    for words in plan[start : start + STEP * count].reshape(count, STEP).tolist():
        op = ops[words[0]]
        yield PassStep(op, words[1], tuple(words[2 : 2 + arguments_of(op)]))


def expressions(
    plan: np.ndarray[Any, Any], values: Sequence[float], names: Sequence[str]
) -> list[tuple[str, str]]:
    """(name, expression) of each output, and before them of what is used more than once.

    `names` are those of inputs and outputs, in the order of the kernel's arguments.

    >>> from autograd.program import Program
    >>> rule = Program.trace(lambda g, z: g * (1 - z * z), inputs=2)
    >>> plan = rule.plan_anyway([np.ones(2), np.ones(2)])
    >>> expressions(plan.code, rule.constants, ["g", "z", "dx"])
    [('dx', 'g * (1 - z * z)')]
    """
    inputs = int(plan[1])
    current: dict[int, int] = {}  # slot: the step that wrote it last
    steps: list[tuple[PassStep, list[Any]]] = []  # with what is read: a place in this list, or a text
    uses: dict[int, int] = {}
    for step in steps_of(plan):
        reads: list[Any] = []
        for slot in step.reads:
            if slot in current:
                reads.append(current[slot])
                uses[current[slot]] = uses.get(current[slot], 0) + 1
            elif slot >= FIRST_VALUE:
                reads.append(number(values[slot - FIRST_VALUE]))
            else:
                reads.append(f"v_{slot - FIRST_OPERAND}_")
        current[step.out] = len(steps)
        steps.append((step, reads))
    lines: list[tuple[str, str]] = []
    texts: dict[int, str] = {}
    registers = 0
    named = spelled(names)
    for place, (step, reads) in enumerate(steps):
        text = written(step.op, [texts[x] if x.__class__ is int else x for x in reads])
        target = step.out - FIRST_OPERAND
        if target >= inputs:
            lines.append((names[target], named(text)))
            texts[place] = f"v_{target}_"
        elif uses.get(place, 0) > 1:
            texts[place] = f"r{registers}"
            lines.append((texts[place], named(text)))
            registers += 1
        else:
            texts[place] = f"({text})"
    return lines


def written(op: str, reads: Sequence[str]) -> str:
    """An op on texts. Brackets are put everywhere, and the parser takes away those that say nothing."""
    form = WRITTEN.get(op) or f"{op}({', '.join(f'{{{i}}}' for i in range(len(reads)))})"
    return ast.unparse(ast.parse(form.format(*reads), mode="eval"))


def number(x: float) -> str:
    text = f"{x:.6g}"  # inf and nan are names to the parser, and may stay so
    return f"({text})" if text[0] == "-" else text


def spelled(names: Sequence[str]) -> Callable[[str], str]:
    """Put the operands' names, which need not be Python's, in their places."""

    def put(text: str) -> str:
        return re.sub(r"v_(\d+)_", lambda found: names[int(found[1])], text)

    return put
