"""Sums, extremes and what is made of them: reductions over some or all dimensions."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd import accelerated, tape
from autograd.fused import fused
from autograd.op import REGISTRY, cast, operation
from autograd.ops import elementwise as e
from autograd.ops import reduce_kernel
from autograd.ops.dims import Dims, dims_of, reduced_shape
from autograd.ops.index import gather
from autograd.ops.shape import expand, reshape
from autograd.quick import quick
from autograd.tape import RECORD, Value, mode


def kept(g: Any, shape: tuple[int, ...], dims: tuple[int, ...]) -> Any:
    """A reduced array with its reduced dimensions back as 1."""
    return reshape(g, reduced_shape(shape, dims=dims, keepdim=True))


def spread(g: Any, shape: tuple[int, ...], dims: tuple[int, ...]) -> Any:
    """A reduced array repeated over the dimensions it was reduced over."""
    return expand(kept(g, shape, dims), shape)


def spread_array(g: np.ndarray, x_shape: tuple[int, ...], dims: tuple[int, ...]) -> np.ndarray:
    """`spread` of a plain array: a read-only view with strides of 0."""
    if not g.flags.c_contiguous:
        g = np.ascontiguousarray(g)
    strides, stride = [0] * len(x_shape), g.itemsize
    for i in range(len(x_shape) - 1, -1, -1):
        if i not in dims:
            strides[i] = stride
            stride *= x_shape[i]
    if not g.size or 0 in x_shape:
        return np.zeros(x_shape, g.dtype)
    view: np.ndarray = np.ndarray(x_shape, g.dtype, g, 0, strides)
    view.flags.writeable = False
    return view


def sum_forward(x: Any, *, dims: tuple[int, ...], keepdim: bool) -> Any:
    if x.dtype.kind != "f":
        return np.sum(x, axis=dims, keepdims=keepdim, dtype=np.int64)
    return reduce_kernel.sum(x, dims, keepdim)


sum_ = operation(
    "sum",
    sum_forward,
    {"x": lambda g, x_shape, dims: spread(g, x_shape, dims)},
    shape=reduced_shape,
    raw_rules={"x": spread_array},
)


def var_shape(
    x: tuple[int, ...], *, dims: tuple[int, ...], correction: int, keepdim: bool
) -> tuple[int, ...]:
    return reduced_shape(x, dims=dims, keepdim=keepdim)


def share(shape: tuple[int, ...], dims: tuple[int, ...]) -> float:
    """What one element counts in a mean; NaN for the mean of nothing."""
    n = count(shape, dims)
    return 1.0 / n if n else float("nan")


mean_ = operation(
    "mean",
    lambda x, *, dims, keepdim: reduce_kernel.mean(x, dims, keepdim),
    {"x": lambda g, x_shape, dims: spread(g * share(x_shape, dims), x_shape, dims)},
    shape=reduced_shape,
    raw_rules={
        "x": lambda g, x_shape, dims: spread_array(np.asarray(g * share(x_shape, dims)), x_shape, dims)
    },
)


def var_composite(x: Any, *, dims: tuple[int, ...], correction: int, keepdim: bool) -> Any:
    n = count(x.shape, dims) - correction
    deviation = x - mean(x, dims, keepdim=True)
    return sum_(e.square(deviation), dims=dims, keepdim=keepdim) * (1.0 / n if n > 0 else float("nan"))


def var_forward(
    x: np.ndarray, *, dims: tuple[int, ...], correction: int, keepdim: bool
) -> tuple[np.ndarray, tuple[Any, ...]] | None:
    n = count(x.shape, dims)
    rest = n - correction
    if rest <= 0:
        return None
    centre = reduce_kernel.reduced(reduce_kernel.SUM, x, dims, True, 1 / n)
    if centre is None:
        return None
    out = reduce_kernel.reduced(reduce_kernel.SQUARES, x, dims, keepdim, 1 / rest, centre)
    return None if out is None else (out, (x, centre, 2 / rest))


# One pass over large arrays.
pulled_to_mean = accelerated.forward("pulled_to_mean", lambda x, centre, g: (x - centre) * g, 3)


def var_backward(g: np.ndarray, saved: tuple[Any, ...], needs: tuple[bool, ...]) -> Sequence[Any]:
    x, centre, factor = saved
    return (pulled_to_mean(x, centre, np.asarray(g * factor).reshape(centre.shape)),)


var_ = fused("var", var_composite, var_forward, var_backward, inputs=("x",), shape=var_shape)


def extreme_rule(g: Any, x: Any, z: Any, dims: tuple[int, ...]) -> Any:
    """Elements equal to the extreme share the gradient evenly."""
    hit = cast(e.eq(x, kept(z, x.shape, dims)), x.dtype)
    return kept(g, x.shape, dims) * (hit / sum_(hit, dims=dims, keepdim=True))


def extreme_array(g: np.ndarray, x: np.ndarray, z: np.ndarray, dims: tuple[int, ...]) -> np.ndarray:
    return reduce_kernel.extreme_backward(g, x, z, dims)


amax_ = operation(
    "amax",
    lambda x, *, dims, keepdim: reduce_kernel.max(x, dims, keepdim),
    {"x": extreme_rule},
    shape=reduced_shape,
    raw_rules={"x": extreme_array},
)
amin_ = operation(
    "amin",
    lambda x, *, dims, keepdim: reduce_kernel.min(x, dims, keepdim),
    {"x": extreme_rule},
    shape=reduced_shape,
    raw_rules={"x": extreme_array},
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


exp_below = accelerated.forward("exp_below", lambda x, top: e.exp(x - top), 2)


def logsumexp_rule(g: Any, x: Any, z: Any, dims: tuple[int, ...]) -> Any:
    z = kept(z, x.shape, dims)
    # Where every x is -inf, so is z, and x - z would be NaN: the gradient is 0 there.
    safe = e.where(e.eq(z, -np.inf), 0.0, z)
    return kept(g, x.shape, dims) * e.exp(x - safe)


logsumexp_ = operation(
    "logsumexp",
    lambda x, *, dims, keepdim: reduce_kernel.logsumexp(x, dims, keepdim, exp_below),
    {"x": logsumexp_rule},
    shape=reduced_shape,
)


# The functions of the public API ------------------------------------------------------------------


def ndim_of(x: Any) -> int:
    return len(x.shape)


def nonempty(name: str, x: Any, dims: tuple[int, ...]) -> None:
    if any(x.shape[d] == 0 for d in dims):
        raise ValueError(f"{name}: no elements to choose from in shape {tuple(x.shape)} over dims {dims}")


def short(name: str, kernel: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The short way through a reduction."""
    plan = REGISTRY[name].plan((True,))

    def prepare(a: np.ndarray, dim: Dims, keepdim: bool) -> Any:
        dims = dims_of(name, a.ndim, dim)
        scale = share(a.shape, dims) if name == "mean" else 1.0
        run = reduce_kernel.filling(kernel, a, dims, keepdim, scale)
        attributes = {"dims": dims, "keepdim": keepdim}
        return run and (run, lambda a, out: plan.keep((a,), (out,), attributes))

    return quick(prepare, plan=plan)


