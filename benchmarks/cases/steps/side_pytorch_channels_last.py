"""PyTorch, eager, with the weights and images of convolutions in channels_last, its faster layout."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import nn, optim

from benchmarks.cases.steps import training
from benchmarks.cases.steps.library import Library


def channels_last(value: Any) -> Any:
    """The network or tensor so; what has no channels stays as it is."""
    if isinstance(value, nn.Module) or value.dim() == 4:
        return value.to(memory_format=torch.channels_last)
    return value


make = partial(training.make, Library(torch, nn, optim, place=channels_last))
