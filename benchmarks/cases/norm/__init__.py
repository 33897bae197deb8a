"""Normalisation with weight and bias, float32: of batches in training and in evaluation, of layers, of
groups (8). In training the running statistics are kept up to date on every side. The gradients are those of
x, weight and bias."""

from __future__ import annotations

import numpy as np

from benchmarks.cases import Case, Inputs, Row, Sizes
from benchmarks.directions import DIRECTIONS

KINDS = ("batch", "batch eval", "layer", "group")
IMAGES = ((2, 8, 8, 8), (16, 32, 14, 14), (64, 64, 50, 50))  # 10^3, 10^5, 10^7
MATRICES = ((8, 128), (128, 768), (10000, 1000))  # of layers
GROUPS = 8


def shape(sizes: Sizes) -> tuple[int, ...]:
    return (MATRICES if sizes["kind"] == "layer" else IMAGES)[int(sizes["size"])]


def inputs(sizes: Sizes, rng: np.random.Generator) -> Inputs:
    x = rng.standard_normal(shape(sizes), np.float32)
    features = x.shape[1]
    return {
        "x": x,
        "weight": rng.uniform(0.5, 1.5, features).astype(np.float32),
        "bias": rng.standard_normal(features, np.float32),
        "mean": 0.1 * rng.standard_normal(features, np.float32),
        "var": rng.uniform(0.5, 1.5, features).astype(np.float32),
        "g": rng.standard_normal(x.shape, np.float32),
    }


def traffic(sizes: Sizes) -> float:
    """x read and y written; for the gradient x and g read and dx written too."""
    return 4.0 * float(np.prod(shape(sizes))) * (5 if sizes["direction"] == "gradient" else 2)


CASE = Case(
    name="norm",
    rows=tuple(
        Row(
            f"{kind} {'x'.join(map(str, shape({'kind': kind, 'size': size})))} {direction}",
            {"kind": kind, "size": size, "direction": direction},
            ("pytorch", "jax"),
            quick=kind in ("batch", "layer") and size == 1 and direction == "gradient",
            group=direction,
        )
        for direction in DIRECTIONS
        for kind in KINDS
        for size in range(3)
    ),
    inputs=inputs,
    bytes=traffic,
    tolerance=1e-4,
)
