"""Affine maps, and the map that changes nothing."""

from __future__ import annotations

from typing import Any

import autograd
from autograd import Tensor
from nn import init
from nn.module import Module
from nn.parameter import Parameter

__all__ = ["Identity", "Linear"]


class Linear(Module):
    """y = x W^T + b: x (*, in_features) -> (*, out_features).

    weight (out_features, in_features) and bias (out_features,) start uniform in +-1 / sqrt(in_features).

    >>> import autograd, nn
    >>> nn.Linear(3, 2)(autograd.ones(5, 3)).shape
    (5, 2)
    """

    weight: Parameter
    bias: Parameter | None

    def __init__(self, in_features: int, out_features: int, bias: bool = True, dtype: Any = None) -> None:
        super().__init__()
        self.in_features = in_features
        self.out_features = out_features
        self.weight = Parameter(autograd.empty(out_features, in_features, dtype=dtype))
        self.bias = Parameter(autograd.empty(out_features, dtype=dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        init.default_linear_(self.weight, self.bias, self.in_features)

    def forward(self, input: Tensor) -> Any:
        return autograd.linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"
        )


class Identity(Module):
    """The input, as it is; takes and ignores any arguments, to stand in for another layer."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Any) -> Any:
        return input
