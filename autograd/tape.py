"""The tape: what was computed, and the loop that runs it backwards.

Every value that needs a gradient carries a `Node`. A node knows the nodes it was computed from, and a
plan that says how the gradient of its output becomes gradients of its inputs. Serial numbers grow with
time, so "newest first" is an order in which every node comes before those it was computed from: the
backward pass is a loop over what waits, newest first, without recursion.

    a ──┐                      d loss/da = g_c * b
        mul ── c ── tanh ── loss
    b ──┘                      d loss/db = g_c * a

This file knows neither arrays nor numbers: a gradient is anything with `+` and, where broadcasting
could have happened, `.shape`, `.sum()` and `.reshape()`.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from heapq import heappop, heappush
from typing import Any, TypeVar

__all__ = ["Node", "Value", "backpropagate", "detect_anomaly", "enable_grad", "is_grad_enabled", "no_grad"]


class Value:
    """What flows through the tape: `data` (an array or a number) and the `node` that made it, or None
    when no gradient is wanted. Tensor and Scalar are its two faces."""

    __slots__ = ("data", "node", "__weakref__")
    data: Any
    node: Node | None


class Node:
    """One output of one recorded op, or a leaf (a value that the user made and wants a gradient of).

    serial   when it was made; also orders the backward pass
    plan     how to go back (op.Plan); None for a leaf
    parents  the nodes of the inputs that need a gradient
    saved    per parent, what its rule asked to keep; None once freed
    shape    of the output, to undo broadcasting; None for numbers and for a node of several outputs
    grad     the accumulated gradient of a leaf (or after retain_grad)
    values   (inputs, output) as explain shows them: always for numbers, on request for arrays
    extra    hooks and the like; None for nearly all nodes
    """

    __slots__ = ("serial", "plan", "parents", "saved", "shape", "grad", "values", "extra")
    serial: int
    plan: Any
    parents: tuple[Node, ...]
    saved: tuple[Any, ...] | None
    shape: tuple[int, ...] | None
    grad: Any
    values: tuple[Any, ...] | None
    extra: Extra | None


class Extra:
    """What few nodes have: hooks, a retained gradient, the lines of code that made them."""

    __slots__ = ("hooks", "retain", "where")

    def __init__(self) -> None:
        self.hooks: dict[int, Callable[[Any], Any]] = {}
        self.retain = False
        self.where: str | None = None


next_serial = itertools.count(1).__next__


def leaf(shape: tuple[int, ...] | None, value: Any = None) -> Node:
    """A node for a value that the user made."""
    node = Node()
    node.serial = next_serial()
    node.plan = node.grad = node.extra = None
    node.parents = node.saved = ()
    node.shape = shape
    node.values = None if value is None else ((), value)
    return node


# Which face shows data of a type: filled by tensor.py (ndarray) and scalar.py (float).
FACES: dict[type, type[Value]] = {}


def wrap(data: Any, node: Node | None) -> Value:
    """`data` behind its face, attached to `node`."""
    value = object.__new__(FACES[data.__class__])
    value.data = data
    value.node = node
    return value


# Modes -------------------------------------------------------------------------------------------
# One word per thread, tested once per op.

RECORD, WATCH, ANOMALY, TRACE = 1, 2, 4, 8


class Mode(threading.local):
    word = RECORD
    depth = 0  # how many transforms of autograd.func are running, one inside the other
    trace: Any = None  # with TRACE: who writes down what is computed (autograd/jit/trace.py)


mode = Mode()


class switched(contextlib.ContextDecorator):
    """Bits of the mode word set or cleared for a block, a function, or (as a decorator) each call."""

    bits = 0
    on = True

    def __new__(cls, *given: Any) -> switched:
        """`@no_grad` above a function means `@no_grad()`."""
        self = super().__new__(cls)
        return self(given[0]) if given and callable(given[0]) else self

    def __enter__(self) -> None:
        # A stack per object: the same object may be entered again inside itself (as a decorator).
        self.__dict__.setdefault("before", []).append(mode.word)
        mode.word = mode.word | self.bits if self.on else mode.word & ~self.bits

    def __exit__(self, *exception: object) -> None:
        mode.word = self.__dict__["before"].pop()

    def _recreate_cm(self) -> switched:
        return type(self)()


class no_grad(switched):
    """Nothing computed inside is recorded.

    >>> import autograd
    >>> w = autograd.tensor([1.0, 2.0], requires_grad=True)
    >>> with autograd.no_grad():
    ...     (w * 2).requires_grad
    False
    """

    bits, on = RECORD, False


class enable_grad(switched):
    """Recording is on inside, also within `no_grad`."""

    bits, on = RECORD, True


class watching(switched):
    """Nodes made inside also keep their inputs and outputs, for `autograd.explain`."""

    bits, on = WATCH, True


class detect_anomaly(switched):
    """The first NaN, forward or backward, raises an error that names its op and line.

    >>> import autograd
    >>> x = autograd.tensor([-1.0], requires_grad=True)
    >>> with autograd.detect_anomaly():
    ...     y = x.log()
    Traceback (most recent call last):
        ...
    autograd.tape.AnomalyError: log made the first NaN (1 of 1 elements; inputs had none) ...
    """

    bits, on = ANOMALY, True


class AnomalyError(RuntimeError):
    """A NaN, found by `detect_anomaly`."""


def is_grad_enabled() -> bool:
    """Whether ops are being recorded in this thread."""
    return bool(mode.word & RECORD)


class set_grad_enabled(switched):
    """Turn recording on or off: at once when called, until the block's end in `with`."""

    bits = RECORD

    def __init__(self, flag: bool) -> None:
        self.on = bool(flag)
        self.__dict__["before"] = [mode.word]
        mode.word = mode.word | RECORD if self.on else mode.word & ~RECORD

    def __enter__(self) -> None:
        pass

    def _recreate_cm(self) -> set_grad_enabled:  # typeshed says Self
        return type(self)(self.on)


