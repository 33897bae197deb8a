"""Softmax, log-softmax and the fused cross-entropy on raw arrays: kernels, and their NumPy references.

The kernels work on rows: another dimension than the last is moved there and copied.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from autograd import kernels

__all__ = [
    "cross_entropy", "cross_entropy_backward", "cross_entropy_backward_reference",
    "cross_entropy_reference", "log_softmax", "log_softmax_backward", "softmax", "softmax_backward",
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


def as_rows(x: Array, dim: int) -> tuple[Array, int]:
    """x with `dim` last and contiguous rows at one stride, as (rows, columns), and that stride."""
    moved = x if dim in (-1, x.ndim - 1) else np.moveaxis(x, dim, -1)
    rows = moved if moved.ndim == 2 else moved.reshape(-1, moved.shape[-1])
    size = x.itemsize
    if rows.strides[1] != size or rows.strides[0] % size:
        rows = np.ascontiguousarray(rows)
    return rows, rows.strides[0] // size


def from_rows(rows: Array, like: Array, dim: int) -> Array:
    """The inverse of as_rows, for a fresh result."""
    if dim in (-1, like.ndim - 1):
        return rows.reshape(like.shape)
    moved = np.moveaxis(like, dim, -1).shape
    return np.moveaxis(rows.reshape(moved), -1, dim)


def fits(*arrays: Array) -> bool:
    first = arrays[0]
    return (
        kernels.active
        and first.dtype in kernels.DTYPES
        and first.size > 0
        and all(a.dtype == first.dtype for a in arrays)
    )


def normalized(x: Array, dim: int, log: bool) -> Array:
    if not fits(x):
        return softmax_reference(x, dim, log)
    x = x if x.ndim else x.reshape(1)
    rows, stride = as_rows(x, dim)
    y = kernels.empty(rows.shape, x.dtype)
    kernels.call(kernels.SOFTMAX, (rows, y), (*rows.shape, log, stride))
    return from_rows(y, x, dim)


def normalized_backward(g: Array, y: Array, dim: int, log: bool) -> Array:
    if not fits(y, g):
        return softmax_backward_reference(g, y, dim, log)
    (y_rows, y_stride), (g_rows, g_stride) = as_rows(y, dim), as_rows(g, dim)
    dx = kernels.empty(y_rows.shape, y.dtype)
    sizes = (*y_rows.shape, log, y_stride, g_stride)
    kernels.call(kernels.SOFTMAX_BACKWARD, (y_rows, g_rows, dx), sizes)
    return from_rows(dx, y, dim)


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


# Cross-entropy -----------------------------------------------------------------------------------


def cross_entropy(
    logits: Array, targets: Array, *, ignore_index: int = -100, label_smoothing: float = 0.0
) -> tuple[Array, Array]:
    """The loss of every row of logits (N, C), and what the backward pass wants saved (N, 2).

    targets: (N,) integers in [0, C) or `ignore_index`, whose rows lose 0. With label smoothing e the
    target's share of the distribution to match is 1 - e + e/C, every other class's e/C (Szegedy et al.
    2016). Raises IndexError for another target.

    >>> losses, saved = cross_entropy(np.zeros((2, 4)), np.array([1, 3]))
    >>> losses.round(4), (losses == np.log(4)).all()
    (array([1.3863, 1.3863]), np.True_)
    """
    targets = checked(logits, targets)
    if not fits(logits):
        return cross_entropy_reference(
            logits, targets, ignore_index=ignore_index, label_smoothing=label_smoothing
        )
    rows, stride = as_rows(logits, -1)
    losses = kernels.empty(targets.shape, rows.dtype)
    saved = kernels.empty((len(targets), 2), rows.dtype)
    try:
        kernels.call(
            kernels.CROSS_ENTROPY,
            (rows, targets, losses, saved),
            (*rows.shape, stride, ignore_index),
            (label_smoothing,),
        )
    except IndexError:
        refuse_targets(targets, rows.shape[1], ignore_index)
    return losses, saved


def cross_entropy_backward(
    g: Array,
    logits: Array,
    targets: Array,
    saved: Array,
    *,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
) -> Array:
    """The gradient in the logits, from the gradient g of every row's loss: (N,), or broadcast to it."""
    targets = checked(logits, targets)
    g = np.broadcast_to(g, targets.shape)
    if not fits(logits, saved, g):
        return cross_entropy_backward_reference(
            g, logits, targets, saved, ignore_index=ignore_index, label_smoothing=label_smoothing
        )
    rows, stride = as_rows(logits, -1)
    dx = kernels.empty(rows.shape, rows.dtype)
    sizes = (*rows.shape, stride, ignore_index, g.strides[0] // g.itemsize)
    kernels.call(kernels.CROSS_ENTROPY_BACKWARD, (rows, targets, saved, g, dx), sizes, (label_smoothing,))
    return dx


def checked(logits: Array, targets: Array) -> Array:
    if logits.ndim != 2 or targets.shape != logits.shape[:1] or targets.dtype.kind not in "iu":
        raise ValueError(
            "cross_entropy: want logits (N, C) and integer targets (N,), got logits of shape "
            f"{logits.shape} and {targets.dtype} targets of shape {targets.shape}"
        )
    return np.ascontiguousarray(targets, np.int64)


def refuse_targets(targets: Array, classes: int, ignore_index: int) -> None:
    wrong = np.flatnonzero(((targets < 0) | (targets >= classes)) & (targets != ignore_index))
    if wrong.size:
        raise IndexError(
            f"cross_entropy: target {targets[wrong[0]]} in row {wrong[0]} is not a class: want 0 to "
            f"{classes - 1}, or ignore_index={ignore_index}"
        )


def cross_entropy_reference(
    logits: Array, targets: Array, *, ignore_index: int = -100, label_smoothing: float = 0.0
) -> tuple[Array, Array]:
    """`cross_entropy` in NumPy."""
    count, classes = logits.shape
    refuse_targets(targets, classes, ignore_index)
    kept = targets != ignore_index
    top = np.max(logits, axis=1, initial=-np.inf)
    with np.errstate(invalid="ignore", divide="ignore"):
        shifted = logits - top[:, None]
        log_sum = np.log(np.sum(np.exp(shifted), axis=1))
        own = shifted[np.arange(count)[kept], targets[kept]]
        losses = np.zeros(count, logits.dtype)
        losses[kept] = log_sum[kept] - (1 - label_smoothing) * own
        if label_smoothing:
            losses[kept] -= label_smoothing / classes * np.sum(shifted[kept], axis=1)
    return losses, np.stack([top, log_sum], axis=1).astype(logits.dtype)


def cross_entropy_backward_reference(
    g: Array,
    logits: Array,
    targets: Array,
    saved: Array,
    *,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
) -> Array:
    """`cross_entropy_backward` in NumPy."""
    count, classes = logits.shape
    kept = targets != ignore_index
    dx = np.exp(logits - saved[:, :1] - saved[:, 1:]) - label_smoothing / classes
    dx[np.arange(count)[kept], targets[kept]] -= 1 - label_smoothing
    return np.where(kept[:, None], dx * np.reshape(g, (-1, 1)), 0).astype(logits.dtype)
