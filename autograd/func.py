"""Transforms of functions, with torch.func's names: each takes a function of tensors and gives another.

grad(f)(x)               the gradient of a function with one number as its value
vjp(f, x)                the value, and a function v -> v^T J
jvp(f, (x,), (v,))       the value, and J v
jacobian(f, x), hessian(f, x)
checkpoint(f, x)         f(x), computed again in the backward pass instead of kept
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd import gradients, tape
from autograd.function import Function
from autograd.op import alias
from autograd.ops.random import default_generator
from autograd.ops.shape import reshape, stack
from autograd.tape import Value

__all__ = ["checkpoint", "grad", "hessian", "jacobian", "jvp", "value_and_grad", "vjp"]


def tracked(x: Any) -> Value:
    """`x` as a value that gradients of this call stop at, still attached to what it came from."""
    if not isinstance(x, Value):
        raise TypeError(f"want a Tensor or a Scalar, got {type(x).__name__}")
    if x.node is not None:
        return alias(x) if isinstance(x.data, np.ndarray) else x * 1.0  # type: ignore[operator, return-value]
    return tape.wrap(x.data, tape.leaf(np.shape(x.data) if isinstance(x.data, np.ndarray) else None))


def value_and_grad(function: Callable[..., Any], argnums: int | Sequence[int] = 0) -> Callable[..., Any]:
    """A function that returns (f(...), its gradient with respect to the arguments numbered)."""
    numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)

    def transformed(*args: Any, **kwargs: Any) -> Any:
        mode = tape.mode
        outermost = mode.depth == 0 and not any(isinstance(x, Value) and x.node is not None for x in args)
        mode.depth += 1
        try:
            with tape.enable_grad():
                inputs = list(args)
                for n in numbers:
                    inputs[n] = tracked(args[n])
                value = function(*inputs, **kwargs)
                chosen = [inputs[n] for n in numbers]
                found = gradients.grad(value, chosen, create_graph=not outermost, allow_unused=True)
        finally:
            mode.depth -= 1
        result = [zero_of(args[n]) if g is None else g for n, g in zip(numbers, found, strict=True)]
        if outermost:
            value = detached(value)
        return value, result[0] if isinstance(argnums, int) else tuple(result)

    return transformed


def detached(x: Value) -> Value:
    return tape.wrap(x.data, None)


def zero_of(x: Value) -> Value:
    zero = tape.traced_constant(np.zeros_like(x.data)) if isinstance(x.data, np.ndarray) else 0.0
    return tape.wrap(zero, None)


def grad(function: Callable[..., Any], argnums: int | Sequence[int] = 0) -> Callable[..., Any]:
    """A function that returns the gradient of `function`, which must return one number.

    >>> import autograd
    >>> from autograd import func
    >>> func.grad(func.grad(lambda x: x**3))(autograd.tensor(2.0))
    tensor(12.)
    """
    both = value_and_grad(function, argnums)

    def transformed(*args: Any, **kwargs: Any) -> Any:
        return both(*args, **kwargs)[1]

    return transformed


def vjp(function: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
    """(f(primals), pull) where pull(v) gives v^T J for each primal."""
    with tape.enable_grad():
        inputs = [tracked(x) for x in primals]
        out = function(*inputs)

    def pull(v: Any) -> tuple[Any, ...]:
        found = gradients.grad(out, inputs, v, retain_graph=True, allow_unused=True)
        return tuple(zero_of(x) if g is None else g for x, g in zip(primals, found, strict=True))

    return detached(out), pull


def jvp(function: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """(f(primals), J tangents): reverse mode twice, since v -> v^T J is linear in v."""
    with tape.enable_grad():
        inputs = [tracked(x) for x in primals]
        out = function(*inputs)
        dummy = tape.wrap(tape.traced_constant(np.zeros_like(out.data)), tape.leaf(out.data.shape))
        rows = gradients.grad(out, inputs, dummy, create_graph=True, allow_unused=True)
        used = [
            (row, t)
            for row, t in zip(rows, tangents, strict=True)
            if row is not None and row.node is not None
        ]
        if not used:
            return detached(out), zero_of(out)
        found = gradients.grad([row for row, _ in used], dummy, [t for _, t in used], allow_unused=True)
    return detached(out), zero_of(out) if found[0] is None else detached(found[0])


def jacobian(function: Callable[[Any], Any], x: Any, create_graph: bool = False) -> Any:
    """d f(x)_i / d x_j, of shape (*f(x).shape, *x.shape)."""
    with tape.enable_grad():
        x = tracked(x)
        out = function(x)
        rows = []
        for i in range(out.data.size):
            seed = np.zeros(out.data.size, out.data.dtype)
            seed[i] = 1.0
            tape.traced_constant(seed)
            (row,) = gradients.grad(
                out,
                x,
                seed.reshape(out.data.shape),
                retain_graph=True,
                create_graph=create_graph,
                allow_unused=True,
            )
            rows.append(zero_of(x) if row is None else row)
    return reshape(stack(rows), (*out.data.shape, *x.data.shape))


def hessian(function: Callable[[Any], Any], x: Any) -> Any:
    """The second derivatives of a function with one number as its value: shape (*x.shape, *x.shape)."""
    return jacobian(grad(function), x)


class Checkpoint(Function):
    """A call whose inner values are computed again when its gradient is wanted."""

    @staticmethod
    def forward(ctx: Any, function: Callable[..., Any], *inputs: Any) -> Any:
        ctx.function, ctx.inputs = function, inputs
        ctx.random_state = default_generator.get_state()
        return function(*inputs)

    @staticmethod
    def backward(ctx: Any, *g: Any) -> Any:
        if tape.is_grad_enabled():
            raise RuntimeError("checkpoint: its gradient can't be differentiated (create_graph=True)")
        inputs = [tracked(detached(x)) if has_gradient(x) else x for x in ctx.inputs]
        now = default_generator.get_state()
        default_generator.set_state(ctx.random_state)  # the same dropout masks as forward drew
        with tape.enable_grad():
            out = ctx.function(*inputs)
        default_generator.set_state(now)
        outs = out if isinstance(out, tuple) else (out,)
        pairs = [(o.node, gi.data) for o, gi in zip(outs, g, strict=True) if has_gradient(o)]
        found = tape.backpropagate(pairs)
        nodes = [x.node if has_gradient(x) else None for x in inputs]
        result = [None if node is None else found.pop(node, None) for node in nodes]
        gradients.accumulate(found)
        return (None, *(None if gx is None else tape.wrap(np.asarray(gx), None) for gx in result))


def has_gradient(x: Any) -> bool:
    return isinstance(x, Value) and x.node is not None


def checkpoint(function: Callable[..., Any], *args: Any) -> Any:
    """f(args) whose inner values are not kept but computed again, with the same random numbers, in the
    backward pass.

    Gradients flow to the tensors in `args`; leaves that `function` uses besides (parameters) receive theirs
    in `.grad`, as backward() gives it. Where no tensor of `args` requires a gradient, this is f(args).
    """
    if not any(has_gradient(x) for x in args):
        return function(*args)
    return Checkpoint.apply(function, *args)
