"""The doors of elementwise ops: ways that come to the same result, for every kind of argument."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import tensor

EDGES = [-math.inf, -2.0, -0.5, -0.0, 0.0, 0.3, 4.0, math.inf, math.nan]
OPS: dict[str, tuple[Callable[..., Any], Callable[..., Any], list[tuple[float, ...]]]] = {
    "leaky_relu": (
        autograd.leaky_relu,
        lambda x, slope: np.where(x > 0, x, x * slope),
        [(0.01,), (0.2,), (1,), (-1.0,), (0.01,)],
    ),
    "elu": (
        autograd.elu,
        lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))),
        [(1.0,), (0.5,), (2,)],
    ),
    "clamp": (
        autograd.clamp,
        lambda x, low, high: np.minimum(np.maximum(x, low), high),
        [(-1.0, 1.0), (0, 1), (-math.inf, 0.5), (1.0, -1.0), (-1.0, 1.0)],
    ),
}


@pytest.mark.parametrize("name", OPS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(9,), (3, 3), (0,), (2, 0), (), (1009,)])
def test_numbers_as_parameters(name: str, dtype: type, shape: tuple[int, ...]) -> None:
    """Kernels kept for some numbers are neither taken for others nor for arrays that they don't fit."""
    op, meaning, all_numbers = OPS[name]
    x = np.resize(np.array(EDGES, dtype), shape)
    for numbers in all_numbers:
        for data in (x, x.T, x[::-1] if x.ndim else x):
            got = op(tensor(data), *numbers)
            assert got.dtype == dtype and got.shape == data.shape
            with np.errstate(all="ignore"):
                want = meaning(data, *map(dtype, numbers))
            np.testing.assert_allclose(got.data, want, rtol=1e-6)


@pytest.mark.parametrize("name", OPS)
def test_parameters_give_gradients_to_the_array_alone(name: str) -> None:
    op, _, (numbers, *_) = OPS[name]
    x = tensor([-3.0, -0.5, 0.5, 3.0], dtype=autograd.float64, requires_grad=True)
    for _ in range(2):  # the second call finds what the first kept
        (dx,) = autograd.grad(op(x, *numbers).sum(), [x])
        step = 1e-6
        with autograd.no_grad():
            numeric = (op(x + step, *numbers) - op(x - step, *numbers)) / (2 * step)
            assert op(x, *numbers).requires_grad is False
        np.testing.assert_allclose(dx.data, numeric.data, atol=1e-8)


def test_limits_of_clamp_may_be_tensors_and_may_change_type() -> None:
    x = tensor([-2.0, 0.5, 2.0])
    for _ in range(2):
        assert autograd.clamp(x, -1.0, 1.0).data.tolist() == [-1.0, 0.5, 1.0]
        assert autograd.clamp(x, tensor([0.0, 1.0, 3.0]), 5.0).data.tolist() == [0.0, 1.0, 3.0]
        assert autograd.clamp(x, np.float32(0.0), 1).data.tolist() == [0.0, 0.5, 1.0]
        assert autograd.clamp(tensor([-2, 0, 2]), -1, 1).data.tolist() == [-1, 0, 1]
        assert autograd.clamp(x, max=0.0).data.tolist() == [-2.0, 0.0, 0.0]


def test_parameters_are_told_from_their_neighbours() -> None:
    """After more of them than are kept, too."""
    x = tensor([-1.0, 1.0], dtype=autograd.float64)
    for _ in range(2):
        for k in range(300):
            assert autograd.leaky_relu(x, k / 7).data.tolist() == [-(k / 7), 1.0]
