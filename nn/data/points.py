"""Points in the plane whose distribution is known, to study models that draw: mixtures and curves.

The ring and the grid are those on which GANs lose modes (Lin et al. 2018, PacGAN, section 4.1).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd.ops.random import Generator
from nn.data.dataset import chosen_generator

__all__ = ["grid", "grid_centres", "mixture", "ring", "ring_centres", "swiss_roll", "two_moons"]

Array = np.ndarray[Any, np.dtype[np.float32]]


def ring_centres(modes: int = 8, radius: float = 1.0) -> Array:
    """(modes, 2) float32: evenly spaced on a circle around 0, counter-clockwise from (radius, 0).

    >>> ring_centres(4, radius=2.0).round(6).tolist()
    [[2.0, 0.0], [0.0, 2.0], [-2.0, 0.0], [-0.0, -2.0]]
    """
    if modes < 1:
        raise ValueError(f"ring_centres: want modes >= 1, got {modes}")
    angles = 2 * math.pi * np.arange(modes) / modes
    return (radius * np.stack([np.cos(angles), np.sin(angles)], 1)).astype(np.float32)


def grid_centres(side: int = 5, spacing: float = 2.0) -> Array:
    """(side * side, 2) float32: a square grid around 0, column by column from the lower left.

    >>> grid_centres(2).tolist()
    [[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]]
    """
    if side < 1:
        raise ValueError(f"grid_centres: want side >= 1, got {side}")
    at = spacing * (np.arange(side) - (side - 1) / 2)
    return np.stack(np.meshgrid(at, at, indexing="ij"), -1).reshape(-1, 2).astype(np.float32)


def mixture(
    n: int, centres: Any, std: float, seed: int | None = None, generator: Generator | None = None
) -> Array:
    """n points, (n, d) float32: each a normal one (standard deviation std) around one of the centres (k, d),
    all of which are as likely.

    The numbers come from the generator, from Generator(seed), or from the default one.
    """
    checked("mixture", n, "std", std)
    centres = np.asarray(centres, np.float32)
    if centres.ndim != 2 or not len(centres):
        raise ValueError(f"mixture: want centres (k, d), got an array of shape {centres.shape}")
    source = chosen_generator("mixture", generator, seed)
    chosen = centres[source.integers(0, len(centres), (n,))]
    return np.asarray(chosen + source.normal(chosen.shape, std=std), np.float32)


def ring(
    n: int,
    modes: int = 8,
    radius: float = 1.0,
    std: float = 0.01,
    seed: int | None = None,
    generator: Generator | None = None,
) -> Array:
    """n points around ring_centres(modes, radius), (n, 2) float32. The defaults are PacGAN's 2D-ring.

    >>> ring(3, seed=0).shape
    (3, 2)
    """
    return mixture(n, ring_centres(modes, radius), std, seed, generator)


def grid(
    n: int,
    side: int = 5,
    spacing: float = 2.0,
    std: float = 0.05,
    seed: int | None = None,
    generator: Generator | None = None,
) -> Array:
    """n points around grid_centres(side, spacing), (n, 2) float32. The defaults are PacGAN's 2D-grid.

    >>> grid(3, seed=0).shape
    (3, 2)
    """
    return mixture(n, grid_centres(side, spacing), std, seed, generator)


def swiss_roll(
    n: int, noise: float = 0.02, seed: int | None = None, generator: Generator | None = None
) -> Array:
    """n points along a spiral of one turn and a half, (n, 2) float32: it ends at radius 1, with normal noise.

    The angle t is uniform in [1.5 pi, 4.5 pi] and the radius t / (4.5 pi): scikit-learn's roll seen from
    its end, scaled.

    >>> bool((np.linalg.norm(swiss_roll(100, noise=0.0, seed=0), axis=1) <= 1).all())
    True
    """
    checked("swiss_roll", n, "noise", noise)
    source = chosen_generator("swiss_roll", generator, seed)
    t = math.pi * (1.5 + 3 * source.uniform((n, 1)))
    points = np.concatenate([t * np.cos(t), t * np.sin(t)], 1) / np.float32(4.5 * math.pi)
    return np.asarray(points + source.normal((n, 2), std=noise), np.float32)


def two_moons(
    n: int, noise: float = 0.05, seed: int | None = None, generator: Generator | None = None
) -> Array:
    """n points on two half circles that interlock, (n, 2) float32: the upper one of radius 1 around (0, 0),
    the lower one around (1, 0.5), with normal noise.

    >>> two_moons(4, seed=0).shape
    (4, 2)
    """
    checked("two_moons", n, "noise", noise)
    source = chosen_generator("two_moons", generator, seed)
    t = math.pi * source.uniform((n, 1))
    lower = source.integers(0, 2, (n, 1))
    x = np.where(lower, 1 - np.cos(t), np.cos(t))
    y = np.where(lower, 0.5 - np.sin(t), np.sin(t))
    return np.asarray(np.concatenate([x, y], 1) + source.normal((n, 2), std=noise), np.float32)


def checked(name: str, n: int, what: str, width: float) -> None:
    if n < 0:
        raise ValueError(f"{name}: want n >= 0 points, got {n}")
    if not (math.isfinite(width) and width >= 0):
        raise ValueError(f"{name}: want {what} >= 0, got {width}")
