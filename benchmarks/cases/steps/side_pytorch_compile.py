"""PyTorch in channels_last, the whole step (forward, backward, update) as one graph for inductor.

The fastest way found with torch 2.13 on one thread. With only forward and loss compiled, and Adam fused, a
step takes 3.9 times as long for the playground, 1.2 for the MLP, 2.2 for LeNet-5, 1.8 for the MNIST CNN;
without channels_last 1.6 for LeNet-5 and 1.1 for the MNIST CNN.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.cases.steps import training
from benchmarks.cases.steps.library import Library
from benchmarks.cases.steps.side_pytorch_channels_last import channels_last
from benchmarks.cases.steps.updates import MOMENTS, update

torch._dynamo.config.trace_autograd_ops = True  # backward() into the graph too


class Optimizer:
    """torch.optim's end a graph at every step (torch 2.13); this is the same in operations on tensors."""

    def __init__(self, algorithm: str, parameters: Iterable[Tensor], **options: Any) -> None:
        self.rule = update(algorithm, **options)
        self.parameters = list(parameters)
        self.moments = [
            tuple(torch.zeros_like(p) for _ in range(MOMENTS[algorithm])) for p in self.parameters
        ]
        self.count = torch.zeros(())

    def zero_grad(self) -> None:
        for p in self.parameters:
            p.grad = None

    @torch.no_grad()
    def step(self) -> None:
        self.count += 1
        for p, moments in zip(self.parameters, self.moments, strict=True):
            new, kept = self.rule(p, p.grad, moments, self.count)
            p.copy_(new)
            for moment, value in zip(moments, kept, strict=True):
                moment.copy_(value)


def compiled(step: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def whole(*batch: Tensor) -> Tensor:
        if not torch.compiler.is_compiling():
            raise RuntimeError("torch.compile runs the step eagerly here: is it switched off?")
        return step(*batch).detach()

    # Without what the process compiled before: a second batch size would make this graph one for any size.
    torch.compiler.reset()
    return torch.compile(whole, fullgraph=True, dynamic=False)


OPTIM = SimpleNamespace(SGD=partial(Optimizer, "SGD"), Adam=partial(Optimizer, "Adam"))
make = partial(training.make, Library(torch, nn, OPTIM, place=channels_last, compiled=compiled))
