"""Matrix products, float32: a (m, k) @ b (k, n). Squares from tiny to large, and the shapes that the layers
of a small network make."""

from __future__ import annotations

import numpy as np

from benchmarks.cases import Case, Inputs, Row, Sizes

SHAPES = (
    (16, 16, 16),
    (64, 64, 64),
    (128, 128, 128),
    (256, 256, 256),
    (512, 512, 512),
    (1024, 1024, 1024),
    (2048, 2048, 2048),
    (64, 128, 784),  # a layer 784 -> 128 on a batch of 64
    (128, 512, 784),
    (1, 512, 512),  # one sample
    (784, 64, 128),
)
QUICK = ((128, 128, 128), (512, 512, 512), (64, 128, 784))


def inputs(sizes: Sizes, rng: np.random.Generator) -> Inputs:
    m, n, k = (int(sizes[name]) for name in "mnk")
    return {
        "a": rng.standard_normal((m, k), np.float32),
        "b": rng.standard_normal((k, n), np.float32),
    }


def flops(sizes: Sizes) -> float:
    return 2.0 * int(sizes["m"]) * int(sizes["n"]) * int(sizes["k"])


CASE = Case(
    name="gemm",
    rows=tuple(
        Row(f"{m} x {n} x {k}", {"m": m, "n": n, "k": k}, ("pytorch", "numpy", "jax"), (m, n, k) in QUICK)
        for m, n, k in SHAPES
    ),
    inputs=inputs,
    flops=flops,
    tolerance=1e-5,
)
