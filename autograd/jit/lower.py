"""The kernels of each op: how csrc/kernels.h wants its operands and sizes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd import kernels
from autograd.jit.graph import Operand, Step, array_of, contiguous
from autograd.jit.instructions import ACTIVATIONS, INT64, REALS, Lowering, Unsuited, register
from autograd.ops import conv_choice, conv_kernel, cross_entropy, matmul_kernel, reduce_kernel, standardize
from autograd.ops.softmax_kernel import around

Shape = tuple[int, ...]


def one_real(step: Step) -> np.dtype[Any]:
    """The real type that all operands of a step have."""
    kinds = {x.dtype for x in (*step.operands, *step.writes)}
    dtype = kinds.pop()
    if kinds or dtype not in REALS:
        raise Unsuited
    return dtype


# Products ----------------------------------------------------------------------------------------


def product(
    lowering: Lowering,
    x: Operand,
    y: Operand,
    out: Operand,
    bias: Operand | None,
    activation: str | None = None,
) -> None:
    """out = act(x @ y + bias), of matrices or batches of them."""
    a, b = array_of(x), array_of(y)
    if a.dtype != b.dtype or a.dtype not in REALS or not contiguous(out.shape, out.strides, a.itemsize):
        raise Unsuited
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a, b = np.broadcast_to(a, (*batch, *a.shape[-2:])), np.broadcast_to(b, (*batch, *b.shape[-2:]))
    if bias is not None:
        bias = lowering.plain(bias)
    looped, sizes = matmul_kernel.instruction(a, b, bias is not None)
    sizes = (*sizes[:-1], ACTIVATIONS[activation])
    rows = math.prod(out.shape[len(batch) :]) * a.itemsize
    for place, index in enumerate(np.ndindex(*batch[:looped])):
        inner = math.prod(batch[looped:])
        left = x._replace(offset=x.offset + sum(i * s for i, s in zip(index, a.strides, strict=False)))
        right = y._replace(offset=y.offset + sum(i * s for i, s in zip(index, b.strides, strict=False)))
        target = out._replace(offset=out.offset + place * inner * rows)
        lowering.emit(kernels.GEMM, a.dtype, [left, right, target, bias], [out], sizes)


@register("linear")
def linear(lowering: Lowering, step: Step) -> None:
    one_real(step)
    x, weight, bias = step.reads
    turned = weight.viewed(weight.shape[::-1], weight.strides[::-1])
    product(lowering, x, turned, step.writes[0], bias, step.attributes.get("activation"))


@register("matmul")
def matmul(lowering: Lowering, step: Step) -> None:
    one_real(step)
    x, y = step.reads
    product(lowering, x, y, step.writes[0], None)


# Convolutions ------------------------------------------------------------------------------------


def flat(x: Operand) -> Operand:
    rows, size = x.shape[0], math.prod(x.shape[1:])
    return x.viewed((rows, size), (size * x.dtype.itemsize, x.dtype.itemsize))


def turned(x: Operand) -> Operand:
    return x.viewed(x.shape[::-1], x.strides[::-1])


def convolution(
    lowering: Lowering,
    kernel: int,
    x: Operand,
    w: Operand,
    y: Operand,
    bias: Operand | None,
    written: Operand,
    attributes: dict[str, Any],
) -> None:
    """One of the three kernels on x, w and y, of which it writes one."""
    stride, padding, dilation = (attributes[name] for name in ("stride", "padding", "dilation"))
    groups, activation = attributes["groups"], attributes.get("activation")
    x, w, y = (z if z is written else lowering.plain(z) for z in (x, w, y))
    if not contiguous(written.shape, written.strides, written.dtype.itemsize):
        raise Unsuited
    bias = None if bias is None else lowering.plain(bias)
    if conv_kernel.is_product(x.shape, w.shape, padding, groups):
        if kernel == kernels.CONV2D:
            product(lowering, flat(x), turned(flat(w)), flat(y), bias, activation)
        elif kernel == kernels.CONV2D_INPUT:
            product(lowering, flat(y), flat(w), flat(x), None)
        else:
            product(lowering, turned(flat(y)), flat(x), flat(w), None)
        return
    sizes = (*x.shape, w.shape[0], *w.shape[2:], *y.shape[2:], *stride, *padding, *dilation, groups)
    algorithm = 0
    if conv_choice.get_conv_algorithm() != "auto":
        arrays = [array_of(z) if z is not None else None for z in (x, w, y, bias)]
        algorithm = conv_choice.find(kernel, arrays, sizes)
    sizes = (*sizes, algorithm, ACTIVATIONS[activation])
    lowering.emit(kernel, x.dtype, [x, w, y, bias], [written], sizes)


@register("conv2d", "conv2d_bias")
def conv2d(lowering: Lowering, step: Step) -> None:
    one_real(step)
    x, w, *bias = step.reads
    y = step.writes[0]
    convolution(lowering, kernels.CONV2D, x, w, y, bias[0] if bias else None, y, step.attributes)


@register("conv2d_input")
def conv2d_input(lowering: Lowering, step: Step) -> None:
    one_real(step)
    y, w = step.reads
    x = step.writes[0]
    convolution(lowering, kernels.CONV2D_INPUT, x, w, y, None, x, step.attributes)


@register("conv2d_weight")
def conv2d_weight(lowering: Lowering, step: Step) -> None:
    one_real(step)
    x, y = step.reads
    w = step.writes[0]
    convolution(lowering, kernels.CONV2D_WEIGHT, x, w, y, None, w, step.attributes)


# Reductions --------------------------------------------------------------------------------------

REDUCTIONS = {
    "sum": reduce_kernel.SUM,
    "mean": reduce_kernel.SUM,
    "amax": reduce_kernel.MAX,
    "amin": reduce_kernel.MIN,
}


@register(*REDUCTIONS)
def reduction(lowering: Lowering, step: Step) -> None:
    dtype = one_real(step)
    (x,), (out,) = step.reads, step.writes
    dims = step.attributes["dims"]
    scale = 1.0
    if step.op == "mean":
        scale = 1 / math.prod([x.shape[d] for d in dims])
    reduced(lowering, REDUCTIONS[step.op], x, dims, scale, out, dtype)


def reduced(
    lowering: Lowering, op: int, x: Operand, dims: Shape, scale: float, out: Operand, dtype: np.dtype[Any]
) -> None:
    if not contiguous(out.shape, out.strides, dtype.itemsize):
        raise Unsuited
    if not dims or all(x.shape[d] == 1 for d in dims):  # nothing to add up
        if scale != 1.0:
            raise Unsuited
        kept = [(n, s) for d, (n, s) in enumerate(zip(x.shape, x.strides, strict=True)) if d not in dims]
        if len(out.shape) == len(x.shape):
            lowering.copy(x, out)
        else:
            lowering.copy(x.viewed(tuple(n for n, _ in kept), tuple(s for _, s in kept)), out)
        return
    found = reduce_kernel.laid_out(x.shape, x.strides, dtype, dims, False)
    if found is None:
        x = lowering.plain(x)
        found = reduce_kernel.laid_out(x.shape, x.strides, dtype, dims, False)
        if found is None:
            raise Unsuited
    lowering.emit(kernels.REDUCE, dtype, [x, out, None], [out], (op, *found[0]), (scale,))


@register("block_sums")
def block_sums(lowering: Lowering, step: Step) -> None:
    dtype = one_real(step)
    (x,), (out,) = step.reads, step.writes
    blocks(lowering, kernels.BLOCK_SUMS, out, lowering.plain(x), out, step, dtype)


@register("enlarge")
def enlarge(lowering: Lowering, step: Step) -> None:
    dtype = one_real(step)
    (x,), (out,) = step.reads, step.writes
    blocks(lowering, kernels.ENLARGE, lowering.plain(x), out, out, step, dtype)


def blocks(
    lowering: Lowering, kernel: int, x: Operand, y: Operand, out: Operand, step: Step, dtype: np.dtype[Any]
) -> None:
    sizes = (math.prod(x.shape[:3]), x.shape[3], step.attributes["rows"], step.attributes["columns"])
    lowering.emit(kernel, dtype, [x, y], [out], sizes)


# Softmax, norms, losses ----------------------------------------------------------------------------


@register("softmax", "log_softmax")
def softmax(lowering: Lowering, step: Step) -> None:
    dtype = one_real(step)
    (x,), (out,) = step.reads, step.writes
    x = lowering.plain(x)
    rows, columns, inner = around(x.shape, step.attributes["dim"])
    sizes = (rows, columns, step.op == "log_softmax", columns, inner)
    lowering.emit(kernels.SOFTMAX, dtype, [x, out], [out], sizes)


def same_real(dtype: np.dtype[Any], *operands: Any) -> None:
    if any(x is not None and (x.__class__ is not Operand or x.dtype != dtype) for x in operands):
        raise Unsuited


@register("standardize")
def standardize_forward(lowering: Lowering, step: Step) -> None:
    a = step.attributes
    x, weight, bias, mean, rstd, _ = a["saved"]
    out = step.writes[0]
    same_real(x.dtype, x, weight, bias)
    sizes, values = standardize.layout(x.shape, a["kind"], a["parts"], a["eps"], a["momentum"])
    running = a["running"] or (None, None)
    same_real(x.dtype, *running)
    weight, bias = (None if p is None else lowering.plain(p) for p in (weight, bias))
    args = [x, weight, bias, out, mean, rstd, *running]
    sizes, values = with_activation(step, sizes, values)
    lowering.emit(kernels.STANDARDIZE, x.dtype, args, step.writes, sizes, values)


def with_activation(step: Step, sizes: Any, values: Any) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """The sizes and values of a norm's kernels, and those of the activation behind it (norms.py)."""
    a = step.attributes
    return (*sizes, ACTIVATIONS[a.get("activation")]), (*values, a.get("slope", 0.0))


