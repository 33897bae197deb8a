"""The frozen eye of the meters: a small LeNet for each set of images, which comes with the package.

Distances between images mean little in pixels: a digit moved by one pixel is far from itself. So drawings are
compared in the features of a network that has learned to read. Heusel et al. (2017) take an Inception network
trained on photos; for digits and clothes that is the wrong eye, and one of their own is small.

Whoever trains the network again gets other numbers, so it is frozen: features() checks the SHA-256 of its
file. Distances are to be compared only between those of one file.
"""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import autograd
from autograd import Tensor
from autograd.tape import Value
from nn.containers import Sequential
from nn.layers import BatchNorm1d, BatchNorm2d, Conv2d, Dropout, Flatten, Linear, MaxPool2d, ReLU
from nn.module import Module
from nn.serialize import load

__all__ = ["LeNet", "features"]

Array = np.ndarray[Any, Any]


class Frozen(NamedTuple):
    """A file of weights, and what it was trained on."""

    sha256: str
    side: int
    widths: tuple[int, int, int]


# Written by `python -m apps.digits.features --dataset NAME --seed 0 --threads 1 --output nn/metrics`, trained
# on the training images alone. Of the test images they read 99.52 %, 92.46 % and 99.33 %.
FROZEN = {
    "mnist": Frozen("821dfd93b6feaf1283fdd849b2735ca7fcc6f4eab9af55fdb897f52daae94773", 28, (24, 32, 128)),
    "fashion": Frozen("e0b177a04f51181fd709f19969d4b448ff828b7348c335f6bb05437911f2146b", 28, (32, 64, 128)),
    "optdigits": Frozen("9bedcc8782555f04399c42b03fe3069453a38735dc34d02e2f628002759a2b68", 8, (16, 32, 64)),
}


class LeNet(Module):
    """Two convolutions and a hidden layer, after LeCun et al. (1998), with ReLU and batch norm.

    Of grey images (N, 1, side, side) in [0, 1], side 8 or 28, forward makes the scores (N, classes). The
    features are what the last layer reads: the widths[2] numbers of the hidden layer. Those of a frozen
    network have mean 0 and variance 1 over the training images, so each of them counts as much in a distance.

    >>> net = LeNet(8, (4, 8, 16)).eval()
    >>> images = np.zeros((3, 1, 8, 8), np.float32)
    >>> net.features(images).shape, net.classify(images).shape
    ((3, 16), (3,))
    """

    def __init__(
        self, side: int, widths: tuple[int, int, int], classes: int = 10, dropout: float = 0.0
    ) -> None:
        super().__init__()
        if side not in (8, 28):
            raise ValueError(f"LeNet: want images of side 8 or 28, got {side}")
        first, second, hidden = widths
        self.side, self.widths, self.classes = side, widths, classes
        # 28 -> 24 -> 12 -> 10 -> 5; 8 -> 8 -> 4 -> 4: so small an image is halved once, and padded.
        large = side == 28
        down: list[Module] = [MaxPool2d(2)] if large else []
        self.body = Sequential(
            Conv2d(1, first, 5 if large else 3, padding=0 if large else 1), ReLU(), *down, BatchNorm2d(first),
            Conv2d(first, second, 3, padding=0 if large else 1), ReLU(), MaxPool2d(2), BatchNorm2d(second),
            Flatten(), Dropout(dropout),
            Linear(second * (25 if large else 16), hidden), ReLU(), BatchNorm1d(hidden),
        )  # fmt: skip
        self.head = Sequential(Dropout(dropout), Linear(hidden, classes))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))  # type: ignore[no-any-return]

    def features(self, images: Any) -> Array:
        """(N, widths[2]) float64 of images (N, 1, side, side), an array or a tensor, in [0, 1].

        ValueError for another shape, for values that are NaN or outside, and for a network in training mode.
        """
        found: Array = self.made(self.body, images).astype(np.float64)
        return found

    def classify(self, images: Any) -> Array:
        """The class of each image, (N,) int64; errors as features()."""
        classes: Array = self.made(self, images).argmax(1).astype(np.int64)
        return classes

    def features_and_classes(self, images: Any) -> tuple[Array, Array]:
        """Both, for the price of one; errors as features()."""
        found = self.made(self.body, images)
        with autograd.no_grad():
            scores = self.head(autograd.from_numpy(found)).data
        return found.astype(np.float64), scores.argmax(1).astype(np.int64)

    def made(self, part: Module, images: Any, block: int = 250) -> Array:
        """What a part of the network makes of images, block by block: what it works on stays in the cache."""
        if self.training:
            raise ValueError("LeNet: is in training mode; call eval() first")
        pixels = checked(images, self.side)
        with autograd.no_grad():
            blocks = (autograd.from_numpy(pixels[i : i + block]) for i in range(0, len(pixels), block))
            return np.concatenate([part(x).data for x in blocks])


