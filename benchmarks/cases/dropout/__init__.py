"""Dropout in training, float32, of 10^3, 10^5 and 10^7 elements. Each side draws its own random numbers, so
what is compared is the share of elements kept, and the factor by which those were multiplied, forward and in
the gradient."""

from __future__ import annotations

import numpy as np

from benchmarks.cases import Case, Inputs, Row, Sizes
from benchmarks.directions import DIRECTIONS

CHECKED = 10**6  # elements, so that the shares of two sides differ by less than the tolerance


def inputs(sizes: Sizes, rng: np.random.Generator) -> Inputs:
    n = int(sizes["n"])
    return {"x": np.ones(n, np.float32), "g": np.full(n, 2, np.float32)}


def to_check(sizes: Sizes) -> Sizes:
    return {**sizes, "n": CHECKED, "counted": True}


def counts(y: np.ndarray) -> np.ndarray:
    """The share of elements that are not 0, and the lowest and highest of those."""
    kept = y[y != 0]
    return np.array([kept.size / y.size, kept.min(), kept.max()])


def traffic(sizes: Sizes) -> float:
    """x read and y written; for the gradient g read and dx written too."""
    return 4.0 * int(sizes["n"]) * (4 if sizes["direction"] == "gradient" else 2)


def row(p: float, exponent: int, direction: str) -> Row:
    sizes: Sizes = {"p": p, "n": 10**exponent, "direction": direction, "counted": False}
    quick = (p, exponent, direction) == (0.5, 5, "gradient")
    return Row(f"p = {p} 10^{exponent} {direction}", sizes, ("pytorch", "jax"), quick, direction)


CASE = Case(
    name="dropout",
    rows=tuple(row(p, exponent, d) for d in DIRECTIONS for p in (0.25, 0.5) for exponent in (3, 5, 7)),
    inputs=inputs,
    bytes=traffic,
    tolerance=4e-3,
    check=to_check,
)
