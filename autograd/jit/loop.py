"""Rounds of a program in one C call: an epoch of steps over a data set in memory, no Python between them.

Before each round the rows that the order names are gathered into the batch; after it the outputs are copied
out. What changes from round to round is counted up in C: where in the order a round reads, where its outputs
go, its place in the random stream, the optimisers' step counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd import kernels, tape
from autograd.jit.arena import aligned
from autograd.jit.code import Call, Code, Counter, Failed
from autograd.jit.graph import Array
from autograd.jit.program import Program
from autograd.ops.philox import blocks_of, signed

__all__ = ["Loop"]

SLICE = 0.1  # seconds until Python has its turn: for Ctrl-C, progress, other threads
REALS: dict[int, np.dtype[Any]] = {4: np.dtype(np.float32), 8: np.dtype(np.float64)}
ZERO = np.zeros(1, np.int64)


class Loop:
    """A program on batches of `data`, arrays (N, ...) of its inputs in order, `batch` rows a round."""

    def __init__(self, program: Program, data: Sequence[Array], batch: int) -> None:
        self.program = program
        self.views: list[Any] = program.views  # arrays: fits() said so
        self.data = data
        self.batch = batch
        self.updates = [(place, entry[1]) for place, entry in enumerate(program.host) if entry[0] == "update"]
        self.draws: list[tuple[int, Any, int, int]] = []  # the host action, generator, count, itemsize
        self.blocks: dict[Any, int] = {}  # of the random stream, that a round takes from each generator
        for place, entry in enumerate(program.host):
            if entry[0] == "draw":
                self.draws.append((place, *entry[1:]))
        self.inputs = [aligned(self.row_bytes(x) * batch) for x in data]
        self.code, self.first = self.encoded()

    @staticmethod
    def fits(program: Program, data: Sequence[Array]) -> bool:
        """Whether rounds of this program need no Python, and C can gather from this data."""
        return (
            len(program.segments) == 1
            and program.segments[0].__class__ is tuple
            and all(entry[0] in ("update", "draw") for entry in program.host)
            and all(x.dtype.itemsize in REALS and x.flags.c_contiguous for x in data)
            and not any(view.__class__ is tuple for view in program.views)
        )

    def over(self, program: Program, data: Sequence[Array], batch: int) -> bool:
        """Whether this is the loop of that program over these very arrays."""
        return (
            self.program is program
            and self.batch == batch
            and len(self.data) == len(data)
            and all(mine is given for mine, given in zip(self.data, data, strict=True))
        )

    @staticmethod
    def row_bytes(x: Array) -> int:
        return x.nbytes // len(x)

    def run(self, order: Array, turn: Callable[[int], Any] | None) -> list[Array]:
        """A round for each `batch` indices of `order`; the outputs of all rounds, stacked. turn(done) is
        called whenever Python has its turn."""
        rounds = len(order) // self.batch
        outputs = [np.empty((rounds, *view.shape), view.dtype) for view in self.views]
        code, first = self.code, self.first
        for place in range(len(self.data)):
            code.set_address(place, 1, order.ctypes.data)
        for place, out in enumerate(outputs, start=code.count - len(outputs)):
            code.set_address(place, 2, out.ctypes.data)
        done, chunk = 0, 1
        while done < rounds:
            count = min(chunk, rounds - done)
            start = time.perf_counter()
            self.advance(code, first, count)
            try:
                code.replay((), 0, code.count, count)
            except Failed as failed:
                raise self.explained(failed, first) from None
            each = (time.perf_counter() - start) / count
            chunk = max(1, min(rounds, int(SLICE / max(each, 1e-7))))
            done += count
            self.settle()
            if turn is not None:
                turn(done)
        return outputs

    # What C counts ---------------------------------------------------------------------------------

    def encoded(self) -> tuple[Code, int]:
        """The code of a round, and the place in it of the program's first call. run() says where the order
        and the outputs are."""
        program = self.program
        calls: list[Call] = []
        counters: list[Counter] = []
        for x, row in zip(self.data, self.inputs, strict=True):
            counters.append(Counter(len(calls), True, 1, 8 * self.batch))
            calls.append(self.gather(x, row))
        for _, update in self.updates:
            if update.steps is not None:
                at = update.steps.ctypes.data
                sizes = (len(update.steps), 1)
                calls.append(Call(kernels.COUNT, REALS[8], [at, at], sizes, ()))
        first = len(calls)
        calls += [Call(c.kernel, c.dtype, list(c.addresses), list(c.sizes), c.values) for c in program.calls]
        for link in program.links:
            start = int(self.inputs[link.given].ctypes.data)
            calls[first + link.call].addresses[link.arg] = start + link.offset
        taken: dict[Any, int] = {}
        for _, generator, count, itemsize in self.draws:
            taken[generator] = taken.get(generator, 0) + blocks_of(count, itemsize)
        self.blocks = taken
        for place, generator, *_ in self.draws:
            if place in program.draws:
                counters.append(Counter(first + program.draws[place], False, 3, taken[generator]))
        for view in self.views:
            counters.append(Counter(len(calls), True, 2, view.nbytes))
            calls.append(self.copy(view))
        return Code(calls, [], counters), first

    def gather(self, x: Array, row: Array) -> Call:
        """Rows of x, in the order of the next `batch` indices, into the program's input."""
        dtype = REALS[x.dtype.itemsize]
        width = self.row_bytes(x) // x.dtype.itemsize
        return Call(
            kernels.GATHER, dtype, [x.ctypes.data, 0, row.ctypes.data], (1, len(x), width, self.batch, 0), ()
        )

    @staticmethod
    def copy(view: Array) -> Call:
        """An output of the program to its place among those of all rounds."""
        sizes = (1, 1, view.size, 1, 0)
        dtype = REALS[view.dtype.itemsize]
        return Call(kernels.GATHER, dtype, [view.ctypes.data, ZERO.ctypes.data, 0], sizes, ())

    def advance(self, code: Code, first: int, rounds: int) -> None:
        """Python's own state, by as many rounds as are about to run."""
        program = self.program
        for place, update in self.updates:
            entry = program.host[place]
            if update.counted:
                for i, state in enumerate(update.states):
                    before = state.get("step", 0)
                    state["step"] = before + rounds
                    if update.steps is not None:
                        update.steps[i] = before
            values, sizes = program.numbers_of(*entry[1:])
            code.set_values(first + program.draws[place], values)
            code.set_sizes(first + program.draws[place], 1, sizes)
        starts: dict[Any, int] = {}
        for place, generator, count, itemsize in self.draws:
            seed, low, high = generator.take(count, itemsize)
            starts.setdefault(generator, low)
            if place in program.draws:
                code.set_sizes(first + program.draws[place], 2, [signed(seed), signed(low), signed(high)])
        for generator, blocks in self.blocks.items():
            generator.offset = (starts[generator] + rounds * blocks) % 2**64

    def settle(self) -> None:
        """What a call of the program leaves behind."""
        for node, grad in self.program.exit_grads:
            node.grad = grad
        if self.program.written:
            tape.stamp(self.program.written)

    def explained(self, failed: Failed, first: int) -> Exception:
        if failed.place < first:
            lengths = sorted({len(x) for x in self.data})
            return IndexError(f"loop: the order has an index outside [0, {lengths[0]}), the rows of the data")
        failed.place -= first
        return self.program.explained(failed)
