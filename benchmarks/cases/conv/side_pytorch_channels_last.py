"""PyTorch again with all arrays in channels_last, its faster layout: the peer to respect."""

from __future__ import annotations

import torch

from benchmarks.cases import Inputs, Run
from benchmarks.cases.conv import side_pytorch


def make(inputs: Inputs, **sizes: int | str) -> Run:
    return side_pytorch.make(inputs, **sizes, layout=torch.channels_last)  # type: ignore[arg-type]