def traced_constant(array: Any) -> Any:
    """`array`, which does not depend on any data: a program may keep it."""
    if mode.word & TRACE:
        mode.trace.constant(array)
    return array


Method = TypeVar("Method", bound=Callable[..., Any])


def replayed(method: Method) -> Method:
    """Decorate a method that changes only Python's own state, and that independently of any data (the step of
    a schedule): a program calls it again at each replay."""

    @functools.wraps(method)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        if mode.word & TRACE:
            return mode.trace.effect(method, self, args, kwargs)
        return method(self, *args, **kwargs)

    return call  # type: ignore[return-value]


class Bindings:
    """Counts the times that an attribute of a module was set, a hook added or removed, a gradient wanted or
    no more: programs look whether it moved."""

    count = 0


bindings = Bindings()

# Writes in place ---------------------------------------------------------------------------------
# Every write takes a serial number like a node's. A saved array that was written after its node was
# made is stale: no counter has to be copied into each node.

writes: dict[int, int] = {}
last_write = 0  # nodes made after it, as all are where only optimisers write, need no look at `writes`


def storage(array: Any) -> int:
    """The identity of the memory behind an array, the same for all of its views."""
    while type(array.base) is type(array):
        array = array.base
    return id(array)


def written(array: Any) -> None:
    """Note that an array (and so every view of its storage) is being written in place."""
    stamp((storage(array),))


