"""The op record, the registry, and the one door through which every computation passes.

A record says all there is to know of an op: its reference forward (NumPy), its form for plain numbers,
its shape rule, and one gradient rule per input. A rule's parameter names say what the tape must keep:

    g                 the gradient of the output (`gs`: of each output, for ops that have several); first
    an input's name   that input;  `z` the output (or an output's name)
    NAME_shape        an input's shape,  NAME_dtype its type: neither keeps the array
    an attribute      `dim`, `stride` ...;  `i` the input's place in an op of any number of inputs

Rules are written in ops, which take raw arrays and numbers as well as Tensors and Scalars and give back
the kind they were given. So the same rule runs on raw arrays when no graph is wanted, and can itself be
differentiated when one is.

Elementwise ops are defined through autograd/doors.py, fused ones through autograd/fused.py; `operation`
here makes the door of every other op.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd import tape
from autograd.tape import ANOMALY, FACES, RECORD, TRACE, WATCH, Node, Value, mode, next_serial

__all__ = ["REGISTRY", "Op", "Plan", "alias", "cast", "operation"]

Rule = Callable[..., Any]
NOTHING: dict[str, Any] = {}
Saved = tuple[tuple[Any, ...], ...]

REGISTRY: dict[str, Op] = {}


class Op:
    """The record of an op. `why` says why an op without rules has no derivative."""

    def __init__(
        self,
        name: str,
        forward: Callable[..., Any],
        rules: dict[str, Rule | None],
        *,
        shape: Callable[..., Any] | None = None,
        number: Callable[..., Any] | None = None,
        outputs: Sequence[str] = ("z",),
        raw_rules: dict[str, Rule] | None = None,
        why: str = "",
    ) -> None:
        if name in REGISTRY:
            raise ValueError(f"op {name!r} is defined twice")
        parameters = inspect.signature(forward).parameters if not isinstance(forward, np.ufunc) else {}
        self.name = name
        self.forward = forward
        self.number = number
        self.rules = rules
        self.raw_rules = raw_rules or {}
        self.inputs = tuple(rules)
        self.variadic = self.inputs == ("*",)
        self.attributes = tuple(
            p for p, kind in parameters.items() if kind.kind is inspect.Parameter.KEYWORD_ONLY
        )
        self.outputs = tuple(outputs)
        self.shape = shape
        self.several = self.outputs != ("z",)
        self.why = why
        self.meaning: Callable[..., Any] | None = None  # of elementwise ops, as a function of symbols
        self.fused = False  # has no rules of its own: its composite is differentiated
        self.plans: dict[Any, Plan] = {}
        self.door: Callable[..., Any]
        self.numbers: Callable[..., Any]  # the door for Python numbers, of elementwise ops
        for rule in (*rules.values(), *self.raw_rules.values()):
            for parameter in rule_parameters(rule):
                self.locate(parameter)
        REGISTRY[name] = self

    def __repr__(self) -> str:
        return f"<op {self.name}({', '.join(self.inputs + self.attributes)})>"

    def locate(self, parameter: str) -> tuple[str, Any]:
        """Where a rule's parameter comes from, as (kind, which)."""
        if parameter in ("g", "gs"):
            return "gradient", parameter
        if parameter == "i" and self.variadic:
            return "place", None
        if parameter == "shapes" and self.variadic:
            return "shapes", None
        if parameter in self.attributes:
            return "attribute", parameter
        if parameter in self.inputs:
            return "input", self.inputs.index(parameter)
        if parameter in self.outputs:
            return "output", self.outputs.index(parameter)
        stem, _, what = parameter.rpartition("_")
        if what in ("shape", "dtype") and stem in self.inputs:
            return what, self.inputs.index(stem)
        raise NameError(
            f"op {self.name}: a rule names {parameter!r}, which is neither an input {self.inputs}, an "
            f"output {self.outputs}, an attribute {self.attributes}, nor NAME_shape or NAME_dtype"
        )

    def plan(self, needs: tuple[bool, ...]) -> Plan:
        """The plan for inputs of which those marked in `needs` want a gradient."""
        plan = self.plans.get(needs)
        if plan is None:
            plan = self.plans[needs] = Plan(self, needs)
        return plan


def rule_parameters(rule: Rule | None) -> tuple[str, ...]:
    return tuple(inspect.signature(rule).parameters) if rule is not None else ()


