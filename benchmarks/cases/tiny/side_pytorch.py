"""PyTorch's eager tensors; a scalar is a tensor without dimensions."""

from __future__ import annotations

import torch

from benchmarks.cases import Inputs, Run


def make(inputs: Inputs, kind: str, op: str, chain: int, backward: bool) -> Run:
    x = torch.tensor(inputs["x"], requires_grad=True)
    y = torch.tensor(inputs["y"], requires_grad=True)
    one = torch.ones_like(x)
    steps = range(chain)

    if op == "mul":

        def forward() -> torch.Tensor:
            z = x
            for _ in steps:
                z = z * y
            return z
    else:
        function = getattr(torch, op)

        def forward() -> torch.Tensor:
            z = x
            for _ in steps:
                z = function(z)
            return z

    def step() -> torch.Tensor | None:
        x.grad = y.grad = None
        forward().backward(one)
        return x.grad

    return step if backward else forward
