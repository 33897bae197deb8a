"""The graph behind a value, and the backward loop run over it slowly, with everything noted.

Nothing here disturbs the graph: rules run on raw arrays, `.grad` is left alone, nothing is freed, hooks
(which are the user's code) are not called.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush
from typing import Any

from autograd import tape
from autograd.fused import JointPlan
from autograd.op import OutputPlan, Plan, rule_parameters
from autograd.tape import Node, no_grad

__all__ = ["Flow", "ancestors", "flows", "input_places", "rule_of"]


def ancestors(root: Node) -> list[Node]:
    """`root` and every node it was computed from, oldest first."""
    seen, stack = {root}, [root]
    while stack:
        for parent in stack.pop().parents:
            if parent not in seen:
                seen.add(parent)
                stack.append(parent)
    return sorted(seen, key=lambda node: node.serial)


def input_places(node: Node) -> list[int]:
    """For each parent of a node, which input of its op it was; [] where that is not known any more."""
    if isinstance(node.plan, Plan):
        return list(node.plan.places)
    if isinstance(node.plan, JointPlan):  # keeps which inputs need a gradient among what it saved
        for entry in node.saved[0] if node.saved else ():
            if isinstance(entry, tuple) and entry and all(isinstance(need, bool) for need in entry):
                return [i for i, need in enumerate(entry) if need]
        return []
    return list(range(len(node.parents)))


def rule_of(node: Node, place: int) -> Any:
    """The rule that takes a node's gradient back to the input at `place`; None for a joint plan."""
    if not isinstance(node.plan, Plan):
        return None
    op = node.plan.op
    return op.rules["*" if op.variadic else op.inputs[place]]


def kept_for(node: Node, parent: int, rule: Any) -> dict[str, tuple[str, Any, Any]]:
    """What a rule is given besides the gradient: parameter -> (kind, which, value)."""
    parameters = rule_parameters(rule)[1:]
    entries = list(zip(node.plan.names[parent], node.saved[parent], strict=True))  # type: ignore[index]
    entries = entries[len(entries) - len(parameters) :]  # the shapes of several outputs stand first
    return {p: (kind, which, value) for p, ((kind, which), value) in zip(parameters, entries, strict=True)}


class Flow:
    """One gradient on its way back: from a node, through one rule, into one parent."""

    __slots__ = (
        "node", "parent", "place", "rule", "incoming", "kept", "unsummed", "result", "before", "total",
    )  # fmt: skip
    node: Node
    parent: Node
    place: int
    rule: Any
    incoming: Any
    kept: dict[str, tuple[str, Any, Any]]
    unsummed: Any
    result: Any
    before: Any
    total: Any


def flows(name: str, root: Node, seed: Any) -> Iterator[Flow]:
    """Every flow of the backward pass from `root`, in the order of tape.backpropagate."""
    grads, heap = {root: seed}, [(-root.serial, root)]
    with no_grad():
        while heap:
            node = heappop(heap)[1]
            g, plan = grads.pop(node), node.plan
            if plan is None:
                continue
            if node.saved is None:
                raise RuntimeError(
                    f"{name}: what {plan.op.name} had saved was freed by backward(); explain before it, or "
                    "call backward(retain_graph=True)"
                )
            tape.refuse_stale(node)
            if plan.raw is None:
                results = list(plan.gradients(node, g, False))
            else:
                results = [rule(g, *kept) for rule, kept in zip(plan.raw, node.saved, strict=True)]
            for k, (parent, place, result) in enumerate(
                zip(node.parents, input_places(node), results, strict=True)
            ):
                flow = Flow()
                flow.node, flow.parent, flow.place = node, parent, place
                flow.rule = rule_of(node, place)
                flow.incoming = g
                flow.kept = {} if flow.rule is None else kept_for(node, k, flow.rule)
                flow.unsummed = flow.result = result
                if flow.result is None:
                    continue
                if parent.shape is not None and flow.result.shape != parent.shape:
                    flow.result = tape.unbroadcast(flow.result, parent.shape)
                flow.before = grads.get(parent)
                flow.total = flow.result if flow.before is None else flow.before + flow.result
                if parent not in grads:
                    heappush(heap, (-parent.serial, parent))
                grads[parent] = flow.total
                yield flow


def summed_dims(shape: tuple[int, ...], into: tuple[int, ...] | None) -> tuple[int, ...]:
    """Over which dims a gradient of `shape` was summed to become one of shape `into`."""
    if into is None or shape == into:
        return ()
    extra = len(shape) - len(into)
    return tuple(d for d in range(len(shape)) if d < extra or (into[d - extra] == 1 and shape[d] != 1))


def is_part(node: Node) -> bool:
    """Whether a node stands for one output of an op of several."""
    return isinstance(node.plan, OutputPlan)


def place_of(part: Node) -> int:
    """Which output a part is."""
    return int(part.saved[0][0])  # type: ignore[index]


def data_of(nodes: list[Node], named: dict[Node, Any]) -> dict[Node, Any]:
    """The number or array of each node, as far as they were kept."""
    data = dict(named)
    for node in nodes:
        if node.values is None:
            continue
        inputs, output = node.values
        data[node] = output
        for parent, place in zip(node.parents, input_places(node), strict=False):
            data.setdefault(parent, inputs[place])
    for node in nodes:  # the outputs of an op of several: its value is all of them together
        if is_part(node) and node not in data and node.saved and isinstance(data.get(node.parents[0]), tuple):
            data[node] = data[node.parents[0]][place_of(node)]
    return data
