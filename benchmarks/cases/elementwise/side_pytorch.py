"""torch's functions."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from benchmarks.cases import Inputs, Run
from benchmarks.directions import pytorch

FUNCTIONS = {
    "add": torch.add, "mul": torch.mul, "div": torch.div, "pow": torch.pow, "maximum": torch.maximum,
    "add row": torch.add, "exp": torch.exp, "log": torch.log, "sqrt": torch.sqrt, "sin": torch.sin,
    "tanh": torch.tanh, "sigmoid": torch.sigmoid, "relu": torch.relu, "gelu": F.gelu, "silu": F.silu,
    "softplus": F.softplus, "cube": lambda x: x**3, "abs": torch.abs,
}  # fmt: skip


def make(inputs: Inputs, function: str, n: int, direction: str) -> Run:
    condition = torch.from_numpy(inputs["condition"])
    functions = {**FUNCTIONS, "where": lambda x, y: torch.where(condition, x, y)}
    return pytorch.run(functions[function], [inputs[k] for k in "xy" if k in inputs], inputs["g"], direction)
