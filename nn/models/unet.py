"""Networks that say what noise is in x at time t: a U-Net for images, a few linear layers for points.

The U-Net is made after that of Ho, Jain and Abbeel ("Denoising diffusion probabilistic models", 2020,
appendix B) and Ronneberger et al. (2015), with one connection a level: images are halved, level by level,
and enlarged again, and what each level knew on the way down is put beside what comes up. Both networks begin
as the constant 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

import autograd
from autograd import Tensor
from nn import init
from nn.containers import ModuleList, Sequential
from nn.functional.images import pixel_pair
from nn.layers import (
    Conv2d,
    Dropout,
    Embedding,
    GroupNorm,
    Identity,
    Linear,
    MultiheadAttention,
    SiLU,
    Upsample,
)
from nn.module import Module

__all__ = ["PointDenoiser", "TimeEmbedding", "UNet"]


# What a network is told -----------------------------------------------------------------------------


class TimeEmbedding(Module):
    """t (N,), integers or floats of 0 ... some thousands -> (N, width): sines and cosines of t at `dim` / 2
    frequencies from 1 down to 1 / 10000 (Vaswani et al. 2017, 3.5), then linear, SiLU, linear.

    >>> import autograd
    >>> TimeEmbedding(32, 128)(autograd.arange(5)).shape
    (5, 128)
    """

    frequencies: Tensor

    def __init__(self, dim: int, width: int) -> None:
        super().__init__()
        if dim < 2 or dim % 2:
            raise ValueError(f"TimeEmbedding: want an even dim, half of it sines, got {dim}")
        exponents = np.arange(dim // 2) / (dim // 2)
        values = autograd.tensor(10000.0**-exponents, dtype=autograd.get_default_dtype())
        self.register_buffer("frequencies", values, persistent=False)
        self.layers = Sequential(Linear(dim, width), SiLU(), Linear(width, width))

    def forward(self, t: Any) -> Any:
        angles = autograd.reshape(t, (-1, 1)) * self.frequencies
        return self.layers(autograd.cat([autograd.sin(angles), autograd.cos(angles)], 1))


class Condition(Module):
    """(t (N,), classes (N,) or None) -> (N, width): what is added to the features of every block."""

    def __init__(self, dim: int, width: int, classes: int | None) -> None:
        super().__init__()
        if classes is not None and classes < 1:
            raise ValueError(f"classes: want None or at least 1, got {classes}")
        self.classes = classes
        self.time = TimeEmbedding(dim, width)
        self.embedding = None if classes is None else Embedding(classes + 1, width)  # the last: no class
        self.activation = SiLU()

    def forward(self, name: str, x: Any, t: Any, classes: Any) -> Any:
        count = x.shape[0]
        if tuple(t.shape) != (count,):
            raise ValueError(f"{name}: want one t for each of {count} inputs, got shape {tuple(t.shape)}")
        known = self.time(t)
        if self.embedding is None:
            if classes is not None:
                raise ValueError(f"{name}: it was made without classes; make it with classes=their number")
            return self.activation(known)
        if classes is None:
            return self.activation(known + self.embedding.weight[-1:])
        if classes.dtype.kind not in "iu" or tuple(classes.shape) != (count,):
            raise ValueError(
                f"{name}: want classes as {count} integers of 0 ... {self.classes} ({self.classes}: none), "
                f"got {classes.dtype} of shape {tuple(classes.shape)}"
            )
        return self.activation(known + self.embedding(classes))


# The parts of the U-Net -----------------------------------------------------------------------------


class ResidualBlock(Module):
    """x (N, channels, H, W), condition (N, width) -> (N, filters, H, W): x plus two convolutions of it, each
    behind norm and SiLU (He et al. 2016); the condition is added between them. The second starts at zero."""

    def __init__(self, channels: int, filters: int, width: int, groups: int, dropout: float) -> None:
        super().__init__()
        self.norm1 = GroupNorm(groups, channels)
        self.conv1 = Conv2d(channels, filters, 3, padding=1)
        self.condition = Linear(width, filters)
        self.norm2 = GroupNorm(groups, filters)
        self.dropout = Dropout(dropout)
        self.conv2 = zeroed(Conv2d(filters, filters, 3, padding=1))
        self.shortcut = Identity() if channels == filters else Conv2d(channels, filters, 1)
        self.activation = SiLU()

    def forward(self, x: Any, condition: Any) -> Any:
        y = self.conv1(self.activation(self.norm1(x)))
        y = y + autograd.reshape(self.condition(condition), (y.shape[0], y.shape[1], 1, 1))
        y = self.conv2(self.dropout(self.activation(self.norm2(y))))
        return y + self.shortcut(x)


class PlaneAttention(Module):
    """x (N, channels, H, W) -> the same: every place looks at all places of its image. Starts as x."""

    def __init__(self, channels: int, heads: int, groups: int) -> None:
        super().__init__()
        self.norm = GroupNorm(groups, channels)
        self.attention = MultiheadAttention(channels, heads, batch_first=True)
        zeroed(self.attention.out_proj)

    def forward(self, x: Any) -> Any:
        count, channels, height, width = x.shape
        y = autograd.reshape(self.norm(x), (count, channels, height * width))
        y = autograd.transpose(y, 1, 2)  # (N, places, channels)
        y, _ = self.attention(y, y, y, need_weights=False)
        return x + autograd.reshape(autograd.transpose(y, 1, 2), (count, channels, height, width))


class Level(Module):
    """Residual blocks of one side, attention behind the first `looks` of them; the first block widens."""

    def __init__(
        self,
        channels: int,
        filters: int,
        blocks: int,
        looks: int,
        width: int,
        heads: int,
        groups: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.blocks = ModuleList(
            ResidualBlock(filters if i else channels, filters, width, groups, dropout) for i in range(blocks)
        )
        self.attention = ModuleList(PlaneAttention(filters, heads, groups) for _ in range(looks))

    def forward(self, x: Any, condition: Any) -> Any:
        for i, block in enumerate(self.blocks):
            x = block(x, condition)
            if i < len(self.attention):
                x = self.attention[i](x)
        return x


def zeroed(layer: Any) -> Any:
    """The layer, its parameters set to zero: what it is added to then starts unchanged."""
    for parameter in layer.parameters():
        init.zeros_(parameter)
    return layer


# The networks ---------------------------------------------------------------------------------------


class UNet(Module):
    """x (N, channels, height, width), t (N,), classes (N,) or None -> like x.

    side       one int, or (height, width); each is halved len(dim_mults) - 1 times, so must be a multiple of
               2 ** that: 28 -> 14 -> 7, 32 -> 16 -> 8, 8 -> 4 with dim_mults of two
    dim        channels of the first level; level i has dim * dim_mults[i]
    blocks     residual blocks a level, on the way down and on the way up; the last level has one more
    attention  levels whose longer side is at most this look at all their places, behind each block; 0: none
    heads      of the attention; they must divide dim
    classes    None, or how many there are: a class is then 0 ... classes - 1, and `classes` says "no class",
               as a call without classes does for all (guidance: Ho and Salimans 2022)
    groups     of the norms; they must divide dim
    dropout    inside the residual blocks, while training

    ValueError where sides can't be halved or an input has another shape, with what to do.

    >>> import autograd, nn
    >>> model = UNet(28, channels=1, dim=16, dim_mults=(1, 2, 2), classes=10)
    >>> x, t, labels = autograd.randn(2, 1, 28, 28), autograd.tensor([5, 900]), autograd.tensor([3, 10])
    >>> model(x, t, labels).shape
    (2, 1, 28, 28)
    """

    def __init__(
        self,
        side: int | tuple[int, int],
        channels: int = 1,
        dim: int = 32,
        dim_mults: Sequence[int] = (1, 2, 4),
        *,
        blocks: int = 1,
        attention: int = 8,
        heads: int = 4,
        classes: int | None = None,
        groups: int = 8,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.side = pixel_pair("UNet", "side", side)
        self.channels, self.dim, self.classes = channels, dim, classes
        if not isinstance(dim_mults, Sequence):
            raise ValueError(f"UNet: want a sequence of dim_mults, (1, 2, 4) say, got {dim_mults!r}")
        self.dim_mults = tuple(dim_mults)
        self.check_sizes(blocks, heads, groups)
        widths = [dim * times for times in self.dim_mults]
        width = 4 * dim

        def level(i: int, incoming: int, more: int = 0) -> Level:
            looks = blocks if max(self.side) >> i <= attention else 0
            return Level(incoming, widths[i], blocks + more, looks, width, heads, groups, dropout)

        self.condition = Condition(dim, width, classes)
        self.first = Conv2d(channels, dim, 3, padding=1)
        last = len(widths) - 1
        self.down = ModuleList(level(i, widths[max(i - 1, 0)]) for i in range(last))
        self.halve = ModuleList(Conv2d(w, w, 3, stride=2, padding=1) for w in widths[:-1])
        self.middle = level(last, widths[max(last - 1, 0)], 1)
        self.enlarge = Upsample(scale_factor=2)
        self.up = ModuleList(level(i, widths[i + 1] + widths[i]) for i in reversed(range(last)))
        self.last = Sequential(GroupNorm(groups, dim), SiLU(), zeroed(Conv2d(dim, channels, 3, padding=1)))

    def check_sizes(self, blocks: int, heads: int, groups: int) -> None:
        levels = len(self.dim_mults)
        for times in self.dim_mults:
            if not isinstance(times, int | np.integer):
                raise ValueError(f"UNet: want whole dim_mults, (1, 2, 4) say, got {self.dim_mults}")
        if min((self.channels, self.dim, blocks, heads, groups, *self.dim_mults, levels)) < 1:
            raise ValueError(
                f"UNet: want at least one level and positive sizes, got channels {self.channels}, "
                f"dim {self.dim}, dim_mults {self.dim_mults}, blocks {blocks}, heads {heads}, groups {groups}"
            )
        if self.dim_mults[0] != 1:
            raise ValueError(f"UNet: dim_mults must begin with 1 (set dim instead), got {self.dim_mults}")
        for length in self.side:
            if length < 1 or length % 2 ** (levels - 1):
                raise ValueError(
                    f"UNet: side {length} can't be halved {levels - 1} times ({levels} levels in dim_mults); "
                    f"want a multiple of {2 ** (levels - 1)}, or fewer levels"
                )
        if self.dim % math.lcm(groups, heads, 2):
            raise ValueError(
                f"UNet: dim {self.dim} must be even, and a multiple of groups {groups} and of heads {heads}"
            )

    def forward(self, x: Any, t: Any, classes: Any = None) -> Any:
        own = (self.channels, *self.side)
        if len(x.shape) != 4 or tuple(x.shape[1:]) != own:
            raise ValueError(
                f"UNet: made for images (N, {', '.join(map(str, own))}), got shape {tuple(x.shape)}; make it "
                "with the side and channels of the images"
            )
        condition = self.condition("UNet", x, t, classes)
        x = self.first(x)
        known = []
        for level, halve in zip(self.down, self.halve, strict=True):
            x = level(x, condition)
            known.append(x)
            x = halve(x)
        x = self.middle(x, condition)
        for level in self.up:
            x = level(autograd.cat([self.enlarge(x), known.pop()], 1), condition)
        return self.last(x)

    def extra_repr(self) -> str:
        return (
            f"side={self.side}, channels={self.channels}, dim={self.dim}, dim_mults={self.dim_mults}, "
            f"classes={self.classes}"
        )


class PointDenoiser(Module):
    """x (N, size), t (N,), classes (N,) or None -> like x: UNet's interface for points.

    `layers` times x + linear(SiLU(linear(x) + linear(condition))), of `width` numbers. classes as UNet's.
    waves     that the network sees of each coordinate x beside it: sin and cos of pi x, 2 pi x, 4 pi x ...
              With none it learns smooth functions only, too smooth for narrow clouds (Tancik et al. 2020)

    >>> import autograd
    >>> PointDenoiser(2, width=64)(autograd.randn(7, 2), autograd.arange(7)).shape
    (7, 2)
    """

    frequencies: Tensor | None

    def __init__(
        self,
        size: int = 2,
        width: int = 128,
        layers: int = 3,
        *,
        waves: int = 0,
        classes: int | None = None,
    ) -> None:
        super().__init__()
        if min(size, width, layers) < 1 or width % 2 or waves < 0:
            raise ValueError(
                f"PointDenoiser: want positive sizes and an even width, got size {size}, width {width}, "
                f"layers {layers}, waves {waves}"
            )
        self.size, self.classes = size, classes
        self.condition = Condition(width, width, classes)
        frequencies = autograd.tensor(math.pi * 2.0 ** np.arange(waves), dtype=autograd.get_default_dtype())
        self.register_buffer("frequencies", frequencies if waves else None, persistent=False)
        self.first = Linear(size * (1 + 2 * waves), width)
        self.inner = ModuleList(Linear(width, width) for _ in range(layers))
        self.told = ModuleList(Linear(width, width) for _ in range(layers))
        self.outer = ModuleList(Linear(width, width) for _ in range(layers))
        self.last = zeroed(Linear(width, size))
        self.activation = SiLU()

    def forward(self, x: Any, t: Any, classes: Any = None) -> Any:
        if len(x.shape) != 2 or x.shape[1] != self.size:
            raise ValueError(f"PointDenoiser: made for points (N, {self.size}), got shape {tuple(x.shape)}")
        condition = self.condition("PointDenoiser", x, t, classes)
        if self.frequencies is not None:
            angles = autograd.reshape(autograd.unsqueeze(x, 2) * self.frequencies, (x.shape[0], -1))
            x = autograd.cat((x, autograd.sin(angles), autograd.cos(angles)), 1)
        x = self.first(x)
        for inner, told, outer in zip(self.inner, self.told, self.outer, strict=True):
            x = x + outer(self.activation(inner(x) + told(condition)))
        return self.last(x)
