"""numpy.matmul (OpenBLAS)."""

from __future__ import annotations

from benchmarks.cases import Inputs, Run


def make(inputs: Inputs, form: str, batch: int, m: int, n: int, k: int, dtype: str) -> Run:
    a, b = inputs["a"], inputs["b"]
    forms = {"ab": lambda: a @ b, "atb": lambda: a.T @ b, "abt": lambda: a @ b.swapaxes(-1, -2)}
    return forms[form]
