"""What must still be so for a program to stand for its function: its guards.

A program has the addresses of the tensors it closed over, and the behaviour of the modules, the optimisers
and the Python numbers of the time it was captured. `holds` looks, in a microsecond, whether all are what they
were.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from autograd import tape
from autograd.tape import Value

__all__ = ["Watch"]

SIMPLE = (int, float, bool, str, bytes, type(None))
array = operator.attrgetter("data")


class Watch:
    """tensors: whose arrays are in the program; modules: that ran; grads: (leaf node, its .grad at entry)."""

    def __init__(
        self,
        function: Any,
        tensors: list[Value],
        modules: list[Any],
        grads: list[tuple[Any, Any]],
        optimizers: list[Any],
    ) -> None:
        self.tensors = tensors
        self.arrays = [x.data for x in tensors]
        self.grads = grads
        self.grad_arrays = [None if g is None else g.data for _, g in grads]
        self.modules = [(module, snapshot(vars(module))) for module in dict.fromkeys(modules)]
        self.bindings = tape.bindings.count
        self.optimizers = [(x, x.state, list(x.param_groups)) for x in dict.fromkeys(optimizers)]
        self.cells = cells_of(function)
        self.names = names_of(function)

    def holds(self) -> bool:
        if not all(map(operator.is_, map(array, self.tensors), self.arrays)):
            return False
        for cell, value in self.cells:
            if cell.cell_contents is not value and cell.cell_contents != value:
                return False
        for space, name, value in self.names:
            now = space.get(name)
            if now is not value and now != value:
                return False
        for (node, grad), data in zip(self.grads, self.grad_arrays, strict=True):
            if node.grad is not grad or (grad is not None and grad.data is not data):
                return False
        for optimizer, state, groups in self.optimizers:
            if optimizer.state is not state or len(optimizer.param_groups) != len(groups):
                return False
        if tape.bindings.count != self.bindings:
            if any(snapshot(vars(module)) != before for module, before in self.modules):
                return False
            self.bindings = tape.bindings.count
        return True


def snapshot(attributes: dict[str, Any]) -> dict[str, Any]:
    """What can be compared of a module: plain values, and which objects the others are."""
    return {k: (type(v), v) if plain(v) else id(v) for k, v in attributes.items()}


def plain(x: Any) -> bool:
    """A number, a text, None, or a tuple of such: what compares by value."""
    return isinstance(x, SIMPLE) or (isinstance(x, tuple) and all(map(plain, x)))


def cells_of(function: Any) -> list[tuple[Any, Any]]:
    """The numbers and other plain values that a function closes over."""
    found = []
    for cell in getattr(function, "__closure__", None) or ():
        try:
            if plain(cell.cell_contents):
                found.append((cell, cell.cell_contents))
        except ValueError:  # not bound yet
            continue
    return found


def names_of(function: Any) -> list[tuple[Any, str, Any]]:
    """The global numbers that a function's code names."""
    code = getattr(function, "__code__", None)
    if code is None:
        return []
    space = function.__globals__
    return [
        (space, name, space[name])
        for name in code.co_names
        if name in space and plain(space[name]) and not name.startswith("__")
    ]


def reachable(function: Any, limit: int = 10_000) -> list[Any]:
    """The objects that a function closes over, its globals by name, its self, and what those hold."""
    found: list[Any] = []
    seen: set[int] = set()
    stack = [getattr(function, "__self__", None)]
    inner = getattr(function, "__func__", function)
    for cell in getattr(inner, "__closure__", None) or ():
        try:
            stack.append(cell.cell_contents)
        except ValueError:
            continue
    code = getattr(inner, "__code__", None)
    if code is not None:
        stack += [inner.__globals__[name] for name in code.co_names if name in inner.__globals__]
    while stack and len(seen) < limit:
        x = stack.pop()
        if x is None or id(x) in seen or isinstance(x, (*SIMPLE, np.ndarray, type)):
            continue
        seen.add(id(x))
        found.append(x)
        if isinstance(x, dict):
            stack += x.values()
        elif isinstance(x, list | tuple | set):
            stack += x
        elif getattr(x, "__code__", None) is not None and getattr(x, "__closure__", None):
            stack += [cell.cell_contents for cell in x.__closure__ if filled(cell)]
        elif hasattr(x, "parameters") and hasattr(x, "__dict__"):
            stack += vars(x).values()
    return found


def filled(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True
