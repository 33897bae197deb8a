"""nn.optim."""

from __future__ import annotations

import autograd
from benchmarks.cases import Inputs, Run
from benchmarks.cases.optim import ALGORITHMS
from nn import Parameter, optim


def make(inputs: Inputs, algorithm: str, tensors: str) -> Run:
    count = len(inputs) // 2
    parameters = [Parameter(autograd.tensor(inputs[f"parameter{i}"])) for i in range(count)]
    for i, parameter in enumerate(parameters):
        parameter.grad = autograd.tensor(inputs[f"gradient{i}"])
    optimizer = getattr(optim, algorithm.split()[0])(parameters, **ALGORITHMS[algorithm])

    def step() -> tuple[autograd.Tensor, ...]:
        optimizer.step()
        return tuple(parameters)

    return step
