"""Maps of words as PNG: points, and as many names as fit without touching."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import font_manager, rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from apps.digits.pictures import BLUE, CAPTION, INK, ORANGE, QUIET, STYLE, write

__all__ = ["draw", "hangul_font"]

Array = np.ndarray[Any, Any]

FILES = ("notosanscjk", "notosanskr", "nanumgothic", "applesdgothicneo", "malgun", "notoserifcjk", "undotum")


@lru_cache(maxsize=1)
def hangul_font() -> str | None:
    """The name of a font that has Hangul, if one is installed; Matplotlib's own list may be older than it."""
    files = font_manager.findSystemFonts()
    plain = {Path(file).name.lower().replace("-", ""): file for file in sorted(files, reverse=True)}
    for start in FILES:
        found = [file for name, file in plain.items() if name.startswith(start)]
        if found:
            file = next((file for file in found if "regular" in file.lower()), found[0])
            font_manager.fontManager.addfont(file)
            return font_manager.FontProperties(fname=file).get_name()
    return None


def draw(
    places: Array, words: Sequence[str], chosen: set[str], title: str, note: str, path: Path
) -> int:  # fmt: skip
    """Draw words at places (n, 2), the first ones named first, the chosen before all and in another colour.
    Returns how many have their name."""
    fonts = ["DejaVu Sans", *filter(None, [hangul_font()])]
    with rc_context({**STYLE, "font.family": fonts}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a thousand lines for what plot says in one
        figure = Figure(figsize=(11, 8.5), dpi=130, layout="constrained")
        canvas = FigureCanvasAgg(figure)
        axes = figure.subplots()
        colours = [ORANGE if word in chosen else BLUE for word in words]
        axes.scatter(places[:, 0], places[:, 1], s=9, c=colours, alpha=0.45, linewidths=0)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_aspect("equal", adjustable="datalim")
        axes.margins(0.04)
        for spine in axes.spines.values():
            spine.set_visible(False)
        figure.suptitle(title, **CAPTION | {"color": INK, "fontsize": 12})
        axes.set_xlabel(note, color=QUIET, loc="left")
        canvas.draw()  # from here on, places on the page are known
        order = sorted(range(len(words)), key=lambda i: words[i] not in chosen)
        named = name(axes, canvas, places, words, order, chosen)
        write(figure, path)
    return named


def name(
    axes: Any, canvas: FigureCanvasAgg, places: Array, words: Sequence[str], order: list[int],
    chosen: set[str],
) -> int:  # fmt: skip
    """Write the names that touch none before them, and lie within the picture."""
    renderer, frame = canvas.get_renderer(), axes.get_window_extent()
    taken = np.zeros((0, 4))
    for i in order:
        own = words[i] in chosen
        text = axes.annotate(
            words[i].replace("$", r"\$"), places[i], xytext=(3, 2), textcoords="offset points",
            fontsize=11 if own else 8, color=ORANGE if own else INK,
        )  # fmt: skip
        box = text.get_window_extent(renderer).padded(1.5)
        inside = frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1
        apart = (taken[:, 0] > box.x1) | (taken[:, 2] < box.x0)
        apart |= (taken[:, 1] > box.y1) | (taken[:, 3] < box.y0)
        if own or (inside and apart.all()):
            taken = np.vstack([taken, [box.x0, box.y0, box.x1, box.y1]])
        else:
            text.remove()
    return len(taken)
