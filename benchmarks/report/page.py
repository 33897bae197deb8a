"""The report as one HTML file: pictures drawn into it, no scripts, nothing loaded from elsewhere. It follows
the light or dark theme of its reader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from matplotlib.figure import Figure

from benchmarks.report import style
from benchmarks.report.style import NAMES
from benchmarks.results import Record, Run
from benchmarks.table import limit_share, rate, ratio_of, with_fastest

STYLE = """
:root { color-scheme: light dark; --type: system-ui, "Segoe UI", "DejaVu Sans", sans-serif; LIGHT }
@media (prefers-color-scheme: dark) { :root { DARK } }
body { margin: 0 auto; padding: 2rem 1.25rem 5rem; max-width: 68rem; background: var(--paper);
  color: var(--ink); font: 16px/1.55 var(--type); }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .4rem; letter-spacing: -.01em; }
h2 { font-size: 1.3rem; margin: 3.2rem 0 .4rem; }
p { max-width: 46rem; margin: .4rem 0 1rem; }
.faint, figcaption { color: var(--faint); }
svg { display: block; width: 100%; height: auto; }
figure { margin: 1rem 0 0; }
figcaption { font-size: .85rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; width: 100%; }
th, td { text-align: right; padding: .22rem .7rem; border-bottom: 1px solid var(--rule);
  white-space: nowrap; }
th { font-weight: 600; color: var(--faint); }
th:first-child, td:first-child, .left { text-align: left; }
tr.void td { color: var(--faint); }
td.slower { font-weight: 700; color: var(--pytorch); }
details { margin: .5rem 0; border-top: 1px solid var(--rule); padding-top: .5rem; }
summary { cursor: pointer; font-weight: 600; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1.2rem; font-size: .85rem; }
dt { color: var(--faint); } dd { margin: 0; overflow-wrap: anywhere; }
"""


def stylesheet() -> str:
    light, dark = (" ".join(f"--{name}: {theme[i]};" for name, theme in style.THEMES.items()) for i in (0, 1))
    return STYLE.replace("LIGHT", light).replace("DARK", dark)


def page(
    run: Run, sections: Sequence[tuple[str, str, Figure]], cases: Mapping[tuple[str, str], Figure]
) -> str:
    """`sections` are (heading, words, picture); `cases` the pictures of the groups of rows."""
    parts = [head(run)]
    for heading, words, figure in sections:
        parts.append(f"<h2>{escape(heading)}</h2>\n<p>{escape(words)}</p>\n{drawn(figure)}")
    parts.append(f"<h2>Case by case</h2>\n{table_of_groups(run)}\n<h2>Row by row</h2>")
    parts.append(
        "<p>Whiskers are the lowest and highest of the rounds; void rows are grey and do not count.</p>"
    )
    parts += [row_section(run, *key, figure) for key, figure in cases.items()]
    parts.append(facts(run))
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>kernelgrad: benchmarks</title>\n<style>{stylesheet()}</style>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def head(run: Run) -> str:
    changed = " with changes" if run.changed else ""
    cpu = str(run.machine.get("cpu", ""))
    when = run.date[:16].replace("T", " ")
    unfinished = "" if run.complete else " <strong>The run is not complete.</strong>"
    return (
        "<h1>kernelgrad beside its peers</h1>\n"
        f'<p class="faint">{escape(cpu)}, commit {escape(run.commit or "unknown")}{changed}, {escape(when)}.'
        f"{unfinished}</p>\n"
        "<p>Each ratio is the time of the peer over ours, both measured in turn in their own processes. "
        "It means something only on the machine that it was measured on.</p>"
    )


def drawn(figure: Figure) -> str:
    return f"<figure>{style.svg(figure)}</figure>"


def cell(text: object, kind: str = "") -> str:
    return f"<td{f' class={kind}' if kind else ''}>{escape(str(text))}</td>"


def rows(header: Sequence[str], lines: Sequence[str]) -> str:
    names = "".join(f"<th>{escape(name)}</th>" for name in header)
    return f'<div class="scroll"><table>\n<tr>{names}</tr>\n' + "\n".join(lines) + "\n</table></div>"


def table_of_groups(run: Run) -> str:
    lines = []
    for group in with_fastest(run.records):
        worst = f"{ratio_of(group.worst):.2f} ({group.worst.row})" if group.worst else "-"
        mean = f"{group.mean:.2f}x" if group.mean else "-"
        slower = "slower" if group.mean and group.mean < 1 else ""
        lines.append(
            f"<tr>{cell(group.name)}{cell(group.threads)}{cell(NAMES.get(group.peer, group.peer))}"
            f"{cell(mean, slower)}{cell(worst)}{cell(group.rows)}{cell(group.void or '')}</tr>"
        )
    return rows(("case", "threads", "peer", "geometric mean", "worst row", "rows", "void"), lines)


def row_section(run: Run, case: str, group: str, figure: Figure) -> str:
    records = [record for record in run.records if (record.case, record.group) == (case, group)]
    header = (
        "row",
        "threads",
        "peer",
        "ours us",
        "peer us",
        "peer / ours",
        "spread",
        "rate",
        "of the limit",
        "",
    )
    name = f"{case} {group}".strip()
    return (
        f"<details><summary>{escape(name)}</summary>\n{drawn(figure)}\n<details><summary>numbers</summary>\n"
        f"{rows(header, [row(run, record) for record in records])}\n</details></details>"
    )


def row(run: Run, record: Record) -> str:
    result = record.result
    ratio, share = result.ratio, limit_share(record, run)
    times = [f"{side.median * 1e6:,.1f}" if side else "-" for side in (result.ours, result.peer)]
    slower = "slower" if record.counts and ratio_of(record) < 1 else ""
    return (
        f"<tr{' class=void' if result.void else ''}>{cell(record.row)}{cell(record.threads)}"
        f"{cell(NAMES[record.peer])}{cell(times[0])}{cell(times[1])}"
        f"{cell(f'{ratio.median:.2f}x' if ratio else '-', slower)}"
        f"{cell(f'{ratio.low:.2f} - {ratio.high:.2f}' if ratio else '')}{cell(rate(record).strip())}"
        f"{cell(f'{share:.0%}' if share else '')}{cell(result.void, 'left')}</tr>"
    )


def facts(run: Run) -> str:
    """What the numbers can't be read without."""
    known: dict[str, object] = {**run.machine}
    known |= {side: ", ".join(f"{k} {v}" for k, v in fact.items()) for side, fact in run.libraries.items()}
    known |= {
        f"limits, {count} thread{'s' if count != '1' else ''}": ", ".join(
            f"{name} {value} {'GFLOP/s' if name.startswith('float') else 'GB/s'}"
            for name, value in limits.items()
        )
        for count, limits in run.limits.items()
    }
    known["plan"] = ", ".join(f"{name} {value}" for name, value in run.plan.items())
    items = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(str(value))}</dd>\n" for name, value in known.items()
    )
    return f"<h2>The machine, the libraries, the plan</h2>\n<dl>\n{items}</dl>"
