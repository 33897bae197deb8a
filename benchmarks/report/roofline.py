"""Our kernels under the machine's roofs (Williams, Waterman and Patterson 2009): floating-point operations a
second over operations a byte. The slope is memory's measured speed, the ceiling that of multiply-adds. A row
above the slope works in the caches; one above the ceiling does fewer operations than are counted, as
Winograd's convolution does."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.report.ratios import thread_text
from benchmarks.report.style import COLOR, MARKERS, legend
from benchmarks.results import Record, Run
from benchmarks.table import bandwidth

PEERS = ("pytorch", "pytorch_channels_last", "numpy")


def figure(run: Run) -> Figure | None:
    """A panel a thread count; None where no row has both operations and bytes, or nothing was measured."""
    records = [r for r in run.records if r.flops and r.bytes and r.real == "float32" and r.result.ours]
    threads = sorted({r.threads for r in records if str(r.threads) in run.limits})
    if not threads:
        return None
    drawn, all_axes = plt.subplots(
        1, len(threads), figsize=(5.2 * len(threads), 4.4), sharey=True, squeeze=False, layout="constrained"
    )
    for axes, count in zip(all_axes[0], threads, strict=True):
        roofs(axes, run.limits[str(count)])
        for record in records:
            if record.threads == count:
                points(axes, record)
        axes.set_title(thread_text(count))
        axes.set_xlabel("operations a byte")
        axes.grid(which="major")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.set_axisbelow(True)
    all_axes[0][0].set_ylabel("GFLOP/s, float32")
    legend(drawn, ["ours", *(peer for peer in PEERS if any(r.peer == peer for r in records))])
    return drawn


def roofs(axes: Axes, limits: dict[str, float]) -> None:
    peak, slope = limits["float32"], bandwidth(limits)
    x = np.geomspace(0.5, 2000, 200)
    axes.loglog(x, np.minimum(peak, slope * x), color=COLOR["ink"], linewidth=1.6)
    axes.set_ylim(peak / 300, peak * 4)
    axes.set_xlim(0.5, 2000)
    axes.text(0.6, peak * 1.1, f"multiply-adds: {peak:.0f} GFLOP/s", fontsize=8)
    axes.text(0.58, slope * 0.58 * 1.35, f"memory: {slope:.0f} GB/s", fontsize=8, rotation_mode="anchor",
              rotation=np.degrees(np.arctan(slope_on_paper(axes))))  # fmt: skip


def slope_on_paper(axes: Axes) -> float:
    """How steep a line of slope 1 is drawn in these logarithmic axes."""
    box = axes.get_window_extent()
    (x0, x1), (y0, y1) = np.log(axes.get_xlim()), np.log(axes.get_ylim())
    return float((box.height / (y1 - y0)) / (box.width / (x1 - x0)))


def points(axes: Axes, record: Record) -> None:
    """Ours filled, the peer's as an outline."""
    assert record.flops and record.bytes and record.result.ours
    x = record.flops / record.bytes
    kind = {"markersize": 4.5, "linestyle": ""}
    if record.peer in PEERS and record.result.peer and not record.result.void:
        y = record.flops / record.result.peer.median / 1e9
        axes.plot(x, y, MARKERS[record.peer], color=COLOR[record.peer], fillstyle="none", alpha=0.8, **kind)
    y = record.flops / record.result.ours.median / 1e9
    axes.plot(x, y, MARKERS["ours"], color=COLOR["ours"], zorder=4, **kind)
