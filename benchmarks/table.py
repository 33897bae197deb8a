"""The tables that a run prints: a line a row while it goes on, and the cases at its end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import exp, log

from benchmarks.protocol import Summary
from benchmarks.results import Record, Run

HEADER = (
    f"{'case':11} {'row':42} {'thr':>3} {'ours us':>11} {'rate':>9} {'limit':>5} {'peer us':>11} "
    f"{'peer/ours':>9} {'spread':>13}  peer"
)


def line(record: Record, run: Run) -> str:
    result = record.result
    ratio = result.ratio
    spread = f"{ratio.low:.2f} - {ratio.high:.2f}" if ratio else ""
    void = f"  VOID: {result.void}" if result.void else ""
    share = limit_share(record, run)
    return (
        f"{record.case:11} {record.row:42} {record.threads:3} {time(result.ours)} {rate(record)} "
        f"{'' if share is None else f'{share:.0%}':>5} {time(result.peer)} "
        f"{f'{ratio.median:.2f}' if ratio else '-':>9} {spread:>13}  {record.peer}{void}"
    )


def time(measured: Summary | None) -> str:
    return f"{measured.median * 1e6:11,.1f}" if measured else f"{'-':>11}"


def rate(record: Record) -> str:
    """GFLOP/s where operations are counted, else GB/s."""
    work, unit = (record.flops, "GF/s") if record.flops else (record.bytes, "GB/s")
    ours = record.result.ours
    return f"{work / ours.median / 1e9:.0f} {unit}".rjust(9) if work and ours else " " * 9


def least_time(record: Record, run: Run) -> float | None:
    """The seconds that the row takes at the measured limits: its operations at the peak, or its bytes at the
    speed of memory where they are twice the cache, whichever is more. None where neither says anything."""
    limits = run.limits.get(str(record.threads))
    if not limits:
        return None
    times = []
    if record.flops:
        times.append(record.flops / limits[record.real] / 1e9)
    if record.bytes and record.bytes > 2 * float(run.machine.get("cache") or 1 << 25):  # type: ignore[arg-type]
        times.append(record.bytes / bandwidth(limits) / 1e9)
    return max(times, default=None)


def bandwidth(limits: Mapping[str, float]) -> float:
    return max(limits[name] for name in ("triad", "copy", "read"))


def limit_share(record: Record, run: Run) -> float | None:
    least = least_time(record, run)
    return least / record.result.ours.median if least and record.result.ours else None


@dataclass(frozen=True)
class Group:
    """Rows that are averaged: of one case and group, beside one peer, on so many threads."""

    case: str
    group: str
    threads: int
    peer: str
    mean: float | None  # geometric mean of the ratios
    worst: Record | None
    rows: int  # that count
    void: int

    @property
    def name(self) -> str:
        return group_name(self.case, self.group)


def group_name(case: str, group: str) -> str:
    return f"{case} {group}".strip()


def groups(records: Sequence[Record]) -> list[Group]:
    """The records averaged, in the order in which their groups first come."""
    parts: dict[tuple[str, str, int, str], list[Record]] = {}
    for record in records:
        parts.setdefault((record.case, record.group, record.threads, record.peer), []).append(record)
    return [Group(*key, *averaged(members)) for key, members in parts.items()]


def averaged(members: Sequence[Record]) -> tuple[float | None, Record | None, int, int]:
    counting = [record for record in members if record.counts]
    worst = min(counting, key=ratio_of, default=None)
    return geometric_mean(map(ratio_of, counting)), worst, len(counting), len(members) - len(counting)


def ratio_of(record: Record) -> float:
    assert record.result.ratio is not None
    return record.result.ratio.median


def geometric_mean(values: Iterable[float]) -> float | None:
    logs = [log(value) for value in values]
    return exp(sum(logs) / len(logs)) if logs else None


def fastest(records: Iterable[Record], peers: Sequence[str], name: str) -> list[Record]:
    """Of each row the record beside the fastest of these peers, under a name of its own; void where any of
    them is: it might have been the fastest."""
    rows: dict[tuple[str, str, int], list[Record]] = {}
    for record in records:
        if record.peer in peers:
            rows.setdefault(record.key[:3], []).append(record)
    found = []
    for members in rows.values():
        void = [record for record in members if not record.counts]
        found.append(replace(void[0] if void else min(members, key=ratio_of), peer=name))
    return found


EAGER = ("numpy", "pytorch", "pytorch_channels_last", "pytorch_fused")
FASTEST = "fastest eager"


def with_fastest(records: Sequence[Record]) -> list[Group]:
    """The groups, and after those of several eager peers one beside the fastest of them, row by row."""
    found = groups(records)
    eager = [key_of(group) for group in found if group.peer in EAGER]
    several = {key for key in eager if eager.count(key) > 1}
    members = [record for record in records if (record.case, record.group, record.threads) in several]
    order = list(dict.fromkeys(map(key_of, found)))
    return sorted([*found, *groups(fastest(members, EAGER, FASTEST))], key=lambda g: order.index(key_of(g)))


def key_of(group: Group) -> tuple[str, str, int]:
    return group.case, group.group, group.threads


def by_case(records: Sequence[Record]) -> str:
    """The table of the groups."""
    lines = [
        f"{'case':22} {'thr':>3} {'peer':21} {'rows':>4} {'void':>4} {'mean':>6}  {'worst':>5} row",
    ]
    for group in with_fastest(records):
        mean = f"{group.mean:.2f}" if group.mean else "-"
        worst = f"{ratio_of(group.worst):5.2f} {group.worst.row}" if group.worst else f"{'-':>5}"
        void = str(group.void or "")
        lines.append(
            f"{group.name:22} {group.threads:3} {group.peer:21} {group.rows:4} {void:>4} {mean:>6}  {worst}"
        )
    return "\n".join(lines)
