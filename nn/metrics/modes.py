"""Which of the things that the data has were drawn at all: classes, clouds of points, stacked digits.

A mode is lost where a model never goes. The share of each is compared with that of the data by the
Kullback-Leibler divergence KL(drawn || data) = sum p log(p / q), in nats: 0 where the shares are the data's,
log(n / m) where only m of n equal modes are drawn, evenly. Of N drawings by a perfect model it is not 0 but
about (n - 1) / 2N, by chance.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from nn.metrics.classification import array
from nn.metrics.frechet import matrix
from nn.metrics.lenet import features

__all__ = [
    "ClassHistogram",
    "PointModes",
    "StackedModes",
    "class_histogram",
    "kl_divergence",
    "modes_and_quality",
    "stacked_modes",
]

Array = np.ndarray[Any, Any]


class ClassHistogram(NamedTuple):
    """`counts` (C,) of each class, and `kl`, KL(drawn || data) in nats."""

    counts: Array
    kl: float

    def __str__(self) -> str:
        shares = " ".join(f"{100 * count / self.counts.sum():.0f}" for count in self.counts)
        return f"classes {shares} % (KL {self.kl:.3f})"


class PointModes(NamedTuple):
    """`covered` modes, `quality` the share of points that are near one, `counts` (n,) of those at each mode,
    and `kl` of their shares, KL(drawn || even)."""

    covered: int
    quality: float
    counts: Array
    kl: float

    def __str__(self) -> str:
        return f"modes {self.covered}/{len(self.counts)}, high quality {100 * self.quality:.1f} %"


class StackedModes(NamedTuple):
    """`covered` of the 1000 stacks, `kl`, KL(drawn || data) in nats, and `counts` (1000,); the three digits
    (channel 0, 1, 2) = (a, b, c) are stack 100 a + 10 b + c."""

    covered: int
    kl: float
    counts: Array

    def __str__(self) -> str:
        return f"modes {self.covered}/1000, KL {self.kl:.3f}"


def kl_divergence(p: Any, q: Any) -> float:
    """KL(p || q) in nats of two histograms (n,), counts or shares; inf where p has what q has not.

    >>> round(kl_divergence([1, 1, 0, 0], [5, 5, 5, 5]), 4)      # half of the modes, evenly: log 2
    0.6931
    """
    p, q = np.asarray(p, np.float64), np.asarray(q, np.float64)
    if p.ndim != 1 or p.shape != q.shape:
        raise ValueError(f"kl_divergence: want two histograms (n,), got {p.shape} and {q.shape}")
    for name, shares in [("p", p), ("q", q)]:
        if not (np.isfinite(shares).all() and (shares >= 0).all() and shares.sum() > 0):
            raise ValueError(f"kl_divergence: {name} must be finite, >= 0, and not all 0")
    p, q = p / p.sum(), q / q.sum()
    there = p > 0
    if not q[there].all():
        return math.inf
    return max(float((p[there] * np.log(p[there] / q[there])).sum()), 0.0)


def class_histogram(classes: Any, reference: Any = None, num_classes: int = 10) -> ClassHistogram:
    """How often each class was drawn: classes (N,) from 0 to num_classes - 1, as a classifier took them.

    reference  the classes of the data, (M,); without it the data is taken to have as many of each

    >>> print(class_histogram([0, 0, 1, 1], reference=[0, 1, 2, 3], num_classes=4))
    classes 50 50 0 0 % (KL 0.693)
    """
    counts = counted(classes, num_classes, "classes")
    data = np.ones(num_classes) if reference is None else counted(reference, num_classes, "reference")
    return ClassHistogram(counts, kl_divergence(counts, data))


def modes_and_quality(points: Any, centres: Any, std: Any, sigmas: float = 3.0) -> PointModes:
    """How many Gaussians of a mixture were found, and how many of the points are any good.

    points (N, d), centres (n, d), std a number or (n,). As Lin et al. count (2018, "PacGAN", section 4): a
    point belongs to the centre that is nearest in standard deviations, and is of high quality if that is less
    than `sigmas` away; a mode is covered if one point of high quality, or more, belongs to it. Of the mixture
    itself 98.9 % are of high quality in the plane: 1 - exp(-9/2).

    >>> print(modes_and_quality([[0, 0.1], [0, 0.4], [5, 5]], centres=[[0, 0], [1, 1]], std=0.1))
    modes 1/2, high quality 33.3 %
    """
    centres = matrix(centres, "centres")
    points = np.asarray(array(points), np.float64)  # a model that diverged draws NaN: near no centre
    spread = np.broadcast_to(np.asarray(std, np.float64), len(centres))
    if points.ndim != 2 or not len(points) or points.shape[1] != centres.shape[1]:
        raise ValueError(f"modes_and_quality: points {points.shape} do not go with centres {centres.shape}")
    if not (spread > 0).all():
        raise ValueError(f"modes_and_quality: want std > 0, got {std}")
    away = np.sqrt(((points[:, None] - centres) ** 2).sum(2)) / spread  # (N, n), standard deviations
    nearest = away.argmin(1)
    good = away[np.arange(len(points)), nearest] < sigmas
    counts = np.bincount(nearest[good], minlength=len(centres))
    kl = kl_divergence(counts, np.ones(len(centres))) if good.any() else math.inf
    return PointModes(int((counts > 0).sum()), float(good.mean()), counts, kl)


def stacked_modes(
    images: Any, classify: Callable[[Array], Array] | None = None, reference: Any = None
) -> StackedModes:
    """Stacked MNIST (Metz et al. 2017; Srivastava et al. 2017, VEEGAN): three digits one over another as the
    channels of images (N, 3, 28, 28) in [0, 1] make 1000 modes; how many were drawn?

    classify   tells the digits (M,) of images (M, 1, 28, 28); features("mnist").classify unless given
    reference  counts (1000,) of the data; without it, as many of each

    Papers draw N = 26,000, of which a perfect model has all modes and a KL of about 0.019.
    """
    pixels = np.asarray(array(images))
    if pixels.ndim != 4 or pixels.shape[1] != 3 or not len(pixels):
        raise ValueError(f"stacked_modes: want images (N, 3, 28, 28), got {pixels.shape}")
    n, _, height, width = pixels.shape
    classify = classify or features("mnist").classify
    digits = np.asarray(classify(pixels.reshape(3 * n, 1, height, width))).reshape(n, 3)
    counts = counted(digits @ np.array([100, 10, 1]), 1000, "stacks")
    kl = kl_divergence(counts, np.ones(1000) if reference is None else reference)
    return StackedModes(int((counts > 0).sum()), kl, counts)


def counted(classes: Any, num_classes: int, name: str) -> Array:
    labels = np.asarray(array(classes))
    if labels.ndim != 1 or not labels.size or labels.dtype.kind not in "iu":
        raise ValueError(f"{name}: want labels (N,) of integers, got {labels.shape} {labels.dtype}")
    if labels.min() < 0 or labels.max() >= num_classes:
        raise ValueError(f"{name}: labels {labels.min()}..{labels.max()} are not in 0..{num_classes - 1}")
    return np.bincount(labels, minlength=num_classes)
