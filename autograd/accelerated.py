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
from autograd.symbol import COMPOSED

__all__ = ["DOUBLE", "SINGLE", "forward", "pays_always", "rule", "settled"]

SINGLE, DOUBLE = np.dtype(np.float32), np.dtype(np.float64)
ndarray = np.ndarray
SHORT_ROW = 255  # elements
STREAMED = 1 << 22  # elements from which the kernel stores past the caches


class Lazy:
    """A function and its program, traced when first needed: ops of one file may use each other before all
    of them are defined."""

    def __init__(self, function: Callable[..., Any], inputs: int, always: bool = False) -> None:
        self.always = always  # whether the program pays for arrays of any size
        self.function = function
        self.inputs = inputs
        self.program: Program | None = None
        self.threshold = 0  # elements from which it pays
        self.single_step = False  # no more than NumPy does in one pass
        self.single: Any = None  # the program on contiguous arrays of one shape, float32
        self.double: Any = None  # and float64

    def pays(self, size: int) -> bool:
        if self.program is None:
            self.program = Program.trace(self.function, self.inputs)
            if self.always:
                self.program.threshold = 0
            self.threshold = self.program.threshold
            self.single_step = self.threshold == THRESHOLD[1]
        return size >= self.threshold

    def numpys(self, size: int) -> bool:
        """Whether NumPy is as fast: one thread, one step, and results that fit into the caches."""
        return self.single_step and size < STREAMED and kernels.get_num_threads() == 1

    def wins(self, size: int, arrays: tuple[Any, ...]) -> bool:
        """Whether the kernel is faster: NumPy begins anew at each repetition of a short row."""
        return not self.numpys(size) or any(
            x.__class__ is ndarray and 1 < x.size <= SHORT_ROW and x.size == x.shape[-1] for x in arrays
        )

    def on(self, *arrays: Any) -> Any:
        """The program on these arrays and numbers, whatever they are."""
        program = self.program
        assert program is not None
        if self.single is None and self.inputs <= 2 and not program.several:
            self.single, _ = program.mapper([np.empty(2, SINGLE)] * self.inputs)
            self.double, _ = program.mapper([np.empty(2, DOUBLE)] * self.inputs)
        return program(*arrays)

    def runner(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """`function`, through the program where the arrays are large. What most calls need is asked first."""

        def run(*arrays: Any) -> Any:
            if kernels.active:
                size = 0
                for x in arrays:
                    if x.__class__ is ndarray and x.size > size:
                        size = x.size
                if size and self.pays(size) and self.wins(size, arrays) and arrays_fit(arrays):
                    return self.on(*arrays)
            return function(*arrays)

        # Most arrays are small: those go on without a further look.
        def one(x: Any) -> Any:
            if x.__class__ is ndarray and x.size < self.threshold:
                return function(x)
            if x.__class__ is ndarray and x.size > 0 and x.flags.c_contiguous:
                dtype = x.dtype
                known = self.single if dtype is SINGLE else self.double if dtype is DOUBLE else None
                if known is not None and kernels.active and not self.numpys(x.size):
                    return known(x)
            return run(x)

        def two(x: Any, y: Any) -> Any:
            small = x.__class__ is ndarray and x.size < self.threshold
            if small and (y.__class__ is not ndarray or y.size < self.threshold):
                return function(x, y)
            if not small and x.__class__ is ndarray and y.__class__ is ndarray and x.size > 0:
                dtype = x.dtype
                if y.dtype is dtype and x.shape == y.shape and x.flags.c_contiguous and y.flags.c_contiguous:
                    known = self.single if dtype is SINGLE else self.double if dtype is DOUBLE else None
                    if known is not None and kernels.active and not self.numpys(x.size):
                        return known(x, y)
            return run(x, y)

        if self.inputs == 1:
            return one
        return two if self.inputs == 2 else run


def forward(name: str, function: Callable[..., Any], inputs: int) -> Callable[..., Any]:
    """`function` of `inputs` arrays or numbers, through a program where the largest array is large."""
    if isinstance(function, np.ufunc) and name not in OPCODES:
        return function
    if isinstance(function, np.ufunc):
        if THRESHOLD[min(WEIGHT.get(name, 1), len(THRESHOLD) - 1)] == NEVER:
            return function  # NumPy alone is as fast
        return Lazy(meaning(name, function), inputs).runner(function)
    # A function of ops costs more than a call of the kernel.
    return Lazy(meaning(name, function), inputs, always=True).runner(function)


def meaning(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """What to trace for op `name`: the kernels' own op of that name, or the function."""
    return (lambda *symbols: symbols[0].__apply_op__(name, symbols)) if name in OPCODES else function


def symbolic(name: str, function: Callable[..., Any]) -> Callable[..., Any] | None:
    """Op `name` as a function of symbols; None if programs don't know it."""
    if name in COMPOSED:
        return lambda *symbols: symbols[0].__apply_op__(name, symbols)
    return None if isinstance(function, np.ufunc) and name not in OPCODES else meaning(name, function)


def pays_always(name: str, function: Callable[..., Any]) -> bool:
    """Whether the kernel of a function of arrays is faster than the function for arrays of any size."""
    weight = WEIGHT.get(name, 1) if isinstance(function, np.ufunc) else len(THRESHOLD)
    return THRESHOLD[min(weight, len(THRESHOLD) - 1)] == 0


def settled(name: str, function: Callable[..., Any], *inputs: Any) -> Callable[..., Any] | None:
    """The kernel of an op of arrays of these layouts and of these numbers (behind the arrays), as a function
    of such arrays; None where there is none."""
    arrays = [a for a in inputs if a.__class__ is ndarray]
    # 0.0 for -0.0: who keeps the function can't tell them apart.
    numbers = [x + 0.0 for x in inputs if x.__class__ is float or x.__class__ is int]
    if len(arrays) + len(numbers) < len(inputs) or not arrays_fit(tuple(arrays)):
        return None
    return Program.trace(lambda *x: meaning(name, function)(*x, *numbers), len(arrays)).filling(*arrays)


def arrays_fit(arrays: tuple[Any, ...]) -> bool:
    """Whether a kernel takes these: real arrays of one type, bool arrays, numbers."""
    kinds = {x.dtype for x in arrays if x.__class__ is ndarray and x.dtype.kind != "b"}
    return len(kinds) == 1 and kinds.pop() in (SINGLE, DOUBLE)


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
    return lazy.runner(function)
