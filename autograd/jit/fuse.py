"""Fewer and larger steps: dead ones go, equal ones are one, elementwise ones run together in one pass.

The steps of a trace stand in an order in which they can run. Every rewriting here keeps that: a step waits
for the last write of what it reads, and a write in place for those who read what was there before.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograd.jit.graph import HELD, MADE, Operand, Step, array_of, read_by
from autograd.jit.order import bits, dependencies, ordered

__all__ = ["Group", "activations_joined", "common", "folded", "grouped", "live", "ones_dropped"]

REALS = (np.dtype(np.float32), np.dtype(np.float64))
BOOL = np.dtype(np.bool_)
OPERANDS, CONSTANTS = 14, 14  # of a fused step: what the kernel takes, less one for what is added late
LONGEST = 48  # steps of a group
ACTIVATIONS = {"relu": 1, "tanh": 2, "sigmoid": 3}  # those whose derivative needs only their value
WITH_ACTIVATION = frozenset(["linear", "conv2d", "conv2d_bias"])


def live(steps: list[Step], wanted: Iterable[Operand]) -> list[Step]:
    """The steps that write something wanted, or in place."""
    needed = {id(x.buffer) for x in wanted}
    kept = []
    for step in reversed(steps):
        if step.in_place or any(x.buffer.kind != MADE or id(x.buffer) in needed for x in step.writes):
            needed.update(id(x.buffer) for x in read_by(step))
            kept.append(step)
    return kept[::-1]


def overwritten(steps: Iterable[Step]) -> set[int]:
    """The buffers (by id) that are written in place: not one value lies there, so it keeps its name."""
    return {id(x.buffer) for step in steps if step.in_place for x in step.writes}


def renamed(step: Step, names: dict[Operand, Operand]) -> None:
    """Read other operands instead of those named."""
    step.reads = [names.get(x, x) if x.__class__ is Operand else x for x in step.reads]
    step.attributes = {k: rename_in(v, names) for k, v in step.attributes.items()}


def rename_in(value: Any, names: dict[Operand, Operand]) -> Any:
    if value.__class__ is Operand:
        return names.get(value, value)
    if value.__class__ in (tuple, list):
        return value.__class__(rename_in(v, names) for v in value)
    return value


def key_of(value: Any) -> Any:
    """A hashable form of what a step reads; numbers by type, for 1 == 1.0 == True."""
    if value.__class__ is Operand:
        return (id(value.buffer), *value[1:])
    if value.__class__ in (tuple, list):
        return tuple(key_of(v) for v in value)
    if isinstance(value, slice):
        return ("slice", value.start, value.stop, value.step)
    if isinstance(value, float):
        return (float, np.float64(value).tobytes())
    return (type(value), value)


def common(steps: list[Step], wanted: Iterable[Operand]) -> list[Step]:
    """Of pure steps that compute the same from the same, only the first."""
    seen: dict[Any, Step] = {}
    unnamed = overwritten(steps)
    fixed = {id(x.buffer) for x in wanted} | unnamed
    names: dict[Operand, Operand] = {}
    written: dict[int, int] = {}  # how often a buffer was written in place so far
    kept = []
    for step in steps:
        renamed(step, names)
        key = None
        if step.record is not None and not step.in_place and len(step.writes) == 1:
            try:
                key = (
                    step.op,
                    key_of(step.reads),
                    tuple((k, key_of(v)) for k, v in step.attributes.items()),
                    tuple(written.get(id(x.buffer), 0) for x in read_by(step)),
                )
                first = seen.get(key)
            except TypeError:  # something that can't be hashed
                key = first = None
            result = step.writes[0]
            if first is not None and first.writes[0][2:] == result[2:] and id(result.buffer) not in fixed:
                names[result] = first.writes[0]
                replace_views(result, first.writes[0], names, steps)
                continue
        for x in step.writes:
            if x.buffer.kind != MADE or step.in_place:
                written[id(x.buffer)] = written.get(id(x.buffer), 0) + 1
        if key is not None and id(step.writes[0].buffer) not in unnamed:
            seen[key] = step
        kept.append(step)
    return kept


def replace_views(old: Operand, new: Operand, names: dict[Operand, Operand], steps: list[Step]) -> None:
    """Name the views of `old`'s memory after `new`'s."""
    shift = new.offset - old.offset
    for step in steps:
        for x in read_by(step):
            if x.buffer is old.buffer:
                names[x] = Operand(new.buffer, x.offset + shift, *x[2:])


def number_of(x: Any) -> Any:
    """The number that all elements of a constant operand are, or the operand itself."""
    if x.__class__ is Operand and x.buffer.kind == HELD and x.buffer.constant and x.dtype in REALS:
        values = array_of(x)
        if values.size and (values == values.flat[0]).all():
            return float(values.flat[0])
    return x


def ones_dropped(steps: list[Step], wanted: list[Operand]) -> list[Step]:
    """Constants read as numbers, and products with 1 left out."""
    names: dict[Operand, Operand] = {}
    written = overwritten(steps)
    fixed = {id(x.buffer) for x in wanted} | written
    kept = []
    for step in steps:
        renamed(step, names)
        if elementwise(step):
            reads = [number_of(x) for x in step.reads]
            if any(x.__class__ is Operand and x.shape == step.writes[0].shape for x in reads):
                step.reads = reads
                if step.op == "mul" and id(step.writes[0].buffer) not in fixed:
                    rest = [x for x in reads if not (x.__class__ is float and x == 1.0)]
                    if (
                        len(rest) == 1
                        and same_layout(rest[0], step.writes[0])
                        and rest[0].buffer.kind == MADE
                        and id(rest[0].buffer) not in written
                    ):
                        names[step.writes[0]] = rest[0]
                        replace_views(step.writes[0], rest[0], names, steps)
                        continue
        kept.append(step)
    return kept


def folded(steps: list[Step]) -> list[Step]:
    """Steps that compute with constants alone were computed by the capture: what they wrote is constant."""
    kept: list[Step] = []
    written = overwritten(steps)
    for step in steps:
        lasting = step.record is not None and not any(id(x.buffer) in written for x in step.writes)
        if not lasting or not all(x.buffer.constant for x in read_by(step)):
            kept.append(step)
            continue
        for x in step.writes:
            x.buffer.kind, x.buffer.constant = HELD, True
    return kept


def same_layout(x: Any, y: Operand) -> bool:
    return x.__class__ is Operand and x[2:] == y[2:]


def same_elements(x: Any, y: Operand) -> bool:
    """Whether x is laid out as y, or both are contiguous and one a reshaped view of the other."""
    if x.__class__ is not Operand or x.dtype != y.dtype:
        return False
    return x[2:] == y[2:] or (x.size == y.size and x.contiguous and y.contiguous)


def activations_joined(steps: list[Step], wanted: Iterable[Operand]) -> list[Step]:
    """An activation into the product or convolution whose result only it reads."""
    readers: dict[int, list[Step]] = {}
    fixed = {id(x.buffer) for x in wanted} | overwritten(steps)
    for step in steps:
        for x in read_by(step):
            readers.setdefault(id(x.buffer), []).append(step)
    gone = set()
    for step in steps:
        if step.op in WITH_ACTIVATION and id(step.writes[0].buffer) not in fixed:
            users = readers.get(id(step.writes[0].buffer), [])
            if len(users) == 1 and users[0].op in ACTIVATIONS:
                after, made = users[0], step.writes[0]
                if all(same_elements(x, made) for x in (after.reads[0], after.writes[0])):
                    step.attributes = {**step.attributes, "activation": after.op}
                    step.writes = [after.writes[0].viewed(made.shape, made.strides)]
                    gone.add(id(after))
    return [step for step in steps if id(step) not in gone]


# Groups of elementwise steps ---------------------------------------------------------------------


@dataclass(eq=False)
class Group:
    """Elementwise steps of one shape that run in one pass."""

    steps: list[Step]
    shape: tuple[int, ...]
    dtype: np.dtype[Any] | None  # of the reals; None while only bools were met
    mask: int  # the steps' bits
    outside: int = 0  # bits of all steps that must run after these, those of whole groups
    inputs: set[Operand] = field(default_factory=set)


def elementwise(step: Step) -> bool:
    """Whether a step can be part of a pass: an op that programs know, on reals of one type and bools."""
    if step.record is None or step.in_place or len(step.writes) != 1:
        return False
    if step.op not in ("copy", "cast") and step.record.meaning is None:
        return False
    out = step.writes[0]
    kinds = {x.dtype for x in step.operands} - {BOOL}
    if not kinds <= set(REALS) or len(kinds) > 1 or not out.size or out.dtype not in (*kinds, *REALS, BOOL):
        return False
    if step.op in ("copy", "cast"):
        return step.reads[0].shape == out.shape and out.dtype in (kinds or REALS)
    if any(x.__class__ not in (Operand, float, int, bool) for x in step.reads):
        return False
    return bool(kinds) or out.dtype == BOOL


def grouped(steps: list[Step], wanted: Iterable[Operand]) -> list[Step | Group]:
    """The steps with elementwise ones gathered in groups, in an order in which all can run."""
    ancestors, parents = dependencies(steps)
    groups: list[Group] = []
    home: dict[int, Group] = {}  # the group of a step, by number
    maker: dict[Operand, int] = {}
    for number, step in enumerate(steps):
        mine: Group | None = None
        if elementwise(step):
            near = {id(g): g for x in step.operands if (g := home.get(maker.get(x, -1))) is not None}
            for group in near.values():
                if fits(group, step, ancestors[number]):
                    if mine is None:
                        join(group, step, number)
                        mine = group
                    elif may_merge(mine, group, ancestors):
                        merge(mine, group, home, groups)
            if mine is None:
                kinds = {x.dtype for x in step.operands} - {BOOL}
                mine = Group([], step.writes[0].shape, kinds.pop() if kinds else None, 0)
                join(mine, step, number)
                groups.append(mine)
            for n in bits(mine.mask):
                home[n] = mine
        # A group runs as a whole: who waits for one of its steps waits for all, and for what they wait for.
        whole = 1 << number if mine is None else mine.mask | mine.outside
        for group in groups:
            if group is not mine and whole_waits(group, mine, parents[number]):
                group.outside |= whole
        for x in step.writes:
            maker[x] = number
    return ordered(steps, parents, home)


def whole_waits(group: Group, mine: Group | None, parents: int) -> bool:
    """Whether a step that waits for `parents`, or the group it is part of now, must run after `group`."""
    after = group.mask | group.outside
    return bool(parents & after or (mine is not None and mine.mask & group.outside))


def constants_of(steps: Iterable[Step]) -> int:
    return len({float(x) for step in steps for x in step.reads if x.__class__ is not Operand})


def fits(group: Group, step: Step, ancestors: int) -> bool:
    """Whether a step may run in a group's pass."""
    kinds = {x.dtype for x in step.operands} - {BOOL}
    if step.writes[0].shape != group.shape or len(group.steps) >= LONGEST or ancestors & group.outside:
        return False
    if kinds and group.dtype is not None and kinds != {group.dtype}:
        return False
    made = {x for s in group.steps for x in s.writes}
    foreign = {x for x in step.operands if x not in made}
    # What the group made in another layout than the step reads it must be finished first.
    if any(x.buffer is y.buffer for x in foreign for y in made):
        return False
    count = len(group.inputs | foreign) + len(made) // 2 + 2
    return count <= OPERANDS and constants_of([*group.steps, step]) <= CONSTANTS


