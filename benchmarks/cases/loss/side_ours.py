"""nn.functional's softmax and losses."""

from __future__ import annotations

import autograd
import nn.functional as F
from benchmarks.cases import Inputs, Run
from benchmarks.directions import ours


def make(inputs: Inputs, function: str, n: int, classes: int, direction: str) -> Run:
    labels, target = autograd.tensor(inputs["labels"]), autograd.tensor(inputs["target"])
    functions = {
        "cross entropy": lambda x: F.cross_entropy(x, labels),
        "log softmax": lambda x: F.log_softmax(x, 1),
        "softmax": lambda x: F.softmax(x, 1),
        "bce": lambda x: F.binary_cross_entropy_with_logits(x, target),
        "mse": lambda x: F.mse_loss(x, target),
    }
    return ours.run(functions[function], [inputs["x"]], inputs["g"], direction)
