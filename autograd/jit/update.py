"""An optimiser's update, as a program does it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autograd import kernels
from autograd.jit.graph import Array
from autograd.jit.undo import Undo

__all__ = ["Update"]


class Update:
    """An optimiser's update of several parameters by one kernel."""

    def __init__(self, kernel: int, rows: Any, sizes: Sequence[int], values: Sequence[float]) -> None:
        self.kernel = kernel
        self.rows = rows
        self.sizes = tuple(sizes)
        self.values = tuple(values)
        self.version = -1  # of the group that sizes and values were read from
        self.coded = -1  # of the group that the program's instruction has
        self.steps: Array | None = None  # int64: the count of each row, where the kernel wants it
        self.states: list[dict[str, Any]] = []
        self.fresh = False  # whether the state began with this update
        self.counted = False  # whether the state counts steps

    def begin_again(self, undo: Undo) -> None:
        """State that began with an update that is undone is zero again. That is how Adam's and RMSprop's
        begins; SGD's first velocity is the gradient, as zero gives it too where nothing is dampened."""
        if self.counted:
            undo.counted += self.states
        if self.fresh and self.kernel == kernels.SGD:
            self.fresh = self.values[2] != 0.0
            self.steps = None
            if self.fresh:
                undo.begun += self.states
        else:
            self.fresh = False
