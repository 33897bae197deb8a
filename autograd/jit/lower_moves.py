"""Steps that move elements: copies, joins, borders, choices by position."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd import kernels
from autograd.jit.graph import Operand, Step, array_of, contiguous
from autograd.jit.instructions import INT64, REALS, Lowering, Unsuited, register
from autograd.jit.lower import one_real
from autograd.ops.index import is_basic
from autograd.ops.softmax_kernel import around

Shape = tuple[int, ...]


@register("copy", "cast", "reshape")
def copied(lowering: Lowering, step: Step) -> None:
    (x,), (out,) = step.reads, step.writes
    if x.dtype == INT64 and out.dtype in REALS and contiguous(out.shape, out.strides, out.dtype.itemsize):
        lowering.emit(kernels.CAST, out.dtype, [lowering.plain(x), out], [out], (out.size,))
        return
    if x.dtype != out.dtype and not (x.dtype == np.bool_ and out.dtype in REALS):
        raise Unsuited
    if x.shape != out.shape:
        if not contiguous(out.shape, out.strides, out.dtype.itemsize):
            raise Unsuited
        out = viewed_as(out, x.shape)
    lowering.copy(x, out)


def viewed_as(x: Operand, shape: Shape) -> Operand:
    """A contiguous operand in another shape."""
    strides, step = [], x.dtype.itemsize
    for length in reversed(shape):
        strides.append(step)
        step *= length
    return x.viewed(shape, tuple(reversed(strides)))


def part(x: Operand, key: Any) -> Operand:
    """x[key] for a key of slices and numbers."""
    view = array_of(x)[key]
    shift = view.__array_interface__["data"][0] - array_of(x).__array_interface__["data"][0]
    return Operand(x.buffer, x.offset + shift, view.shape, view.strides, view.dtype)


@register("cat")
def cat(lowering: Lowering, step: Step) -> None:
    (out,), dim = step.writes, step.attributes["dim"]
    start = 0
    for x in step.reads:
        length = x.shape[dim]
        if length and x.size:
            lowering.copy(x, part(out, (slice(None),) * dim + (slice(start, start + length),)))
        start += length


@register("pad")
def pad(lowering: Lowering, step: Step) -> None:
    (x,), (out,) = step.reads, step.writes
    lowering.fill(step.attributes["value"], out)
    key = tuple(
        slice(before, before + n) for (before, _), n in zip(step.attributes["widths"], x.shape, strict=True)
    )
    lowering.copy(x, part(out, key))


@register("putitem")
def putitem(lowering: Lowering, step: Step) -> None:
    (y,), (out,) = step.reads, step.writes
    key = step.attributes["key"]
    if not is_basic(key):
        raise Unsuited
    lowering.fill(0.0, out)
    place = part(out, (*key, ...) if key.__class__ is tuple and Ellipsis not in key else key)
    lowering.copy(y, place)


@register("take_rows", "add_rows")
def rows(lowering: Lowering, step: Step) -> None:
    dtype = one_real(step)
    index = step.attributes["index"]
    if index.dtype != INT64:
        raise Unsuited
    index = lowering.plain(index)
    (x,), (out,) = step.reads, step.writes
    x = lowering.plain(x)
    if step.op == "take_rows":
        sizes = (1, x.shape[0], x.shape[1], index.size, 0)
        lowering.emit(kernels.GATHER, dtype, [x, index, out], [out], sizes)
    else:
        put = (1, out.shape[0], out.shape[1], index.size, 0, 0)
        lowering.emit(kernels.SCATTER_ADD, dtype, [out, index, x], [out], put)


@register("gather")
def gather(lowering: Lowering, step: Step) -> None:
    dtype = one_real(step)
    (x,), (out,), index = step.reads, step.writes, step.attributes["index"]
    dim = step.attributes["dim"]
    others = [n for d, n in enumerate(x.shape) if d != dim]
    if index.dtype != INT64 or others != [n for d, n in enumerate(index.shape) if d != dim]:
        raise Unsuited
    x, index = lowering.plain(x), lowering.plain(index)
    sizes = (*around(x.shape, dim), index.shape[dim], 1)
    lowering.emit(kernels.GATHER, dtype, [x, index, out], [out], sizes)


@register("scatter_add")
def scatter_add(lowering: Lowering, step: Step) -> None:
    dtype = one_real(step)
    (x, source), (out,) = step.reads, step.writes
    dim, index = step.attributes["dim"], step.attributes["index"]
    others = [n for d, n in enumerate(x.shape) if d != dim]
    same = index.shape == source.shape and others == [n for d, n in enumerate(index.shape) if d != dim]
    if index.dtype != INT64 or not same:
        raise Unsuited
    lowering.copy(x, out)
    sizes = (*around(out.shape, dim), index.shape[dim], 1, 1)
    args = [out, lowering.plain(index), lowering.plain(source)]
    lowering.emit(kernels.SCATTER_ADD, dtype, args, [out], sizes)
