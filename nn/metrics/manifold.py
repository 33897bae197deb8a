"""Is what was drawn like the data (precision), and does it reach all of the data (recall)?

A set of points is thickened: each becomes a ball that reaches to its k-th nearest neighbour of the same set.
A point that lies in one of the balls could have come from there. Kynkäänniemi et al. (2019, "Improved
precision and recall metric for assessing generative models", eq. 1 and 2):

    precision = share of the samples inside the balls of the real points
    recall    = share of the real points inside the balls of the samples

Naeem et al. (2020, "Reliable fidelity and diversity metrics for generative models") do with the balls of the
real points alone, for one sample far out has a ball that covers much:

    density   = mean over samples of (number of real balls it is in) / k; above 1 where samples crowd together
    coverage  = share of the real balls in which there is a sample

Distances come from matrix products, |a - b|^2 = |a|^2 + |b|^2 - 2 a.b, in blocks of rows. What is as small
as this formula's rounding is 0: equal points are in each other's balls, of radius 0 too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from autograd.tape import Value
from nn.metrics.frechet import matrix

__all__ = [
    "DensityCoverage",
    "Neighbours",
    "PrecisionRecall",
    "density_coverage",
    "nearest_neighbours",
    "precision_recall",
]

Array = np.ndarray[Any, Any]
BLOCK = 1 << 22  # so many distances are in memory at once
ROUNDING = 64  # times the last digit of |a|^2 + |b|^2


class PrecisionRecall(NamedTuple):
    precision: float
    recall: float


class DensityCoverage(NamedTuple):
    density: float
    coverage: float


class Neighbours(NamedTuple):
    """`indices` (N, k) of training examples, nearest first, and their Euclidean `distances` (N, k)."""

    indices: Array
    distances: Array


def precision_recall(real: Any, samples: Any, k: int = 3) -> PrecisionRecall:
    """Precision and recall (this module's formula) of samples (M, d) against real features (N, d).

    k is the neighbour to which a ball reaches. Compare at the same N, M and k: more points fill more space.

    >>> line = np.arange(8.0)[:, None]
    >>> precision_recall(line, line[:4] + 0.1, k=1)
    PrecisionRecall(precision=1.0, recall=0.625)
    """
    real, samples = pair(real, samples, k)
    real_radii, sample_radii = radii(real, k), radii(samples, k)
    inside, reached = 0, np.zeros(len(real), bool)
    for rows, d in squared_distances(samples, real):
        inside += int((d <= real_radii).any(1).sum())
        reached |= (d <= sample_radii[rows, None]).any(0)
    return PrecisionRecall(inside / len(samples), float(reached.mean()))


def density_coverage(real: Any, samples: Any, k: int = 5) -> DensityCoverage:
    """Density and coverage (this module's formulas) of samples (M, d) against real features (N, d).

    >>> line = np.arange(8.0)[:, None]
    >>> density_coverage(line, line[:4] + 0.1, k=1)
    DensityCoverage(density=2.0, coverage=0.625)
    """
    real, samples = pair(real, samples, k, both=False)
    real_radii = radii(real, k)
    hits, covered = 0, np.zeros(len(real), bool)
    for _, d in squared_distances(samples, real):
        inside = d <= real_radii
        hits += int(inside.sum())
        covered |= inside.any(0)
    return DensityCoverage(hits / (k * len(samples)), float(covered.mean()))


def nearest_neighbours(samples: Any, train: Any, k: int = 1) -> Neighbours:
    """For each sample (N, ...) the k nearest training examples (M, ...), in pixels or in features.

    A sample that was copied has a distance of 0 exactly, and one that was learned by heart nearly: put it
    beside the distance from test images to their nearest training example.

    >>> nearest_neighbours([[0.0], [2.2]], [[5.0], [2.0], [0.0]])
    Neighbours(indices=array([[2],
           [1]]), distances=array([[0. ],
           [0.2]]))
    """
    a, b = flat(samples), flat(train)
    if a.shape[1] != b.shape[1]:
        raise ValueError(f"nearest_neighbours: samples of {a.shape[1]} numbers, examples of {b.shape[1]}")
    if not 1 <= k <= len(b):
        raise ValueError(f"nearest_neighbours: want 1 <= k <= {len(b)}, got {k}")
    few = min(k + 4, len(b))  # rounding may swap near ones: they are measured again, by subtraction
    indices, distances = np.empty((len(a), k), np.int64), np.empty((len(a), k))
    for rows, d in squared_distances(a, b):
        near = np.argpartition(d, few - 1, axis=1)[:, :few]
        exact = np.sqrt(((a[rows, None].astype(np.float64) - b[near]) ** 2).sum(2))
        order = np.lexsort((near, exact))[:, :k]  # of equals the first
        indices[rows] = np.take_along_axis(near, order, 1)
        distances[rows] = np.take_along_axis(exact, order, 1)
    return Neighbours(indices, distances)


# Distances ---------------------------------------------------------------------------------------


def squared_distances(a: Array, b: Array) -> Iterator[tuple[slice, Array]]:
    """Squared distances of the rows of a to those of b, in blocks: (which rows, (rows, len(b)))."""
    origin = b.mean(0)  # far from the origin, the difference of large squares would lose digits
    a, b = a - origin, b - origin
    squares_a, squares_b = (a * a).sum(1), (b * b).sum(1)
    block = max(BLOCK // len(b), 1)
    for i in range(0, len(a), block):
        rows = slice(i, min(i + block, len(a)))
        both = squares_a[rows, None] + squares_b
        d = a[rows] @ b.T
        d *= -2
        d += both
        both *= ROUNDING * np.finfo(both.dtype).eps
        d[d <= both] = 0
        yield rows, d


def radii(x: Array, k: int) -> Array:
    """The squared distance of each point to its k-th nearest neighbour."""
    out = np.empty(len(x))
    for rows, d in squared_distances(x, x):
        d[np.arange(len(d)), np.arange(rows.start, rows.stop)] = np.inf  # not itself
        out[rows] = np.partition(d, k - 1, axis=1)[:, k - 1]
    return out


def pair(real: Any, samples: Any, k: int, both: bool = True) -> tuple[Array, Array]:
    real, samples = matrix(real, "real"), matrix(samples, "samples")
    if real.shape[1] != samples.shape[1]:
        raise ValueError(f"real has {real.shape[1]} features, samples {samples.shape[1]}")
    least = min(len(real), len(samples)) if both else len(real)
    if not 1 <= k < least:
        raise ValueError(f"want 1 <= k < {least}, the number of points, got k={k}")
    return real, samples


def flat(x: Any) -> Array:
    """(N, d) floats; float32 stays, for pixels are many."""
    array = np.asarray(x.data if isinstance(x, Value) else x)
    if array.ndim < 2 or not array.size:
        raise ValueError(f"nearest_neighbours: want examples (N, ...), got {array.shape}")
    array = array.reshape(len(array), -1)
    array = array.astype(np.result_type(array.dtype, np.float32), copy=False)
    if not np.isfinite(array).all():
        raise ValueError("nearest_neighbours: NaN or infinity among the examples")
    return array
