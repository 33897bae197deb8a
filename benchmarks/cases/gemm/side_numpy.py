"""numpy.matmul (OpenBLAS)."""

from __future__ import annotations

from benchmarks.cases import Inputs, Run


def make(inputs: Inputs, m: int, n: int, k: int) -> Run:
    a, b = inputs["a"], inputs["b"]
    return lambda: a @ b
