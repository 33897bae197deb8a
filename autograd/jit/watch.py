"""What must still be so for a program to stand for its function: its guards.

A program has the addresses of the tensors it closed over, and the behaviour of the modules, the optimisers
and the Python values of the time it was captured. `holds` looks, in a microsecond or two, whether all are
what they were.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from typing import Any

from autograd import tape
from autograd.jit.reach import MISSING, Reach, filled, plain
from autograd.jit.sealed import JitError
from autograd.tape import Value

__all__ = ["Surroundings", "Watch"]

array = operator.attrgetter("data")
contents = operator.attrgetter("cell_contents")


class Surroundings:
    """The Python values that a function's code names, and whether they are what they were; those in lists,
    dicts and objects only if `inside`."""

    def __init__(self, reach: Reach, inside: bool = True) -> None:
        self.cells = [cell for cell in reach.cells if filled(cell)]
        self.cell_values = list(map(contents, self.cells))
        self.names = list(filter(bound, reach.names))
        self.globals = [Globals(space, names) for space, names in by_space(self.names)]
        words = reach.words
        self.spaces: list[Any] = [
            *((x, None) for x in reach.containers),
            *((vars(x), named) for x in reach.instances if (named := words & vars(x).keys())),
        ]
        self.spaces = self.spaces if inside else []
        self.entries = [entries(*space) for space in self.spaces]

    def hold(self) -> bool:
        cells, values = self.cells, self.cell_values
        same = all(map(operator.is_, map(contents, cells), values))  # nearly always, so asked first
        if not same and not held(list(map(contents, cells)), values):
            return False
        for names in self.globals:
            if not held(names.now(), names.values):
                return False
        if self.spaces:
            for space, before in zip(self.spaces, self.entries, strict=True):
                if not held(entries(*space), before):
                    return False
        return True

    def refuse_changes(self) -> None:
        """Refuse numbers that the function itself changed: a replay would not. Lists that it added to (notes
        of a capture) are watched no more."""
        for cell, value in zip(self.cells, self.cell_values, strict=True):
            refuse_change("a variable that it closes over", cell.cell_contents, value)
        for names in self.globals:
            for name, now, value in zip(names.names, names.now(), names.values, strict=False):
                refuse_change(f"the global {name}", now, value)
        kept = []
        for space, before in zip(self.spaces, self.entries, strict=True):
            after = entries(*space)
            if not isinstance(space[0], list) and len(after) == len(before):
                for now, value in zip(after, before, strict=True):
                    refuse_change("an attribute or an entry of a dict", now, value)
            if held(after, before):
                kept.append((space, before))
        self.spaces, self.entries = [space for space, _ in kept], [before for _, before in kept]


def refuse_change(what: str, now: Any, before: Any) -> None:
    if plain(now) and plain(before) and not held([now], [before]):
        raise JitError(
            f"a jitted function changed {what} from {before!r:.60} to {now!r:.60}: a replay would not do it "
            "again; do it outside, or keep numbers that change in a tensor and write that in place (add_)"
        )


def entries(space: Any, named: Any) -> list[Any]:
    """What a list or dict holds; of an object's attributes, those that are named."""
    if isinstance(space, list):
        return list(space)
    return [*space, *space.values()] if named is None else [space.get(name, MISSING) for name in named]


def held(now: Sequence[Any], before: Sequence[Any]) -> bool:
    """Whether these are the same objects, or equal where they are plain values."""
    if len(now) == len(before) and all(map(operator.is_, now, before)):
        return True
    return len(now) == len(before) and all(
        x is y or (x.__class__ is y.__class__ and plain(x) and x == y)
        for x, y in zip(now, before, strict=True)
    )


class Globals:
    """Names in the globals of one module, and their values."""

    def __init__(self, space: dict[str, Any], names: list[str]) -> None:
        self.space, self.names = space, names
        self.read = operator.itemgetter(*names, names[0])  # two at least: of one it gives no tuple
        self.values = self.now()

    def now(self) -> Sequence[Any]:
        try:
            return self.read(self.space)  # type: ignore[no-any-return]
        except KeyError:  # one is gone
            return ()


