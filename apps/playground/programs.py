"""What the playground runs as programs: an update of the weights, the losses of all points, the gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import autograd
from apps.playground.network import Network
from apps.playground.settings import Settings
from autograd import Tensor, no_grad
from nn import functional as F
from nn import optim

__all__ = ["Loss", "Optimizer", "Update", "gradients_of", "losses_of", "targets_of"]

Array = np.ndarray[Any, Any]
Loss = Callable[[Network, Tensor, Tensor], Any]


# Losses, one number a sample -----------------------------------------------------------------------


def squared(network: Network, x: Tensor, target: Tensor) -> Any:
    """(o - y)^2 / 2, of outputs and labels (N, 1)."""
    return (network(x) - target) ** 2 * 0.5


def bce(network: Network, x: Tensor, target: Tensor) -> Any:
    """-log of the probability given to the right one of two classes; targets 0 and 1, (N, 1)."""
    return F.binary_cross_entropy_with_logits(network.scores(x), target, reduction="none")


def cross_entropy(network: Network, x: Tensor, target: Tensor) -> Any:
    """-log of the probability given to the right class; classes (N,) int64."""
    return F.cross_entropy(network.scores(x), target, reduction="none")


LOSSES: dict[str, Loss] = {"squared": squared, "bce": bce, "cross_entropy": cross_entropy}


def targets_of(labels: Array, loss: str, classes: int) -> Array:
    """Labels (n,) as the loss wants them."""
    if loss == "squared":
        return np.ascontiguousarray(labels[:, None])
    if classes == 2:  # -1 and +1
        labels = (labels + 1) / 2
    return labels.astype(np.int64) if loss == "cross_entropy" else np.ascontiguousarray(labels[:, None])


# One update ----------------------------------------------------------------------------------------

Optimizer = Callable[..., optim.Optimizer]
OPTIMIZERS: dict[str, Optimizer] = {
    "sgd": optim.SGD,
    "momentum": lambda params, lr: optim.SGD(params, lr=lr, momentum=0.9),
    "nesterov": lambda params, lr: optim.SGD(params, lr=lr, momentum=0.9, nesterov=True),
    "rmsprop": optim.RMSprop,
    "adam": optim.Adam,
}


class Update:
    """One update: the optimiser's, by the gradient of the loss, and then the penalty's, apart from it.

        w <- w - lr g          (or as the optimiser has it)
        w <- w - lr rate R'(v)    v: the weight before; R' = v for L2, sign(v) for L1; biases have no penalty

    A weight that the penalty of L1 pushes across 0 becomes 0 and dies: it stays 0.
    """

    def __init__(self, network: Network, settings: Settings) -> None:
        self.network = network
        self.loss = LOSSES[settings.loss]
        self.optimizer = OPTIMIZERS[settings.optimizer](network.parameters(), lr=settings.learning_rate)
        self.weights = [layer.linear.weight for layer in network.layers]
        self.alive = [autograd.ones(*w.shape, dtype="float64") for w in self.weights]
        self.pull = autograd.zeros(1, dtype="float64")  # lr rate
        self.keep = autograd.ones(1, dtype="float64")  # 1 - lr rate
        self.steps = {
            "none": autograd.jit(self.plain),
            "L1": autograd.jit(self.l1),
            "L2": autograd.jit(self.l2),
        }

    def set_rates(self, learning: float, regularization: float) -> None:
        """Both rates from the next update on; no program is captured anew."""
        self.optimizer.param_groups[0]["lr"] = learning
        self.pull.fill_(learning * regularization)
        self.keep.fill_(1 - learning * regularization)

    # x: inputs (N, features); target as the loss wants it; share: of each sample in the mean, as losses are

    def gradient(self, x: Tensor, target: Tensor, share: Tensor) -> Any:
        self.optimizer.zero_grad()
        loss = (self.loss(self.network, x, target) * share).sum()
        loss.backward()
        return loss

    def plain(self, x: Tensor, target: Tensor, share: Tensor) -> Any:
        loss = self.gradient(x, target, share)
        self.optimizer.step()
        return loss

    def l2(self, x: Tensor, target: Tensor, share: Tensor) -> Any:
        loss = self.gradient(x, target, share)
        with no_grad():
            for weight in self.weights:
                weight.mul_(self.keep)  # first: what the optimiser subtracts doesn't depend on it
        self.optimizer.step()
        return loss

    def l1(self, x: Tensor, target: Tensor, share: Tensor) -> Any:
        loss = self.gradient(x, target, share)
        with no_grad():
            pulls = [autograd.sign(weight) * self.pull for weight in self.weights]
            self.optimizer.step()
            for weight, pull, alive in zip(self.weights, pulls, self.alive, strict=True):
                moved = weight - pull
                alive.mul_(weight * moved >= 0)
                weight.copy_(autograd.where(alive > 0, moved, 0.0))
        return loss

    def dead(self) -> int:
        """How many weights L1 has taken for good."""
        return sum(int((alive.data == 0).sum()) for alive in self.alive)

    # What it remembers -----------------------------------------------------------------------------

    def state(self) -> tuple[Any, ...]:
        """A copy of all that the next updates depend on, for restore()."""
        memory = {p: {k: copied(v) for k, v in s.items()} for p, s in self.optimizer.state.items()}
        return self.network.weights(), [alive.data.copy() for alive in self.alive], memory

    def restore(self, state: tuple[Any, ...]) -> None:
        """Back to where state() was called; a memory that began since is zero again."""
        weights, alive, memory = state
        self.network.set_weights(weights)
        for tensor, array in zip(self.alive, alive, strict=True):
            tensor.copy_(array)
        for p, here in self.optimizer.state.items():
            before = memory.get(p, {})
            for name, value in here.items():
                if isinstance(value, Tensor):
                    value.copy_(before.get(name, 0.0))
                elif value is not None:
                    here[name] = before.get(name, 0)


def copied(value: Any) -> Any:
    return value.data.copy() if isinstance(value, Tensor) else value


# What is shown -------------------------------------------------------------------------------------


def losses_of(update: Update) -> Any:
    """A program (x, target) -> losses, one a sample, and outputs (N, outputs)."""

    @autograd.jit
    def losses(x: Tensor, target: Tensor) -> Any:
        with no_grad():
            return update.loss(update.network, x, target), update.network(x)

    return losses


def gradients_of(update: Update) -> Any:
    """A program (x, target) -> the gradients of the mean loss by each of network.parameters()."""
    parameters = list(update.network.parameters())

    @autograd.jit
    def gradients(x: Tensor, target: Tensor) -> Any:
        return autograd.grad(update.loss(update.network, x, target).mean(), parameters)

    return gradients
