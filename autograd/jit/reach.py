"""What a function's code can reach: what it closes over, the globals it names, its object, what those hold.

Functions are followed into the functions they name, and objects into their attributes, as far as they are the
user's own: the code of this package depends on nothing that could be bound anew.
"""

from __future__ import annotations

import functools
import sysconfig
from collections.abc import Iterator
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from autograd.tape import PACKAGES, Value

__all__ = ["MISSING", "SIMPLE", "Reach", "filled", "plain"]

SIMPLE = (int, float, bool, str, bytes, type(None))
STEADY = (type, ModuleType, BuiltinFunctionType)  # nobody binds their names anew
FOREIGN = (*PACKAGES, sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), "<frozen")
LIMIT = 10_000  # objects that are looked at
LONGEST = 100  # entries of a list or dict: more are data, not settings

MISSING: Any = object()


class Reach:
    """`objects` is all that was found. Of them may be bound anew: `cells`, `names` (dict, name) and `entries`
    (list, dict or object; for an object, the names of the attributes that the code names)."""

    def __init__(self, function: Any) -> None:
        self.objects: list[Any] = []
        self.cells: list[Any] = []
        self.names: list[tuple[dict[str, Any], str]] = []
        self.words: set[str] = set()  # all names in the code
        self.containers: list[Any] = []
        self.instances: list[Any] = []
        self.seen: set[int] = set()
        self.walk([function])
        found = 0
        while found != len(self.objects):  # methods whose names were met only later
            found = len(self.objects)
            self.walk([m for x in self.instances for m in self.methods(x)])

    def walk(self, stack: list[Any], mine: bool = True) -> None:
        """Look at objects and what they hold; `mine`: not held by an object of this package."""
        foreign = []
        while stack and len(self.seen) < LIMIT:
            x = stack.pop()
            if id(x) in self.seen or isinstance(x, (*SIMPLE, *STEADY, np.ndarray)):
                continue
            if mine and not isinstance(x, Value) and packaged(x):
                foreign.append(x)
                continue
            self.seen.add(id(x))
            self.objects.append(x)
            stack += self.inside(x, mine)
        if foreign:
            self.walk(foreign, mine=False)

    def inside(self, x: Any, mine: bool) -> Iterator[Any]:
        """What an object holds."""
        if isinstance(x, FunctionType):
            if own(x.__code__):
                yield from self.named(x)
            yield from (cell.cell_contents for cell in x.__closure__ or () if filled(cell))
        elif isinstance(x, MethodType):
            yield from (x.__func__, x.__self__)
        elif isinstance(x, functools.partial):
            yield from (x.func, *x.args, *x.keywords.values())
        elif isinstance(x, dict):
            if mine and len(x) <= LONGEST:
                self.containers.append(x)
            yield from x.values()
        elif isinstance(x, list | tuple | set | frozenset):
            if mine and len(x) <= LONGEST and isinstance(x, list):
                self.containers.append(x)
            yield from x
        elif not isinstance(x, Value) and hasattr(x, "__dict__"):
            if mine:
                self.instances.append(x)
            yield from list(vars(x).values())
            yield from self.methods(x)

    def named(self, function: FunctionType) -> Iterator[Any]:
        """The cells and globals of a function."""
        for cell in function.__closure__ or ():
            if not filled(cell) or not isinstance(cell.cell_contents, STEADY):
                self.cells.append(cell)
        space = function.__globals__
        for name in words_in(function.__code__):
            self.words.add(name)
            value = space.get(name, MISSING)
            if value is MISSING or isinstance(value, STEADY) or name.startswith("__"):
                continue
            if not isinstance(value, FunctionType) or own(value.__code__):
                self.names.append((space, name))
                yield value

    def methods(self, x: Any) -> Iterator[Any]:
        """The functions of an object's class that may be called by the code."""
        for kind in type(x).__mro__:
            for name, value in vars(kind).items():
                if isinstance(value, FunctionType) and (
                    name in self.words or name in ("forward", "__call__")
                ):
                    yield value


def packaged(x: Any) -> bool:
    """Whether an object is one of this package's, or of a class made from one of its (a module, say): its
    attributes are looked at in another way, where they matter."""
    return any(kind.__module__.partition(".")[0] in ("autograd", "nn") for kind in type(x).__mro__)


def own(code: CodeType) -> bool:
    """Whether code is the user's."""
    return not code.co_filename.startswith(FOREIGN)


def words_in(code: CodeType) -> Iterator[str]:
    """The names of globals and attributes in code and in the functions written inside it."""
    yield from dict.fromkeys(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from words_in(constant)


def filled(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True


def plain(x: Any) -> bool:
    """A number, a text, None, or a tuple of such: what compares by value."""
    return isinstance(x, SIMPLE) or (isinstance(x, tuple) and all(map(plain, x)))
