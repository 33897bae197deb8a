"""Ops that move elements without computing: views, and joins of several tensors.

Views share the memory of their input, as NumPy's do. Each op here is linear, and its derivative is
another op here: expand and sum, slice and put into zeros, cat and split.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd.op import REGISTRY, operation
from autograd.tape import unbroadcast

Shape = tuple[int, ...]


def reshape_shape(x: Shape, *, shape: Shape) -> Shape:
    total = math.prod(x)
    if -1 in shape:
        known = math.prod(length for length in shape if length != -1)
        if shape.count(-1) > 1 or not known or total % known:
            raise ValueError(f"reshape: shape {x} with {total} elements can't become {shape}")
        return tuple(total // known if length == -1 else length for length in shape)
    if math.prod(shape) != total:
        raise ValueError(f"reshape: shape {x} with {total} elements can't become {shape}")
    return shape


reshape_ = operation(
    "reshape",
    lambda x, *, shape: x.reshape(shape),
    {"x": lambda g, x_shape: reshape(g, x_shape)},
    shape=reshape_shape,
)


def permute_shape(x: Shape, *, dims: Shape) -> Shape:
    if sorted(d % len(x) if x else d for d in dims) != list(range(len(x))):
        raise ValueError(f"permute: dims {dims} must name each of {len(x)} dimensions once")
    return tuple(x[d] for d in dims)


permute_ = operation(
    "permute",
    lambda x, *, dims: x.transpose(dims),
    {"x": lambda g, dims: permute(g, tuple(int(i) for i in np.argsort(dims)))},
    shape=permute_shape,
)


def expand_shape(x: Shape, *, shape: Shape) -> Shape:
    lead = len(shape) - len(x)
    if lead < 0 or any(a not in (1, b) for a, b in zip(x, shape[lead:], strict=True)):
        raise ValueError(f"expand: shape {x} can't be repeated to {shape}; lengths must be equal or 1")
    return shape


expand_ = operation(
    "expand",
    lambda x, *, shape: np.broadcast_to(x, shape),
    {"x": lambda g, x_shape: unbroadcast(g, x_shape)},
    shape=expand_shape,
)
flip_ = operation(
    "flip",
    lambda x, *, dims: np.flip(x, dims),
    {"x": lambda g, dims: flip(g, dims)},
    shape=lambda x, *, dims: x,
)


def cat_shape(*shapes: Shape, dim: int) -> Shape:
    first = shapes[0]
    for i, shape in enumerate(shapes):
        if len(shape) != len(first) or any(
            a != b for d, (a, b) in enumerate(zip(shape, first, strict=True)) if d != dim
        ):
            raise ValueError(
                f"cat: tensor {i} has shape {shape}, the first {first}; all lengths but that of dim {dim} "
                "must agree"
            )
    return (*first[:dim], sum(shape[dim] for shape in shapes), *first[dim + 1 :])


def cat_rule(g: Any, i: int, shapes: list[Shape], dim: int) -> Any:
    start = sum(shape[dim] for shape in shapes[:i])
    return narrow(g, dim, start, shapes[i][dim])


def cat_forward(*xs: np.ndarray, dim: int) -> np.ndarray:
    if all(x.flags.c_contiguous for x in xs):
        return np.concatenate(xs, dim)
    # NumPy would take over an order of dimensions that all inputs share; what reads the result wants C's.
    shape = cat_shape(*(x.shape for x in xs), dim=dim)
    return np.concatenate(xs, dim, out=np.empty(shape, np.result_type(*xs)))


cat_ = operation("cat", cat_forward, {"*": cat_rule}, shape=cat_shape)


def split_shape(x: Shape, *, sizes: Shape, dim: int) -> tuple[Shape, ...]:
    return tuple((*x[:dim], size, *x[dim + 1 :]) for size in sizes)


split_ = operation(
    "split",
    lambda x, *, sizes, dim: tuple(np.split(x, np.cumsum(sizes)[:-1], dim)),
    {"x": lambda gs, dim: cat(gs, dim)},
    shape=split_shape,
    outputs=("*",),
)


def pad_shape(x: Shape, *, widths: tuple[tuple[int, int], ...], value: float) -> Shape:
    return tuple(length + before + after for length, (before, after) in zip(x, widths, strict=True))


def unpad(g: Any, widths: tuple[tuple[int, int], ...]) -> Any:
    for dim, (before, after) in enumerate(widths):
        if before or after:
            g = narrow(g, dim, before, g.shape[dim] - before - after)
    return g


pad_ = operation(
    "pad",
    lambda x, *, widths, value: np.pad(x, widths, constant_values=value),
    {"x": lambda g, widths: unpad(g, widths)},
    shape=pad_shape,
)


# The functions of the public API ------------------------------------------------------------------


def dim_of(name: str, ndim: int, dim: int) -> int:
    if not -ndim <= dim < ndim:
        raise IndexError(f"{name}: dim {dim} is out of range for {ndim} dimensions")
    return dim % ndim


def reshape(x: Any, shape: Sequence[int]) -> Any:
    """The same elements in another shape; one length may be -1. A view where strides allow it."""
    shape = tuple(int(length) for length in shape)
    if x.shape == shape:
        return x
    return reshape_(x, shape=reshape_shape(tuple(x.shape), shape=shape))


def permute(x: Any, dims: Sequence[int]) -> Any:
    """The dimensions in another order (a view)."""
    dims = tuple(int(d) for d in dims)
    permute_shape(tuple(x.shape), dims=dims)
    return permute_(x, dims=tuple(d % max(len(x.shape), 1) for d in dims))


def transpose(x: Any, dim0: int, dim1: int) -> Any:
    """Two dimensions swapped (a view)."""
    ndim = len(x.shape)
    order = list(range(ndim))
    a, b = dim_of("transpose", ndim, dim0), dim_of("transpose", ndim, dim1)
    order[a], order[b] = order[b], order[a]
    return permute_(x, dims=tuple(order))


def swap_last(x: Any) -> Any:
    """A matrix, or a batch of them, transposed (`mT`)."""
    return transpose(x, -2, -1)


def expand(x: Any, shape: Sequence[int]) -> Any:
    """Dimensions of length 1 repeated to `shape`, without a copy; -1 keeps a length."""
    own = tuple(x.shape)
    lead = len(shape) - len(own)
    full = tuple(own[i - lead] if length == -1 and i >= lead else length for i, length in enumerate(shape))
    return x if own == full else expand_(x, shape=expand_shape(own, shape=full))


def repeat(x: Any, sizes: Sequence[int]) -> Any:
    """Copies side by side, sizes[d] of them along dimension d; new dimensions come first, as in PyTorch.

    >>> import autograd
    >>> repeat(autograd.tensor([1.0, 2.0]), (2, 2)).tolist()
    [[1.0, 2.0, 1.0, 2.0], [1.0, 2.0, 1.0, 2.0]]
    """
    sizes, own = tuple(int(n) for n in sizes), tuple(x.shape)
    if len(sizes) < len(own) or any(n < 0 for n in sizes):
        raise ValueError(f"repeat: want a count >= 0 for each of {len(own)} dimensions at least, got {sizes}")
    own = (1,) * (len(sizes) - len(own)) + own
    apart = [length for n in own for length in (1, n)]
    wide = [length for pair in zip(sizes, own, strict=True) for length in pair]
    return reshape(
        expand(reshape(x, apart), wide), [n * length for n, length in zip(sizes, own, strict=True)]
    )


def squeeze(x: Any, dim: int | Sequence[int] | None = None) -> Any:
    """Dimensions of length 1 dropped: all of them, or those named."""
    shape = tuple(x.shape)
    if dim is None:
        return reshape(x, [length for length in shape if length != 1])
    dims = {dim_of("squeeze", len(shape), d) for d in ((dim,) if isinstance(dim, int) else dim)}
    return reshape(x, [length for i, length in enumerate(shape) if i not in dims or length != 1])


def unsqueeze(x: Any, dim: int) -> Any:
    """A dimension of length 1 put in at `dim`."""
    shape = tuple(x.shape)
    at = dim_of("unsqueeze", len(shape) + 1, dim)
    return reshape(x, (*shape[:at], 1, *shape[at:]))


def flatten(x: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    """The dimensions from start_dim to end_dim (both included) joined into one."""
    shape = tuple(x.shape)
    if not shape:
        return reshape(x, (1,))
    first, last = dim_of("flatten", len(shape), start_dim), dim_of("flatten", len(shape), end_dim)
    if first > last:
        raise ValueError(f"flatten: start_dim {start_dim} comes after end_dim {end_dim}")
    return reshape(x, (*shape[:first], math.prod(shape[first : last + 1]), *shape[last + 1 :]))


def flip(x: Any, dims: int | Sequence[int]) -> Any:
    """The order of elements along `dims` reversed."""
    names = (dims,) if isinstance(dims, int) else tuple(dims)
    return flip_(x, dims=tuple(dim_of("flip", len(x.shape), d) for d in names))


def same_types(name: str, tensors: Sequence[Any]) -> list[Any]:
    """The tensors cast to their common type."""
    from autograd.dtypes import common_dtype
    from autograd.op import cast

    if not tensors:
        raise ValueError(f"{name}: want at least one tensor, got none")
    dtype = common_dtype(*(x if isinstance(x, np.ndarray) else x.data for x in tensors))
    return [x if x.dtype == dtype else cast(x, dtype) for x in tensors]


def cat(tensors: Sequence[Any], dim: int = 0) -> Any:
    """Tensors joined along a dimension they have."""
    tensors = same_types("cat", tensors)
    dim = dim_of("cat", len(tensors[0].shape), dim)
    cat_shape(*(tuple(x.shape) for x in tensors), dim=dim)
    return cat_(*tensors, dim=dim)


def stack(tensors: Sequence[Any], dim: int = 0) -> Any:
    """Tensors of one shape joined along a new dimension."""
    shapes = {tuple(x.shape) for x in tensors}
    if len(shapes) > 1:
        raise ValueError(f"stack: want equal shapes, got {sorted(shapes)}")
    return cat([unsqueeze(x, dim) for x in tensors], dim)


def split(x: Any, split_size: int | Sequence[int], dim: int = 0) -> tuple[Any, ...]:
    """Pieces along `dim`: of `split_size` each (the last may be shorter), or of the sizes listed."""
    dim = dim_of("split", len(x.shape), dim)
    length = x.shape[dim]
    if isinstance(split_size, int):
        if split_size < 1:
            raise ValueError(f"split: split_size must be at least 1, got {split_size}")
        sizes = [min(split_size, length - i) for i in range(0, length, split_size)] or [0]
    else:
        sizes = list(split_size)
        if sum(sizes) != length or min(sizes, default=0) < 0:
            raise ValueError(f"split: sizes {sizes} must sum to {length}, the length of dim {dim}")
    return tuple(split_(x, sizes=tuple(sizes), dim=dim))


def chunk(x: Any, chunks: int, dim: int = 0) -> tuple[Any, ...]:
    """At most `chunks` pieces of equal size along `dim` (the last may be shorter)."""
    length = x.shape[dim_of("chunk", len(x.shape), dim)]
    if chunks < 1:
        raise ValueError(f"chunk: chunks must be at least 1, got {chunks}")
    return split(x, max(1, -(-length // chunks)), dim)


def unbind(x: Any, dim: int = 0) -> tuple[Any, ...]:
    """The slices along `dim`, that dimension dropped."""
    return tuple(squeeze(piece, dim) for piece in split(x, 1, dim)) if x.shape[dim] else ()


def narrow(x: Any, dim: int, start: int, length: int) -> Any:
    """The elements [start, start + length) along `dim` (a view)."""
    dim = dim_of("narrow", len(x.shape), dim)
    return REGISTRY["getitem"].door(x, key=(slice(None),) * dim + (slice(start, start + length),))


def pad(x: Any, widths: Sequence[int], value: float = 0.0) -> Any:
    """Constant borders. `widths` counts from the last dimension, as PyTorch does: (left, right, top,
    bottom, ...); negative widths cut."""
    ndim = len(x.shape)
    if len(widths) % 2 or len(widths) > 2 * ndim:
        raise ValueError(
            f"pad: want up to {ndim} pairs of widths for shape {tuple(x.shape)}, got {list(widths)}"
        )
    pairs = [(0, 0)] * (ndim - len(widths) // 2)
    pairs += [(int(widths[i]), int(widths[i + 1])) for i in range(len(widths) - 2, -1, -2)]
    for dim, (before, after) in enumerate(pairs):
        if before < 0 or after < 0:
            start, end = max(0, -before), max(0, -after)
            x = narrow(x, dim, start, x.shape[dim] - start - end)
    grow = tuple((max(0, before), max(0, after)) for before, after in pairs)
    return pad_(x, widths=grow, value=value) if any(map(any, grow)) else x
