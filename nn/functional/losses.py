"""Losses: how far an output is from what was wanted, as one number (or one per sample).

Every loss takes `reduction`: "mean" (the default), "sum", or "none".
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import autograd
from autograd import Tensor
from autograd.ops.cross_entropy import cross_entropy as fused_cross_entropy
from autograd.ops.cross_entropy import prepared as prepared_cross_entropy
from autograd.ops.elementwise import logistic_loss
from autograd.ops.squared_error import squared_error
from autograd.quick import quick
from autograd.tape import TRACE, Value, mode

__all__ = [
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "cosine_similarity", "cross_entropy",
    "huber_loss", "l1_loss", "mse_loss", "nll_loss", "smooth_l1_loss",
]  # fmt: skip


def checked(reduction: str) -> str:
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f'reduction must be "mean", "sum" or "none", got {reduction!r}')
    return reduction


def reduced(loss: Any, reduction: str) -> Any:
    if checked(reduction) == "mean":
        return autograd.mean(loss)
    return autograd.sum(loss) if reduction == "sum" else loss


def same_shape(name: str, input: Any, target: Any) -> None:
    """PyTorch broadcasts here, with a warning; it is nearly always a bug, so it is refused."""
    if tuple(input.shape) != tuple(target.shape):
        raise ValueError(
            f"{name}: input has shape {tuple(input.shape)}, target {tuple(target.shape)}; they must be equal "
            "(reshape or expand one of them)"
        )


# Regression --------------------------------------------------------------------------------------


def mse_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """(input - target)^2.

    >>> import autograd
    >>> mse_loss(autograd.tensor([1.0, 2.0]), autograd.tensor([1.0, 4.0])).item()
    2.0
    """
    same_shape("mse_loss", input, target)
    if checked(reduction) == "none":
        return autograd.square(input - target)
    count = math.prod(input.shape) if reduction == "mean" else 1
    return squared_error(input, target, 1.0 / count if count else math.nan)


def l1_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """|input - target|."""
    same_shape("l1_loss", input, target)
    return reduced(autograd.abs(input - target), reduction)


def huber_loss(input: Any, target: Any, reduction: str = "mean", delta: float = 1.0) -> Any:
    """With d = |input - target|: d^2 / 2 where d < delta, else delta (d - delta / 2) (Huber 1964)."""
    same_shape("huber_loss", input, target)
    if delta <= 0:
        raise ValueError(f"huber_loss: want delta > 0, got {delta}")
    d = autograd.abs(input - target)
    return reduced(autograd.where(d < delta, 0.5 * autograd.square(d), delta * (d - 0.5 * delta)), reduction)


def smooth_l1_loss(input: Any, target: Any, reduction: str = "mean", beta: float = 1.0) -> Any:
    """With d = |input - target|: d^2 / (2 beta) where d < beta, else d - beta / 2 (Girshick 2015)."""
    same_shape("smooth_l1_loss", input, target)
    if beta < 0:
        raise ValueError(f"smooth_l1_loss: want beta >= 0, got {beta}")
    d = autograd.abs(input - target)
    if beta == 0:
        return reduced(d, reduction)
    return reduced(autograd.where(d < beta, autograd.square(d) * (0.5 / beta), d - 0.5 * beta), reduction)


def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    """x1 . x2 / (max(|x1|, eps) max(|x2|, eps)) over `dim`; shapes broadcast.

    >>> import autograd
    >>> cosine_similarity(autograd.tensor([[1.0, 0.0]]), autograd.tensor([[3.0, 4.0]])).tolist()
    [0.6000000238418579]
    """
    length1 = autograd.clamp(autograd.norm(x1, 2, dim), min=eps)
    length2 = autograd.clamp(autograd.norm(x2, 2, dim), min=eps)
    return autograd.sum(x1 * x2, dim) / (length1 * length2)


# Two classes -------------------------------------------------------------------------------------


def binary_cross_entropy(input: Any, target: Any, weight: Any = None, reduction: str = "mean") -> Any:
    """-(y log p + (1 - y) log(1 - p)) for probabilities p = input in [0, 1]; logs are not below -100."""
    same_shape("binary_cross_entropy", input, target)
    p = input.data if isinstance(input, Value) else np.asarray(input)
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError(
            f"binary_cross_entropy: want probabilities in [0, 1], got {p.min()} to {p.max()}; for logits use "
            "binary_cross_entropy_with_logits"
        )
    # Clamping before the log, not after: the gradient of log at 0 would turn 0 * inf into NaN.
    log_p = autograd.log(autograd.clamp(input, min=math.exp(-100)))
    below_one = autograd.lt(input, 1.0)
    log_q = autograd.where(below_one, autograd.log1p(-autograd.where(below_one, input, 0.0)), -100.0)
    loss = (target - 1.0) * log_q - target * log_p
    return reduced(loss if weight is None else loss * weight, reduction)


def binary_cross_entropy_with_logits(
    input: Any, target: Any, weight: Any = None, reduction: str = "mean", pos_weight: Any = None
) -> Any:
    """Binary cross-entropy of sigmoid(input), safe for any input; `pos_weight` multiplies the term of y = 1.

    >>> import autograd
    >>> binary_cross_entropy_with_logits(autograd.tensor([0.0]), autograd.tensor([1.0]))
    tensor(0.6931)
    """
    same_shape("binary_cross_entropy_with_logits", input, target)
    if pos_weight is None:
        loss = logistic_loss(input, target)
    else:
        positive = (pos_weight - 1.0) * target + 1.0
        loss = (1.0 - target) * input + autograd.softplus(-input) * positive
    return reduced(loss if weight is None else loss * weight, reduction)


# Many classes ------------------------------------------------------------------------------------


def class_labels(
    name: str, input: Any, target: Any, ignore_index: int
) -> tuple[np.ndarray, np.ndarray | None]:
    """(labels, kept): labels safe to index with, and which of them count (None where all do).

    input is (C,), (N, C) or (N, C, *), and target of that shape without C.
    """
    shape = tuple(input.shape)
    labels = target.data if isinstance(target, Value) else np.asarray(target)
    if labels.dtype.kind not in "iu":
        raise TypeError(f"{name}: class labels must be integers, got {labels.dtype}; use target.long()")
    wanted = (shape[0], *shape[2:]) if len(shape) > 1 else ()
    if not shape or labels.shape != wanted:
        raise ValueError(
            f"{name}: an input of shape {shape} wants labels of shape {wanted}, got {labels.shape}"
        )
    classes = shape[1] if len(shape) > 1 else shape[0]
    kept = labels != ignore_index
    if kept.all():
        kept = None
    else:
        labels = np.where(kept, labels, 0)
    if labels.size and not (labels.min() >= 0 and labels.max() < classes):
        bad = labels[(labels < 0) | (labels >= classes)].flat[0]
        raise IndexError(
            f"{name}: label {bad} is out of range for {classes} classes (ignore_index={ignore_index})"
        )
    return labels, kept


def factors(labels: np.ndarray, kept: np.ndarray | None, weight: Any, dtype: Any) -> np.ndarray | None:
    """What each sample counts: its class's weight, 0 where ignored; None where all count 1."""
    if weight is None:
        return None if kept is None else kept.astype(dtype)
    weight = weight.data if isinstance(weight, Value) else np.asarray(weight)
    chosen = weight[labels].astype(dtype, copy=False)
    return chosen if kept is None else chosen * kept  # type: ignore[no-any-return]


