"""Putting state back: a capture without effect runs the function for real, and then nothing has happened.

Every write in place, step of a count, draw of random numbers and `.grad` passes the trace before it is done;
what was there is kept here, once, and restored when the function has returned.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.jit.graph import Array, owner_of
from autograd.ops.philox import blocks_of
from autograd.tape import Node

__all__ = ["Undo"]


class Undo:
    """What a function changed, as it was before.

    >>> undo, x = Undo(), np.zeros(3)
    >>> undo.keep(x[1:])
    >>> x[:] = 1
    >>> undo.restore()
    >>> x
    array([0., 0., 0.])
    """

    def __init__(self) -> None:
        self.memory: dict[int, tuple[Array, Array]] = {}
        self.offsets: dict[Any, int] = {}  # of generators
        self.grads: dict[Node, Any] = {}
        self.begun: list[dict[str, Any]] = []  # states that must begin again
        self.counted: list[dict[str, Any]] = []  # optimisers' states, each as often as its step was counted

    def keep(self, array: Array) -> None:
        """The memory behind an array is about to be written."""
        owner = owner_of(array)
        if id(owner) not in self.memory:
            self.memory[id(owner)] = owner, owner.copy()

    def keep_grad(self, node: Node) -> None:
        self.grads.setdefault(node, node.grad)

    def keep_offset(self, generator: Any, count: int, itemsize: int) -> None:
        """A generator has just moved past so many elements."""
        self.offsets.setdefault(generator, (generator.offset - blocks_of(count, itemsize)) % 2**64)

    def restore(self) -> None:
        for owner, before in self.memory.values():
            np.copyto(owner, before)
        for generator, offset in self.offsets.items():
            generator.offset = offset
        for node, grad in self.grads.items():
            node.grad = grad
        for state in self.begun:
            state.clear()
        for state in self.counted:
            if "step" in state:
                state["step"] -= 1
                if not state["step"]:
                    del state["step"]
