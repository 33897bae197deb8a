"""The Frechet distance between two sets of features: how far the clouds are apart, as two Gaussians.

    d(a, b) = |mean_a - mean_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2))

Dowson and Landau (1982) found it to be the squared 2-Wasserstein distance between Gaussians; Heusel et al.
(2017, "GANs trained by a two time-scale update rule", eq. 6) made it the measure of drawings, FID.

It depends on the number of samples: of a finite one the covariance is wrong by chance, and that adds about
c / N. So distances are compared at one N, and beside each stands its floor, that of real images at that N.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.tape import Value

__all__ = ["Moments", "frechet_distance", "frechet_infinity", "matrix"]

Array = np.ndarray[Any, Any]


class Moments:
    """Mean and covariance of features that come in blocks; the set need never be in memory at once.

    `count`, `mean` (k,) and `cov` (k, k), divided by count - 1. Blocks are joined by the formula of Chan,
    Golub and LeVeque (1979), which subtracts no large sums from each other.

    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(100, 3))
    >>> moments = Moments().update(x[:30]).update(x[30:])
    >>> moments.count, bool(np.allclose(moments.cov, np.cov(x.T)))
    (100, True)
    """

    def __init__(self, features: Any = None) -> None:
        self.count = 0
        self.mean: Array = np.zeros(0)
        self.scatter: Array = np.zeros((0, 0))  # sum of (x - mean) (x - mean)^T
        if features is not None:
            self.update(features)

    def update(self, features: Any) -> Moments:
        """Take in features (N, k). ValueError where k differs from before, or a value is not finite."""
        x = matrix(features, "features")
        if not self.count:
            self.mean, self.scatter = np.zeros(x.shape[1]), np.zeros((x.shape[1], x.shape[1]))
        elif x.shape[1] != len(self.mean):
            raise ValueError(f"Moments: {x.shape[1]} features a sample, and {len(self.mean)} before")
        own = x.mean(0)
        centred, apart = x - own, own - self.mean
        total = self.count + len(x)
        self.scatter += centred.T @ centred + np.outer(apart, apart) * (self.count * len(x) / total)
        self.mean = self.mean + apart * (len(x) / total)
        self.count = total
        return self

    @property
    def cov(self) -> Array:
        if self.count < 2:
            raise ValueError(f"Moments: a covariance needs at least 2 samples, got {self.count}")
        return self.scatter / (self.count - 1)


def frechet_distance(a: Any, b: Any) -> float:
    """The Frechet distance (this module's formula), >= 0; 0 where means and covariances are equal.

    Each of a and b is features (N, k), N >= 2, or Moments, or a pair (mean (k,), covariance (k, k)).
    With fewer samples than features it is large, whatever was drawn.

    >>> frechet_distance((np.zeros(2), np.eye(2)), (np.array([3.0, 4.0]), 4 * np.eye(2)))
    27.0
    """
    (mean_a, cov_a), (mean_b, cov_b) = moments(a, "a"), moments(b, "b")
    if mean_a.shape != mean_b.shape:
        raise ValueError(f"frechet_distance: {len(mean_a)} features do not compare with {len(mean_b)}")
    # The eigenvalues of C_a C_b are the squares of the singular values of C_a^(1/2) C_b^(1/2): their sum is
    # the trace of the root, without a root of a matrix that is not symmetric.
    root = np.linalg.svd(square_root(cov_a) @ square_root(cov_b), compute_uv=False).sum()
    apart = mean_a - mean_b
    distance = float(apart @ apart + np.trace(cov_a) + np.trace(cov_b) - 2 * root)
    return max(distance, 0.0)  # rounding


def frechet_infinity(a: Any, b: Any, points: int = 15, seed: int = 0) -> float:
    """The distance that features a (N, k) would have to b if there were infinitely many of them.

    The distances of `points` random parts of a, of N/4 to N samples, are fitted by d = c0 + c1 / n, and c0 is
    returned (Chong and Forsyth 2020, "Effectively unbiased FID and where to find it"). b is as in
    frechet_distance, of as many samples as there are. The result may be a little below 0.

    >>> rng = np.random.default_rng(0)
    >>> x, truth = rng.normal(size=(400, 20)), (np.zeros(20), np.eye(20))
    >>> frechet_distance(x, truth) > 0.2, abs(frechet_infinity(x, truth)) < 0.05
    (True, True)
    """
    x = matrix(a, "a")
    if points < 2 or len(x) < 8:
        raise ValueError(f"frechet_infinity: want points >= 2 and 8 samples, got {points} and {len(x)}")
    pair = moments(b, "b")
    rng = np.random.default_rng(seed)
    counts = np.linspace(len(x) / 4, len(x), points).astype(int)
    distances = [frechet_distance(x[rng.choice(len(x), n, replace=False)], pair) for n in counts]
    return float(np.polyfit(1 / counts, distances, 1)[1])


def square_root(cov: Array) -> Array:
    """The symmetric root of a symmetric matrix without negative eigenvalues, but for rounding."""
    values, vectors = np.linalg.eigh(cov)
    root: Array = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    return root


def moments(x: Any, name: str) -> tuple[Array, Array]:
    """(mean, covariance) in float64 of what frechet_distance takes."""
    if not isinstance(x, tuple | Moments):
        x = Moments(x)
    mean, cov = (x.mean, x.cov) if isinstance(x, Moments) else x
    mean, cov = np.asarray(mean, np.float64), np.asarray(cov, np.float64)
    if mean.ndim != 1 or cov.shape != (len(mean), len(mean)):
        raise ValueError(f"{name}: want mean (k,) and covariance (k, k), got {mean.shape} and {cov.shape}")
    if not np.allclose(cov, cov.T, atol=1e-8 * np.abs(cov).max(initial=0)):  # NaN equals nothing
        raise ValueError(f"{name}: the covariance is not symmetric, or has NaN in it")
    return mean, cov


def matrix(x: Any, name: str) -> Array:
    """Features as (N, k) float64, N and k >= 1, all finite."""
    array = np.asarray(x.data if isinstance(x, Value) else x)
    if array.ndim != 2 or not array.size:
        raise ValueError(f"{name}: want features (N, k), got {array.shape}")
    array = np.asarray(array, np.float64)
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: has NaN or infinity in it")
    return array
