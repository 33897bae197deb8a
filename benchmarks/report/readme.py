"""The README's benchmarks: the table between its two marks, the picture it shows, and all rows as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path

import matplotlib.pyplot as plt

from benchmarks.processes import ROOT
from benchmarks.report import ratios, style
from benchmarks.report.ratios import thread_text
from benchmarks.report.style import NAMES
from benchmarks.results import Run, Unusable
from benchmarks.table import Group, groups, ratio_of

BEGIN = "<!-- benchmarks: what is between these marks is written by python -m benchmarks report --readme -->"
END = "<!-- benchmarks end -->"
PICTURE = Path("docs/pictures/benchmarks.png")
ROWS = Path("docs/benchmarks.csv")
PEERS = ("pytorch", "numpy", "jax")
SHOWN = ("pytorch", "numpy")  # in the picture, which is small


def write(run: Run, root: Path = ROOT) -> list[Path]:
    """Rewrite the README's block, its picture and the CSV below `root`. Returns what was written."""
    if not run.records:
        raise Unusable("there is no row in this result: nothing for the README")
    readme = root / "README.md"
    try:
        text = readme.read_text()
        begin, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    except ValueError:
        raise Unusable(f"{readme} has not both marks: {BEGIN} and {END}") from None
    except OSError as error:
        raise Unusable(f"{readme} can't be read: {error.strerror}") from None
    figure = ratios.overview(run, SHOWN)
    try:
        (root / PICTURE).parent.mkdir(parents=True, exist_ok=True)
        style.png(figure, root / PICTURE)
        (root / ROWS).write_text(rows(run))
        readme.write_text(f"{text[:begin]}\n{block(run)}\n{text[end:]}")
    except OSError as error:
        raise Unusable(f"{error.filename} can't be written: {error.strerror}") from None
    finally:
        plt.close(figure)
    return [readme, root / PICTURE, root / ROWS]


def block(run: Run) -> str:
    """What stands between the marks."""
    versions = "; ".join(
        dict.fromkeys(str(facts.get("library", name)) for name, facts in run.libraries.items())
    )
    void = sum(not record.counts for record in run.records)
    return (
        f"![Speed beside PyTorch and NumPy, by case]({PICTURE.as_posix()})\n\n{table(run)}\n\n"
        "Time of the peer / ours, geometric means over the rows of a case; in brackets the worst row.\n"
        f"Measured on {run.machine.get('cpu')}, {run.machine.get('cores')} cores, {run.date[:10]}, "
        f"commit {run.commit};\n{versions}.\n"
        f"{len(run.records)} rows, {void} of them void: [all of them]({ROWS.as_posix()}).\n"
    )


def table(run: Run) -> str:
    """The groups of rows down, libraries and thread counts across. A variant of a library (channels_last,
    fused) is a line of its own."""
    found = {(*place(group), group.threads): group for group in groups(run.records)}
    counts = sorted({count for *_, count in found})
    columns = [
        (peer, count) for peer in PEERS for count in counts if any(k[1:] == (peer, count) for k in found)
    ]
    head = ["", *(f"{NAMES[peer]}, {thread_text(count)}" for peer, count in columns)]
    table = [head, ["---", *["---:"] * len(columns)]]
    for name in dict.fromkeys(name for name, *_ in found):
        cells = [cell(found.get((name, *column))) for column in columns]
        if any(cells):
            table.append([name, *cells])
    return "\n".join(f"| {' | '.join(line)} |" for line in table)


def place(group: Group) -> tuple[str, str]:
    """The line and the library of its column."""
    library, _, variant = group.peer.partition("_")
    return group.name + (f", {variant}" if variant else ""), library


def cell(group: Group | None) -> str:
    if group is None or group.mean is None or group.worst is None:
        return ""
    return f"{group.mean:.2f} ({ratio_of(group.worst):.2f})"


def rows(run: Run) -> str:
    """Every row as CSV: times in microseconds."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow("case row threads peer ours_us peer_us ratio lowest highest void".split())
    writer.writerows(lines(run))
    return text.getvalue()


def lines(run: Run) -> Iterable[list[object]]:
    for record in run.records:
        result = record.result
        times = [f"{side.median * 1e6:.3g}" if side else "" for side in (result.ours, result.peer)]
        ratio = result.ratio
        found = [f"{value:.3f}" for value in (ratio.median, ratio.low, ratio.high)] if ratio else [""] * 3
        yield [record.case, record.row, record.threads, record.peer, *times, *found, result.void]
