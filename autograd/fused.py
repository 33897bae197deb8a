"""Ops that are a composite of others and have kernels of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd import tape
from autograd.op import Op, Saved, alias, observe, output_node, record
from autograd.tape import RECORD, TRACE, Node, Value, mode

__all__ = ["JointPlan", "contiguous", "fused"]


def contiguous(x: np.ndarray, dtype: np.dtype[Any] | None = None) -> np.ndarray:
    """x as a kernel may save it: itself, or a C-contiguous copy (of another type), as a step of a trace."""
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
    outputs: Sequence[str] = ("z",),
    constant: Sequence[str] = (),
) -> Callable[..., Any]:
    """Define an op that is a composite of other ops and has kernels for it.

    composite   a function of ops: the meaning, and what is differentiated when a graph is wanted
    forward     (arrays..., *, attributes...) -> (output, saved), or None where no kernel fits
    backward    (g, saved, needs) -> a gradient per input, None for inputs not marked in `needs`
    constant    inputs whose gradient the kernels don't give: where it is wanted, the composite runs

    With several `outputs`, composite and forward give a tuple of them, and `g` is a list with a gradient for
    each, None for those that took no part.
    """
    op = Op(name, composite, dict.fromkeys(inputs), shape=shape, outputs=outputs)
    op.fused = True
    several = op.several
    count = len(inputs)
    fixed = [inputs.index(name) for name in constant]

    def gradients(node: Node, g: Any, create_graph: bool) -> Sequence[Any]:
        *arrays, attributes, needs, saved = node.saved[0]  # type: ignore[index]
        if not create_graph:
            given = [g.get(i) for i in range(len(outputs))] if several else g
            if mode.word & TRACE:
                result = mode.trace.fused_backward(op, backward, given, saved, needs)
            else:
                result = backward(given, saved, needs)
            return [gx for gx, need in zip(result, needs, strict=True) if need]
        parents = iter(node.parents)
        aliases = [
            alias(tape.wrap(x, next(parents))) if need else x for x, need in zip(arrays, needs, strict=True)
        ]
        out = composite(*aliases, **attributes)
        wanted = [x.node for x, need in zip(aliases, needs, strict=True) if need]
        seeds = [(out[i].node, gz) for i, gz in g.items()] if several else [(out.node, g)]
        found = tape.backpropagate(seeds, wanted, create_graph=True, retain_graph=True)
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
        if fixed and mode.word & RECORD and any(nodes[i] is not None for i in fixed):
            whole = False
        result = forward(*arrays, **attributes) if whole else None
        if result is None:
            return composite(*values, **attributes)
        out, saved = result
        if not wrapped:
            return out
        outs: Any = out if several else (out,)
        node = None
        parents = tuple([parent for parent in nodes if parent is not None])
        if parents and mode.word & RECORD:
            needs = tuple([parent is not None for parent in nodes])
            node = record(plan, parents, ((*arrays, attributes, needs, saved),), outs[0])
        if several and node is not None:
            node.shape = None  # its gradient is a Parts
            results = tuple([tape.wrap(x, output_node(node, i, x)) for i, x in enumerate(outs)])
        else:
            results = tuple([tape.wrap(x, node) for x in outs])
        if tracing:
            mode.trace.fused_forward(op, arrays, outs, saved, attributes)
        if mode.word > RECORD:
            observe(op, node, results, arrays, outs, attributes)
        return results if several else results[0]

    door.__name__ = door.__qualname__ = name
    op.door = door
    return door
