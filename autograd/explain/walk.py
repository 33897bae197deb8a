"""One forward and one backward pass, walked and written down step by step."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

import numpy as np

from autograd import gradients, tape
from autograd.explain.naming import Names, part_name
from autograd.explain.numbers import operand
from autograd.explain.records import Backward, Forward, Named, Step, Steps
from autograd.explain.rules import formula, rule_text
from autograd.explain.traverse import (
    Flow,
    ancestors,
    data_of,
    flows,
    input_places,
    is_part,
    place_of,
    rule_of,
    summed_dims,
)  # fmt: skip
from autograd.tape import Node, Value

__all__ = ["Book", "steps"]


def steps(loss: Value, names: Mapping[str, Any] | None = None, /, **more: Any) -> Steps:
    """Every step of the computation of `loss`, and of the backward pass from it, with its numbers.

    loss    a Scalar, or a Tensor of one element made inside `with autograd.explain.watching():`
    names   what values are called: {"w": w}, or as keywords; lists, dicts and modules name their parts

    The graph stays as it is: no `.grad` is touched, nothing is freed, hooks are not called. Arrays in the
    steps are copies. Raises RuntimeError if the graph was freed by backward(), or if the numbers of a
    Tensor's graph were not kept.

    >>> from autograd import Scalar, explain
    >>> a, b = Scalar(2.0), Scalar(-3.0)
    >>> print(explain.steps(a * b + a, a=a, b=b))
    forward
    1. v1 = a * b = 2 * (-3) = -6
    2. loss = v1 + a = (-6) + 2 = -4
    backward, from d loss/d loss = 1
    3. add -> v1:  g = 1
    4. add -> a:  g = 1
    5. mul -> a:  g * y = 1 * (-3) = -3,  added up: 1 + (-3) = -2
    6. mul -> b:  g * x = 1 * 2 = 2
    """
    ((root, seed),) = gradients.seeds("explain.steps", (loss,), None, False)
    nodes = ancestors(root)
    for node in nodes:
        if node.plan is not None and node.values is None and not is_part(node):
            raise RuntimeError(
                f"explain.steps: the numbers of {node.plan.op.name} were not kept; compute the loss inside "
                "'with autograd.explain.watching():' (Scalars always keep theirs)"
            )
    book = Book(names, more, root, nodes)
    found: list[Step] = [
        book.forward(i, node) for i, node in enumerate((n for n in nodes if n.values and n.plan), 1)
    ]
    for flow in flows("explain.steps", root, seed):
        if not is_part(flow.node):
            found.append(book.backward(len(found) + 1, flow))
    return Steps(found, book.named(root), seed)


class Book:
    """The names and the numbers of one graph, and how its steps are written down."""

    def __init__(
        self, names: Mapping[str, Any] | None, more: Mapping[str, Any], root: Node, nodes: list[Node]
    ) -> None:
        self.nodes = nodes
        self.names = Names({**(names or {}), **more}, root, nodes)
        self.data = data_of(nodes, self.names.data)
        self.loss = self.names.nodes[root]
        self.copies: dict[int, tuple[Any, Any]] = {}  # id -> (original, which keeps the id taken; copy)

    def copied(self, value: Any) -> Any:
        """An array as it is now: optimisers write into theirs."""
        if not isinstance(value, np.ndarray):
            return value
        if id(value) not in self.copies:
            self.copies[id(value)] = value, value.copy()
        return self.copies[id(value)][1]

    def named(self, node: Node) -> Named:
        return Named(self.names.nodes[node], self.copied(self.data.get(node)))

    def inputs(self, node: Node) -> tuple[Named, ...]:
        """Every input of a node's op; those without a gradient are "…" where numbers were not kept."""
        places = input_places(node)
        if len(places) != len(node.parents):
            return tuple(map(self.named, node.parents))
        parents = dict(zip(places, node.parents, strict=True))
        if node.values is None:
            count = max(places, default=-1) + 1
            return tuple(self.named(parents[i]) if i in parents else Named("…", None) for i in range(count))
        return tuple(
            self.named(parents[i]) if i in parents else Named(self.names.constant(x), self.copied(x))
            for i, x in enumerate(node.values[0])
            if x is not None
        )

    def outputs(self, node: Node) -> tuple[Named, ...]:
        value = self.data[node]
        if not isinstance(value, tuple):
            return (self.named(node),)
        name = self.names.nodes[node]
        parts = {place_of(n): n for n in self.nodes if is_part(n) and n.parents == (node,) and n.saved}
        return tuple(
            self.named(parts[i]) if i in parts else Named(part_name(name, node, str(i)), self.copied(x))
            for i, x in enumerate(value)
        )

    def forward(self, place: int, node: Node) -> Forward:
        for value in (*node.values[0], node.values[1]):  # type: ignore[index]
            if isinstance(value, np.ndarray) and tape.writes.get(tape.storage(value), 0) > node.serial:
                raise RuntimeError(
                    f"explain.steps: an array of {node.plan.op.name} was written in place since the "
                    "forward pass; explain before the write (the optimiser's step, say)"
                )
        return Forward(place, node.plan.op.name, self.inputs(node), self.outputs(node))

    def backward(self, place: int, flow: Flow) -> Backward:
        node, rule = flow.node, rule_of(flow.node, flow.place)
        saved = {p: self.kept(node, kind, which, value) for p, (kind, which, value) in flow.kept.items()}
        incoming = flow.incoming
        if isinstance(incoming, dict):  # a gradient per output, zeros for those that nothing used
            incoming = [
                self.copied(incoming[i]) if i in incoming else np.zeros_like(x.value)
                for i, x in enumerate(self.outputs(node))
            ]
        unsummed = getattr(flow.unsummed, "shape", None)
        return Backward(
            place,
            node.plan.op.name,
            loss=self.loss,
            output=self.named(node),
            input=self.named(flow.parent),
            rule=joint_text(node) if rule is None else rule_text(rule),
            filled=filled(rule, flow.incoming, saved),
            saved=saved,
            incoming=self.copied(incoming),
            result=self.copied(flow.result),
            summed=() if unsummed is None else summed_dims(unsummed, flow.parent.shape),
            before=self.copied(flow.before),
            total=self.copied(flow.total),
        )

    def kept(self, node: Node, kind: str, which: Any, value: Any) -> Named:
        """A value that a rule used, with the name that it has in the graph."""
        name = ""
        if kind == "input":
            name = self.inputs(node)[which].name
        elif kind == "output":
            name = self.outputs(node)[which].name
        return Named(name, self.copied(value))


def joint_text(node: Node) -> str:
    """The rule of a plan that gives the gradients of all inputs at once."""
    name = node.plan.op.name
    return f"{name}.backward(ctx, g)" if isinstance(node.plan.op, type) else f"the backward kernel of {name}"


def filled(rule: Any, incoming: Any, saved: Mapping[str, Named]) -> str:
    """A rule with its numbers in place of its names; "" where they are arrays."""
    numbers = [incoming, *(x.value for x in saved.values())]
    if rule is None or not all(isinstance(x, float | int) for x in numbers):
        return ""
    tree = formula(rule, {"g": operand(incoming)} | {p: operand(x.value) for p, x in saved.items()})
    return "" if tree is None else ast.unparse(tree)
