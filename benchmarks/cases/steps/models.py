"""The networks that are trained, written once in the names that our `nn` and PyTorch's share (and that
jax_nn.py gives JAX)."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.cases.steps.library import Library
from benchmarks.cases.steps.sequences import SEQUENCES


def playground(lib: Library, dropout: bool) -> Any:
    nn = lib.nn
    return nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 1), nn.Tanh())


def mlp(lib: Library, dropout: bool) -> Any:
    nn = lib.nn
    return nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))


def wide_mlp(lib: Library, dropout: bool) -> Any:
    nn = lib.nn
    return nn.Sequential(
        nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 10)
    )  # fmt: skip


def lenet5(lib: Library, dropout: bool) -> Any:
    """LeCun et al. 1998, with today's ReLU and max pooling."""
    nn = lib.nn
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip


def mnist_cnn(lib: Library, dropout: bool) -> Any:
    """The network of PyTorch's MNIST example."""
    nn = lib.nn
    quarter, half = ([nn.Dropout(0.25)], [nn.Dropout(0.5)]) if dropout else ([], [])
    return nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), *quarter,
        nn.Flatten(), nn.Linear(9216, 128), nn.ReLU(), *half, nn.Linear(128, 10),
    )  # fmt: skip


# DCGAN (Radford et al. 2016), for images of 28 x 28 ------------------------------------------------

NOISE = 64


def generator(lib: Library) -> Any:
    nn = lib.nn
    return nn.Sequential(
        nn.ConvTranspose2d(NOISE, 128, 7, bias=False), nn.BatchNorm2d(128), nn.ReLU(),
        nn.ConvTranspose2d(128, 64, 4, stride=2, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU(),
        nn.ConvTranspose2d(64, 1, 4, stride=2, padding=1), nn.Tanh(),
    )  # fmt: skip


def discriminator(lib: Library) -> Any:
    nn = lib.nn
    return nn.Sequential(
        nn.Conv2d(1, 64, 4, stride=2, padding=1), nn.LeakyReLU(0.2),
        nn.Conv2d(64, 128, 4, stride=2, padding=1, bias=False), nn.BatchNorm2d(128), nn.LeakyReLU(0.2),
        nn.Flatten(), nn.Linear(6272, 1),
    )  # fmt: skip


# The U-Net of DDPM (Ho et al. 2020), small ---------------------------------------------------------

WIDTH, TIME = 32, 128


def unet(lib: Library, dropout: bool) -> Any:
    """(x (N, 1, 28, 28), time (N,)) -> the noise in x."""
    nn, base = lib.nn, lib.base

    class Embedding(nn.Module):  # type: ignore[misc,name-defined]
        """Sines and cosines of the time at geometric frequencies."""

        def __init__(self) -> None:
            super().__init__()
            scales = np.exp(-np.log(10000) * np.arange(WIDTH // 2) / (WIDTH // 2))
            self.register_buffer("scales", base.tensor(scales.astype(np.float32)))

        def forward(self, time: Any) -> Any:
            angles = time.reshape(-1, 1) * self.scales
            return base.cat([base.sin(angles), base.cos(angles)], 1)

    class Block(nn.Module):  # type: ignore[misc,name-defined]
        """x + a function of x and the time."""

        def __init__(self, channels: int, filters: int) -> None:
            super().__init__()
            self.norm1 = nn.GroupNorm(8, channels)
            self.conv1 = nn.Conv2d(channels, filters, 3, padding=1)
            self.time = nn.Linear(TIME, filters)
            self.norm2 = nn.GroupNorm(8, filters)
            self.conv2 = nn.Conv2d(filters, filters, 3, padding=1)
            self.shortcut = nn.Conv2d(channels, filters, 1) if channels != filters else nn.Identity()
            self.silu = nn.SiLU()

        def forward(self, x: Any, time: Any) -> Any:
            y = self.conv1(self.silu(self.norm1(x)))
            y = y + self.time(time).reshape(len(x), -1, 1, 1)
            return self.conv2(self.silu(self.norm2(y))) + self.shortcut(x)

    class UNet(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.time = nn.Sequential(Embedding(), nn.Linear(WIDTH, TIME), nn.SiLU(), nn.Linear(TIME, TIME))
            self.first = nn.Conv2d(1, WIDTH, 3, padding=1)
            self.block1 = Block(WIDTH, WIDTH)
            self.down1 = nn.Conv2d(WIDTH, WIDTH, 3, stride=2, padding=1)
            self.block2 = Block(WIDTH, 2 * WIDTH)
            self.down2 = nn.Conv2d(2 * WIDTH, 2 * WIDTH, 3, stride=2, padding=1)
            self.block3 = Block(2 * WIDTH, 2 * WIDTH)
            self.up = nn.Upsample(scale_factor=2)
            self.block4 = Block(4 * WIDTH, WIDTH)
            self.block5 = Block(2 * WIDTH, WIDTH)
            self.last = nn.Sequential(nn.GroupNorm(8, WIDTH), nn.SiLU(), nn.Conv2d(WIDTH, 1, 3, padding=1))

        def forward(self, x: Any, time: Any) -> Any:
            time = self.time(time)
            whole = self.block1(self.first(x), time)  # 28 x 28
            half = self.block2(self.down1(whole), time)  # 14 x 14
            x = self.block3(self.down2(half), time)  # 7 x 7
            x = self.block4(base.cat([self.up(x), half], 1), time)
            x = self.block5(base.cat([self.up(x), whole], 1), time)
            return self.last(x)

    return UNet()


MODELS = {
    "playground": playground,
    "mlp": mlp,
    "wide_mlp": wide_mlp,
    "lenet5": lenet5,
    "mnist_cnn": mnist_cnn,
    "unet": unet,
    **SEQUENCES,
}
