"""The heart of the normalisations, fused: subtract the mean, divide by the deviation, scale and shift.

    z = (x - mean) r w + b        mean, var over `dims`,  r = 1 / sqrt(var + eps)

    with h = (x - mean) r and averages over `dims`:
    dx = r (g w - avg(g w) - h avg(g w h)),   dw = sum(g h),   db = sum(g)       (Ioffe and Szegedy 2015)

The composite is its meaning, and what is differentiated when a second derivative is wanted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd import accelerated
from autograd.fused import fused
from autograd.ops import elementwise as e
from autograd.ops import reduce, reduce_kernel

__all__ = ["standardize", "statistics_of"]

Shape = tuple[int, ...]
Statistics = tuple[np.ndarray, np.ndarray]

# One pass each over large arrays.
centred = accelerated.forward("centred", lambda x, mean, r: (x - mean) * r, 3)
affine = accelerated.forward("affine", lambda x, mean, r, w, b: (x - mean) * r * w + b, 5)
pulled = accelerated.forward("pulled", lambda g, h, r, a, b: (g - a - h * b) * r, 5)
product = accelerated.forward("product", lambda g, h: g * h, 2)


def statistics_of(x: np.ndarray, dims: Shape) -> Statistics:
    """Mean and (biased) variance of an array over `dims`, which are kept as 1."""
    return reduce_kernel.mean(x, dims, True), reduce_kernel.var(x, dims, True, correction=0)


def composite(
    x: Any, weight: Any, bias: Any, *, dims: Shape, eps: float, statistics: Statistics | None
) -> Any:
    deviation = x - reduce.mean(x, dims, keepdim=True)
    var = reduce.mean(e.square(deviation), dims, keepdim=True)
    out = deviation * e.rsqrt(var + eps)
    out = out if weight is None else out * weight
    return out if bias is None else out + bias


def forward(
    x: np.ndarray,
    weight: np.ndarray | None,
    bias: np.ndarray | None,
    *,
    dims: Shape,
    eps: float,
    statistics: Statistics | None,
) -> tuple[np.ndarray, tuple[Any, ...]]:
    mean, var = statistics_of(x, dims) if statistics is None else statistics
    r = np.asarray(1 / np.sqrt(var + x.dtype.type(eps)))
    if weight is None and bias is None:
        out = centred(x, mean, r)
    else:
        out = affine(x, mean, r, 1.0 if weight is None else weight, 0.0 if bias is None else bias)
    return np.asarray(out), (x, mean, r, weight, dims)


def backward(g: np.ndarray, saved: tuple[Any, ...], needs: tuple[bool, ...]) -> Sequence[Any]:
    x, mean, r, weight, dims = saved
    share = x.dtype.type(1 / max(reduce_kernel.count_of(x, dims), 1))
    h = centred(x, mean, r)
    gh = product(g, h)
    # A weight that is constant over `dims` (batch norm) comes out of the averages; then they are also
    # the sums that weight and bias want.
    lead = x.ndim - weight.ndim if weight is not None else 0
    constant = weight is None or all(d < lead or weight.shape[d - lead] == 1 for d in dims)
    sum_g = sum_gh = None
    dx = None
    if needs[0]:
        if constant:
            sum_g, sum_gh = reduce_kernel.sum(g, dims, True), reduce_kernel.sum(gh, dims, True)
            scale = r if weight is None else r * weight
            dx = pulled(g, h, scale, sum_g * share, sum_gh * share)
        else:
            gw = product(g, weight)
            averages = (reduce_kernel.sum(gw, dims, True), reduce_kernel.sum(product(gw, h), dims, True))
            dx = pulled(gw, h, r, *(average * share for average in averages))
    return (
        dx,
        summed(gh, sum_gh, weight) if needs[1] else None,
        summed(g, sum_g, weight) if needs[2] else None,
    )


def summed(g: np.ndarray, over_dims: np.ndarray | None, like: np.ndarray | None) -> np.ndarray:
    """What `like` needs of the sums of g: those over the dims if they fit, else g summed to its shape."""
    if like is None:
        return g
    if over_dims is not None and over_dims.shape == like.shape:
        return over_dims
    lead = g.ndim - like.ndim
    axes = tuple(i for i in range(g.ndim) if i < lead or like.shape[i - lead] == 1)
    return reduce_kernel.sum(g, axes, True).reshape(like.shape)


standardize_ = fused(
    "standardize",
    composite,
    forward,
    backward,
    inputs=("x", "weight", "bias"),
    shape=lambda x, weight=None, bias=None, **_: x,
)


def standardize(
    x: Any,
    weight: Any = None,
    bias: Any = None,
    *,
    dims: Shape,
    eps: float = 1e-5,
    statistics: Statistics | None = None,
) -> Any:
    """x with mean 0 and variance 1 over `dims`, then times weight plus bias, which broadcast against it.

    `statistics` saves work where mean and variance (as statistics_of gives them) are known already.

    >>> import autograd
    >>> standardize(autograd.tensor([[1.0, 3.0]]), dims=(1,))
    tensor([[-1.,  1.]])
    """
    return standardize_(x, weight, bias, dims=dims, eps=eps, statistics=statistics)
