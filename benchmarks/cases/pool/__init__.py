"""Pooling of images (N, C, H, W), float32: windows of 2x2, of 3x3 with stride 2 and padding 1 (ResNet's),
and the mean of whole images."""

from __future__ import annotations

import numpy as np

from benchmarks.cases import Case, Inputs, Row, Sizes
from benchmarks.directions import DIRECTIONS

# name: (kind, kernel, stride, padding); kernel 0: the whole image
WINDOWS = {
    "max 2x2": ("max", 2, 2, 0),
    "max 3x3 stride 2": ("max", 3, 2, 1),
    "mean 2x2": ("mean", 2, 2, 0),
    "mean of images": ("mean", 0, 0, 0),
}
SHAPES = ((2, 8, 8, 8), (64, 32, 24, 24), (64, 64, 50, 50))  # 10^3, 10^6 (an MNIST batch), 10^7


def out_size(window: str, size: int) -> int:
    _, kernel, stride, padding = WINDOWS[window]
    return (size + 2 * padding - kernel) // stride + 1 if kernel else 1


def inputs(sizes: Sizes, rng: np.random.Generator) -> Inputs:
    n, c, h, w = SHAPES[int(sizes["size"])]
    p, q = (out_size(str(sizes["window"]), length) for length in (h, w))
    return {
        "x": rng.standard_normal((n, c, h, w), np.float32),
        "g": rng.standard_normal((n, c, p, q), np.float32),
    }


def traffic(sizes: Sizes) -> float:
    """x read and y written; for the gradient g read and dx written too."""
    n, c, h, w = SHAPES[int(sizes["size"])]
    p, q = (out_size(str(sizes["window"]), length) for length in (h, w))
    return 4.0 * n * c * (h * w + p * q) * (2 if sizes["direction"] == "gradient" else 1)


CASE = Case(
    name="pool",
    rows=tuple(
        Row(
            f"{window} of {'x'.join(map(str, SHAPES[size]))} {direction}",
            {"window": window, "size": size, "direction": direction},
            ("pytorch", "jax"),
            quick=window == "max 2x2" and size == 1,
            group=direction,
        )
        for direction in DIRECTIONS
        for window in WINDOWS
        for size in range(3)
    ),
    inputs=inputs,
    bytes=traffic,
    tolerance=1e-5,
)
