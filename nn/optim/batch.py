"""Which parameters an optimiser updates in one call, and the arrays of that call."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from autograd import Tensor
from autograd.ops.update_kernel import Rows, kind
from autograd.tape import storage

__all__ = ["Batch", "Names", "Plan", "State"]

State = dict[str, Any]
Names = tuple[str | None, ...]

array = operator.attrgetter("data")


class Batch:
    """Parameters that one call updates, and their arrays as a kernel wants them.

    params    the parameters
    states    the state of each
    rows      the arrays of both: parameters, then a column per name (None: one the method does without)
    storages  the identity of the memory that is written
    fresh     whether a state was made for this batch; None after the first step
    """

    def __init__(
        self, params: list[Tensor], states: list[State], names: Names, fresh: list[bool] | None
    ) -> None:
        self.params = params
        self.states = states
        self.names = names
        self.fresh = fresh
        self.rows = Rows(
            [p.data for p in params],
            *(None if name is None else [state[name].data for state in states] for name in names),
        )
        self.storages = [storage(p.data) for p in params]

    def current(self) -> bool:
        """Whether the arrays are those that the parameters and states have now."""
        values, *columns = self.rows.columns
        if not same(map(array, self.params), values):
            return False
        try:
            for name, column in zip(self.names, columns, strict=True):
                if name is not None and not same([state[name].data for state in self.states], column):
                    return False
        except (KeyError, AttributeError):  # a state was taken away
            return False
        return True

    def gradients(self) -> list[np.ndarray]:
        return [p.node.grad.data for p in self.params]  # type: ignore[union-attr]

    def count(self) -> list[int]:
        """Write one more "step" into each state; return them."""
        steps = [state.get("step", 0) + 1 for state in self.states]
        for state, step in zip(self.states, steps, strict=True):
            state["step"] = step
        return steps


class Plan:
    """The batches of a group. Made once, good for as long as it `holds`: a step then looks at each array
    once instead of asking for its type, its strides and its address.

    Parameters are cut by type. What only NumPy can update, and parameters that share their memory (one must
    not be updated while another is), go apart. State that isn't there begins at zero.
    """

    def __init__(self, params: list[Tensor], states: list[State], names: Names) -> None:
        self.params = params
        self.states = states
        self.names = names
        given = [name for name in names if name is not None]
        fresh: list[bool] = []
        parts: dict[tuple[Any, int], list[int]] = {}
        seen: Counter[int] = Counter()
        for i, (p, state) in enumerate(zip(params, states, strict=True)):
            missing = [name for name in given if state.get(name) is None]
            fresh.append(bool(missing))
            for name in missing:
                state[name] = Tensor(np.zeros(p.shape, p.dtype))
            memory = storage(p.data)
            seen[memory] += 1
            key = (kind([p.data, *(state[name].data for name in given)]), seen[memory])
            parts.setdefault(key, []).append(i)
        self.batches = [
            Batch([params[i] for i in part], [states[i] for i in part], names, [fresh[i] for i in part])
            for part in parts.values()
        ]

    def holds(self, params: Sequence[Tensor], states: Sequence[State | None], names: Names) -> bool:
        """Whether it would be made the same again."""
        if names != self.names or len(params) != len(self.params):
            return False
        if not same(params, self.params) or not same(states, self.states):
            return False
        return all(batch.current() for batch in self.batches)


def same(some: Iterable[Any], others: Iterable[Any] | None) -> bool:
    """Whether two iterables of one length have the same objects."""
    return all(map(operator.is_, some, others or ()))
