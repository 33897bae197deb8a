"""autograd's functions."""

from __future__ import annotations

import autograd
from benchmarks.cases import Inputs, Run
from benchmarks.directions import ours

FUNCTIONS = {
    "add": autograd.add, "mul": autograd.mul, "div": autograd.div, "pow": autograd.pow,
    "maximum": autograd.maximum, "add row": autograd.add, "exp": autograd.exp, "log": autograd.log,
    "sqrt": autograd.sqrt, "sin": autograd.sin, "tanh": autograd.tanh, "sigmoid": autograd.sigmoid,
    "relu": autograd.relu, "gelu": autograd.gelu, "silu": autograd.silu, "softplus": autograd.softplus,
    "cube": lambda x: x**3, "abs": autograd.abs,
}  # fmt: skip


def make(inputs: Inputs, function: str, n: int, direction: str) -> Run:
    condition = autograd.tensor(inputs["condition"])
    functions = {**FUNCTIONS, "where": lambda x, y: autograd.where(condition, x, y)}
    return ours.run(functions[function], [inputs[k] for k in "xy" if k in inputs], inputs["g"], direction)
