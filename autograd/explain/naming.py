"""Names for the values of a graph: those that were given, and v1, v2 ... for the rest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from autograd.explain.numbers import describe
from autograd.op import OutputPlan
from autograd.tape import Node, Value, storage

__all__ = ["Names", "part_name"]


def flatten(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Pairs of a name and a Value or array: lists give w[0], w[1]; dicts and modules layer.weight."""
    if isinstance(value, Value | np.ndarray):
        yield name, value
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from flatten(f"{name}.{key}" if name else str(key), part)
    elif isinstance(value, list | tuple):
        for i, part in enumerate(value):
            yield from flatten(f"{name}[{i}]", part)
    elif hasattr(value, "named_parameters"):
        yield from flatten(name, dict(value.named_parameters()))
    elif not isinstance(value, float | int | bool | None):  # plain numbers show themselves
        raise TypeError(
            f"explain: the name {name!r} is given to a {type(value).__name__}; name tensors, Scalars, "
            "modules, or lists and dicts of them"
        )


class Names:
    """What each node of a graph is called, and each array or number in it that wants no gradient."""

    def __init__(self, given: Mapping[str, Any], root: Node, nodes: Iterable[Node]) -> None:
        self.nodes: dict[Node, str] = {}
        self.data: dict[Node, Any] = {}  # of the leaves that were named
        # By identity; an object with two names (1.0 used twice) has none. Held, so that ids stay theirs.
        self.constants: dict[int, str] = {}
        self.held: list[Any] = []
        self.last: dict[str, int] = {}
        for name, value in flatten("", dict(given)):
            data = value.data if isinstance(value, Value) else value
            if isinstance(value, Value) and value.node is not None:
                self.nodes.setdefault(value.node, name)
                self.data[value.node] = data
            else:
                self.constants[id(data)] = "" if id(data) in self.constants else name
                self.held.append(data)
        self.used = {*self.nodes.values(), *self.constants.values()}
        if root not in self.nodes and root.plan is not None:
            self.nodes[root] = self.fresh("loss")
        for node in nodes:
            if node not in self.nodes:
                place = part_of(node)
                if place is not None:
                    self.nodes[node] = part_name(self.nodes[node.parents[0]], node, place)
                else:
                    self.nodes[node] = self.fresh("x1" if node.plan is None else "v1")

    def fresh(self, name: str) -> str:
        """`name`, or with the next number that is free."""
        stem = name.rstrip("0123456789")
        while name in self.used:
            self.last[stem] = self.last.get(stem, 1) + 1
            name = f"{stem}{self.last[stem]}"
        self.used.add(name)
        return name

    def view_of(self, data: np.ndarray) -> str:
        """What to call a view of an array that has a name: x flattened, say, or a batch out of it."""
        for held in self.held:
            if isinstance(held, np.ndarray) and storage(held) == storage(data):
                name = self.constants[id(held)]
                return f"{name}.view" if held.size == data.size else f"{name}[...]"
        return ""

    def constant(self, data: Any) -> str:
        """The name of an input that wants no gradient; "" for a plain number without one."""
        name = self.constants.get(id(data), "")
        if not name and isinstance(data, np.ndarray):
            name = describe(data, 1) if data.size == 1 else self.view_of(data) or self.fresh("c1")
            self.constants[id(data)] = name
            self.held.append(data)
        return name


def part_name(whole: str, node: Node, place: str) -> str:
    """What one output of an op of several is called: v2.index, or v2[1] where outputs have no names."""
    outputs = getattr(node.plan.op, "outputs", ())
    named = place.isdigit() and int(place) < len(outputs) and outputs[int(place)] != "*"
    return f"{whole}.{outputs[int(place)]}" if named else f"{whole}[{place}]"


def part_of(node: Node) -> str | None:
    """Which output of an op of several a node stands for ("?" once freed); None for any other node."""
    if not isinstance(node.plan, OutputPlan):
        return None
    return str(node.saved[0][0]) if node.saved else "?"
