"""What the tests of jit share: a function called eagerly and jitted must give the same and leave the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

import autograd
from autograd import Tensor, default_generator
from autograd.jit.function import Jitted

CALLS = 6


class Scene(NamedTuple):
    """step       the function, built anew for each way to run it
    state      what it may write, looked at after each call
    arguments  those of call number i
    between    what the program outside does before call number i"""

    step: Callable[..., Any]
    state: Callable[[], Any] = tuple
    arguments: Callable[[int], Sequence[Any]] | None = None
    between: Callable[[int], Any] = bool


def drawn(*shape: int) -> Callable[[int], Sequence[Any]]:
    """The arguments of call i: one tensor, other numbers at each."""

    def arguments(i: int) -> Sequence[Any]:
        return (autograd.tensor(np.random.default_rng(i).standard_normal(shape).astype(np.float32)),)

    return arguments


def leaves(x: Any) -> Iterator[Any]:
    if isinstance(x, list | tuple):
        for y in x:
            yield from leaves(y)
    elif isinstance(x, dict):
        yield from leaves(list(x.values()))
    else:
        yield np.array(x.data if isinstance(x, Tensor) else x) if x is not None else None


def history(scene: Scene, function: Callable[..., Any], calls: int) -> Iterator[list[Any]]:
    """After each call: its results, the state, the place in the random stream."""
    for i in range(calls):
        scene.between(i)
        given = (scene.arguments or drawn(4, 3))(i)
        result = list(leaves(function(*given)))
        yield [*result, *leaves(scene.state()), default_generator.offset]


def agrees(build: Callable[[], Scene], calls: int = CALLS, rtol: float = 1e-4) -> Jitted:
    """Run a scene in both ways and compare all; the jitted function."""
    autograd.manual_seed(5)
    scene = build()
    eager = list(history(scene, scene.step, calls))
    autograd.manual_seed(5)
    scene = build()
    jitted = autograd.jit(scene.step)
    for i, (mine, theirs) in enumerate(zip(history(scene, jitted, calls), eager, strict=True)):
        assert len(mine) == len(theirs)
        for ours, wanted in zip(mine, theirs, strict=True):
            assert (ours is None) == (wanted is None), f"call {i}"
            if wanted is not None:
                np.testing.assert_allclose(ours, wanted, rtol=rtol, atol=rtol / 10, err_msg=f"call {i}")
    return jitted
