"""A library as the programs of this case see it."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple


def unchanged(value: Any) -> Any:
    return value


class Library(NamedTuple):
    """Its modules, and what it wants done with networks and steps."""

    base: ModuleType  # tensor, no_grad, cat, sin, cos
    nn: Any
    optim: Any = None
    place: Callable[[Any], Any] = unchanged  # what it does with a network or a tensor before any step
    compiled: Callable[[Callable[..., Any]], Callable[..., Any]] = unchanged  # ... with the step's function
