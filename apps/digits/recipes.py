"""How each network is trained: the choices that were made on a validation part of the training images.

Nothing here was chosen by looking at the test images; they are read once, after the last epoch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from apps.command import UserError
from nn.data import Augment

__all__ = ["Recipe", "recipe"]


@dataclass(frozen=True)
class Recipe:
    """AdamW with a one-cycle learning rate (Smith and Topin, 2017), cross-entropy with smoothed labels."""

    epochs: int
    lr: float  # the highest of the cycle
    batch_size: int = 64
    widths: tuple[int, ...] = ()
    dropout: float = 0.3
    weight_decay: float = 0.01
    label_smoothing: float = 0.05
    betas: tuple[float, float] = (0.9, 0.999)  # how long AdamW remembers gradients and their squares
    cycle_momentum: bool = True  # the first beta falls while the learning rate climbs, and back
    augment: bool = True  # move, turn, scale and bend each image a little


# At 8x8 a pixel is an eighth of the image: less than that moves, or digits turn into others.
SMALL = Augment(shift=0.08, rotate=8, zoom=0.08, elastic=0.02)
LARGE = Augment(shift=0.06, rotate=8, zoom=0.08, elastic=0.02)

RECIPES = {
    ("optdigits", "cnn"): Recipe(epochs=25, lr=3e-3, widths=(32, 64, 64)),
    ("optdigits", "dnn"): Recipe(epochs=40, lr=3e-3, widths=(256, 128)),
    ("mnist", "cnn"): Recipe(
        epochs=4, lr=4e-3, batch_size=128, widths=(16, 32, 64), dropout=0.2, augment=False
    ),
    ("mnist", "dnn"): Recipe(epochs=12, lr=2e-3, batch_size=128, widths=(512, 256), augment=False),
    # 235 updates are too few for a long memory: Oikarinen's betas (models.quick) read 0.17 % more of the
    # validation images than the usual ones.
    ("mnist", "quick"): Recipe(
        epochs=1, lr=1e-2, batch_size=256, widths=(24, 32, 256), dropout=0.0, augment=False,
        betas=(0.7, 0.9), cycle_momentum=False,
    ),
}  # fmt: skip


def recipe(dataset: str, model: str, **changes: Any) -> Recipe:
    """The recipe for a dataset and model, with what the user wants otherwise (None: as it is).

    UserError, one line, where they don't go together.
    """
    usual = RECIPES.get(("optdigits" if dataset == "optdigits" else "mnist", model))
    if usual is None:
        raise UserError(f"--model {model} reads 28x28 images: give --dataset mnist or fashion with it")
    chosen = replace(usual, **{name: value for name, value in changes.items() if value is not None})
    if model == "quick" and len(chosen.widths) != 3:
        raise UserError("--widths: want three for --model quick, two convolutions and a hidden layer")
    return chosen


def augmentation(wanted: bool, side: int) -> Augment | None:
    return (SMALL if side < 14 else LARGE) if wanted else None
