"""torch.matmul (MKL), and linear with relu, on tensors that want no gradient."""

from __future__ import annotations

import torch

from benchmarks.cases import Inputs, Run


def make(inputs: Inputs, form: str, batch: int, m: int, n: int, k: int, dtype: str) -> Run:
    a, b, bias = (torch.from_numpy(inputs[name]) for name in ("a", "b", "bias"))
    forms = {
        "ab": lambda: torch.matmul(a, b),
        "atb": lambda: torch.matmul(a.T, b),
        "abt": lambda: torch.matmul(a, b.transpose(-1, -2)),
        "relu": lambda: torch.relu(torch.nn.functional.linear(a, b, bias)),
    }
    return forms[form]