def weighted(loss: Any, factor: np.ndarray | None, reduction: str) -> Any:
    """Losses times factors, reduced; the mean is over the factors' sum."""
    if factor is None:
        return reduced(loss, reduction)
    return averaged(loss * Tensor(factor), factor, reduction)


def averaged(loss: Any, factor: np.ndarray, reduction: str) -> Any:
    """Losses that have been multiplied by `factor`, reduced."""
    if reduction == "mean":
        total = float(factor.sum())
        return autograd.sum(loss) * (1.0 / total if total else math.nan)
    return reduced(loss, reduction)


def picked(log_p: Any, labels: np.ndarray, dim: int) -> Any:
    """The element of each sample at its label."""
    return autograd.squeeze(autograd.gather(log_p, dim, np.expand_dims(labels, dim)), dim)


def nll_loss(
    input: Any, target: Any, weight: Any = None, ignore_index: int = -100, reduction: str = "mean"
) -> Any:
    """-input at the label: the negative log-likelihood of log-probabilities.

    input (C,), (N, C) or (N, C, *); target: labels of that shape without C; weight (C,) counts classes
    differently (the mean divides by the sum of the weights); labels equal to `ignore_index` don't count.
    """
    dim = 1 if len(input.shape) > 1 else 0
    if mode.word & TRACE:
        return nll_in_program(input, target, weight, ignore_index, reduction, dim)
    labels, kept = class_labels("nll_loss", input, target, ignore_index)
    return weighted(-picked(input, labels, dim), factors(labels, kept, weight, input.dtype), reduction)


