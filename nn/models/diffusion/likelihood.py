"""What a diffusion model says of data: bits per dimension, by the variational bound (Ho et al. 2020, eq. 5).

    -log p(x_0) <= L_T + sum of L_t + L_0

L_T is what x_T still tells, KL(q(x_T | x_0) || N(0, 1)). L_t is how far the step back of a network, a normal
around its mean, is from that of one that knows x_0, the posterior. L_0 is -log of the probability of the very
level that a number of x_0 has, out of `levels`, under a normal around the network's last estimate (eq. 13).
The variances of the network's steps are free; beta_t is taken, the larger of the paper's two: the smaller
one, the posterior's, costs a bit and more where a level is wider than the first noise.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

import autograd
from autograd import Tensor
from autograd.tape import no_grad
from nn.course import evaluating

__all__ = ["Bits", "bits_per_dim"]

Array = np.ndarray[Any, Any]


class Bits(NamedTuple):
    """Bits per dimension of each example, float64 (N,): total = prior + steps + decoder."""

    total: Array
    prior: Array
    steps: Array
    decoder: Array


def bits_per_dim(diffusion: Any, x: Any, classes: Any = None, *, levels: int = 256, stride: int = 1) -> Bits:
    """An upper bound on what a number of x (N, *shape), in data_range, costs in bits. All of x goes through
    the network at once.

    levels  that a number may have, evenly over data_range, both ends among them (256: 8-bit images)
    stride  1: every step, exactly the bound's sum, with noise drawn once a step; k: of each k steps one at
            random, another for each example, which is right on average and k times faster

    ValueError where x is not on the levels.
    """
    x0 = diffusion.inward(x)
    if diffusion.data_range is None:
        raise ValueError("bits_per_dim: levels need a range; make the Diffusion with a data_range")
    places = (x0.data.astype(np.float64) + 1) / 2 * (levels - 1)
    if levels < 2 or not np.abs(places - places.round()).max(initial=0) < 1e-2:
        raise ValueError(f"bits_per_dim: want numbers on {levels} levels in {diffusion.data_range}")
    if stride < 1:
        raise ValueError(f"bits_per_dim: want stride >= 1, got {stride}")
    labels = diffusion.labels(classes, x0.shape[0])
    exact = places.round() / (levels - 1) * 2 - 1
    schedule = diffusion.schedule
    remaining = schedule.remaining[-1]
    prior = 0.5 * (remaining * (exact**2 - 1) - math.log1p(-remaining)).reshape(len(exact), -1).sum(1)
    with evaluating(diffusion), no_grad():
        steps = step_terms(diffusion, x0, labels, stride)
        decoder = -decoded(diffusion, x0, exact, labels, 1 / (levels - 1))
    unit = math.log(2) * math.prod(diffusion.shape)
    parts = prior / unit, steps / unit, decoder / unit
    return Bits(parts[0] + parts[1] + parts[2], *parts)


def step_terms(diffusion: Any, x0: Any, labels: Any, stride: int) -> Array:
    """The sum of L_t over t = 1 ... T - 1, in nats (N,)."""
    count, last = x0.shape[0], diffusion.timesteps - 1
    firsts = np.arange(1, last + 1, stride)
    sizes = np.minimum(stride, last + 1 - firsts)  # of the stretches, one t of each
    u = autograd.rand(len(firsts), count, dtype=np.float64).data
    t = firsts[:, None] + np.minimum((u * sizes[:, None]).astype(np.int64), sizes[:, None] - 1)

    @autograd.jit
    @no_grad()
    def errors(t: Any) -> Any:
        t = t.reshape(count)
        xt = diffusion.q_sample(x0, t)
        off = estimate(diffusion, xt, t, labels) - x0
        return autograd.square(off).reshape(count, -1).sum(1)

    if not len(t):
        return np.zeros(count)
    off = errors.loop([t], batch_size=1).data.astype(np.float64)
    # KL of the posterior from N(the network's mean, beta_t), in nats.
    x0_share, _, variance = diffusion.schedule.posterior()
    betas = diffusion.schedule.betas
    narrower = (0.5 * (variance / betas - 1 - np.log(np.maximum(variance, 1e-300) / betas)))[t]
    apart = (x0_share**2 / (2 * betas))[t] * off
    terms: Array = ((math.prod(diffusion.shape) * narrower + apart) * sizes[:, None]).sum(0)
    return terms


def estimate(diffusion: Any, xt: Any, t: Any, labels: Any) -> Any:
    """x_0 as the network sees it, within the range of the data."""
    output = diffusion.called(xt, t, labels)
    return autograd.clamp(diffusion.predictions(xt, t, output).x0, -1, 1)


def decoded(diffusion: Any, x0: Any, exact: Array, labels: Any, half: float) -> Array:
    """log p(x_0 | x_1), in nats (N,): the normal's part between the borders of each level; the outermost
    levels have all that is beyond."""
    t = Tensor(np.zeros(x0.shape[0], np.int64))
    mean = estimate(diffusion, diffusion.q_sample(x0, t), t, labels).data.astype(np.float64)
    spread = math.sqrt(diffusion.schedule.betas[0])
    above = np.where(exact > 1 - half, 1.0, below((exact + half - mean) / spread))
    under = np.where(exact < -1 + half, 0.0, below((exact - half - mean) / spread))
    logs: Array = np.log(np.maximum(above - under, 1e-12)).reshape(len(exact), -1).sum(1)
    return logs


def below(z: Array) -> Array:
    """How much of a standard normal is below z."""
    part: Array = 0.5 * (1 + autograd.erf(Tensor(z / math.sqrt(2))).data)
    return part
