"""Many dimensions drawn in two: PCA by NumPy's SVD, t-SNE with its gradient from our tape.

Both take vectors by direction, as cosines do: each is first divided by its length.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import autograd
from autograd import Tensor
from nn.text import similar

__all__ = ["STEPS", "affinities", "divergence", "pca", "tsne"]

Array = np.ndarray[Any, Any]

EXAGGERATED, STEPS = 250, 750  # so many steps with P larger; so many in all
EXAGGERATION = 12.0


def units(x: Array) -> Array:
    return x * similar.inverse_norms(x)[:, None]


def pca(x: Array) -> tuple[Array, float]:
    """Coordinates (n, 2) along the two directions in which vectors (n, d) differ most, and the share of their
    variance that is in these, 0 to 1. Signs are such that the largest coordinate of each is positive."""
    centred = units(x).astype(np.float64)
    centred -= centred.mean(0)
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    y = np.zeros((len(x), 2))
    y[:, : min(2, len(s))] = u[:, :2] * s[:2]
    y *= np.where(y[np.abs(y).argmax(0), range(2)] < 0, -1, 1)
    return y, float((s[:2] ** 2).sum() / max((s**2).sum(), 1e-300))


def tsne(
    x: Array, perplexity: float = 30.0, steps: int = STEPS, tell: Callable[[int], None] = lambda step: None
) -> tuple[Array, float]:
    """Coordinates (n, 2) in which those near each other are neighbours in (n, d), and the Kullback-Leibler
    divergence reached: L. van der Maaten, G. Hinton, "Visualizing Data using t-SNE", 2008, without
    approximation. Begins at the PCA, so that nothing is random.

    perplexity: about how many neighbours count; at most (n - 1) / 3 is used
    tell: called after each step with how many are done
    """
    n = len(x)
    y = pca(x)[0]
    if n < 4:
        return y, 0.0
    p = affinities(x, min(perplexity, (n - 1) / 3))
    y = (1e-4 * y / max(y[:, 0].std(), 1e-12)).astype(np.float32)
    others = autograd.tensor((1 - np.eye(n)).astype(np.float32))
    target = autograd.tensor(p)
    rate, velocity, gains = max(n / EXAGGERATION / 4, 50.0), np.zeros_like(y), np.ones_like(y)
    for step in range(steps):
        early = step < EXAGGERATED
        place = autograd.tensor(y, requires_grad=True)
        cost(place, target, others, EXAGGERATION if early else 1.0).backward()
        gradient = place.grad.data
        same = np.sign(gradient) == np.sign(velocity)  # the velocity points up the slope: it has gone too far
        gains = np.maximum(np.where(same, gains * 0.8, gains + 0.2), 0.01)
        velocity = (0.5 if early else 0.8) * velocity - rate * gains * gradient
        y = (y + velocity).astype(np.float32)
        tell(step + 1)
    return y - y.mean(0), divergence(p, y)


def cost(y: Tensor, p: Tensor, others: Tensor, exaggeration: float) -> Tensor:
    """The divergence of q from p but for what does not depend on y: with q = a / sum(a), a = 1 / (1 + d^2),
    it is sum(p log(1 + d^2)) + log(sum(a)). others: 0 on the diagonal, 1 elsewhere."""
    squares = (y * y).sum(1, keepdim=True)
    near = 1 + (squares + squares.T - 2 * (y @ y.T)) * others  # rounding: d^2 of a point and itself is 0
    return exaggeration * (p * near.log()).sum() + (others / near).sum().log()


def divergence(p: Array, y: Array) -> float:
    """Kullback-Leibler divergence, in nats, of the map (n, 2) from the affinities (n, n)."""
    y = y.astype(np.float64)
    a = 1 / (1 + ((y[:, None] - y[None]) ** 2).sum(-1))
    np.fill_diagonal(a, 0)
    there = p > 1e-12
    q = np.maximum(a / a.sum(), 1e-12)
    return float((p[there] * np.log(p[there] / q[there])).sum())


def affinities(x: Array, perplexity: float) -> Array:
    """How near each is to each, (n, n) float32: symmetric, sums to 1. Of each row, as a Gaussian whose width
    makes exp(entropy) the perplexity (found by bisection)."""
    u = units(x).astype(np.float64)
    squares = np.maximum(2 - 2 * (u @ u.T), 0)
    np.fill_diagonal(squares, np.inf)
    squares -= squares.min(1, keepdims=True)
    low, high, beta = np.zeros(len(x)), np.full(len(x), np.inf), np.ones(len(x))
    for _ in range(100):
        rows = np.exp(-beta[:, None] * squares)
        rows /= rows.sum(1, keepdims=True)
        entropy = -(rows * np.log(np.maximum(rows, 1e-300))).sum(1)
        wide = entropy > math.log(perplexity)
        low, high = np.where(wide, beta, low), np.where(wide, high, beta)
        beta = np.where(np.isinf(high), beta * 2, (low + high) / 2)
        if np.abs(entropy - math.log(perplexity)).max() < 1e-5:
            break
    p: Array = ((rows + rows.T) / (2 * len(x))).astype(np.float32)
    return p
