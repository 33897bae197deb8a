"""What a trace writes down: memory, the views of it that steps read and write, and the steps.

    Buffer    memory that one array owns: made by a step, an argument's, or held (it was there before)
    Operand   a view of a buffer: where it begins, shape, strides and type
    Step      one computation: the op, what it reads (operands and numbers), what it writes

Views are not steps: x.T, x[2:] and an expanded x are other operands on x's buffer.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

__all__ = [
    "HELD", "INPUT", "MADE", "Buffer", "Memory", "Operand", "Step", "array_of", "operands_in", "owner_of",
    "read_by",
]  # fmt: skip

Array = np.ndarray[Any, Any]
MADE, INPUT, HELD = "made", "input", "held"


class Buffer:
    """Memory of `nbytes` bytes. `array` owns it while the trace runs, and for good if it is held."""

    __slots__ = ("array", "address", "nbytes", "kind", "number", "constant", "where")

    def __init__(self, array: Array, kind: str, number: int, where: str = "") -> None:
        self.array: Array | None = array
        self.address, end = bounds(array)
        self.nbytes = end - self.address
        self.kind = kind
        self.number = number  # of an input: which one; else counted
        self.constant = False  # never written by anybody: its values may be computed with
        self.where = where  # the line of the program that met it first

    def __repr__(self) -> str:
        return f"{self.kind} {self.number}"


class Operand(NamedTuple):
    """A view of a buffer, `offset` bytes behind its beginning; strides count bytes."""

    buffer: Buffer
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=int))

    @property
    def contiguous(self) -> bool:
        return 0 in self.shape or contiguous(self.shape, self.strides, self.dtype.itemsize)

    def viewed(self, shape: tuple[int, ...], strides: tuple[int, ...]) -> Operand:
        return Operand(self.buffer, self.offset, shape, strides, self.dtype)


def contiguous(shape: tuple[int, ...], strides: tuple[int, ...], itemsize: int) -> bool:
    """Whether these strides are those of a C-contiguous array."""
    for length, stride in zip(reversed(shape), reversed(strides), strict=True):
        if length != 1:
            if stride != itemsize:
                return False
            itemsize *= length
    return True


class Window:
    """An operand's memory as NumPy takes it from anybody, whatever the layout of the array that owns it."""

    def __init__(self, operand: Operand) -> None:
        self.owner = operand.buffer.array  # lives as long as arrays on this window
        self.__array_interface__ = {
            "version": 3,
            "typestr": operand.dtype.str,
            "shape": operand.shape,
            "strides": operand.strides,
            "data": (operand.buffer.address + operand.offset, False),
        }


def array_of(operand: Operand) -> Array:
    """The array that an operand was while the function was traced."""
    assert operand.buffer.array is not None
    return np.asarray(Window(operand))


@dataclass(eq=False)
class Step:
    """One computation. `reads` holds operands and Python numbers, in the order of the op's inputs."""

    op: str
    reads: list[Any]
    writes: list[Operand]
    attributes: dict[str, Any] = field(default_factory=dict)
    where: str = ""
    record: Any = None  # autograd.op.Op, of steps that are a call of one
    run: Callable[..., Any] | None = None  # in Python: called with the arrays read, returns those written
    in_place: bool = False  # what it writes was there before: writing is its purpose
    number: int = 0

    @property
    def operands(self) -> Iterator[Operand]:
        return (x for x in self.reads if x.__class__ is Operand)


def operands_in(value: Any) -> Iterator[Operand]:
    """The operands in (nested tuples, lists and dicts of) what a step reads or has as attributes."""
    if value.__class__ is Operand:
        yield value
    elif isinstance(value, dict):
        yield from operands_in(list(value.values()))
    elif value.__class__ in (tuple, list):
        for part in value:
            yield from operands_in(part)


def read_by(step: Step) -> Iterator[Operand]:
    """All operands that a step reads: an index, say, is one of its attributes."""
    yield from operands_in(step.reads)
    yield from operands_in(step.attributes)


def owner_of(array: Array) -> Array:
    """The array at the end of the chain of bases, if it is one that owns flat memory."""
    while type(array.base) is np.ndarray:
        array = array.base
    return array


def bounds(array: Array) -> tuple[int, int]:
    """The addresses of its first byte and behind its last."""
    start = int(array.__array_interface__["data"][0])
    low = high = start
    for length, stride in zip(array.shape, array.strides, strict=True):
        if length == 0:
            return start, start
        if stride < 0:
            low += (length - 1) * stride
        else:
            high += (length - 1) * stride
    return low, high + array.itemsize


class Memory:
    """All buffers of a trace, found by address: they are alive, so no two overlap."""

    def __init__(self) -> None:
        self.buffers: list[Buffer] = []
        self.starts: list[int] = []
        self.counts = {MADE: 0, INPUT: 0, HELD: 0}

    def find(self, array: Array) -> Operand | None:
        """The operand that an array is, or None if it lies in no buffer."""
        low, high = bounds(array)
        place = bisect.bisect_right(self.starts, low) - 1
        if place < 0 or high > self.buffers[place].address + self.buffers[place].nbytes or low == high:
            return None
        buffer = self.buffers[place]
        start = int(array.__array_interface__["data"][0])
        return Operand(buffer, start - buffer.address, array.shape, array.strides, array.dtype)

    def add(self, array: Array, kind: str, where: str = "") -> Operand:
        """A new buffer for the memory behind an array; the operand that the array is."""
        owner = owner_of(array)
        low, high = bounds(owner)
        own_low, own_high = bounds(array)
        flat = owner.flags.c_contiguous or owner.flags.f_contiguous
        if not (flat and low <= own_low and own_high <= high):
            owner = array
        buffer = Buffer(owner, kind, self.counts[kind], where)
        self.counts[kind] += 1
        place = bisect.bisect_left(self.starts, buffer.address)
        self.buffers.insert(place, buffer)
        self.starts.insert(place, buffer.address)
        start = int(array.__array_interface__["data"][0])
        return Operand(buffer, start - buffer.address, array.shape, array.strides, array.dtype)
