"""Our engine, the whole step (forward, backward, update) through autograd.jit."""

from __future__ import annotations

from typing import Any

import autograd
import nn
from benchmarks.cases import Inputs, Run
from benchmarks.cases.steps import training
from benchmarks.cases.steps.library import Library
from nn import optim

LIBRARY = Library(autograd, nn, optim, compiled=autograd.jit)


def make(inputs: Inputs, updates: int = 1, **sizes: Any) -> Run:
    run = training.make(LIBRARY, inputs, **sizes)
    if updates == 1:
        return run
    step, data = run.func, run.args  # a partial of the jitted step

    def loop() -> Any:
        """As many updates, each on a batch that is gathered from the data: all of them, here."""
        return step.loop(data, batch_size=len(data[0]), epochs=updates)[-1]

    return loop
