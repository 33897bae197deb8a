"""Ops that are a composite of others and have kernels of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd import tape
from autograd.op import Op, Saved, alias, observe, record
from autograd.tape import RECORD, TRACE, Node, Value, mode

__all__ = ["JointPlan", "contiguous", "fused"]


def contiguous(x: np.ndarray, dtype: np.dtype[Any] | None = None) -> np.ndarray:
    """x as a kernel may save it: itself, or a C-contiguous copy (of another type), which traces write down."""
    if x.flags.c_contiguous and (dtype is None or x.dtype == dtype):
        return x
    if mode.word & TRACE:
        return mode.trace.copied(x, dtype)  # type: ignore[no-any-return]
    return np.ascontiguousarray(x, dtype)


class JointPlan:
    """The plan of an op whose rule gives the gradients of all inputs at once.

    `raw` and `graph` are None; the backward loop asks for `gradients`. Here `node.saved` is one tuple.
    """

    raw = graph = None

    def __init__(self, op: Any, gradients: Callable[[Node, Any, bool], Sequence[Any]]) -> None:
        self.op = op
        self.gradients = gradients

    def lift(self, node: Node) -> Saved | None:
        return node.saved


def fused(
    name: str,
    composite: Callable[..., Any],
    forward: Callable[..., tuple[np.ndarray, tuple[Any, ...]] | None],
    backward: Callable[..., Sequence[Any]],
    *,
    inputs: Sequence[str],
    shape: Callable[..., Any],
) -> Callable[..., Any]:
    """Define an op that is a composite of other ops and has kernels for it.

    composite   a function of ops: the meaning, and what is differentiated when a graph is wanted
    forward     (arrays..., *, attributes...) -> (output, saved), or None where no kernel fits
    backward    (g, saved, needs) -> a gradient per input, None for inputs not marked in `needs`
    """
    op = Op(name, composite, dict.fromkeys(inputs), shape=shape)
    op.fused = True
    count = len(inputs)

    def gradients(node: Node, g: Any, create_graph: bool) -> Sequence[Any]:
        *arrays, attributes, needs, saved = node.saved[0]  # type: ignore[index]
        if not create_graph:
            if mode.word & TRACE:
                result = mode.trace.fused_backward(op, backward, g.data, saved, needs)
            else:
                result = backward(g, saved, needs)
            return [gx for gx, need in zip(result, needs, strict=True) if need]
        parents = iter(node.parents)
        aliases = [
            alias(tape.wrap(x, next(parents))) if need else x for x, need in zip(arrays, needs, strict=True)
        ]
        out = composite(*aliases, **attributes)
        wanted = [x.node for x, need in zip(aliases, needs, strict=True) if need]
        found = tape.backpropagate([(out.node, g)], wanted, create_graph=True, retain_graph=True)
        return [found.get(node) for node in wanted]

    plan = JointPlan(op, gradients)

    def door(*values: Any, **attributes: Any) -> Any:
        values += (None,) * (count - len(values))
        arrays, nodes, wrapped = [], [], False
        for x in values:
            if isinstance(x, Value):
                arrays.append(x.data)
                nodes.append(x.node)
                wrapped = True
            else:
                arrays.append(x)
                nodes.append(None)
        tracing = wrapped and mode.word & TRACE
        whole = not tracing or mode.trace.knows(op, attributes)
        result = forward(*arrays, **attributes) if whole else None
        if result is None:
            return composite(*values, **attributes)
        out, saved = result
        if not wrapped:
            return out
        node = None
        parents = tuple([parent for parent in nodes if parent is not None])
        if parents and mode.word & RECORD:
            needs = tuple([parent is not None for parent in nodes])
            node = record(plan, parents, ((*arrays, attributes, needs, saved),), out)
        value = tape.wrap(out, node)
        if tracing:
            mode.trace.fused_forward(op, value, arrays, out, saved, attributes)
        if mode.word > RECORD:
            observe(op, node, (value,), arrays, (out,), attributes)
        return value

    door.__name__ = door.__qualname__ = name
    op.door = door
    return door
