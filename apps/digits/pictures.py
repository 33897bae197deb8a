"""The pictures of a training run, as PNG: curves, confusion matrix, worst mistakes, first-layer filters."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from nn.data.idx import write_atomically

__all__ = ["confusion", "curves", "filters", "mistakes", "write"]

Array = np.ndarray[Any, Any]

INK, QUIET, PAPER = "#1b2733", "#7b8794", "#ffffff"
BLUE, ORANGE = "#2a6f97", "#d9772b"
DIVERGING = LinearSegmentedColormap.from_list("blue to orange", [BLUE, PAPER, ORANGE])
MISTAKES = LinearSegmentedColormap.from_list("mistakes", [PAPER, ORANGE])
STYLE: Any = {
    "font.size": 10, "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": QUIET, "axes.titlesize": 11,
    "axes.titlelocation": "left", "axes.titleweight": "bold", "xtick.color": QUIET, "ytick.color": QUIET,
    "axes.spines.top": False, "axes.spines.right": False, "axes.grid": False, "figure.facecolor": PAPER,
}  # fmt: skip

CAPTION: dict[str, Any] = {"x": 0.01, "ha": "left", "color": QUIET, "fontsize": 10}


def write(figure: Figure, path: Path) -> None:
    """The figure as PNG; the file appears whole or not at all."""
    buffer = io.BytesIO()
    with rc_context(STYLE):
        FigureCanvasAgg(figure).print_png(buffer)
    write_atomically(path, buffer.getvalue())


def curves(
    history: Sequence[dict[str, Any]], title: str, augmented: bool, test: float | None, path: Path
) -> None:
    """Loss and accuracy after each epoch; `test` accuracy as a line of its own. Augmented images are harder
    than plain ones, so the legend says what was trained on."""
    training = "training, on augmented images" if augmented else "training"
    epochs = [record["epoch"] for record in history]
    with rc_context(STYLE):
        figure = Figure(figsize=(9, 3.6), dpi=130, layout="constrained")
        axes = figure.subplots(1, 2)
        for ax, key, scale in ((axes[0], "loss", 1), (axes[1], "accuracy", 100)):
            for prefix, label, color in (("", training, BLUE), ("val_", "validation", ORANGE)):
                values = [scale * record[prefix + key] for record in history if prefix + key in record]
                if values:
                    places = epochs[-len(values) :]
                    ax.plot(places, values, color=color, lw=1.8, marker="o", ms=3, label=label)
            ax.set_xlabel("epoch")
            ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
            ax.grid(axis="y", color="#e6eaee", lw=0.8)
        axes[0].set_title("loss")
        axes[0].set_ylim(bottom=0)
        axes[1].set_title("accuracy, %")
        if test is not None:
            label = f"test, at the end: {100 * test:.2f}%"
            axes[1].axhline(100 * test, color=ORANGE, lw=1.2, ls=(0, (4, 3)), label=label)
        low = min([100 * record["accuracy"] for record in history] or [0])
        axes[1].set_ylim(max(0.0, min(low, 95) - 3), 100.4)
        axes[1].legend(frameon=False, loc="lower right")
        figure.suptitle(title, **CAPTION)
        write(figure, path)


def confusion(matrix: Array, classes: Sequence[str], title: str, path: Path) -> None:
    """Rows: what it is; columns: what the network took it for. The diagonal is right, so colour goes to
    the mistakes only."""
    count = len(classes)
    wrong = matrix * (1 - np.eye(count, dtype=matrix.dtype))
    with rc_context(STYLE):
        figure = Figure(figsize=(6.4, 6.2), dpi=130, layout="constrained")
        ax = figure.subplots()
        ax.imshow(wrong, cmap=MISTAKES, vmin=0, vmax=max(3, wrong.max()))
        for i in range(count):
            for j in range(count):
                if matrix[i, j]:
                    right = i == j
                    ax.text(j, i, str(matrix[i, j]), ha="center", va="center", fontsize=9 if right else 10,
                            color=QUIET if right else INK, weight="normal" if right else "bold")  # fmt: skip
        short = all(len(name) < 3 for name in classes)
        ax.set_xticks(range(count), classes, rotation=0 if short else 45, ha="center" if short else "right")
        ax.set_yticks(range(count), classes)
        ax.set_xticks(np.arange(-0.5, count), minor=True)
        ax.set_yticks(np.arange(-0.5, count), minor=True)
        ax.grid(which="minor", color="#e6eaee", lw=0.8)
        ax.tick_params(which="both", length=0)
        ax.spines[:].set_visible(False)
        ax.set_xlabel("taken for")
        ax.set_ylabel("is")
        total = int(matrix.sum())
        ax.set_title(f"{int(wrong.sum())} mistakes in {total}")
        figure.suptitle(title, **CAPTION)
        write(figure, path)


def mistakes(
    images: Array, labels: Array, probabilities: Array, classes: Sequence[str], title: str, path: Path
) -> None:
    """The 24 images that the network was most wrongly sure of. images (N, H, W), labels (N,),
    probabilities (N, C)."""
    taken = probabilities.argmax(axis=1)
    own = probabilities[np.arange(len(labels)), labels]
    wrong = np.flatnonzero(taken != labels)
    worst = wrong[np.argsort(own[wrong], kind="stable")][:24]
    with rc_context(STYLE):
        rows = max(1, -(-len(worst) // 8))
        figure = Figure(figsize=(9.6, 0.5 + 1.55 * rows), dpi=130, layout="constrained")
        axes = figure.subplots(rows, 8, squeeze=False).ravel()
        for ax in axes:
            ax.set_axis_off()
        for ax, i in zip(axes, worst, strict=False):
            show_image(ax, images[i])
            ax.set_title(f"{classes[labels[i]]}, not {classes[taken[i]]}", fontsize=9, loc="center", pad=3)
            ax.text(0.5, -0.04, f"{100 * probabilities[i, taken[i]]:.0f}% sure", transform=ax.transAxes,
                    ha="center", va="top", fontsize=8, color=QUIET)  # fmt: skip
        if not len(worst):
            axes[0].text(0, 0.5, "no mistakes", transform=axes[0].transAxes, fontsize=12)
        shown = "all" if len(worst) == len(wrong) else f"the {len(worst)} surest of"
        figure.suptitle(f"{title}: {shown} {len(wrong)} mistakes", **CAPTION)
        write(figure, path)


def filters(weight: Array, side: int, title: str, path: Path) -> None:
    """The first layer: a convolution's kernels (out, in, 3, 3), or each unit's weights (out, side*side) as
    an image. Blue where ink speaks against, orange where it speaks for."""
    tiles = weight[:, 0] if weight.ndim == 4 else weight.reshape(-1, side, side)
    tiles = tiles[:64]
    columns = 16 if len(tiles) > 32 else 8
    rows = -(-len(tiles) // columns)
    with rc_context(STYLE):
        figure = Figure(figsize=(9, 0.6 + 9 / columns * rows), dpi=130, layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for ax in axes:
            ax.set_axis_off()
        for ax, tile in zip(axes, tiles, strict=False):
            bound = float(np.abs(tile).max()) or 1.0
            ax.imshow(tile, cmap=DIVERGING, vmin=-bound, vmax=bound)
        figure.suptitle(title, **CAPTION)
        write(figure, path)


def show_image(ax: Axes, image: Array) -> None:
    """Ink dark on white paper, with a thin frame."""
    ax.imshow(image, cmap="Greys", vmin=0, vmax=image.max() or 1, interpolation="nearest")
    height, width = image.shape
    frame: dict[str, Any] = {"color": "#d5dbe1", "lw": 0.8, "clip_on": False}
    ax.plot(
        [-0.5, width - 0.5, width - 0.5, -0.5, -0.5], [-0.5, -0.5, height - 0.5, height - 0.5, -0.5], **frame
    )
