"""Starting the tape backwards: `backward`, which adds into leaves' .grad, and `grad`, which returns."""

from __future__ import annotations

import sys
import threading
from typing import Any

import numpy as np

from autograd import buffers, tape
from autograd.tape import TRACE, Node, Value, mode

__all__ = ["backward", "grad"]


def as_tuple(values: Any) -> tuple[Any, ...]:
    return tuple(values) if isinstance(values, list | tuple) else (values,)


def seeds(
    name: str, outputs: tuple[Value, ...], grad_outputs: Any, create_graph: bool
) -> list[tuple[Node, Any]]:
    """Pairs of an output's node and its gradient: 1 for a single element unless given."""
    given = (None,) * len(outputs) if grad_outputs is None else as_tuple(grad_outputs)
    if len(given) != len(outputs):
        raise ValueError(f"{name}: {len(outputs)} outputs but {len(given)} gradients for them")
    pairs = []
    for out, g in zip(outputs, given, strict=True):
        if not isinstance(out, Value):
            raise TypeError(f"{name}: want a Tensor or a Scalar, got {type(out).__name__}")
        if out.node is None:
            raise RuntimeError(
                f"{name}: the output doesn't depend on anything that requires a gradient (was it computed "
                "under no_grad, or from tensors without requires_grad=True?)"
            )
        pairs.append((out.node, seed(name, out, g, create_graph)))
    return pairs


def seed(name: str, out: Value, g: Any, create_graph: bool) -> Any:
    if not isinstance(out.data, np.ndarray):
        g = 1.0 if g is None else g
        if create_graph or mode.word & TRACE:
            return as_value(g, 1.0)
        return float(g.data if isinstance(g, Value) else g)
    shape, dtype = out.data.shape, out.data.dtype
    if g is None:
        if out.data.size != 1:
            raise RuntimeError(
                f"{name}: an output of shape {shape} has no single gradient to start from; reduce it "
                "(.sum(), .mean()) or pass the gradient of each element"
            )
        g = tape.traced_constant(np.ones(shape, dtype))
    data = g.data if isinstance(g, Value) else np.asarray(g)
    if data.shape != shape:
        raise ValueError(f"{name}: the gradient given has shape {data.shape}, its output {shape}")
    if create_graph or mode.word & TRACE:
        return g if isinstance(g, Value) else tape.wrap(data.astype(dtype, copy=False), None)
    return data.astype(dtype, copy=False)


def as_value(g: Any, like: Any) -> Value:
    return g if isinstance(g, Value) else tape.wrap(type(like)(g), None)


def backward(
    outputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Add the gradient of `outputs` to the `.grad` of every leaf it was computed from.

    outputs       Tensors or Scalars; one of more than one element needs its `grad_outputs`
    retain_graph  keep the saved values, so that backward can run again (default: create_graph)
    create_graph  record the backward pass, so that gradients can be differentiated again
    inputs        only these receive a gradient
    """
    retain = create_graph if retain_graph is None else retain_graph
    wanted = None if inputs is None else [node_of("backward", x) for x in as_tuple(inputs)]
    pairs = seeds("backward", as_tuple(outputs), grad_outputs, create_graph)
    accumulate(tape.backpropagate(pairs, wanted, create_graph, retain))


def node_of(name: str, x: Any) -> Node:
    if not isinstance(x, Value) or x.node is None:
        raise RuntimeError(f"{name}: an input does not require a gradient (set requires_grad=True on it)")
    return x.node


# Threads may run backward() into the same leaves.
accumulating = threading.Lock()


def accumulate(found: dict[Node, Any]) -> None:
    """Add each gradient to its leaf's .grad."""
    with accumulating:
        for node, g in found.items():
            add_to(node, g)


def add_to(node: Node, g: Any) -> None:
    """Add `g` to a leaf's .grad, which owns its memory: nothing else may change with it."""
    old = node.grad
    if mode.word & TRACE and isinstance(g, Value):
        mode.trace.accumulate(node, g)
    elif isinstance(g, Value) or node.shape is None:  # recorded
        node.grad = g if old is None else old + g
    elif old is None:
        node.grad = tape.wrap(owned(g), None)
    elif old.node is None:
        np.add(old.data, g, out=old.data)
        tape.written(old.data)
    else:
        node.grad = tape.wrap(old.data + g, None)


def owned(g: Any) -> np.ndarray:
    """`g`, or a copy if anyone else holds it or its memory (add gives both inputs one gradient)."""
    if (
        g.__class__ is np.ndarray
        and g.flags.writeable
        and sys.getrefcount(g) <= HOLDERS
        and (g.base is None or buffers.sole(g))
    ):
        return g
    return np.array(g, order="C")


def writeable(g: Any) -> np.ndarray:
    """A gradient as an array that its receiver may write: a sum's is an expanded view."""
    array: np.ndarray = np.asarray(g)
    return array if array.flags.writeable else array.copy()


def references_when_alone() -> int:
    """What getrefcount says in owned() of an array that only backward() holds: it differs between versions
    of Python. Measured on the same path; one reference more (as an alias has) must be told apart."""
    counts = []

    def probe(g: Any) -> None:
        counts.append(sys.getrefcount(g))

    def through(g: Any) -> None:
        probe(g)

    for alias in (False, True):
        found = {0: np.ones(1)}
        held = found[0] if alias else None
        for _, g in found.items():  # noqa: PERF102 (as accumulate() does: the pair holds a reference)
            through(g)
        del held
    return counts[0] if counts[1] > counts[0] else 0


HOLDERS = references_when_alone()


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool = False,
) -> tuple[Any, ...]:
    """The gradients of `outputs` with respect to `inputs`, as a tuple; no `.grad` is touched.

    An input that the outputs don't depend on is an error, or None with allow_unused. A gradient may share its
    memory, with others or (a sum's) with itself: clone() what is to be written to.

    >>> import autograd
    >>> x = autograd.tensor(3.0, requires_grad=True)
    >>> (dy,) = autograd.grad(x**3, x, create_graph=True)
    >>> dy.item(), autograd.grad(dy, x)[0].item()
    (27.0, 18.0)
    """
    inputs = as_tuple(inputs)
    retain = create_graph if retain_graph is None else retain_graph
    nodes = [node_of("grad", x) for x in inputs]
    pairs = seeds("grad", as_tuple(outputs), grad_outputs, create_graph)
    found = tape.backpropagate(pairs, nodes, create_graph, retain)
    result: list[Any] = []
    for i, node in enumerate(nodes):
        g = found.get(node)
        if g is None and not allow_unused:
            raise RuntimeError(
                f"grad: the outputs don't depend on input {i} (shape {node.shape}); pass allow_unused=True "
                "to get None for it"
            )
        if g is None or isinstance(g, Value):
            result.append(g)
        else:
            result.append(tape.wrap(g if g.__class__ is float else np.asarray(g), None))
    return tuple(result)