class Plan:
    """How the gradient of an op's output becomes gradients of the inputs that need one.

    raw, graph   a rule per parent, called as rule(g, *saved); `raw` for plain arrays (may run kernels),
                 `graph` for Values (recorded, can be differentiated again)
    names        per parent, where its rule's saved arguments come from: (kind, which) of Op.locate
    keep         (inputs, outputs, attributes) -> what each rule asked for, out of one call
    """

    __slots__ = ("op", "names", "raw", "graph", "places", "keep")

    def __init__(self, op: Op, needs: tuple[bool, ...]) -> None:
        self.op = op
        self.names: list[list[tuple[str, Any]]] = []
        self.raw: tuple[Rule, ...] = ()
        self.graph: tuple[Rule, ...] = ()
        wanted = [i for i, need in enumerate(needs) if need]
        self.places = {i: k for k, i in enumerate(wanted)}  # input -> parent
        for i in wanted:
            name = "*" if op.variadic else op.inputs[i]
            rule = op.rules[name]
            if rule is None:
                raise RuntimeError(f"{op.name} has no derivative with respect to {name}; use {name}.detach()")
            gradient, *others = rule_parameters(rule)
            names = [op.locate(parameter) for parameter in others]
            names = [(kind, i if kind == "place" else which) for kind, which in names]
            if gradient == "gs":
                rule = filled(rule)
                names.insert(0, ("likes", None))
            self.names.append(names)
            self.graph += (rule,)
            self.raw += (op.raw_rules.get(name, rule),)
        self.keep = keeper(self.names)

    def of_numbers(self) -> Plan:
        """The same plan for Python numbers, which no kernel takes: their rules run as they are written."""
        plan: Plan = object.__new__(Plan)
        plan.op, plan.names, plan.places, plan.keep = self.op, self.names, self.places, self.keep
        plan.raw = plan.graph = self.graph
        return plan

    def lift(self, node: Node) -> Saved:
        """The saved values behind their faces again, attached to the nodes they came from."""

        def lifted(kind: str, which: Any, value: Any) -> Any:
            if kind == "input" and which in self.places:
                return tape.wrap(value, node.parents[self.places[which]])
            if kind == "output":
                return tape.wrap(value, output_node(node, which, value) if self.op.several else node)
            return value

        assert node.saved is not None
        return tuple(
            tuple(lifted(*name, value) for name, value in zip(names, values, strict=True))
            for names, values in zip(self.names, node.saved, strict=True)
        )


def keeper(names: list[list[tuple[str, Any]]]) -> Callable[..., Saved]:
    """The `keep` of a plan, compiled: it runs at every recorded call, and looking each name up then would
    cost as much as a small op."""
    source = {
        "input": "inputs[{}]".format,
        "output": "outputs[{}]".format,
        "attribute": "attributes[{!r}]".format,
        "shape": "shape(inputs[{}])".format,
        "dtype": "inputs[{}].dtype".format,
        "shapes": "[shape(x) for x in inputs]".format,
        "likes": "[(out.shape, out.dtype) if out.dtype.kind == 'f' else None for out in outputs]".format,
        "place": "{}".format,
    }
    kept = ["".join(source[kind](which) + "," for kind, which in own) for own in names]
    saved = "".join(f"({own})," for own in kept)
    return eval(f"lambda inputs, outputs, attributes: ({saved})", {"shape": np.shape})  # type: ignore[no-any-return]


def filled(rule: Rule) -> Rule:
    """A rule of an op of several outputs, given zeros for the outputs that took no part."""
    return lambda g, likes, *saved: rule(g.filled(likes), *saved)


# The doors ---------------------------------------------------------------------------------------

new = object.__new__
ndarray = np.ndarray


def record(plan: Any, parents: tuple[Node, ...], saved: Saved, out: Any) -> Node:
    """A node for an output that was just computed."""
    node = Node()
    node.serial = next_serial()
    node.plan = plan
    node.parents = parents
    node.saved = saved
    node.shape = out.shape if out.__class__ is ndarray else None
    node.grad = node.values = node.extra = None
    return node


def observe(
    op: Op,
    node: Node | None,
    results: Sequence[Value],
    inputs: Sequence[Any],
    outputs: Sequence[Any],
    attributes: dict[str, Any] = NOTHING,
) -> None:
    """What the slow modes want to see of a call: NaN (ANOMALY), the numbers (WATCH), all of it (TRACE)."""
    if mode.word & ANOMALY:
        tape.refuse_nan_output(op.name, inputs, outputs[0])
        if node is not None:
            node.extra = tape.Extra()
            node.extra.where = tape.user_line()
    if node is not None and mode.word & WATCH:
        node.values = (tuple(inputs), outputs if op.several else outputs[0])
    if mode.word & TRACE:
        mode.trace.record(op, results, inputs, outputs, attributes)


def operation(
    name: str,
    forward: Callable[..., Any],
    rules: dict[str, Rule | None],
    *,
    shape: Callable[..., Any],
    outputs: Sequence[str] = ("z",),
    raw_rules: dict[str, Rule] | None = None,
    why: str = "",
) -> Callable[..., Any]:
    """Define any other op and return its door: inputs by position, attributes by keyword.

    `forward(inputs..., *, attributes...)` works on arrays and returns an array (or a tuple of them, named
    by `outputs`); `shape(input shapes..., *, attributes...)` returns the output's shape (or shapes) and
    raises a ValueError that explains shapes that don't fit. `raw_rules` replace rules by kernels where no
    graph is wanted. With the single rule "*" the op takes any number of inputs.
    """
    op = Op(name, forward, rules, shape=shape, outputs=outputs, raw_rules=raw_rules, why=why)
    several = op.several

    def door(*values: Any, **attributes: Any) -> Any:
        inputs, wrapped = [], False
        for x in values:
            if isinstance(x, Value):
                if x.data.__class__ is not ndarray:
                    raise TypeError(f"{name} works on tensors, not on a {type(x).__name__}")
                x, wrapped = x.data, True
            inputs.append(x)
        out = op.forward(*inputs, **attributes)
        if not wrapped:
            return out
        if several:
            return finish(op, values, inputs, out, attributes)
        return finish_one(op, values, inputs, out, attributes)

    door.__name__ = door.__qualname__ = name
    op.door = door
    return door


