"""What was measured: a line of the table, and the JSON file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.cases import Case, Row
from benchmarks.protocol import Measured, Plan, Result, Summary, summary

HEADER = (
    f"{'case':11} {'row':44} {'threads':>7}  {'ours us':>11} {'GF/s':>6}  {'peer us':>11} {'GF/s':>6}  "
    f"{'peer/ours':>9} {'spread':>13}  peer"
)


@dataclass(frozen=True)
class Record:
    """One measured row. Its dictionary is one entry of "rows" in the JSON file (times in seconds)."""

    case: str
    row: str
    sizes: Mapping[str, object]
    threads: int
    peer: str
    flops: float | None
    result: Result

    @classmethod
    def of(cls, case: Case, row: Row, threads: int, peer: str, result: Result) -> Record:
        flops = case.flops(row.sizes) if case.flops else None
        return cls(case.name, row.label, row.sizes, threads, peer, flops, result)

    def line(self) -> str:
        result = self.result
        ours, peer, ratio = result.ours, result.peer, result.ratio
        spread = f"{ratio.low:.2f} - {ratio.high:.2f}" if ratio else ""
        void = f"  VOID: {result.void}" if result.void else ""
        return (
            f"{self.case:11} {self.row:44} {self.threads:7}  {time(ours)} {rate(self.flops, ours)}  "
            f"{time(peer)} {rate(self.flops, peer)}  "
            f"{f'{ratio.median:.2f}' if ratio else '-':>9} {spread:>13}  {self.peer}{void}"
        )


def time(measured: Summary | None) -> str:
    return f"{measured.median * 1e6:11,.1f}" if measured else f"{'-':>11}"


def rate(flops: float | None, measured: Summary | None) -> str:
    return f"{flops / measured.median / 1e9:6.1f}" if flops and measured else f"{'':6}"


def alone_line(case: Case, row: Row, threads: int, side: str, measured: Measured) -> str:
    flops = case.flops(row.sizes) if case.flops else None
    taken = summary(measured.times(0))
    spread = f"{taken.low * 1e6:,.1f} - {taken.high * 1e6:,.1f}" if taken else "no block kept"
    return (
        f"{case.name:11} {row.label:44} {threads:7}  {time(taken)} {rate(flops, taken)}  {spread:>25}  {side}"
    )


def document(
    machine: Mapping[str, object],
    libraries: Mapping[str, Mapping[str, object]],
    plan: Plan,
    records: Sequence[Record],
) -> dict[str, object]:
    """The whole of the JSON file."""
    return {
        "machine": dict(machine),
        "libraries": {side: dict(facts) for side, facts in libraries.items()},
        "plan": asdict(plan),
        "rows": [asdict(record) for record in records],
    }


def write(path: Path, content: Mapping[str, object]) -> None:
    """Written beside and renamed: a run that is interrupted leaves the old file whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(json.dumps(content, indent=1) + "\n")
    os.replace(temporary, path)
