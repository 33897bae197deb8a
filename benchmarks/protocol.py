"""How the sides of a row are measured: in turn, and when a row does not count.

    check      every side makes its result; where they disagree nothing is timed
    alone      a few blocks of each peer by itself, before our side has got the row
    rounds     a block of each peer and one of ours, again and again, the others frozen meanwhile
    probe      before and after every block: were all the cores there? A block that lost one is run again
    result     medians over the blocks, and the ratio peer / ours (above 1: ours is faster) as the median,
               lowest and highest over the rounds
    void       a peer in turn is slower than 1.15 x alone, or the cores were too seldom there

A block lasts at least `Plan.seconds`; the first fifth of it is thrown away (worker.py).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Protocol

import numpy as np

from benchmarks import cases, sides
from benchmarks.processes import Block, Crew, Failed

SLOWED = 1.15  # a peer slower than this, against running alone, was disturbed


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    seconds: float = 0.08  # a block
    alone: int = 2  # blocks of the peer by itself
    rounds: int = 5  # blocks of each side in turn
    tries: int = 3  # at most tries * blocks are run to get so many
    waits: int = 50  # before a block, so often is the probe asked until it passes,
    pause: float = 0.05  # with so many seconds between
    heap: str = "kept"  # how every side allocates (sides.HEAPS)
    wait: str = "default"  # how idle threads of every side wait (sides.WAITS)

    @property
    def options(self) -> dict[str, str]:
        """What the plan says about processes."""
        return {"heap": self.heap, "wait": self.wait}


QUICK = Plan(alone=1, rounds=3)


class Wrong(RuntimeError):
    """The two sides do not compute the same thing, so their times can't be compared."""


class Runner(Protocol):
    """A side, ready to run a row."""

    def block(self, seconds: float) -> Block: ...


@dataclass
class Measured:
    """The blocks that were kept, of each runner; how many were run, and how many were wanted."""

    blocks: list[list[Block]] = field(default_factory=list)
    tried: int = 0
    wanted: int = 0

    @property
    def kept(self) -> int:
        return sum(map(len, self.blocks))

    @property
    def complete(self) -> bool:
        return self.kept >= self.wanted

    def times(self, runner: int = 0) -> list[float]:
        return [block.median for block in self.blocks[runner]]


def in_turn(runners: Sequence[Runner], count: int, plan: Plan, passes: Callable[[], bool]) -> Measured:
    """`count` rounds of one block a runner, each block between two probes that passed; fewer where the cores
    don't come, or come and go."""
    measured = Measured([[] for _ in runners], wanted=count * len(runners))
    held = False  # did the last probe pass?
    for _ in range(count):
        for runner, blocks in zip(runners, measured.blocks, strict=True):
            kept = len(blocks)
            while len(blocks) == kept:
                if measured.tried >= plan.tries * measured.wanted or not (held or wait_for(passes, plan)):
                    return measured
                measured.tried += 1
                block = runner.block(plan.seconds)
                held = passes()
                if held:
                    blocks.append(block)
    return measured


def wait_for(passes: Callable[[], bool], plan: Plan) -> bool:
    """Ask the probe until it passes; False where it never does. Waiting is cheaper than repeating blocks."""
    for _ in range(plan.waits):
        if passes():
            return True
        time.sleep(plan.pause)
    return False


@dataclass(frozen=True)
class Summary:
    """The median of some values, the lowest and the highest."""

    median: float
    low: float
    high: float


def summary(values: Sequence[float]) -> Summary | None:
    return Summary(median(values), min(values), max(values)) if values else None


@dataclass(frozen=True)
class Result:
    """A row beside one peer, as measured. `void` says why it does not count; "" where it does."""

    ours: Summary | None  # seconds a run, over the blocks
    peer: Summary | None
    ratio: Summary | None  # peer / ours, round by round
    blocks: Mapping[str, Sequence[Block]]  # "ours", "peer", "alone"
    tried: int
    void: str
    error: float = 0.0  # largest difference of the results, as a share of the largest value


def judge(alone: Measured, turns: Measured, peer: int = 0, error: float = 0.0) -> Result:
    """The result beside one peer from that peer alone and from all in turn, ours last."""
    theirs, ours = turns.times(peer), turns.times(-1)
    void = ""
    if not (alone.complete and turns.complete):
        kept, tried = alone.kept + turns.kept, alone.tried + turns.tried
        void = f"the cores were there in only {kept} of {tried} blocks"
    elif median(theirs) > SLOWED * median(alone.times()):
        void = f"the peer ran {median(theirs) / median(alone.times()):.2f}x as long as alone"
    return Result(
        ours=summary(ours),
        peer=summary(theirs),
        ratio=summary([p / o for p, o in zip(theirs, ours, strict=False)]),
        blocks={"ours": turns.blocks[-1], "peer": turns.blocks[peer], "alone": alone.blocks[0]},
        tried=alone.tried + turns.tried,
        void=void,
        error=error,
    )


def failed(error: Exception) -> Result:
    """The result of a row that could not be measured."""
    first, *rest = str(error).strip().splitlines() or [type(error).__name__]
    reason = f"{first} {rest[-1] if rest else ''}".strip()
    return Result(None, None, None, {"ours": [], "peer": [], "alone": []}, 0, void=reason)


def difference(ours: Sequence[np.ndarray], peer: Sequence[np.ndarray], tolerance: float) -> float:
    """The largest difference as a share of the largest value; raises Wrong above the tolerance."""
    worst = 0.0
    if len(ours) != len(peer):
        raise Wrong(f"we have {len(ours)} results, the peer {len(peer)}")
    for a, b in zip(ours, peer, strict=True):
        if a.shape != b.shape:
            raise Wrong(f"our result has shape {a.shape}, the peer's {b.shape}")
        if not a.size:
            continue
        scale = float(np.abs(b).max()) or 1.0
        share = float(np.abs(a.astype(np.float64) - b).max()) / scale
        if not share <= tolerance:  # a NaN is wrong too
            raise Wrong(f"the results differ by {share:.2g} of the largest value, more than {tolerance:.2g}")
        worst = max(worst, share)
    return worst


def measure(
    crew: Crew,
    package: str,
    row: cases.Row,
    peers: Sequence[str],
    plan: Plan,
    passes: Callable[[], bool],
    ours: str = sides.OURS,
) -> dict[str, Result]:
    """One row: `ours` beside each of the peers. A side that fails, or disagrees, has that as its result."""
    tolerance = cases.load(package).tolerance
    results: dict[str, Result] = {}
    expected: dict[str, list[np.ndarray]] = {}
    alone: dict[str, Measured] = {}
    for peer in peers:
        try:
            expected[peer] = crew[peer].load(package, row.sizes)
            alone[peer] = in_turn([crew[peer]], plan.alone, plan, passes)
        except Failed as error:
            results[peer] = failed(error)
    try:
        own = crew[ours].load(package, row.sizes)
        errors = {}
        for peer in alone:
            try:
                errors[peer] = difference(own, expected[peer], tolerance)
            except Wrong as error:
                results[peer] = failed(error)
        turns = in_turn([*(crew[peer] for peer in errors), crew[ours]], plan.rounds, plan, passes)
    except Failed as error:
        return results | {peer: failed(error) for peer in peers if peer not in results}
    for i, (peer, error_share) in enumerate(errors.items()):
        results[peer] = judge(alone[peer], turns, i, error_share)
    return {peer: results[peer] for peer in peers}
