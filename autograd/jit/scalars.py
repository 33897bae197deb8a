"""The capture of a function of Scalars: it runs on symbols, and each op writes down what it would compute.

While it runs, `.data` and `.grad` of a Scalar are `Number`s, which stand for what will be there at a replay.
Arithmetic on a Number is written down as a step; so is what the doors and the backward loop do with one.
Nothing is computed and no Scalar is written, so a capture that is refused leaves all as it was.

A Scalar that was there before is *state*: its `.data` at the entry of the program is an input, and what the
function left in it is written at its exit. Scalars made inside hold their Number in the place of a float.

>>> import autograd
>>> w = autograd.Scalar(2.0)
>>> @autograd.jit
... def step(x, rate):
...     loss = (w * x - 1.0) ** 2
...     w.grad = 0.0
...     loss.backward()
...     w.data -= rate * w.grad
...     return loss
>>> [step(1.0, rate).data for rate in (0.25, 0.25, 0.25, 0.125)]
[1.0, 0.25, 0.0625, 0.015625]
>>> w
Scalar(1.09375, grad=0.25)
"""

from __future__ import annotations

import contextlib
import gc
import math
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

import numpy as np

from autograd.jit.scalar_code import OPCODES
from autograd.jit.scalar_number import Number
from autograd.jit.sealed import refuse
from autograd.op import REGISTRY, Op
from autograd.operands import on_numbers
from autograd.scalar import Scalar
from autograd.tape import TRACE, Node, Value, mode

__all__ = ["ScalarTrace", "noticed"]

TRUTH = frozenset("eq ne lt le gt ge isnan isinf isfinite logical_not logical_and logical_or".split())
Step = tuple[Any, ...]  # an op and the places it reads; ("input", i); ("value", number)


DATA: Any = Value.__dict__["data"]


