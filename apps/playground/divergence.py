"""Where numbers stop being finite: what of an update, in which layer, comes first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from apps.playground.programs import Update
from autograd import Tensor, no_grad

__all__ = ["Diverged", "first_not_finite"]


@dataclass(frozen=True)
class Diverged:
    """The first thing in the update after `epoch` whole epochs that is infinite or no number.

    what   "sum" (z of a layer's neurons), "activation", "loss", "gradient" (of a layer's weights or biases),
           "weight" (a layer's weights or biases after the update)
    layer  counted from 0, the first that has weights; None for the loss
    """

    what: str
    layer: int | None
    epoch: int


def first_not_finite(update: Update, penalty: str, batch: list[Tensor], epoch: int) -> Diverged:
    """What it is in the next update, by this batch (inputs, targets, shares) and with this penalty, of finite
    weights. Nothing changes: neither weights nor memories."""
    state = update.state()
    try:
        with np.errstate(all="ignore"):
            for what, layer, value in numbers(update, penalty, batch):
                if not np.isfinite(value.data).all():
                    return Diverged(what, layer, epoch)
        return Diverged("loss", None, epoch)  # its sum, by a hair
    finally:
        update.restore(state)


def numbers(update: Update, penalty: str, batch: list[Tensor]) -> Iterator[tuple[str, int | None, Any]]:
    """What an update computes, in its order."""
    layers = list(update.network.layers)
    x, target, share = batch
    a = x
    with no_grad():
        for i, layer in enumerate(layers):
            z = layer.linear(a)
            a = layer.activation(z)
            yield "sum", i, z
            yield "activation", i, a
        yield "loss", None, update.loss(update.network, x, target)
    yield "loss", None, update.gradient(x, target, share)
    for i, layer in reversed(list(enumerate(layers))):
        yield "gradient", i, layer.linear.weight.grad
        yield "gradient", i, layer.linear.bias.grad
    update.steps[penalty](*batch)
    for i, layer in enumerate(layers):
        yield "weight", i, layer.linear.weight
        yield "weight", i, layer.linear.bias