@short("sum", reduce_kernel.SUM)
def sum(x: Any, dim: Dims = None, keepdim: bool = False) -> Any:
    """The sum over `dim` (an int, several, or None for all)."""
    return sum_(x, dims=dims_of("sum", ndim_of(x), dim), keepdim=keepdim)


def count(shape: tuple[int, ...], dims: tuple[int, ...]) -> int:
    total = 1
    for d in dims:
        total *= shape[d]
    return total


@short("mean", reduce_kernel.SUM)
def mean(x: Any, dim: Dims = None, keepdim: bool = False) -> Any:
    """The mean over `dim` (an int, several, or None for all); NaN over no elements."""
    dims = dims_of("mean", ndim_of(x), dim)
    if x.dtype.kind != "f":
        raise TypeError(f"mean: want a float tensor, got {x.dtype}; use x.float().mean()")
    return mean_(x, dims=dims, keepdim=keepdim)


def var(x: Any, dim: Dims = None, correction: int = 1, keepdim: bool = False) -> Any:
    """The variance over `dim`: squared deviations summed and divided by (count - correction)."""
    return var_(x, dims=dims_of("var", ndim_of(x), dim), correction=correction, keepdim=keepdim)


def std(x: Any, dim: Dims = None, correction: int = 1, keepdim: bool = False) -> Any:
    """The square root of `var`."""
    return root(var(x, dim, correction, keepdim))


def root(squares: Any) -> Any:
    """The square root, with the gradient 0 at 0, where a norm has its tip: not infinity times 0."""
    zero = e.eq(squares, 0.0)
    return e.where(zero, 0.0, e.sqrt(e.where(zero, 1.0, squares)))


