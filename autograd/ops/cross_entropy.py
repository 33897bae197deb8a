"""Softmax cross-entropy against integer labels, fused: one kernel forward, one back.

    loss_i = logsumexp(x_i) - (1 - e) x_i[t_i] - e mean(x_i)            e: label smoothing

The composite is its meaning, and what is differentiated when a second derivative is wanted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd import kernels
from autograd.fused import fused
from autograd.ops import elementwise as e
from autograd.ops import reduce, softmax_kernel
from autograd.ops.index import gather
from autograd.ops.shape import squeeze
from autograd.ops.softmax import log_softmax
from autograd.tape import Value

__all__ = ["cross_entropy"]

Shape = tuple[int, ...]


def raw(x: Any) -> np.ndarray:
    return np.asarray(x.data if isinstance(x, Value) else x)


def factor(targets: np.ndarray, ignore_index: int, reduction: str) -> float:
    """By what the sum of losses is multiplied: 1 / (labels that count) for the mean."""
    if reduction != "mean":
        return 1.0
    count = targets.size - int(np.count_nonzero(targets == ignore_index))
    return 1.0 / count if count else math.nan


def composite(logits: Any, targets: Any, *, ignore_index: int, label_smoothing: float, reduction: str) -> Any:
    labels = softmax_kernel.checked(raw(logits), raw(targets))
    softmax_kernel.refuse_targets(labels, logits.shape[1], ignore_index)
    kept = labels != ignore_index
    log_p = log_softmax(logits, 1)
    own = squeeze(gather(log_p, 1, np.where(kept, labels, 0)[:, None]), 1)
    losses = -own
    if label_smoothing:
        losses = losses * (1 - label_smoothing) - reduce.mean(log_p, 1) * label_smoothing
    losses = e.where(kept, losses, 0.0)
    if reduction == "none":
        return losses
    return reduce.sum(losses) * factor(labels, ignore_index, reduction)


def forward(
    logits: np.ndarray, targets: np.ndarray, *, ignore_index: int, label_smoothing: float, reduction: str
) -> tuple[np.ndarray, tuple[Any, ...]] | None:
    if not kernels.active:
        return None
    options = {"ignore_index": ignore_index, "label_smoothing": label_smoothing}
    losses, stats = softmax_kernel.cross_entropy(logits, targets, **options)  # type: ignore[arg-type]
    if reduction == "none":
        return losses, (logits, targets, stats, options, 1.0)
    scale = factor(targets, ignore_index, reduction)
    out = np.asarray(losses.sum() * losses.dtype.type(scale))
    return out, (logits, targets, stats, options, scale)


def backward(g: np.ndarray, saved: tuple[Any, ...], needs: tuple[bool, ...]) -> Sequence[Any]:
    logits, targets, stats, options, scale = saved
    g = np.asarray(g * g.dtype.type(scale))
    return softmax_kernel.cross_entropy_backward(g, logits, targets, stats, **options), None


def shape(logits: Shape, targets: Shape, *, reduction: str, **_: Any) -> Shape:
    return targets if reduction == "none" else ()


cross_entropy_ = fused(
    "cross_entropy", composite, forward, backward, inputs=("logits", "targets"), shape=shape
)


def cross_entropy(
    logits: Any,
    targets: Any,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
) -> Any:
    """The cross-entropy of softmax(logits), (N, C), against integer targets (N,).

    reduction is "mean" (over targets that are not `ignore_index`), "sum", or "none" for one loss a row.
    Raises IndexError for a target that is no class.

    >>> import autograd
    >>> cross_entropy(autograd.zeros(2, 4), autograd.tensor([0, 3]))
    tensor(1.3863)
    """
    return cross_entropy_(
        logits, targets, ignore_index=ignore_index, label_smoothing=label_smoothing, reduction=reduction
    )
