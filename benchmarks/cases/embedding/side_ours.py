"""nn.functional.embedding, autograd.gather and scatter_add."""

from __future__ import annotations

import autograd
import nn.functional as F
from benchmarks.cases import Inputs, Run
from benchmarks.directions import ours


def make(inputs: Inputs, function: str, size: int, direction: str) -> Run:
    index = autograd.tensor(inputs["index"])
    functions = {
        "embedding": lambda table: F.embedding(index, table),
        "gather": lambda x: autograd.gather(x, 1, index),
        "scatter add": lambda x, source: autograd.scatter_add(x, 1, index, source),
    }
    arguments = [inputs[name] for name in ("x", "source") if name in inputs]
    return ours.run(functions[function], arguments, inputs["g"], direction)