@short("amax", reduce_kernel.MAX)
def amax(x: Any, dim: Dims = None, keepdim: bool = False) -> Any:
    """The largest element over `dim`; equal ones share the gradient."""
    dims = dims_of("amax", ndim_of(x), dim)
    nonempty("amax", x, dims)
    return amax_(x, dims=dims, keepdim=keepdim)


@short("amin", reduce_kernel.MIN)
def amin(x: Any, dim: Dims = None, keepdim: bool = False) -> Any:
    """The smallest element over `dim`; equal ones share the gradient."""
    dims = dims_of("amin", ndim_of(x), dim)
    nonempty("amin", x, dims)
    return amin_(x, dims=dims, keepdim=keepdim)


def one_dim(name: str, ndim: int, dim: int | None) -> tuple[int, ...]:
    if not isinstance(dim, int | np.integer | None):
        raise TypeError(f"{name}: want one dim or None, got {dim!r}")
    return dims_of(name, ndim, dim)


def by_method(
    method: Callable[..., Any], x: np.ndarray, dim: int | None, keepdim: bool
) -> Callable[..., np.ndarray] | None:
    if dim is not None and x.ndim > 1:
        return lambda x: method(x, dim, None, keepdims=keepdim)
    return None if keepdim else lambda x: np.asarray(method(x))  # else it is no array


@quick(functools.partial(by_method, np.ndarray.argmax))
def argmax(x: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The position of the largest element (the first of equals), in the flattened tensor or over `dim`."""
    dims = one_dim("argmax", ndim_of(x), dim)
    nonempty("argmax", x, dims)
    return argmax_(x, dims=dims, keepdim=keepdim)


@quick(functools.partial(by_method, np.ndarray.argmin))
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
    if dim is None:
        return amax(x)
    if unrecorded(x):
        return ValuesIndices(amax(x, dim, keepdim), argmax(x, dim, keepdim))
    return picked(x, argmax(x, dim, keepdim=True), dim, keepdim)


def min(x: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The smallest element; with `dim`, (values, indices) over it, the gradient going to that element."""
    if dim is None:
        return amin(x)
    if unrecorded(x):
        return ValuesIndices(amin(x, dim, keepdim), argmin(x, dim, keepdim))
    return picked(x, argmin(x, dim, keepdim=True), dim, keepdim)


def unrecorded(x: Any) -> bool:
    """Whether nobody wants a gradient: then values need not be picked by their indices."""
    return isinstance(x, Value) and (x.node is None or not mode.word & RECORD)


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


def norm_composite(x: Any, *, dims: tuple[int, ...], keepdim: bool) -> Any:
    return root(sum_(e.square(x), dims=dims, keepdim=keepdim))


def norm_forward(
    x: np.ndarray, *, dims: tuple[int, ...], keepdim: bool
) -> tuple[np.ndarray, tuple[Any, ...]] | None:
    squares = reduce_kernel.reduced(reduce_kernel.SQUARES, x, dims, keepdim)
    if squares is None:
        return None
    z = np.sqrt(squares, out=squares)
    return z, (x, z, dims)


scaled = accelerated.forward("scaled", lambda x, g: x * g, 2)


def norm_backward(g: np.ndarray, saved: tuple[Any, ...], needs: tuple[bool, ...]) -> Sequence[Any]:
    x, z, dims = saved
    share = np.divide(g, z, out=np.zeros_like(z), where=z != 0)
    return (scaled(x, share.reshape(reduced_shape(x.shape, dims=dims, keepdim=True))),)


norm_ = fused("norm", norm_composite, norm_forward, norm_backward, inputs=("x",), shape=reduced_shape)


def norm(x: Any, p: float = 2.0, dim: Dims = None, keepdim: bool = False) -> Any:
    """The p-norm over `dim` (p = 1, 2 or infinity); its gradient where the norm is 0 is 0, not NaN."""
    if p == 1:
        return sum(e.abs(x), dim, keepdim)
    if p == float("inf"):
        return amax(e.abs(x), dim, keepdim)
    if p != 2:
        raise ValueError(f"norm: p must be 1, 2 or inf, got {p}")
    return norm_(x, dims=dims_of("norm", ndim_of(x), dim), keepdim=keepdim)


# The backward loop undoes broadcasting with it, on arrays and on Tensors.
tape.summed = sum
