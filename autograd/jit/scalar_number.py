"""Numbers of a capture: what stands in the place of floats while a function of Scalars is written down."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Sequence
from typing import Any

from autograd.scalar import Scalar
from autograd.tape import FACES, Value

__all__ = ["Number"]


class Number:
    """What a step computes: a float, or the truth of a comparison, that is not known yet.

    It is no float, since Python's functions would take the value of one and nobody would know. Its operators
    write steps into its trace, as do the doors of ops (`__apply_op__`); who wants its value asks the trace.
    """

    __slots__ = ("trace", "place")
    __array_ufunc__ = None  # or NumPy's scalars would make arrays of it

    def __init__(self, trace: Any, place: int) -> None:
        self.trace = trace
        self.place = place

    def __apply_op__(self, name: str, values: Sequence[Any]) -> Any:
        return self.trace.apply(name, values)

    def __repr__(self) -> str:
        return f"<number {self.place} of a capture>"

    def __float__(self) -> float:
        return float(self.trace.ask(self, "float()"))

    def __int__(self) -> int:
        return int(self.trace.ask(self, "int()"))

    def __bool__(self) -> bool:
        return bool(self.trace.ask(self, "asking whether a number is true (if, while, and, max ...)"))

    def __format__(self, spec: str) -> str:
        return format(self.trace.ask(self, "printing a number"), spec)

    def __str__(self) -> str:
        return format(self, "")

    def __pos__(self) -> Number:
        return self

    __hash__ = object.__hash__


def operator(name: str, swapped: bool = False) -> Callable[..., Any]:
    def method(self: Number, *other: Any) -> Any:
        if other and isinstance(other[0], Value):
            return NotImplemented  # the Scalar's own operator makes a Scalar of it
        return self.trace.apply(name, (*other, self) if swapped else (self, *other))

    return method


for symbol, name in {
    "add": "add", "sub": "sub", "mul": "mul", "truediv": "div", "pow": "pow", "floordiv": "floor_divide",
    "mod": "remainder",
}.items():  # fmt: skip
    setattr(Number, f"__{symbol}__", operator(name))
    setattr(Number, f"__r{symbol}__", operator(name, swapped=True))
for name in ("eq", "ne", "lt", "le", "gt", "ge", "neg", "abs"):
    setattr(Number, f"__{name}__", operator(name))

FACES[Number] = Scalar  # the face of a Number in `.data`
numbers.Number.register(Number)  # so that == of a Scalar takes it for one
