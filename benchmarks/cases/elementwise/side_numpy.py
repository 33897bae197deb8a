"""NumPy's functions, forward only."""

from __future__ import annotations

import numpy as np

from benchmarks.cases import Inputs, Run

FUNCTIONS = {
    "add": np.add, "mul": np.multiply, "div": np.divide, "pow": np.power, "maximum": np.maximum,
    "add row": np.add, "exp": np.exp, "log": np.log, "sqrt": np.sqrt, "sin": np.sin, "tanh": np.tanh,
    "abs": np.abs,
}  # fmt: skip


def make(inputs: Inputs, function: str, n: int, direction: str) -> Run:
    condition = inputs["condition"]
    arguments = [inputs[k] for k in "xy" if k in inputs]
    if function == "where":
        return lambda: np.where(condition, *arguments)
    ufunc = FUNCTIONS[function]
    return lambda: ufunc(*arguments)