def bound(entry: tuple[dict[str, Any], str]) -> bool:
    return entry[1] in entry[0]


def by_space(names: Iterable[tuple[dict[str, Any], str]]) -> Iterable[tuple[dict[str, Any], list[str]]]:
    found: dict[int, tuple[dict[str, Any], list[str]]] = {}
    for space, name in names:
        found.setdefault(id(space), (space, []))[1].append(name)
    return found.values()


class Watch:
    """tensors: whose arrays are in the program; modules: that ran; grads: (leaf node, its .grad at entry);
    rates: whether the function's own code reads the optimisers' numbers."""

    def __init__(
        self,
        surroundings: Surroundings,
        tensors: Sequence[Value] = (),
        modules: Sequence[Any] = (),
        grads: Sequence[tuple[Any, Any]] = (),
        optimizers: Sequence[Any] = (),
        rates: bool = False,
    ) -> None:
        self.surroundings = surroundings
        self.tensors = tensors
        self.arrays = [x.data for x in tensors]
        self.nodes = [node_of(x) for x in tensors]
        self.grads = grads
        self.grad_arrays = [None if g is None else g.data for _, g in grads]
        self.modules = [(module, snapshot(vars(module))) for module in dict.fromkeys(modules)]
        self.bindings = tape.bindings.count
        self.optimizers = [Rules(x, rates) for x in dict.fromkeys(optimizers)]

    def holds(self) -> bool:
        if not all(map(operator.is_, map(array, self.tensors), self.arrays)):
            return False
        if not self.surroundings.hold():
            return False
        if self.grads:
            for (node, grad), data in zip(self.grads, self.grad_arrays, strict=True):
                if node.grad is not grad or (grad is not None and grad.data is not data):
                    return False
        for rules in self.optimizers:
            if not rules.hold():
                return False
        if tape.bindings.count != self.bindings:
            if any(snapshot(vars(module)) != before for module, before in self.modules):
                return False
            if list(map(node_of, self.tensors)) != self.nodes:
                return False
            self.bindings = tape.bindings.count
        return True


class Rules:
    """What a program depends on of an optimiser: its state, its groups, the kind of update; the numbers in
    the groups (learning rates) only where the function's own code reads them."""

    def __init__(self, optimizer: Any, rates: bool) -> None:
        self.optimizer = optimizer
        self.state = optimizer.state
        self.groups = list(optimizer.param_groups)
        self.versions = [group.version for group in self.groups]
        self.rates = rates
        self.kinds = list(map(self.kind, self.groups))

    def kind(self, group: Any) -> Any:
        numbers = {k: v for k, v in group.items() if plain(v)} if self.rates else None
        return self.optimizer.memories(group), numbers

    def hold(self) -> bool:
        now = self.optimizer.param_groups
        if self.optimizer.state is not self.state or len(now) != len(self.groups):
            return False
        for i, group in enumerate(now):
            if group is not self.groups[i]:
                return False
            if group.version != self.versions[i]:
                if self.kind(group) != self.kinds[i]:
                    return False
                self.versions[i] = group.version
        return True


def node_of(x: Value) -> tuple[Any, ...]:
    """Whether a gradient of x is wanted, and what is done with it."""
    node = x.node
    return (None,) if node is None else (node, *(node.extra.hooks.values() if node.extra else ()))


def snapshot(attributes: dict[str, Any]) -> dict[str, Any]:
    """What can be compared of a module: plain values, and which objects the others are."""
    seen: dict[str, Any] = {
        k: (type(v), v) if plain(v) else id(v) for k, v in attributes.items() if not k.startswith("_jitted_")
    }
    if attributes.get("_hooks"):
        seen["_hooks"] = [list(hooks.values()) for hooks in attributes["_hooks"]]
    return seen
