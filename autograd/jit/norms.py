"""Activations joined with the norm before them: z = act(norm(x)) in one pass, and its gradients in one.

    y = standardize(x, w, b)                    z = standardize(x, w, b), activation
    z = act(y)                          ->
    dy = g act'(y)                              dx, dw, db = standardize_backward(g, x, w, b), activation
    dx, dw, db = standardize_backward(dy, x, w)

The kernel computes y again from x, which it reads anyway (csrc/norm_activation.h). That pays only where y and
dy then need not be there at all: where the activation and its derivative alone read y, and the gradient of
the norm alone reads dy. Everything else is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from autograd.jit.fuse import same_layout
from autograd.jit.graph import Operand, Step, read_by

__all__ = ["joined"]


class Joint(NamedTuple):
    """How the gradient of an activation is written in steps: found from its last step."""

    steps: list[Step]  # that compute dy
    g: Operand  # from this gradient of z


class Uses:
    """Who makes, reads and writes each buffer of a trace."""

    def __init__(self, steps: list[Step], wanted: Iterable[Operand]) -> None:
        self.wanted = {id(x.buffer) for x in wanted}
        self.readers: dict[int, list[Step]] = {}
        self.writers: dict[int, list[Step]] = {}
        self.place = {id(step): place for place, step in enumerate(steps)}
        for step in steps:
            for key in {id(x.buffer) for x in read_by(step)}:
                self.readers.setdefault(key, []).append(step)
            for x in step.writes:
                self.writers.setdefault(id(x.buffer), []).append(step)

    def of(self, x: Operand) -> list[Step]:
        return self.readers.get(id(x.buffer), [])

    def maker(self, x: Any) -> Step | None:
        """The step that computed an operand, if nothing was written into it since."""
        writers = self.writers.get(id(x.buffer), []) if x.__class__ is Operand else []
        return writers[0] if len(writers) == 1 and writers[0].writes == [x] else None

    def only_for(self, x: Operand, readers: Iterable[Step]) -> bool:
        """Whether nobody but these steps reads or rewrites x."""
        ids = {id(step) for step in readers}
        unwritten = len(self.writers.get(id(x.buffer), [])) == 1
        return unwritten and id(x.buffer) not in self.wanted and all(id(s) in ids for s in self.of(x))

    def unwritten(self, x: Operand, first: Step, last: Step) -> bool:
        """Whether x has the same value at both steps."""
        between = range(self.place[id(first)], self.place[id(last)])
        return not any(self.place[id(s)] in between for s in self.writers.get(id(x.buffer), []))


# The derivatives of the activations, as their rules (ops/elementwise.py) are traced -------------------


def relu(uses: Uses, last: Step, y: Operand, z: Operand, after: Step) -> Joint | None:
    """where(le(z, 0), 0, g)"""
    if last.op != "where":
        return None
    condition, zero, g = last.reads
    below = uses.maker(condition)
    if below is None or below.op != "le" or below.reads[0] != z or number(below.reads[1]) != 0.0:
        return None
    return Joint([below, last], g) if number(zero) == 0.0 else None


def leaky_relu(uses: Uses, last: Step, y: Operand, z: Operand, after: Step) -> Joint | None:
    """where(gt(y, 0), g, slope g)"""
    if last.op != "where":
        return None
    condition, g, less = last.reads
    above, product = uses.maker(condition), uses.maker(less)
    if above is None or above.op != "gt" or above.reads[0] != y or number(above.reads[1]) != 0.0:
        return None
    if (
        product is None
        or product.op != "mul"
        or product.reads not in ([after.reads[1], g], [g, after.reads[1]])
    ):
        return None
    return Joint([above, product, last], g)


def silu(uses: Uses, last: Step, y: Operand, z: Operand, after: Step) -> Joint | None:
    if last.op != "silu_gradient" or last.reads[1] != y:
        return None
    return Joint([last], last.reads[0])


RULES: dict[str, Callable[[Uses, Step, Operand, Operand, Step], Joint | None]] = {
    "relu": relu,
    "leaky_relu": leaky_relu,
    "silu": silu,
}


def number(x: Any) -> float | None:
    return float(x) if x.__class__ in (int, float) else None


# The rewriting ---------------------------------------------------------------------------------------


def joined(steps: list[Step], wanted: Iterable[Operand]) -> list[Step]:
    """The steps with activations joined with the norms before them."""
    wanted = list(wanted)
    uses = Uses(steps, wanted)
    gone: set[int] = set()
    for step in steps:
        if step.op == "standardize":
            gone |= join(uses, step)
    return [step for step in steps if id(step) not in gone]


def join(uses: Uses, norm: Step) -> set[int]:
    """Join what follows a norm, where all that reads y allows it; the steps (ids) that this replaces."""
    y, mean = norm.writes[:2]
    after = [s for s in uses.of(y) if s.op in RULES and s.reads[0] == y]
    if len(after) != 1 or not same_layout(after[0].writes[0], y):
        return set()
    (act,) = after
    z, slope = act.writes[0], number(act.reads[1]) if act.op == "leaky_relu" else 0.0
    if slope is None:
        return set()
    backward = [s for s in uses.of(mean) if s.op == "standardize_backward"]
    joints = [joint_before(uses, step, y, z, act) for step in backward]
    if None in joints:
        return set()
    replaced = [s for joint in joints if joint is not None for s in joint.steps]
    if not uses.only_for(y, [act, *replaced]):
        return set()
    activation = {"activation": act.op, "slope": slope}
    norm.writes = [z, *norm.writes[1:]]
    norm.attributes = {**norm.attributes, **activation}
    for step, joint in zip(backward, joints, strict=True):
        assert joint is not None
        step.reads = [joint.g, *step.reads[1:]]
        step.attributes = {**step.attributes, **activation}
    return {id(act), *(id(s) for s in replaced)}


def joint_before(uses: Uses, backward: Step, y: Operand, z: Operand, act: Step) -> Joint | None:
    """The steps between the gradients of z and of y, if the gradient of the norm alone needs them. (Without
    the gradient of x what is left is two sums, and C code has no place for dy: see jit/c/calls.py.)"""
    if backward.attributes["results"][0] is None:
        return None
    dy = backward.reads[0]
    last = uses.maker(dy)
    joint = None if last is None else RULES[act.op](uses, last, y, z, act)
    if last is None or joint is None or joint.g.__class__ is not Operand or joint.g[2] != y[2]:
        return None
    private = uses.only_for(dy, [backward]) and all(
        uses.only_for(s.writes[0], joint.steps) for s in joint.steps if s is not last
    )
    same = joint.g.dtype == y.dtype and uses.unwritten(joint.g, last, backward)
    return joint if private and same else None