class ScalarTrace:
    """The steps so far. Equal ones are written once and those of constants are computed, both at once."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.numbers: list[Number] = []  # that of each step
        self.known: dict[Any, Number] = {}  # by what makes it
        self.constants: dict[int, float] = {}  # the values of the steps that have one, by place
        self.owners: list[Scalar] = []  # the Scalars that were there before
        self.owner_of: dict[int, int] = {}
        self.leaves: dict[Node, int] = {}
        self.present: dict[int, Number] = {}  # the data of owners, as the function left it so far
        self.grads: dict[Node, Any] = {}  # a Number; a Scalar after create_graph=True; None
        self.inputs: list[tuple[str, int]] = []  # ("data" or "grad", owner), ("float", which argument)
        self.floats: list[float] = []  # the arguments that are floats, as they are in this call
        self.asked: dict[int, float] = {}  # those of them that something depends on in Python

    # Steps ---------------------------------------------------------------------------------------

    def add(self, key: Any, step: Step) -> Number:
        number = self.known.get(key)
        if number is None:
            number = self.known[key] = Number(self, len(self.steps))
            self.steps.append(step)
            self.numbers.append(number)
        return number

    def input(self, kind: str, which: int) -> Number:
        if (kind, which) not in self.known:
            self.inputs.append((kind, which))
        return self.add((kind, which), ("input", len(self.inputs) - 1))

    def number(self, x: Any) -> Number:
        """`x` as a Number; a float becomes a constant."""
        if x.__class__ is Number:
            if x.trace is not self:
                refuse("a number of another capture", "it was stored there; return it instead")
            return x
        if not isinstance(x, int | float | np.number | np.bool_):
            raise TypeError(f"a Scalar computes with numbers, not with a {type(x).__name__}")
        truth = isinstance(x, bool | np.bool_)
        value = bool(x) if truth else float(x)
        same = "nan" if value != value else (value, math.copysign(1.0, value))
        number = self.add(("value", truth, same), ("value", value))
        self.constants[number.place] = value
        return number

    def apply(self, name: str, values: Sequence[Any]) -> Number:
        """The step of an op."""
        places = tuple(
            [x.place if x.__class__ is Number and x.trace is self else self.number(x).place for x in values]
        )
        key = (name, *places)
        found = self.known.get(key)
        if found is not None:
            return found
        constants = [self.constants[place] for place in places if place in self.constants]
        if len(constants) == len(places):
            return self.number(on_numbers(REGISTRY[name], *constants))
        if constants or name == "neg":
            same = self.neutral(name, places)
            if same is not None:
                return self.numbers[same]
        if name not in OPCODES:
            refuse(f"{name} of a Scalar", "it is not among the ops that programs compute with numbers")
        return self.add(key, key)

    def neutral(self, name: str, places: tuple[int, ...]) -> int | None:
        """The operand that an op gives back unchanged, to the last bit, whatever its value."""
        if name == "neg":
            before = self.steps[places[0]]
            return before[1] if before[0] == "neg" else None
        if name in ("mul", "div") and self.constants.get(places[1]) == 1.0:
            return places[0]
        if name == "mul" and self.constants.get(places[0]) == 1.0:
            return places[1]
        return None

    def ask(self, number: Number, what: str) -> Any:
        """The value of a number that no Scalar had a part in: then the program holds for the float arguments
        that had one, as they are."""
        values: dict[int, Any] = {}
        asked: dict[int, float] = {}
        stack = [number.place]
        while stack:
            place = stack[-1]
            name, *reads = self.steps[place]
            if name == "value":
                values[place] = reads[0]
            elif name == "input":
                kind, which = self.inputs[reads[0]]
                if kind != "float" or self is not mode.trace:
                    self.refuse_value(what)
                values[place] = asked[which] = self.floats[which]
            else:
                missing = [read for read in reads if read not in values]
                if missing:
                    stack += missing
                    continue
                values[place] = on_numbers(REGISTRY[name], *[values[read] for read in reads])
            stack.pop()
        self.asked.update(asked)
        return values[number.place]

    def is_truth(self, number: Number) -> bool:
        name, *reads = self.steps[number.place]
        return name in TRUTH or (name == "value" and isinstance(reads[0], bool))

    # Scalars -------------------------------------------------------------------------------------

    def owner(self, scalar: Scalar) -> int:
        """The place of a Scalar that was there before among the state of the program."""
        found = self.owner_of.get(id(scalar))
        if found is None:
            if scalar.node is not None and scalar.node.plan is not None:
                refuse(
                    "using a Scalar that was computed outside",
                    "gradients don't flow into a program from outside; detach() it, or compute it inside",
                )
            found = self.owner_of[id(scalar)] = len(self.owners)
            self.owners.append(scalar)
            if scalar.node is not None:
                self.leaves[scalar.node] = found
        return found

    def read(self, scalar: Scalar, held: Any) -> Number:
        if held.__class__ is Number:
            return self.number(held)
        owner = self.owner(scalar)
        if owner not in self.present:
            self.present[owner] = self.input("data", owner)
        return self.present[owner]

    def write(self, scalar: Scalar, value: Any) -> None:
        number = self.number(value)
        if inside(scalar):
            DATA.__set__(scalar, number)
        else:
            self.present[self.owner(scalar)] = number

    def gradient(self, node: Node) -> Any:
        """A leaf's .grad at present: None if it has none for sure."""
        if node not in self.grads:
            owner = self.leaves.get(node)
            return None if owner is None else self.input("grad", owner)
        return self.grads[node]

    def read_grad(self, scalar: Scalar, data: Number) -> Any:
        """`.grad` of a Scalar whose data, just read, made it known."""
        grad = None if scalar.node is None else self.gradient(scalar.node)
        return 0.0 if grad is None else grad

    def write_grad(self, scalar: Scalar, data: Number, value: Any) -> None:
        assert scalar.node is not None
        self.grads[scalar.node] = value if value is None or isinstance(value, Value) else self.number(value)

    def accumulate(self, node: Node, g: Any) -> None:
        """What gradients.add_to does: without a graph the sum is a plain number."""
        old = self.gradient(node)
        g = g if g.node is not None else g.data
        self.grads[node] = g if old is None else old + g

    # What else the doors report --------------------------------------------------------------------

    def record(self, op: Op, results: Any, inputs: Any, outputs: Sequence[Any], attributes: Any) -> None:
        """A call of an op: of numbers it is written down already."""
        if outputs[0].__class__ is not Number:
            refuse_mixture()

    def refuse_value(self, name: str) -> NoReturn:
        refuse(
            name,
            "the value of a Scalar is not known when the program is captured; return the Scalar and read it "
            "outside, choose between values with autograd.where, and compute with autograd's functions "
            "(autograd.exp, not math.exp)",
        )

    @staticmethod
    def rules_of(plan: Any) -> Any:
        """The rules that a backward pass goes through: as they are written."""
        return plan.graph

    def __getattr__(self, name: str) -> Any:
        """All other things that are reported (writes of arrays, random draws ...) are a tensor's."""
        refuse_mixture()

    # The end -------------------------------------------------------------------------------------

    def exits(self) -> tuple[list[tuple[int, int]], list[tuple[int, int | None]]]:
        """(owner, place of what its .data becomes), where it is another; and of its .grad, which may become
        None."""
        data = [
            (owner, number.place)
            for owner, number in self.present.items()
            if number is not self.known.get(("data", owner))
        ]
        grads: list[tuple[int, int | None]] = []
        for node, grad in self.grads.items():
            owner = self.leaves.get(node)
            if owner is not None:
                grad = grad.data if isinstance(grad, Value) else grad
                if grad is None or grad is not self.known.get(("grad", owner)):
                    grads.append((owner, None if grad is None else grad.place))
        return data, grads

    def refuse_escapes(self) -> None:
        """Refuse Scalars and numbers that live on outside: a replay would not make them anew."""
        self.present.clear()
        self.grads.clear()
        self.known.clear()
        if self.escaped():
            gc.collect()  # they may wait in a cycle
            if self.escaped():
                refuse(
                    "storing a Scalar or a number outside (in an attribute, a list ...)",
                    "a replay would not store it again; return it, or write it into the .data of a Scalar "
                    "that is there before",
                )

    def escaped(self) -> bool:
        return max(map(sys.getrefcount, self.numbers), default=0) > REFERENCES


