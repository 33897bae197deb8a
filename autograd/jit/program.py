"""A program: a captured function as instructions in C, and all that must be the same for it to be right.

A call binds the arguments' memory, brings Python's own state up to date (schedules, step counts, the place in
the random stream), runs the instructions in one C call, and hands fresh outputs back.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd import kernels, tape
from autograd.jit import fuse, listing, norms
from autograd.jit.arena import APART, aligned, arranged
from autograd.jit.code import NOTHING, Call, Code, Failed, Link
from autograd.jit.effects import refuse_alias, refuse_shape
from autograd.jit.graph import HELD, INPUT, MADE, Array, Operand, array_of
from autograd.jit.instructions import Instruction, PythonCall, lowered
from autograd.jit.lifetimes import Uses
from autograd.jit.names import Argument
from autograd.jit.pools import without_index
from autograd.jit.to_c import to_c
from autograd.jit.trace import Trace
from autograd.jit.watch import Watch
from autograd.jit.work import peak_bytes
from autograd.ops.philox import signed
from autograd.tape import Node
from autograd.tensor import Tensor

if TYPE_CHECKING:
    from autograd.jit.profile import Profile

__all__ = ["Program"]

new = object.__new__
ndarray = np.ndarray


class Program:
    """What a trace has become. `outputs` are the operands that a call returns, as arrays of their own."""

    to_c = to_c

    def __init__(self, trace: Trace, outputs: Sequence[Operand], watch: Watch, name: str) -> None:
        self.name = name
        self.watch = watch
        self.lock = threading.Lock()
        self.loop: Any = None  # the last one over data of little memory (epochs.loop_of)
        self.host = trace.host
        self.outputs = list(outputs)
        grads = {node: self.kept_gradient(trace, node) for node in trace.grads}
        wanted = [*outputs, *(x for x in grads.values() if x is not None)]
        self.traced_steps = len(trace.steps)
        self.eager_bytes = sum(x.nbytes for x in trace.memory.buffers if x.kind == MADE)
        self.eager_peak = peak_bytes(trace.steps, wanted)
        self.function: Any = None  # what was captured, its arguments' arrays, and how long it took
        self.arguments: list[Argument] = []
        self.capture_seconds = 0.0
        steps = fuse.live(trace.steps, wanted)
        steps = fuse.ones_dropped(fuse.folded(steps), wanted)
        steps = fuse.common(steps, wanted)
        steps = fuse.live(steps, wanted)
        steps = norms.joined(steps, wanted)
        steps = fuse.activations_joined(steps, wanted)
        steps = without_index(steps, wanted)
        steps = fuse.live(steps, wanted)
        for number, step in enumerate(steps):
            step.number = number
        self.instructions = lowered(fuse.grouped(steps, wanted), set(wanted))
        self.inputs = trace.memory.counts[INPUT]
        self.places: dict[int, int] = {}
        self.kept: list[Any] = []  # memory that the instructions point to
        self.exit_grads: list[tuple[Node, Any]] = []
        own = self.gradients_of_their_own(grads)
        self.exit_grads += [(node, None) for node in trace.emptied if node not in grads]
        self.lay_out(outputs, own)
        self.encode()
        self.views = [self.view(x) for x in outputs]
        self.draws = self.patches()
        self.segments = self.cut()
        for buffer in trace.memory.buffers:  # those inside fused passes too
            if buffer.kind == MADE:
                buffer.array = None
        # Of arrays that live on: the ids of others may be those of any array by now.
        self.owners = {id(b.array) for b in trace.memory.buffers if b.kind == HELD} & trace.recorded
        self.owners |= {tape.storage(grad.data) for _, grad in self.exit_grads if grad is not None}
        self.written = tuple(self.owners)
        self.stamped = -1  # the serial number of the last note of a write
        self.rates: list[tuple[Any, Any, int]] | None = None  # where nothing is counted or drawn
        if all(entry[0] == "update" and not entry[1].counted for entry in self.host):
            self.rates = [(entry[4], entry[1], place) for place, entry in enumerate(self.host)]

    def __str__(self) -> str:
        return listing.listing(self)

    def __repr__(self) -> str:
        return f"<program of {self.name}: {len(self.instructions)} instructions>"

    def print(self) -> None:
        """Print what the program is made of, an instruction a line (docs/jit.md says how to read it)."""
        print(self)

    def profile(self, *args: Any, seconds: float = 1.0, **kwargs: Any) -> Profile:
        """Measure each instruction for about `seconds` in all, on the function's arguments. The state that
        the program writes is put back."""
        from autograd.jit.profile import measured

        return measured(self, args, kwargs, seconds)

    # Memory --------------------------------------------------------------------------------------

    @staticmethod
    def kept_gradient(trace: Trace, node: Node) -> Operand | None:
        grad = node.grad
        return None if grad is None else trace.memory.find(grad.data)

    def gradients_of_their_own(self, grads: dict[Node, Operand | None]) -> dict[int, Array]:
        """Memory outside the arena for the gradients that are there when the function returns."""
        own: dict[int, Array] = {}
        for node, operand in grads.items():
            if operand is None:
                self.exit_grads.append((node, None))
                continue
            key = id(operand.buffer)
            if operand.buffer.kind == MADE and key not in own:
                own[key] = aligned(operand.buffer.nbytes)
                self.kept.append(operand.buffer)
            memory = own.get(key)
            if memory is not None:
                array = np.ndarray(operand.shape, operand.dtype, memory, operand.offset, operand.strides)
                np.copyto(array, array_of(operand))
                node.grad = Tensor(array)
            self.exit_grads.append((node, node.grad))
        return own

    def lay_out(self, outputs: Sequence[Operand], own: dict[int, Array]) -> None:
        """Give every buffer that the instructions make a place in the arena."""
        uses = Uses(self.instructions, outputs)
        self.buffers = buffers = uses.buffers
        lives, roots = uses.lives(own)
        if APART:
            own = own | {key: np.full(life.nbytes, 0xFF, np.uint8) for key, life in lives.items()}  # NaN
            lives = {}
        places, self.arena_bytes = arranged(lives)
        self.arena = aligned(self.arena_bytes)
        start = self.arena.ctypes.data
        self.places = {key: start + place for key, place in places.items()}
        for key, memory in own.items():
            self.places[key] = memory.ctypes.data
            self.kept.append(memory)
        self.places |= {key: self.places[root] for key, root in roots.items()}
        self.own_bytes = sum(memory.nbytes for memory in own.values())
        for key, b in buffers.items():
            if b.kind == HELD:
                self.places[key] = b.address
                self.kept.append(b.array)
            elif b.kind == MADE:
                b.array = None

    def address(self, x: Operand) -> int:
        return 0 if x.buffer.kind == INPUT else self.places[id(x.buffer)] + x.offset

    def view(self, x: Operand) -> Array | tuple[Any, ...]:
        """The array of an operand on the program's memory; of an input, what it takes to make it."""
        if x.buffer.kind == INPUT:
            return (x.buffer.number, x.offset, x.shape, x.strides, x.dtype)
        if x.buffer.kind == HELD:
            return array_of(x)
        place = self.places[id(x.buffer)]
        memory = self.memory_at(place, x.buffer.nbytes)
        return np.ndarray(x.shape, x.dtype, memory, x.offset, x.strides)

    def memory_at(self, place: int, nbytes: int) -> Array:
        for memory in (
            self.arena,
            *(m for m in self.kept if isinstance(m, np.ndarray) and m.dtype == np.uint8),
        ):
            start = memory.ctypes.data
            if start <= place and place + nbytes <= start + memory.nbytes:
                return memory[place - start : place - start + nbytes]
        raise AssertionError("memory that no buffer lies in")

    # Instructions --------------------------------------------------------------------------------

    def encode(self) -> None:
        calls: list[Call] = []
        links: list[Link] = []
        self.call_of: dict[int, int] = {}
        for place, instruction in enumerate(self.instructions):
            if isinstance(instruction, PythonCall):
                continue
            self.call_of[place] = number = len(calls)
            addresses = []
            for arg, x in enumerate(instruction.args):
                if x.__class__ is list:
                    table = np.array([self.address(y) for y in x], np.uintp)
                    if any(y.buffer.kind == INPUT for y in x):
                        raise AssertionError("an argument in a table of addresses")
                    self.kept.append(table)
                    addresses.append(int(table.ctypes.data))
                elif x is None:
                    addresses.append(0)
                else:
                    addresses.append(self.address(x))
                    if x.buffer.kind == INPUT:
                        links.append(Link(number, arg, x.buffer.number, x.offset))
            calls.append(
                Call(instruction.kernel, instruction.dtype, addresses, instruction.sizes, instruction.values)
            )
        self.calls, self.links = calls, links
        self.code = Code(calls, links)

    def patches(self) -> dict[int, int]:
        """For each host action that an instruction takes something from: that instruction's call."""
        found: dict[int, int] = {}
        updates = {id(entry[1]): i for i, entry in enumerate(self.host) if entry[0] == "update"}
        for place, instruction in enumerate(self.instructions):
            if isinstance(instruction, Instruction):
                if instruction.draw >= 0:
                    found[instruction.draw] = self.call_of[place]
                elif instruction.update is not None:
                    found[updates[id(instruction.update)]] = self.call_of[place]
        return found

    def cut(self) -> list[tuple[int, int] | Callable[..., None]]:
        """The program as ranges of calls and Python functions between them."""
        segments: list[tuple[int, int] | Callable[..., None]] = []
        start = number = 0
        for instruction in self.instructions:
            if isinstance(instruction, PythonCall):
                if number > start:
                    segments.append((start, number))
                start = number
                segments.append(self.python(instruction))
            else:
                number += 1
        if number > start:
            segments.append((start, number))
        return segments

    def python(self, call: PythonCall) -> Callable[..., None]:
        """A step in Python on the program's memory, as a function of the arguments' arrays."""
        step = call.step
        views: dict[Operand, Any] = {x: self.view(x) for x in call.operands}

        def array(x: Any, given: Sequence[Array]) -> Any:
            if x.__class__ is Operand:
                view = views[x]
                if view.__class__ is tuple:
                    number, offset, shape, strides, dtype = view
                    return np.ndarray(shape, dtype, given[number], offset, strides)
                return view
            if x.__class__ in (tuple, list):
                return x.__class__(array(y, given) for y in x)
            return x

        if step.op == "assign":

            def forward(source: Any) -> Any:
                return source

            attributes: dict[str, Any] = {}
        else:
            forward, attributes = step.record.forward, step.attributes

        def run(given: Sequence[Array]) -> None:
            found = forward(
                *[array(x, given) for x in step.reads],
                **{k: array(v, given) for k, v in attributes.items()},
            )
            for target, made in zip(step.writes, found if len(step.writes) > 1 else (found,), strict=True):
                if step.op != "assign" and np.shape(made) != target.shape:
                    refuse_shape(step, target.shape, np.shape(made))
                np.copyto(views[target], made)

        return run

    # Running -------------------------------------------------------------------------------------

    def __call__(self, arrays: Sequence[Array]) -> list[Any]:
        """Run once on the arguments' arrays; the outputs, as tensors."""
        if self.written:
            for x in arrays:
                if id(x) in self.owners or (x.base is not None and tape.storage(x) in self.owners):
                    refuse_alias(x)
        with self.lock:
            self.advance()
            given = list(map(kernels.tell, arrays)) if arrays else NOTHING
            try:
                for segment in self.segments:
                    if segment.__class__ is tuple:
                        self.code.replay(given, *segment)
                    else:
                        segment(arrays)  # type: ignore[operator]
            except Failed as failed:
                self.take_back()
                raise self.explained(failed) from None
            except Exception:
                self.take_back()
                raise
            outputs = []
            for view in self.views:
                result = new(Tensor)
                result.data = view.copy() if view.__class__ is ndarray else bound(view, arrays).copy()
                result.node = None
                outputs.append(result)
        for node, grad in self.exit_grads:
            node.grad = grad
        if self.written:
            self.stamp()
        return outputs

    def stamp(self) -> None:
        """Note the writes, for graphs that saved what was written. If no node was made since the last time,
        that time's note still tells all there are."""
        if tape.next_serial() != self.stamped + 1:
            tape.stamp(self.written)
            self.stamped = tape.last_write
        else:
            self.stamped += 1

    def advance(self) -> None:
        """Python's own part of a call: schedules, step counts, rates, places in the random stream."""
        if self.rates is not None:
            for group, update, place in self.rates:
                if group.version != update.coded:
                    self.refresh(place, *self.host[place][1:])
            return
        for place, entry in enumerate(self.host):
            kind = entry[0]
            if kind == "update":
                self.refresh(place, *entry[1:])
            elif kind == "draw":
                _, generator, count, itemsize = entry
                seed, low, high = generator.take(count, itemsize)
                if place in self.draws:
                    self.code.set_sizes(self.draws[place], 2, [signed(seed), signed(low), signed(high)])
            else:
                _, method, owner, args, kwargs = entry
                method(owner, *args, **kwargs)

    def take_back(self) -> None:
        """Uncount the steps of updates that were not done."""
        for entry in self.host:
            if entry[0] == "update" and entry[1].counted:
                for state in entry[1].states:
                    state["step"] -= 1

    def refresh(self, place: int, update: Any, optimizer: Any, batch: Any, group: Any) -> None:
        for i, state in enumerate(update.states if update.counted else ()):
            state["step"] = step = state.get("step", 0) + 1
            if update.steps is not None:
                update.steps[i] = step
        if group.version != update.coded:
            update.coded = group.version
            values, sizes = self.numbers_of(update, optimizer, batch, group)
            self.code.set_values(self.draws[place], values)
            self.code.set_sizes(self.draws[place], 1, sizes)

    @staticmethod
    def numbers_of(update: Any, optimizer: Any, batch: Any, group: Any) -> tuple[Sequence[float], list[int]]:
        """The values and sizes (but the first) of an update, as the group's options are now."""
        if group.version != update.version:
            probe = optimizer.probe(batch, group)
            update.version = group.version
            update.values, update.sizes = tuple(probe.values), tuple(probe.sizes)
        return update.values, [int(n) for n in update.sizes]

    def explained(self, failed: Failed) -> Exception:
        """The error of a kernel, with the op and the line it was captured at."""
        place = next((p for p, call in self.call_of.items() if call == failed.place), None)
        if place is None:
            return failed.error
        source = self.instructions[place].source  # type: ignore[union-attr]
        step = source.steps[0] if isinstance(source, fuse.Group) else source
        return type(failed.error)(f"{step.op}: {failed.error} (captured at {step.where})")


def bound(view: Any, arrays: Sequence[Array]) -> Array:
    number, offset, shape, strides, dtype = view
    return np.ndarray(shape, dtype, arrays[number], offset, strides)
