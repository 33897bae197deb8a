"""Data: datasets, the loader, IDX files, handwritten digits, augmentation.

from nn.data import DataLoader, optdigits

for x, y in DataLoader(optdigits(train=True), batch_size=64, shuffle=True, seed=0):
    ...                                # x (64, 1, 8, 8) float32 in [0, 1], y (64,) int64
"""

from nn.data import points
from nn.data.augment import Augment, elastic, rotate, shift, warp, zoom
from nn.data.dataset import Dataset, Subset, TensorDataset, collate, random_split
from nn.data.digits import Digits, fashion_mnist, mnist, optdigits
from nn.data.idx import DataError, read_idx, write_idx
from nn.data.loader import DataLoader
from nn.data.stacked import StackedDigits

__all__ = [
    "Augment",
    "DataError",
    "DataLoader",
    "Dataset",
    "Digits",
    "StackedDigits",
    "Subset",
    "TensorDataset",
    "collate",
    "elastic",
    "fashion_mnist",
    "mnist",
    "optdigits",
    "points",
    "random_split",
    "read_idx",
    "rotate",
    "shift",
    "warp",
    "write_idx",
    "zoom",
]
