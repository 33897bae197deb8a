"""The look of the pictures. Colours are those of Okabe and Ito (2008), which the colour-blind tell apart, and
every one comes with a word or a shape of its own.

A picture is drawn once. As PNG it has the colours below; in the page's SVG each colour becomes a variable of
the style sheet, so that one drawing serves light and dark screens.
"""

from __future__ import annotations

import io
import re
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402 (the backend comes first)
from matplotlib.axes import Axes  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

# name: on a light screen, on a dark one. (No two the same: the page tells them apart by value.)
THEMES = {
    "paper": ("#ffffff", "#15191e"),
    "ink": ("#1f2328", "#e6e9ed"),
    "faint": ("#6e7681", "#9aa4af"),
    "rule": ("#d8dee4", "#333a42"),
    "void": ("#b0b7bf", "#59636e"),
    "ours": ("#1f2329", "#e6e9ee"),
    "pytorch": ("#d55e00", "#f08a3c"),
    "pytorch_channels_last": ("#b8860b", "#e6b422"),
    "pytorch_fused": ("#b8509a", "#e08cc5"),
    "pytorch_compile": ("#a03c00", "#ffb088"),
    "numpy": ("#0072b2", "#56b0f0"),
    "jax": ("#007d5c", "#2fc79a"),
    "micrograd": ("#7a5fb0", "#b49be6"),
}
COLOR = {name: light for name, (light, _) in THEMES.items()}
MARKERS = {
    "ours": "o", "pytorch": "s", "pytorch_channels_last": "D", "pytorch_fused": "P",
    "pytorch_compile": "p", "numpy": "^", "jax": "v", "micrograd": "X",
}  # fmt: skip
NAMES = {
    "ours": "kernelgrad", "pytorch": "PyTorch", "pytorch_channels_last": "PyTorch channels_last",
    "pytorch_fused": "PyTorch fused", "pytorch_compile": "PyTorch compiled", "numpy": "NumPy", "jax": "JAX",
    "micrograd": "micrograd",
}  # fmt: skip
RESOLUTION = 150  # dots an inch, of a PNG

plt.rcParams.update(
    {
        "svg.fonttype": "none",  # text stays text
        "svg.hashsalt": "kernelgrad",  # the same picture, the same file
        "font.family": "DejaVu Sans",
        "font.size": 9,
        "text.color": COLOR["ink"],
        "axes.edgecolor": COLOR["rule"],
        "axes.labelcolor": COLOR["ink"],
        "axes.titlesize": 10,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.facecolor": "none",
        "figure.facecolor": COLOR["paper"],
        "xtick.color": COLOR["faint"],
        "ytick.color": COLOR["faint"],
        "xtick.labelcolor": COLOR["ink"],
        "ytick.labelcolor": COLOR["ink"],
        "grid.color": COLOR["rule"],
        "grid.linewidth": 0.6,
        "legend.frameon": False,
        "figure.max_open_warning": 0,  # a report closes its many pictures when all are drawn
    }
)


def ratio_axis(axes: Axes, low: float, high: float) -> None:
    """x as ratio, logarithmic, with a line at 1."""
    fine, coarse = (0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 7, 10), (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)
    ticks = [tick for tick in (fine if high < 8 * low else coarse) if low <= tick <= high]
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.set_xticks(ticks, [f"{tick:g}x" for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.grid(axis="x")
    axes.set_axisbelow(True)
    axes.axvline(1, color=COLOR["ink"], linewidth=1.2, zorder=3)
    axes.tick_params(length=0)
    axes.spines[["left", "bottom"]].set_visible(False)


def legend(figure: Figure, sides: list[str], marker: str = "") -> None:
    """Names of the sides in a line above all panels, with their marks (or all with `marker`)."""
    handles = [
        plt.Line2D([], [], linestyle="", marker=marker or MARKERS[side], color=COLOR[side], label=NAMES[side],
                   markersize=6)
        for side in sides
    ]  # fmt: skip
    legend_above(figure, handles, handletextpad=0.2)


def legend_above(figure: Figure, handles: list[plt.Line2D], **options: float) -> None:
    """A legend above all panels, in as many columns as the picture is wide enough for."""
    for columns in range(len(handles), 0, -1):
        drawn = figure.legend(handles=handles, loc="outside upper left", ncols=columns, **options)
        if columns == 1 or drawn.get_window_extent().width <= figure.bbox.width:
            return
        drawn.remove()


def png(figure: Figure, path: Path) -> None:
    figure.savefig(path, dpi=RESOLUTION, metadata={"Software": None})


def svg(figure: Figure) -> str:
    """The picture for the page: its colours are variables, its type is the page's, its width the column's."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    for name, (light, _) in THEMES.items():
        text = text.replace(light, f"var(--{name})")
    text = re.sub(r'font: ([\d.]+)px [^;"]*', r"font: \1px var(--type)", text)
    text = re.sub(r' id="[A-Za-z0-9]+_[0-9_]+"', "", text)  # nothing refers to those
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.S)
    return re.sub(
        r'width="([\d.]+)pt" height="[\d.]+pt"', r'role="img" style="max-width: \1pt"', text, count=1
    )
