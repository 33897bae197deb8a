"""The images that the app knows, by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from apps.command import UserError
from nn.data import Digits, fashion_mnist, mnist, optdigits

__all__ = ["NAMES", "SIDES", "TITLES", "load", "validation_split"]

NAMES = ("optdigits", "mnist", "fashion")
SIDES = {"optdigits": 8, "mnist": 28, "fashion": 28}

# As the last line of `train` names them: the test images of optdigits were written by other people.
TITLES = {"optdigits": "optdigits, writer-independent", "mnist": "mnist", "fashion": "fashion"}


def load(name: str, folder: Path | None, train: bool) -> Digits:
    """Training or test images; DataError says which file is missing or damaged, and where to put it."""
    if name == "optdigits":
        return optdigits(train)
    if folder is not None and not folder.is_dir():
        raise UserError(f"--data {folder}: no such folder")
    return {"mnist": mnist, "fashion": fashion_mnist}[name](folder, train)


def validation_split(data: Digits, fraction: float) -> tuple[Digits, Digits]:
    """(the first images, the last `fraction` of them). Not at random: neighbours in the files often come
    from one writer, whose other digits would make the validation part too easy."""
    cut = round(len(data) * (1 - fraction))
    if not 0 < cut < len(data):
        raise UserError(f"--validation {fraction:g} of {len(data)} images leaves one part empty")
    return part(data, slice(0, cut)), part(data, slice(cut, None))


def part(data: Digits, which: slice | np.ndarray) -> Digits:
    return Digits(data.name, data.images[which], data.labels[which], data.levels, data.classes)
