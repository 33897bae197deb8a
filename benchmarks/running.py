"""A whole run: which rows, in which order, what to do when it is interrupted, and what it says meanwhile.

Every few seconds the file is written. Ctrl-C ends the run and keeps what was measured; the same command goes
on from there. Rows that came out void are measured once more at the end, when the machine may be quieter.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from tqdm import tqdm

from benchmarks import cases, limits, protocol, results, sides, table
from benchmarks.cases import Case, Row
from benchmarks.probe import Probe, cores
from benchmarks.processes import Crew, Side
from benchmarks.results import Key, Record, Run

PERIOD = 5.0  # seconds between two writings of the file


@dataclass(frozen=True)
class Task:
    """One row of a case beside those peers, on so many threads."""

    case: Case
    row: Row
    threads: int
    peers: tuple[str, ...]

    def key(self, peer: str) -> Key:
        return self.case.name, self.row.label, self.threads, peer


def tasks(
    names: Sequence[str], text: str, quick: bool, threads: Sequence[int], peers: Sequence[str] | None
) -> list[Task]:
    """What was asked for: rows whose label has the text, case by case, by thread count within a case."""
    found = []
    for name in names:
        case = cases.load(cases.package(name))
        for count in [1] if case.serial else threads:
            for row in case.rows:
                wanted = tuple(peer for peer in row.peers if not peers or peer in peers)
                if wanted and text in row.label and (row.quick or not quick):
                    found.append(Task(case, row, count, wanted))
    return found


def libraries(names: set[str], plan: protocol.Plan) -> dict[str, dict[str, object]]:
    """The facts of every side that can run here. Our own must; a peer that can't is left out."""
    facts = {}
    with Crew(sorted(names), 1, plan.options) as crew:
        for name, side in crew.sides.items():
            try:
                facts[name] = {key: value for key, value in side.facts.items() if key != "threads"}
            except sides.Refused as refused:
                if name == sides.OURS:
                    raise
                print(f"left out: {refused}", file=sys.stderr)
    return facts


def measure_limits(run: Run, counts: Sequence[int], plan: protocol.Plan) -> None:
    for count in counts:
        if str(count) not in run.limits:
            with Side(sides.OURS, count, **plan.options) as ours:
                run.limits[str(count)] = ours.limits()


def resumed(run: Run, file: Path) -> Run | None:
    """The run that the file holds, where it was interrupted and `run` may go on with it."""
    with suppress(results.Unusable):
        before = results.read(file)
        if run.continues(before):
            before.records = [record for record in before.records if record.counts]
            return before
    return None


def whole(run: Run, wanted: Sequence[Task], plan: protocol.Plan, file: Path) -> int:
    """Measure what the run has not got yet. Returns 0; 1 where a side failed or two disagreed; 130 where the
    user interrupted."""
    total = sum(len(task.peers) for task in wanted)
    status = 0
    with tqdm(total=total, unit="row", dynamic_ncols=True, smoothing=0.1, leave=False, disable=None) as bar:
        try:
            measure_limits(run, sorted({task.threads for task in wanted}), plan)
            bar.update(len(run.records))
            measure_all(run, wanted, plan, file, bar)
            again = [task for task in wanted if void(run, task)]
            bar.reset(sum(len(task.peers) for task in again) or 1)
            bar.set_description("void rows again")
            measure_all(run, again, plan, file, bar)
            run.complete = True
        except KeyboardInterrupt:
            bar.write(f"interrupted; what was measured is in {file}, and the same command goes on from there")
            status = 130
        finally:
            results.write(file, run)
    return status or int(
        any(not r.counts and r.result.ratio is None and r.result.tried == 0 for r in run.records)
    )


def void(run: Run, task: Task) -> bool:
    """Was a row of the task disturbed? (One that failed would fail again.)"""
    records = results.by_key(run.records)
    found = [records[task.key(peer)] for peer in task.peers if task.key(peer) in records]
    return any(not record.counts and record.result.tried for record in found)


def crews(wanted: Sequence[Task]) -> Iterator[tuple[int, list[Task]]]:
    """The tasks of one case on one thread count, which one crew works off."""
    parts: dict[tuple[str, int], list[Task]] = {}
    for task in wanted:
        parts.setdefault((task.case.name, task.threads), []).append(task)
    for (_, threads), part in parts.items():
        yield threads, part


def measure_all(run: Run, wanted: Sequence[Task], plan: protocol.Plan, file: Path, bar: tqdm) -> None:
    written = monotonic()
    for threads, part in crews(wanted):
        done = {key for key, record in results.by_key(run.records).items() if record.counts}
        part = [task for task in part if not all(task.key(peer) in done for peer in task.peers)]
        if not part:
            continue
        probe = Probe(cores()[-threads:])
        names = sorted({peer for task in part for peer in task.peers}) + [sides.OURS]
        with Crew(names, threads, plan.options) as crew:
            for task in part:
                bar.set_postfix_str(f"{task.case.name} {task.row.label}"[:40])
                found = protocol.measure(
                    crew, cases.package(task.case.name), task.row, task.peers, plan, probe.passes
                )
                for peer, result in found.items():
                    keep(run, Record.of(task.case, task.row, threads, peer, result), bar)
                if monotonic() > written + PERIOD:
                    results.write(file, run)
                    written = monotonic()


def keep(run: Run, record: Record, bar: tqdm) -> None:
    """Add the record, or put it in the place of an earlier one; say so."""
    keys = [old.key for old in run.records]
    if record.key in keys:
        run.records[keys.index(record.key)] = record
    else:
        run.records.append(record)
    bar.write(table.line(record, run))
    bar.update()


def begin(wanted: Sequence[Task], plan: protocol.Plan) -> tuple[Run, list[Task]]:
    """A run with its facts, and the tasks without the peers that are not installed."""
    facts = libraries({peer for task in wanted for peer in task.peers} | {sides.OURS}, plan)
    kept = [
        Task(task.case, task.row, task.threads, tuple(peer for peer in task.peers if peer in facts))
        for task in wanted
    ]
    machine = sides.machine() | {"cache": limits.cache_bytes()}
    return Run.begin(machine, facts, plan), [task for task in kept if task.peers]


def alone(side: str, task: Task, plan: protocol.Plan) -> protocol.Measured:
    """One side by itself: what this machine gives a library."""
    probe = Probe(cores()[-task.threads :])
    with Crew([side], task.threads, plan.options) as crew:
        crew[side].load(cases.package(task.case.name), task.row.sizes)
        return protocol.in_turn([crew[side]], plan.rounds, plan, probe.passes)
