"""micrograd's Value."""

from __future__ import annotations

from micrograd.engine import Value

from benchmarks.cases import Inputs, Run
from benchmarks.cases.tiny import scalar


def make(inputs: Inputs, kind: str, op: str, chain: int, backward: bool) -> Run:
    if kind == "demo":
        step = scalar.make_demo(Value, inputs)
        return lambda: step(scalar.RATE).data
    return scalar.make(Value, inputs, kind, op, chain, backward)
