"""Softmax and log-softmax on raw arrays: kernels, and their NumPy references."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from autograd import kernels

__all__ = [
    "log_softmax", "log_softmax_backward", "prepared", "softmax", "softmax_backward",
    "softmax_backward_reference", "softmax_reference",
]  # fmt: skip

Array = npt.NDArray[Any]


def softmax(x: Array, dim: int = -1) -> Array:
    """exp(x) / sum(exp(x)) over `dim`, of x's shape.

    >>> softmax(np.array([[0.0, 0.0], [0.0, np.log(3)]]))
    array([[0.5 , 0.5 ],
           [0.25, 0.75]])
    """
    return normalized(x, dim, log=False)


def log_softmax(x: Array, dim: int = -1) -> Array:
    """x - log(sum(exp(x))) over `dim`, of x's shape."""
    return normalized(x, dim, log=True)


def softmax_backward(g: Array, y: Array, dim: int = -1) -> Array:
    """The gradient in x of y = softmax(x), from the gradient g in y: y (g - sum(g y))."""
    return normalized_backward(g, y, dim, log=False)


def log_softmax_backward(g: Array, y: Array, dim: int = -1) -> Array:
    """The gradient in x of y = log_softmax(x), from the gradient g in y: g - exp(y) sum(g)."""
    return normalized_backward(g, y, dim, log=True)


class Plan(NamedTuple):
    """The kernels for contiguous arrays of one shape, and what makes an array for their results."""

    forward: Callable[..., None]
    backward: Callable[..., None]
    new: Callable[[], Array]


plans: dict[Any, Plan | None] = {}  # by what plan_of() is called with; None: NumPy runs


def plan(x: Array, dim: int, log: bool) -> Plan | None:
    if not kernels.active:
        return None
    key = (x.shape, x.dtype, dim, log)
    try:
        return plans[key]
    except KeyError:
        found = plans[key] = plan_of(*key)
        return found


def plan_of(shape: tuple[int, ...], dtype: np.dtype[Any], dim: int, log: bool) -> Plan | None:
    if len(plans) > 4096:
        plans.clear()
    if dtype not in kernels.DTYPES or 0 in shape:
        return None
    rows, columns, inner = around(shape, dim)
    forward = kernels.prepare(kernels.SOFTMAX, dtype, (rows, columns, log, columns, inner))
    sizes = (rows, columns, log, columns, columns, inner)
    backward = kernels.prepare(kernels.SOFTMAX_BACKWARD, dtype, sizes)
    return Plan(forward, backward, kernels.maker(shape, dtype))


def around(shape: tuple[int, ...], dim: int) -> tuple[int, int, int]:
    """A shape as (what is before `dim`, it, what is behind)."""
    dim, lengths = (dim % len(shape), shape) if shape else (0, (1,))
    return math.prod(lengths[:dim]), lengths[dim], math.prod(lengths[dim + 1 :])


def normalized(x: Array, dim: int, log: bool) -> Array:
    found = plan(x, dim, log)
    if found is None:
        return softmax_reference(x, dim, log)
    y = found.new()
    found.forward(x if x.flags.c_contiguous else np.ascontiguousarray(x), y)
    return y


def prepared(x: Array, dim: int, log: bool) -> Callable[[Array], Array] | None:
    """softmax (or its log) of arrays of x's layout as a function of them; None where no kernel runs."""
    if not x.flags.c_contiguous or x.dtype not in kernels.DTYPES or not x.size:
        return None
    rows, columns, inner = around(x.shape, dim)
    return kernels.filling(kernels.SOFTMAX, x.dtype, (rows, columns, log, columns, inner), x.shape)


def normalized_backward(g: Array, y: Array, dim: int, log: bool) -> Array:
    found = plan(y, dim, log)
    if found is None or g.dtype != y.dtype:
        return softmax_backward_reference(g, y, dim, log)
    dx = found.new()
    g, y = (a if a.flags.c_contiguous else np.ascontiguousarray(a) for a in (g, y))
    found.backward(y, g, dx)
    return dx


def softmax_reference(x: Array, dim: int = -1, log: bool = False) -> Array:
    """softmax or log_softmax in NumPy."""
    with np.errstate(invalid="ignore", divide="ignore"):
        shifted = x - np.max(x, axis=dim, keepdims=True, initial=-np.inf)
        exps = np.exp(shifted)
        total = np.sum(exps, axis=dim, keepdims=True)
        result = shifted - np.log(total) if log else exps / total
    return np.asarray(result)


def softmax_backward_reference(g: Array, y: Array, dim: int = -1, log: bool = False) -> Array:
    """The gradient of softmax or log_softmax in NumPy."""
    if log:
        return np.asarray(g - np.exp(y) * np.sum(g, axis=dim, keepdims=True))
    return np.asarray(y * (g - np.sum(g * y, axis=dim, keepdims=True)))
