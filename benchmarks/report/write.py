"""All pictures of a run, as PNGs and in one page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from benchmarks.report import history, page, ratios, roofline, scaling, style
from benchmarks.results import Run, Unusable


def sections(run: Run, earlier: Sequence[Run]) -> list[tuple[str, str, str, Figure | None]]:
    """(file name, heading, words, picture) of all that is about more than one case; no picture where there is
    nothing to draw."""
    return [
        ("overview", "At a glance", "How many times faster: to the right of the line at 1, ours is.",
         ratios.overview(run)),
        ("roofline", "Under the roof", "Products and convolutions, beside what this machine gives at most. "
         "Above the slope of memory a row lives in the caches; above the ceiling it does fewer operations "
         "than the textbook counts, as Winograd's convolution does.", roofline.figure(run)),
        ("products", "Matrix products by size", "Square matrices; the grey lines are the measured peaks.",
         scaling.products(run)),
        ("sizes", "Elementwise functions by size", "Time an element, forward. Short arrays show what a call "
         "costs, long ones the speed of memory.", scaling.sizes(run)),
        ("threads", "The second thread", "How many times faster two threads are than one.",
         scaling.threads(run)),
        ("history", "From commit to commit", "Geometric means over the rows that all these runs measured.",
         history.figure([*earlier, run])),
    ]  # fmt: skip


def write(runs: Sequence[Run], folder: Path) -> list[Path]:
    """The page and the PNGs of the newest run, with the others as its history. Returns what was written."""
    *earlier, run = sorted(runs, key=lambda run: run.date)
    if not run.records:
        raise Unusable("there is no row in the newest result: nothing to draw")
    keys = list(dict.fromkeys((record.case, record.group) for record in run.records))
    shown = [section for section in sections(run, earlier) if section[3] is not None]
    cases = {key: ratios.case(run, *key) for key in keys}
    pictures = {name: figure for name, _, _, figure in shown}
    pictures |= {f"case-{'-'.join(filter(None, key))}": figure for key, figure in cases.items()}
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, figure in pictures.items():
            written.append(folder / f"{name}.png")
            style.png(figure, written[-1])
        written.append(folder / "index.html")
        written[-1].write_text(page.page(run, [section[1:] for section in shown], cases))  # type: ignore[misc]
    except OSError as error:
        raise Unusable(f"{folder} can't be written: {error.strerror or error}") from None
    finally:
        for figure in pictures.values():
            plt.close(figure)
    return written
