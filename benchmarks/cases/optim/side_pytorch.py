"""torch.optim, as it comes."""

from __future__ import annotations

import torch

from benchmarks.cases import Inputs, Run
from benchmarks.cases.optim import ALGORITHMS


def make(inputs: Inputs, algorithm: str, tensors: str, fused: bool | None = None) -> Run:
    count = len(inputs) // 2
    parameters = [torch.nn.Parameter(torch.from_numpy(inputs[f"parameter{i}"])) for i in range(count)]
    for i, parameter in enumerate(parameters):
        parameter.grad = torch.from_numpy(inputs[f"gradient{i}"])
    optimizer = getattr(torch.optim, algorithm.split()[0])(parameters, **ALGORITHMS[algorithm], fused=fused)

    def step() -> tuple[torch.Tensor, ...]:
        optimizer.step()
        return tuple(parameters)

    return step
