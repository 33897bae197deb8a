"""Dropout layers: active in training, transparent in evaluation."""

from __future__ import annotations

from typing import Any

import nn.functional as F
from nn.module import Module

__all__ = ["Dropout", "Dropout2d"]


class Dropout(Module):
    """Each element 0 with probability p, else divided by 1 - p, while training."""

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"{type(self).__name__}: want a probability in [0, 1], got {p}")
        self.p = p

    def forward(self, input: Any) -> Any:
        return F.dropout(input, self.p, self.training)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace=False"  # as PyTorch prints it


class Dropout2d(Dropout):
    """As Dropout, but of whole channels of (N, C, H, W)."""

    def forward(self, input: Any) -> Any:
        return F.dropout2d(input, self.p, self.training)
