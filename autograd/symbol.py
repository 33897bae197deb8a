"""Symbols: calling a function on them writes down its elementwise steps instead of computing.

A `Symbol` stands for an array that is not there yet. Its operators, and any generic op that knows
`__apply_op__`, append a step to the symbol's trace and return the step's symbol:

>>> trace = Trace()
>>> x = trace.input()
>>> y = 1 - x * x + x * x
>>> [op for op, _ in trace.steps]
['input', 'mul', 'value', 'sub', 'add']

The trace folds constants, writes equal steps once, and turns powers with simple exponents into products
and roots. `MEANING` says in NumPy what each op computes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["COMPOSED", "MEANING", "TRUTH", "Symbol", "Trace"]

Array = npt.NDArray[Any]
Step = tuple[str, tuple[Any, ...]]  # op and the steps it reads; ("input", (i,)); ("value", (number,))


def erf(x: Any) -> Any:
    """The error function. NumPy has none; the C library's, element by element."""
    result = np.vectorize(math.erf, otypes=[np.float64])(x)
    return result.astype(np.result_type(x, np.float32) if np.ndim(x) else np.asarray(x).dtype)[()]


def sigmoid(x: Any) -> Any:
    e = np.exp(-np.abs(x))
    return np.where(x < 0, e, np.ones_like(e)) / (1 + e)


def softplus(x: Any) -> Any:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def normal_cdf(x: Any) -> Any:
    """Phi(x), exact to the last places in the lower tail too."""
    return np.vectorize(lambda v: 0.5 * math.erfc(-v * math.sqrt(0.5)), otypes=[np.float64])(x)


def gelu(x: Any) -> Any:
    return np.asarray(x * normal_cdf(x)).astype(np.asarray(x).dtype)[()]


def silu_gradient(g: Any, x: Any) -> Any:
    s = sigmoid(x)
    return g * (s * (1 + x * (1 - s)))


def gelu_gradient(g: Any, x: Any) -> Any:
    density = np.exp(x * x * -0.5) / math.sqrt(2 * math.pi)
    return np.asarray(g * (normal_cdf(x) + x * density)).astype(np.asarray(x).dtype)[()]


MEANING: dict[str, Callable[..., Any]] = {
    "copy": np.positive,
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "pow": np.power,
    "neg": np.negative,
    "abs": np.abs,
    "sign": np.sign,
    "sqrt": np.sqrt,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "exp": np.exp,
    "log": np.log,
    "log1p": np.log1p,
    "expm1": np.expm1,
    "sin": np.sin,
    "cos": np.cos,
    "tanh": np.tanh,
    "sigmoid": sigmoid,
    "erf": erf,
    "softplus": softplus,
    "silu": lambda x: x * sigmoid(x),
    "gelu": gelu,
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x, slope: np.where(np.greater(x, 0), x, slope * x),
    "elu": lambda x, alpha: np.where(np.greater(x, 0), x, alpha * np.expm1(np.minimum(x, 0))),
    "clamp": lambda x, low, high: np.minimum(np.maximum(x, low), high),
    "cube": lambda x: x * x * x,
    "silu_gradient": silu_gradient,
    "gelu_gradient": gelu_gradient,
    "floor": np.floor,
    "ceil": np.ceil,
    "round": np.rint,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "where": np.where,
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "logical_not": np.logical_not,
    "logical_and": np.logical_and,
    "logical_or": np.logical_or,
}

# Ops whose result is a truth value: a bool array.
TRUTH = frozenset(["eq", "ne", "lt", "le", "gt", "ge", "logical_not", "logical_and", "logical_or"])

# Ops that are made of others, as functions of symbols. Who defines more such ops adds them here.
COMPOSED: dict[str, Callable[..., Any]] = {
    "isnan": lambda x: x != x,
    "isfinite": lambda x: abs(x) < np.inf,
    "square": lambda x: x * x,
    "reciprocal": lambda x: 1.0 / x,
}


def power(x: Symbol, exponent: float) -> Symbol | None:
    """x ** exponent as products and roots where those give NumPy's result, else None."""
    if exponent in (1.0, 2.0, 3.0, 4.0):
        square = x * x if exponent > 1 else x
        return {1.0: x, 2.0: square, 3.0: square * x, 4.0: square * square}[exponent]
    if exponent in (-1.0, -2.0):
        return 1.0 / (x if exponent == -1 else x * x)
    return x.apply("sqrt") if exponent == 0.5 else None


