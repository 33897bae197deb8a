"""autograd.matmul, and linear with relu, on tensors that want no gradient."""

from __future__ import annotations

import autograd
from benchmarks.cases import Inputs, Run


def make(inputs: Inputs, form: str, batch: int, m: int, n: int, k: int, dtype: str) -> Run:
    a, b, bias = (autograd.tensor(inputs[name]) for name in ("a", "b", "bias"))
    forms = {
        "ab": lambda: autograd.matmul(a, b),
        "atb": lambda: autograd.matmul(a.T, b),
        "abt": lambda: autograd.matmul(a, b.transpose(-1, -2)),
        "relu": lambda: autograd.relu(autograd.linear(a, b, bias)),
    }
    return forms[form]
