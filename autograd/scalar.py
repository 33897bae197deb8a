"""Scalar: the float face of the ops. One number, on the same tape, with the same rules as Tensor.

It is made for study: small expressions whose every step can be read (`autograd.explain`).
"""

from __future__ import annotations

from typing import Any

from autograd import gradients, tape
from autograd.op import REGISTRY
from autograd.ops import elementwise as e
from autograd.tape import FACES, TRACE, Value, mode

__all__ = ["Scalar"]


class Scalar(Value):
    """A number that can be differentiated.

    >>> from autograd import Scalar
    >>> a, b = Scalar(2.0), Scalar(-3.0)
    >>> c = a * b + a.tanh()
    >>> c.backward()
    >>> round(a.grad, 4), b.grad
    (-2.9293, 2.0)
    """

    __slots__ = ()
    data: float
    __array_ufunc__ = None

    def __init__(self, data: float, requires_grad: bool = True) -> None:
        if data.__class__ is not float and not hasattr(data, "__apply_op__"):  # a symbol stays what it is
            if not isinstance(data, float | int):
                raise TypeError(f"Scalar: want a Python number, got {type(data).__name__}")
            data = float(data)
        self.data = data
        self.node = tape.leaf(None, data) if requires_grad else None

    @property
    def requires_grad(self) -> bool:
        return self.node is not None

    @property
    def grad(self) -> Any:
        """What backward() accumulated: a float, 0.0 before (a Scalar after create_graph=True)."""
        if mode.word & TRACE:
            return mode.trace.read_grad(self, self.data)
        return 0.0 if self.node is None or self.node.grad is None else self.node.grad

    @grad.setter
    def grad(self, value: Any) -> None:
        if self.node is None:
            raise RuntimeError("grad: this Scalar does not require a gradient")
        if mode.word & TRACE:
            mode.trace.write_grad(self, self.data, value)
        else:
            self.node.grad = value

    def backward(self, retain_graph: bool | None = None, create_graph: bool = False) -> None:
        """Add the derivative of this number to `.grad` of every Scalar it was computed from."""
        gradients.backward(self, None, retain_graph, create_graph)

    def detach(self) -> Scalar:
        return Scalar(self.data, requires_grad=False)

    def item(self) -> float:
        return float(self.data)

    def __float__(self) -> float:
        return float(self.data)

    def __bool__(self) -> bool:
        return bool(self.data)

    def __repr__(self) -> str:
        return (
            f"Scalar({self.data:.6g})"
            if self.node is None
            else f"Scalar({self.data:.6g}, grad={float(self.grad):.6g})"
        )

    def __format__(self, spec: str) -> str:
        return format(self.data, spec)

    # The doors for numbers: what Tensor's doors would hand over to.
    __add__ = REGISTRY["add"].numbers
    __sub__ = REGISTRY["sub"].numbers
    __mul__ = REGISTRY["mul"].numbers
    __truediv__ = REGISTRY["div"].numbers
    __pow__ = e.pow
    __neg__ = REGISTRY["neg"].numbers
    __abs__ = REGISTRY["abs"].numbers
    __eq__ = e.compared(e.eq)
    __ne__ = e.compared(e.ne)
    __lt__ = e.lt
    __le__ = e.le
    __gt__ = e.gt
    __ge__ = e.ge
    __hash__ = object.__hash__
    # Addition and multiplication commute: the reflected operators need no other door.
    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: Any) -> Any:
        return e.sub(other, self)

    def __rtruediv__(self, other: Any) -> Any:
        return e.div(other, self)

    def __rpow__(self, other: Any) -> Any:
        return e.pow(other, self)

    add, sub, mul, div, neg = e.add, e.sub, e.mul, e.div, e.neg
    pow, abs, sign, square, sqrt, rsqrt = e.pow, e.abs, e.sign, e.square, e.sqrt, e.rsqrt
    exp, expm1, log, log1p, sin, cos = e.exp, e.expm1, e.log, e.log1p, e.sin, e.cos
    tanh, sigmoid, erf, relu = e.tanh, e.sigmoid, e.erf, e.relu
    leaky_relu, elu, gelu, silu, softplus = e.leaky_relu, e.elu, e.gelu, e.silu, e.softplus
    maximum, minimum, clamp = e.maximum, e.minimum, e.clamp


FACES[float] = Scalar
