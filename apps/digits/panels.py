"""The pictures of `explore`: numbers in coloured cells, one picture for each part of the walk-through."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from apps.digits.explore import Lesson, worked_weight
from apps.digits.pictures import BLUE, DIVERGING, INK, ORANGE, QUIET, STYLE, write

__all__ = ["draw"]

Array = np.ndarray[Any, Any]


def draw(lesson: Lesson, levels: int, folder: Path) -> list[str]:
    """Write all the pictures; returns their names."""
    pictures = {
        "1-pixels.png": pixels(lesson, levels),
        "2-small.png": small(lesson),
        "3-label.png": label(lesson),
        "4-forward.png": forward(lesson),
        "5-loss.png": loss(lesson),
        "6-gradients.png": gradients(lesson),
        "7-update.png": update(lesson),
    }
    for name, figure in pictures.items():
        write(figure, folder / name)
    return list(pictures)


def pixels(lesson: Lesson, levels: int) -> Figure:
    side = len(lesson.image)
    figure = new_figure(10.5 if side > 8 else 5, 10.5 if side > 8 else 5)
    ax = figure.subplots()
    cells(ax, lesson.image, "d", "Greys", 0, levels, size=7 if side > 8 else 11)
    title(ax, f'"{lesson.classes[lesson.label]}": {side} x {side} pixels, 0 paper, {levels} ink')
    return figure


def small(lesson: Lesson) -> Figure:
    figure = new_figure(10.5, 4.6)
    top, bottom = figure.subplots(2, 1, height_ratios=[4, 1.4])
    cells(top, lesson.small, ".2f", "Greys", 0, 1, size=11)
    title(top, "4 x 4: each cell the mean of a block of pixels")
    cells(bottom, lesson.small.reshape(1, 16), ".2f", "Greys", 0, 1)
    title(bottom, "x: the same row after row, 1 x 16")
    return figure


def label(lesson: Lesson) -> Figure:
    figure = new_figure(8.5, 1.6)
    ax = figure.subplots()
    cells(ax, lesson.values["y"], ".0f", "Greys", 0, 1.4)
    name_columns(ax, lesson.classes)
    title(ax, f'y: the label "{lesson.classes[lesson.label]}", one-hot')
    return figure


def forward(lesson: Lesson) -> Figure:
    v = lesson.values
    figure = new_figure(11, 8.2)
    rows = figure.subplots(5, 1, height_ratios=[1.2, 3.6, 1.2, 3.6, 2.4])
    bound = float(max(np.abs(w).max() for w in (v["W1"], v["W2"])))
    cells(rows[0], v["x"], ".2f", "Greys", 0, 1)
    title(rows[0], "x, 1 x 16")
    cells(rows[1], v["W1"].T, ".2f", DIVERGING, -bound, bound, size=8)
    title(rows[1], "W1 (drawn transposed, so that each weight stands under its pixel); b1 is 0")
    cells(rows[2], v["h"], ".2f", DIVERGING, -1, 1)
    title(rows[2], "h = tanh(x @ W1 + b1), 1 x 6")
    cells(rows[3], v["W2"], ".2f", DIVERGING, -bound, bound, size=8)
    title(rows[3], "W2, 6 x 10; b2 is 0")
    both = np.concatenate([v["logits"], np.exp(v["logp"])])
    cells(rows[4], both, ".2f", DIVERGING, -np.abs(both).max(), np.abs(both).max())
    name_columns(rows[4], lesson.classes)
    rows[4].set_yticks([0, 1], ["logits", "chances"])
    title(rows[4], "logits = h @ W2 + b2, and softmax of them: the chance of each class")
    return figure


def loss(lesson: Lesson) -> Figure:
    chances = np.exp(lesson.values["logp"][0])
    own, value = float(chances[lesson.label]), float(lesson.values["loss"])
    figure = new_figure(9.5, 3.6)
    left, right = figure.subplots(1, 2)
    bars(left, chances, lesson)
    title(left, "chances (the right class in orange)")
    p = np.linspace(0.01, 1, 200)
    right.plot(p, -np.log(p), color=BLUE, lw=1.8)
    right.plot([own], [value], "o", color=ORANGE, ms=8)
    said = f"-log({own:.3f}) = {value:.3f}"
    right.annotate(said, (own, value), (12, 8), textcoords="offset points", color=INK)
    right.set_xlabel("chance of the right class")
    right.tick_params(colors=QUIET)
    for side in right.spines.values():
        side.set_color(QUIET)
    right.set_ylim(0, max(4.7, value + 0.5))
    title(right, "loss = -log(chance of the right class)")
    return figure


def gradients(lesson: Lesson) -> Figure:
    g = lesson.gradients
    figure = new_figure(11, 8.4)
    rows = figure.subplots(4, 1, height_ratios=[1.3, 3.8, 1.3, 3.8])
    last = float(np.abs(g["logits"]).max())
    cells(rows[0], g["logits"], ".2f", DIVERGING, -last, last)
    name_columns(rows[0], lesson.classes)
    title(rows[0], "d loss / d logits = chances - y")
    cells(rows[1], g["W2"], ".2f", DIVERGING, -last, last, size=8)
    title(rows[1], "d loss / d W2 = h^T @ (d loss / d logits)")
    hidden = float(np.abs(g["h"]).max())
    cells(rows[2], g["h"], ".2f", DIVERGING, -hidden, hidden)
    title(rows[2], "d loss / d h = (d loss / d logits) @ W2^T")
    cells(rows[3], g["W1"].T, ".2f", DIVERGING, -hidden, hidden, size=8)
    title(rows[3], "d loss / d W1 (drawn transposed): no ink, no gradient")
    return figure


def update(lesson: Lesson) -> Figure:
    before, gradient, after = lesson.weights["W2"], lesson.gradients["W2"], lesson.updated["W2"]
    bound = float(max(np.abs(before).max(), np.abs(after).max()))
    figure = new_figure(10, 9.5)
    rows = figure.subplots(4, 1, height_ratios=[3, 3, 3, 3.2])
    row, column = worked_weight(lesson)
    for ax, values, text in (
        (rows[0], before, "W2 before"),
        (rows[1], gradient, "d loss / d W2"),
        (rows[2], after, f"W2 after: before - {lesson.lr:g} * gradient"),
    ):
        cells(ax, values, ".2f", DIVERGING, -bound, bound, size=8)
        ax.add_patch(frame(column, row))
        title(ax, text)
    chances = [np.exp(values["logp"][0]) for values in (lesson.values, lesson.after)]
    bars(rows[3], chances[1], lesson, before=chances[0])
    title(rows[3], f"chances before (grey) and after: the loss went from {float(lesson.values['loss']):.3f} "
                   f"to {float(lesson.after['loss']):.3f}")  # fmt: skip
    return figure


# Parts -------------------------------------------------------------------------------------------


def new_figure(width: float, height: float) -> Figure:
    with rc_context(STYLE):
        return Figure(figsize=(width, height), dpi=110, layout="constrained", facecolor="white")


def cells(
    ax: Axes, values: Array, spec: str, colors: str | Colormap, low: float, high: float, size: int = 9
) -> None:
    """A matrix: its numbers in cells coloured by them. Square ones have square cells; others fill the width,
    so that columns of the same number stand under each other."""
    square = values.shape[0] == values.shape[1]
    image = ax.imshow(values, cmap=colors, vmin=low, vmax=high, aspect="equal" if square else "auto")
    for (i, j), value in np.ndenumerate(values):
        red, green, blue, _ = image.cmap(image.norm(value))
        dark = 0.3 * red + 0.59 * green + 0.11 * blue < 0.5
        text = format(int(value) if spec == "d" else float(value), spec).replace("-0.00", "0.00")
        ax.text(j, i, text, ha="center", va="center", fontsize=size, color="white" if dark else INK)
    ax.set_xticks([])
    ax.set_yticks([])
    for side in ax.spines.values():
        side.set(visible=True, color="#d5dbe1")


def name_columns(ax: Axes, classes: tuple[str, ...]) -> None:
    ax.set_xticks(range(len(classes)), classes)
    ax.tick_params(length=0, colors=QUIET)
    if max(map(len, classes)) > 3:
        ax.tick_params(axis="x", labelsize=7)


def bars(ax: Axes, chances: Array, lesson: Lesson, before: Array | None = None) -> None:
    places = np.arange(len(chances))
    colors = [ORANGE if i == lesson.label else BLUE for i in places]
    if before is None:
        ax.bar(places, chances, 0.7, color=colors)
    else:
        ax.bar(places - 0.2, before, 0.38, color="#c3cbd3")
        ax.bar(places + 0.2, chances, 0.38, color=colors)
    name_columns(ax, lesson.classes)
    for name, side in ax.spines.items():
        side.set(visible=name in ("left", "bottom"), color=QUIET)


def title(ax: Axes, text: str) -> None:
    ax.set_title(text, loc="left", fontsize=10, fontweight="bold", color=INK)


def frame(column: int, row: int) -> Rectangle:
    return Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor=INK, lw=1.6)
