"""Normalisation layers: the parameters and running statistics around the functions of nn.functional."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import autograd
import nn.functional as F
from autograd import Tensor
from autograd.ops.update import assign
from autograd.tape import TRACE, mode, no_grad
from nn import init
from nn.module import Module
from nn.parameter import Parameter

__all__ = ["BatchNorm1d", "BatchNorm2d", "GroupNorm", "LayerNorm", "RMSNorm"]


class BatchNorm(Module):
    """Batch normalisation; see nn.functional.batch_norm.

    weight (num_features,) starts at 1, bias at 0. While training, the batch's statistics normalise and
    the running ones follow them by `momentum` (None: they are the plain average of all batches); in
    evaluation the running ones normalise. track_running_stats=False always uses the batch's.
    """

    weight: Parameter | None
    bias: Parameter | None
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None
    dims: tuple[int, ...] = ()

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        self.weight = Parameter(autograd.ones(num_features, dtype=dtype)) if affine else None
        self.bias = Parameter(autograd.zeros(num_features, dtype=dtype)) if affine and bias else None
        track = track_running_stats
        self.register_buffer("running_mean", autograd.zeros(num_features, dtype=dtype) if track else None)
        self.register_buffer("running_var", autograd.ones(num_features, dtype=dtype) if track else None)
        self.register_buffer("num_batches_tracked", autograd.zeros(dtype=autograd.int64) if track else None)

    def reset_running_stats(self) -> None:
        if self.running_mean is not None and self.running_var is not None:
            init.zeros_(self.running_mean)
            init.ones_(self.running_var)
            init.zeros_(self.num_batches_tracked)  # type: ignore[arg-type]

    def reset_parameters(self) -> None:
        self.reset_running_stats()
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: Any) -> Any:
        if len(input.shape) not in self.dims or input.shape[1] != self.num_features:
            raise ValueError(
                f"{type(self).__name__}: want an input of {' or '.join(map(str, self.dims))} dimensions with "
                f"{self.num_features} channels in dim 1, got shape {tuple(input.shape)}"
            )
        momentum = self.momentum
        if self.training and self.num_batches_tracked is not None:
            with no_grad():
                assign(self.num_batches_tracked, self.num_batches_tracked + 1)
            if momentum is None and mode.word & TRACE:
                mode.trace.refuse(
                    "batch norm with momentum=None",
                    "its momentum is another at each call; give it a number, or run this part eagerly",
                )
            if momentum is None:
                momentum = 1.0 / self.num_batches_tracked.item()
        batch = self.training or self.running_mean is None
        return F.batch_norm(
            input,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            batch,
            momentum or 0.0,
            self.eps,
        )

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


class BatchNorm1d(BatchNorm):
    """Batch normalisation of (N, C) or (N, C, L)."""

    dims = (2, 3)


class BatchNorm2d(BatchNorm):
    """Batch normalisation of (N, C, H, W).

    >>> import autograd, nn
    >>> nn.BatchNorm2d(3)(autograd.ones(2, 3, 4, 4)).shape
    (2, 3, 4, 4)
    """

    dims = (4,)


class LayerNorm(Module):
    """Layer normalisation over the last dimensions; see nn.functional.layer_norm."""

    weight: Parameter | None
    bias: Parameter | None

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.normalized_shape = shape
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self.weight = Parameter(autograd.ones(shape, dtype=dtype)) if elementwise_affine else None
        self.bias = Parameter(autograd.zeros(shape, dtype=dtype)) if elementwise_affine and bias else None

    def reset_parameters(self) -> None:
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: Any) -> Any:
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
            f"bias={self.bias is not None}"
        )


class RMSNorm(Module):
    """Root mean square normalisation over the last dimensions; see nn.functional.rms_norm.

    weight starts at 1.

    >>> import autograd, nn
    >>> nn.RMSNorm(2)(autograd.tensor([1.0, 7.0]))
    tensor([0.2, 1.4], grad_fn=...)
    """

    weight: Parameter | None

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.normalized_shape = shape
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self.weight = Parameter(autograd.ones(shape, dtype=dtype)) if elementwise_affine else None

    def reset_parameters(self) -> None:
        if self.weight is not None:
            init.ones_(self.weight)

    def forward(self, input: Any) -> Any:
        return F.rms_norm(input, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class GroupNorm(Module):
    """Group normalisation of (N, C, *); see nn.functional.group_norm."""

    weight: Parameter | None
    bias: Parameter | None

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if num_groups < 1 or num_channels % num_groups:
            raise ValueError(f"GroupNorm: {num_channels} channels don't divide into {num_groups} groups")
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        self.weight = Parameter(autograd.ones(num_channels, dtype=dtype)) if affine else None
        self.bias = Parameter(autograd.zeros(num_channels, dtype=dtype)) if affine and bias else None

    def reset_parameters(self) -> None:
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: Any) -> Any:
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )
