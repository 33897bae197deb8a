"""Gradients without a backward pass: how much the loss changes when one weight is moved a little either way.

The central difference (L(w + h) - L(w - h)) / 2h of each weight and bias, in float64. Its error is about h^2
from the curve between both sides, and about 1e-16 L / h from rounding; h = 6e-6 balances them. h is that much
change in the neuron's sum, so it is divided by what the weight is multiplied with.

A weight of a layer changes nothing before that layer. So all copies of the network in which one weight of a
layer is moved go forward together, as the rows of one batch, from that layer on: a network of 8 layers of 32
neurons, 7,000 weights, takes some ten milliseconds.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

import autograd
from apps.playground.path import Layers, Path
from autograd import no_grad
from nn import functional as F

__all__ = ["STEP", "Numeric", "differences"]

Array = np.ndarray[Any, Any]

STEP = 6e-6  # the cube root of float64's rounding, 1.1e-16, about


class Numeric(NamedTuple):
    """Of one layer: (to, from + 1) each, the bias in the last column.

    values  the central differences
    kinks   whether some ReLU of the network has its kink between the two sides: the difference is then no
            estimate of the derivative, which jumps there
    blur    what one rounding of the loss makes of the difference
    """

    values: Array
    kinks: Array
    blur: Array


def differences(path: Path, layers: Layers, inputs: Array) -> list[Numeric]:
    """The differences of every layer; `path`, `layers` and `inputs` as by_hand.reply has them."""
    found = []
    h = inputs
    with no_grad():
        for k, (weight, bias) in enumerate(layers):
            found.append(of_layer(path, layers, k, h))
            z = F.linear(autograd.tensor(h[None]), weight, bias)
            h = path.activate(z, k + 1 == len(layers)).numpy()[0]
    return found


def of_layer(path: Path, layers: Layers, k: int, h: Array) -> Numeric:
    """Layer k, which is given h (from,)."""
    weight, bias = layers[k]
    to, count = weight.shape[0], weight.shape[1] + 1
    w = np.column_stack([weight, bias])  # (to, count): the bias is a weight of the input 1
    given = np.append(h, 1.0)
    # Where an input is huge, a step this small would be lost in the weight's last digits.
    step = np.maximum(STEP / np.maximum(1.0, np.abs(given)), 1e-10 * np.abs(w))
    sides = np.stack([w + step, w - step])  # (2, to, count)
    width = sides[0] - sides[1]

    moved = np.broadcast_to(w[None, :, None, :], (2, to, count, count)).copy()
    each = np.arange(count)
    moved[:, :, each, each] = sides
    sums = (autograd.tensor(moved) @ autograd.tensor(given)).numpy()  # (2, to, count)

    z = np.tile(F.linear(autograd.tensor(h[None]), weight, bias).numpy()[0], (2, to, count, 1))
    each = np.arange(to)
    z[:, each, :, each] = sums.transpose(1, 0, 2)
    losses, kinks = forward(path, layers, k, z.reshape(-1, to))
    losses = losses.reshape(2, to, count)
    blur = np.finfo(np.float64).eps * np.maximum(1.0, np.abs(losses[0])) / width
    return Numeric((losses[0] - losses[1]) / width, kinks.reshape(to, count), blur)


def forward(path: Path, layers: Layers, k: int, z: Array) -> tuple[Array, Array]:
    """The loss of each row of z (2n, to), sums of layer k: (2n,). And, (n,), whether row i and row n + i have
    some ReLU on different sides."""
    half = len(z) // 2
    kinks = np.zeros(half, bool)
    here = autograd.tensor(z)
    for layer in range(k, len(layers)):
        last = layer + 1 == len(layers)
        if layer > k:
            here = F.linear(here, *layers[layer])
        if path.hidden == "relu" and not last:
            on = here.numpy() > 0
            kinks |= (on[:half] != on[half:]).any(1)
        here = path.activate(here, last)
    return path.losses(here).numpy().reshape(-1), kinks
