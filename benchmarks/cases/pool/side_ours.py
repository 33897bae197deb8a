"""nn.functional's pooling."""

from __future__ import annotations

import nn.functional as F
from benchmarks.cases import Inputs, Run
from benchmarks.cases.pool import WINDOWS
from benchmarks.directions import ours


def make(inputs: Inputs, window: str, size: int, direction: str) -> Run:
    kind, *geometry = WINDOWS[window]
    pool = F.max_pool2d if kind == "max" else F.avg_pool2d
    whole = geometry[0] == 0
    function = (lambda x: F.adaptive_avg_pool2d(x, 1)) if whole else (lambda x: pool(x, *geometry))
    return ours.run(function, [inputs["x"]], inputs["g"], direction)
