"""Handwritten digits (and clothes): optdigits, which comes with the package, MNIST and Fashion-MNIST.

The files of MNIST and Fashion-MNIST are looked for in the folder given; else in the folder of the
environment variable AUTOGRAD_DATA; else in the cache, to which they are downloaded. A file counts only if
the SHA-256 of its unpacked bytes is the published one, wherever it came from.
"""

from __future__ import annotations

import hashlib
import io
import os
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np

from nn.data.dataset import Dataset
from nn.data.idx import DataError, parse_idx, unpack, unpacked, write_atomically

__all__ = ["Digits", "fashion_mnist", "mnist", "optdigits"]

Array = np.ndarray[Any, Any]

OPTDIGITS_SHA256 = "1cdee8bd74502a9c1ec7aa6ecca8f0bd829cfafb8d26ec0e1134110c946d20c4"

# Where to download from: the public copies of the original files.
MIRRORS = {
    "mnist": "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "fashion-mnist": "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
}

FILES = {
    True: ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    False: ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}

# SHA-256 of the unpacked files.
SHA256 = {
    "mnist": {
        "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
    "fashion-mnist": {
        "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
}

DIGITS = tuple("0123456789")
CLOTHES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip


class Digits(Dataset):
    """Grey images with their classes. An example is (image (1, H, W) float32 in [0, 1], class int64).

    `images` (N, H, W) uint8 holds the pixels as they are in the file, 0 (paper) to `levels` (ink), `labels`
    (N,) int64 the classes, `classes` their names.

    >>> data = optdigits(train=False)
    >>> len(data), data.images.shape, data.levels, data.labels[:5]
    (1797, (1797, 8, 8), 16, array([0, 1, 2, 3, 4]))
    >>> x, y = data.batch(np.array([0, 1]))
    >>> x.shape, x.max(), y
    ((2, 1, 8, 8), np.float32(1.0), array([0, 1]))
    """

    def __init__(
        self, name: str, images: Array, labels: Array, levels: int, classes: tuple[str, ...]
    ) -> None:
        if images.ndim != 3 or labels.shape != images.shape[:1]:
            raise DataError(f"{name}: {images.shape} images do not go with {labels.shape} labels")
        if labels.size and labels.max() >= len(classes):
            raise DataError(f"{name}: label {labels.max()} is not one of {len(classes)} classes")
        self.name, self.images, self.levels, self.classes = name, images, levels, classes
        self.labels = labels.astype(np.int64)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Array, np.int64]:
        return self.scaled(self.images[index][None]), self.labels[index]

    def batch(self, indices: Array) -> tuple[Array, Array]:
        return self.scaled(self.images[indices][:, None]), self.labels[indices]

    def arrays(self) -> tuple[Array, Array]:
        """All of it: images (N, 1, H, W) float32 in [0, 1], classes (N,) int64."""
        return self.scaled(self.images[:, None]), self.labels

    def scaled(self, pixels: Array) -> Array:
        out: Array = np.divide(pixels, np.float32(self.levels), dtype=np.float32)
        return out


def optdigits(train: bool = True) -> Digits:
    """Optical Recognition of Handwritten Digits (Alpaydin and Kaynak, 1998; CC BY 4.0): 8x8, 3823 images to
    train on and 1797 by other people to test on. It is part of the package."""
    path = Path(__file__).with_name("optdigits.npz")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); install the package again") from None
    if hashlib.sha256(data).hexdigest() != OPTDIGITS_SHA256:
        raise DataError(f"{path}: is damaged (wrong SHA-256); install the package again")
    part = "train" if train else "test"
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        return Digits("optdigits", arrays[f"x_{part}"], arrays[f"y_{part}"], 16, DIGITS)


def mnist(folder: str | os.PathLike[str] | None = None, train: bool = True) -> Digits:
    """MNIST (LeCun, Cortes, Burges): 28x28, 60,000 images to train on and 10,000 to test on.

    `folder` holds the four files, gzipped or not, itself or in a folder "mnist" within. Raises DataError
    for files that are missing, damaged or others.
    """
    return read_digits("mnist", folder, train, DIGITS)


def fashion_mnist(folder: str | os.PathLike[str] | None = None, train: bool = True) -> Digits:
    """Fashion-MNIST (Xiao, Rasul, Vollgraf 2017; MIT licence): clothes in the shape of MNIST. `folder` as
    there, the inner folder is "fashion-mnist"."""
    return read_digits("fashion-mnist", folder, train, CLOTHES)


def read_digits(
    name: str, folder: str | os.PathLike[str] | None, train: bool, classes: tuple[str, ...]
) -> Digits:
    images, labels = (read_checked(name, file, locate(name, file, folder)) for file in FILES[train])
    return Digits(name, images, labels, 255, classes)


# Finding the files -------------------------------------------------------------------------------


def locate(name: str, file: str, folder: str | os.PathLike[str] | None) -> Path:
    """The path of a file of a dataset, downloaded if need be."""
    if folder is not None:
        path = search(name, file, Path(folder))
        if path is None:
            raise DataError(f"{name}: {file}(.gz) is not in {folder}; {remedy(name, Path(folder))}")
        return path
    named = os.environ.get("AUTOGRAD_DATA")
    path = search(name, file, Path(named)) if named else None
    return path or search(name, file, cache()) or download(name, file)


def search(name: str, file: str, folder: Path) -> Path | None:
    for inner in (folder / name, folder):
        for path in (inner / f"{file}.gz", inner / file):
            if path.is_file():
                return path
    return None


def cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kernelgrad"


def remedy(name: str, folder: Path) -> str:
    files = ", ".join(f"{file}.gz" for part in FILES.values() for file in part)
    return f"put the four files {files} (or unpacked) into {folder / name}"


def download(name: str, file: str) -> Path:
    target, url = cache() / name / f"{file}.gz", f"{MIRRORS[name]}{file}.gz"
    try:
        with urllib.request.urlopen(url, timeout=30) as response:
            data = response.read()
        checked_idx(name, file, unpack(data, url), url)
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(target, data)
    except (OSError, DataError) as error:
        where = Path(os.environ.get("AUTOGRAD_DATA") or cache())
        raise DataError(f"{name}: cannot download {url} ({error}); {remedy(name, where)}") from None
    return target


def read_checked(name: str, file: str, path: Path) -> Array:
    return checked_idx(name, file, unpacked(path), str(path))


def checked_idx(name: str, file: str, data: bytes, source: str) -> Array:
    """The array in the unpacked bytes of an IDX file, which must be those of the published file."""
    array = parse_idx(data, source)
    digest = hashlib.sha256(data).hexdigest()
    if digest != SHA256[name][file]:
        raise DataError(
            f"{source}: not the {file} of {name}: SHA-256 {digest[:16]}..., want {SHA256[name][file][:16]}..."
        )
    return array