def join(group: Group, step: Step, number: int) -> None:
    made = {x for s in group.steps for x in s.writes}
    group.steps.append(step)
    group.mask |= 1 << number
    group.inputs |= {x for x in step.operands if x not in made}
    kinds = {x.dtype for x in step.operands} - {BOOL}
    if kinds:
        group.dtype = kinds.pop()


def may_merge(a: Group, b: Group, ancestors: list[int]) -> bool:
    if a.shape != b.shape or (a.dtype and b.dtype and a.dtype != b.dtype):
        return False
    if len(a.steps) + len(b.steps) > LONGEST:
        return False
    of_a = of_b = 0
    for n in bits(a.mask):
        of_a |= ancestors[n]
    for n in bits(b.mask):
        of_b |= ancestors[n]
    if of_a & b.outside & ~a.mask or of_b & a.outside & ~b.mask:
        return False
    made = {x for s in (*a.steps, *b.steps) for x in s.writes}
    inputs = (a.inputs | b.inputs) - made
    if any(x.buffer is y.buffer for x in inputs for y in made):
        return False
    return len(inputs) + len(made) // 2 + 2 <= OPERANDS and constants_of([*a.steps, *b.steps]) <= CONSTANTS


def merge(a: Group, b: Group, home: dict[int, Group], groups: list[Group]) -> None:
    a.steps = sorted([*a.steps, *b.steps], key=lambda s: s.number)
    a.mask |= b.mask
    a.outside = (a.outside | b.outside) & ~a.mask
    a.inputs = (a.inputs | b.inputs) - {x for s in a.steps for x in s.writes}
    a.dtype = a.dtype or b.dtype
    for n in bits(b.mask):
        home[n] = a
    groups.remove(b)
