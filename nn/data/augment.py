"""Images drawn a little differently each time: moved, turned, made larger or smaller, bent.

All four are one displacement field, (N, 2, H, W) pixels to go down and right, along which each image is
read once. Amounts are shares of the image's side, so the same numbers suit 8x8 and 28x28. The bending is
that of Simard, Steinkraus and Platt, "Best practices for convolutional neural networks applied to visual
document analysis" (ICDAR 2003): a random displacement of every pixel, smoothed by a Gaussian.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd.ops.random import Generator

__all__ = ["Augment", "elastic", "rotate", "shift", "warp", "zoom"]

Array = np.ndarray[Any, Any]


class Augment:
    """A transform for DataLoader: augments the images, (N, C, H, W), and leaves the rest as it is.

    shift     up to this share of the side, up, down, left and right
    rotate    up to so many degrees, either way
    zoom      scaled by a factor between 1 / (1 + zoom) and 1 + zoom
    elastic   how far pixels stray (root mean square), as a share of the side
    smooth    standard deviation of the Gaussian that smooths the straying, as a share of the side

    Simard's MNIST setting (alpha 34, sigma 4 at 29 pixels) is about elastic=0.05, smooth=0.14.

    >>> images = np.zeros((3, 1, 8, 8), np.float32)
    >>> x, y = Augment(shift=0.1, rotate=10)(images, np.arange(3), generator=Generator(0))
    >>> x.shape, y
    ((3, 1, 8, 8), array([0, 1, 2]))
    """

    def __init__(
        self,
        shift: float = 0.0,
        rotate: float = 0.0,
        zoom: float = 0.0,
        elastic: float = 0.0,
        smooth: float = 0.14,
    ) -> None:
        for name, value in [("shift", shift), ("rotate", rotate), ("zoom", zoom), ("elastic", elastic)]:
            if not 0 <= value < math.inf:
                raise ValueError(f"Augment: want {name} >= 0, got {value}")
        if not smooth > 0:
            raise ValueError(f"Augment: want smooth > 0, got {smooth}")
        self.shift, self.rotate, self.zoom, self.elastic, self.smooth = shift, rotate, zoom, elastic, smooth

    def __repr__(self) -> str:
        return (
            f"Augment(shift={self.shift}, rotate={self.rotate}, zoom={self.zoom}, "
            f"elastic={self.elastic}, smooth={self.smooth})"
        )

    def __call__(self, x: Array, *others: Any, generator: Generator) -> tuple[Any, ...]:
        return (self.images(x, generator), *others)

    def images(self, x: Array, generator: Generator) -> Array:
        """(N, C, H, W) floats, augmented."""
        n, _, height, width = x.shape
        field = affine_field(
            between(generator, n, self.rotate) * (math.pi / 180),
            (1 + self.zoom) ** between(generator, n, 1.0),
            np.stack([between(generator, n, self.shift * side) for side in (height, width)]),
            (height, width),
        )
        if self.elastic:
            field += elastic_field(n, (height, width), self.elastic, self.smooth, generator)
        return warp(x, field)


def shift(x: Array, amount: float, generator: Generator) -> Array:
    """Each image of (N, C, H, W) moved by up to `amount` sides."""
    return Augment(shift=amount).images(x, generator)


def rotate(x: Array, degrees: float, generator: Generator) -> Array:
    """Each image of (N, C, H, W) turned about its centre by up to `degrees`."""
    return Augment(rotate=degrees).images(x, generator)


def zoom(x: Array, amount: float, generator: Generator) -> Array:
    """Each image of (N, C, H, W) scaled about its centre by up to 1 + amount, or its inverse."""
    return Augment(zoom=amount).images(x, generator)


def elastic(x: Array, amount: float, generator: Generator, smooth: float = 0.14) -> Array:
    """Each image of (N, C, H, W) bent by `amount` sides (root mean square)."""
    return Augment(elastic=amount, smooth=smooth).images(x, generator)


def between(generator: Generator, n: int, limit: float) -> Array:
    """(n,) uniform in [-limit, limit)."""
    out: Array = (2 * generator.uniform((n,)) - 1) * np.float32(limit)
    return out


# Displacement fields -----------------------------------------------------------------------------


def affine_field(angle: Array, factor: Array, move: Array, shape: tuple[int, int]) -> Array:
    """The field (N, 2, H, W) that turns each image counterclockwise by angle (N,) (radians), scales it by
    factor (N,) and then moves it down and right by move (2, N) pixels."""
    height, width = shape
    rows = np.arange(height, dtype=np.float32)[:, None] - (height - 1) / 2
    columns = np.arange(width, dtype=np.float32)[None, :] - (width - 1) / 2
    # A pixel of the result is read where the inverse map puts it.
    r = rows - move[0][:, None, None]
    c = columns - move[1][:, None, None]
    cosine = (np.cos(angle) / factor)[:, None, None]
    sine = (np.sin(angle) / factor)[:, None, None]
    return np.stack([r * cosine + c * sine - rows, c * cosine - r * sine - columns], axis=1)


def elastic_field(
    n: int, shape: tuple[int, int], amount: float, smooth: float, generator: Generator
) -> Array:
    """(N, 2, H, W) of random, smooth straying, whose root mean square is amount * side everywhere."""
    down, across = (gaussian_rows(side, smooth * side) for side in shape)
    noise = generator.normal((n, 2, *shape))
    field: Array = down @ noise @ across.T
    field *= np.array(shape, np.float32)[:, None, None] * np.float32(amount)
    return field


def gaussian_rows(side: int, sigma: float) -> Array:
    """(side, side): row i is a Gaussian about i. Of sum of squares 1, not sum 1: smoothed noise of variance
    1 has variance 1 again, at the edges too."""
    place = np.arange(side)
    rows = np.exp(-((place[:, None] - place[None, :]) ** 2) / (2 * sigma**2))
    rows /= np.sqrt((rows**2).sum(axis=1, keepdims=True))
    return rows.astype(np.float32)


def warp(x: Array, field: Array) -> Array:
    """y[n, c, i, j] = x[n, c, i + field[n, 0, i, j], j + field[n, 1, i, j]], read between pixels linearly in
    both directions; outside the image is 0. x (N, C, H, W) floats, field (N, 2, H, W)."""
    n, channels, height, width = x.shape
    if field.shape != (n, 2, height, width):
        raise ValueError(f"warp: want a field of shape {(n, 2, height, width)} for images {x.shape}, "
                         f"got {field.shape}")  # fmt: skip
    # One ring of zeros on each side: whatever is read beyond it is clipped to it.
    padded = np.zeros((n, channels, height + 2, width + 2), x.dtype)
    padded[:, :, 1:-1, 1:-1] = x
    rows = np.clip(field[:, 0] + np.arange(1, height + 1, dtype=np.float32)[:, None], 0, height + 1)
    columns = np.clip(field[:, 1] + np.arange(1, width + 1, dtype=np.float32), 0, width + 1)
    top = np.minimum(rows.astype(np.int64), height)
    left = np.minimum(columns.astype(np.int64), width)
    down = (rows - top).astype(x.dtype)[:, None]
    right = (columns - left).astype(x.dtype)[:, None]
    stride = width + 2
    image = np.arange(n * channels).reshape(n, channels, 1, 1) * ((height + 2) * stride)
    corner = image + (top * stride + left)[:, None]
    flat = padded.ravel()
    upper = flat.take(corner) * (1 - right) + flat.take(corner + 1) * right
    lower = flat.take(corner + stride) * (1 - right) + flat.take(corner + stride + 1) * right
    out: Array = upper * (1 - down) + lower * down
    return out
