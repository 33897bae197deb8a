"""torch.optim with fused=True: one kernel for all of an update."""

from __future__ import annotations

from benchmarks.cases import Inputs, Run
from benchmarks.cases.optim import side_pytorch


def make(inputs: Inputs, algorithm: str, tensors: str) -> Run:
    return side_pytorch.make(inputs, algorithm, tensors, fused=True)
