"""Reductions, float32, of about 10^3, 10^5 and 10^7 elements: of a whole matrix, along its rows, along its
columns, and over all but the channels of images (N, C, H, W), as batch normalisation does."""

from __future__ import annotations

import numpy as np

from benchmarks.cases import Case, Inputs, Row, Sizes
from benchmarks.directions import DIRECTIONS

FUNCTIONS = ("sum", "mean", "max", "var")
# name: the dimensions that are summed over
AXES = {"whole": (0, 1), "rows": (1,), "columns": (0,), "channels": (0, 2, 3)}
MATRICES = ((20, 50), (200, 500), (10000, 1000))
IMAGES = ((2, 5, 10, 10), (8, 16, 28, 28), (50, 64, 56, 56))
QUICK = (("sum", "whole", 2), ("max", "rows", 1), ("var", "channels", 1), ("sum", "columns", 2))


def shape(sizes: Sizes) -> tuple[int, ...]:
    size = int(sizes["size"])
    return IMAGES[size] if sizes["axes"] == "channels" else MATRICES[size]


def inputs(sizes: Sizes, rng: np.random.Generator) -> Inputs:
    x = rng.standard_normal(shape(sizes), np.float32)
    kept = [length for i, length in enumerate(x.shape) if i not in AXES[str(sizes["axes"])]]
    return {"x": x, "g": np.asarray(rng.standard_normal(kept, np.float32))}


def traffic(sizes: Sizes) -> float:
    """x read once; for the gradient read again and its gradient written."""
    return 4.0 * float(np.prod(shape(sizes))) * (3 if sizes["direction"] == "gradient" else 1)


def row(function: str, axes: str, size: int, direction: str) -> Row:
    sizes: Sizes = {"function": function, "axes": axes, "size": size, "direction": direction}
    peers = ("pytorch", "numpy", "jax") if direction == "forward" else ("pytorch", "jax")
    label = f"{function} {axes} {'x'.join(map(str, shape(sizes)))} {direction}"
    return Row(label, sizes, peers, direction == "forward" and (function, axes, size) in QUICK, direction)


CASE = Case(
    name="reduce",
    rows=tuple(
        row(function, axes, size, direction)
        for direction in DIRECTIONS
        for function in FUNCTIONS
        for axes in AXES
        for size in range(3)
    ),
    inputs=inputs,
    bytes=traffic,
    tolerance=1e-4,
)
