"""Our Tensor on the `tensor` rows, our Scalar on the others; the demo as a program."""

from __future__ import annotations

import autograd
from benchmarks.cases import Inputs, Run
from benchmarks.cases.tiny import scalar


def make(inputs: Inputs, kind: str, op: str, chain: int, backward: bool) -> Run:
    if kind == "demo":
        program = autograd.jit(scalar.make_demo(autograd.Scalar, inputs))
        return lambda: program(scalar.RATE).data
    if kind != "tensor":
        return scalar.make(autograd.Scalar, inputs, kind, op, chain, backward)
    x = autograd.tensor(inputs["x"], requires_grad=True)
    y = autograd.tensor(inputs["y"], requires_grad=True)
    one = autograd.ones_like(x)
    steps = range(chain)

    if op == "mul":

        def forward() -> autograd.Tensor:
            z = x
            for _ in steps:
                z = z * y
            return z
    else:
        function = getattr(autograd, op)

        def forward() -> autograd.Tensor:
            z = x
            for _ in steps:
                z = function(z)
            return z

    def step() -> autograd.Tensor | None:
        x.grad = y.grad = None
        forward().backward(one)
        return x.grad

    return step if backward else forward
