"""The picture of a profile: a bar for each instruction, with the part that no kernel could do without."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from autograd.jit.listing import time_text

if TYPE_CHECKING:
    from autograd.jit.profile import Profile, Row

__all__ = ["picture"]

# Colours that the colour-blind tell apart (Okabe and Ito 2008); each has a hatch or a word beside it too.
COLORS = {"compute": "#0072b2", "memory": "#d55e00", "python": "#6e7681"}
MEANING = {
    "compute": "held up by multiply-adds",
    "memory": "held up by memory or caches",
    "python": "a step in Python",
}
INK, FAINT, RULE = "#1f2328", "#59636e", "#d8dee4"
MOST = 44  # bars; of more instructions the smallest are one bar
PALE = 0.28  # of the part beyond the limit


class Bar(NamedTuple):
    label: str
    seconds: float
    least: float
    bound: str
    note: str


def bars(profile: Profile) -> list[Bar]:
    """In the order of the program; where there are many, only the largest, and the rest together."""
    by_size = sorted(profile.rows, key=lambda row: -row.seconds)
    kept = {row.number for row in by_size[:MOST]}
    found = [
        Bar(
            f"{row.words}   {row.number:>2}",
            row.seconds,
            min(row.least, row.seconds),
            row.bound,
            note(row),
        )
        for row in profile.rows
        if row.number in kept
    ]
    rest = by_size[MOST:]
    if rest:
        seconds, least = sum(row.seconds for row in rest), sum(min(row.least, row.seconds) for row in rest)
        found.append(Bar(f"{len(rest)} shorter ones", seconds, least, "memory", time_text(seconds)))
    return found


def note(row: Row) -> str:
    """What stands behind a bar; behind one that can't be seen only how long it is."""
    if row.share < 0.005:
        return time_text(row.seconds)
    return f"{time_text(row.seconds)}, {row.share:.1%}" + (
        f", {row.of_limit:.0%} of limit" if row.least else ""
    )


def picture(profile: Profile, path: Path) -> None:
    """Draw a profile into a file; matplotlib takes its kind from the name."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    drawn = bars(profile)
    with mpl.rc_context({"font.family": "DejaVu Sans", "font.size": 9, "svg.fonttype": "none"}):
        height = 0.23 * len(drawn) + 1.5
        figure = Figure(figsize=(9.5, height), layout="constrained", facecolor="white")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        draw(axes, drawn)
        axes.set_title(title(profile), loc="left", fontsize=10, color=INK, pad=26)
        legend(axes, drawn, height)
        figure.savefig(path, dpi=150)


def title(profile: Profile) -> str:
    return (
        f"{profile.name}: {time_text(profile.whole)} in {len(profile.rows)} instructions, "
        f"{time_text(profile.python)} in Python"
    )


def draw(axes: Any, drawn: list[Bar]) -> None:
    widest = max(bar.seconds for bar in drawn) * 1e6
    for place, bar in enumerate(drawn):
        color = COLORS[bar.bound]
        axes.barh(place, bar.seconds * 1e6, height=0.72, color=color, alpha=PALE, linewidth=0)
        axes.barh(place, bar.least * 1e6, height=0.72, color=color, linewidth=0)
        axes.text(bar.seconds * 1e6 + widest * 0.008, place, bar.note, va="center", color=FAINT, fontsize=7.5,
                  bbox={"facecolor": "white", "linewidth": 0, "pad": 0.5})  # fmt: skip
    axes.set_yticks(range(len(drawn)), [bar.label for bar in drawn])
    axes.set_ylim(len(drawn) - 0.4, -0.6)  # the first on top
    axes.set_xlim(0, widest * 1.27)
    axes.set_xlabel("microseconds", color=INK)
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.tick_params(axis="x", color=RULE, labelcolor=INK)
    axes.grid(axis="x", color=RULE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(RULE)


def legend(axes: Any, drawn: list[Bar], height: float) -> None:
    """What the colours say, and what is dark and what is light; between title and bars."""
    from matplotlib.patches import Patch

    met = {bar.bound for bar in drawn}
    handles = [Patch(color=COLORS[kind], label=MEANING[kind]) for kind in COLORS if kind in met]
    handles += [Patch(color=INK, alpha=PALE, label="pale: beyond what the machine needs at least")]
    axes.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(0, 1), ncols=4, frameon=False, fontsize=7.5,
        borderaxespad=0.2, handlelength=1.2, columnspacing=1.4, labelcolor=INK,
    )  # fmt: skip
