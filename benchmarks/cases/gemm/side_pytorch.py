"""torch.matmul (MKL) on tensors that want no gradient."""

from __future__ import annotations

import torch

from benchmarks.cases import Inputs, Run


def make(inputs: Inputs, m: int, n: int, k: int) -> Run:
    a, b = torch.from_numpy(inputs["a"]), torch.from_numpy(inputs["b"])
    return lambda: torch.matmul(a, b)
