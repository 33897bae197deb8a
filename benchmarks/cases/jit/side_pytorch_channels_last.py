"""PyTorch, eager, in channels_last."""

from benchmarks.cases.steps.side_pytorch_channels_last import make

__all__ = ["make"]
