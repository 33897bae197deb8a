"""What `@jit` makes of a function: it is captured once and replayed as a program."""

from __future__ import annotations

import functools
import threading
import warnings
from collections.abc import Callable, Sequence
from time import perf_counter
from types import FunctionType, MethodType
from typing import Any

import numpy as np

from autograd import kernels, tape
from autograd.jit.effects import forget_leaves, refuse_alias, refuse_arrays_made_inside, refuse_escapes
from autograd.jit.epochs import looped
from autograd.jit.names import arguments_of
from autograd.jit.program import Program
from autograd.jit.reach import Reach
from autograd.jit.scalar_call import ScalarCalls
from autograd.jit.scalars import noticed
from autograd.jit.sealed import JitError
from autograd.jit.structure import Place, arrays_of, copies, described, key_of, rebuilt, unwrapped
from autograd.jit.trace import Trace
from autograd.jit.undo import Undo
from autograd.jit.watch import Surroundings, Watch
from autograd.tape import ANOMALY, TRACE, WATCH, Value, mode
from autograd.tensor import Tensor

__all__ = ["Jitted"]

KEPT = 16  # programs of a function; the longest unused one goes
MANY = 8  # captures of a function, from which on it is told what keeps changing

captures = threading.RLock()  # one capture at a time


class Last:
    """A replay on plain tensors: the same program serves the next call if its tensors have these layouts.
    That takes a third of the time of making the key of a call and looking it up."""

    def __init__(self, word: int, settings: int, args: Any, program: Program, structure: Any) -> None:
        self.word, self.settings = word, settings
        self.layouts = [(x.data.shape, x.data.dtype) for x in args]
        self.count = len(args)
        self.program, self.structure = program, structure
        self.single = structure.__class__ is Place  # the result is one tensor
        self.holds = program.watch.holds

    @classmethod
    def after(cls, word: int, settings: int, args: Any, program: Program, structure: Any) -> Last | None:
        simple = all(x.__class__ is Tensor and x.node is None and x.data.flags.c_contiguous for x in args)
        return cls(word, settings, args, program, structure) if simple else None

    def of(self, word: int, settings: int, args: Any) -> list[np.ndarray] | None:
        """The arrays of a call that this program serves; None for any other."""
        if word != self.word or settings != self.settings or len(args) != self.count:
            return None
        arrays = []
        for x, (shape, dtype) in zip(args, self.layouts):  # noqa: B905 (as many: looked at above)
            if x.__class__ is not Tensor or x.node is not None:
                return None
            data = x.data
            if data.shape != shape or data.dtype is not dtype or not data.flags.c_contiguous:
                return None
            arrays.append(data)
        return arrays if self.holds() else None


