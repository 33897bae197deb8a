"""PyTorch, the step compiled."""

from benchmarks.cases.steps.side_pytorch_compile import make

__all__ = ["make"]
