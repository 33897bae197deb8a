"""Where a position stands: attention itself does not see the order of a sequence."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

import autograd
import nn.functional as F
from autograd import Tensor
from autograd.tape import traced_constant
from nn import init
from nn.module import Module
from nn.parameter import Parameter

__all__ = ["LearnedPositionalEncoding", "RotaryEmbedding", "SinusoidalPositionalEncoding"]


@functools.lru_cache(maxsize=32)
def waves(places: int, dim: int, base: float, dtype: np.dtype[Any]) -> tuple[np.ndarray, np.ndarray]:
    """cos and sin of place / base^(2i / dim), (places, ceil(dim / 2)): tables that programs keep."""
    angles = np.arange(places)[:, None] * base ** -(np.arange(0, dim, 2) / dim)
    return np.cos(angles).astype(dtype), np.sin(angles).astype(dtype)


@functools.lru_cache(maxsize=32)
def sinusoids(places: int, dim: int, dtype: np.dtype[Any]) -> np.ndarray:
    """sin, cos, sin, ... of each place: (places, dim)."""
    cos, sin = waves(places, dim, 10000.0, dtype)
    return np.ascontiguousarray(np.stack((sin, cos), -1).reshape(places, -1)[:, :dim])


def room(end: int) -> int:
    """How many places a table has that is to have `end`: few lengths, so that few are made."""
    return max(512, 1 << (int(end) - 1).bit_length())


def part(table: np.ndarray, offset: int, length: int) -> Tensor:
    return Tensor(traced_constant(table)[offset : offset + length])


def check_place(name: str, x: Any, dim: int, offset: int, least: int) -> None:
    shape = tuple(x.shape)
    if x.dtype.kind != "f":
        raise TypeError(f"{name}: want an input of floats, got {x.dtype}")
    if len(shape) < least or shape[-1] != dim:
        raise ValueError(f"{name}: want an input whose last length is {dim}, got shape {shape}")
    if not isinstance(offset, int | np.integer) or offset < 0:
        raise ValueError(f"{name}: want an integer offset >= 0, got {offset!r}")


class Encoding(Module):
    """What is added to an input (N, L, d_model) with batch_first, else (L, N, d_model), or (L, d_model)."""

    d_model: int
    batch_first: bool

    def place(self, x: Any, offset: int) -> int:
        """The length of the sequences."""
        name = type(self).__name__
        check_place(name, x, self.d_model, offset, 2)
        if len(x.shape) > 3:
            raise ValueError(f"{name}: want 2 or 3 dimensions, got shape {tuple(x.shape)}")
        return int(x.shape[-2 if self.batch_first else 0])

    def added(self, x: Any, rows: Any) -> Any:
        """x plus rows (L, d_model) for each sequence."""
        return x + (rows if self.batch_first or len(x.shape) == 2 else autograd.unsqueeze(rows, 1))


class SinusoidalPositionalEncoding(Encoding):
    """x + sines and cosines of the position, then dropout (Vaswani et al. 2017, 3.5).

    x (N, L, d_model) with batch_first, else (L, N, d_model), or (L, d_model); the first position is `offset`.
    Even columns are sin(position / 10000^(2i / d_model)), odd ones the cosines. Nothing is learned, and
    sequences of any length go.

    >>> import autograd, nn
    >>> nn.SinusoidalPositionalEncoding(4)(autograd.zeros(2, 4))
    tensor([[0.    , 1.    , 0.    , 1.    ],
            [0.8415, 0.5403, 0.01  , 0.9999]])
    """

    def __init__(self, d_model: int, dropout: float = 0.0, batch_first: bool = False) -> None:
        super().__init__()
        if not 0 <= dropout <= 1:
            raise ValueError(f"SinusoidalPositionalEncoding: want a dropout in [0, 1], got {dropout}")
        self.d_model = d_model
        self.dropout = dropout
        self.batch_first = batch_first

    def forward(self, x: Any, offset: int = 0) -> Any:
        length = self.place(x, offset)
        table = sinusoids(room(offset + length), self.d_model, x.dtype)
        return F.dropout(self.added(x, part(table, offset, length)), self.dropout, self.training)

    def extra_repr(self) -> str:
        return f"{self.d_model}, dropout={self.dropout}, batch_first={self.batch_first}"


class LearnedPositionalEncoding(Encoding):
    """x + a learned row for each of max_len positions.

    x as for SinusoidalPositionalEncoding. weight (max_len, d_model) starts normal with deviation 0.02.

    >>> import autograd, nn
    >>> nn.LearnedPositionalEncoding(16, 4, batch_first=True)(autograd.zeros(2, 5, 4), offset=3).shape
    (2, 5, 4)
    """

    weight: Parameter

    def __init__(self, max_len: int, d_model: int, batch_first: bool = False, dtype: Any = None) -> None:
        super().__init__()
        self.max_len = max_len
        self.d_model = d_model
        self.batch_first = batch_first
        self.weight = Parameter(autograd.empty(max_len, d_model, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        init.normal_(self.weight, 0.0, 0.02)

    def forward(self, x: Any, offset: int = 0) -> Any:
        length = self.place(x, offset)
        if offset + length > self.max_len:
            raise ValueError(
                f"LearnedPositionalEncoding: {length} positions from {offset} on, but only {self.max_len} "
                "have a row; make it with a larger max_len"
            )
        return self.added(x, autograd.narrow(self.weight, 0, offset, length))

    def extra_repr(self) -> str:
        return f"{self.max_len}, {self.d_model}, batch_first={self.batch_first}"


class RotaryEmbedding(Module):
    """Queries and keys turned by their position, so that their products see distances (Su et al. 2021).

    x (..., L, dim), the first of its positions being `offset`: the numbers 2i and 2i + 1 of position m turn,
    as a point of the plane, by m / base^(2i / dim). Give it to MultiheadAttention as `rotary`, or call it on
    queries and keys.

    >>> import autograd, nn
    >>> rotary = nn.RotaryEmbedding(2)
    >>> q, k = autograd.randn(5, 2), autograd.randn(5, 2)
    >>> here, there = rotary(q) @ rotary(k).T, rotary(q, offset=7) @ rotary(k, offset=7).T
    >>> here.allclose(there, atol=1e-4)
    True
    """

    def __init__(self, dim: int, base: float = 10000.0) -> None:
        super().__init__()
        if dim < 2 or dim % 2:
            raise ValueError(f"RotaryEmbedding: want an even dim, got {dim}")
        self.dim = dim
        self.base = base

    def forward(self, x: Any, offset: int = 0) -> Any:
        check_place("RotaryEmbedding", x, self.dim, offset, 2)
        length, half = x.shape[-2], self.dim // 2
        tables = waves(room(offset + length), self.dim, self.base, x.dtype)
        cos, sin = (part(table, offset, length) for table in tables)
        a, b = autograd.unbind(autograd.reshape(x, (*x.shape[:-1], half, 2)), -1)
        return autograd.reshape(autograd.stack((a * cos - b * sin, a * sin + b * cos), -1), x.shape)

    def extra_repr(self) -> str:
        return f"{self.dim}, base={self.base:g}"