def checked(images: Any, side: int) -> Array:
    """Images as (N, 1, side, side) float32 in [0, 1], or a ValueError that says what they are instead."""
    pixels = np.asarray(images.data if isinstance(images, Value) else images)
    if pixels.ndim != 4 or pixels.shape[1:] != (1, side, side) or not len(pixels):
        raise ValueError(f"want images (N, 1, {side}, {side}), N >= 1, got {pixels.shape}")
    if pixels.dtype.kind != "f":
        raise ValueError(f"want images of floats in [0, 1], got {pixels.dtype}; divide by the highest level")
    low, high = float(pixels.min()), float(pixels.max())
    if not (low >= -1e-4 and high <= 1 + 1e-4):  # NaN, too, is not inside
        what = "NaN" if low != low else f"[{low:.4g}, {high:.4g}]"
        raise ValueError(f"want images in [0, 1], got {what}; what is in [-1, 1] becomes (x + 1) / 2")
    return np.ascontiguousarray(pixels, np.float32)


@functools.cache
def features(dataset: str) -> LeNet:
    """The frozen network for "mnist", "fashion" or "optdigits": `.features(images)`, `.classify(images)`.

    ValueError for another name, and for a file that is not the one that was frozen.

    >>> from nn.data import optdigits
    >>> from nn.metrics import accuracy
    >>> images, labels = optdigits(train=False).arrays()
    >>> net = features("optdigits")
    >>> net.features(images[:20]).shape
    (20, 64)
    >>> accuracy(net.classify(images), labels) > 0.98
    True
    """
    if dataset not in FROZEN:
        raise ValueError(f"features: want one of {', '.join(FROZEN)}, got {dataset!r}")
    path = file_of(dataset)
    return read(path, FROZEN[dataset])


def file_of(dataset: str, folder: Path | None = None) -> Path:
    return (folder or Path(__file__).parent) / f"lenet-{dataset}.safetensors"


def read(path: Path, frozen: Frozen) -> LeNet:
    """The network in a file, which must be the frozen one to the last bit."""
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror}); install the package again") from None
    if digest != frozen.sha256:
        raise ValueError(
            f"{path}: not the frozen network: SHA-256 {digest[:16]}..., want {frozen.sha256[:16]}...; its "
            "distances would not compare with others. Install the package again"
        )
    return thawed(path, frozen.side, frozen.widths)


def thawed(path: Path, side: int, widths: tuple[int, int, int]) -> LeNet:
    net = LeNet(side, widths)
    net.load_state_dict(load(path))
    net.requires_grad_(False)
    return net.eval()


def frozen_state(net: LeNet) -> dict[str, Tensor]:
    """What is stored of a network: matrices in half precision, the rest as it is."""
    return {
        name: Tensor(x.data.astype(np.float16) if x.data.ndim > 1 else x.data)
        for name, x in net.state_dict().items()
    }
