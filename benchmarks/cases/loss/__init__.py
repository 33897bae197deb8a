"""Softmax and losses, float32, with 10 and with 1000 classes and about 10^3, 10^5 and 10^7 logits. The losses
are means over the batch; `bce` and `mse` take every logit by itself."""

from __future__ import annotations

import numpy as np

from benchmarks.cases import Case, Inputs, Row, Sizes
from benchmarks.directions import DIRECTIONS

FUNCTIONS = ("cross entropy", "log softmax", "softmax", "bce", "mse")
EXPONENTS = (3, 5, 7)
CLASSES = (10, 1000)


def inputs(sizes: Sizes, rng: np.random.Generator) -> Inputs:
    classes, function = int(sizes["classes"]), str(sizes["function"])
    rows = int(sizes["n"]) // classes
    logits = rng.standard_normal((rows, classes), np.float32)
    g = rng.standard_normal(logits.shape, np.float32) if "softmax" in function else np.float32(1)
    target = rng.uniform(0, 1, logits.shape).astype(np.float32)
    return {"x": logits, "labels": rng.integers(0, classes, rows), "target": target, "g": np.asarray(g)}


def traffic(sizes: Sizes) -> float:
    """The logits (and the targets of each) read, softmax's result written; for the gradient again, and dx."""
    arrays = {"softmax": 2, "log softmax": 2, "cross entropy": 1, "bce": 2, "mse": 2}[str(sizes["function"])]
    return 4.0 * int(sizes["n"]) * (2 * arrays + 1 if sizes["direction"] == "gradient" else arrays)


def row(function: str, exponent: int, classes: int, direction: str) -> Row:
    return Row(
        f"{function} 10^{exponent} / {classes} {direction}",
        {"function": function, "n": 10**exponent, "classes": classes, "direction": direction},
        ("pytorch", "jax"),
        quick=function == "cross entropy" and exponent == 5 and direction == "gradient",
        group=direction,
    )


CASE = Case(
    name="loss",
    rows=tuple(
        row(function, exponent, classes, direction)
        for direction in DIRECTIONS
        for function in FUNCTIONS
        for classes in (CLASSES if function not in ("bce", "mse") else CLASSES[:1])
        for exponent in EXPONENTS
    ),
    inputs=inputs,
    bytes=traffic,
    tolerance=1e-5,
)