@register("standardize_backward")
def standardize_backward(lowering: Lowering, step: Step) -> None:
    g = lowering.plain(step.reads[0])
    x, weight, bias, mean, rstd, plan = step.attributes["saved"]
    dx, dw, db = step.attributes["results"]
    x = lowering.plain(x)
    if dw is None and db is not None or dw is not None and db is None:
        like: Any = dw or db
        other = lowering.temporary(like.shape, like.dtype)
        dw, db = dw or other, db or other
    args = [x, g, weight, mean, rstd, dx, dw, db, bias]
    sizes, values = with_activation(step, plan.sizes, plan.values)
    lowering.emit(kernels.STANDARDIZE_BACKWARD, x.dtype, args, step.writes, sizes, values)


@register("cross_entropy")
def cross_entropy_forward(lowering: Lowering, step: Step) -> None:
    a = step.attributes
    logits, targets, weight, stats, result, plan = a["saved"]
    losses = step.writes[0]
    if result is not None:
        losses = lowering.temporary(targets.shape, logits.dtype)
    if targets.dtype != INT64:
        raise Unsuited
    args = [logits, lowering.plain(targets), weight, losses, stats, result]
    reduction = cross_entropy.REDUCTIONS.index(a["reduction"])
    lowering.emit(
        kernels.CROSS_ENTROPY, logits.dtype, args, step.writes, (*plan.sizes, reduction), plan.values
    )


