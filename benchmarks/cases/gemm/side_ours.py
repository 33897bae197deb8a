"""autograd.matmul on tensors that want no gradient."""

from __future__ import annotations

import autograd
from benchmarks.cases import Inputs, Run


def make(inputs: Inputs, m: int, n: int, k: int) -> Run:
    a, b = autograd.tensor(inputs["a"]), autograd.tensor(inputs["b"])
    return lambda: autograd.matmul(a, b)