class Trace:
    """The steps written so far, each after those it reads."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.numbers: dict[Any, int] = {}  # step -> its place, so that equal steps are written once

    def input(self) -> Symbol:
        place = sum(op == "input" for op, _ in self.steps)
        return self.write("input", (place,))

    def value(self, number: float) -> Symbol:
        return self.write("value", (float(number),))

    def write(self, op: str, args: tuple[Any, ...]) -> Symbol:
        # By its bits: NaN equals nothing, and -0.0 equals 0.0.
        key = (op, np.float64(args[0]).tobytes()) if op == "value" else (op, args)
        if key not in self.numbers:
            self.numbers[key] = len(self.steps)
            self.steps.append((op, args))
        return Symbol(self, self.numbers[key])

    def apply(self, op: str, operands: Sequence[Any]) -> Symbol:
        """The symbol of op(*operands); numbers among the operands become constants."""
        if op in COMPOSED:
            first, *rest = operands
            return self.symbol(op, COMPOSED[op](self.symbol(op, first), *rest))
        if op not in MEANING:
            raise TypeError(f"{op} is no elementwise op that a program can hold; those are {list(MEANING)}")
        symbols = [self.symbol(op, operand) for operand in operands]
        args = tuple(symbol.place for symbol in symbols)
        if all(self.steps[i][0] == "value" for i in args):
            with np.errstate(all="ignore"):
                return self.value(MEANING[op](*(np.float64(self.steps[i][1][0]) for i in args)))
        if op == "pow" and self.steps[args[1]][0] == "value":
            simple = power(symbols[0], self.steps[args[1]][1][0])
            if simple is not None:
                return simple
        return self.write(op, args)

    def symbol(self, op: str, operand: Any) -> Symbol:
        if isinstance(operand, Symbol):
            if operand.trace is not self:
                raise ValueError(f"{op}: symbols of two different traces were mixed")
            return operand
        if isinstance(operand, (bool, int, float, np.floating, np.integer, np.bool_)):
            return self.value(float(operand))
        raise TypeError(
            f"{op}: a program takes symbols and numbers, got {type(operand).__name__}; "
            "make an array one of the program's inputs"
        )


class Symbol:
    """One step of a trace, used like the array it stands for."""

    __slots__ = ("place", "trace")
    __array_ufunc__ = None  # NumPy scalars on the left give way to the operators here

    def __init__(self, trace: Trace, place: int) -> None:
        self.trace = trace
        self.place = place

    def apply(self, op: str, *others: Any) -> Symbol:
        """op(self, *others), for any op of the table."""
        return self.trace.apply(op, (self, *others))

    def __apply_op__(self, op: str, args: Sequence[Any]) -> Symbol:
        """What a generic op calls when it meets a symbol at any place among its arguments."""
        return self.trace.apply(op, args)

    def __bool__(self) -> bool:
        raise TypeError("a symbol has no truth value: a program can't branch on data; use where()")

    def __repr__(self) -> str:
        op, args = self.trace.steps[self.place]
        return f"Symbol({self.place} = {op}{args})"

    __hash__ = object.__hash__

    def __add__(self, other: Any) -> Symbol:
        return self.apply("add", other)

    def __radd__(self, other: Any) -> Symbol:
        return self.trace.apply("add", (other, self))

    def __sub__(self, other: Any) -> Symbol:
        return self.apply("sub", other)

    def __rsub__(self, other: Any) -> Symbol:
        return self.trace.apply("sub", (other, self))

    def __mul__(self, other: Any) -> Symbol:
        return self.apply("mul", other)

    def __rmul__(self, other: Any) -> Symbol:
        return self.trace.apply("mul", (other, self))

    def __truediv__(self, other: Any) -> Symbol:
        return self.apply("div", other)

    def __rtruediv__(self, other: Any) -> Symbol:
        return self.trace.apply("div", (other, self))

    def __pow__(self, other: Any) -> Symbol:
        return self.apply("pow", other)

    def __rpow__(self, other: Any) -> Symbol:
        return self.trace.apply("pow", (other, self))

    def __neg__(self) -> Symbol:
        return self.apply("neg")

    def __abs__(self) -> Symbol:
        return self.apply("abs")

    def __invert__(self) -> Symbol:
        return self.apply("logical_not")

    def __and__(self, other: Any) -> Symbol:
        return self.apply("logical_and", other)

    def __or__(self, other: Any) -> Symbol:
        return self.apply("logical_or", other)

    def __eq__(self, other: Any) -> Symbol:  # type: ignore[override]
        return self.apply("eq", other)

    def __ne__(self, other: Any) -> Symbol:  # type: ignore[override]
        return self.apply("ne", other)

    def __lt__(self, other: Any) -> Symbol:
        return self.apply("lt", other)

    def __le__(self, other: Any) -> Symbol:
        return self.apply("le", other)

    def __gt__(self, other: Any) -> Symbol:
        return self.apply("gt", other)

    def __ge__(self, other: Any) -> Symbol:
        return self.apply("ge", other)
