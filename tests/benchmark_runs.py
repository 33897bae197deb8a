"""Results of benchmarks without measuring: sides whose times are given, and runs made of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, repeat

from benchmarks import cases, protocol, results
from benchmarks.processes import Block
from benchmarks.protocol import Plan

PLAN = Plan(seconds=0.01, alone=2, rounds=3, waits=2, pause=0.0)
MACHINE = {"cpu": "X", "architecture": "x86_64", "cores": 2}


@dataclass
class Fake:
    """A side whose blocks take the times it is given; keeps a diary of who ran."""

    name: str
    times: Iterator[float]
    diary: list[str]

    def block(self, seconds: float) -> Block:
        self.diary.append(self.name)
        taken = next(self.times)
        return Block(taken, taken, taken, calls=1)


def judged(ours: float, peer: float, alone: float, *first_probes: bool, then: bool = True) -> protocol.Result:
    """A row whose peer takes `alone` by itself; the probes answer `first_probes`, and `then` ever after."""
    probes = chain(first_probes, repeat(then))

    def passes() -> bool:
        return next(probes)

    before = protocol.in_turn([Fake("peer", repeat(alone), [])], PLAN.alone, PLAN, passes)
    sides = [Fake("peer", repeat(peer), []), Fake("ours", repeat(ours), [])]
    return protocol.judge(before, protocol.in_turn(sides, PLAN.rounds, PLAN, passes))


def a_run(*ratios: float, **facts: object) -> results.Run:
    """A run whose rows, the first of gemm, beside NumPy on one thread, have these ratios (0: void)."""
    run = results.Run.begin(MACHINE, {"ours": {"library": "kernelgrad"}}, PLAN)
    run.limits = {"1": {"float32": 100.0, "float64": 50.0, "triad": 10.0, "copy": 9.0, "read": 11.0}}
    case = cases.load(cases.package("gemm"))
    for row, ratio in zip(case.rows, ratios, strict=False):
        result = judged(1e-3, 1e-3 * (ratio or 1), 1e-3 * (ratio or 1), then=bool(ratio))
        run.records.append(results.Record.of(case, row, 1, "numpy", result))
    for name, value in facts.items():
        setattr(run, name, value)
    return run
