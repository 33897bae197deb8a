"""torch.nn.functional.embedding, torch.gather and scatter_add."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from benchmarks.cases import Inputs, Run
from benchmarks.directions import pytorch


def make(inputs: Inputs, function: str, size: int, direction: str) -> Run:
    index = torch.from_numpy(inputs["index"])
    functions = {
        "embedding": lambda table: F.embedding(index, table),
        "gather": lambda x: torch.gather(x, 1, index),
        "scatter add": lambda x, source: torch.scatter_add(x, 1, index, source),
    }
    arguments = [inputs[name] for name in ("x", "source") if name in inputs]
    return pytorch.run(functions[function], arguments, inputs["g"], direction)