@register("cross_entropy_backward")
def cross_entropy_backward(lowering: Lowering, step: Step) -> None:
    g = lowering.plain(step.reads[0])
    logits, targets, weight, stats, result, plan = step.attributes["saved"]
    dx = step.writes[0]
    args = [logits, lowering.plain(targets), weight, stats, result, g, dx]
    sizes = (*plan.sizes, int(result is None))
    lowering.emit(kernels.CROSS_ENTROPY_BACKWARD, logits.dtype, args, [dx], sizes, plan.values)


# Pools -------------------------------------------------------------------------------------------


@register("max_pool2d")
def max_pool(lowering: Lowering, step: Step) -> None:
    x = lowering.plain(step.reads[0])
    values, index = (*step.writes, None)[:2]
    lowering.emit(kernels.MAX_POOL, x.dtype, [x, values, index], step.writes, windows(x, step))


def windows(x: Operand, step: Step) -> tuple[int, ...]:
    """The sizes of a max pool of x."""
    a = step.attributes
    if x.dtype not in REALS or x.shape[2] * x.shape[3] >= 1 << 31:
        raise Unsuited
    geometry = (*a["shape"], *a["kernel_size"], *a["stride"], *a["padding"], *a["dilation"])
    return (x.shape[0] * x.shape[1], *x.shape[2:], *geometry)


@register("unpool")
def unpool(lowering: Lowering, step: Step) -> None:
    """The gradient of a max pool without an index (pools.py)."""
    g, x, values = (lowering.plain(operand) for operand in step.reads)
    (out,) = step.writes
    lowering.emit(kernels.MAX_POOL_SPREAD, x.dtype, [x, values, g, out], [out], windows(x, step))


@register("put_in_plane")
def put_in_plane(lowering: Lowering, step: Step) -> None:
    y, index = lowering.plain(step.reads[0]), lowering.plain(step.attributes["index"])
    (out,) = step.writes
    if y.dtype not in REALS:
        raise Unsuited
    sizes = (out.shape[0] * out.shape[1], math.prod(out.shape[2:]), math.prod(y.shape[2:]))
    lowering.emit(kernels.MAX_POOL_BACKWARD, y.dtype, [out, y, index], [out], sizes)


@register("avg_pool2d", "avg_pool2d_spread")
def average_pool(lowering: Lowering, step: Step) -> None:
    dtype = one_real(step)
    source, (out,) = lowering.plain(step.reads[0]), step.writes
    back = step.op != "avg_pool2d"
    x, y = (out, source) if back else (source, out)
    a = step.attributes
    geometry = (
        *y.shape[2:],
        *a["kernel_size"],
        *a["stride"],
        *a["padding"],
        1,
        1,
        int(a["count_include_pad"]),
    )
    if x.shape[2] * x.shape[3] >= 1 << 31:
        raise Unsuited
    kernel = kernels.AVG_POOL_BACKWARD if back else kernels.AVG_POOL
    lowering.emit(kernel, dtype, [x, y], [out], (x.shape[0] * x.shape[1], *x.shape[2:], *geometry))