def inside(scalar: Scalar) -> bool:
    """Whether a Scalar was made in this capture; one that is being made holds nothing yet."""
    try:
        return DATA.__get__(scalar, Scalar).__class__ is Number
    except AttributeError:
        return True


REFERENCES = max(map(sys.getrefcount, [object()]))  # of what only a list holds


def refuse_mixture() -> NoReturn:
    refuse("using tensors beside Scalars", "a program computes with either; use 0-d tensors for the Scalars")


# Who reads .data -----------------------------------------------------------------------------------
# Doors read and write the slot `Value.data`, at no cost. A property in front of it, there while a jitted
# function runs in Python, tells the trace of each access (of this thread) and which functions use Scalars.


class Here(threading.local):
    used = False  # whether a Scalar's .data was touched


here = Here()
guard = threading.Lock()
running = 0


def read_data(self: Scalar) -> Any:
    here.used = True
    held = DATA.__get__(self, Scalar)
    return scalar_trace().read(self, held) if mode.word & TRACE else held


def write_data(self: Scalar, value: Any) -> None:
    here.used = True
    if mode.word & TRACE:
        scalar_trace().write(self, value)
    else:
        DATA.__set__(self, value)


def scalar_trace() -> ScalarTrace:
    """The trace of the present capture: a function whose first call used no Scalars is captured as one of
    tensors, and can't turn to them later."""
    trace = mode.trace
    return trace if isinstance(trace, ScalarTrace) else refuse_mixture()


@contextlib.contextmanager
def noticed() -> Iterator[Here]:
    """Notice all uses of Scalars inside; while it lasts, `used` says whether there was one."""
    global running
    before, here.used = here.used, False
    with guard:
        running += 1
        setattr(Scalar, "data", property(read_data, write_data))  # noqa: B010 (a slot, says the type checker)
    try:
        yield here
    finally:
        here.used = here.used or before
        with guard:
            running -= 1
            if not running:
                delattr(Scalar, "data")  # noqa: B043
