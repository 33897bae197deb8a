"""Drawings on a sheet: ink dark on white paper, a tile each; and the pictures made of such sheets."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from PIL import Image

from apps.digits.pictures import BLUE, CAPTION, ORANGE, QUIET, STYLE, write
from nn.data.idx import write_atomically

__all__ = ["curves", "neighbours", "samples", "sheet", "step_of", "write_sheet"]

Array = np.ndarray[Any, Any]
SCALE = 8  # pixels a pixel, in figures
LOSS = (("loss", (("loss", "training", BLUE),)),)  # panels of curves(): titles, and lines
GAME = (
    ("losses", (("d_loss", "discriminator", BLUE), ("g_loss", "generator", ORANGE))),
    ("the discriminator's scores", (("real_score", "real", BLUE), ("fake_score", "drawn", ORANGE))),
    (
        "norms of the gradients",
        (("d_grad_norm", "discriminator", BLUE), ("g_grad_norm", "generator", ORANGE)),
    ),
)


def step_of(tile: int) -> int:
    """From one tile of so many pixels to the next: a tenth of it is left white between."""
    return tile + max(1, round(tile / 10))


def sheet(images: Array, columns: int, scale: int = 1) -> Array:
    """Images (N, 1, h, w) or (N, h, w) in [0, 1], ink 1, as one (H, W) float32, ink 0 and paper 1, row by
    row; `scale` pixels a pixel. Of images in colour, (N, 3, h, w), it is (H, W, 3).

    >>> sheet(np.ones((3, 1, 2, 2)), columns=2)
    array([[0., 0., 1., 0., 0.],
           [0., 0., 1., 0., 0.],
           [1., 1., 1., 1., 1.],
           [0., 0., 1., 1., 1.],
           [0., 0., 1., 1., 1.]], dtype=float32)
    """
    tiles = np.clip(images, 0, 1)[:, None] if images.ndim == 3 else np.clip(images, 0, 1)
    tiles = tiles.repeat(scale, 2).repeat(scale, 3).transpose(0, 2, 3, 1)
    count, height, width, colors = tiles.shape
    down, along, rows = step_of(height), step_of(width), -(-count // columns)
    paper = np.ones((rows * down, columns * along, colors), np.float32)
    for i, image in enumerate(tiles):
        y, x = i // columns * down, i % columns * along
        paper[y : y + height, x : x + width] = 1 - image
    page = paper[: height - down, : width - along]
    return page if colors > 1 else page[..., 0]


def write_sheet(images: Array, columns: int, path: Path) -> None:
    """A sheet as PNG, about 600 pixels wide."""
    pixels = sheet(images, columns, max(1, round(600 / (columns * images.shape[-1]))))
    buffer = io.BytesIO()
    Image.fromarray((255 * pixels).astype(np.uint8)).save(buffer, "png")
    write_atomically(path, buffer.getvalue())


def show(ax: Axes, images: Array, columns: int) -> None:
    ax.imshow(sheet(images, columns, SCALE), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    ax.set_axis_off()


def samples(
    drawings: Array,
    columns: int,
    rows: Sequence[str],
    counts: Array,
    shares: Array,
    classes: Sequence[str],
    title: str,
    path: Path,
    whose: str = "in the data",
) -> None:
    """A grid of drawings, and what they are taken for.

    rows    names of the classes that were asked for, one a row of the grid, or ()
    counts  (C,) drawings that were taken for each class; shares (C,) what share each has in the data, or
            in what is `whose`
    """
    down = -(-len(drawings) // columns)
    width, height = 6.4, down * min(0.64, 6.4 / columns)
    with rc_context(STYLE):
        figure = Figure(figsize=(width + 0.6, height + 2.4), dpi=130, layout="constrained")
        above, below = figure.subplots(2, 1, height_ratios=[height, 1.6])
        show(above, drawings, columns)
        step = step_of(drawings.shape[-1] * SCALE)
        for i, name in enumerate(rows):
            above.text(-8, (i + 0.45) * step, name, ha="right", va="center", color=QUIET, fontsize=10)
        percent = 100 * counts / max(counts.sum(), 1)
        below.bar(range(len(classes)), percent, color=BLUE, width=0.62, label="drawn")
        for i, share in enumerate(100 * shares):
            below.plot([i - 0.4, i + 0.4], [share, share], color=ORANGE, lw=2,
                       label=None if i else whose)  # fmt: skip
        below.set_xticks(range(len(classes)), classes, rotation=0 if len(classes[0]) < 3 else 30)
        below.tick_params(axis="x", length=0)
        below.set_ylabel("%")
        total = int(counts.sum())
        what = "the drawing is" if total == 1 else f"{total:,} drawings are"
        below.set_title(f"what {what} taken for")
        below.legend(frameon=False, ncols=2, loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0.2)
        figure.suptitle(title, **CAPTION)
        write(figure, path)


def neighbours(
    drawings: Array, nearest: Array, distances: Array, captions: Sequence[str], title: str, path: Path
) -> None:
    """Rows of drawings, (rows, n, h, w), each above the training images that are nearest to them, of the same
    shape, with their distances (rows, n)."""
    rows, count = distances.shape
    with rc_context(STYLE):
        size = max(0.95 * count + 0.4, 8.5), 2.7 * rows + 0.4  # the title of a few has to have room
        figure = Figure(figsize=size, dpi=130, layout="constrained")
        parts = figure.subplots(rows, 1, squeeze=False)[:, 0]
        for i, ax in enumerate(parts):
            show(ax, np.concatenate([drawings[i], nearest[i]]), count)
            ax.set_title(captions[i], fontsize=10)
            ax.set_anchor("W")
            step = step_of(drawings.shape[-1] * SCALE)
            for j, distance in enumerate(distances[i]):
                ax.text((j + 0.45) * step, 2 * step, f"{distance:.2f}", ha="center", va="top",
                        fontsize=9, color=QUIET)  # fmt: skip
        figure.suptitle(title, **CAPTION)
        write(figure, path)


def curves(history: Sequence[dict[str, Any]], title: str, path: Path) -> None:
    """The loss of each epoch; of a GAN both losses (if the generator was updated in it), the mean scores of
    real and drawn images, and the norms of the gradients."""
    epochs = [record["epoch"] for record in history]
    panels = GAME if history[0].get("d_loss") is not None else LOSS
    with rc_context(STYLE):
        figure = Figure(figsize=(4.2 * len(panels) + 1, 3.6), dpi=130, layout="constrained")
        for ax, (name, lines) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
            for key, label, color in lines:
                values = [record.get(key, np.nan) for record in history]
                ax.plot(epochs, values, "o-"[len(epochs) > 1], color=color, lw=1.8, label=label)
            ax.set_title(name)
            ax.set_xlabel("epoch")
            ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
            ax.grid(axis="y", color="#e6eaee", lw=0.8)
            ax.legend(frameon=False)
        figure.suptitle(title, **CAPTION)
        write(figure, path)
