"""torch.nn.functional's norms."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from benchmarks.cases import Inputs, Run
from benchmarks.cases.norm import GROUPS
from benchmarks.directions import pytorch


def make(inputs: Inputs, kind: str, size: int, direction: str) -> Run:
    mean, var = torch.from_numpy(inputs["mean"]), torch.from_numpy(inputs["var"])
    features = inputs["weight"].shape
    functions = {
        "batch": lambda x, w, b: F.batch_norm(x, mean, var, w, b, training=True),
        "batch eval": lambda x, w, b: F.batch_norm(x, mean, var, w, b),
        "layer": lambda x, w, b: F.layer_norm(x, features, w, b),
        "group": lambda x, w, b: F.group_norm(x, GROUPS, w, b),
    }
    arguments = [inputs[name] for name in ("x", "weight", "bias")]
    return pytorch.run(functions[kind], arguments, inputs["g"], direction)
