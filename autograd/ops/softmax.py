"""Softmax and its logarithm over one dimension."""

from __future__ import annotations

from typing import Any

from autograd.op import operation
from autograd.ops import elementwise as e
from autograd.ops import softmax_kernel
from autograd.ops.dims import dims_of
from autograd.ops.reduce import sum as sum_over
from autograd.quick import quick


def same_shape(x: tuple[int, ...], *, dim: int) -> tuple[int, ...]:
    return x


softmax_ = operation(
    "softmax",
    lambda x, *, dim: softmax_kernel.softmax(x, dim),
    {"x": lambda g, z, dim: z * (g - sum_over(g * z, dim, keepdim=True))},
    shape=same_shape,
    raw_rules={"x": lambda g, z, dim: softmax_kernel.softmax_backward(g, z, dim)},
)
log_softmax_ = operation(
    "log_softmax",
    lambda x, *, dim: softmax_kernel.log_softmax(x, dim),
    {"x": lambda g, z, dim: g - e.exp(z) * sum_over(g, dim, keepdim=True)},
    shape=same_shape,
    raw_rules={"x": lambda g, z, dim: softmax_kernel.log_softmax_backward(g, z, dim)},
)


@quick(lambda x, dim: softmax_kernel.prepared(x, dim, log=False))
def softmax(x: Any, dim: int = -1) -> Any:
    """exp(x) / sum(exp(x)) over `dim`."""
    if not -len(x.shape) <= dim < len(x.shape):
        dims_of("softmax", len(x.shape), dim)  # raises, but for 0-d
    return softmax_(floating(x), dim=dim)


@quick(lambda x, dim: softmax_kernel.prepared(x, dim, log=True))
def log_softmax(x: Any, dim: int = -1) -> Any:
    """x - logsumexp(x) over `dim`."""
    if not -len(x.shape) <= dim < len(x.shape):
        dims_of("log_softmax", len(x.shape), dim)  # raises, but for 0-d
    return log_softmax_(floating(x), dim=dim)


def floating(x: Any) -> Any:
    return x if x.dtype.kind == "f" else x * 1.0
