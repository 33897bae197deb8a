"""In which order steps can run: what each waits for, and an order of steps and groups that respects it.

Sets of steps are the bits of an int.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from autograd.jit.graph import Step, read_by

__all__ = ["bits", "dependencies", "ordered"]


def bits(mask: int) -> Iterable[int]:
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def dependencies(steps: list[Step]) -> tuple[list[int], list[int]]:
    """For each step: all steps that must run before it, and those of them that it waits for directly."""
    ancestors: list[int] = []
    parents: list[int] = []
    last_write: dict[int, int] = {}
    readers: dict[int, int] = {}
    for number, step in enumerate(steps):
        before = 0
        for x in read_by(step):
            before |= last_write.get(id(x.buffer), 0)
        for x in step.writes:
            before |= last_write.get(id(x.buffer), 0) | readers.get(id(x.buffer), 0)
        before &= ~(1 << number)
        parents.append(before)
        all_before = before
        for n in bits(before):
            all_before |= ancestors[n]
        ancestors.append(all_before)
        for x in read_by(step):
            readers[id(x.buffer)] = readers.get(id(x.buffer), 0) | 1 << number
        for x in step.writes:
            last_write[id(x.buffer)] = 1 << number
            readers[id(x.buffer)] = 0
    return ancestors, parents


def ordered(steps: list[Step], parents: list[int], home: dict[int, Any]) -> list[Any]:
    """Steps and groups, each after all that it waits for, as near to the given order as that allows."""
    done, placed = 0, set()
    order: list[Any] = []

    def place(number: int) -> None:
        nonlocal done
        stack = [number]
        while stack:
            n = stack[-1]
            group = home.get(n)
            mask = group.mask if group is not None else 1 << n
            if done & mask == mask:
                stack.pop()
                continue
            before = 0
            for member in bits(mask):
                before |= parents[member]
            waiting = before & ~done & ~mask
            if waiting:
                stack.append(waiting.bit_length() - 1)
                continue
            stack.pop()
            done |= mask
            if group is None:
                order.append(steps[n])
            elif id(group) not in placed:
                placed.add(id(group))
                order.append(group)

    for number in range(len(steps)):
        place(number)
    return order
