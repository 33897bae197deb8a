"""Steps on numbers as code of the register machine (KG_SCALARS).

The machine runs *runs*: one op on numbers whose registers lie at equal distances. A network does the same for
each of its points, so its steps are grouped, by op and level (how many steps lie between a step and the
inputs: those of one level don't read each other). In each group they are sorted by what they read; since the
results of a group get registers in this order, what the next level reads lies in order again. In micrograd's
demo, 190 thousand steps become seven thousand runs.

    level 1   mul   r[400..499] = r[0] * r[900], r[902] ...       w00 * x0 of a hundred points
              mul   r[500..599] = r[1] * r[901], r[903] ...       w01 * x1
    level 2   add   r[600..699] = r[400..499] + r[500..599]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd import kernels

__all__ = ["OPCODES", "encoded"]

OPCODES = {name: place for place, name in enumerate(kernels.scalar_ops())}
Array = np.ndarray


def needed(steps: Sequence[tuple[Any, ...]], outputs: Sequence[int]) -> list[int]:
    """The places of the steps that the outputs depend on, in order, inputs and constants left out."""
    wanted = bytearray(len(steps))
    for place in outputs:
        wanted[place] = 1
    found = []
    for place in range(len(steps) - 1, -1, -1):
        if wanted[place]:
            name, *reads = steps[place]
            if name in OPCODES:
                found.append(place)
                for read in reads:
                    wanted[read] = 1
    return found[::-1]


def groups(steps: Sequence[tuple[Any, ...]], places: Sequence[int]) -> list[tuple[int, list[int]]]:
    """(opcode, places) of the steps of one level and op, in an order in which they can run."""
    level = [0] * len(steps)
    found: dict[tuple[int, int], list[int]] = {}
    for place in places:
        name, *reads = steps[place]
        level[place] = own = 1 + max([level[read] for read in reads])
        found.setdefault((own, OPCODES[name]), []).append(place)
    return [(op, found[own, op]) for own, op in sorted(found)]


def runs(op: int, out: int, reads: Array) -> list[list[int]]:
    """Registers read by each step of a group, (steps, 3), cut where their distances change."""
    last = len(reads) - 1
    distances = np.diff(reads, axis=0)
    changes = np.flatnonzero((np.diff(distances, axis=0) != 0).any(1)) + 1  # the distance there is another
    ends = [*changes.tolist(), last]
    code, start, k = [], 0, 0
    while start <= last:
        while k < len(ends) and ends[k] <= start:
            k += 1
        end = ends[k] if k < len(ends) else start
        by = distances[start].tolist() if end > start else [0, 0, 0]
        first = reads[start].tolist()
        code.append([op, end - start + 1, out + start, first[0], by[0], first[1], by[1], first[2], by[2]])
        start = end + 1
    return code


def encoded(
    steps: Sequence[tuple[Any, ...]], outputs: Sequence[int], inputs: int
) -> tuple[Array, Array, int]:
    """(runs, registers, the first of the registers that the outputs are copied to). The first registers are
    those of the inputs, then come the constants."""
    places = needed(steps, outputs)
    register = np.zeros(len(steps) + 1, np.int64)  # of each step
    constants: list[float] = []
    for place, step in enumerate(steps):
        if step[0] == "input":
            register[place] = step[1]
        elif step[0] == "value":
            register[place] = inputs + len(constants)
            constants.append(float(step[1]))
    count = inputs + len(constants)
    code: list[list[int]] = []
    for op, members in groups(steps, places):
        own = np.array(members)
        # Missing operands are read from the register of nobody, which is 0.
        read = register[[(*steps[place][1:], -1, -1)[:3] for place in members]]
        orders = [np.lexsort(read.T[list(keys)]) for keys in ((2, 1, 0), (2, 0, 1))]
        candidates = [runs(op, count, read[order]) for order in orders]
        best = min((0, 1), key=lambda i: len(candidates[i]))
        register[own[orders[best]]] = np.arange(count, count + len(own))
        code += candidates[best]
        count += len(own)
    result = np.array([[*[register[place]], 0, 0] for place in outputs], np.int64).reshape(-1, 3)
    if len(result):
        code += runs(OPCODES["copy"], count, result)
    registers = np.zeros(count + len(result) + 1)
    registers[inputs : inputs + len(constants)] = constants
    return np.array(code, np.int32).reshape(-1, 9), registers, count
