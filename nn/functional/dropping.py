"""Dropout: noise that keeps a network from leaning on single features (Srivastava et al. 2014)."""

from __future__ import annotations

from typing import Any

from autograd.random import dropout, dropped

__all__ = ["dropout", "dropout2d"]


def dropout2d(input: Any, p: float = 0.5, training: bool = True) -> Any:
    """As dropout, but of whole channels: input (N, C, H, W) (Tompson et al. 2015)."""
    shape = tuple(input.shape)
    if len(shape) != 4:
        raise ValueError(f"dropout2d: want an input (N, C, H, W), got shape {shape}")
    return dropped("dropout2d", input, (*shape[:2], 1, 1), p, training)
