"""Dropout: noise that keeps a network from leaning on single features (Srivastava et al. 2014)."""

from __future__ import annotations

from typing import Any

from autograd import Tensor
from autograd.ops.random import default_generator

__all__ = ["dropout", "dropout2d"]


def dropout(input: Any, p: float = 0.5, training: bool = True) -> Any:
    """Each element 0 with probability p, else divided by 1 - p; the input itself when not `training`.

    >>> import autograd
    >>> dropout(autograd.ones(3), p=0.9, training=False)
    tensor([1., 1., 1.])
    """
    return masked("dropout", input, tuple(input.shape), p, training)


def dropout2d(input: Any, p: float = 0.5, training: bool = True) -> Any:
    """As dropout, but of whole channels: input (N, C, H, W) (Tompson et al. 2015)."""
    shape = tuple(input.shape)
    if len(shape) != 4:
        raise ValueError(f"dropout2d: want an input (N, C, H, W), got shape {shape}")
    return masked("dropout2d", input, (*shape[:2], 1, 1), p, training)


def masked(name: str, input: Any, shape: tuple[int, ...], p: float, training: bool) -> Any:
    if not 0 <= p <= 1:
        raise ValueError(f"{name}: want a probability in [0, 1], got {p}")
    if not training or p == 0:
        return input
    return input * Tensor(default_generator.dropout_mask(shape, p, input.dtype))
