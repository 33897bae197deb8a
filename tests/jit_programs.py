"""Random programs over the ops, for the tests of jit: lists of numbers that are read as ops on what is there.

A program works on values of the shapes below, all of which broadcast with each other. An instruction is
(which op, which values): every list is a program, so hypothesis may shrink it as it likes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import autograd
from autograd import Tensor
from nn import functional as F

SHAPES = [(4, 3), (3,), (4, 1), (1, 3), ()]
ROWS = np.array([2, 0, 1, 1])

Instruction = tuple[int, int, int]


def rolled(x: Tensor) -> Tensor:
    return autograd.cat([x[1:], x[:1]], 0) if x.ndim else x


def last(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """A function of the last dimension, of what has one."""
    return lambda x: function(x) if x.ndim else x


def whole(x: Tensor) -> Tensor:
    return x if x.shape == (4, 3) else x.expand(4, 3)


UNARY: list[Callable[[Tensor], Tensor]] = [
    autograd.tanh, autograd.sigmoid, autograd.relu, autograd.abs, autograd.square, autograd.neg, autograd.sin,
    F.gelu, F.softplus,
    lambda x: autograd.exp(autograd.tanh(x)),
    lambda x: autograd.sqrt(autograd.abs(x) + 0.5),
    lambda x: autograd.log(autograd.square(x) + 0.5),
    lambda x: x * 1.0, lambda x: x + 0.0, lambda x: 2.0 - x, lambda x: x.clone(), lambda x: x.detach(),
    lambda x: autograd.clamp(x, -0.7, 0.9),
    lambda x: x.sum(), lambda x: x.mean(),
    last(lambda x: x.sum(-1, keepdim=True)), last(lambda x: x.mean(0, keepdim=True)),
    last(lambda x: autograd.amax(x, -1, keepdim=True)),
    last(lambda x: autograd.softmax(x, -1)), last(lambda x: autograd.log_softmax(x, -1)),
    last(lambda x: F.layer_norm(x, (x.shape[-1],))),
    lambda x: x.reshape(-1).reshape(x.shape), lambda x: autograd.tanh(x.T).T if x.ndim == 2 else x,
    lambda x: x.flip(0) if x.ndim else x, rolled,
    lambda x: whole(x)[ROWS], lambda x: whole(x)[:, 1:2], lambda x: whole(x)[1], lambda x: whole(x)[::-1],
    lambda x: whole(x).T[::2].sum(0, keepdim=True).T,
]  # fmt: skip

BINARY: list[Callable[[Tensor, Tensor], Tensor]] = [
    lambda x, y: x + y, lambda x, y: x - y, lambda x, y: x * y, autograd.maximum, autograd.minimum,
    lambda x, y: x / (autograd.abs(y) + 1.0),
    lambda x, y: autograd.where(x > y, x, y * 0.5),
    lambda x, y: whole(x) @ whole(y).T @ whole(x) * 0.1,
    lambda x, y: F.linear(whole(x), whole(y)[:3]).tanh(),
    lambda x, y: autograd.relu(F.linear(whole(x), whole(y)[:3])),
    lambda x, y: autograd.stack([whole(x), whole(y)])[1],
    lambda x, y: F.mse_loss(whole(x), whole(y)),
]  # fmt: skip

DRAWS: list[Callable[[Tensor], Tensor]] = [
    lambda x: x + autograd.rand(*x.shape) * 0.5, lambda x: x * autograd.randn(*x.shape),
    lambda x: F.dropout(x, 0.4),
]  # fmt: skip


def fitting(y: Tensor, shape: Sequence[int]) -> Tensor:
    """Something of `shape` made of y, as views as far as that goes."""
    y = whole(y)
    return y if shape == (4, 3) else y[0] if shape == (3,) else y.sum()


WRITES: list[Callable[[Tensor, Tensor], Any]] = [
    lambda s, y: s.copy_(fitting(y, s.shape)),
    lambda s, y: s.add_(fitting(y, s.shape), alpha=0.5),
    lambda s, y: s.mul_(0.5),
    lambda s, y: s.fill_(0.25),
    lambda s, y: s.__setitem__(slice(1, 3), whole(y)[:2, 0] if s.ndim == 1 else whole(y)[:2]),
    lambda s, y: s.__setitem__(0, 0.5),
    lambda s, y: s.__setitem__(slice(1, None), s[:-1]),
    lambda s, y: s.__setitem__(slice(None, -1), s[1:]),
    lambda s, y: s.copy_(s.flip(0)),
    lambda s, y: (s.T if s.ndim == 2 else s).__setitem__(1, whole(y).T[1] if s.shape == (4, 3) else 0.1),
]  # fmt: skip

PURE = [*((1, f) for f in UNARY), *((2, f) for f in BINARY), *((1, f) for f in DRAWS)]


def computed(program: Sequence[Instruction], values: list[Tensor]) -> list[Tensor]:
    """Run pure ops; all values, the given ones first."""
    for which, i, j in program:
        count, function = PURE[which % len(PURE)]
        # The newest are read most often, so that programs are deep.
        x, y = values[-1 - i % len(values)], values[-1 - j % len(values)]
        values.append(function(x) if count == 1 else function(x, y))
    return values


def written(program: Sequence[Instruction], values: list[Tensor], state: list[Tensor]) -> list[Tensor]:
    """Run ops and writes: to state, to views of it, and to values made inside."""
    for which, i, j in program:
        kind = which % 4
        x = values[-1 - i % len(values)]
        if kind == 0:  # of state, or of what was made
            made = whole(x).clone() if j % 2 else whole(x)[1].clone()
            target = state[j % len(state)] if j % 3 else made
            WRITES[which // 4 % len(WRITES)](target, x)
            values.append(target)
        elif kind == 1:
            held = state[j % len(state)]
            values.append([held, held[0], held * 1.0, held[::-1]][i % 4] if held.ndim < 2 else
                          [held, held[1], held[1:2], held[:, :1], held[::-1]][i % 5])  # fmt: skip
        else:
            computed([(which // 4, i, j)], values)
    return values
