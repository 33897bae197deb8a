"""Optimizer: groups of parameters with their options, and a state per parameter."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from autograd import Tensor
from autograd.tape import TRACE, Value, enable_grad, mode, stamp
from nn.module import forget_gradient
from nn.optim.batch import Batch, Names, Plan, State

__all__ = ["Optimizer"]

Group = dict[str, Any]


class Options(Group):
    """A parameter group. `version` counts its changes, so that a program sees when a rate was set anew."""

    version = 0

    def __setitem__(self, name: str, value: Any) -> None:
        self.version += 1
        super().__setitem__(name, value)

    def __delitem__(self, name: str) -> None:
        self.version += 1
        super().__delitem__(name)

    def update(self, *args: Any, **kwargs: Any) -> None:
        self.version += 1
        super().update(*args, **kwargs)

    def setdefault(self, name: str, default: Any = None) -> Any:
        self.version += 1
        return super().setdefault(name, default)


class Probe:
    """Stands for a batch and its rows, to be told with which numbers an update would call its kernel."""

    fresh = None

    def __init__(self, batch: Batch) -> None:
        self.rows = self
        self.steps = [0] * len(batch.params)

    def count(self) -> list[int]:
        return self.steps

    def run(self, kernel: int, grads: Any, steps: Any, sizes: Sequence[int], values: Sequence[float]) -> bool:
        self.sizes, self.values = sizes, values
        return True


class Optimizer:
    """The base of optimisers: a subclass writes `memories` and `update`.

    params    parameters, (name, parameter) pairs, or dicts {"params": ..., option: ...} with options of
              their own
    defaults  the options of groups that don't set them

    `param_groups` may be changed at any time (schedulers write their "lr"). `state[parameter]` is what the
    method remembers of a parameter, made at its first step.
    """

    def __init__(self, params: Iterable[Any], defaults: Group) -> None:
        if isinstance(params, Tensor):
            raise TypeError("params: want an iterable of parameters, got one tensor; put it in a list")
        self.defaults = defaults
        self.param_groups: list[Group] = []
        self.state: dict[Tensor, State] = {}
        self.plans: dict[int, Plan] = {}
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list (a generator that was used up before?)")
        for group in groups if isinstance(groups[0], dict) else [{"params": groups}]:
            self.add_param_group(group)

    def add_param_group(self, param_group: Group) -> None:
        """Further parameters, with options of their own."""
        given = param_group["params"]
        given = [given] if isinstance(given, Tensor) else list(given)
        params = [p[1] if isinstance(p, tuple) else p for p in given]
        seen = {id(p) for group in self.param_groups for p in group["params"]}
        for p in params:
            if not isinstance(p, Tensor):
                raise TypeError(f"optimizers work on tensors, not on a {type(p).__name__}")
            if not p.is_leaf:
                raise ValueError(
                    "optimizers work on leaf tensors; this one was computed by " + p.grad_fn.name
                )
            if id(p) in seen:
                raise ValueError("a parameter is given twice (in one group, or in two)")
            seen.add(id(p))
        group = {"params": params, **{k: v for k, v in param_group.items() if k != "params"}}
        unknown = set(group) - set(self.defaults) - {"params", "name", "initial_lr"}
        if unknown:
            raise ValueError(f"{type(self).__name__} has no option {', '.join(sorted(unknown))}")
        self.param_groups.append(Options({**self.defaults, **group}))
        self.check(self.param_groups[-1])

    def check(self, group: Group) -> None:
        """Refuse options out of range."""
        for name in ("lr", "weight_decay", "eps", "momentum", "alpha"):
            if name in group and not group[name] >= 0:
                raise ValueError(f"{type(self).__name__}: want {name} >= 0, got {group[name]}")
        for beta in group.get("betas", ()):
            if not 0 <= beta < 1:
                raise ValueError(f"{type(self).__name__}: want betas in [0, 1), got {group['betas']}")

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients, or (set_to_none=False) fill them with zeros."""
        for group in self.param_groups:
            for p in group["params"]:
                forget_gradient(p, set_to_none)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient. `closure`, if given, computes the loss again first;
        its value is returned."""
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        for place, group in enumerate(self.param_groups):
            params = [p for p in group["params"] if p.node is not None and p.node.grad is not None]
            for batch in self.plan(place, params, self.memories(group)).batches:
                if mode.word & TRACE:
                    mode.trace.updating = self, batch, group
                self.update(batch, batch.gradients(), group)
                stamp(batch.storages)
                batch.fresh = None
        return loss

    def probe(self, batch: Batch, group: Group) -> Probe:
        """The sizes and values with which the kernel would be called now."""
        probe: Any = Probe(batch)
        self.update(probe, [], group)
        return probe  # type: ignore[no-any-return]

    def plan(self, place: int, params: list[Tensor], names: Names) -> Plan:
        """How to update these parameters of a group: as at the last step, if nothing was bound anew."""
        states = list(map(self.state.get, params))
        plan = self.plans.get(place)
        if plan is None or not plan.holds(params, states, names):
            kept = [self.state.setdefault(p, {}) for p in params]
            plan = self.plans[place] = Plan(params, kept, names)
        return plan

    def memories(self, group: Group) -> Names:
        """The names in the state of the arrays that `update` writes beside the parameter (None: one that it
        does without)."""
        raise NotImplementedError

    def update(self, batch: Batch, grads: list[np.ndarray], group: Group) -> None:
        """Write the new values of some parameters into batch.rows; `grads` are their gradients, to be left as
        they are."""
        raise NotImplementedError

    # State ---------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """{"state": {place: ...}, "param_groups": [...]}, with parameters as their places in order."""
        places = {p: i for i, p in enumerate(p for group in self.param_groups for p in group["params"])}
        groups = [{**group, "params": [places[p] for p in group["params"]]} for group in self.param_groups]
        return {"state": {places[p]: dict(state) for p, state in self.state.items()}, "param_groups": groups}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on where state_dict() was called. Groups must match in number and size."""
        groups = state_dict["param_groups"]
        own = [len(group["params"]) for group in self.param_groups]
        given = [len(group["params"]) for group in groups]
        if own != given:
            raise ValueError(
                f"load_state_dict: parameter groups of {given} parameters don't fit an optimizer with {own}"
            )
        params = [p for group in self.param_groups for p in group["params"]]
        places = [place for group in groups for place in group["params"]]
        states = {}
        for p, place in zip(params, places, strict=True):
            if place in state_dict["state"]:
                states[p] = {k: restored(k, v, p) for k, v in state_dict["state"][place].items()}
        self.state = states
        for mine, theirs in zip(self.param_groups, groups, strict=True):
            mine.update({k: copy.deepcopy(v) for k, v in theirs.items() if k != "params"})

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "plans": {}}  # they hold addresses

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}")
            lines += [f"    {name}: {group[name]}" for name in sorted(group) if name != "params"]
        return "\n".join([*lines, ")"])


def restored(name: str, value: Any, p: Tensor) -> Any:
    """A copy of one piece of a parameter's state: numbers as they are, arrays in the parameter's type."""
    if name == "step":  # an int here, a 0-d tensor in PyTorch's files
        return int(value)
    if value is None or isinstance(value, int | float):
        return value
    array = value.data if isinstance(value, Value) else np.asarray(value)
    if array.shape != p.shape:
        raise ValueError(f"load_state_dict: {name} has shape {array.shape}, its parameter {p.shape}")
    return Tensor(array.astype(p.dtype))
