"""Sums, extremes and what is made of them: reductions over some or all dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd import tape
from autograd.op import operation
from autograd.ops import elementwise as e
from autograd.ops import reduce_kernel, softmax_kernel
from autograd.ops.index import gather
from autograd.ops.shape import expand, reshape
from autograd.tape import Value

Dims = int | Sequence[int] | None


def dims_of(name: str, ndim: int, dim: Dims) -> tuple[int, ...]:
    """`dim` as a sorted tuple of non-negative dimensions; None means all."""
    if dim is None:
        return tuple(range(ndim))
    dims, rank = [], ndim or 1  # 0-d takes dim 0 and -1; `max` is ours here
    for d in (dim,) if isinstance(dim, int | np.integer) else dim:
        if not -rank <= d < rank:
            raise IndexError(f"{name}: dim {d} is out of range for {ndim} dimensions")
        dims.append(int(d) % rank)
    if len(set(dims)) != len(dims):
        raise ValueError(f"{name}: dim {dim} names a dimension twice")
    return tuple(sorted(dims)) if ndim else ()


def reduced_shape(x: tuple[int, ...], *, dims: tuple[int, ...], keepdim: bool) -> tuple[int, ...]:
    if keepdim:
        return tuple(1 if i in dims else length for i, length in enumerate(x))
    return tuple(length for i, length in enumerate(x) if i not in dims)


def kept(g: Any, shape: tuple[int, ...], dims: tuple[int, ...]) -> Any:
    """A reduced array with its reduced dimensions back as 1."""
    return reshape(g, reduced_shape(shape, dims=dims, keepdim=True))


def spread(g: Any, shape: tuple[int, ...], dims: tuple[int, ...]) -> Any:
    """A reduced array repeated over the dimensions it was reduced over."""
    return expand(kept(g, shape, dims), shape)


def sum_forward(x: Any, *, dims: tuple[int, ...], keepdim: bool) -> Any:
    if x.dtype.kind != "f":
        return np.sum(x, axis=dims, keepdims=keepdim, dtype=np.int64)
    return reduce_kernel.sum(x, dims, keepdim)


sum_ = operation(
    "sum",
    sum_forward,
    {"x": lambda g, x_shape, dims: spread(g, x_shape, dims)},
    shape=reduced_shape,
)


def extreme_rule(g: Any, x: Any, z: Any, dims: tuple[int, ...]) -> Any:
    """Elements equal to the extreme share the gradient evenly."""
    hit = e.eq(x, kept(z, x.shape, dims))
    hit = hit.data if isinstance(hit, Value) else hit
    share = hit / hit.sum(axis=dims, keepdims=True)
    return kept(g, x.shape, dims) * share.astype(x.dtype)


amax_ = operation(
    "amax",
    lambda x, *, dims, keepdim: reduce_kernel.max(x, dims, keepdim),
    {"x": extreme_rule},
    shape=reduced_shape,
)
amin_ = operation(
    "amin",
    lambda x, *, dims, keepdim: reduce_kernel.min(x, dims, keepdim),
    {"x": extreme_rule},
    shape=reduced_shape,
)

PLACE = "its output is an integer position"


def arg_forward(function: Any) -> Any:
    def forward(x: Any, *, dims: tuple[int, ...], keepdim: bool) -> Any:
        if len(dims) == x.ndim:
            return function(x).reshape((1,) * x.ndim if keepdim else ())
        return function(x, axis=dims[0], keepdims=keepdim)

    return forward


argmax_ = operation("argmax", arg_forward(np.argmax), {"x": None}, shape=reduced_shape, why=PLACE)
argmin_ = operation("argmin", arg_forward(np.argmin), {"x": None}, shape=reduced_shape, why=PLACE)


def logsumexp_forward(x: Any, *, dims: tuple[int, ...], keepdim: bool) -> Any:
    """log of the sum of exp(x), with the largest x taken out so that nothing overflows."""
    top = np.max(x, axis=dims, keepdims=True, initial=-np.inf)
    top = np.where(np.isfinite(top), top, 0).astype(x.dtype)
    out = np.log(np.sum(np.exp(x - top), axis=dims, keepdims=True)) + top
    return out if keepdim else out.reshape(reduced_shape(x.shape, dims=dims, keepdim=False))


def logsumexp_rule(g: Any, x: Any, z: Any, dims: tuple[int, ...]) -> Any:
    z = kept(z, x.shape, dims)
    # Where every x is -inf, so is z, and x - z would be NaN: the gradient is 0 there.
    safe = e.where(e.eq(z, -np.inf), 0.0, z)
    return kept(g, x.shape, dims) * e.exp(x - safe)


logsumexp_ = operation("logsumexp", logsumexp_forward, {"x": logsumexp_rule}, shape=reduced_shape)


def same_shape(x: tuple[int, ...], *, dim: int) -> tuple[int, ...]:
    return x


softmax_ = operation(
    "softmax",
    lambda x, *, dim: softmax_kernel.softmax(x, dim),
    {"x": lambda g, z, dim: z * (g - sum(g * z, dim, keepdim=True))},  # type: ignore[call-overload]
    shape=same_shape,
    raw_rules={"x": lambda g, z, dim: softmax_kernel.softmax_backward(g, z, dim)},
)
log_softmax_ = operation(
    "log_softmax",
    lambda x, *, dim: softmax_kernel.log_softmax(x, dim),
    {"x": lambda g, z, dim: g - e.exp(z) * sum(g, dim, keepdim=True)},  # type: ignore[call-overload]
    shape=same_shape,
    raw_rules={"x": lambda g, z, dim: softmax_kernel.log_softmax_backward(g, z, dim)},
)


# The functions of the public API ------------------------------------------------------------------


def ndim_of(x: Any) -> int:
    return len(x.shape)


def nonempty(name: str, x: Any, dims: tuple[int, ...]) -> None:
    if any(x.shape[d] == 0 for d in dims):
        raise ValueError(f"{name}: no elements to choose from in shape {tuple(x.shape)} over dims {dims}")


def sum(x: Any, dim: Dims = None, keepdim: bool = False) -> Any:
    """The sum over `dim` (an int, several, or None for all)."""
    return sum_(x, dims=dims_of("sum", ndim_of(x), dim), keepdim=keepdim)


def count(shape: tuple[int, ...], dims: tuple[int, ...]) -> int:
    total = 1
    for d in dims:
        total *= shape[d]
    return total


def mean(x: Any, dim: Dims = None, keepdim: bool = False) -> Any:
    """The mean over `dim` (an int, several, or None for all); NaN over no elements."""
    dims = dims_of("mean", ndim_of(x), dim)
    if x.dtype.kind != "f":
        raise TypeError(f"mean: want a float tensor, got {x.dtype}; use x.float().mean()")
    n = count(x.shape, dims)
    return sum_(x, dims=dims, keepdim=keepdim) * (1.0 / n if n else float("nan"))


def var(x: Any, dim: Dims = None, correction: int = 1, keepdim: bool = False) -> Any:
    """The variance over `dim`: squared deviations summed and divided by (count - correction)."""
    dims = dims_of("var", ndim_of(x), dim)
    n = count(x.shape, dims) - correction
    deviation = x - mean(x, dims, keepdim=True)
    return sum_(e.square(deviation), dims=dims, keepdim=keepdim) * (1.0 / n if n > 0 else float("nan"))


def std(x: Any, dim: Dims = None, correction: int = 1, keepdim: bool = False) -> Any:
    """The square root of `var`."""
    return root(var(x, dim, correction, keepdim))


def root(squares: Any) -> Any:
    """The square root, with the gradient 0 at 0, where a norm has its tip: not infinity times 0."""
    zero = e.eq(squares, 0.0)
    return e.where(zero, 0.0, e.sqrt(e.where(zero, 1.0, squares)))


def amax(x: Any, dim: Dims = None, keepdim: bool = False) -> Any:
    """The largest element over `dim`; equal ones share the gradient."""
    dims = dims_of("amax", ndim_of(x), dim)
    nonempty("amax", x, dims)
    return amax_(x, dims=dims, keepdim=keepdim)


def amin(x: Any, dim: Dims = None, keepdim: bool = False) -> Any:
    """The smallest element over `dim`; equal ones share the gradient."""
    dims = dims_of("amin", ndim_of(x), dim)
    nonempty("amin", x, dims)
    return amin_(x, dims=dims, keepdim=keepdim)


def one_dim(name: str, ndim: int, dim: int | None) -> tuple[int, ...]:
    if not isinstance(dim, int | np.integer | None):
        raise TypeError(f"{name}: want one dim or None, got {dim!r}")
    return dims_of(name, ndim, dim)


def argmax(x: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The position of the largest element (the first of equals), in the flattened tensor or over `dim`."""
    dims = one_dim("argmax", ndim_of(x), dim)
    nonempty("argmax", x, dims)
    return argmax_(x, dims=dims, keepdim=keepdim)


