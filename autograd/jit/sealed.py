"""What a capture refuses: values of tensors, which the next call has others of."""

from __future__ import annotations

import sys
from typing import Any, NoReturn

from autograd.tape import PACKAGES, TRACE, Value, mode
from autograd.tensor import Tensor

__all__ = ["DATA", "JitError", "Traced", "refuse", "refuse_draw", "refuse_value", "user_line"]

# Files of this package that read values as programs of users do.
SEALED = tuple(path + name for path in PACKAGES for name in ("metrics", "trainer.py", "serialize.py"))


class JitError(RuntimeError):
    """Something in a jitted function that can't become part of a program."""


def user_line() -> str:
    """file:line of the innermost frame that is not in this package."""
    frame = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(PACKAGES):
        frame = frame.f_back  # type: ignore[assignment]
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame is not None else "?"


def refuse(what: str, way_out: str) -> NoReturn:
    raise JitError(f"{what} inside a jitted function, at {user_line()}: {way_out}")


def refuse_value(name: str) -> NoReturn:
    refuse(
        name,
        "the value is not known when the program is captured; return the tensor and read it outside (for a "
        "choice between values use autograd.where)",
    )


def refuse_draw(name: str) -> NoReturn:
    refuse(f"{name}()", "NumPy has a part in it, which a program could not repeat; call it outside")


def read_data(self: Any) -> Any:
    name = sys._getframe(1).f_code.co_filename
    if mode.word & TRACE and (not name.startswith(PACKAGES) or name.startswith(SEALED)):
        refuse(
            "reading .data",
            "what NumPy computes is not part of the program; use autograd's functions, or return the tensor",
        )
    return DATA.__get__(self, Tensor)


DATA: Any = Value.__dict__["data"]


class Traced(Tensor):
    """A tensor computed while a function is captured: its array is not to be read."""

    __slots__ = ()
    data = property(read_data, lambda self, array: DATA.__set__(self, array))
