"""Max and average pooling.

The gradient of max pooling puts g at the places of the maxima, which are the op's second output; putting and
picking at fixed places are each other's derivative. Average pooling is linear: it and its adjoint are too.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from autograd import kernels
from autograd.fused import fused
from autograd.op import operation
from autograd.ops import pool_kernel
from autograd.ops.conv import pair
from autograd.ops.pool_kernel import Pair
from autograd.ops.shape import reshape, unsqueeze
from autograd.quick import quick
from autograd.tape import Value

Shape = tuple[int, ...]


def pooled_shape(x: Shape, *, shape: Pair, **_: Any) -> Shape:
    return (*x[:2], *shape)


def max_pool_forward(
    x: Any, *, kernel_size: Pair, stride: Pair, padding: Pair, dilation: Pair, shape: Pair
) -> tuple[Any, Any]:
    return pool_kernel.largest(x, kernel_size, stride, padding, dilation, shape)


def max_pool_rule(gs: Any, index: Any, x_shape: Shape) -> Any:
    return put_(gs[0], index=index.data if isinstance(index, Value) else index, size=x_shape[2:])


def put_rule(g: Any, index: Any) -> Any:
    return pick_(g, index=index)


def pick_rule(g: Any, index: Any, x_shape: Shape) -> Any:
    return put_(g, index=index, size=x_shape[2:])


max_pool_ = operation(
    "max_pool2d",
    max_pool_forward,
    {"x": max_pool_rule},
    shape=lambda x, **attributes: (pooled_shape(x, **attributes),) * 2,
    outputs=("values", "index"),
)


def values_composite(x: Any, **attributes: Any) -> Any:
    return max_pool_(x, **attributes)[0]


def values_forward(x: Any, **attributes: Any) -> tuple[Any, tuple[Any, ...]] | None:
    if not kernels.active:
        return None
    values, index = max_pool_forward(x, **attributes)
    return values, (index, x.shape[2:])


def values_backward(g: Any, saved: tuple[Any, ...], needs: tuple[bool, ...]) -> Sequence[Any]:
    return (pool_kernel.scatter(g, *saved),)


max_values_ = fused(
    "max_pool2d_values",
    values_composite,
    values_forward,
    values_backward,
    inputs=("x",),
    shape=pooled_shape,
)
put_ = operation(
    "put_in_plane",
    lambda y, *, index, size: pool_kernel.scatter(y, index, size),
    {"y": put_rule},
    shape=lambda y, *, index, size: (*y[:2], *size),
)
pick_ = operation(
    "pick_in_plane",
    lambda x, *, index: pool_kernel.pick(x, index),
    {"x": pick_rule},
    shape=lambda x, *, index: index.shape,
)


def average_forward(
    x: Any, *, kernel_size: Pair, stride: Pair, padding: Pair, count_include_pad: bool, shape: Pair
) -> Any:
    return pool_kernel.average(x, kernel_size, stride, padding, count_include_pad, shape)


def spread_forward(
    y: Any, *, kernel_size: Pair, stride: Pair, padding: Pair, count_include_pad: bool, size: Pair
) -> Any:
    return pool_kernel.spread(y, kernel_size, stride, padding, count_include_pad, size)


def average_rule(
    g: Any, x_shape: Shape, kernel_size: Pair, stride: Pair, padding: Pair, count_include_pad: bool
) -> Any:
    return spread_(
        g, kernel_size=kernel_size, stride=stride, padding=padding, count_include_pad=count_include_pad,
        size=x_shape[2:],
    )  # fmt: skip


def spread_rule(
    g: Any, y_shape: Shape, kernel_size: Pair, stride: Pair, padding: Pair, count_include_pad: bool
) -> Any:
    return average_(
        g, kernel_size=kernel_size, stride=stride, padding=padding, count_include_pad=count_include_pad,
        shape=y_shape[2:],
    )  # fmt: skip


average_ = operation("avg_pool2d", average_forward, {"x": average_rule}, shape=pooled_shape)
spread_ = operation(
    "avg_pool2d_spread", spread_forward, {"y": spread_rule}, shape=lambda y, *, size, **_: (*y[:2], *size)
)


# The functions of the public API -------------------------------------------------------------------


def windows_along(length: int, taps: int, stride: int, padding: int, dilation: int, ceil_mode: bool) -> int:
    """How many windows fit along an axis. With ceil_mode a last one may hang over the end, but it must
    begin inside the input or its left padding (PyTorch's rule).

    >>> windows_along(5, 2, 2, 0, 1, False), windows_along(5, 2, 2, 0, 1, True)
    (2, 3)
    """
    room = length + 2 * padding - dilation * (taps - 1) - 1
    count = (room + (stride - 1 if ceil_mode else 0)) // stride + 1
    return count - 1 if ceil_mode and (count - 1) * stride >= length + padding else count


def windows_of(
    name: str, x: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> dict[str, Pair]:
    if x.dtype.kind != "f":
        raise TypeError(f"{name}: input of {x.dtype}; want a floating type (cast with .to(dtype))")
    try:
        return settled(name, x.shape, kernel_size, stride, padding, dilation, ceil_mode)
    except TypeError:  # a list can't be remembered
        return settled.__wrapped__(name, x.shape, kernel_size, stride, padding, dilation, ceil_mode)


@functools.lru_cache(1024)
def settled(
    name: str, shape: Shape, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> dict[str, Pair]:
    """The options of a pool of arrays of this shape as pairs, and the windows' number, checked once."""
    size = pair(name, "kernel_size", kernel_size, 1)
    steps = size if stride is None else pair(name, "stride", stride, 1)
    border, spacing = pair(name, "padding", padding, 0), pair(name, "dilation", dilation, 1)
    count = checked_windows(name, shape, size, steps, border, spacing, ceil_mode)
    return {"kernel_size": size, "stride": steps, "padding": border, "dilation": spacing, "shape": count}


def checked_windows(
    name: str, shape: Shape, kernel_size: Pair, stride: Pair, padding: Pair, dilation: Pair, ceil_mode: bool
) -> Pair:
    """(P, Q), or an error that says what doesn't fit."""
    if len(shape) != 4:
        raise ValueError(f"{name}: input of shape {shape}, want (N, C, H, W) or (C, H, W)")
    for d in (0, 1):
        if 2 * padding[d] > dilation[d] * (kernel_size[d] - 1) + 1:
            raise ValueError(f"{name}: padding {padding} must be at most half of kernel_size {kernel_size}")
    args = ((shape[2 + d], kernel_size[d], stride[d], padding[d], dilation[d]) for d in (0, 1))
    p, q = (windows_along(*arg, ceil_mode) for arg in args)
    if (
        p < 1
        or q < 1
        or not all(
            seen(shape[2 + d], kernel_size[d], stride[d], padding[d], dilation[d], (p, q)[d]) for d in (0, 1)
        )
    ):
        raise ValueError(
            f"{name}: an input of {shape[2]} x {shape[3]} (padding {padding}) is too small for windows of "
            f"{kernel_size[0]} x {kernel_size[1]} (dilation {dilation})"
        )
    return p, q


def seen(length: int, taps: int, stride: int, padding: int, dilation: int, count: int) -> bool:
    """Whether every window sees some of the input. Only holes (dilation) can hide it all."""
    if dilation == 1:
        return True
    starts = (i * stride - padding for i in range(count))
    return all(any(0 <= start + t * dilation < length for t in range(taps)) for start in starts)


def quick_max(
    x: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool, return_indices: bool
) -> Callable[..., Any] | None:
    if x.ndim != 4 or return_indices:
        return None
    found = windows_of("max_pool2d", x, kernel_size, stride, padding, dilation, ceil_mode)
    return pool_kernel.prepared_largest(x, **found)


@quick(quick_max)
def max_pool2d(
    input: Any,
    kernel_size: int | Pair,
    stride: int | Pair | None = None,
    padding: int | Pair = 0,
    dilation: int | Pair = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The maximum of every window, as torch.nn.functional.max_pool2d; stride is kernel_size unless given.

    input (N, C, H, W) or (C, H, W); padding counts as -inf and is at most half of kernel_size; NaN wins. With
    return_indices also where each maximum is, counted along the H x W plane.

    >>> import autograd
    >>> x = autograd.arange(16.0).reshape(1, 4, 4)
    >>> max_pool2d(x, 2).tolist()
    [[[5.0, 7.0], [13.0, 15.0]]]
    """
    x = unsqueeze(input, 0) if len(input.shape) == 3 else input
    found = windows_of("max_pool2d", x, kernel_size, stride, padding, dilation, ceil_mode)
    if not return_indices:
        values = max_values_(x, **found)
        return values if x is input else reshape(values, values.shape[1:])
    values, index = max_pool_(x, **found)
    if x is not input:
        values, index = reshape(values, values.shape[1:]), reshape(index, index.shape[1:])
    return values, index


def quick_average(
    x: Any, kernel_size: Any, stride: Any, padding: Any, ceil_mode: bool, count_include_pad: bool
) -> Callable[..., Any] | None:
    if x.ndim != 4:
        return None
    found = windows_of("avg_pool2d", x, kernel_size, stride, padding, 1, ceil_mode)
    return pool_kernel.prepared_average(x, **found, count_include_pad=count_include_pad)


@quick(quick_average)
def avg_pool2d(
    input: Any,
    kernel_size: int | Pair,
    stride: int | Pair | None = None,
    padding: int | Pair = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Any:
    """The mean of every window, as torch.nn.functional.avg_pool2d; stride is kernel_size unless given.

    input (N, C, H, W) or (C, H, W); padding counts as zeros, or with count_include_pad=False not at all.

    >>> import autograd
    >>> avg_pool2d(autograd.arange(16.0).reshape(1, 4, 4), 2).tolist()
    [[[2.5, 4.5], [10.5, 12.5]]]
    """
    x = unsqueeze(input, 0) if len(input.shape) == 3 else input
    found = windows_of("avg_pool2d", x, kernel_size, stride, padding, 1, ceil_mode)
    y = average_(
        x,
        kernel_size=found["kernel_size"],
        stride=found["stride"],
        padding=found["padding"],
        count_include_pad=count_include_pad,
        shape=found["shape"],
    )
    return y if x is input else reshape(y, y.shape[1:])
