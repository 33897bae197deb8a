"""Calls of a jitted function of Scalars: what of its arguments a program takes, its capture, its replays."""

from __future__ import annotations

import contextlib
import functools
import gc
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from autograd import kernels
from autograd.jit.reach import Reach, filled
from autograd.jit.scalar_code import encoded
from autograd.jit.scalar_number import Number
from autograd.jit.scalars import ScalarTrace, noticed
from autograd.jit.sealed import JitError, refuse
from autograd.jit.watch import Surroundings, Watch
from autograd.scalar import Scalar
from autograd.tape import TRACE, Value, mode

__all__ = ["ScalarCalls", "ScalarProgram"]

capturing = threading.RLock()  # one capture at a time
KEPT = 16  # programs for arguments of one kind


class ScalarCalls:
    """A jitted function of Scalars: Scalars and floats among its arguments are inputs of its programs, on
    all else programs depend. They are kept where those of tensors would be."""

    def __init__(self, jitted: Any) -> None:
        self.jitted = jitted

    def __call__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        given: list[Any] = []
        key = (mode.word, kernels.settings.count, *key_of((args, kwargs), given), repeated(given))
        for program, structure in self.jitted.programs.get(key, ()):
            if program.holds(given):
                return filled_in(structure, program(given))
        with capturing:
            program, structure = self.capture(args, kwargs, given)
        entries = self.jitted.programs.setdefault(key, [])
        entries[:] = [*entries[1 - KEPT :], (program, structure)]
        self.jitted.note(key)
        program.holds(given)  # or refuses an argument that is closed over too
        return filled_in(structure, program(given))

    def capture(self, args: Any, kwargs: Any, given: Sequence[Any]) -> tuple[ScalarProgram, Any]:
        """The program of these arguments and what it returns, with places for its outputs."""
        trace = ScalarTrace()
        trace.floats = [0.0 if isinstance(x, Scalar) else x for x in given]
        standins, arguments = {}, []  # arguments that are Scalars, apart from the same Scalars as state
        for i, x in enumerate(given):
            if isinstance(x, Scalar) and id(x) not in standins:
                standins[id(x)] = Scalar(0.0, x.requires_grad)
                arguments.append((i, standins[id(x)]))
        places = iter(range(len(given)))

        def input_for(x: Any) -> Any:
            if isinstance(x, Scalar):
                return standins[id(given[next(places)])]
            return trace.input("float", next(places)) if isinstance(x, float) else x

        args, kwargs = mapped((args, kwargs), input_for)
        word = mode.word
        with noticed(), uncollected():
            mode.word, mode.trace = word | TRACE, trace
            try:
                result = self.jitted.function(*args, **kwargs)
                del args, kwargs
                outputs: list[Output] = []
                structure = mapped(result, lambda x: described(x, trace, outputs))
                del result
                program = ScalarProgram(self.jitted.function, trace, outputs, arguments)
                trace.refuse_escapes()
            finally:
                mode.word, mode.trace = word, None
        return program, structure


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """A capture makes a million objects that all live to its end: to look among them for dead cycles took a
    third of its time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class Place:
    """Where output `number` stands in a result."""

    def __init__(self, number: int) -> None:
        self.number = number


def filled_in(structure: Any, outputs: Sequence[Any]) -> Any:
    return mapped(structure, lambda x: outputs[x.number] if x.__class__ is Place else x)


Output = tuple[int, type]  # a step's place, and what its number is returned as


def described(x: Any, trace: ScalarTrace, outputs: list[Output]) -> Any:
    """A Scalar or a number of a result as its place among the outputs; else what it is."""
    kind = x.__class__
    if isinstance(x, Scalar):
        number = trace.number(x.data)
    elif kind is Number:
        number, kind = x, bool if trace.is_truth(x) else float
    elif isinstance(x, Value | np.ndarray):
        raise JitError("a jitted function of Scalars returned an array: return Scalars or numbers")
    else:
        return x
    outputs.append((number.place, kind))
    return Place(len(outputs) - 1)


class ScalarProgram:
    """What a trace has become. A call reads the Scalars that the function read, runs, and writes those that
    it wrote."""

    def __init__(
        self, function: Any, trace: ScalarTrace, outputs: Sequence[Output], arguments: Sequence[Any]
    ) -> None:
        self.watch = Watch(Surroundings(Reach(function), inside=False))
        self.bindings = bindings(function)
        self.lock = threading.Lock()
        self.owners: list[Any] = trace.owners
        self.asked = trace.asked
        self.arguments = [(i, trace.owner_of[id(x)]) for i, x in arguments if id(x) in trace.owner_of]
        bound = {owner for _, owner in self.arguments}
        self.state = {id(x) for owner, x in enumerate(trace.owners) if owner not in bound}
        self.inputs = trace.inputs
        self.kinds = [kind for _, kind in outputs]
        self.data, grads = trace.exits()
        self.grads = [(owner, place) for owner, place in grads if place is not None]
        self.emptied = [owner for owner, place in grads if place is None]
        results = [place for place, _ in outputs]
        results += [place for _, place in (*self.data, *self.grads)]
        self.traced_steps = len(trace.steps)
        self.code, self.registers, self.first = encoded(trace.steps, results, len(self.inputs))
        self.end = self.first + len(results)
        self.run = kernels.prepare(kernels.SCALARS, np.dtype(np.float64), [len(self.code)])

    def __repr__(self) -> str:
        return f"<program of {self.code[:, 1].sum()} steps on numbers, in {len(self.code)} runs>"

    def holds(self, given: Sequence[Any]) -> bool:
        """Whether the program is right for these arguments."""
        if not self.state.isdisjoint(map(id, given)):
            raise JitError(
                "a Scalar as an argument of a jitted function that also closes over it: do one of the two"
            )
        return (
            all(given[i] == value for i, value in self.asked.items())
            and all(now() is x for now, x in self.bindings)
            and self.watch.holds()
        )

    def __call__(self, given: Sequence[Any]) -> list[Any]:
        with self.lock:
            owners = self.owners
            for i, owner in self.arguments:
                owners[owner] = given[i]
            self.registers[: len(self.inputs)] = [entry(owners, given, *x) for x in self.inputs]
            self.run(self.code, self.registers)
            results = iter(self.registers[self.first : self.end].tolist())
            outputs = [as_kind(kind, value) for kind, value in zip(self.kinds, results, strict=False)]
            for (owner, _), value in zip(self.data, results, strict=False):
                owners[owner].data = value
            for (owner, _), value in zip(self.grads, results, strict=False):
                owners[owner].node.grad = value
            for owner in self.emptied:
                owners[owner].node.grad = None
        return outputs


def entry(owners: Sequence[Any], given: Sequence[Any], kind: str, which: int) -> Any:
    """The value of an input as a program begins."""
    if kind == "data":
        return owners[which].data
    if kind == "float":
        return given[which]
    grad = owners[which].node.grad
    return -0.0 if grad is None else float(grad)  # added to a gradient, -0 changes not even a zero's sign


def bindings(function: Any) -> list[tuple[Callable[[], Any], Scalar]]:
    """The Scalars that a function names (in cells, among its globals), and how to read what is there now."""
    code = getattr(function, "__code__", None)
    space = getattr(function, "__globals__", {})
    cells = getattr(function, "__closure__", None) or ()
    found: list[tuple[Callable[[], Any], Any]] = [
        (functools.partial(getattr, cell, "cell_contents"), cell.cell_contents)
        for cell in cells
        if filled(cell)
    ]
    found += [
        (functools.partial(space.get, name), space.get(name)) for name in (code.co_names if code else ())
    ]
    return [(now, x) for now, x in found if isinstance(x, Scalar)]


def as_kind(kind: Any, value: float) -> Any:
    return Scalar(value, requires_grad=False) if issubclass(kind, Scalar) else kind(value)


# Trees of arguments and results --------------------------------------------------------------------


def mapped(x: Any, leaf: Callable[[Any], Any]) -> Any:
    """(Nested) lists, tuples and dicts with `leaf` of all that is none of those."""
    if isinstance(x, tuple) and hasattr(x, "_fields"):
        return x.__class__(*[mapped(y, leaf) for y in x])
    if isinstance(x, list | tuple):
        return x.__class__([mapped(y, leaf) for y in x])
    if isinstance(x, dict):
        return {k: mapped(y, leaf) for k, y in x.items()}
    return leaf(x)


def repeated(given: Sequence[Any]) -> tuple[int, ...]:
    """Which Scalars are given more than once: for each the place of the first; () if there are none."""
    places = [id(x) for x in given if isinstance(x, Scalar)]
    return tuple(map(places.index, places)) if len(set(places)) < len(places) else ()


def key_of(x: Any, given: list[Any]) -> Any:
    """What a program depends on of an argument: that it is a float or a Scalar; everything of the rest. The
    floats and Scalars are collected."""
    if x.__class__ is float:
        given.append(x)
        return float
    if isinstance(x, Scalar):
        if x.node is not None and x.node.plan is not None:
            refuse(
                "a Scalar on the tape as an argument",
                "gradients don't flow into a program from outside; detach() it, or compute it inside",
            )
        given.append(x)
        return (Scalar, x.node is not None)
    if isinstance(x, list | tuple):
        return (x.__class__, *[key_of(y, given) for y in x])
    if isinstance(x, dict):
        return (dict, *[(k, key_of(y, given)) for k, y in x.items()])
    if isinstance(x, float):
        given.append(x)
        return float
    if isinstance(x, Value | np.ndarray):
        raise JitError("an array as an argument of a jitted function of Scalars: pass a list of floats")
    try:
        hash(x)
    except TypeError:
        return (x.__class__, id(x))
    return (x.__class__, x)
