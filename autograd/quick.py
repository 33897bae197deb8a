"""A short way through a public function for calls that came by before and record nothing.

A function checks its arguments, finds sizes, unwraps, picks a kernel, wraps. All of that but the kernel is
settled by the layout of its arrays and by its other arguments: so `quick` looks those up first, and runs
what was settled when they first came by. On 10^3 elements the rest costs more than the kernel.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd import kernels
from autograd.tape import FACES, RECORD, mode

__all__ = ["quick"]

Call = Callable[..., np.ndarray]
LIMIT = 4096  # calls kept for a function

# The first array is always given; of one that is not, data and layout are None.
DOOR = """
def door({parameters}):
    word = mode.word
    if word > RECORD or not kernels.active:
        return function({parameters})
    try:
        if {noted}:
            return function({parameters})
        {unpacked}
        key = {key}
        run = calls[key]
    except KeyError:
        return settle(key, {parameters})
    except (AttributeError, TypeError):  # a list among the settings; a plain array or a number; a symbol
        return function({parameters})
    if run is None:
        return function({parameters})
    try:
        out = run({data})
    except IndexError:  # the function says which
        return function({parameters})
    result = new(FACES[ndarray])
    result.data = out
    result.node = None
    return result
"""


def quick(
    prepare: Callable[..., Call | None], arrays: Sequence[str] = (), written: Sequence[str] = ()
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate a function of one output with its short way.

    prepare   called as the function is, with ndarrays, after it went well with these layouts and settings;
              returns run(arrays...) -> ndarray, which may raise IndexError, or None for no such way
    arrays    the parameters that are tensors or None: the first one, unless given
    written   those of them that the function writes, and so refuses if they want a gradient
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        names = list(inspect.signature(function).parameters)
        tensors = list(arrays) or names[:1]
        calls: dict[Any, Call | None] = {}

        def settle(key: Any, *values: Any) -> Any:
            out = function(*values)
            if len(calls) > LIMIT:
                calls.clear()
            plain = [x.data if name in tensors and x is not None else x for name, x in zip(names, values)]  # noqa: B905
            calls[key] = prepare(*plain)
            return out

        first = tensors[0]
        given = {x: "" if x == first else f" if {x} is not None else None" for x in tensors}
        noted = " or ".join(
            f"{x}.node is not None" if x == first else f"({x} is not None and {x}.node is not None)"
            for x in tensors
            if x not in written
        )
        refused = [f"({x} is not None and {x}.node is not None)" for x in written]
        layout = "({0}_.shape, {0}_.strides, {0}_.dtype){1}"
        unpacked = [f"{x}_ = {x}.data{none}" for x, none in given.items()]
        layouts = [layout.format(x, given[x]) for x in tensors]
        settings = [x for x in names if x not in tensors]
        source = DOOR.format(
            parameters=", ".join(names),
            noted=" or ".join([f"word and ({noted})", *refused]),
            unpacked="; ".join(unpacked),
            key=f"({', '.join([*layouts, *settings])},)",
            data=", ".join(f"{x}_" for x in tensors),
        )
        space: dict[str, Any] = {
            "FACES": FACES, "RECORD": RECORD, "calls": calls, "function": function, "kernels": kernels,
            "mode": mode, "ndarray": np.ndarray, "new": object.__new__, "settle": settle,
        }  # fmt: skip
        exec(source, space)
        door: Any = functools.update_wrapper(space["door"], function)
        door.__defaults__ = function.__defaults__
        return door  # type: ignore[no-any-return]

    return decorate