def nll_in_program(input: Any, target: Any, weight: Any, ignore_index: int, reduction: str, dim: int) -> Any:
    """nll_loss in ops alone: which labels count is another matter at each replay."""
    target = autograd.as_tensor(target)
    kept = autograd.ne(target, ignore_index)
    labels = autograd.where(kept, target, 0)
    losses = -autograd.squeeze(autograd.gather(input, dim, autograd.unsqueeze(labels, dim)), dim)
    factor = kept.to(input.dtype)
    if weight is not None:
        factor = factor * autograd.as_tensor(weight).to(input.dtype)[labels]
    losses = losses * factor
    if checked(reduction) == "mean":
        return autograd.sum(losses) / autograd.sum(factor)
    return reduced(losses, reduction)


def quick_cross_entropy(
    x: Any, target: Any, weight: Any, ignore_index: int, reduction: str, label_smoothing: float
) -> Any:
    if x.ndim < 2 or target.dtype.kind == "f":
        return None
    return prepared_cross_entropy(x, target, weight, ignore_index, label_smoothing, reduction)


@quick(quick_cross_entropy, arrays=("input", "target", "weight"))
def cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    """The cross-entropy of softmax(input) against labels, or against probabilities.

    input   logits (C,), (N, C) or (N, C, *)
    target  integer labels of that shape without C, or floats of the shape of input (probabilities)

    With label_smoothing e, the target is (1 - e) of itself plus e / C everywhere (Szegedy et al. 2016).

    >>> import autograd
    >>> cross_entropy(autograd.zeros(2, 4), autograd.tensor([0, 3]))
    tensor(1.3863)
    """
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"cross_entropy: want label_smoothing in [0, 1], got {label_smoothing}")
    checked(reduction)
    ndim = len(input.shape)
    if target.dtype.kind != "f":
        if ndim > 1:
            return fused_cross_entropy(input, target, weight, ignore_index, label_smoothing, reduction)
        rows, labels = autograd.unsqueeze(input, 0), autograd.unsqueeze(target, 0)
        loss = fused_cross_entropy(rows, labels, weight, ignore_index, label_smoothing, reduction)
        return autograd.reshape(loss, ()) if reduction == "none" else loss
    dim = 1 if ndim > 1 else 0
    log_p = autograd.log_softmax(input, dim)
    return soft_cross_entropy(log_p, target, dim, weight, reduction, label_smoothing)


def by_class(weight: Any, ndim: int) -> Any:
    """(C,) as (1, C, 1, ...), to broadcast against (N, C, *)."""
    return autograd.reshape(weight, (1, -1, *(1,) * (ndim - 2))) if ndim > 1 else weight


def soft_cross_entropy(
    log_p: Any, target: Any, dim: int, weight: Any, reduction: str, label_smoothing: float
) -> Any:
    """Cross-entropy against probabilities; the mean is over samples, whatever the weights."""
    same_shape("cross_entropy", log_p, target)
    if label_smoothing:
        target = target * (1 - label_smoothing) + label_smoothing / log_p.shape[dim]
    terms = log_p * target
    if weight is not None:
        terms = terms * by_class(weight, len(log_p.shape))
    return reduced(-autograd.sum(terms, dim), reduction)
