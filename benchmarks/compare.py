"""Has it grown faster? A verdict a row on two results, or on the runs of two commits in turn.

A ratio is time before / time after: above 1, the later is faster. What is said of a row is the median of its
ratios and an interval that holds the true median with 95 % at least, whatever the noise is like: the k-th
lowest to the k-th highest (order statistics; David and Nagaraja 2003, 7.1). Faster or slower is only what has
all of the interval on one side of 1, and the median at least LEAST away from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import comb
from statistics import median

from benchmarks.results import Record, Run, Unusable, same_machine
from benchmarks.table import geometric_mean, group_name

LEAST = 0.03  # a smaller change is not called one: it may be that of where code and arrays happen to lie
SURE = 0.95
FEWEST = 5  # ratios


@dataclass(frozen=True)
class Verdict:
    """What is said of a row."""

    case: str
    group: str
    row: str
    threads: int
    word: str  # "faster", "slower", "no difference seen" or "void"
    ratio: float = 1.0
    low: float = 1.0
    high: float = 1.0
    reason: str = ""  # of a void row

    def line(self) -> str:
        found = f"{self.ratio:.2f}x ({self.low:.2f}..{self.high:.2f})" if self.word != "void" else self.reason
        return f"{self.case:11} {self.row:44} {self.threads:3}  {self.word:19} {found}"


def interval(values: Sequence[float]) -> tuple[float, float]:
    """The k-th lowest and the k-th highest, with the largest k that makes it sure enough; from fewer than six
    the lowest and the highest are the best there is."""
    n, k = len(values), 1
    while k + 1 <= n // 2 and 1 - 2 * sum(comb(n, i) for i in range(k + 1)) / 2**n >= SURE:
        k += 1
    values = sorted(values)
    return values[k - 1], values[n - k]


def judged(record: Record, ratios: Sequence[float], least: float, reason: str = "") -> Verdict:
    """The verdict on the row of `record` from its ratios before / after."""
    place = (record.case, record.group, record.row, record.threads)
    if len(ratios) < FEWEST:
        return Verdict(*place, "void", reason=reason or f"only {len(ratios)} ratios")
    low, high = interval(ratios)
    return Verdict(*place, word_for(median(ratios), low, high, least), median(ratios), low, high)


def word_for(ratio: float, low: float, high: float, least: float) -> str:
    if low > 1 and ratio >= 1 + least:
        return "faster"
    if high < 1 and ratio <= 1 / (1 + least):
        return "slower"
    return "no difference seen"


def of_files(before: Run, after: Run, least: float, anyway: bool = False) -> list[Verdict]:
    """Rows that both results have. Each is measured by a peer that both have too, in the same version: its
    time tells how fast the machine was. The interval is that of the most unlike rounds."""
    if not same_machine(before, after) and not anyway:
        a, b = (f"{run.machine.get('cpu')}, {run.machine.get('cores')} cores" for run in (before, after))
        raise Unusable(
            f"the two results are of different machines ({a}; {b}), so their times can't be compared; "
            "--anyway compares their ratios to the peers all the same"
        )
    settings = [{name: run.plan.get(name) for name in ("heap", "wait")} for run in (before, after)]
    if settings[0] != settings[1] and not anyway:
        a, b = (", ".join(f"{name} {value}" for name, value in chosen.items()) for chosen in settings)
        raise Unusable(
            f"the two results are of different settings ({a}; {b}), which the peers feel too, so they are "
            "no measure; --anyway compares all the same"
        )
    earlier = {record.key: record for record in before.records}
    rows: dict[tuple[str, str, int], list[tuple[Record, Record]]] = {}
    for record in after.records:
        other = earlier.get(record.key)
        same = before.libraries.get(record.peer) == after.libraries.get(record.peer)
        if other is not None and same:
            rows.setdefault(record.key[:3], []).append((other, record))
    if not rows:
        raise Unusable("the two results have no row and peer in common, with the peer in one version")
    return [row_of_files(pairs, least) for pairs in rows.values()]


def row_of_files(pairs: Sequence[tuple[Record, Record]], least: float) -> Verdict:
    for old, new in pairs:
        if old.counts and new.counts:
            a, b = old.result.ratio, new.result.ratio  # peer / ours
            assert a is not None and b is not None
            ratio, low, high = b.median / a.median, b.low / a.high, b.high / a.low
            place = (new.case, new.group, new.row, new.threads)
            return Verdict(*place, word_for(ratio, low, high, least), ratio, low, high)
    old, new = pairs[0]
    return judged(new, [], least, old.result.void or new.result.void)


def summary(verdicts: Sequence[Verdict]) -> str:
    """How many of each, the means of the groups, and at last what grew slower."""
    words = ("faster", "slower", "no difference seen", "void")
    counts = ", ".join(f"{sum(v.word == word for v in verdicts)} {word}" for word in words)
    lines = [f"{name:24} {mean:.2f}x" for name, mean in means(verdicts)]
    slower = [verdict.line() for verdict in verdicts if verdict.word == "slower"]
    return "\n".join([*lines, *(["", "slower:", *slower] if slower else []), "", counts])


def means(verdicts: Iterable[Verdict]) -> list[tuple[str, float]]:
    groups: dict[str, list[float]] = {}
    for verdict in verdicts:
        if verdict.word != "void":
            groups.setdefault(group_name(verdict.case, verdict.group), []).append(verdict.ratio)
    return [(name, mean) for name, ratios in groups.items() if (mean := geometric_mean(ratios))]


def status(verdicts: Iterable[Verdict]) -> int:
    """For the shell: 1 where a row grew slower."""
    return int(any(verdict.word == "slower" for verdict in verdicts))
