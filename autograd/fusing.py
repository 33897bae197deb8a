"""Fewer steps for the same program: dead steps go, and ops that do two or three steps at once are matched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autograd.symbol import Step

__all__ = ["fuse", "live"]


def live(steps: list[Step], outputs: list[int]) -> tuple[list[Step], list[int]]:
    """Only the steps that the outputs need, in order."""
    needed = set(outputs)
    for place in range(len(steps) - 1, -1, -1):
        op, args = steps[place]
        if place in needed and op not in ("input", "value"):
            needed.update(args)
    kept = sorted(needed)
    new = {place: number for number, place in enumerate(kept)}
    renamed = [
        steps[p] if steps[p][0] in ("input", "value") else (steps[p][0], tuple(new[i] for i in steps[p][1]))
        for p in kept
    ]
    return renamed, [new[place] for place in outputs]


def fuse(steps: list[Step], outputs: list[int]) -> tuple[list[Step], list[int]]:
    """The ops of the last group of csrc/ops.def put in for the two or three steps that they stand for, and
    a copy for every output that is an input, a constant, or the output of another place."""
    fused = list(steps)
    uses = [0] * len(steps)
    for op, args in steps:
        if op not in ("input", "value"):
            for i in args:
                uses[i] += 1
    for place in outputs:
        uses[place] += 1

    def once(place: int, op: str) -> tuple[Any, ...] | None:
        """The arguments of a step of this op that is read only here."""
        return steps[place][1] if steps[place][0] == op and uses[place] == 1 else None

    for place in range(len(steps) - 1, -1, -1):
        op, args = steps[place]
        if uses[place]:
            fused[place] = matched(op, args, once) or (op, args)
    results: list[int] = []
    for place in outputs:
        if steps[place][0] in ("input", "value") or place in results:
            fused.append(("copy", (place,)))
            place = len(fused) - 1
        results.append(place)
    return fused, results


ORDER = {"lt": "where_lt", "le": "where_le", "gt": "where_lt", "ge": "where_le"}


def matched(
    op: str, args: tuple[Any, ...], once: Callable[[int, str], tuple[Any, ...] | None]
) -> Step | None:
    """The step that stands for this one and for steps that only it reads."""
    if op == "where":
        for comparison, fused in ORDER.items():
            if inner := once(args[0], comparison):
                return fused, (*(inner if comparison[0] == "l" else inner[::-1]), *args[1:])
    if op == "exp" and (inner := once(args[0], "neg")):
        return "exp_neg", inner
    if op == "sub":
        if inner := once(args[1], "mul"):
            return "sub_mul", (*inner, args[0])
        if inner := once(args[0], "mul"):
            return "mul_sub", (*inner, args[1])
    if op == "add":
        for x, y in (args, args[::-1]):
            left, right = once(x, "mul"), once(y, "mul")
            if left and right:
                for b, t in (right, right[::-1]):
                    square = once(b, "mul")
                    if square and square[0] == square[1]:
                        return "mul_add_square", (*left, square[0], t)
        for x, y in (args, args[::-1]):
            left, right = once(x, "mul"), once(y, "mul")
            if left:
                return ("mul_add_mul", (*left, *right)) if right else ("mul_add", (*left, y))
            root = once(x, "sqrt")
            inside = once(root[0], "mul") if root else None
            if inside:
                return "sqrt_mul_add", (*inside, y)
    return None
