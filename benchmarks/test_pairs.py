"""Every row as a pytest-benchmark case: `pytest benchmarks`, or `pytest benchmarks -k quick`.

pytest-benchmark times a function in its own process, which is just what the protocol forbids. So the
protocol measures, and pytest-benchmark holds: its clock is replaced by one that advances by the next
measured block at every call, and the statistics it prints, saves and compares are those of our side's
blocks. The peer, the ratio and whether the row counts are in `extra_info`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

import pytest

from benchmarks import cases, probe, protocol, sides
from benchmarks.cases import Case, Row
from benchmarks.processes import Crew, Side


class Clock:
    """A clock that stands still between calls of advance()."""

    def __init__(self) -> None:
        self.now = 0.0
        self.blocks: Iterator[float] = iter(())

    def __call__(self) -> float:
        return self.now

    def advance(self) -> None:
        self.now += next(self.blocks)


CLOCK = Clock()


def pairs() -> Iterator[object]:
    for name in cases.NAMES:
        case = cases.load(cases.package(name))
        for row in case.rows:
            for peer in row.peers:
                for threads in [1] if case.serial else range(1, min(2, len(probe.cores())) + 1):
                    label = f"{name}-{row.label}-{peer}-{threads}{'-quick' if row.quick else ''}"
                    yield pytest.param(case, row, peer, threads, id=label)


@pytest.fixture(scope="session")
def ours_can_run() -> None:
    try:
        with Side(sides.OURS, 1) as side:
            assert side.facts
    except sides.Refused as refused:
        pytest.skip(str(refused))


CREWS: dict[tuple[str, int], Crew] = {}


@pytest.fixture(scope="session", autouse=True)
def crews_end() -> Iterator[None]:
    yield
    for crew in CREWS.values():
        crew.close()


def measured(case: Case, row: Row, peer: str, threads: int) -> protocol.Result:
    """The row beside one peer; the processes stay for the next row."""
    plan = protocol.QUICK if row.quick else protocol.Plan()
    if (peer, threads) not in CREWS:
        CREWS[peer, threads] = Crew([peer, sides.OURS], threads, plan.options)
    passes = probe.Probe(probe.cores()[-threads:]).passes
    return protocol.measure(
        CREWS[peer, threads], cases.package(case.name), row, [peer], plan, passes
    )[peer]  # fmt: skip


@pytest.mark.benchmark(timer=CLOCK)
@pytest.mark.usefixtures("ours_can_run")
@pytest.mark.parametrize(("case", "row", "peer", "threads"), list(pairs()))
def test_pair(benchmark, case: Case, row: Row, peer: str, threads: int) -> None:  # type: ignore[no-untyped-def]
    try:
        result = measured(case, row, peer, threads)
    except sides.Refused as refused:
        pytest.skip(str(refused))
    benchmark.group = case.name
    benchmark.extra_info.update(machine=sides.machine(), threads=threads, against=peer, **asdict(result))
    blocks = [block.median for block in result.blocks["ours"]]
    if not blocks:
        pytest.skip(f"void: {result.void}")
    CLOCK.blocks = iter(blocks)
    benchmark.pedantic(CLOCK.advance, rounds=len(blocks))