def argmin(x: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The position of the smallest element (the first of equals), in the flattened tensor or over `dim`."""
    dims = one_dim("argmin", ndim_of(x), dim)
    nonempty("argmin", x, dims)
    return argmin_(x, dims=dims, keepdim=keepdim)


class ValuesIndices(NamedTuple):
    """What max(x, dim) and min(x, dim) return."""

    values: Any
    indices: Any


def max(x: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The largest element; with `dim`, (values, indices) over it, the gradient going to that element."""
    return amax(x) if dim is None else picked(x, argmax(x, dim, keepdim=True), dim, keepdim)


def min(x: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The smallest element; with `dim`, (values, indices) over it, the gradient going to that element."""
    return amin(x) if dim is None else picked(x, argmin(x, dim, keepdim=True), dim, keepdim)


def picked(x: Any, indices: Any, dim: int, keepdim: bool) -> ValuesIndices:
    if ndim_of(x) == 0:
        return ValuesIndices(reshape(x, ()), indices)
    values = gather(x, dim, indices)
    if keepdim:
        return ValuesIndices(values, indices)
    shape = reduced_shape(x.shape, dims=dims_of("max", ndim_of(x), dim), keepdim=False)
    return ValuesIndices(reshape(values, shape), reshape(indices, shape))


def logsumexp(x: Any, dim: Dims, keepdim: bool = False) -> Any:
    """log(sum(exp(x))) over `dim`, safe for large and for infinite x."""
    return logsumexp_(x, dims=dims_of("logsumexp", ndim_of(x), dim), keepdim=keepdim)


def softmax(x: Any, dim: int = -1) -> Any:
    """exp(x) / sum(exp(x)) over `dim`."""
    dims_of("softmax", ndim_of(x), dim)
    return softmax_(floating(x), dim=dim)


def log_softmax(x: Any, dim: int = -1) -> Any:
    """x - logsumexp(x) over `dim`."""
    dims_of("log_softmax", ndim_of(x), dim)
    return log_softmax_(floating(x), dim=dim)


def floating(x: Any) -> Any:
    return x if x.dtype.kind == "f" else x * 1.0


def norm(x: Any, p: float = 2.0, dim: Dims = None, keepdim: bool = False) -> Any:
    """The p-norm over `dim` (p = 1, 2 or infinity); its gradient where the norm is 0 is 0, not NaN."""
    if p == 1:
        return sum(e.abs(x), dim, keepdim)
    if p == float("inf"):
        return amax(e.abs(x), dim, keepdim)
    if p != 2:
        raise ValueError(f"norm: p must be 1, 2 or inf, got {p}")
    return root(sum(e.square(x), dim, keepdim))


# The backward loop undoes broadcasting with it, on arrays and on Tensors.
tape.summed = sum
