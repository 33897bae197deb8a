"""Activation functions, under PyTorch's names and defaults."""

from __future__ import annotations

from typing import Any

import autograd
from autograd import elu, gelu, leaky_relu, relu, sigmoid, silu, tanh, where
from autograd.ops import elementwise

__all__ = [
    "elu", "gelu", "leaky_relu", "log_softmax", "logsigmoid", "relu", "sigmoid", "silu", "softmax",
    "softplus", "tanh",
]  # fmt: skip


def softplus(input: Any, beta: float = 1.0, threshold: float = 20.0) -> Any:
    """log(1 + exp(beta x)) / beta, and x itself where beta x > threshold (as PyTorch does).

    >>> import autograd
    >>> softplus(autograd.tensor([0.0, 30.0]))
    tensor([ 0.6931, 30.    ])
    """
    if beta == 1 and threshold >= 17 and input.dtype == autograd.float32:
        return autograd.softplus(input)  # equal to x from 17 on in that type
    scaled = input if beta == 1 else input * beta
    soft = autograd.softplus(scaled)
    return where(autograd.gt(scaled, threshold), input, soft if beta == 1 else soft / beta)


def logsigmoid(input: Any) -> Any:
    """log(sigmoid(x)) = -softplus(-x), safe for large |x|."""
    return elementwise.logsigmoid(input)


def softmax(input: Any, dim: int) -> Any:
    """exp(x) / sum(exp(x)) over `dim`.

    >>> import autograd
    >>> softmax(autograd.tensor([0.0, 0.0]), dim=0)
    tensor([0.5, 0.5])
    """
    return autograd.softmax(input, dim)


def log_softmax(input: Any, dim: int) -> Any:
    """log of softmax over `dim`, computed without the softmax so that nothing underflows."""
    return autograd.log_softmax(input, dim)
