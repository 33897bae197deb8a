"""A short way through a public function for calls that came by before.

A function checks its arguments, finds sizes, unwraps, picks a kernel, wraps. All of that but the kernel is
settled by the layout of its arrays and by its other arguments: so `quick` looks those up first, and runs
what was settled when they first came by. On 10^3 elements the rest costs more than the kernel.

>>> from autograd import tensor
>>> @quick(lambda x, factor: lambda x: x * factor)
... def times(x, factor=2):
...     print("the long way")
...     return x * factor
>>> times(tensor([1.0]))
the long way
tensor([2.])
>>> times(tensor([3.0]))
tensor([6.])
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd import kernels
from autograd.op import Plan, record
from autograd.tape import FACES, RECORD, Value, mode

__all__ = ["quick"]

LIMIT = 4096  # calls kept for a function

# Of an array that is not given, data and layout are None.
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
        {run} = calls[key]
    except KeyError:
        return settle(key, {parameters})
    except (AttributeError, TypeError):  # a list among the settings; a plain array or a number; a symbol
        return function({parameters})
    if run is None:
        return function({parameters})
    try:
        out = run({data})
    except (IndexError, TypeError):  # the function says which; `data` is no plain array
        return function({parameters})
    result = new(Tensor)
    result.data = out
    {node}
    return result
"""
NODE = """node = {0}.node
    result.node = record(plan, (node,), keep({0}_, out), out) if node is not None and word else None"""


def quick(
    prepare: Callable[..., Any],
    arrays: Sequence[str] = (),
    written: Sequence[str] = (),
    plan: Plan | None = None,
    parameters: Sequence[str] = (),
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate a function of one output with its short way.

    prepare     called as the function is, with ndarrays, after it went well with these layouts and settings;
                returns run(arrays...) -> ndarray, which may raise IndexError (or TypeError for what is no
                plain ndarray), or None for no such way
    arrays      the parameters that are tensors or None: the first one, unless given
    written     those of them that the function writes, and so refuses if they want a gradient
    plan        of the op that the function of one array is: then recorded calls come this way too, and
                prepare returns (run, keep), with keep(array, output) for what the tape saves
    parameters  the names of the function's parameters, if its signature does not tell them
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        names = list(parameters) or list(inspect.signature(function).parameters)
        tensors = list(arrays) or names[:1]
        settings = [x for x in names if x not in tensors]
        calls: dict[Any, Any] = {}
        nothing = None if plan is None else (None, None)

        def settle(key: Any, *values: Any) -> Any:
            out = function(*values)
            given = dict(zip(names, values, strict=True))
            if not any(isinstance(given[x], Value) for x in settings):  # which none would come by with again
                if len(calls) > LIMIT:
                    calls.clear()
                plain = [x.data if name in tensors and x is not None else x for name, x in given.items()]
                calls[key] = prepare(*plain) or nothing
                space["Tensor"] = FACES[np.ndarray]
            return out

        first = tensors[0]
        defaults = dict(zip(names[::-1], (function.__defaults__ or ())[::-1], strict=False))
        noted, unpacked, layouts = [], [], []
        for x in tensors:
            layout = f"{x}_.shape, {x}_.strides, {x}_.dtype"
            if x in defaults or x in written:  # it may be None
                noted.append(f"({x} is not None and {x}.node is not None)")
                unpacked.append(f"{x}_ = {x}.data if {x} is not None else None")
                layouts.append(f"({layout}) if {x} is not None else None")
            else:
                noted.append(f"{x}.node is not None")
                unpacked.append(f"{x}_ = {x}.data")
                layouts.append(layout)
        refused = [note for note, x in zip(noted, tensors, strict=True) if x in written]
        if plan is None:
            refused += [f"word and ({' or '.join(noted)})"]
        source = DOOR.format(
            parameters=", ".join(names),
            noted=" or ".join(refused) or "False",
            unpacked="; ".join(unpacked),
            key=f"({', '.join([*layouts, *settings])},)",
            run="run" if plan is None else "run, keep",
            data=", ".join(f"{x}_" for x in tensors),
            node="result.node = None" if plan is None else NODE.format(first),
        )
        space: dict[str, Any] = {
            "RECORD": RECORD, "calls": calls, "function": function, "kernels": kernels, "mode": mode,
            "new": object.__new__, "plan": plan, "record": record, "settle": settle,
        }  # fmt: skip
        exec(compile(source, __file__, "exec"), space)
        door: Any = functools.update_wrapper(space["door"], function)
        door.__defaults__ = function.__defaults__
        return door  # type: ignore[no-any-return]

    return decorate
