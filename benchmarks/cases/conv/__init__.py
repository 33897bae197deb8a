"""Convolutions, float32, forward and both gradients.

x (N, C, H, W), w (K, C / groups, R, R), y (N, K, P, P). The rows are the layers of the models of this house
and of ResNet at batch 8; the last is depthwise.
"""

from __future__ import annotations

import numpy as np

from benchmarks.cases import Case, Inputs, Row, Sizes

# N, C, H = W, K, R, stride, padding, groups
LAYERS = (
    (64, 1, 28, 32, 3, 1, 0, 1),
    (64, 32, 26, 64, 3, 1, 0, 1),
    (64, 6, 14, 16, 5, 1, 0, 1),
    (64, 1, 28, 64, 4, 2, 1, 1),
    (64, 64, 14, 128, 4, 2, 1, 1),
    (32, 32, 28, 32, 3, 1, 1, 1),
    (32, 64, 14, 64, 3, 1, 1, 1),
    (32, 128, 14, 32, 3, 1, 1, 1),
    (32, 64, 7, 64, 3, 1, 1, 1),
    (8, 64, 56, 64, 3, 1, 1, 1),
    (8, 128, 28, 128, 3, 1, 1, 1),
    (8, 256, 14, 256, 3, 1, 1, 1),
    (8, 512, 7, 512, 3, 1, 1, 1),
    (8, 256, 56, 64, 1, 1, 0, 1),
    (8, 3, 224, 64, 7, 2, 3, 1),
    (8, 128, 28, 128, 3, 1, 1, 128),
)
QUICK = (LAYERS[1], LAYERS[6])
DIRECTIONS = ("forward", "input", "weight")
NAMES = ("batch", "channels", "size", "filters", "kernel", "stride", "padding", "groups")
PEERS = ("pytorch", "pytorch_channels_last", "jax")


def output_size(sizes: Sizes) -> int:
    size, kernel, stride, padding = (int(sizes[name]) for name in ("size", "kernel", "stride", "padding"))
    return (size + 2 * padding - kernel) // stride + 1


def inputs(sizes: Sizes, rng: np.random.Generator) -> Inputs:
    n, c, h, k, r, _, _, groups = (int(sizes[name]) for name in NAMES)
    p = output_size(sizes)
    return {
        "x": rng.standard_normal((n, c, h, h), np.float32),
        "w": rng.standard_normal((k, c // groups, r, r), np.float32),
        "g": rng.standard_normal((n, k, p, p), np.float32),  # the gradient of y
    }


def flops(sizes: Sizes) -> float:
    """The same for all three: each is the sum over (n, k, p, q, c, r, s) with one array left out."""
    n, c, _, k, r, _, _, groups = (int(sizes[name]) for name in NAMES)
    return 2.0 * n * k * output_size(sizes) ** 2 * (c // groups) * r * r


def traffic(sizes: Sizes) -> float:
    """Two of x, w and y read, the third written."""
    n, c, h, k, r, _, _, groups = (int(sizes[name]) for name in NAMES)
    return 4.0 * (n * c * h * h + k * c // groups * r * r + n * k * output_size(sizes) ** 2)


def label(layer: tuple[int, ...], direction: str) -> str:
    n, c, h, k, r, stride, padding, groups = layer
    depthwise = " depthwise" if groups > 1 else ""
    return f"({n},{c},{h},{k},{r},{stride},{padding}){depthwise} {direction}"


CASE = Case(
    name="conv",
    rows=tuple(
        Row(label(layer, direction), dict(zip(NAMES, layer, strict=True)) | {"direction": direction}, PEERS,
            layer in QUICK, direction)
        for layer in LAYERS
        for direction in DIRECTIONS
    ),
    inputs=inputs,
    flops=flops,
    bytes=traffic,
    tolerance=2e-5,
)  # fmt: skip