def stamp(storages: Iterable[int]) -> None:
    """`written` for the arrays behind these storages, all at once."""
    global last_write
    if mode.word & TRACE:
        storages = tuple(storages)
        mode.trace.check_written(storages)
    if len(writes) > 100_000:  # ids of arrays that died: forgetting the oldest half keeps this bounded
        for key in sorted(writes, key=writes.__getitem__)[: len(writes) // 2]:
            del writes[key]
    last_write = next_serial()
    writes.update(dict.fromkeys(storages, last_write))


def refuse_stale(node: Node) -> None:
    """Raise if an array that a node saved was written since."""
    for array in arrays_in(node.saved):
        if writes.get(storage(array), 0) > node.serial:
            raise RuntimeError(
                f"an array that {node.plan.op.name} saved for its backward pass (shape {tuple(array.shape)}) "
                "was written in place since; do not write to it between forward and backward, or give the op "
                "a copy (x.clone())"
            )


def arrays_in(saved: Any) -> Iterator[Any]:
    """The arrays in (tuples and lists of) what a node saved; an index is such a tuple."""
    for value in saved or ():
        if value.__class__ is tuple or value.__class__ is list:
            yield from arrays_in(value)
        elif value.__class__ in FACES and hasattr(value, "base"):
            yield value


# The backward pass -------------------------------------------------------------------------------


AS_IT_IS = contextlib.nullcontext()


def backpropagate(
    seeds: Iterable[tuple[Node, Any]],
    wanted: Iterable[Node] | None = None,
    create_graph: bool = False,
    retain_graph: bool = False,
) -> dict[Node, Any]:
    """Run the tape backwards from `seeds`, pairs of a node and the gradient of its output.

    With `wanted`, only rules on the way to those nodes run and their gradients are returned; without,
    every leaf's gradient is returned. With `create_graph` gradients are Values that can be
    differentiated again; else they are plain arrays or numbers.
    """
    grads: dict[Node, Any] = {}
    # Nodes whose gradient is not complete until all newer ones ran. Most arrive newest last: those wait on
    # a stack, sorted by construction, and only the others in a heap.
    stack: list[Node] = []
    heap: list[tuple[int, Node]] = []
    for node, g in seeds:
        if node in grads:
            grads[node] = grads[node] + g
        else:
            grads[node] = g
            if node.plan is not None:
                if stack and node.serial < stack[-1].serial:
                    heappush(heap, (-node.serial, node))
                else:
                    stack.append(node)
    # `useful` nodes lie on a way to a wanted one: only their rules run, and only towards `useful` or wanted.
    goal = None if wanted is None else set(wanted)
    useful = None if goal is None else reaching(goal, grads)
    anomaly = mode.word & ANOMALY
    found: dict[Node, Any] = {}
    # A program is traced through the rules that are written in ops, with nothing recorded.
    tracing = not create_graph and mode.word & TRACE
    with enable_grad() if create_graph else no_grad() if tracing else AS_IT_IS:
        while stack or heap:
            if heap and (not stack or -heap[0][0] > stack[-1].serial):
                node = heappop(heap)[1]
            else:
                node = stack.pop()
            g = grads.pop(node)
            if node.extra is not None:
                g = run_hooks(node, g)
            if goal is not None:
                if node in goal:
                    found[node] = g
                if node not in useful:  # type: ignore[operator]
                    continue
            plan, saved = node.plan, node.saved
            if saved is None:
                raise freed_error(node)
            if node.serial < last_write:
                refuse_stale(node)
            if create_graph or tracing:
                saved, rules = plan.lift(node), mode.trace.rules_of(plan) if tracing else plan.graph
            else:
                rules = plan.raw
            edges: Iterable[tuple[Node, Any, Any]]
            if rules is None:
                pairs = zip(node.parents, plan.gradients(node, g, create_graph))  # noqa: B905 (as below)
                edges = ((p, constant, (gx,)) for p, gx in pairs)
            else:
                edges = zip(node.parents, rules, saved)  # noqa: B905 (equal by construction)
            if useful is not None:
                edges = [edge for edge in edges if edge[0] in useful or edge[0] in goal]  # type: ignore
            for parent, rule, kept in edges:
                try:
                    gx = rule(g, *kept)
                except ZeroDivisionError:
                    gx = ieee(rule, g, kept)
                if gx is None:
                    continue
                shape = parent.shape
                if shape is not None and gx.shape != shape:
                    gx = unbroadcast(gx, shape)
                if parent in grads:
                    grads[parent] = grads[parent] + gx
                else:
                    grads[parent] = gx
                    if parent.plan is None:
                        pass  # a leaf: its gradient waits in `grads` till the end
                    elif not stack or parent.serial > stack[-1].serial:
                        stack.append(parent)
                    else:
                        heappush(heap, (-parent.serial, parent))
                if anomaly:
                    refuse_nan_gradient(node, gx)
            if not retain_graph:
                node.saved = None
        for node, g in grads.items():  # what is left are leaves
            if node.extra is not None:
                g = run_hooks(node, g)
            if goal is None or node in goal:
                found[node] = g
    return found


def ieee(rule: Any, g: Any, kept: tuple[Any, ...]) -> float:
    """A rule on Python numbers where they refuse to divide by 0: infinity or NaN, as arrays give."""
    import numpy as np

    with np.errstate(all="ignore"):
        return float(rule(np.float64(g), *(np.float64(x) if isinstance(x, float) else x for x in kept)))


def constant(g: Any, gx: Any) -> Any:
    """The rule of an edge whose gradient is known already."""
    return gx


def freed_error(node: Node) -> RuntimeError:
    return RuntimeError(
        f"backward through {node.plan.op.name} a second time: its saved values were freed by the first "
        "backward; pass retain_graph=True there, or compute the output again"
    )


def sum_method(g: Any, axes: tuple[int, ...]) -> Any:
    return g.sum(axes)


summed: Callable[[Any, tuple[int, ...]], Any] = sum_method  # ops/reduce.py puts its own in this place


def unbroadcast(g: Any, shape: tuple[int, ...]) -> Any:
    """Sum a gradient over the axes along which an input of `shape` was repeated."""
    extra = len(g.shape) - len(shape)
    axes = tuple(range(extra)) + tuple(
        extra + i for i, length in enumerate(shape) if length == 1 and g.shape[extra + i] != 1
    )
    if axes:
        g = summed(g, axes)
    return g.reshape(shape)


def reaching(goal: set[Node], outputs: Iterable[Node]) -> set[Node]:
    """The nodes on a way from `outputs` to a node of `goal`, that node itself left out."""
    children: dict[Node, list[Node]] = {}
    oldest = min((node.serial for node in goal), default=0)
    stack, seen = list(outputs), set()
    while stack:
        node = stack.pop()
        if node in seen or node.serial < oldest:
            continue
        seen.add(node)
        for parent in node.parents:
            children.setdefault(parent, []).append(node)
            stack.append(parent)
    useful: set[Node] = set()
    stack = list(goal)
    while stack:
        for child in children.get(stack.pop(), ()):
            if child not in useful:
                useful.add(child)
                stack.append(child)
    return useful


def run_hooks(node: Node, g: Any) -> Any:
    extra = node.extra
    assert extra is not None
    for hook in list(extra.hooks.values()):
        replaced = hook(g)
        if replaced is not None:
            g = replaced
    if extra.retain:
        node.grad = g
    return g


# NaN explained -----------------------------------------------------------------------------------


def nan_count(data: Any) -> int:
    """How many elements of an array, number or Value are NaN."""
    data = getattr(data, "data", data) if isinstance(data, Value) else data
    unequal = data != data
    return int(unequal.sum()) if hasattr(unequal, "sum") else int(unequal)


# The folders of autograd and nn: their full paths, for a user's own folder may be called nn too.
PACKAGES = tuple(
    os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), name, "")
    for name in ("autograd", "nn")
)


def user_line() -> str:
    """The innermost line of the program that is not in this package."""
    for frame in reversed(traceback.extract_stack()):
        if not os.path.abspath(frame.filename).startswith(PACKAGES):
            return f"{frame.filename}:{frame.lineno}: {frame.line}"
    return "?"


def refuse_nan_output(name: str, inputs: Iterable[Any], output: Any) -> None:
    """Raise if an op made a NaN from inputs that had none."""
    if nan_count(output) and not any(
        nan_count(x) for x in inputs if isinstance(x, float) or hasattr(x, "dtype")
    ):
        size = getattr(output, "size", 1)
        raise AnomalyError(
            f"{name} made the first NaN ({nan_count(output)} of {size} elements; inputs had none) "
            f"at {user_line()}"
        )


def refuse_nan_gradient(node: Node, g: Any) -> None:
    if isinstance(g, Value) or hasattr(g, "dtype") or isinstance(g, float):
        bad = nan_count(g)
        if bad:
            where = node.extra.where if node.extra is not None else None
            raise AnomalyError(
                f"the backward rule of {node.plan.op.name} made the first NaN of the gradient ({bad} "
                f"elements); its forward ran at {where or 'a place outside detect_anomaly()'}"
            )
