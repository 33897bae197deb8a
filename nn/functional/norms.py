"""Normalisations: subtract a mean, divide by a deviation, scale and shift by learned numbers.

    y = (x - E[x]) / sqrt(Var[x] + eps) * weight + bias

They differ in what the mean is over: the batch and the places of a channel (batch norm), the features of a
sample (layer norm), a group of channels of a sample (group norm).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

import autograd
from autograd import Tensor
from autograd.ops.standardize import standardize, statistics_of
from autograd.ops.update import assign
from autograd.tape import no_grad

__all__ = ["batch_norm", "group_norm", "layer_norm", "normalize"]


def batch_norm(
    input: Any,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    """Batch normalisation (Ioffe and Szegedy 2015). input (N, C, *); weight, bias, running_* (C,).

    When `training`, mean and variance are the batch's, and the running ones move towards them by
    `momentum` (the variance in its unbiased form); otherwise the running ones are used.
    """
    shape = tuple(input.shape)
    if len(shape) < 2:
        raise ValueError(f"batch_norm: want an input (N, C, *), got shape {shape}")
    dims = (0, *range(2, len(shape)))
    channel = (1, shape[1], *(1,) * (len(shape) - 2))
    for name, x in {"weight": weight, "bias": bias, "running_mean": running_mean}.items():
        if x is not None and tuple(x.shape) != (shape[1],):
            raise ValueError(
                f"batch_norm: {name} has shape {tuple(x.shape)}, want ({shape[1]},) for input {shape}"
            )
    if training:
        count = math.prod(shape) // max(shape[1], 1)
        if count == 1:
            raise ValueError(
                f"batch_norm: want more than 1 value per channel when training, got input {shape}"
            )
        statistics = statistics_of(input.data, dims)
        if running_mean is not None and running_var is not None:
            with no_grad():
                follow(running_mean, statistics[0], momentum)
                follow(running_var, statistics[1] * (count / (count - 1)), momentum)
        weight, bias = (None if p is None else autograd.reshape(p, channel) for p in (weight, bias))
        return standardize(input, weight, bias, dims=dims, eps=eps, statistics=statistics)
    if running_mean is None or running_var is None:
        raise ValueError("batch_norm: evaluation needs running_mean and running_var; or pass training=True")
    deviation = input - autograd.reshape(running_mean, channel)
    scale = autograd.rsqrt(running_var + eps)
    out = deviation * autograd.reshape(scale if weight is None else scale * weight, channel)
    return out if bias is None else out + autograd.reshape(bias, channel)


def follow(running: Tensor, now: np.ndarray, momentum: float) -> None:
    assign(running, running.data * (1 - momentum) + now.reshape(-1) * momentum)


def layer_norm(
    input: Any, normalized_shape: Sequence[int], weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    """Layer normalisation (Ba et al. 2016) over the last dimensions, whose lengths are `normalized_shape`;
    weight and bias have that shape.

    >>> import autograd
    >>> layer_norm(autograd.tensor([[1.0, 3.0]]), (2,))
    tensor([[-1.,  1.]])
    """
    shape, tail = tuple(input.shape), tuple(normalized_shape)
    if not tail or shape[-len(tail) :] != tail:
        raise ValueError(f"layer_norm: an input of shape {shape} doesn't end in normalized_shape {tail}")
    return standardize(input, weight, bias, dims=tuple(range(len(shape) - len(tail), len(shape))), eps=eps)


def group_norm(input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    """Group normalisation (Wu and He 2018): input (N, C, *), its C channels in `num_groups` groups; weight
    and bias (C,)."""
    shape = tuple(input.shape)
    if len(shape) < 2 or num_groups < 1 or shape[1] % num_groups:
        raise ValueError(
            f"group_norm: want an input (N, C, *) with C divisible by num_groups ({num_groups}), got {shape}"
        )
    grouped = autograd.reshape(input, (shape[0], num_groups, math.prod(shape[1:]) // num_groups))
    out = autograd.reshape(standardize(grouped, dims=(2,), eps=eps), shape)
    channel = (1, shape[1], *(1,) * (len(shape) - 2))
    out = out if weight is None else out * autograd.reshape(weight, channel)
    return out if bias is None else out + autograd.reshape(bias, channel)


def normalize(input: Any, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Any:
    """x / max(norm(x), eps), the p-norm (p = 1, 2 or infinity) taken over `dim`.

    >>> import autograd
    >>> normalize(autograd.tensor([[3.0, 4.0]]))
    tensor([[0.6, 0.8]])
    """
    return input / autograd.clamp(autograd.norm(input, p, dim, keepdim=True), min=eps)
