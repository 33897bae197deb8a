"""The arrays of a file: what each is called, its type, and where what is only computed lies."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from autograd.jit.arena import Life, arranged
from autograd.jit.c.library import pieces
from autograd.jit.c.text import C_TYPES, identifier, initializer, literal, place
from autograd.jit.fuse import Group
from autograd.jit.graph import HELD, INPUT, MADE, Buffer, Operand, array_of
from autograd.jit.instructions import Instruction
from autograd.jit.sealed import JitError

__all__ = ["RESERVED", "Memory", "value_of"]

# Names that mean something else in C, in its library, or in generated functions.
RESERVED = (
    "auto break case char const continue default do double else enum extern float for goto if inline "
    "int long main register restrict return short signed sizeof static struct switch typedef union "
    "unsigned void volatile while gamma j0 j1 jn y0 y1 yn index div abs exp log pow sqrt sin cos tan "
    "tanh erf erfc floor ceil real unit total batch steps arena random_seed random_offset stdin stdout"
).split()


class Memory:
    """Names for the buffers of instructions. Only those that are asked for are declared.

    Inputs are parameters of the function. Held ones are weights (const) or, where an instruction writes them,
    state, with their values of now. What instructions make for each other shares one arena for each type, so
    that no memory is ever read as another type than it was written.
    """

    def __init__(
        self, instructions: Sequence[Instruction], outputs: Sequence[Operand], known: dict[int, str]
    ) -> None:
        self.known = known  # names of held memory, by address
        self.taken = {*pieces(), *RESERVED}
        self.names: dict[int, str] = {}
        self.made = 0
        self.used: dict[int, Buffer] = {}
        self.shapes: dict[int, tuple[int, ...]] = {}
        self.makers: dict[int, str] = {}
        self.written: set[int] = set()
        kinds: dict[int, set[np.dtype[Any]]] = {}
        lives: dict[int, Life] = {}
        found: dict[int, Buffer] = {}
        end = len(instructions)
        for number, operands in enumerate([*(x.operands for x in instructions), list(outputs)]):
            for x in operands:
                key = id(x.buffer)
                found[key] = x.buffer
                first = lives[key].first if key in lives else number if number < end else 0
                lives[key] = Life(first, number, x.buffer.nbytes)
                kinds.setdefault(key, set()).add(x.dtype)
                self.shapes.setdefault(key, x.shape)
        for instruction in instructions:
            for x in instruction.writes:
                self.written.add(id(x.buffer))
                self.makers.setdefault(id(x.buffer), maker(instruction, x))
                self.shapes[id(x.buffer)] = x.shape
        self.types = {key: type_of(b, kinds[key]) for key, b in found.items()}
        self.places: dict[int, int] = {}
        self.arenas: dict[np.dtype[Any], int] = {}
        for dtype in dict.fromkeys(self.types.values()):
            made = {k: lives[k] for k, b in found.items() if b.kind == MADE and self.types[k] == dtype}
            places, self.arenas[dtype] = arranged(made)
            self.places |= places

    def name(self, buffer: Buffer) -> str:
        key = id(buffer)
        if key not in self.names:
            self.used[key] = buffer
            if buffer.kind == INPUT:
                self.names[key] = f"input{buffer.number}"
            elif buffer.kind == HELD:
                known = self.known.get(buffer.address, "constant" if buffer.constant else "tensor")
                self.names[key] = self.unique(identifier(known))
            else:
                self.made += 1
                self.names[key] = self.unique(f"{self.makers.get(key, 'scratch')}_{self.made}")
        return self.names[key]

    def unique(self, name: str) -> str:
        """`name`, or with a number behind it where something is called so already."""
        if re.fullmatch(r"[a-z]|(t|input|output)\d+", name):  # what loops and parameters are called
            name += "_"
        number, found = 1, name
        while found in self.taken:
            number += 1
            found = f"{name}_{number}"
        self.taken.add(found)
        return found

    def offset(self, x: Operand) -> int:
        """Elements from the beginning of its buffer."""
        if self.types[id(x.buffer)].itemsize != x.dtype.itemsize or x.offset % x.dtype.itemsize:
            raise JitError(
                f"to_c: {x.buffer} holds {self.types[id(x.buffer)]}, and {x.dtype} is read from it"
            )
        return x.offset // x.dtype.itemsize

    def pointer(self, x: Operand | None) -> str:
        if x is None:
            return "NULL"
        if self.types[id(x.buffer)] != x.dtype:
            raise JitError(
                f"to_c: {x.buffer} holds {self.types[id(x.buffer)]}, and {x.dtype} is read from it"
            )
        name, offset = self.name(x.buffer), self.offset(x)
        return f"{name} + {offset}" if offset else name

    def element(self, x: Operand, strides: Sequence[int], names: str = "ijklmn") -> str:
        """The element at strides (counted in elements) times indices."""
        return f"{self.name(x.buffer)}[{place(strides, self.offset(x), names)}]"

    def number(self, x: Operand) -> str | None:
        """The constant that an operand is, if it is a single one that nothing writes."""
        b = x.buffer
        if b.kind == HELD and b.constant and id(b) not in self.written and b.nbytes == x.dtype.itemsize:
            return literal(value_of(b, x.dtype)[0], x.dtype)
        return None

    def held(self, written: bool) -> Iterator[Buffer]:
        for key, buffer in self.used.items():
            if buffer.kind == HELD and (key in self.written) == written:
                yield buffer

    def declarations(self, written: bool) -> Iterator[str]:
        """Weights, or what is written of the memory that was there before."""
        for buffer in self.held(written):
            dtype = self.types[id(buffer)]
            values = value_of(buffer, dtype)
            kind = ("static " if written else "static const ") + C_TYPES[dtype.name]
            yield (
                f"/* {self.shapes[id(buffer)]} */\n"
                f"{kind} {self.names[id(buffer)]}[{values.size}] = {initializer(values)};"
            )

    def arena(self) -> Iterator[str]:
        """The memory of what is computed, and the names of its parts."""
        main = next((dtype for dtype in self.arenas if dtype.kind == "f"), None)
        for dtype, nbytes in self.arenas.items():
            mine = [k for k, b in self.used.items() if b.kind == MADE and self.types[k] == dtype]
            if not mine:
                continue
            kind, size = C_TYPES[dtype.name], dtype.itemsize
            name = "arena" if dtype == main else f"arena_{dtype.name}"
            lines = [f"_Alignas(64) static {kind} {name}[{nbytes // size}];"]
            for key in mine:
                start = f"{name} + {self.places[key] // size}"
                lines.append(f"static {kind} *const {self.names[key]} = {start}; /* {self.shapes[key]} */")
            yield "\n".join(lines)


def type_of(buffer: Buffer, kinds: set[np.dtype[Any]]) -> np.dtype[Any]:
    """What a buffer holds. Integers are moved as if they were reals of their size; they stay integers."""
    if buffer.kind != MADE and buffer.array is not None:
        return np.dtype(buffer.array.dtype)
    return min(kinds, key=lambda dtype: dtype.kind == "f")


def value_of(buffer: Buffer, dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """A copy of held memory, flat, in the order of memory."""
    whole = Operand(buffer, 0, (buffer.nbytes // dtype.itemsize,), (dtype.itemsize,), dtype)
    return array_of(whole).copy()


def maker(instruction: Instruction, x: Operand) -> str:
    """The op that makes an operand."""
    source = instruction.source
    steps = source.steps if isinstance(source, Group) else [source]
    return identifier(next((step.op for step in steps if x in step.writes), steps[-1].op))
