"""Arguments and results: nested lists, tuples and dicts with tensors, arrays and others at their ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd.jit.sealed import JitError
from autograd.jit.trace import Trace
from autograd.tape import Value
from autograd.tensor import Tensor

__all__ = ["Place", "arrays_of", "copies", "described", "key_of", "mapped", "rebuilt", "unwrapped"]


def mapped(function: Callable[[Any], Any], x: Any) -> Any:
    """The same structure with function(end) at each end.

    >>> mapped(lambda end: end + 1, {"a": [1, 2], "b": (3,)})
    {'a': [2, 3], 'b': (4,)}
    """
    if isinstance(x, tuple) and hasattr(x, "_fields"):
        return x.__class__(*(mapped(function, y) for y in x))
    if isinstance(x, list | tuple):
        return x.__class__(mapped(function, y) for y in x)
    if isinstance(x, dict):
        return {k: mapped(function, y) for k, y in x.items()}
    return function(x)


# Arguments -----------------------------------------------------------------------------------------


def key_of(x: Any, arrays: list[np.ndarray]) -> Any:
    """What a program depends on of an argument: shape and type of arrays, everything of the rest."""
    if isinstance(x, Value):
        data = x.data
        if data.__class__ is np.ndarray:
            if x.node is not None and x.node.plan is not None:
                raise JitError(
                    f"a tensor on the tape (shape {data.shape}) as an argument of a jitted function: "
                    "gradients don't flow through a program; detach() it, or compute it inside"
                )
            # One leaf in two places is one leaf in the function too: its gradient has the parts of both.
            twin = x.node and next((i for i, known in enumerate(arrays) if known is data), None)
            arrays.append(data if data.flags.c_contiguous else np.ascontiguousarray(data))
            return (x.__class__, data.shape, data.dtype, x.node is not None, twin)
        return (x.__class__, data)
    if isinstance(x, np.ndarray):
        arrays.append(x if x.flags.c_contiguous and x.__class__ is np.ndarray else np.ascontiguousarray(x))
        return (np.ndarray, x.shape, x.dtype)
    if isinstance(x, list | tuple):
        return (x.__class__, *(key_of(y, arrays) for y in x))
    if isinstance(x, dict):
        return (dict, *((k, key_of(y, arrays)) for k, y in x.items()))
    try:
        hash(x)
    except TypeError:
        return (x.__class__, id(x))
    return (x.__class__, x)


def arrays_of(x: Any) -> list[np.ndarray]:
    """The arrays of arguments, as they were given."""
    found: list[np.ndarray] = []

    def note(end: Any) -> None:
        data = end.data if isinstance(end, Value) else end
        if isinstance(data, np.ndarray):
            found.append(data)

    mapped(note, x)
    return found


def copies(x: Any, trace: Trace) -> Any:
    """Arguments on memory of their own, which the trace knows as inputs."""

    leaves: dict[int, Any] = {}

    def copy(end: Any) -> Any:
        if isinstance(end, Value) and isinstance(end.data, np.ndarray):
            if id(end) in leaves:
                trace.input(np.array(end.data, order="C"))  # which nobody reads
                return leaves[id(end)]
            result: Any = end.__class__.__new__(end.__class__)
            result.data = np.array(end.data, order="C")
            result.node = None
            if end.node is not None:
                result.begin_leaf()
                leaves[id(end)] = result
                trace.given.append(result)
            trace.input(result.data)
            return result
        if isinstance(end, np.ndarray):
            end = np.array(end, order="C")
            trace.input(end)
        return end

    return mapped(copy, x)


# Results -------------------------------------------------------------------------------------------


class Place:
    """Where output number `number` stands in a result."""

    def __init__(self, number: int) -> None:
        self.number = number


def described(x: Any, operand_of: Callable[[np.ndarray], Any]) -> tuple[Any, list[Any]]:
    """A result with places for its tensors, and what operand_of() says of their arrays, in order."""
    outputs: list[Any] = []

    def place(end: Any) -> Any:
        if isinstance(end, Value) and isinstance(end.data, np.ndarray):
            outputs.append(operand_of(end.data))
            return Place(len(outputs) - 1)
        if isinstance(end, np.ndarray):
            raise JitError(
                "a jitted function returned a NumPy array, which would be the same at each call; return a "
                "tensor"
            )
        return end

    return mapped(place, x), outputs


def rebuilt(structure: Any, outputs: list[Any]) -> Any:
    """The result with these outputs at their places."""
    if structure.__class__ is Place:
        return outputs[structure.number]
    return mapped(lambda end: outputs[end.number] if end.__class__ is Place else end, structure)


def unwrapped(x: Any) -> Any:
    """A result of the capture as replays give it: tensors of their own, off the tape."""
    return mapped(
        lambda end: (
            Tensor(np.array(end.data)) if isinstance(end, Value) and isinstance(end.data, np.ndarray) else end
        ),
        x,
    )
