"""Normalisations: subtract a mean, divide by a deviation, scale and shift by learned numbers.

    y = (x - E[x]) / sqrt(Var[x] + eps) * weight + bias

They differ in what the mean is over: the batch and the places of a channel (batch norm), the features of a
sample (layer norm), a group of channels of a sample (group norm). RMS norm leaves mean and bias out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

import autograd
from autograd import Tensor
from autograd.ops.standardize import prepared, standardize
from autograd.quick import quick

__all__ = ["batch_norm", "group_norm", "layer_norm", "normalize", "rms_norm"]


def quick_batch_norm(
    x: Any, mean: Any, var: Any, weight: Any, bias: Any, training: bool, momentum: float, eps: float
) -> Any:
    running = (None, None) if mean is None or var is None else (mean, var)
    if running[0] is not mean or running[1] is not var:  # one alone is not used
        return None
    run = prepared(
        x, weight, bias, kind="batch", eps=eps, running=running, momentum=momentum if training else None
    )
    return run and (lambda x, mean, var, weight, bias: run(x, weight, bias, mean, var))


@quick(
    quick_batch_norm,
    arrays=("input", "running_mean", "running_var", "weight", "bias"),
    written=("running_mean", "running_var"),
)
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
    shape = input.shape
    if len(shape) < 2:
        raise ValueError(f"batch_norm: want an input (N, C, *), got shape {shape}")
    channels = (shape[1],)
    for name, x in (
        ("weight", weight), ("bias", bias), ("running_mean", running_mean), ("running_var", running_var),
    ):  # fmt: skip
        if x is not None and x.shape != channels:
            raise ValueError(f"batch_norm: {name} has shape {x.shape}, want {channels} for input {shape}")
    if running_mean is None or running_var is None:
        if not training:
            raise ValueError(
                "batch_norm: evaluation needs running_mean and running_var; or pass training=True"
            )
        running = None
    else:
        running = (running_mean.data, running_var.data)
    if training:
        if math.prod(shape) == shape[1]:
            raise ValueError(
                f"batch_norm: want more than 1 value per channel when training, got input {shape}"
            )
        for name, x in (("running_mean", running_mean), ("running_var", running_var)):
            if x is not None and x.node is not None:
                raise ValueError(f"batch_norm: {name} is written while training, it can't want a gradient")
        return standardize(input, weight, bias, kind="batch", eps=eps, running=running, momentum=momentum)
    return standardize(input, weight, bias, kind="batch", eps=eps, running=running, momentum=None)


@quick(
    lambda x, shape, weight, bias, eps: prepared(x, weight, bias, kind="layer", parts=len(shape), eps=eps),
    arrays=("input", "weight", "bias"),
)
def layer_norm(
    input: Any, normalized_shape: Sequence[int], weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    """Layer normalisation (Ba et al. 2016) over the last dimensions, whose lengths are `normalized_shape`;
    weight and bias have that shape.

    >>> import autograd
    >>> layer_norm(autograd.tensor([[1.0, 3.0]]), (2,))
    tensor([[-1.,  1.]])
    """
    tail = normalized("layer_norm", input, normalized_shape)
    fits("layer_norm", input, tail, weight, bias)
    return standardize(input, weight, bias, kind="layer", parts=len(tail), eps=eps)


def rms_norm(
    input: Any, normalized_shape: Sequence[int], weight: Any = None, eps: float | None = None
) -> Any:
    """x / sqrt(E[x^2] + eps) * weight (Zhang and Sennrich 2019), the mean over the last dimensions, whose
    lengths are `normalized_shape`; weight has that shape. Unless given, eps is that of the input's type.

    >>> import autograd
    >>> rms_norm(autograd.tensor([[1.0, 7.0]]), (2,))
    tensor([[0.2, 1.4]])
    """
    tail = normalized("rms_norm", input, normalized_shape)
    fits("rms_norm", input, tail, weight, None)
    eps = float(np.finfo(input.dtype).eps) if eps is None else eps
    dims = tuple(range(-len(tail), 0))
    scaled = input * autograd.rsqrt(autograd.mean(input * input, dims, keepdim=True) + eps)
    return scaled if weight is None else scaled * weight


def normalized(name: str, input: Any, normalized_shape: Sequence[int]) -> tuple[int, ...]:
    """normalized_shape, which must be how the input's shape ends."""
    if isinstance(normalized_shape, int):
        raise TypeError(f"{name}: want normalized_shape as a tuple, ({normalized_shape},), got an int")
    tail = tuple(normalized_shape)
    if not tail or input.shape[-len(tail) :] != tail:
        raise ValueError(f"{name}: an input of shape {input.shape} doesn't end in normalized_shape {tail}")
    return tail


def fits(name: str, input: Any, shape: tuple[int, ...], weight: Any, bias: Any) -> None:
    """An error unless the input is of floats, and weight and bias of its type and of that shape."""
    if input.dtype.kind != "f":
        raise TypeError(f"{name}: want an input of floats, got {input.dtype}")
    for parameter, x in (("weight", weight), ("bias", bias)):
        if x is not None and x.shape != shape:
            raise ValueError(f"{name}: {parameter} has shape {x.shape}, want {shape}")
        if x is not None and x.dtype != input.dtype:
            raise TypeError(f"{name}: input of {input.dtype}, {parameter} of {x.dtype}: cast one")


@quick(
    lambda x, groups, weight, bias, eps: prepared(x, weight, bias, kind="group", parts=groups, eps=eps),
    arrays=("input", "weight", "bias"),
)
def group_norm(input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    """Group normalisation (Wu and He 2018): input (N, C, *), its C channels in `num_groups` groups; weight
    and bias (C,)."""
    shape = input.shape
    if len(shape) < 2 or num_groups < 1 or shape[1] % num_groups:
        raise ValueError(
            f"group_norm: want an input (N, C, *) with C divisible by num_groups ({num_groups}), got {shape}"
        )
    fits("group_norm", input, (shape[1],), weight, bias)
    return standardize(input, weight, bias, kind="group", parts=num_groups, eps=eps)


def normalize(input: Any, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Any:
    """x / max(norm(x), eps), the p-norm (p = 1, 2 or infinity) taken over `dim`.

    >>> import autograd
    >>> normalize(autograd.tensor([[3.0, 4.0]]))
    tensor([[0.6, 0.8]])
    """
    return input / autograd.clamp(autograd.norm(input, p, dim, keepdim=True), min=eps)
