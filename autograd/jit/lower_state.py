"""Steps that draw random numbers, count, write state, or stop the program."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd import kernels
from autograd.jit.graph import Operand, Step
from autograd.jit.instructions import INT64, REALS, Lowering, Unsuited, register


@register("random")
def random(lowering: Lowering, step: Step) -> None:
    a = step.attributes
    (out,) = step.writes
    lowering.emit(kernels.RANDOM, a["real"], [out], [out], a["sizes"], a["values"], draw=a["draw"])


@register("add", "sub")
def counted(lowering: Lowering, step: Step) -> None:
    """A counter: int64 plus a number. Reals are added in passes (fuse.py)."""
    x, number = step.reads
    (out,) = step.writes
    if x.__class__ is not Operand or x.dtype != INT64 or out.dtype != INT64 or number.__class__ is not int:
        raise Unsuited
    delta = number if step.op == "add" else -number
    lowering.emit(kernels.COUNT, REALS[1], [lowering.plain(x), out], [out], (out.size, delta))


@register("assign")
def assign(lowering: Lowering, step: Step) -> None:
    (source,), (target,) = step.reads, step.writes
    if source.__class__ is not Operand:
        lowering.fill(float(source), target)
    elif source.dtype != target.dtype:
        raise Unsuited
    else:
        # A value computed from what it overwrites lies elsewhere; a view of the same memory may overlap.
        if source.buffer is target.buffer:
            moved = lowering.temporary(source.shape, source.dtype)
            lowering.copy(source, moved)
            source = moved
        lowering.copy(source, target)


@register("update")
def update(lowering: Lowering, step: Step) -> None:
    """Rows of parameters, gradients and state, as tables of addresses."""
    made = step.attributes["update"]
    grads = step.attributes["grads"]
    count = len(grads)
    given = [c is not None for c in made.rows.columns]
    columns: list[Any] = []
    rest = step.reads[count:]
    for present in given:
        columns.append(list(rest[:count]) if present else None)
        rest = rest[count:] if present else rest
    columns += [None] * (4 - len(columns))
    params, state = columns[0], columns[1:]
    counts = lowering.constant(np.array([x.size for x in params], np.int64))
    steps = None if made.steps is None else lowering.constant(made.steps)
    lowering.emit(
        made.kernel, made.rows.dtype, [counts, params, list(grads), *state, steps], step.writes,
        (count, *made.sizes), made.values, update=made,
    )  # fmt: skip


@register("require_finite")
def require_finite(lowering: Lowering, step: Step) -> None:
    x = lowering.plain(step.reads[0])
    if x.dtype not in REALS:
        raise Unsuited
    lowering.emit(kernels.FINITE, x.dtype, [x], [], (x.size,))


@register("clip")
def clip(lowering: Lowering, step: Step) -> None:
    a = step.attributes
    counts = lowering.constant(np.array([x.size for x in a["grads"]], np.int64))
    args = [counts, list(a["grads"]), a["norm"]]
    sizes = (len(a["grads"]), int(a["keep"]))
    lowering.emit(kernels.CLIP_NORM, a["grads"][0].dtype, args, step.writes, sizes, (a["max_norm"],))
