"""Functions of single elements, float32, on contiguous arrays of 10^3, 10^5 and 10^7 elements (in the first
level of cache, in the second, in memory). `add row` adds one row to all rows of a matrix, as a bias."""

from __future__ import annotations

import numpy as np

from benchmarks.cases import Case, Inputs, Row, Sizes
from benchmarks.directions import DIRECTIONS

UNARY = ("exp", "log", "sqrt", "sin", "tanh", "sigmoid", "relu", "gelu", "silu", "softplus", "cube", "abs")
BINARY = ("add", "mul", "div", "pow", "maximum", "where", "add row")
POSITIVE = ("log", "sqrt", "pow")  # functions whose x must be
IN_NUMPY = (*BINARY, "exp", "log", "sqrt", "sin", "tanh", "abs")
COLUMNS = 100  # of the matrix of `add row`
EXPONENTS = (3, 5, 7)
QUICK = (
    ("mul", 3, "forward"), ("tanh", 3, "gradient"), ("exp", 5, "forward"), ("gelu", 5, "gradient"),
    ("mul", 7, "forward"), ("sigmoid", 7, "gradient"),
)  # fmt: skip


def inputs(sizes: Sizes, rng: np.random.Generator) -> Inputs:
    function, n = str(sizes["function"]), int(sizes["n"])
    shape = (n // COLUMNS, COLUMNS) if function == "add row" else (n,)
    x = rng.standard_normal(shape, np.float32)
    if function in POSITIVE:
        x = np.abs(x) + np.float32(0.1)
    arrays = {"x": x}
    if function in BINARY:
        y = rng.standard_normal(shape[-1:], np.float32)
        arrays["y"] = np.abs(y) + np.float32(0.5) if function == "div" else y
    return arrays | {"g": rng.standard_normal(shape, np.float32), "condition": x > 0}


def traffic(sizes: Sizes) -> float:
    """Every argument and g read once, y and every gradient written once."""
    arguments = 2 if sizes["function"] in BINARY and sizes["function"] != "add row" else 1
    arrays = 2 * arguments + 2 if sizes["direction"] == "gradient" else arguments + 1
    return 4.0 * arrays * int(sizes["n"])


def row(function: str, exponent: int, direction: str) -> Row:
    numpy = ("numpy",) if function in IN_NUMPY and direction == "forward" else ()
    return Row(
        f"{function} 10^{exponent} {direction}",
        {"function": function, "n": 10**exponent, "direction": direction},
        ("pytorch", *numpy, "jax"),
        quick=(function, exponent, direction) in QUICK,
        group=direction,
    )


CASE = Case(
    name="elementwise",
    rows=tuple(
        row(function, exponent, direction)
        for direction in DIRECTIONS
        for function in BINARY + UNARY
        for exponent in EXPONENTS
    ),
    inputs=inputs,
    bytes=traffic,
    tolerance=1e-5,
)
