"""What a function did beside its ops while it was captured, and would not do again at a replay."""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

import numpy as np

from autograd import buffers
from autograd.jit.graph import HELD, Buffer, Operand, Step
from autograd.jit.reach import MISSING, plain
from autograd.jit.sealed import JitError, refuse, user_line

__all__ = [
    "Attributes", "forget_leaves", "refuse_alias", "refuse_arrays_made_inside", "refuse_escapes",
    "refuse_masks", "refuse_shape",
]  # fmt: skip


class Attributes:
    """The attributes of modules that were set, with what they were before."""

    def __init__(self) -> None:
        self.before: dict[tuple[int, str], tuple[Any, Any, str]] = {}

    def note(self, module: Any, name: str) -> None:
        """An attribute is about to be set."""
        old = vars(module).get(name, MISSING)
        self.before.setdefault((id(module), name), (module, old, user_line()))

    def refuse_changes(self, known: set[int]) -> None:
        """Refuse those that are others now, of modules (by id) that were there before."""
        for (key, name), (module, old, where) in self.before.items():
            now = vars(module).get(name, MISSING)
            if key in known and now is not old and not (plain(now) and plain(old) and now == old):
                raise JitError(
                    f"{type(module).__name__}.{name} was set to {now!r:.60} inside a jitted function, at "
                    f"{where}: a replay would not do it again; do it outside, or keep numbers that change in "
                    "a buffer and write that in place (add_, copy_)"
                )


def refuse_escapes(tensors: Iterable[weakref.ref[Any]], gradients: Iterable[Any]) -> None:
    """Refuse tensors that live on outside, other than as .grad: a replay would not make them anew."""
    kept = {id(g) for g in gradients}
    alive = [ref for ref in tensors if ref() is not None and id(ref()) not in kept]
    if alive:
        gc.collect()
    for ref in alive:
        value = ref()
        if value is not None and id(value) not in kept:
            raise JitError(
                f"a tensor of shape {value.shape} computed inside a jitted function was stored outside it "
                "(an attribute, a list ...): a replay would not store it again; return it, or write it into "
                "a tensor that is there before (copy_)"
            )


def forget_leaves(began: int, *gradients: dict[Any, Any]) -> None:
    """The gradients of leaves that began with the call are nobody's when it has returned."""
    for leaves in gradients:
        for node in [node for node in leaves if node.serial > began]:
            del leaves[node]


def refuse_alias(x: Any) -> NoReturn:
    raise JitError(
        f"an argument of a jitted function (of shape {x.shape}) lies in memory that the function writes: a "
        "program may read it before the write or after; pass a copy (x.clone()), or close over it"
    )


def refuse_masks(key: Any) -> None:
    """Refuse places that are chosen by values: how many they are is another number at each call."""
    for x in key if key.__class__ is tuple else (key,):
        if x.__class__ is Operand and x.dtype.kind == "b" and x.buffer.kind != HELD:
            refuse(
                "indexing by a mask that is computed",
                "the shape of the result would depend on values; use autograd.where, or multiply by the mask",
            )


def refuse_shape(step: Step, then: tuple[int, ...], now: tuple[int, ...]) -> NoReturn:
    raise JitError(
        f"{step.op} at {step.where} gave {now} where it gave {then} when the function was captured: a mask "
        "that it closes over chooses another number now, which is part of the program; use autograd.where"
    )


# Arrays of NumPy ---------------------------------------------------------------------------------
# An op that reads an array which no op made holds it: a weight, say. But an array that NumPy computed inside
# the function (from an argument, from state) would be that of the capture for ever. The difference shows when
# the function has returned: nobody but the trace refers to such an array any more.


def refuse_arrays_made_inside(met: Sequence[Buffer]) -> None:
    for buffer in met:
        if buffer.kind == HELD and not buffer.constant and buffer.nbytes and alone(buffer):
            shape = buffer.array.shape if buffer.array is not None else ()
            raise JitError(
                f"an array of shape {shape} that NumPy made inside a jitted function was read "
                f"at {buffer.where}: a replay would read the numbers of the capture again; compute it with "
                "autograd's functions, or make it outside"
            )


def alone(buffer: Buffer) -> bool:
    """Whether only the trace (and the pool that the memory came from) refers to a buffer's array."""
    kept = any(array is buffer.array for array in buffers.pool.get(buffer.nbytes, ()))
    return sys.getrefcount(buffer.array) <= HOLDERS + kept


def references_when_alone() -> int:
    """What getrefcount says in alone() of an array that only its buffer holds (it differs between versions of
    Python); 0, which nothing is, where it can't tell."""
    array = np.ones(1)
    buffer = Buffer(array, HELD, 0)
    taken = sys.getrefcount(buffer.array)
    del array
    return taken - 1 if sys.getrefcount(buffer.array) == taken - 1 else 0


HOLDERS = references_when_alone()
