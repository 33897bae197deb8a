"""The doors of elementwise ops: closures, one factory for each number of inputs.

A door unwraps its inputs, runs the op, wraps the result and records a node. It runs millions of times in a
training, so nothing is looked up that can be settled when the op is defined: a generic call that looked
everything up each time was measured to be three times slower. Arrays and plain numbers have doors of their
own; the array door hands numbers over. The lines that make a node stand in each of them: a function for
them would cost as much as a small op.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd import accelerated, dtypes
from autograd.op import Op, Plan, Rule, Saved, cast, finish, finish_one, observe, record
from autograd.operands import (
    ARITHMETIC,
    any_value,
    as_float,
    ieee,
    on_numbers,
    other_numbers,
    raw,
    shape_error,
    unify,
)
from autograd.quick import quick
from autograd.tape import FACES, RECORD, TRACE, Node, Value, mode, next_serial

__all__ = ["elementwise"]

new = object.__new__
ndarray = np.ndarray


def elementwise(
    name: str,
    forward: Callable[..., Any],
    rules: Sequence[Rule | None],
    *,
    number: Callable[..., Any] | None = None,
    floating: bool = False,
    inputs: Sequence[str] = ("x", "y", "w"),
    parameters: bool = False,
    why: str = "",
) -> Callable[..., Any]:
    """Define an op that works element by element, and return its door.

    `forward` is a NumPy ufunc or a function of other elementwise ops; `number` its form for Python
    floats; `floating` says that integers become floats first; `parameters` that all inputs but the first
    are numbers, as a rule the same ones in every call; `why` makes an op without derivative (a
    comparison, say), whose rules are None.
    """
    names = tuple(inputs)[: len(rules)]
    op = Op(
        name,
        forward,
        dict(zip(names, rules, strict=True)),
        shape=lambda *shapes: np.broadcast_shapes(*shapes),
        number=number,
        why=why,
    )
    op.meaning = accelerated.symbolic(name, forward)
    op.forward = accelerated.forward(name, forward, len(names))
    op.raw_rules = {x: accelerated.rule(name, rule) for x, rule in op.rules.items() if rule is not None}
    if len(rules) == 1 and not why:
        op.numbers = unary_numbers(op)
        door = unary_door(op)
    elif len(rules) == 2 and not why:
        op.numbers = binary_numbers(op)
        door = binary_door(op, floating)
    else:
        door = op.numbers = broadcast_door(op, floating)
    if parameters or (len(rules) == 1 and not why and accelerated.pays_always(name, forward)):
        door = short_door(op, forward, door)
    door.__name__ = door.__qualname__ = name
    op.door = door
    return door


def keeper(plan: Plan) -> Callable[..., Saved]:
    """plan.keep for elementwise ops: a function of (inputs..., output), compiled for its names.

    It runs at every call of every elementwise op; a general loop here would double the cost of the tape.
    """
    values = (*plan.op.inputs, "z")
    kept = []
    for names in plan.names:
        if any(kind not in ("input", "output") for kind, _ in names):
            raise TypeError(f"{plan.op.name}: rules of elementwise ops name inputs and z only")
        kept.append("".join((values[which] if kind == "input" else "z") + "," for kind, which in names))
    return eval(f"lambda {', '.join(values)}: ({''.join(f'({names}),' for names in kept)})")  # type: ignore


def unary_door(op: Op) -> Callable[..., Any]:
    forward, numbers = op.forward, op.numbers
    plan = op.plan((True,))
    keep = keeper(plan)

    def door(x: Any) -> Any:
        if not isinstance(x, Value):
            return raw(op, x)
        a, parent = x.data, x.node
        if a.__class__ is not ndarray:
            return numbers(x)
        out = forward(a)
        if out.__class__ is not ndarray:
            out = np.asarray(out)
        if out.dtype is not a.dtype and out.dtype != a.dtype:
            return door(cast(x, dtypes.default_dtype))
        result = new(FACES[ndarray])
        result.data = out
        word = mode.word
        if parent is None or not word & RECORD:
            result.node = None
        else:
            result.node = node = Node()
            node.serial = next_serial()
            node.plan = plan
            node.parents = (parent,)
            node.saved = keep(a, out)
            node.shape = out.shape
            node.grad = node.values = node.extra = None
        if word > RECORD:
            observe(op, result.node, (result,), (a,), (out,))
        return result

    return door


def short_door(op: Op, forward: Callable[..., Any], general: Callable[..., Any]) -> Callable[..., Any]:
    """The short way for one contiguous array, and numbers (or none)."""
    plan = op.plan((True, *[False] * (len(op.inputs) - 1)))
    keep = keeper(plan)

    def prepare(a: Any, *numbers: Any) -> Any:
        run = accelerated.settled(op.name, forward, a, *numbers)
        return run and (run, (lambda a, out: keep(a, *numbers, out)) if numbers else keep)

    return quick(prepare, plan=plan, parameters=op.inputs)(general)


def unary_numbers(op: Op) -> Callable[..., Any]:
    number = op.number
    plan = op.plan((True,)).of_numbers()
    keep = keeper(plan)

    def door(x: Any) -> Any:
        a, parent = x.data, x.node
        if a.__class__ is float:
            try:
                out = number(a)  # type: ignore[misc]
            except ARITHMETIC:
                out = ieee(op, a)
        else:
            out = on_numbers(op, a)
        result = new(FACES[float])
        result.data = out
        word = mode.word
        if parent is None or not word & RECORD:
            result.node = None
        else:
            result.node = node = Node()
            node.serial = next_serial()
            node.plan = plan
            node.parents = (parent,)
            node.saved = keep(a, out)
            node.values = ((a,), out)
            node.shape = node.grad = node.extra = None
        if word > RECORD:
            observe(op, result.node, (result,), (a,), (out,))
        return result

    return door


def binary_plans(op: Op, numbers: bool = False) -> list[Any]:
    """The plans for a gradient wanted of both inputs, of the left one, of the right one, and what they
    keep; None for an input without a rule."""
    rules = list(op.rules.values())
    plans = [
        None if any(need and rules[i] is None for i, need in enumerate(needs)) else op.plan(needs)
        for needs in ((True, True), (True, False), (False, True))
    ]
    if numbers:
        plans = [plan and plan.of_numbers() for plan in plans]
    return [*plans, *(keeper(plan) if plan else None for plan in plans)]


def binary_door(op: Op, floating: bool) -> Callable[..., Any]:
    forward, numbers = op.forward, op.numbers
    both, left, right, keep_both, keep_left, keep_right = binary_plans(op)

    def door(x: Any, y: Any) -> Any:
        if isinstance(x, Value):
            a, p = x.data, x.node
            if isinstance(y, Value):
                b, q = y.data, y.node
            else:
                b, q = y, None
        elif isinstance(y, Value):
            a, p, b, q = x, None, y.data, y.node
        else:
            return raw(op, x, y)
        if a.__class__ is ndarray:
            kind, other = a.dtype, b
        elif b.__class__ is ndarray:
            kind, other = b.dtype, a
        else:
            return numbers(x, y)
        # Arrays of one type go straight on, and a Python number takes the array's type.
        if (
            other.dtype is not kind
            if other.__class__ is ndarray
            else not (other.__class__ is float or other.__class__ is int) or not (other is x or other is y)
        ):
            mixed = unify(op, floating, x, y)
            if mixed is not None:
                return door(*mixed)
        try:
            out = forward(a, b)
        except ValueError as error:
            raise shape_error(op, error, a, b) from None
        if out.__class__ is not ndarray:
            out = np.asarray(out)
        if out.dtype is not kind:
            mixed = unify(op, floating, x, y)
            if mixed is not None:
                return door(*mixed)
        result = new(FACES[ndarray])
        result.data = out
        word = mode.word
        if (p is None and q is None) or not word & RECORD:
            result.node = None
        else:
            result.node = node = Node()
            node.serial = next_serial()
            if q is None:
                node.plan, node.parents, node.saved = left, (p,), keep_left(a, b, out)  # type: ignore[assignment]
            elif p is None:
                node.plan, node.parents, node.saved = right, (q,), keep_right(a, b, out)
            else:
                node.plan, node.parents, node.saved = both, (p, q), keep_both(a, b, out)
            node.shape = out.shape
            node.grad = node.values = node.extra = None
        if word > RECORD:
            observe(op, result.node, (result,), (a, b), (out,))
        return result

    return door


def binary_numbers(op: Op) -> Callable[..., Any]:
    number = op.number
    both, left, right, keep_both, keep_left, keep_right = binary_plans(op, numbers=True)

    def door(x: Any, y: Any) -> Any:
        if isinstance(x, Value):
            a, p = x.data, x.node
        else:
            a, p = x if x.__class__ is float else as_float(x), None
        if isinstance(y, Value):
            b, q = y.data, y.node
        else:
            b, q = y if y.__class__ is float else as_float(y), None
        if a.__class__ is float and b.__class__ is float:
            try:
                out = number(a, b)  # type: ignore[misc]
            except ARITHMETIC:
                out = ieee(op, a, b)
        else:
            out = other_numbers(op, x, y, a, b)
        result = new(FACES[float])
        result.data = out
        word = mode.word
        if (p is None and q is None) or not word & RECORD:
            result.node = None
        else:
            result.node = node = Node()
            node.serial = next_serial()
            if q is None:
                node.plan, node.parents, node.saved = left, (p,), keep_left(a, b, out)  # type: ignore[assignment]
            elif p is None:
                node.plan, node.parents, node.saved = right, (q,), keep_right(a, b, out)
            else:
                node.plan, node.parents, node.saved = both, (p, q), keep_both(a, b, out)
            node.values = ((a, b), out)
            node.shape = node.grad = node.extra = None
        if word > RECORD:
            observe(op, result.node, (result,), (a, b), (out,))
        return result

    return door


def broadcast_door(op: Op, floating: bool) -> Callable[..., Any]:
    """For comparisons (no derivative) and for elementwise ops of three inputs."""
    forward = op.forward
    plain = (float, bool, int)
    condition = op.inputs[0] == "condition"
    keepers: dict[tuple[bool, ...], tuple[Any, Any]] = {}

    def straight(inputs: list[Any], values: tuple[Any, ...]) -> bool:
        """Whether these are real arrays of one type, and Python numbers, which take that type."""
        kind = None
        for data, x in zip(inputs, values, strict=True):
            if data.__class__ is ndarray:
                if condition and data is inputs[0]:
                    continue
                if kind is None:
                    kind = data.dtype
                elif data.dtype is not kind:
                    return False
            elif (data.__class__ is not float and data.__class__ is not int) or data is not x:
                return False
        return kind is not None and kind.kind == "f"

    def door(*values: Any) -> Any:
        inputs = [x.data if isinstance(x, Value) else x for x in values]
        if not straight(inputs, values):
            return general(inputs, *values)
        try:
            out = forward(*inputs)
        except ValueError as error:
            raise shape_error(op, error, *inputs) from None
        word = mode.word
        if op.why or not word & RECORD or word > RECORD:
            return finish_one(op, values, inputs, out, {}) if any_value(values) else out
        nodes = [x.node if isinstance(x, Value) else None for x in values]
        parents = tuple([node for node in nodes if node is not None])
        if not parents and not any_value(values):
            return out
        result = new(FACES[ndarray])
        result.data = out = out if out.__class__ is ndarray else np.asarray(out)
        result.node = None
        if parents:
            needs = tuple([node is not None for node in nodes])
            known = keepers.get(needs)
            if known is None:
                plan = op.plan(needs)
                known = keepers[needs] = plan, keeper(plan)
            result.node = record(known[0], parents, known[1](*inputs, out), out)
        return result

    def general(inputs: list[Any], *values: Any) -> Any:
        for x in values:
            if x.__class__ not in plain:
                break
        else:
            return on_numbers(op, *values)
        if not any_value(values):
            return raw(op, *values)
        if all(not isinstance(x, ndarray) for x in inputs):
            out = on_numbers(op, *inputs)
            if op.why:
                return out  # a comparison of Scalars is a Python bool
            return finish(op, values, inputs, (out if mode.word & TRACE else float(out),), {})[0]
        mixed = unify(op, floating, *values)
        if mixed is not None:
            return door(*mixed)
        try:
            out = np.asarray(forward(*inputs))
        except ValueError as error:
            raise shape_error(op, error, *inputs) from None
        return finish_one(op, values, inputs, out, {})

    return door
