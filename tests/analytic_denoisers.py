"""Networks that need no training: the best answers there are, for data whose distribution is known."""

from __future__ import annotations

import math

import numpy as np

import autograd
import nn
from autograd import Tensor
from docs.examples.diffusion_points import Best
from nn.models.diffusion import Schedule


class MixtureDenoiser(Best):
    """E[x_0 | x_t] of data from a mixture of equally likely normals: centres (K, D), one deviation; or, by
    `objective`, the noise or v that go with it."""

    def __init__(self, centres: np.ndarray, std: float, schedule: Schedule, objective: str = "x0") -> None:
        super().__init__(schedule, centres, std)
        self.objective = objective

    def forward(self, x, t):
        x0 = super().forward(x, t)
        signal, noise = autograd.embedding(self.table, t.to(np.int64)).unsqueeze(2).unbind(1)  # (N, 1)
        if self.objective == "x0":
            return x0
        drawn = (x - signal * x0) / noise
        return drawn if self.objective == "noise" else signal * drawn - noise * x0


def grid_of_25() -> np.ndarray:
    return np.array([(x, y) for x in range(-2, 3) for y in range(-2, 3)]) / math.sqrt(2)


class GaussianDenoiser(nn.Module):
    """E[x_0 | x_t] of numbers that are normal with this mean and deviation, each by itself; any shape."""

    def __init__(self, mean: float, std: float, schedule: Schedule) -> None:
        super().__init__()
        self.mean, self.std = mean, std
        self.table = Tensor(np.stack((schedule.signal, schedule.noise), 1).astype(np.float32))

    def forward(self, x, t):
        along = (-1, *(1 for _ in x.shape[1:]))
        signal, noise = autograd.embedding(self.table, t.to(np.int64)).unbind(1)
        signal, noise = signal.reshape(along), noise.reshape(along)
        gain = signal * self.std**2 / ((signal * self.std) ** 2 + noise**2)
        return self.mean + gain * (x - signal * self.mean)
