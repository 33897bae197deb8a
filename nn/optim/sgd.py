"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from autograd.ops.update_kernel import sgd
from nn.optim.batch import Batch, Names
from nn.optim.optimizer import Group, Optimizer

__all__ = ["SGD"]


class SGD(Optimizer):
    """p <- p - lr g, optionally with momentum (Polyak 1964; Nesterov's form as Sutskever et al. 2013).

        g <- g + weight_decay p
        b <- momentum b + (1 - dampening) g          (b <- g at the first step)
        g <- g + momentum b  if nesterov  else  b
        p <- p - lr g

    >>> import autograd, nn
    >>> w = nn.Parameter(autograd.tensor([1.0]))
    >>> optimizer = SGD([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.item()
    0.800000011920929
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("SGD: Nesterov momentum requires a momentum and zero dampening")
        options = (lr, momentum, dampening, weight_decay, nesterov, maximize)
        names = ("lr", "momentum", "dampening", "weight_decay", "nesterov", "maximize")
        super().__init__(params, dict(zip(names, options, strict=True)))

    def memories(self, group: Group) -> Names:
        return ("momentum_buffer",) if group["momentum"] else ()

    def update(self, batch: Batch, grads: list[np.ndarray], group: Group) -> None:
        sgd(
            batch.rows,
            grads,
            batch.fresh and [1 if fresh else 2 for fresh in batch.fresh],
            lr=group["lr"],
            momentum=group["momentum"],
            dampening=group["dampening"],
            weight_decay=group["weight_decay"],
            nesterov=group["nesterov"],
            maximize=group["maximize"],
        )
