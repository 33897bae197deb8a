"""How many times faster than the peers: bars on a logarithmic scale, with a line at 1."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.report.style import COLOR, NAMES, legend, ratio_axis
from benchmarks.results import Record, Run
from benchmarks.table import geometric_mean, group_name, ratio_of

SLOT = 0.17  # inches that a bar takes
GAP = 0.6  # bars between two names
TALL = 50  # bars from which the scale stands above too
WIDEST = (0.2, 12.0)  # the axis ends there; what is beyond is written at its edge
CAPTION = "time of the peer / ours: right of 1 ours is faster. A dot is a row, a tick their geometric mean."


class Bars:
    """Panels of bars, one panel a thread count: under each name a bar for each of its peers."""

    def __init__(self, records: Sequence[Record], names: Sequence[str], width: float) -> None:
        """`names` are those of the records, one each; `width` is a panel's, in inches."""
        self.peers = list(dict.fromkeys(record.peer for record in records))
        self.members: dict[tuple[str, str], list[Record]] = {}
        for record, name in zip(records, names, strict=True):
            self.members.setdefault((name, record.peer), []).append(record)
        self.names = list(dict.fromkeys(names))
        self.places: dict[tuple[str, str], float] = {}
        height = -GAP
        for name in self.names:
            height += GAP
            for peer in self.peers:
                if (name, peer) in self.members:
                    self.places[name, peer] = height
                    height += 1
        self.threads = sorted({record.threads for record in records})
        self.figure, axes = plt.subplots(
            1, len(self.threads), figsize=(width * len(self.threads) + 2.0, SLOT * height + 1.1),
            sharey=True, squeeze=False, layout="constrained",
        )  # fmt: skip
        self.panels = list(axes[0])
        ratios = [ratio_of(record) for record in records if record.counts]
        low, high = min([0.6, *(0.85 * r for r in ratios)]), max([3.0, *(1.2 * r for r in ratios)])
        for panel, count in zip(self.panels, self.threads, strict=True):
            ratio_axis(panel, max(WIDEST[0], low), min(WIDEST[1], high))
            panel.set_title(thread_text(count))
            panel.set_ylim(height, -0.8)
            panel.tick_params(axis="x", labeltop=height > TALL)
        self.panels[0].set_yticks([self.centre(name) for name in self.names], self.names)
        legend(self.figure, self.peers, "s")

    def centre(self, name: str) -> float:
        places = [place for (other, _), place in self.places.items() if other == name]
        return sum(places) / len(places)

    def __iter__(self) -> Iterator[tuple[Axes, float, str, list[Record]]]:
        """Of every bar: its panel, its place in it, its peer, and its records."""
        for panel, count in zip(self.panels, self.threads, strict=True):
            for (name, peer), place in self.places.items():
                members = [record for record in self.members[name, peer] if record.threads == count]
                if members:
                    yield panel, place, peer, members


def overview(run: Run, peers: Sequence[str] = ()) -> Figure:
    """Every group of rows, beside these peers (or all): the bar is the geometric mean, each dot a row."""
    records = [record for record in run.records if not peers or record.peer in peers]
    bars = Bars(records, [group_name(record.case, record.group) for record in records], 4.4)
    for panel, place, peer, members in bars:
        ratios = [ratio_of(record) for record in members if record.counts]
        mean = geometric_mean(ratios)
        if mean is None:
            continue
        panel.barh(place, mean - 1, left=1, height=0.85, color=COLOR[peer], alpha=0.45, linewidth=0)
        dots = {"markersize": 2.4, "alpha": 0.8, "markeredgewidth": 0}
        panel.plot(ratios, [place] * len(ratios), "o", color=COLOR[peer], **dots)
        panel.plot([mean], [place], "|", color=COLOR["ink"], markersize=8, markeredgewidth=1.6, zorder=4)
        beyond(panel, mean, place)
    bars.figure.supxlabel(CAPTION, fontsize=8, color=COLOR["faint"])
    return bars.figure


def case(run: Run, name: str, group: str) -> Figure:
    """The rows of one group; whiskers are the lowest and highest round, void rows are grey."""
    records = [record for record in run.records if (record.case, record.group) == (name, group)]
    bars = Bars(records, [record.row.removesuffix(f" {group}") for record in records], 3.4)
    bars.panels[0].tick_params(axis="y", labelsize=8)
    for panel, place, _, (record, *_) in bars:
        bar(panel, record, place)
    return bars.figure


def bar(axes: Axes, record: Record, place: float) -> None:
    ratio = record.result.ratio
    word = {"va": "center", "fontsize": 6, "color": COLOR["faint"]}
    if ratio is None:
        axes.text(1.02, place, f"void: {NAMES[record.peer]}", **word)
        return
    color = COLOR["void"] if record.result.void else COLOR[record.peer]
    axes.barh(place, ratio.median - 1, left=1, height=0.85, color=color, alpha=0.85, linewidth=0)
    whisker = {"color": COLOR["ink"], "linewidth": 1, "solid_capstyle": "butt", "zorder": 4}
    axes.plot([ratio.low, ratio.high], [place, place], **whisker)
    if record.result.void:
        axes.text(max(1, ratio.high) * 1.03, place, "void", clip_on=True, **word)
    else:
        beyond(axes, ratio.median, place)


def beyond(axes: Axes, ratio: float, place: float) -> None:
    """Write the ratio where its bar leaves the picture."""
    low, high = axes.get_xlim()
    word = {"va": "center", "fontsize": 7, "zorder": 5, "fontweight": "bold"}
    if ratio > high:
        axes.text(high * 0.98, place, f"{ratio:.0f}x", ha="right", **word)
    elif ratio < low:
        axes.text(low * 1.02, place, f"{ratio:.2f}x", ha="left", **word)


def thread_text(count: int) -> str:
    return {1: "one thread", 2: "two threads"}.get(count, f"{count} threads")
