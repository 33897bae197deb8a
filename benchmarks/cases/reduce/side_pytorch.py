"""torch.sum, mean, amax and var."""

from __future__ import annotations

import torch

from benchmarks.cases import Inputs, Run
from benchmarks.cases.reduce import AXES
from benchmarks.directions import pytorch

FUNCTIONS = {"sum": torch.sum, "mean": torch.mean, "max": torch.amax, "var": torch.var}


def make(inputs: Inputs, function: str, axes: str, size: int, direction: str) -> Run:
    reduced, dim = FUNCTIONS[function], AXES[axes]
    return pytorch.run(lambda x: reduced(x, dim), [inputs["x"]], inputs["g"], direction)
