"""jit: a function is captured once and replayed as a program, in one C call.

trace          the run that is written down, and what it refuses
graph          what is written: memory, views of it, steps
fuse           fewer and larger steps
instructions, lower    the kernels of each step
arena          memory that buffers share
code, program  the instructions in C, and what runs them
to_c, c        a program as one C file
watch          what must be unchanged for a program to be right
function       what the decorator makes of a function
names, words, expressions, listing    a program to read
work, limits, profile, profile_picture    where its time goes

Functions of Scalars have a way of their own, from numbers to a register machine:
scalar_number, scalars    what stands for a number while the function is written down, and the steps
scalar_code    the steps as runs of equal ops
scalar_call    arguments, state, results

All of it is loaded when the first function is jitted: who only trains eagerly need not wait for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from autograd.jit.sealed import JitError

if TYPE_CHECKING:
    from autograd.jit.function import Jitted

__all__ = ["JitError", "jit"]


def jit(function: Callable[..., Any]) -> Jitted:
    """A function that is captured once and then runs as a program: one C call, no Python between its ops.

    The first call runs as ever, the second is written down, the third replays. Tensors, arrays, numbers and
    (nested) lists, tuples and dicts of them may be arguments; what the function closes over (modules,
    optimisers, schedules, tensors) is state, and written as the function would write it. Results are tensors
    of their own, off the tape. A new shape, type or Python number as an argument, train() or eval(), other
    threads and the like are captured anew. What can't be captured raises JitError, with the line and the way
    out.

    >>> import autograd
    >>> w = autograd.tensor([1.0, 2.0])
    >>> @autograd.jit
    ... def scaled(x, factor):
    ...     return (x * w).sum() * factor
    >>> [scaled(autograd.tensor([3.0, float(i)]), 2).item() for i in range(3)]
    [6.0, 10.0, 14.0]
    >>> scaled
    <jitted scaled: 1 program>
    """
    from autograd.jit import (  # noqa: F401 (they fill the table of kernels)
        lower,
        lower_attention,
        lower_moves,
        lower_recurrent,
        lower_state,
    )
    from autograd.jit.function import Jitted

    if not callable(function):
        raise TypeError(f"jit: want a function, got a {type(function).__name__}")
    return Jitted(function)
