"""PyTorch, eager."""

from __future__ import annotations

from typing import Any

from benchmarks.cases import Inputs, Run
from benchmarks.cases.steps import side_pytorch


def make(inputs: Inputs, updates: int = 1, **sizes: Any) -> Run:
    step = side_pytorch.make(inputs, **sizes)
    if updates == 1:
        return step

    def loop() -> Any:
        for _ in range(updates):
            loss = step()
        return loss

    return loop
