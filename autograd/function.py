"""Function: ops that users define, with PyTorch's shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd import tape
from autograd.fused import JointPlan
from autograd.op import differentiable, output_node, record
from autograd.tape import RECORD, TRACE, WATCH, Node, Value, mode

__all__ = ["Function"]


class Context:
    """What forward leaves for backward: saved tensors, and any attribute."""

    def __init__(self, needs_input_grad: tuple[bool, ...]) -> None:
        self.needs_input_grad = needs_input_grad
        self.to_save: tuple[Value | None, ...] = ()
        self.lifted: tuple[Value | None, ...] | None = None
        self.without_gradient: set[int] = set()

    def save_for_backward(self, *tensors: Value | None) -> None:
        """Keep inputs or outputs for backward, where they are `ctx.saved_tensors`."""
        for x in tensors:
            if x is not None and not isinstance(x, Value):
                raise TypeError(
                    f"save_for_backward: want tensors, got {type(x).__name__}; keep other things as "
                    "attributes of ctx"
                )
        self.to_save = tensors

    @property
    def saved_tensors(self) -> tuple[Value | None, ...]:
        return self.to_save if self.lifted is None else self.lifted

    def mark_non_differentiable(self, *outputs: Value) -> None:
        self.without_gradient.update(id(x) for x in outputs)


class Function:
    """An op with a derivative of your own. Call it as `Name.apply(inputs...)`.

    forward(ctx, *inputs) computes a tensor (or a tuple of them), unrecorded; backward(ctx, *gradients)
    returns a gradient per input of forward, None for those without. backward is written in ops, so it can
    be differentiated again.

    >>> import autograd
    >>> class Cube(autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x * x * x
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         (x,) = ctx.saved_tensors
    ...         return g * 3 * x * x
    >>> x = autograd.tensor(2.0, requires_grad=True)
    >>> Cube.apply(x).backward()
    >>> x.grad
    tensor(12.)
    """

    name = "Function"

    @staticmethod
    def forward(ctx: Any, *args: Any) -> Any:
        raise NotImplementedError("a Function defines forward(ctx, ...)")

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        raise NotImplementedError("a Function defines backward(ctx, ...)")

    def __init_subclass__(cls) -> None:
        cls.name = cls.__name__

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Run forward, and put the call on the tape."""
        needs = tuple(isinstance(x, Value) and x.node is not None for x in args)
        ctx = Context(needs)
        with tape.no_grad():
            result = cls.forward(ctx, *args)
        outputs = result if isinstance(result, tuple) else (result,)
        for out in outputs:
            if not isinstance(out, Value):
                raise TypeError(f"{cls.name}.forward returned a {type(out).__name__}; it must return tensors")
        if not (mode.word & RECORD and True in needs):
            return result
        # An input handed back as an output would otherwise get this call's node for its own.
        wrapped = tuple(tape.wrap(out.data, None) for out in outputs)
        saved, outputs_data = Saved(ctx, args, outputs), [out.data for out in outputs]
        node = record(
            JointPlan(cls, cls.gradients),
            tuple(x.node for x in args if isinstance(x, Value) and x.node is not None),
            ((ctx, saved, needs, outputs_data, saved.arrays()),),
            outputs[0].data,
        )
        several = isinstance(result, tuple)
        if several:
            node.shape = None
        if mode.word & WATCH or outputs[0].data.__class__ is float:
            datas = tuple(out.data for out in outputs)
            inputs = tuple(x.data if isinstance(x, Value) else x for x in args)
            node.values = (inputs, datas if several else datas[0])
        for i, (out, value) in enumerate(zip(outputs, wrapped, strict=True)):
            if id(out) not in ctx.without_gradient and differentiable(out.data):
                value.node = output_node(node, i, out.data) if several else node
        ctx.to_save = ()
        return wrapped if several else wrapped[0]

    @classmethod
    def gradients(cls, node: Node, g: Any, create_graph: bool) -> Sequence[Any]:
        """What the backward loop asks for: a gradient per parent."""
        ctx, saved, needs, likes, _ = node.saved[0]  # type: ignore[index]
        ctx.lifted = saved.lift(node)
        several = node.shape is None and isinstance(g, dict)
        given = [g.get(i) if several else g for i in range(len(likes))]
        values = [
            as_value(gi if gi is not None else zeros_like(data), data)
            for gi, data in zip(given, likes, strict=True)
        ]
        with tape.enable_grad() if create_graph else tape.no_grad():
            result = cls.backward(ctx, *values)
        ctx.lifted = None
        result = result if isinstance(result, tuple) else (result,)
        if len(result) != len(needs):
            raise RuntimeError(
                f"{cls.name}.backward returned {len(result)} gradients for {len(needs)} inputs of forward "
                "(return None for inputs without one)"
            )
        chosen = [gx for gx, need in zip(result, needs, strict=True) if need]
        return [
            cls.checked(gx, parent, create_graph) for gx, parent in zip(chosen, node.parents, strict=True)
        ]

    @classmethod
    def checked(cls, gx: Any, parent: Node, create_graph: bool) -> Any:
        """A gradient that backward returned, as the loop wants it."""
        if gx is None:
            return None
        if not isinstance(gx, Value):
            raise TypeError(
                f"{cls.name}.backward returned a {type(gx).__name__} as a gradient; return a tensor or None"
            )
        return gx if create_graph or mode.word & TRACE else gx.data


class Saved:
    """Tensors saved by a Function, as (array, where its node is), so that no cycle arises."""

    def __init__(self, ctx: Context, args: Sequence[Any], outputs: Sequence[Value]) -> None:
        inputs = {
            id(x): i for i, x in enumerate(x for x in args if isinstance(x, Value) and x.node is not None)
        }
        places = {id(out): -1 - i for i, out in enumerate(outputs)}
        self.several = len(outputs) > 1
        self.entries = [
            None if x is None else (x.data, inputs.get(id(x), places.get(id(x)))) for x in ctx.to_save
        ]

    def arrays(self) -> tuple[Any, ...]:
        return tuple(entry[0] for entry in self.entries if entry is not None)

    def lift(self, node: Node) -> tuple[Value | None, ...]:
        return tuple(None if entry is None else self.value(node, *entry) for entry in self.entries)

    def value(self, node: Node, data: Any, place: int | None) -> Value:
        if place is None:
            return tape.wrap(data, None)
        if place >= 0:
            return tape.wrap(data, node.parents[place])
        return tape.wrap(data, output_node(node, -1 - place, data) if self.several else node)


def as_value(g: Any, like: Any) -> Value:
    if isinstance(g, Value):
        return g
    return tape.wrap(np.asarray(g) if isinstance(like, np.ndarray) else float(g), None)


def zeros_like(data: Any) -> Any:
    return tape.traced_constant(np.zeros_like(data)) if isinstance(data, np.ndarray) else 0.0
