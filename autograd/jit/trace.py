"""The capture: a function runs once, as ever, and every op writes down what it computed.

While it runs (`Tracing`) the mode word says TRACE, so the doors report each call to `mode.trace`. Values are
there (the run is a real one), so shapes, errors and random draws are those of any other run; what must not
happen is that a *value* decides what the program is. Whoever asks for one is refused, with the line.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd import tape
from autograd.jit.effects import Attributes, refuse_masks
from autograd.jit.gradients import rules_of
from autograd.jit.graph import HELD, INPUT, MADE, Array, Buffer, Memory, Operand, Step, owner_of
from autograd.jit.sealed import DATA, JitError, Traced, refuse, refuse_draw, refuse_value, user_line
from autograd.jit.undo import Undo
from autograd.jit.update import Update
from autograd.op import REGISTRY, Op, cast
from autograd.op import copy_ as COPY
from autograd.tape import Node, Value
from autograd.tensor import Tensor

__all__ = ["Trace"]

# Fused ops whose kernels programs run; the others are traced as the ops they are made of.
KNOWN = frozenset(["standardize", "cross_entropy", "attention", "rnn_tanh", "rnn_relu", "gru", "lstm"])
MISSING: Any = object()  # a .grad that was set before it was read


class Trace:
    """What was computed, in order."""

    def __init__(self, undo: Undo | None = None) -> None:
        self.undo = undo
        self.began = tape.next_serial()  # nodes that were there before have lower numbers
        self.memory = Memory()
        self.steps: list[Step] = []
        self.host: list[tuple[Any, ...]] = []  # what Python does at each replay, in order
        self.tensors: list[weakref.ref[Any]] = []
        self.modules: list[Any] = []
        self.attributes = Attributes()
        self.recorded: set[int] = set()  # ids of owners of memory that steps write in place
        self.place: tuple[Any, int, int] | None = None  # the generator of the next draw
        self.grads: dict[Node, Any] = {}  # leaves whose .grad was set inside
        self.given: list[Value] = []  # the arguments that want a gradient
        self.entry_grads: dict[Node, Any] = {}  # .grad as it was, of leaves that were added to
        self.updating: tuple[Any, Any, Any] | None = None  # optimizer, batch and group of the present update
        self.before: dict[Node, Any] = {}  # gradients that were there, which nobody else may hold after
        self.emptied: dict[Node, None] = {}  # leaves whose .grad was set to None inside

    # Operands ------------------------------------------------------------------------------------

    def operand(self, array: Array) -> Operand:
        """What an array is in this trace: memory met for the first time is held."""
        found = self.memory.find(array)
        return found if found is not None else self.memory.add(array, HELD, user_line())

    def constant(self, array: Array) -> None:
        """Note that an array made inside depends on no data."""
        if array.__class__ is np.ndarray and array.size:
            found = self.memory.find(array)
            (found or self.memory.add(array, HELD)).buffer.constant = found is None

    def copy_of(self, source: Array, made: Array) -> None:
        """`made` was copied (and perhaps cast) from `source`."""
        if made.size:
            reads = [self.operand(source)]
            attributes = {} if source.dtype == made.dtype else {"dtype": made.dtype}
            record = REGISTRY["cast" if attributes else "copy"]
            self.add(Step(record.name, reads, [self.memory.add(made, MADE)], attributes, record=record))

    def input(self, array: Array) -> Operand:
        return self.memory.add(array, INPUT)

    def add(self, step: Step) -> None:
        step.number = len(self.steps)
        step.where = step.where or user_line()
        self.steps.append(step)

    rules_of = staticmethod(rules_of)

    # What the doors report -----------------------------------------------------------------------

    def record(
        self,
        op: Op,
        results: Sequence[Value],
        inputs: Sequence[Any],
        outputs: Sequence[Any],
        attributes: dict[str, Any],
    ) -> None:
        """A call of an op."""
        if outputs[0].__class__ is float:
            return
        for value in results:
            self.mark(value)
        if op.fused:
            return  # fused_forward() wrote it down
        written = [out for out in outputs if out.size and not self.is_view(out, inputs)]
        if not written:
            return
        if len(written) < len(outputs) and any(out.size for out in outputs if out not in written):
            raise JitError(f"{op.name} gave both views and new arrays, which no program can hold")
        self.call(op, inputs, outputs, attributes)

    def is_view(self, out: Array, inputs: Sequence[Any]) -> bool:
        if self.memory.find(out) is not None:
            return True
        for x in inputs:
            if x.__class__ is np.ndarray and np.may_share_memory(x, out):
                self.operand(x)
                return True
        return False

    def call(
        self, op: Op, inputs: Sequence[Any], outputs: Sequence[Array], attributes: dict[str, Any]
    ) -> None:
        """A step that is one call of an op; arrays among its attributes are read like inputs."""
        reads = [self.operand(x) if x.__class__ is np.ndarray else x for x in inputs]
        kept = {name: self.attribute(value) for name, value in attributes.items()}
        if "key" in kept:
            refuse_masks(kept["key"])
        writes = [self.memory.add(out, MADE) for out in outputs]
        self.add(Step(op.name, reads, writes, kept, record=op))

    def attribute(self, value: Any) -> Any:
        if value.__class__ is np.ndarray:
            return self.operand(value) if value.size else value
        if value.__class__ in (tuple, list):
            return value.__class__(self.attribute(v) for v in value)
        return value

    def mark(self, value: Value) -> None:
        """Seal a tensor that was made inside."""
        if value.__class__ is Tensor:
            value.__class__ = Traced
            self.tensors.append(weakref.ref(value))

    def knows(self, op: Op, attributes: dict[str, Any]) -> bool:
        """Whether programs have kernels for a fused op (else it is traced as what it is made of)."""
        if attributes.get("momentum") is not None:
            for x in attributes.get("running") or ():
                self.writing(x)
        return op.name in KNOWN

    def fused_forward(
        self,
        op: Op,
        arrays: Sequence[Any],
        outs: Sequence[Array],
        saved: tuple[Any, ...],
        attributes: dict[str, Any],
    ) -> None:
        """A fused op's kernel; what it saved is written by the same step."""
        given = [x for x in arrays if x.__class__ is np.ndarray]
        made = list(outs)
        for x in saved:
            if x.__class__ is np.ndarray and x.size and self.memory.find(x) is None:
                if any(np.may_share_memory(x, known) for known in given):
                    continue
                if not any(np.may_share_memory(x, y) for y in made):
                    made.append(x)
                elif x.size > made[0].size:
                    made[0] = x  # the loss is a view of the result, (2,)
        reads = [self.operand(x) if x.__class__ is np.ndarray else x for x in arrays]
        kept = {name: self.attribute(v) for name, v in attributes.items()}
        writes = [self.memory.add(x, MADE) for x in made]
        kept["saved"] = self.attribute(saved)
        reads += [x for x in kept["saved"] if x.__class__ is Operand and x not in reads and x not in writes]
        for running in attributes.get("running") or ():
            if attributes.get("momentum") is not None:
                writes.append(self.operand(running))
        self.add(Step(op.name, reads, writes, kept, record=op))

    def fused_backward(
        self, op: Op, backward: Callable[..., Any], g: Any, saved: tuple[Any, ...], needs: tuple[bool, ...]
    ) -> list[Any]:
        """The kernel that goes back through a fused op; its gradients as Values."""
        arrays = [None if x is None else x.data for x in (g if op.several else [g])]
        result = backward(arrays if op.several else arrays[0], saved, needs)
        made = [gx for gx in result if gx is not None]
        reads: list[Any] = [None if x is None else self.operand(x) for x in arrays]
        kept = self.attribute(saved)
        reads += [x for x in kept if x.__class__ is Operand]
        writes = [self.memory.add(gx, MADE) for gx in made]
        kept_places = {"saved": kept, "results": [None if gx is None else self.operand(gx) for gx in result]}
        self.add(Step(op.name + "_backward", reads, writes, kept_places))
        values = [None if gx is None else tape.wrap(gx, None) for gx in result]
        for value in values:
            if value is not None:
                self.mark(value)
        return values

    # Writes of state -----------------------------------------------------------------------------

    def assign(self, array: Array, key: Any, source: Any) -> None:
        place = array[key] if key is not Ellipsis else array
        if place.__class__ is not np.ndarray:  # one element
            place = array[(*key, None)] if key.__class__ is tuple else array[key, None]
        if not np.may_share_memory(place, array):
            refuse("assignment to places given by an array", "use autograd.where or scatter_add")
        self.write(place, source)

    def writing(self, array: Array) -> None:
        """Memory that was there before is about to be written by a step."""
        self.recorded.add(id(owner_of(array)))
        buffer = self.operand(array).buffer
        if buffer.constant:
            self.begin_anew(buffer)
        elif self.undo is not None:
            self.undo.keep(array)

    def begin_anew(self, buffer: Buffer) -> None:
        """A constant made inside is about to be written: each replay begins with its values again."""
        values = buffer.array
        assert values is not None
        buffer.kind, buffer.constant = MADE, False
        whole = self.operand(values)
        first = self.memory.add(values.copy(), HELD)
        first.buffer.constant = True
        self.steps.insert(0, Step("assign", [first], [whole], where=user_line(), in_place=True))

    def write(self, place: Array, source: Any) -> None:
        """place[...] = source, about to be done."""
        target = self.operand(place)
        if target.buffer.kind == INPUT:
            refuse("writing into an argument", "return the new value, or close over a tensor that holds it")
        self.writing(place)
        read = self.operand(source) if source.__class__ is np.ndarray and source.size else source
        if source.__class__ is np.ndarray and source.ndim == 0 and not source.flags.writeable:
            read = source.item()
        self.add(Step("assign", [read], [target], in_place=True))

    def check_written(self, storages: Sequence[int]) -> None:
        """Refuse writes that no step describes."""
        for key in storages:
            if key not in self.recorded:
                refuse(
                    "writing in place by NumPy",
                    "the program could not repeat it; use an in-place method of the tensor (copy_, add_ ...) "
                    "or an optimizer of nn.optim on contiguous parameters",
                )

    def set_grad(self, node: Node, value: Any) -> None:
        """`.grad` is about to be set by the program."""
        if self.undo is not None:
            self.undo.keep_grad(node)
        if node not in self.entry_grads:
            self.entry_grads[node], self.before[node] = MISSING, node.grad
        if value is None:
            self.emptied[node] = None
            self.grads.pop(node, None)
        else:
            self.grads[node] = value

    def accumulate(self, node: Node, g: Value) -> None:
        """Add to a leaf's .grad: as a new value, or into the memory of a gradient that was there before."""
        if any(x.node is node for x in self.given):
            refuse(
                "backward() into the .grad of an argument",
                "arguments are copies; take autograd.grad(loss, x) and return it, or use x.detach()",
            )
        if self.undo is not None:
            self.undo.keep_grad(node)
        old: Any = node.grad
        self.entry_grads.setdefault(node, old)
        if old is None:
            node.grad = self.owned(g)
            self.grads[node] = node.grad
        elif self.entry_grads.get(node) is old:
            before: Any = old
            with tape.no_grad():
                before.copy_(before.detach() + g)
        else:
            node.grad = self.grads[node] = old + g

    def owned(self, g: Value) -> Any:
        """`g`, or a copy where its memory is not its own or in another order."""
        data = g.data
        found = self.memory.find(data)
        taken = any(
            other is not None and np.may_share_memory(other.data, data) for other in self.grads.values()
        )
        if found is None or found.buffer.kind != MADE or taken or not data.flags.c_contiguous:
            return COPY(g)
        return g

    def update(
        self,
        kernel: int,
        rows: Any,
        grads: Sequence[Array],
        steps: Sequence[int] | None,
        sizes: Sequence[int],
        values: Sequence[float],
    ) -> list[Array]:
        """An optimiser's update, about to be done; returns the gradients as the kernel takes them."""
        if self.updating is None:
            refuse("an update outside Optimizer.step()", "call it through an optimizer")
        optimizer, batch, group = self.updating
        grads = [g if g.flags.c_contiguous else self.copied(g) for g in grads]
        update = Update(kernel, rows, sizes, values)
        update.steps = None if steps is None else np.array(steps, np.int64)
        update.states = batch.states
        update.counted = any("step" in state for state in batch.states)
        update.version = update.coded = group.version
        update.fresh = batch.fresh is not None and any(batch.fresh)
        columns = [c for c in rows.columns if c is not None]
        written = [self.operand(a) for column in columns for a in column]
        for column in columns:
            for a in column:
                self.writing(a)
        if self.undo is not None:
            update.begin_again(self.undo)
        reads: list[Any] = [self.operand(g) for g in grads]
        self.add(
            Step("update", [*reads, *written], written, {"update": update, "grads": reads}, in_place=True)
        )
        self.host.append(("update", update, optimizer, batch, group))
        return grads

    def copied(self, array: Array, dtype: Any = None) -> Array:
        """A C-contiguous copy, of another type if one is given, as a step."""
        value = tape.wrap(array, None)
        if dtype is not None and dtype != array.dtype:
            value = cast(value, dtype)
        if not value.data.flags.c_contiguous:
            value = COPY(value)
        return DATA.__get__(value, Tensor)  # type: ignore[no-any-return]

    def clip(self, grads: Sequence[Array], norm: Array, keep: bool, max_norm: float) -> None:
        """All gradients, about to be clipped by the kernel."""
        operands = [self.operand(g) for g in grads]
        for g in grads:
            self.writing(g)
        result = self.memory.add(norm, MADE)
        attributes = {"grads": operands, "norm": result, "keep": keep, "max_norm": max_norm}
        self.add(Step("clip", list(operands), [result, *operands], attributes, in_place=True))

    def require_finite(self, array: Array) -> None:
        """A step that stops the program."""
        self.add(Step("require_finite", [self.operand(array)], [], in_place=True))

    # Random numbers and Python's own state ---------------------------------------------------------

    def taken(self, generator: Any, count: int, itemsize: int) -> None:
        self.place = (generator, count, itemsize)
        if self.undo is not None:
            self.undo.keep_offset(generator, count, itemsize)

    def drawn(self, real: np.dtype[Any], out: Array, sizes: Sequence[int], values: Sequence[float]) -> None:
        assert self.place is not None
        generator, count, itemsize = self.place
        attributes = {"real": real, "sizes": tuple(sizes), "values": tuple(values), "draw": len(self.host)}
        self.host.append(("draw", generator, count, itemsize))
        self.add(Step("random", [], [self.memory.add(out, MADE)], attributes))

    def effect(self, method: Callable[..., Any], owner: Any, args: Any, kwargs: Any) -> Any:
        """A change of Python's own state, done now and at each replay."""
        if any(isinstance(x, Value) for x in (*args, *kwargs.values())):
            refuse(f"{method.__name__}() of a tensor", "call it outside, with a number")
        self.host.append(("effect", method, owner, args, kwargs))
        return None if self.undo is not None else method(owner, *args, **kwargs)

    # The end -------------------------------------------------------------------------------------

    MISSING = MISSING
    refuse = staticmethod(refuse)
    refuse_value = staticmethod(refuse_value)
    refuse_draw = staticmethod(refuse_draw)

    def refuse_index(self, index: Array) -> None:
        """An index of no dimensions is a number; all that is known of it is its value in this run."""
        found = self.memory.find(index)
        if found is None or not found.buffer.constant:
            refuse_value("an index that is a tensor without dimensions (give it one: i.reshape(1))")

    @property
    def fresh(self) -> bool:
        """Whether an optimiser made state in this run."""
        return any(entry[0] == "update" and entry[1].fresh for entry in self.host)

    def unseal(self) -> None:
        """Make the tensors that are still there plain ones."""
        for ref in self.tensors:
            value = ref()
            if value is not None:
                value.__class__ = Tensor
