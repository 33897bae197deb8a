"""numpy.sum, mean, max and var, forward only."""

from __future__ import annotations

from functools import partial

import numpy as np

from benchmarks.cases import Inputs, Run
from benchmarks.cases.reduce import AXES

FUNCTIONS = {"sum": np.sum, "mean": np.mean, "max": np.max, "var": partial(np.var, ddof=1)}


def make(inputs: Inputs, function: str, axes: str, size: int, direction: str) -> Run:
    reduced, dim, x = FUNCTIONS[function], AXES[axes], inputs["x"]
    return lambda: reduced(x, dim)
