"""nn.models.UNet as one writes it in PyTorch: the same names, the same numbers."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class TimeEmbedding(nn.Module):
    frequencies: Tensor

    def __init__(self, dim: int, width: int) -> None:
        super().__init__()
        exponents = torch.arange(dim // 2, dtype=torch.float64) / (dim // 2)
        values = (10000.0**-exponents).to(torch.get_default_dtype())
        self.register_buffer("frequencies", values, persistent=False)
        self.layers = nn.Sequential(nn.Linear(dim, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, t: Tensor) -> Tensor:
        angles = t[:, None] * self.frequencies
        return self.layers(torch.cat([angles.sin(), angles.cos()], 1))


class Condition(nn.Module):
    def __init__(self, dim: int, width: int, classes: int | None) -> None:
        super().__init__()
        self.time = TimeEmbedding(dim, width)
        self.embedding = None if classes is None else nn.Embedding(classes + 1, width)

    def forward(self, t: Tensor, classes: Tensor | None) -> Tensor:
        known = self.time(t)
        if self.embedding is not None:
            known = known + (self.embedding.weight[-1:] if classes is None else self.embedding(classes))
        return F.silu(known)


class ResidualBlock(nn.Module):
    def __init__(self, channels: int, filters: int, width: int, groups: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, channels)
        self.conv1 = nn.Conv2d(channels, filters, 3, padding=1)
        self.condition = nn.Linear(width, filters)
        self.norm2 = nn.GroupNorm(groups, filters)
        self.conv2 = nn.Conv2d(filters, filters, 3, padding=1)
        self.shortcut = nn.Identity() if channels == filters else nn.Conv2d(channels, filters, 1)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        y = self.conv1(F.silu(self.norm1(x))) + self.condition(condition)[:, :, None, None]
        return self.conv2(F.silu(self.norm2(y))) + self.shortcut(x)


class PlaneAttention(nn.Module):
    def __init__(self, channels: int, heads: int, groups: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(groups, channels)
        self.attention = nn.MultiheadAttention(channels, heads, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(x).flatten(2).transpose(1, 2)
        y, _ = self.attention(y, y, y, need_weights=False)
        return x + y.transpose(1, 2).reshape(x.shape)


class Level(nn.Module):
    def __init__(
        self, channels: int, filters: int, blocks: int, looks: int, width: int, heads: int, groups: int
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            ResidualBlock(filters if i else channels, filters, width, groups) for i in range(blocks)
        )
        self.attention = nn.ModuleList(PlaneAttention(filters, heads, groups) for _ in range(looks))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        for i, block in enumerate(self.blocks):
            x = block(x, condition)
            if i < len(self.attention):
                x = self.attention[i](x)
        return x


class UNet(nn.Module):
    def __init__(
        self,
        side: int,
        channels: int = 1,
        dim: int = 32,
        dim_mults: Sequence[int] = (1, 2, 4),
        blocks: int = 1,
        attention: int = 8,
        heads: int = 4,
        classes: int | None = None,
        groups: int = 8,
    ) -> None:
        super().__init__()
        widths = [dim * times for times in dim_mults]
        last = len(widths) - 1

        def level(i: int, incoming: int, more: int = 0) -> Level:
            looks = blocks if side >> i <= attention else 0
            return Level(incoming, widths[i], blocks + more, looks, 4 * dim, heads, groups)

        self.condition = Condition(dim, 4 * dim, classes)
        self.first = nn.Conv2d(channels, dim, 3, padding=1)
        self.down = nn.ModuleList(level(i, widths[max(i - 1, 0)]) for i in range(last))
        self.halve = nn.ModuleList(nn.Conv2d(w, w, 3, stride=2, padding=1) for w in widths[:-1])
        self.middle = level(last, widths[max(last - 1, 0)], 1)
        self.up = nn.ModuleList(level(i, widths[i + 1] + widths[i]) for i in reversed(range(last)))
        self.last = nn.Sequential(
            nn.GroupNorm(groups, dim), nn.SiLU(), nn.Conv2d(dim, channels, 3, padding=1)
        )

    def forward(self, x: Tensor, t: Tensor, classes: Tensor | None = None) -> Tensor:
        condition = self.condition(t, classes)
        x, known = self.first(x), []
        for level, halve in zip(self.down, self.halve, strict=True):
            known.append(level(x, condition))
            x = halve(known[-1])
        x = self.middle(x, condition)
        for level in self.up:
            x = level(torch.cat([F.interpolate(x, scale_factor=2), known.pop()], 1), condition)
        return self.last(x)
