"""The file of a run: what was measured, with all that the numbers can't be read without.

{"format": 1, "complete": true, "date": ..., "commit": ..., "changed": false, "machine": {...},
 "limits": {"1": {...}}, "libraries": {side: facts}, "plan": {...}, "rows": [...]}

Times are seconds. A row is one Record: one row of a case beside one peer on so many threads.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

from benchmarks.cases import Case, Row
from benchmarks.processes import ROOT, Block
from benchmarks.protocol import Plan, Result, Summary

FORMAT = 1
FOLDER = ROOT / "benchmarks" / "results"
Key = tuple[str, str, int, str]  # case, row, threads, peer


class Unusable(RuntimeError):
    """A file that can't be read or written, or does not hold what it should; says which and why."""


@dataclass(frozen=True)
class Record:
    """One measured row. Its dictionary is one entry of "rows"."""

    case: str
    row: str
    group: str
    sizes: Mapping[str, object]
    threads: int
    peer: str
    flops: float | None
    bytes: float | None
    result: Result

    @classmethod
    def of(cls, case: Case, row: Row, threads: int, peer: str, result: Result) -> Record:
        flops = case.flops(row.sizes) if case.flops else None
        traffic = case.bytes(row.sizes) if case.bytes else None
        return cls(case.name, row.label, row.group, row.sizes, threads, peer, flops, traffic, result)

    @property
    def key(self) -> Key:
        return self.case, self.row, self.threads, self.peer

    @property
    def real(self) -> str:
        """The type it computes in."""
        return str(self.sizes.get("dtype", "float32"))

    @property
    def counts(self) -> bool:
        return not self.result.void and self.result.ratio is not None


@dataclass
class Run:
    """Everything of one file."""

    machine: Mapping[str, object]
    libraries: Mapping[str, Mapping[str, object]]
    plan: Mapping[str, object]
    commit: str = ""
    changed: bool = False  # were there changes that are not in the commit?
    date: str = ""
    limits: dict[str, dict[str, float]] = field(default_factory=dict)  # by thread count
    records: list[Record] = field(default_factory=list)
    complete: bool = False

    @classmethod
    def begin(
        cls, machine: Mapping[str, object], libraries: Mapping[str, Mapping[str, object]], plan: Plan
    ) -> Run:
        date = datetime.now().astimezone().isoformat(timespec="seconds")
        return cls(machine, libraries, asdict(plan), *commit(), date)

    def continues(self, other: Run) -> bool:
        """May what `other` measured stand beside what this run measures?"""
        alike = ("commit", "changed", "libraries", "plan")
        same = all(getattr(self, name) == getattr(other, name) for name in alike)
        return same and same_machine(self, other) and not other.complete

    def text(self) -> str:
        """JSON, a line a fact and a line a row."""
        facts = {
            "format": FORMAT, "complete": self.complete, "date": self.date, "commit": self.commit,
            "changed": self.changed, "machine": dict(self.machine), "limits": self.limits,
            "libraries": {side: dict(facts) for side, facts in self.libraries.items()},
            "plan": dict(self.plan),
        }  # fmt: skip
        lines = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in facts.items()]
        rows = ",\n".join(json.dumps(asdict(record)) for record in self.records)
        return "{" + ",\n".join(lines) + ',\n"rows": [\n' + rows + "\n]}\n"


def same_machine(a: Run, b: Run) -> bool:
    return all(a.machine.get(name) == b.machine.get(name) for name in ("cpu", "architecture", "cores"))


def commit() -> tuple[str, bool]:
    """The commit that is checked out, and whether files were changed since; ("", False) without git."""

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        return git("rev-parse", "--short=10", "HEAD"), bool(git("status", "--porcelain", "-uno"))
    except (OSError, subprocess.CalledProcessError):
        return "", False


def write(path: Path, run: Run) -> None:
    """Written beside and renamed: a run that is interrupted leaves the old file whole."""
    temporary = path.with_name(path.name + ".tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(run.text())
        os.replace(temporary, path)
    except OSError as error:
        raise Unusable(f"{path} can't be written: {error.strerror}") from None


def keep(path: Path) -> None:
    """Another run is to be written there: what has rows, of an hour maybe, is kept beside it."""
    with suppress(Unusable, OSError):
        old = read(path)
        if old.records:
            os.replace(path, path.with_name(path.name + (".before" if old.complete else ".interrupted")))


def read(path: Path) -> Run:
    """Raises Unusable where the file is not there, is no JSON, or was not written by write()."""
    try:
        content = json.loads(path.read_text())
    except OSError as error:
        raise Unusable(f"{path} can't be read: {error.strerror}") from None
    except ValueError as error:
        raise Unusable(f"{path} is not JSON ({error}); was its writing cut short?") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        found = content.get("format") if isinstance(content, dict) else None
        raise Unusable(f"{path} is no result of this suite (format {found}, want {FORMAT}); run it again")
    try:
        records = [record(row) for row in content["rows"]]
        names = ("machine", "libraries", "plan", "commit", "changed", "date", "limits")
        return Run(**{name: content[name] for name in names}, records=records, complete=content["complete"])
    except (KeyError, TypeError) as error:
        raise Unusable(f"{path} is a broken result: {error!r}; run it again") from None


def newest() -> list[Path]:
    """The file in the folder of results that was written last: a full run, if there is one, else any."""
    for pattern in ("full-*.json", "quick-*.json", "*.json"):
        files = sorted(FOLDER.glob(pattern), key=lambda path: path.stat().st_mtime)
        if files:
            return files[-1:]
    raise Unusable(f"there is no result in {FOLDER}; run `make bench` first, or name a file")


def record(row: Mapping[str, object]) -> Record:
    """The Record that `row` is the dictionary of."""
    result = dict(row["result"])  # type: ignore[call-overload]
    for name in ("ours", "peer", "ratio"):
        result[name] = Summary(**result[name]) if result[name] else None
    result["blocks"] = {side: [Block(**b) for b in blocks] for side, blocks in result["blocks"].items()}
    return Record(**{**row, "result": Result(**result)})  # type: ignore[arg-type]


def by_key(records: Sequence[Record]) -> dict[Key, Record]:
    return {record.key: record for record in records}
