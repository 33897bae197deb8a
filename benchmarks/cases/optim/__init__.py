"""Optimiser steps alone, float32: the gradients are there and stay the same. One tensor of 10^3, 10^5 and
10^7 elements, and the 100 small tensors that a model of many layers has. `pytorch_fused` is PyTorch with
fused=True, which its users have to ask for."""

from __future__ import annotations

import numpy as np

from benchmarks.cases import Case, Inputs, Row, Sizes

# name: keyword arguments, which our optimisers and PyTorch's share
ALGORITHMS: dict[str, dict[str, float]] = {
    "SGD": {"lr": 1e-3},
    "SGD momentum": {"lr": 1e-3, "momentum": 0.9},
    "Adam": {"lr": 1e-3},
    "AdamW": {"lr": 1e-3, "weight_decay": 0.01},
}
MANY = [(64,), (64, 64), (128,), (128, 64), (32,), (10, 128), (10,), (16, 1, 5, 5), (16,), (256,)] * 10
QUICK = (("Adam", "10^5"), ("Adam", "100 tensors"), ("SGD momentum", "10^5"))
TENSORS = {"10^3": [(1000,)], "10^5": [(10**5,)], "10^7": [(10**7,)], "100 tensors": MANY}
STATE = {"SGD": 0, "SGD momentum": 1, "Adam": 2, "AdamW": 2}  # arrays beside parameter and gradient


def inputs(sizes: Sizes, rng: np.random.Generator) -> Inputs:
    arrays = {}
    for i, shape in enumerate(TENSORS[str(sizes["tensors"])]):
        arrays[f"parameter{i}"] = rng.standard_normal(shape, np.float32)
        arrays[f"gradient{i}"] = rng.standard_normal(shape, np.float32)
    return arrays


def traffic(sizes: Sizes) -> float:
    """Parameter and state read and written, gradient read."""
    n = sum(float(np.prod(shape)) for shape in TENSORS[str(sizes["tensors"])])
    return 4.0 * n * (3 + 2 * STATE[str(sizes["algorithm"])])


def row(algorithm: str, tensors: str) -> Row:
    sizes: Sizes = {"algorithm": algorithm, "tensors": tensors}
    peers = ("pytorch", "pytorch_fused")
    return Row(f"{algorithm} {tensors}", sizes, peers, (algorithm, tensors) in QUICK)


CASE = Case(
    name="optim",
    rows=tuple(row(algorithm, tensors) for algorithm in ALGORITHMS for tensors in TENSORS),
    inputs=inputs,
    bytes=traffic,
    tolerance=1e-5,
    checked=3,
)
