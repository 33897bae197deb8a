"""Looking up by index, float32. `embedding` gathers whole rows of a table, and its gradient adds them into
the table's; `gather` and `scatter add` choose one element per index along a row. About 10^3, 10^5 and 10^7
elements are looked up."""

from __future__ import annotations

import numpy as np

from benchmarks.cases import Case, Inputs, Row, Sizes
from benchmarks.directions import DIRECTIONS

FUNCTIONS = ("embedding", "gather", "scatter add")
TABLES = ((100, 16, 64), (1000, 64, 1600), (30000, 256, 40000))  # rows, width, how many are looked up
MATRICES = ((20, 50), (200, 500), (10000, 1000))


def inputs(sizes: Sizes, rng: np.random.Generator) -> Inputs:
    size = int(sizes["size"])
    if sizes["function"] == "embedding":
        rows, width, count = TABLES[size]
        x, index = rng.standard_normal((rows, width), np.float32), rng.integers(0, rows, count)
        return {"x": x, "index": index, "g": rng.standard_normal((count, width), np.float32)}
    shape = MATRICES[size]
    source = {"source": rng.standard_normal(shape, np.float32)} if sizes["function"] == "scatter add" else {}
    return {
        "x": rng.standard_normal(shape, np.float32),
        "index": rng.integers(0, shape[1], shape),
        "g": rng.standard_normal(shape, np.float32),
        **source,
    }


def traffic(sizes: Sizes) -> float:
    """What is looked up is read and written, beside its index of 8 bytes; the gradient of a table is written
    whole, and what is added read and written."""
    size, both = int(sizes["size"]), sizes["direction"] == "gradient"
    if sizes["function"] == "embedding":
        rows, width, count = TABLES[size]
        return 8.0 * count * (width + 1) + (8.0 * count * (width + 1) + 4.0 * rows * width if both else 0)
    n = float(np.prod(MATRICES[size]))
    arrays = {"gather": 2, "scatter add": 3}[str(sizes["function"])]
    return n * (4 * arrays + 8) * (2 if both else 1)


def row(function: str, size: int, direction: str) -> Row:
    shape = "{} of {}x{}".format(*(TABLES[size][i] for i in (2, 0, 1))) if function == "embedding" else (
        "x".join(map(str, MATRICES[size])))  # fmt: skip
    quick = function == "embedding" and size == 1
    sizes: Sizes = {"function": function, "size": size, "direction": direction}
    return Row(f"{function} {shape} {direction}", sizes, ("pytorch", "jax"), quick, direction)


CASE = Case(
    name="embedding",
    rows=tuple(
        row(function, size, direction)
        for direction in DIRECTIONS
        for function in FUNCTIONS
        for size in range(3)
    ),
    inputs=inputs,
    bytes=traffic,
    tolerance=1e-5,
)
