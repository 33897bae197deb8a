"""From steps to instructions: which kernels compute a step, on which operands, with which sizes.

One function an op, or a family of them, found by name in LOWERED. A step that none of them takes (another
type, an empty array, an op without a kernel) becomes a call of its op in Python between the kernels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograd import kernels
from autograd.jit.fuse import Group
from autograd.jit.graph import (
    HELD,
    MADE,
    Array,
    Buffer,
    Operand,
    Step,
    array_of,
    contiguous,
    operands_in,
    read_by,
)

__all__ = ["LOWERED", "Instruction", "Lowering", "PythonCall", "lowered", "register"]

REALS = (np.dtype(np.float32), np.dtype(np.float64))
INT64, BOOL = np.dtype(np.int64), np.dtype(np.bool_)
ACTIVATIONS = {None: 0, "relu": 1, "tanh": 2, "sigmoid": 3, "gelu": 4, "silu": 5, "leaky_relu": 6}


@dataclass(eq=False)
class Instruction:
    """A call of a kernel. `args` holds operands, None, and lists of operands (a table of addresses)."""

    kernel: int
    dtype: np.dtype[Any]
    args: list[Any]
    sizes: Sequence[int]
    values: Sequence[float]
    writes: list[Operand]
    source: Step | Group
    fused: str = ""  # the program of an elementwise pass
    draw: int = -1  # of a random draw: its place in the trace's host actions
    update: Any = None  # of an optimiser's update: trace.Update
    over: tuple[Operand, Operand] | None = None  # (written, read): may share memory, element by element

    @property
    def operands(self) -> list[Operand]:
        flat: list[Operand] = []
        for x in self.args:
            flat += x if x.__class__ is list else [x] if x.__class__ is Operand else []
        return flat


@dataclass(eq=False)
class PythonCall:
    """A step that Python runs."""

    step: Step
    writes: list[Operand] = field(default_factory=list)

    @property
    def operands(self) -> list[Operand]:
        return [*read_by(self.step), *self.step.writes]


class Lowering:
    """Collects the instructions of a trace."""

    def __init__(self) -> None:
        self.instructions: list[Instruction | PythonCall] = []
        self.source: Any = None
        self.made = 0

    def emit(
        self,
        kernel: int,
        dtype: Any,
        args: list[Any],
        writes: list[Operand],
        sizes: Sequence[int] = (),
        values: Sequence[float] = (),
        **more: Any,
    ) -> None:
        self.instructions.append(
            Instruction(kernel, dtype, args, list(sizes), list(values), writes, self.source, **more)
        )

    def temporary(self, shape: tuple[int, ...], dtype: Any) -> Operand:
        """Memory for what one instruction leaves to another."""
        self.made += 1
        array = np.empty(shape, dtype)
        buffer = Buffer(array, MADE, -self.made)
        return Operand(buffer, 0, array.shape, array.strides, array.dtype)

    def constant(self, array: Array) -> Operand:
        buffer = Buffer(array, HELD, -1)
        buffer.constant = True
        return Operand(buffer, 0, array.shape, array.strides, array.dtype)

    def plain(self, x: Operand) -> Operand:
        """A C-contiguous operand with the elements of x: itself, or a copy."""
        if contiguous(x.shape, x.strides, x.dtype.itemsize):
            return x
        made = self.temporary(x.shape, x.dtype)
        self.copy(x, made)
        return made

    def copy(self, source: Operand, target: Operand) -> None:
        """target[...] = source, of one type; shapes broadcast."""
        if target.dtype not in (*REALS, BOOL):  # moved as they are, in reals of their size
            real: Any = {8: REALS[1], 4: REALS[0]}.get(target.dtype.itemsize)
            if real is None or source.dtype != target.dtype:
                raise Unsuited
            source, target = source._replace(dtype=real), target._replace(dtype=real)
        self.elementwise(lambda x: x.apply("copy"), [source], target)

    def fill(self, number: float, target: Operand) -> None:
        if target.dtype not in REALS:
            raise Unsuited
        self.copy(self.constant(np.full((1,) * len(target.shape), number, target.dtype)), target)

    def elementwise(
        self, function: Callable[..., Any], reads: Sequence[Operand], *targets: Operand, name: str = ""
    ) -> None:
        """One pass that computes `function` (of symbols, one result or a tuple)."""
        from autograd.program import Program

        arrays = [array_of(x) for x in reads]
        outs = [array_of(x) for x in targets]
        program = Program.trace(function, len(arrays))
        program.threshold = 0
        if np.broadcast_shapes(*[a.shape for a in arrays]) != outs[0].shape:
            arrays[0] = np.broadcast_to(arrays[0], outs[0].shape)
        try:
            plan = program.plan(arrays, outs)
        except ValueError:
            plan = None
        if plan is None or plan.numbers:
            raise Unsuited
        # One pass over memory of its own: what it writes overlaps nothing that it reads.
        args = [self.constant(plan.code), *reads, *targets]
        self.emit(
            kernels.ELEMENTWISE, plan.dtype, args, list(targets), (), program.constants,
            fused=name or str(program),
        )  # fmt: skip


class Unsuited(Exception):
    """No kernel takes a step like this."""


LOWERED: dict[str, Callable[[Lowering, Step], None]] = {}


def register(*names: str) -> Callable[[Callable[[Lowering, Step], None]], Callable[[Lowering, Step], None]]:
    """Decorate the function that lowers the ops of these names."""

    def decorate(function: Callable[[Lowering, Step], None]) -> Callable[[Lowering, Step], None]:
        LOWERED.update(dict.fromkeys(names, function))
        return function

    return decorate


def lowered(steps: Sequence[Step | Group], wanted: set[Operand]) -> list[Instruction | PythonCall]:
    """The instructions of all steps, in order."""
    readers = reading(steps, wanted)
    lowering = Lowering()
    for step in steps:
        lowering.source = step
        if isinstance(step, Group):
            lower_group(lowering, step, readers)
        else:
            lower_step(lowering, step)
    return lowering.instructions


def lower_step(lowering: Lowering, step: Step) -> None:
    before = len(lowering.instructions)
    function = LOWERED.get(step.op)
    try:
        if function is None or any(not x.size for x in (*step.writes, *operands_in(step.reads))):
            raise Unsuited
        function(lowering, step)
    except Unsuited:
        del lowering.instructions[before:]
        if step.record is None and step.run is None and step.op != "assign":
            from autograd.jit.sealed import JitError

            raise JitError(
                f"{step.op} at {step.where}: no kernel takes these types and layouts; run this step eagerly"
            ) from None
        lowering.instructions.append(PythonCall(step, list(step.writes)))


def reading(steps: Sequence[Step | Group], wanted: set[Operand]) -> dict[int, set[int]]:
    """By buffer: the steps and groups (by id) that read it; a wanted one is read by 0."""
    readers: dict[int, set[int]] = {}
    for step in steps:
        for member in step.steps if isinstance(step, Group) else [step]:
            for x in read_by(member):
                readers.setdefault(id(x.buffer), set()).add(id(step))
    for x in wanted:
        readers.setdefault(id(x.buffer), set()).add(0)
    return readers


def lower_group(lowering: Lowering, group: Group, readers: dict[int, set[int]]) -> None:
    """A pass for a group; where the kernel can't take so much at once, for its halves."""
    made = [x for step in group.steps for x in step.writes]
    inputs = list(dict.fromkeys(x for step in group.steps for x in step.operands if x not in set(made)))
    outputs = [x for x in made if readers.get(id(x.buffer), set()) - {id(group)}]
    if not outputs:
        return
    if group.dtype is None or not inputs:
        for step in group.steps:
            lowering.instructions.append(PythonCall(step, list(step.writes)))
        return
    try:
        lowering.elementwise(
            lambda *symbols: computed(group.steps, dict(zip(inputs, symbols, strict=True)), outputs),
            inputs,
            *outputs,
        )
    except Unsuited:
        if len(group.steps) == 1:
            lowering.instructions.append(PythonCall(group.steps[0], list(group.steps[0].writes)))
            return
        middle = len(group.steps) // 2
        halves = [
            Group(part, group.shape, group.dtype, 0) for part in (group.steps[:middle], group.steps[middle:])
        ]
        # What the second half reads of the first is read outside it now.
        between = {k: set(v) for k, v in readers.items()}
        for half in halves:
            for step in half.steps:
                for x in step.operands:
                    between[id(x.buffer)].add(id(half))
                    between[id(x.buffer)].discard(id(group))
        for k, v in readers.items():
            if v - {id(group)}:
                between[k] |= v - {id(group)}
        for half in halves:
            lower_group(lowering, half, between)


def computed(steps: list[Step], symbols: dict[Operand, Any], outputs: list[Operand]) -> Any:
    """The outputs of elementwise steps on symbols."""
    value = next(iter(symbols.values())).trace.value
    for step in steps:
        reads = [symbols[x] if x.__class__ is Operand else value(float(x)) for x in step.reads]
        if step.op in ("copy", "cast"):
            result = reads[0].apply("copy")
        else:
            result = step.record.meaning(*reads)
        symbols[step.writes[0]] = result
    found = tuple(symbols[x] for x in outputs)
    return found if len(found) > 1 else found[0]
