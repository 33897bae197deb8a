"""nn.functional.dropout."""

from __future__ import annotations

import nn.functional as F
from benchmarks.cases import Inputs, Run
from benchmarks.cases.dropout import counts
from benchmarks.directions import ours


def make(inputs: Inputs, p: float, n: int, direction: str, counted: bool) -> Run:
    run = ours.run(lambda x: F.dropout(x, p), [inputs["x"]], inputs["g"], direction)
    if not counted:
        return run

    def count() -> tuple[object, ...]:
        result = run()
        return tuple(counts(y.detach().numpy()) for y in (result if isinstance(result, tuple) else (result,)))

    return count
