"""`predict`: what a trained network reads in photos and drawings of a digit."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from apps.command import UserError
from apps.digits import checkpoint
from apps.digits.evaluate import probabilities
from apps.digits.images import prepare

__all__ = ["run"]

Array = np.ndarray[Any, Any]

# The checkpoint where none is named: MNIST's writers are more, and its images larger.
USUAL = ("runs/digits-mnist-cnn", "runs/digits-mnist-quick", "runs/digits-optdigits-cnn")
BAR = 30  # characters of a bar of 100%
SHADES = " .:-=+*#%@"


def run(options: Namespace) -> int:
    path, files = parted(options.paths)
    model, card = checkpoint.load_model(path, options.dataset)
    # All images are read before anything is said: one bad file is one line, not half a report.
    images = np.stack([prepare(file, card.side) for file in files])
    chances = probabilities(model, images[:, None])
    for file, image, chance in zip(files, images, chances, strict=True):
        print(f"{file}, as the network sees it ({card.side}x{card.side}):")
        print(drawing(image))
        print(ranking(chance, card.classes))
    return 0


def parted(paths: Sequence[Path]) -> tuple[Path, list[Path]]:
    """(checkpoint, image files): the first path is the checkpoint if it is a folder or weights."""
    first, *others = paths
    if first.is_dir() or first.suffix == ".safetensors":
        if not others:
            raise UserError(f"no image files after the checkpoint {first}")
        return first, others
    for usual in map(Path, USUAL):
        if (usual / checkpoint.FILE).exists():
            return usual, list(paths)
    raise UserError("no trained network yet: run `make digits` (or `python -m apps.digits train`) first, "
                    "or name its folder before the images")  # fmt: skip


def ranking(chances: Array, classes: Sequence[str]) -> str:
    """The classes, likeliest first, with bars.

    >>> print(ranking(np.array([0.2, 0.75, 0.05]), ["a", "b", "c"]))
      b   75.0%  ######################
      a   20.0%  ######
      c    5.0%  #
    """
    width = max(len(name) for name in classes)
    order = np.argsort(-chances, kind="stable")
    return "\n".join(
        f"  {classes[i]:<{width}}  {100 * chances[i]:5.1f}%  {'#' * int(BAR * chances[i])}".rstrip()
        for i in order
    )


def drawing(image: Array) -> str:
    """An image of 0 (paper) to 1 (ink) in characters, two to a pixel."""
    shades = np.array(list(SHADES))[np.minimum((image * len(SHADES)).astype(int), len(SHADES) - 1)]
    return "\n".join("  " + "".join(shade * 2 for shade in row).rstrip() for row in shades)
