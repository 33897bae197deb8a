"""How long a program needs each of its buffers, and which can have one place after the other."""

from __future__ import annotations

from collections.abc import Container, Sequence

from autograd import kernels
from autograd.jit.arena import Life
from autograd.jit.graph import MADE, Buffer, Operand
from autograd.jit.instructions import Instruction, PythonCall

__all__ = ["Uses"]


class Uses:
    """Where buffers (by id) are first and last used: places of instructions. Outputs are used to the end."""

    def __init__(self, instructions: Sequence[Instruction | PythonCall], outputs: Sequence[Operand]) -> None:
        self.instructions = instructions
        self.buffers: dict[int, Buffer] = {}
        self.first: dict[int, int] = {}
        self.last: dict[int, int] = {}
        for place, instruction in enumerate(instructions):
            for x in instruction.operands:
                self.use(x, place)
        for x in outputs:
            self.first.setdefault(id(x.buffer), 0)
            self.use(x, len(instructions))

    def use(self, x: Operand, place: int) -> None:
        key = id(x.buffer)
        self.buffers[key] = x.buffer
        self.first.setdefault(key, place)
        self.last[key] = place

    def lives(self, own: Container[int]) -> tuple[dict[int, Life], dict[int, int]]:
        """The lives of what the program makes, those in memory of their `own` left out; and for those that
        take another's place, the first that had it, whose life is that of all of them."""
        roots = self.successors(own)
        lives: dict[int, Life] = {}
        for key, buffer in self.buffers.items():
            if buffer.kind == MADE and key not in own:
                root = roots.get(key, key)
                life = Life(self.first[key], self.last[key], buffer.nbytes)
                if root in lives:
                    known = lives[root]
                    life = Life(min(life.first, known.first), max(life.last, known.last), life.nbytes)
                lives[root] = life
        return lives, roots

    def successors(self, own: Container[int]) -> dict[int, int]:
        """Results that take the place of an operand read there for the last time: of elementwise passes, and
        of instructions that say so."""
        roots: dict[int, int] = {}
        for place, instruction in enumerate(self.instructions):
            if not isinstance(instruction, Instruction):
                continue
            if instruction.over is not None:
                out, *read = instruction.over
            elif instruction.kernel == kernels.ELEMENTWISE and len(instruction.writes) == 1:
                (out,), read = instruction.writes, instruction.operands
            else:  # of several, an elementwise kernel must not write one over what it reads
                continue
            key = id(out.buffer)
            if out.buffer.kind != MADE or key in own or self.first[key] != place or key in roots:
                continue
            for x in read:
                if id(x.buffer) not in own and self.replaced(x, out, place):
                    roots[key] = roots.get(id(x.buffer), id(x.buffer))
                    break
        return roots

    def replaced(self, x: Operand, out: Operand, place: int) -> bool:
        """Whether `out` may lie where x does: laid out as x is, in memory as large, of which nothing else is
        read here, and nothing at all later."""
        return (
            x.buffer.kind == MADE
            and x.buffer is not out.buffer
            and self.last[id(x.buffer)] == place
            and x.buffer.nbytes == out.buffer.nbytes
            and x.offset == out.offset
            and (x[2:] == out[2:] or (x.dtype == out.dtype and x.contiguous and out.contiguous))
            and x.size == out.size
            and all(y == x for y in self.instructions[place].operands if y.buffer is x.buffer)
        )
