"""Checking gradients against central differences, to any order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd import gradients, tape
from autograd.tape import Value

__all__ = ["allclose", "gradcheck", "gradgradcheck"]


class GradcheckError(AssertionError):
    """A gradient that differs from the finite difference."""


def gradcheck(
    function: Callable[..., Any],
    inputs: Any,
    *,
    order: int = 1,
    eps: float = 1e-6,
    atol: float = 1e-7,
    rtol: float = 1e-4,
    seed: int = 0,
) -> bool:
    """Compare the gradients of `function(*inputs)` with central differences; True, or GradcheckError.

    inputs are float64 tensors (or Scalars); those that require a gradient are checked. The output is
    projected on a random direction u and the inputs moved along a random direction v, so each order costs
    two evaluations: d/dt u.f(x + t v) at t = 0 must equal v . (J^T u). With order=2 the gradient itself is
    checked as a function in the same way, and so on.

    >>> import autograd
    >>> from autograd.check import gradcheck
    >>> x = autograd.tensor([0.5, -1.0], dtype=autograd.float64, requires_grad=True)
    >>> gradcheck(lambda x: x.tanh(), x, order=3)
    True
    """
    inputs = gradients.as_tuple(inputs)
    for i, x in enumerate(inputs):
        if (
            isinstance(x, Value)
            and x.node is not None
            and isinstance(x.data, np.ndarray)
            and x.data.dtype != np.float64
        ):
            raise TypeError(f"gradcheck: input {i} is {x.data.dtype}; differences need float64")
    check(function, inputs, order, eps, atol, rtol, np.random.default_rng(seed), depth=1)
    return True


def gradgradcheck(function: Callable[..., Any], inputs: Any, **options: Any) -> bool:
    """gradcheck to the second order."""
    return gradcheck(function, inputs, order=2, **options)


def check(
    function: Callable[..., Any],
    inputs: Sequence[Any],
    order: int,
    eps: float,
    atol: float,
    rtol: float,
    rng: np.random.Generator,
    depth: int,
) -> None:
    places = [i for i, x in enumerate(inputs) if isinstance(x, Value) and x.node is not None]
    if not places:
        raise ValueError("gradcheck: no input requires a gradient")
    directions = {i: direction(rng, inputs[i].data) for i in places}

    def moved(t: float) -> tuple[Any, ...]:
        at = [
            leaf(x.data + t * directions[i], isinstance(x.data, float)) if i in directions else x
            for i, x in enumerate(inputs)
        ]
        return outputs_of(function, at)

    def projected(values: tuple[Any, ...]) -> float:
        return float(sum(np.sum(u * v.data) for u, v in zip(projections, values, strict=True)))

    fresh = [
        leaf(np.copy(x.data), isinstance(x.data, float)) if i in directions else x
        for i, x in enumerate(inputs)
    ]
    values = outputs_of(function, fresh)
    projections = [direction(rng, v.data) for v in values]
    numeric = (projected(moved(eps)) - projected(moved(-eps))) / (2 * eps)
    recorded = [(v, u) for v, u in zip(values, projections, strict=True) if v.node is not None]
    wanted = [fresh[i] for i in places]
    found: Sequence[Any] = [None] * len(wanted)
    if recorded:
        found = gradients.grad(
            [v for v, _ in recorded], wanted, [u for _, u in recorded], allow_unused=True, create_graph=True
        )
    analytic = float(
        sum(np.sum(directions[i] * g.data) for i, g in zip(places, found, strict=True) if g is not None)
    )
    scale = max(abs(numeric), abs(analytic))
    if not abs(numeric - analytic) <= atol + rtol * scale:
        raise GradcheckError(
            f"order {depth}: the rules give {analytic:.10g}, central differences {numeric:.10g} "
            f"(difference {abs(numeric - analytic):.2g}, allowed {atol + rtol * scale:.2g})"
        )
    if order > 1:

        def gradient(*at: Any) -> tuple[Any, ...]:
            out = [
                (v, u)
                for v, u in zip(outputs_of(function, at), projections, strict=True)
                if v.node is not None
            ]
            at_wanted = [at[i] for i in places]
            if not out:
                return tuple(x * 0.0 for x in at_wanted)
            result = gradients.grad(
                [v for v, _ in out], at_wanted, [u for _, u in out], create_graph=True, allow_unused=True
            )
            return tuple(x * 0.0 if g is None else g for g, x in zip(result, at_wanted, strict=True))

        check(gradient, inputs, order - 1, eps, atol, rtol, rng, depth + 1)


def leaf(data: Any, scalar: bool) -> Value:
    """A fresh leaf with this number or array."""
    data = float(data) if scalar else np.asarray(data, np.float64)
    return tape.wrap(data, tape.leaf(data.shape if isinstance(data, np.ndarray) else None))


def outputs_of(function: Callable[..., Any], inputs: Sequence[Any]) -> tuple[Any, ...]:
    """The differentiable outputs of a call."""
    out = function(*inputs)
    out = out if isinstance(out, tuple | list) else (out,)
    return tuple(v for v in out if isinstance(v, Value) and np.asarray(v.data).dtype.kind == "f")


def direction(rng: np.random.Generator, data: Any) -> Any:
    """A random direction of the shape of `data`; a float for a number."""
    u = rng.standard_normal(np.shape(data))  # a float, not an array, for shape ()
    return np.asarray(u) if isinstance(data, np.ndarray) else float(u)


def allclose(x: Any, y: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Whether all |x - y| <= atol + rtol |y|.

    >>> import autograd
    >>> allclose(autograd.tensor([1.0]), autograd.tensor([1.000001]))
    True
    """
    return bool(x.allclose(y, rtol, atol, equal_nan))