class Jitted:
    """A function with its programs. Call it as the function; `programs` are those captured so far."""

    def __init__(self, function: Callable[..., Any]) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self.name = getattr(function, "__qualname__", type(function).__name__)
        self.programs: dict[Any, list[tuple[Program, Any]]] = {}
        self.seen: set[Any] = set()
        self.of_scalars: ScalarCalls | None = None  # how to call it, if it computes with Scalars
        self.last: Last | None = None  # the call before, if the next one can be told by it
        self.captured = 0
        self.last_key: Any = None

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """As a method: a jitted function of each object."""
        if instance is None:
            return self
        name = "_jitted_" + self.function.__name__
        bound = vars(instance).get(name)
        if bound is None:
            bound = vars(instance)[name] = Jitted(self.function.__get__(instance, owner))
        return bound

    def __reduce__(self) -> Any:
        """Copies and pickles are of the function: programs have addresses, a copy makes its own."""
        if isinstance(self.function, FunctionType):
            return self.function.__qualname__
        if isinstance(self.function, MethodType):
            return method_of, (self.function.__self__, self.function.__name__)
        return Jitted, (self.function,)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        word = mode.word
        if word & (TRACE | WATCH | ANOMALY) or not kernels.active:
            return self.function(*args, **kwargs)  # inside another program, or to be looked at
        if self.of_scalars is not None:
            return self.of_scalars(args, kwargs)
        settings = kernels.settings.count
        if self.last is not None and not kwargs:
            found = self.last.of(word, settings, args)
            if found is not None:
                last = self.last
                outputs = last.program(found)
                return outputs[0] if last.single else rebuilt(last.structure, outputs)
        arrays: list[np.ndarray] = []
        key = (word, settings, *(self.key(args, kwargs, arrays) if args or kwargs else ()))
        for program, structure in self.programs.get(key, ()):
            if program.watch.holds():
                self.last = None if kwargs else Last.after(word, settings, args, program, structure)
                return rebuilt(structure, program(arrays))
        return self.capture(key, args, kwargs)

    def loop(
        self,
        data: Sequence[Any],
        order: Any = None,
        *,
        batch_size: int,
        epochs: int = 1,
        turn: Callable[[int, int], Any] | None = None,
    ) -> Any:
        """Call this step on batches of a data set, many in one C call; its results, stacked.

        data        the arguments of the step: arrays or tensors (N, ...) of N samples, in memory
        order       None: as they are; "shuffle": a new order each epoch, drawn from the default generator;
                    or (N,) integers, the same each epoch, or (epochs, N)
        batch_size  samples a call; a last, smaller batch of an epoch has a call of its own
        turn        called as turn(done, total), in calls, at least every 100 ms: for progress; an exception
                    it raises (or Ctrl-C) ends the loop between two calls, with the state of that moment

        The results are those of `[step(*batch) for batch in ...]`: tensors with a first dimension of calls.
        Programs with steps in Python, or schedules inside, are called batch by batch.

        >>> import autograd, nn
        >>> w = nn.Parameter(autograd.zeros(1))
        >>> optimizer = nn.optim.SGD([w], lr=0.1)
        >>> @autograd.jit
        ... def step(x):
        ...     optimizer.zero_grad()
        ...     loss = ((w - x) ** 2).mean()
        ...     loss.backward()
        ...     optimizer.step()
        ...     return loss
        >>> losses = step.loop([autograd.ones(8, 1)], batch_size=4, epochs=20)
        >>> losses.shape, round(w.item(), 3)
        ((40,), 1.0)
        """
        return looped(self, data, order, batch_size, epochs, turn)

    def key(self, args: Any, kwargs: Any, arrays: list[np.ndarray]) -> tuple[Any, ...]:
        """What of the arguments a program depends on; their arrays are collected."""
        return (*(key_of(x, arrays) for x in args), *((k, key_of(x, arrays)) for k, x in kwargs.items()))

    def ready(self, arrays: Sequence[np.ndarray], batch_size: int) -> tuple[Program, Any] | None:
        """The program (and the structure of its result) for batches of this data, if it is captured."""
        batch = [Tensor(x[:batch_size]) for x in arrays]
        key = (mode.word, kernels.settings.count, *self.key(batch, {}, []))
        for entry in self.programs.get(key, ()):
            if entry[0].watch.holds():
                return entry
        return None

    @property
    def program(self) -> Program:
        """The program of the last capture."""
        found = [entry for entries in self.programs.values() for entry in entries]
        if not found:
            raise JitError(f"{self.name}: not captured yet; call it twice")
        return found[-1][0]

    def __repr__(self) -> str:
        count = sum(map(len, self.programs.values()))
        return f"<jitted {self.name}: {count} program{'s' if count != 1 else ''}>"

    # Capture -------------------------------------------------------------------------------------

    def capture(self, key: Any, args: Any, kwargs: Any) -> Any:
        """Run the function: as ever the first time (state is made then), writing it down the second."""
        if key not in self.seen:
            self.seen.add(key)
            with noticed() as here:
                result = self.function(*args, **kwargs)
                if here.used:
                    self.of_scalars = ScalarCalls(self)
            return result
        with captures, noticed():
            return self.trace(key, args, kwargs)

    def prepare(self, *args: Any, **kwargs: Any) -> bool:
        """Capture a program for arguments like these, without effect: state is put back as it was. So the
        next call is a replay. False where that can't be (SGD's dampening treats the first step in another
        way), or where calls run eagerly anyway.

        >>> import autograd
        >>> total = autograd.zeros(2)
        >>> @autograd.jit
        ... def add(x):
        ...     total.add_(x)
        >>> add.prepare(autograd.ones(2)), total.tolist()
        (True, [0.0, 0.0])
        >>> add(autograd.ones(2))
        >>> total.tolist()
        [1.0, 1.0]
        """
        if mode.word & (TRACE | WATCH | ANOMALY) or not kernels.active:
            return False
        key = (mode.word, kernels.settings.count, *self.key(args, kwargs, []))
        self.seen.add(key)
        if not any(program.watch.holds() for program, _ in self.programs.get(key, ())):
            undo = Undo()
            with captures:
                try:
                    self.trace(key, args, kwargs, undo)
                finally:
                    undo.restore()
        return any(program.watch.holds() for program, _ in self.programs.get(key, ()))

    def trace(self, key: Any, args: Any, kwargs: Any, undo: Undo | None = None) -> Any:
        trace, start = Trace(undo), perf_counter()
        arguments = arguments_of(self.function, args, kwargs)
        given = arrays_of((args, kwargs))
        args, kwargs = copies((args, kwargs), trace)
        reach = Reach(self.function)
        surroundings = Surroundings(reach)
        mode.word, mode.trace = mode.word | TRACE, trace
        try:
            result = self.function(*args, **kwargs)
        finally:
            mode.word, mode.trace = mode.word & ~TRACE, None
            trace.unseal()
        if trace.fresh:  # state began with this call: the next one is like all others
            return unwrapped(result)
        structure, outputs = described(result, trace.operand)
        plain = unwrapped(result)
        del result, args, kwargs
        forget_leaves(trace.began, trace.grads, trace.entry_grads, trace.emptied)
        refuse_escapes(trace.tensors, trace.grads.values())
        refuse_arrays_made_inside(trace.memory.buffers)
        for x in given:
            if tape.storage(x) in trace.recorded:
                refuse_alias(x)
        surroundings.refuse_changes()
        trace.attributes.refuse_changes(reach.seen)
        tensors, optimizers = self.closed_over(trace, reach)
        grads = [(n, g) for n, g in trace.entry_grads.items() if g is not trace.MISSING]
        rates = not reach.words.isdisjoint(("param_groups", "get_last_lr"))
        watch = Watch(surroundings, tensors, trace.modules, grads, optimizers, rates)
        program = Program(trace, outputs, watch, self.name)
        program.function, program.arguments = self.function, arguments
        program.capture_seconds = perf_counter() - start
        entries = self.programs.setdefault(key, [])
        entries[:] = [entry for entry in entries if entry[0].watch.holds()] if len(entries) > 3 else entries
        entries.append((program, structure))
        self.note(key)
        del trace
        kernels.give_back()  # what the capture computed in
        return plain

    def closed_over(self, trace: Trace, reach: Reach) -> tuple[list[Value], list[Any]]:
        """The tensors whose memory the program has, as far as they can be found, and the optimisers."""
        found: dict[int, Value] = {}
        optimizers = [entry[2] for entry in trace.host if entry[0] == "update"]
        batches = [entry[3] for entry in trace.host if entry[0] == "update"]
        stack: list[Any] = [*reach.objects, *trace.modules]
        for module in trace.modules:
            stack += vars(module).values()
        for batch in batches:
            stack += batch.params
            stack += [x for state in batch.states for x in state.values()]
        optimizers += [x for x in reach.objects if hasattr(x, "param_groups") and hasattr(x, "memories")]
        for x in stack:
            if (
                isinstance(x, Value)
                and isinstance(x.data, np.ndarray)
                and trace.memory.find(x.data) is not None
            ):
                found[id(x)] = x
        return list(found.values()), optimizers

    def note(self, key: Any) -> None:
        """Forget programs beyond KEPT; say what keeps changing where captures are many."""
        self.captured += 1
        if len(self.programs) > KEPT:
            self.programs.pop(next(iter(self.programs)))
        if self.captured == MANY and self.last_key is not None:
            warnings.warn(
                f"jit: {self.name} was captured {MANY} times; what changed last: "
                f"{difference(self.last_key, key)}. Pass numbers that change as tensors, and batches of one "
                "shape",
                stacklevel=4,
            )
        self.last_key = key


def method_of(instance: Any, name: str) -> Jitted:
    """The jitted method of an object whose function has this name."""
    found = (x for kind in type(instance).__mro__ for x in vars(kind).values() if isinstance(x, Jitted))
    return next(x.__get__(instance) for x in found if x.function.__name__ == name)  # type: ignore[no-any-return]


def difference(old: Any, new: Any) -> str:
    """Where two keys differ, in words."""
    if old[0] != new[0]:
        return "whether gradients are recorded"
    if old[1] != new[1]:
        return "the threads or the instruction set"
    for i, (a, b) in enumerate(zip(old[2:], new[2:], strict=False)):
        if a != b:
            return f"argument {i}, from {a} to {b}"
    return "what the function closes over"
