"""One pass instead of several: kernel programs for elementwise forwards and rules.

`forward` and `rule` wrap a function of elementwise ops. On small arrays and on numbers the function simply
runs; on arrays large enough for the C kernel to win it is traced, once, into a program (program.py) that
reads and writes memory once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd import kernels
from autograd.program import NEVER, OPCODES, THRESHOLD, WEIGHT, Program

__all__ = ["forward", "rule"]

SMALLEST = min(size for size in THRESHOLD if size)  # no program pays on fewer elements
REALS = (np.dtype(np.float32), np.dtype(np.float64))
ndarray = np.ndarray


class Lazy:
    """A function and its program, traced when first needed: ops of one file may use each other before all
    of them are defined."""

    def __init__(self, function: Callable[..., Any], inputs: int) -> None:
        self.function = function
        self.inputs = inputs
        self.program: Program | None = None

    def pays(self, size: int) -> bool:
        if self.program is None:
            self.program = Program.trace(self.function, self.inputs)
        return size >= self.program.threshold


def forward(name: str, function: Callable[..., Any], inputs: int) -> Callable[..., Any]:
    """`function` of `inputs` arrays or numbers, through a program where the largest array is large."""
    if isinstance(function, np.ufunc) and name not in OPCODES:
        return function
    if name in OPCODES:
        if THRESHOLD[min(WEIGHT.get(name, 1), len(THRESHOLD) - 1)] == NEVER:
            return function  # NumPy alone is as fast
        lazy = Lazy(lambda *symbols: symbols[0].__apply_op__(name, symbols), inputs)
    else:
        lazy = Lazy(function, inputs)

    def run(*arrays: Any) -> Any:
        if kernels.active:
            size = 0
            for x in arrays:
                if x.__class__ is ndarray and x.size > size:
                    size = x.size
            if size >= SMALLEST and lazy.pays(size) and arrays_fit(arrays):
                return lazy.program(*arrays)  # type: ignore[misc]
        return function(*arrays)

    return run


def arrays_fit(arrays: tuple[Any, ...]) -> bool:
    """Whether a kernel takes these: real arrays of one type, bool arrays, numbers."""
    kinds = {x.dtype for x in arrays if x.__class__ is ndarray and x.dtype.kind != "b"}
    return len(kinds) == 1 and kinds.pop() in REALS


def rule(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A gradient rule of op `name`, through a program where the gradient is large. Where the kernels have an
    op NAME_gradient it is that program."""
    inputs = function.__code__.co_argcount
    lazy = Lazy(function, inputs)
    if name + "_gradient" in OPCODES:
        lazy = Lazy(lambda g, *saved: g.__apply_op__(name + "_gradient", (g, *saved)), inputs)
    try:
        if not lazy.pays(NEVER - 1):
            return function  # a single product, say: NumPy alone is as fast
    except NameError:
        pass  # it uses an op that is defined further down; traced later

    def run(g: Any, *saved: Any) -> Any:
        if g.__class__ is ndarray and g.size >= SMALLEST and kernels.active and lazy.pays(g.size):
            arrays = (g, *saved)
            if arrays_fit(arrays):
                return lazy.program(*arrays)  # type: ignore[misc]
        return function(g, *saved)

    return run
