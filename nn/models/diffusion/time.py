"""How a network is told the time: sines and cosines of it, then two layers."""

from __future__ import annotations

from typing import Any

import numpy as np

import autograd
from autograd import Tensor
from nn.layers import Linear, SiLU
from nn.module import Module

__all__ = ["TimeEmbedding"]


class TimeEmbedding(Module):
    """Times int64 (N,), 0 ... timesteps - 1, -> (N, hidden): their waves, a layer, SiLU, a layer.

    dim    how many waves, even: sines, then cosines, of t w_i with w_i from 1 down to 1/10000 in dim / 2
           equal ratios (Ho et al. 2020). The fast ones tell neighbours apart, the slow ones early from late.

    >>> import autograd
    >>> embed = TimeEmbedding(4, 16)
    >>> embed(autograd.tensor([0, 999])).shape
    (2, 16)
    >>> embed.waves[:2]
    tensor([[0.0000e+00, 0.0000e+00, 1.0000e+00, 1.0000e+00],
            [8.4147e-01, 1.0000e-04, 5.4030e-01, 1.0000e+00]])
    """

    waves: Tensor

    def __init__(self, dim: int, hidden: int, timesteps: int = 1000) -> None:
        super().__init__()
        if dim < 2 or dim % 2:
            raise ValueError(f"TimeEmbedding: want an even number of waves >= 2, got {dim}")
        angles = np.arange(timesteps)[:, None] * 10000.0 ** -(np.arange(dim // 2) / max(dim // 2 - 1, 1))
        waves = np.concatenate((np.sin(angles), np.cos(angles)), 1).astype(np.float32)
        self.register_buffer("waves", Tensor(waves), persistent=False)
        self.first = Linear(dim, hidden)
        self.act = SiLU()
        self.second = Linear(hidden, hidden)

    def forward(self, t: Any) -> Any:
        if t.dtype.kind not in "iu" or len(t.shape) != 1:
            raise ValueError(f"TimeEmbedding: want integer times (N,), got {t.dtype} of shape {tuple(t.shape)}")
        return self.second(self.act(self.first(autograd.embedding(t, self.waves))))

    def extra_repr(self) -> str:
        return f"timesteps={self.waves.shape[0]}"
