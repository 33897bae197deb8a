"""How speed changes with the size of the work, and with a second thread."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from benchmarks.report.ratios import thread_text
from benchmarks.report.style import COLOR, MARKERS, NAMES, legend, legend_above
from benchmarks.results import Record, Run
from benchmarks.table import geometric_mean, group_name

FUNCTIONS = ("mul", "exp", "gelu", "sigmoid")  # of those measured, the panels of sizes()
PEERS = ("pytorch", "numpy", "jax")
LINES = {1: "-", 2: "--"}


def products(run: Run) -> Figure | None:
    """GFLOP/s of square matrix products over their size, under the measured peak."""
    panels = []
    for real in ("float32", "float64"):
        rows = [r for r in run.records if r.case == "gemm" and r.real == real and is_square(r)]
        if len({r.row for r in rows}) > 2:
            panels.append((real, rows))
    if not panels:
        return None
    figure, all_axes = plt.subplots(
        1, len(panels), figsize=(5.2 * len(panels), 4), squeeze=False, layout="constrained"
    )
    for axes, (real, rows) in zip(all_axes[0], panels, strict=True):
        for count in sorted({r.threads for r in rows}):
            if str(count) in run.limits:
                peak = run.limits[str(count)][real]
                axes.axhline(peak, color=COLOR["faint"], linestyle=LINES.get(count, ":"), linewidth=1)
                axes.text(17, peak * 0.985, f"peak, {thread_text(count)}", va="top", fontsize=7,
                          color=COLOR["faint"])  # fmt: skip
            lines(
                axes,
                [r for r in rows if r.threads == count],
                lambda r: int(str(r.sizes["m"])),
                gflops,
                LINES.get(count, ":"),
            )
        axes.set_title(f"{real}, n x n x n")
        axes.set_ylim(0)
        size_axis(axes, sorted({int(str(r.sizes["m"])) for r in rows}), "n")
    all_axes[0][0].set_ylabel("GFLOP/s")
    sides_and_threads(figure, [r for _, rows in panels for r in rows])
    return figure


def sizes(run: Run) -> Figure | None:
    """Nanoseconds an element of some functions, forward, over the length of the arrays."""
    rows = [r for r in run.records if r.case == "elementwise" and r.group == "forward"]
    found = [f for f in FUNCTIONS if len({r.row for r in rows if r.sizes["function"] == f}) > 1]
    if not found:
        return None
    figure, all_axes = plt.subplots(
        1, len(found), figsize=(2.9 * len(found), 3.4), sharey=True, squeeze=False, layout="constrained"
    )
    for axes, function in zip(all_axes[0], found, strict=True):
        members = [r for r in rows if r.sizes["function"] == function]
        for count in sorted({r.threads for r in members}):
            lines(
                axes, [r for r in members if r.threads == count], length, nanoseconds, LINES.get(count, ":")
            )
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.set_title(function)
        size_axis(axes, sorted({length(r) for r in members}), "elements")
        axes.set_xticks([10**3, 10**5, 10**7], ["10³", "10⁵", "10⁷"])
    all_axes[0][0].set_ylabel("ns an element")
    sides_and_threads(figure, rows)
    return figure


def threads(run: Run) -> Figure | None:
    """How many times faster two threads are than one, by case: ours, and PyTorch."""
    pairs = two_threads([r for r in run.records if r.peer == "pytorch"])
    names = list(dict.fromkeys(name for name, _, _ in pairs))
    if not names:
        return None
    figure, axes = plt.subplots(figsize=(6.4, 0.42 * len(names) + 1.1), layout="constrained")
    for place, name in enumerate(names):
        for offset, side, which in ((-0.2, "ours", 1), (0.2, "pytorch", 2)):
            rows = [pair[which] for pair in pairs if pair[0] == name]
            mean = geometric_mean(rows)
            assert mean is not None
            axes.barh(place + offset, mean, height=0.36, color=COLOR[side], alpha=0.45, linewidth=0)
            axes.plot(
                rows, [place + offset] * len(rows), "o", color=COLOR[side], markersize=2.4, markeredgewidth=0
            )
    for limit in (1, 2):
        axes.axvline(limit, color=COLOR["ink"], linewidth=1)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(0, 2.6)
    axes.set_xticks([0.5, 1, 1.5, 2, 2.5], ["0.5x", "1x", "1.5x", "2x", "2.5x"])
    axes.tick_params(length=0)
    axes.set_xlabel(
        "time on one thread / on two. A dot is a row, a bar their geometric mean.",
        color=COLOR["faint"],
        fontsize=8,
    )
    legend(figure, ["ours", "pytorch"])
    return figure


def two_threads(records: Iterable[Record]) -> list[tuple[str, float, float]]:
    """(group, our speed-up, the peer's) of every row that counts on one thread and on two."""
    by_row: dict[tuple[str, str, str], dict[int, Record]] = {}
    for record in records:
        if record.counts:
            by_row.setdefault((record.case, record.group, record.row), {})[record.threads] = record
    found = []
    for (case, group, _), pair in by_row.items():
        if 1 in pair and 2 in pair:
            (our_1, peer_1), (our_2, peer_2) = (times(pair[count]) for count in (1, 2))
            found.append((group_name(case, group), our_1 / our_2, peer_1 / peer_2))
    return found


def times(record: Record) -> tuple[float, float]:
    assert record.result.ours and record.result.peer
    return record.result.ours.median, record.result.peer.median


def lines(
    axes: Axes,
    rows: list[Record],
    size: Callable[[Record], int],
    value: Callable[[Record, float], float],
    style: str,
) -> None:
    """Our line, and one a peer."""
    rows = sorted((r for r in rows if r.counts), key=size)
    for peer in PEERS:
        members = [r for r in rows if r.peer == peer]
        points = [(size(r), value(r, times(r)[1])) for r in members]
        axes.plot(
            *zip(*points, strict=True) if points else ([], []),
            style,
            marker=MARKERS[peer],
            color=COLOR[peer],
            markersize=4,
            linewidth=1.2,
        )
    ours = {size(r): value(r, times(r)[0]) for r in rows}
    axes.plot(
        list(ours),
        list(ours.values()),
        style,
        marker=MARKERS["ours"],
        color=COLOR["ours"],
        markersize=4,
        linewidth=2,
    )


def is_square(record: Record) -> bool:
    return (
        record.sizes["form"] == "ab"
        and len({record.sizes[name] for name in "mnk"}) == 1 == record.sizes["batch"]
    )


def length(record: Record) -> int:
    return int(str(record.sizes["n"]))


def gflops(record: Record, seconds: float) -> float:
    assert record.flops
    return record.flops / seconds / 1e9


def nanoseconds(record: Record, seconds: float) -> float:
    return seconds * 1e9 / length(record)


def size_axis(axes: Axes, values: list[int], name: str) -> None:
    axes.set_xscale("log")
    axes.set_xticks(values, map(str, values))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel(name)
    axes.grid(axis="y")
    axes.set_axisbelow(True)


def sides_and_threads(figure: Figure, records: list[Record]) -> None:
    """A legend of the sides, and of the lines where there is more than one thread count."""
    handles = [
        plt.Line2D([], [], marker=MARKERS[side], color=COLOR[side], label=NAMES[side], markersize=5)
        for side in ("ours", *(peer for peer in PEERS if any(r.peer == peer for r in records)))
    ]
    counts = sorted({r.threads for r in records})
    if len(counts) > 1:
        handles += [
            plt.Line2D(
                [], [], linestyle=LINES.get(count, ":"), color=COLOR["faint"], label=thread_text(count)
            )
            for count in counts
        ]
    legend_above(figure, handles)