def finish_one(
    op: Op, values: Sequence[Any], inputs: Sequence[Any], out: Any, attributes: dict[str, Any]
) -> Value:
    """Wrap the array that a call gave, and record it if anything needs a gradient."""
    if out.__class__ is not ndarray:
        out = np.asarray(out)
    result = new(FACES[ndarray])
    result.data = out
    result.node = None
    word = mode.word
    if word & RECORD and not op.why and out.dtype.kind == "f":
        nodes = [x.node if isinstance(x, Value) else None for x in values]
        parents = tuple([node for node in nodes if node is not None])
        if parents:
            plan = op.plan(tuple([node is not None for node in nodes]))
            result.node = record(plan, parents, plan.keep(inputs, (out,), attributes), out)
    if word > RECORD:
        observe(op, result.node, (result,), inputs, (out,), attributes)
    return result


def finish(
    op: Op, values: Sequence[Any], inputs: Sequence[Any], outputs: Sequence[Any], attributes: dict[str, Any]
) -> tuple[Value, ...]:
    """Wrap the outputs of a call, and record it if anything needs a gradient."""
    outputs = tuple(out if out.__class__ in FACES else np.asarray(out) for out in outputs)
    needs = tuple(isinstance(x, Value) and x.node is not None for x in values)
    node = None
    if mode.word & RECORD and not op.why and True in needs:
        plan = op.plan(needs)
        parents = tuple(x.node for x, need in zip(values, needs, strict=True) if need)
        node = record(plan, parents, plan.keep(inputs, outputs, attributes), outputs[0])
        if outputs[0].__class__ is float:
            node.values = (tuple(inputs), outputs if op.several else outputs[0])
    results: tuple[Value, ...]
    if not op.several:
        results = (tape.wrap(outputs[0], node if differentiable(outputs[0]) else None),)
    elif node is None:
        results = tuple(tape.wrap(out, None) for out in outputs)
    else:
        node.shape = None  # its gradient is a Parts
        results = tuple(
            tape.wrap(out, output_node(node, i, out) if differentiable(out) else None)
            for i, out in enumerate(outputs)
        )
    if mode.word > RECORD:
        observe(op, node, results, inputs, outputs, attributes)
    return results


def differentiable(data: Any) -> bool:
    """Integers and booleans have no gradient."""
    return data.__class__ is not ndarray or data.dtype.kind == "f"


# Ops of several outputs --------------------------------------------------------------------------
# The op's node stands for all of its outputs together: its gradient is a Parts. Each output has a node of
# its own whose only parent is the op's node.


class Parts(dict[int, Any]):
    """Gradients of some of a node's outputs, by the output's place."""

    def __add__(self, other: Parts) -> Parts:
        merged = Parts(self)
        for i, g in other.items():
            merged[i] = merged[i] + g if i in merged else g
        return merged

    def filled(self, likes: Sequence[tuple[tuple[int, ...], np.dtype[Any]] | None]) -> list[Any]:
        """A gradient for every output: zeros for those that nothing was computed from, None for those (of
        integers) that have none."""
        return [
            self[i] if i in self else like and tape.traced_constant(np.zeros(*like))
            for i, like in enumerate(likes)
        ]


class OutputPlan:
    """The plan of an output's node: put the gradient in its place."""

    raw = graph = ((lambda g, i: Parts({i: g})),)

    def __init__(self, op: Op) -> None:
        self.op = op

    def lift(self, node: Node) -> tuple[Any, ...] | None:
        return node.saved


def output_node(node: Node, i: int, out: np.ndarray) -> Node:
    """A node that stands for output `i` of the node of an op of several outputs."""
    return record(OutputPlan(node.plan.op), (node,), ((i,),), out)


# Types ---------------------------------------------------------------------------------------------


def cast_forward(x: Any, *, dtype: np.dtype[Any]) -> np.ndarray:
    return np.asarray(x).astype(dtype, copy=False)


cast_door = operation(
    "cast",
    cast_forward,
    {"x": lambda g, x_dtype: cast(g, x_dtype)},
    shape=lambda x, *, dtype: x,
)


def cast(x: Any, dtype: Any) -> Any:
    """`x` with elements of another type; the gradient is cast back."""
    return cast_door(x, dtype=np.dtype(dtype))


copy_ = operation(
    "copy", lambda x: np.array(x, order="C"), {"x": lambda g: g}, shape=lambda x: x
)  # in row-major order, whatever the strides of x
alias = operation("alias", lambda x: x, {"x": lambda g: g}, shape=lambda x: x)
