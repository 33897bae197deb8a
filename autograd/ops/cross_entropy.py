"""Softmax cross-entropy against integer labels, fused: one kernel forward, one back.

    loss = (1 - e) w[t] (-log p[t]) + e/C sum over c of w[c] (-log p[c]),     p = softmax(x)

w: the weights of the classes; e: label smoothing (Szegedy et al. 2016). The composite is its meaning, and
what is differentiated when a second derivative is wanted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd import kernels, tape
from autograd.fused import contiguous, fused
from autograd.op import cast, copy_
from autograd.ops import elementwise as e
from autograd.ops import reduce
from autograd.ops.index import gather, getitem
from autograd.ops.shape import reshape, squeeze, unsqueeze
from autograd.ops.softmax import log_softmax
from autograd.tape import TRACE, Value, mode

__all__ = ["cross_entropy", "prepared"]

Shape = tuple[int, ...]
Array = np.ndarray
REDUCTIONS = ("none", "sum", "mean")
INT64 = np.dtype(np.int64)


def raw(x: Any) -> Array:
    return np.asarray(x.data if isinstance(x, Value) else x)


def composite(
    logits: Any,
    targets: Any,
    *,
    weight: Array | None,
    ignore_index: int,
    label_smoothing: float,
    reduction: str,
) -> Any:
    shape = tuple(logits.shape)
    labels: Any = checked(shape, raw(targets))
    refuse_targets(labels, shape[1], ignore_index)
    weights: Any = weight
    if mode.word & TRACE:  # which labels count is another matter at each replay: all of it in ops
        labels, weights = tape.wrap(labels, None), None if weight is None else tape.wrap(weight, None)
    kept = e.ne(labels, ignore_index)
    labels = e.where(kept, labels, 0)
    log_p = log_softmax(logits, 1)
    losses = -squeeze(gather(log_p, 1, unsqueeze(labels, 1)), 1)
    if weights is not None:
        weights = cast(weights, logits.dtype)
        losses = losses * getitem(weights, labels)
    if label_smoothing:
        by_class = (1, shape[1], *(1,) * (len(shape) - 2))
        each = log_p if weights is None else log_p * reshape(weights, by_class)
        losses = losses * (1 - label_smoothing) - reduce.mean(each, 1) * label_smoothing
    losses = e.where(kept, losses, 0.0)
    if reduction == "none":
        return losses
    if reduction == "sum":
        return reduce.sum(losses)
    counts = cast(kept, logits.dtype)
    counted = reduce.sum(counts if weights is None else counts * getitem(weights, labels))
    if not mode.word & TRACE:
        return reduce.sum(losses) * (1.0 / float(counted) if float(counted) else math.nan)
    return reduce.sum(losses) / counted


class Plan(NamedTuple):
    """The kernels for logits of one layout, and what makes arrays for losses, saved values and gradients."""

    forward: Callable[..., None]
    backward: Callable[..., None]
    targets: Shape
    losses: Callable[[], Array]
    saved: Callable[[], Array]
    dx: Callable[[], Array]
    sizes: tuple[int, ...]
    values: tuple[float, ...]


plans: dict[Any, Plan | None] = {}


def plan_of(
    shape: Shape,
    strides: Shape,
    dtype: np.dtype[Any],
    ignore_index: int,
    label_smoothing: float,
    reduction: str,
) -> Plan | None:
    """How the kernels run on x (N, C, *): contiguous, or with rows that are; None where they don't."""
    if len(plans) > 4096:
        plans.clear()
    if dtype not in kernels.DTYPES or 0 in shape:
        return None
    inner = math.prod(shape[2:])
    contiguous = [dtype.itemsize * math.prod(shape[i + 1 :]) for i in range(len(shape))]
    whole = list(strides) == contiguous
    if not whole and (len(shape) > 2 or strides[1] != dtype.itemsize or strides[0] % dtype.itemsize):
        return None
    row_stride = shape[1] if whole else strides[0] // dtype.itemsize
    sizes, values = (shape[0], shape[1], inner, row_stride, ignore_index), (label_smoothing,)
    per_loss = reduction == "none"
    return Plan(
        kernels.prepare(kernels.CROSS_ENTROPY, dtype, (*sizes, REDUCTIONS.index(reduction)), values),
        kernels.prepare(kernels.CROSS_ENTROPY_BACKWARD, dtype, (*sizes, int(per_loss)), values),
        (shape[0], *shape[2:]),
        kernels.maker((shape[0], *shape[2:]), dtype),
        kernels.maker((shape[0], 2, inner), dtype),
        kernels.maker(shape, dtype),
        sizes,
        values,
    )


