"""RMSprop: steps measured by the running square of the gradient."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from autograd.ops.update_kernel import rmsprop
from nn.optim.batch import Batch, Names
from nn.optim.optimizer import Group, Optimizer

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

    def memories(self, group: Group) -> Names:
        mean = "grad_avg" if group["centered"] else None
        return ("square_avg", mean, "momentum_buffer" if group["momentum"] else None)

    def update(self, batch: Batch, grads: list[np.ndarray], group: Group) -> None:
        batch.count()
        rmsprop(
            batch.rows,
            grads,
            lr=group["lr"],
            alpha=group["alpha"],
            eps=group["eps"],
            weight_decay=group["weight_decay"],
            momentum=group["momentum"],
            maximize=group["maximize"],
        )
