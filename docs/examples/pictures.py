"""The look of the examples' pictures: the house style, and one colour for each kind of net."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image

from benchmarks.report.style import COLOR, plt, png

__all__ = ["COLORS", "GRU", "LSTM", "NAIVE", "OTHER", "QUIET", "RNN", "TRUTH", "WINDOW", "figure", "write"]

TRUTH, QUIET, NAIVE = COLOR["ink"], COLOR["faint"], COLOR["void"]
RNN, LSTM, GRU = COLOR["micrograd"], COLOR["numpy"], COLOR["jax"]
WINDOW = COLOR["pytorch"]
OTHER = COLOR["pytorch_channels_last"]
COLORS = {"RNN": RNN, "LSTM": LSTM, "GRU": GRU, "window": WINDOW}


def figure(width: float, height: float, rows: int = 1, columns: int = 1, **options: object):
    """A figure and its axes; sizes in inches."""
    return plt.subplots(rows, columns, figsize=(width, height), layout="constrained", **options)


def write(drawn: Figure, path: Path, colors: int = 64) -> None:
    """The figure as a PNG of few colours, which is a third of the size."""
    png(drawn, path)
    plt.close(drawn)
    with Image.open(path) as picture:
        small = picture.convert("RGB").quantize(colors, dither=Image.Dither.NONE)
    small.save(path, optimize=True)
    print(f"wrote {path}")