def forward(
    logits: Array,
    targets: Array,
    *,
    weight: Array | None,
    ignore_index: int,
    label_smoothing: float,
    reduction: str,
) -> tuple[Array, tuple[Any, ...]] | None:
    if not kernels.active:
        return None
    key = (logits.shape, logits.strides, logits.dtype, ignore_index, label_smoothing, reduction)
    try:
        plan = plans[key]
    except KeyError:
        checked(logits.shape, targets)
        plan = plans[key] = plan_of(*key)
    if plan is None:
        return None
    dtype = logits.dtype
    if targets.dtype is not INT64 or targets.shape != plan.targets or not targets.flags.c_contiguous:
        targets = checked(logits.shape, targets)
    if weight is not None:
        weight = contiguous(weight, dtype)
    losses, saved, result = plan.losses(), plan.saved(), None
    if reduction != "none":
        result = np.empty(2, dtype)
    try:
        plan.forward(logits, targets, weight, losses, saved, result)
    except IndexError:
        refuse_targets(targets, logits.shape[1], ignore_index)
        raise
    out = losses if result is None else np.ndarray((), dtype, result)
    return out, (logits, targets, weight, saved, result, plan)


def backward(g: Array, saved: tuple[Any, ...], needs: tuple[bool, ...]) -> Sequence[Any]:
    logits, targets, weight, stats, result, plan = saved
    dx = plan.dx()
    plan.backward(logits, targets, weight, stats, result, np.ascontiguousarray(g), dx)
    return dx, None


def prepared(
    logits: Array,
    targets: Array,
    weight: Array | None,
    ignore_index: int,
    label_smoothing: float,
    reduction: str,
) -> Callable[..., Array] | None:
    """The loss as a function of logits, targets and weight of these layouts; None where no kernel takes them
    as they are. For calls whose gradient nobody wants."""
    fits = targets.dtype == INT64 and targets.flags.c_contiguous
    if weight is not None:
        fits = fits and weight.dtype == logits.dtype and weight.flags.c_contiguous
    key = (logits.shape, logits.strides, logits.dtype, ignore_index, label_smoothing, reduction)
    plan = plan_of(*key) if fits else None
    if plan is None:
        return None
    run, new_losses, new_saved, dtype, reduced = (
        plan.forward,
        plan.losses,
        plan.saved,
        logits.dtype,
        reduction != "none",
    )

    def call(logits: Array, targets: Array, weight: Array | None) -> Array:
        losses, result = new_losses(), np.empty(2, dtype) if reduced else None
        run(logits, targets, weight, losses, new_saved(), result)
        return losses if result is None else np.ndarray((), dtype, result)

    return call


def checked(shape: Shape, targets: Array) -> Array:
    """Targets as contiguous int64, or an error that says what doesn't fit."""
    if len(shape) < 2 or targets.shape != (shape[0], *shape[2:]) or targets.dtype.kind not in "iu":
        raise ValueError(
            "cross_entropy: want logits (N, C) and integer targets (N,), or (N, C, *) and (N, *); got logits "
            f"of shape {shape} and {targets.dtype} targets of shape {targets.shape}"
        )
    return contiguous(targets, INT64)


def refuse_targets(targets: Array, classes: int, ignore_index: int) -> None:
    wrong = ((targets < 0) | (targets >= classes)) & (targets != ignore_index)
    if wrong.any():
        place = tuple(map(int, np.argwhere(wrong)[0]))
        where = f"in row {place[0]}" if len(place) == 1 else f"at {place}"
        raise IndexError(
            f"cross_entropy: target {targets[place]} {where} is not a class: want 0 to {classes - 1}, or "
            f"ignore_index={ignore_index}"
        )


def shape(logits: Shape, targets: Shape, *, reduction: str, **_: Any) -> Shape:
    return targets if reduction == "none" else ()


cross_entropy_ = fused(
    "cross_entropy", composite, forward, backward, inputs=("logits", "targets"), shape=shape
)


def cross_entropy(
    logits: Any,
    targets: Any,
    weight: Any = None,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
) -> Any:
    """The cross-entropy of softmax(logits), (N, C, *), against integer targets (N, *).

    weight (C,) counts classes differently; reduction is "mean" (over the weights of targets that are not
    `ignore_index`), "sum", or "none" for one loss a target. Raises IndexError for a target that is no class.

    >>> import autograd
    >>> cross_entropy(autograd.zeros(2, 4), autograd.tensor([0, 3]))
    tensor(1.3863)
    """
    if mode.word & TRACE and isinstance(targets, Value):  # as the kernel takes them, by steps of the program
        targets = cast(targets, INT64)
        targets = targets if targets.data.flags.c_contiguous else copy_(targets)
    if weight is not None:
        weight = raw(weight)
        if weight.shape != logits.shape[1:2]:
            raise ValueError(
                f"cross_entropy: weight has shape {weight.shape}, want {tuple(logits.shape[1:2])} for logits "
                f"of shape {tuple(logits.shape)}"
            )
    return cross_entropy_(
        logits,
        targets,
        weight=weight,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        reduction=reduction,
    )
