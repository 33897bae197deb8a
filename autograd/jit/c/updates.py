"""What changes from call to call: optimisers with their step counts and rates, and random draws.

Rates are global variables that a caller may set; counts and places in random streams are kept in the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd.jit.c.calls import Writer, name_of, whole
from autograd.jit.c.text import literal
from autograd.jit.graph import Operand, array_of
from autograd.jit.instructions import Instruction
from autograd.ops import philox

__all__ = ["Changing"]

DOUBLE, INT64 = np.dtype(np.float64), np.dtype(np.int64)
MASK = 2**64 - 1

# The values of each optimiser's instruction that a caller may set.
RATES = {
    "SGD": ("lr", "momentum", "dampening", "weight_decay"),
    "ADAM": ("lr", "beta1", "beta2", "eps", "weight_decay"),
    "RMSPROP": ("lr", "alpha", "eps", "weight_decay", "momentum"),
}


class Changing:
    """Writes optimisers and draws.

    globals         declarations of rates, step counts, places in random streams
    before, after   statements around all others
    """

    def __init__(self, writer: Writer, name: str, host: Sequence[tuple[Any, ...]]) -> None:
        self.writer = writer
        self.name = name
        self.host = host
        self.globals: list[str] = []
        self.rates: dict[Any, list[str]] = {}  # by group of parameters
        self.counts = 0
        self.before: list[str] = []
        self.after: list[str] = []
        self.generators: list[Any] = []
        self.starts: dict[int, tuple[Any, int]] = {}  # of draws, by their place in `host`
        self.ends: dict[int, int] = {}  # blocks that a call takes of each generator
        for place, entry in enumerate(host):
            if entry[0] == "draw":
                _, generator, count, itemsize = entry
                start = self.ends.get(id(generator), 0)
                self.starts[place] = generator, start
                self.ends[id(generator)] = start + philox.blocks_of(count, itemsize)
        self.write = {
            "SGD": self.sgd, "ADAM": self.adam, "RMSPROP": self.rmsprop, "CLIP_NORM": self.clip_norm,
            "RANDOM": self.random,
        }  # fmt: skip

    # Random numbers ------------------------------------------------------------------------------

    def random(self, instruction: Instruction) -> list[str]:
        (out,), dtype, values = instruction.args, instruction.dtype, (*instruction.values, 0.0, 0.0)
        kind, count, seed, block, _, first, span = whole(instruction, 7)
        place = [f"{seed & MASK}u", f"{block & MASK}u"]
        if instruction.draw in self.starts:
            place = self.place(*self.starts[instruction.draw])
        name = ("random_words", "random_uniform", "random_normal", "random_mask", "random_integers")[kind]
        more: list[str] = []
        if kind == 0 and out.dtype.itemsize == 8:
            name = "random_long_words"
        elif kind in (2, 3):
            more = [literal(value, DOUBLE if kind == 2 else dtype) for value in values[:2]]
        elif kind == 4:
            more = [f"{first & MASK}u", f"{span & MASK}u"]
        return self.writer.call(name, dtype, out, count, *place, *more)

    def place(self, generator: Any, start: int) -> list[str]:
        """Seed and block of a draw."""
        known = [suffix for other, suffix in self.generators if other is generator]
        suffix = known[0] if known else f"_{len(self.generators) + 1}" if self.generators else ""
        if not known:
            self.generators.append((generator, suffix))
            seed, offset = int(generator.initial_seed()), int(generator.offset)
            self.globals.append(
                f"static uint64_t random_seed{suffix} = {seed}u, random_offset{suffix} = {offset}u;"
            )
            self.after.append(f"  random_offset{suffix} += {self.ends[id(generator)]};")
        offset_name = f"random_offset{suffix}"
        return [f"random_seed{suffix}", f"{offset_name} + {start}" if start else offset_name]

    def setters(self) -> list[str]:
        """Functions that begin the random streams anew."""
        return [
            f"/* Draw from the beginning of the stream of `seed`. */\n"
            f"void {self.name}_seed{suffix}(uint64_t seed) {{\n"
            f"  random_seed{suffix} = seed;\n  random_offset{suffix} = 0;\n}}"
            for _, suffix in self.generators
        ]

    # Optimisers ----------------------------------------------------------------------------------

    def rates_of(self, instruction: Instruction) -> tuple[list[str], list[int]]:
        """The names of the numbers of an update, and its sizes, as they are now."""
        kernel = name_of(instruction)
        names, values, sizes = RATES[kernel], instruction.values, whole(instruction, 4)[1:]
        key: Any = id(instruction)
        for entry in self.host:
            if entry[0] == "update" and entry[1] is instruction.update:
                _, _, optimizer, batch, group = entry
                key, probe = id(group), optimizer.probe(batch, group)
                values, sizes = probe.values, [*map(int, probe.sizes), 0, 0]
        if key not in self.rates:
            suffix = f"_{len(self.rates) + 1}" if self.rates else ""
            self.rates[key] = [f"{self.name}_{name}{suffix}" for name in names]
            given = zip(self.rates[key], values, strict=False)
            self.globals.append(
                "double " + ", ".join(f"{name} = {literal(v, DOUBLE)}" for name, v in given) + ";"
            )
        return self.rates[key], sizes

    def rows(self, instruction: Instruction) -> list[tuple[Operand | None, ...]]:
        """(parameter, gradient, first, second, third) of each."""
        columns = instruction.args[1:6]
        count = len(columns[0])
        return list(zip(*[column or [None] * count for column in columns], strict=True))

    def steps(self, instruction: Instruction) -> list[str]:
        """The step count of each row, one higher at each call."""
        now = array_of(instruction.args[6]).ravel().tolist()
        update = instruction.update
        if update is not None and update.counted:
            now = [state.get("step", 0) for state in update.states]
        elif update is None:
            now = [step - 1 for step in now]
        self.counts += 1
        suffix = f"_{self.counts}" if self.counts > 1 else ""
        name = f"steps{suffix}"
        if len(set(now)) == 1:
            self.globals.append(f"static int64_t {name} = {now[0]};")
            self.before.append(f"  {name}++;")
            return [name] * len(now)
        values = ", ".join(map(str, now))
        self.globals.append(f"static int64_t {name}[{len(now)}] = {{{values}}};")
        self.before.append(f"  for (int64_t i = 0; i < {len(now)}; i++) {name}[i]++;")
        return [f"{name}[{i}]" for i in range(len(now))]

    def sgd(self, instruction: Instruction) -> list[str]:
        rates, (maximize, nesterov, *_) = self.rates_of(instruction)
        steps = instruction.args[6]
        begins = [0] * len(instruction.args[1]) if steps is None else (array_of(steps) == 1).tolist()
        lines = []
        for (p, g, buffer, *_), begin in zip(self.rows(instruction), begins, strict=True):
            assert p is not None
            args = [p.size, p, g, buffer, int(begin), *rates, -1 if maximize else 1, nesterov]
            lines += self.writer.call("sgd", instruction.dtype, *args)
        return lines

    def adam(self, instruction: Instruction) -> list[str]:
        rates, (maximize, decoupled, *_) = self.rates_of(instruction)
        lines = []
        for (p, *rest), step in zip(self.rows(instruction), self.steps(instruction), strict=True):
            assert p is not None
            args = [p.size, p, *rest, step, *rates, -1 if maximize else 1, decoupled]
            lines += self.writer.call("adam", instruction.dtype, *args)
        return lines

    def rmsprop(self, instruction: Instruction) -> list[str]:
        rates, (maximize, *_) = self.rates_of(instruction)
        lines = []
        for p, *rest in self.rows(instruction):
            assert p is not None
            args = [p.size, p, *rest, *rates, -1 if maximize else 1]
            lines += self.writer.call("rmsprop", instruction.dtype, *args)
        return lines

    def clip_norm(self, instruction: Instruction) -> list[str]:
        _, grads, norm = instruction.args
        rows, keep = whole(instruction, 2)
        real = "float" if instruction.dtype.itemsize == 4 else "double"
        counts = "(const int64_t[]){" + ", ".join(str(g.size) for g in grads) + "}"
        pointers = f"({real} *const[]){{" + ", ".join(map(self.writer.memory.pointer, grads)) + "}"
        most = literal(instruction.values[0], DOUBLE)
        return self.writer.call("clip_norm", instruction.dtype, rows, counts, pointers, norm, keep, most)
