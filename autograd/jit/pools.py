"""Max pooling without an index, where the windows lie apart and only its own gradient would read the index.

    values, index = max_pool2d(x)               values = max_pool2d(x)
    d = put_in_plane(g, index)         ->       d = unpool(g, x, values): puts g where x is the maximum

Where x is the value of a relu, the relu's rule asks at each place of x whether it is 0. The gradient is put
where x is the maximum, so asking the maxima is enough: a quarter as many, for windows of 2 x 2.

    d = unpool(g, x, values)                    g' = where(values <= 0, 0, g)
    e = where(x <= 0, 0, d)            ->       e = unpool(g', x, values)
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from autograd.jit.graph import MADE, Buffer, Operand, Step, read_by

__all__ = ["without_index"]

Readers = dict[int, list[Step]]


def readers_of(steps: list[Step]) -> Readers:
    """By buffer (its id): the steps that read it."""
    readers: Readers = {}
    for step in steps:
        for x in read_by(step):
            found = readers.setdefault(id(x.buffer), [])
            if not found or found[-1] is not step:
                found.append(step)
    return readers


def apart(step: Step) -> bool:
    """Whether no place lies under two windows, and none of a window outside x."""
    a = step.attributes
    return bool(
        a["stride"] == a["kernel_size"] and a["padding"] == (0, 0) and a["dilation"] == (1, 1)
    ) and all(a["shape"][i] * a["kernel_size"][i] <= step.reads[0].shape[2 + i] for i in (0, 1))


def without_index(steps: list[Step], wanted: Iterable[Operand]) -> list[Step]:
    """The steps, with max pools and their gradients rewritten."""
    outputs = {id(x.buffer) for x in wanted}
    readers = readers_of(steps)
    replaced: dict[int, list[Step]] = {}  # by id of a step: what stands in its place
    for step in steps:
        if step.op != "max_pool2d" or not apart(step) or step.reads[0].buffer.kind != MADE:
            continue
        x, (values, index) = step.reads[0], step.writes
        users = readers.get(id(index.buffer), [])
        if id(index.buffer) in outputs or not all(
            user.op == "put_in_plane" and user.attributes["index"] == index for user in users
        ):
            continue
        step.writes = [values]
        for user in users:
            (g,), (out,) = user.reads, user.writes
            asked = relu_after(out, x, readers, outputs)
            before: list[Step] = []
            if asked is not None:
                compared, chosen = asked
                positive = made(values.shape, np.dtype(np.bool_))
                gated = made(g.shape, g.dtype)
                before = [
                    Step(compared.op, [values, 0.0], [positive], record=compared.record, where=chosen.where),
                    Step(chosen.op, [positive, 0.0, g], [gated], record=chosen.record, where=chosen.where),
                ]
                g, out = gated, chosen.writes[0]
                replaced[id(chosen)] = []
            spread = Step("unpool", [g, x, values], [out], step.attributes, where=user.where)
            replaced[id(user)] = [*before, spread]
    return [after for step in steps for after in replaced.get(id(step), [step])]


def made(shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> Operand:
    array = np.empty(shape, dtype)
    return Operand(Buffer(array, MADE, -1), 0, array.shape, array.strides, array.dtype)


def relu_after(out: Operand, x: Operand, readers: Readers, outputs: set[int]) -> tuple[Step, Step] | None:
    """The steps le(x, 0) and where(that, 0, out), if nothing else reads `out`."""
    users = readers.get(id(out.buffer), [])
    if len(users) != 1 or users[0].op != "where" or id(out.buffer) in outputs:
        return None
    condition, zero, kept = users[0].reads
    if zero.__class__ is Operand or float(zero) != 0.0 or kept != out or condition.__class__ is not Operand:
        return None
    for step in readers.get(id(x.buffer), []):
        if step.op == "le" and step.writes[0] == condition and step.reads[0] == x and step.reads[1] == 0.0:
            return step, users[0]
    return None
