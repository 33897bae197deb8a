"""Layers that only change the shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import autograd
from nn.module import Module

__all__ = ["Flatten", "Unflatten"]


class Flatten(Module):
    """Dimensions start_dim to end_dim joined into one: (N, C, H, W) -> (N, C H W).

    >>> import autograd, nn
    >>> nn.Flatten()(autograd.ones(2, 3, 4, 4)).shape
    (2, 48)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, input: Any) -> Any:
        return autograd.flatten(input, self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """Dimension `dim` cut into `unflattened_size` (one length may be -1): the inverse of Flatten.

    >>> import autograd, nn
    >>> nn.Unflatten(1, (3, 4, 4))(autograd.ones(2, 48)).shape
    (2, 3, 4, 4)
    """

    def __init__(self, dim: int, unflattened_size: Sequence[int]) -> None:
        super().__init__()
        self.dim = dim
        self.unflattened_size = tuple(unflattened_size)

    def forward(self, input: Any) -> Any:
        shape = tuple(input.shape)
        dim = range(len(shape))[self.dim]
        # One length may be -1 here and another dimension 0 long: work it out from this dimension alone.
        sizes = autograd.ops.shape.reshape_shape((shape[dim],), shape=self.unflattened_size)
        return autograd.reshape(input, (*shape[:dim], *sizes, *shape[dim + 1 :]))

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
