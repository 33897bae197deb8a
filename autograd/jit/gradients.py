"""Derivatives that the kernels compute in one step: those of ops that have an opcode NAME_gradient.

A rule is written in ops, which a trace writes down one by one; silu's takes five. Here they are the one step
that they are in an eager backward pass too (accelerated.rule).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd import tape
from autograd.op import Op, Plan
from autograd.program import OPCODES
from autograd.tape import Value

__all__ = ["GradientOp", "rules_of"]


class GradientOp:
    """(g, x) -> g times the derivative of an op at x: what a step's `record` has to tell."""

    fused = False

    def __init__(self, op: Op) -> None:
        self.name = op.name + "_gradient"
        self.forward: Callable[..., Any] = op.raw_rules[op.inputs[0]]

    def meaning(self, g: Any, x: Any) -> Any:
        """As a function of symbols."""
        return g.__apply_op__(self.name, (g, x))

    def rule(self, g: Any, x: Any) -> Any:
        """The op's rule on traced tensors."""
        out = self.forward(g.data, x.data)
        value = tape.wrap(out, None)
        tape.mode.trace.record(self, (value,), (g.data, x.data), (out,), {})
        return value


known: dict[str, GradientOp | None] = {}


def gradient_op(op: Op) -> GradientOp | None:
    if op.name not in known:
        single = op.name + "_gradient" in OPCODES and len(op.rules) == 1
        known[op.name] = GradientOp(op) if single else None
    return known[op.name]


def rules_of(plan: Any) -> Sequence[Callable[..., Any]] | None:
    """The rules of a plan as a trace goes through them."""
    found = gradient_op(plan.op) if isinstance(plan, Plan) else None
    if found is None:
        return plan.graph  # type: ignore[no-any-return]
    (rule,) = plan.graph

    def traced(g: Any, x: Any) -> Any:
        tensors = isinstance(g, Value) and isinstance(x, Value) and x.data.__class__ is np.ndarray
        return found.rule(g, x) if tensors and g.shape == x.shape else rule(g, x)

    return (traced,)
