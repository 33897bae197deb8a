"""PyTorch, eager."""

from benchmarks.cases.steps.side_pytorch import make

__all__ = ["make"]
