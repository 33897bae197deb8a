"""RMSprop: steps measured by the running square of the gradient."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from nn.optim.optimizer import Group, Optimizer, State, memory

__all__ = ["RMSprop"]


class RMSprop(Optimizer):
    """RMSprop (Tieleman and Hinton 2012, lecture 6.5); `centered` as Graves 2013.

    g <- g + weight_decay p
    v <- alpha v + (1 - alpha) g^2        d = sqrt(v) + eps     (centered: sqrt(v - mean(g)^2) + eps)
    b <- momentum b + g / d               p <- p - lr b
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        options = (lr, alpha, eps, weight_decay, momentum, centered, maximize)
        names = ("lr", "alpha", "eps", "weight_decay", "momentum", "centered", "maximize")
        super().__init__(params, dict(zip(names, options, strict=True)))

    def update(self, p: np.ndarray, g: np.ndarray, state: State, group: Group) -> None:
        if group["maximize"]:
            g = -g
        if group["weight_decay"]:
            g = g + p * group["weight_decay"]
        alpha = group["alpha"]
        state["step"] = state.get("step", 0) + 1
        v = memory(state, "square_avg", p)
        v *= alpha
        v += (g * g) * (1 - alpha)
        if group["centered"]:
            mean = memory(state, "grad_avg", p)
            mean += (g - mean) * (1 - alpha)
            d = np.sqrt(v - mean * mean, out=np.empty_like(v))
        else:
            d = np.sqrt(v, out=np.empty_like(v))
        d += group["eps"]
        np.divide(g, d, out=d)
        if group["momentum"]:
            buffer = memory(state, "momentum_buffer", p)
            buffer *= group["momentum"]
            buffer += d
            d = buffer
        p -= d * group["lr"]
