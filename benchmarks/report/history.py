"""How the cases fared from commit to commit: geometric means of the ratios to PyTorch, on one thread."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from benchmarks.report.style import COLOR, NAMES
from benchmarks.results import Run
from benchmarks.table import geometric_mean, ratio_of

PEER, THREADS = "pytorch", 1
COLUMNS = 4


def means(run: Run, rows: set[tuple[str, str]]) -> dict[str, float]:
    """Of each case, over the rows named."""
    by_case: dict[str, list[float]] = {}
    for record in run.records:
        if (record.case, record.row) in rows and record.counts and wanted(record.peer, record.threads):
            by_case.setdefault(record.case, []).append(ratio_of(record))
    return {case: mean for case, values in by_case.items() if (mean := geometric_mean(values))}


def wanted(peer: str, threads: int) -> bool:
    return (peer, threads) == (PEER, THREADS)


def common_rows(runs: Sequence[Run]) -> set[tuple[str, str]]:
    """Those that count in every run: a mean over other rows could not be compared."""
    rows = [{(r.case, r.row) for r in run.records if r.counts and wanted(r.peer, r.threads)} for run in runs]
    return set.intersection(*rows) if rows else set()


def figure(runs: Sequence[Run]) -> Figure | None:
    """A small panel a case, runs by date; None for fewer than two runs, or where no row is in all."""
    runs = sorted(runs, key=lambda run: run.date)
    rows = common_rows(runs)
    points = [means(run, rows) for run in runs]
    cases = list(points[0]) if len(runs) > 1 and points else []
    if not cases:
        return None
    lines = -(-len(cases) // COLUMNS)
    columns = min(COLUMNS, len(cases))
    drawn, all_axes = plt.subplots(
        lines,
        columns,
        figsize=(2.7 * columns, 2.1 * lines + 0.6),
        squeeze=False,
        sharex=True,
        layout="constrained",
    )
    labels = [run.commit[:7] + ("+" if run.changed else "") for run in runs]
    for axes, case in zip(all_axes.flat, cases, strict=False):
        values = [mean[case] for mean in points]
        axes.axhline(1, color=COLOR["ink"], linewidth=1)
        axes.plot(values, marker="o", markersize=4, linewidth=1.8, color=COLOR[PEER])
        axes.annotate(f"{values[-1]:.2f}x", (len(values) - 1, values[-1]), textcoords="offset points",
                      xytext=(-2, 6), ha="right", fontsize=8)  # fmt: skip
        axes.set_title(case)
        axes.set_ylim(0, max(1.3, 1.25 * max(values)))
        axes.set_xticks(range(len(labels)), labels, rotation=40, ha="right", fontsize=7)
        axes.tick_params(length=0)
    for place in range(len(cases), all_axes.size):
        all_axes.flat[place].set_visible(False)
        all_axes.flat[place - columns].tick_params(labelbottom=True)  # the last of its column
    drawn.supylabel(f"{NAMES[PEER]} / ours, one thread", fontsize=9)
    return drawn
