"""Stacked digits: three digits as the channels of one image, so that the data has a thousand modes.

Which of them a generator draws can be counted, if each channel is read by a classifier; so this is the
usual test for mode collapse (Metz et al. 2017; Srivastava et al. 2017; Lin et al. 2018, section 4.2).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.ops.random import Generator
from nn.data.dataset import Dataset
from nn.data.digits import Digits

__all__ = ["StackedDigits"]

Array = np.ndarray[Any, Any]


class StackedDigits(Dataset):
    """`count` images of three digits each, drawn from `digits` at random, with replacement.

    An example is (image (3, H, W) float32 in [0, 1], mode int64): digits a, b and c in the channels make the
    mode 100 a + 10 b + c, or k^2 a + k b + c where there are k classes. The same `seed` gives the same
    images. Only the numbers of the digits are kept, `parts` (count, 3); images are made as they are asked
    for, so that the usual 128,000 take 1.5 MB, not 1.2 GB.

    >>> from nn.data import optdigits
    >>> data = StackedDigits(optdigits(), count=1000, seed=0)
    >>> image, mode = data[7]
    >>> image.shape, int(mode), [int(data.digits.labels[part]) for part in data.parts[7]], data.modes
    ((3, 8, 8), 723, [7, 2, 3], 1000)
    >>> images, modes = data.batch(np.arange(64))
    >>> images.shape, modes.shape, modes.dtype
    ((64, 3, 8, 8), (64,), dtype('int64'))
    """

    def __init__(self, digits: Digits, count: int = 128_000, seed: int = 0) -> None:
        if not isinstance(count, int) or count < 1:
            raise ValueError(f"StackedDigits: want a count >= 1, got {count!r}")
        if not len(digits):
            raise ValueError("StackedDigits: want digits to draw from, got none")
        self.digits = digits
        self.modes = len(digits.classes) ** 3
        self.parts = Generator(seed).integers(0, len(digits), (count, 3)).astype(np.int32)

    def __len__(self) -> int:
        return len(self.parts)

    def __getitem__(self, index: int) -> tuple[Array, np.int64]:
        images, modes = self.batch(np.asarray([index]))
        return images[0], modes[0]

    def batch(self, indices: Array) -> tuple[Array, Array]:
        parts = self.parts[indices]
        base = len(self.digits.classes)
        modes = self.digits.labels[parts] @ np.array([base * base, base, 1])
        return self.digits.scaled(self.digits.images[parts]), modes
