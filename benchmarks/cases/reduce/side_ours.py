"""autograd.sum, mean, amax and var."""

from __future__ import annotations

import autograd
from benchmarks.cases import Inputs, Run
from benchmarks.cases.reduce import AXES
from benchmarks.directions import ours

FUNCTIONS = {"sum": autograd.sum, "mean": autograd.mean, "max": autograd.amax, "var": autograd.var}


def make(inputs: Inputs, function: str, axes: str, size: int, direction: str) -> Run:
    reduced, dim = FUNCTIONS[function], AXES[axes]
    return ours.run(lambda x: reduced(x, dim), [inputs["x"]], inputs["g"], direction)
