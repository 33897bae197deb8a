"""Integers in: rows of a table, and one-hot codes."""

from __future__ import annotations

from typing import Any

import numpy as np

import autograd
from autograd import Tensor
from autograd.tape import TRACE, Value, mode

__all__ = ["embedding", "one_hot"]


def embedding(input: Any, weight: Any, padding_idx: int | None = None) -> Any:
    """The rows of weight (rows, width) that the integers of `input` (*) name: (*, width).

    The row `padding_idx` gets no gradient.
    """
    rows = autograd.embedding(weight, input)
    if padding_idx is None:
        return rows
    padding = padding_row("embedding", padding_idx, weight.shape[0])
    padded = autograd.unsqueeze(autograd.eq(autograd.as_tensor(input), padding), -1)
    return autograd.where(padded, rows.detach(), rows)


def padding_row(name: str, padding_idx: int, rows: int) -> int:
    """padding_idx as a row number; negative ones count from the end."""
    if not -rows <= padding_idx < rows:
        raise ValueError(f"{name}: padding_idx {padding_idx} is out of range for {rows} rows")
    return padding_idx % rows


def one_hot(tensor: Any, num_classes: int = -1) -> Tensor:
    """int64 (*, num_classes): 1 at each label, 0 elsewhere; as many classes as labels need, unless given.

    >>> import autograd
    >>> one_hot(autograd.tensor([0, 2])).tolist()
    [[1, 0, 0], [0, 0, 1]]
    """
    if mode.word & TRACE and num_classes >= 1:
        labels = autograd.unsqueeze(autograd.as_tensor(tensor), -1)
        return autograd.eq(labels, autograd.arange(num_classes)).long()  # type: ignore[no-any-return]
    if mode.word & TRACE:
        mode.trace.refuse_value("one_hot() without num_classes")
    labels = tensor.data if isinstance(tensor, Value) else np.asarray(tensor)
    if labels.dtype.kind not in "iu":
        raise TypeError(f"one_hot: labels must be integers, got {labels.dtype}; use .long()")
    if labels.size == 0 and num_classes < 1:
        raise ValueError("one_hot: no labels to count classes by; pass num_classes")
    top = int(labels.max(initial=0))
    if labels.size and labels.min() < 0:
        raise ValueError(f"one_hot: label {labels.min()} is negative")
    if num_classes == -1:
        num_classes = top + 1
    if top >= num_classes:
        raise ValueError(f"one_hot: label {top} needs more than {num_classes} classes")
    return Tensor((labels[..., None] == np.arange(num_classes)).astype(np.int64))
