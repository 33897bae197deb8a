"""How two sides are measured: in turn, each in its own process, and when a row does not count.

In one process the sides disturb each other (a PyTorch product of 0.15 ms was seen to take 3.7 ms right
after a NumPy one: both keep spinning threads and warm caches). So each side has a process of its own,
and they run in blocks of at least half a second, A B A B ..., the other asleep meanwhile:

    alone      the peer by itself, before our process exists
    rounds     peer block, our block, again and again; the probe stands between all blocks
    kept       rounds whose probes say that every core was there; a round begins when they do, and one that
               loses them is run again
    result     medians over the kept blocks, and the ratio peer / ours (above 1: ours is faster) as the
               median, lowest and highest over the kept rounds
    void       the peer in turn is slower than 1.15 x alone, or the cores were too seldom there
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Protocol

import numpy as np

from benchmarks import cases, sides
from benchmarks.probe import Probe, cores

ROOT = Path(__file__).resolve().parent.parent
SLOWED = 1.15  # a peer slower than this, against running alone, was disturbed


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    seconds: float = 0.5  # a block
    alone: int = 3  # blocks of the peer by itself
    rounds: int = 5  # kept blocks of each side
    tries: int = 3  # at most tries * rounds are run to keep so many
    waits: int = 100  # before a round, so often is the probe asked until it passes,
    pause: float = 0.05  # with so many seconds between
    heap: str = "kept"


QUICK = Plan(alone=2, rounds=3)


@dataclass(frozen=True)
class Block:
    """What one block gave: seconds a run."""

    median: float
    low: float
    high: float
    calls: int


class Wrong(RuntimeError):
    """The two sides do not compute the same thing, so their times can't be compared."""


class Failed(RuntimeError):
    """A side's process raised or died; says how."""


class Runner(Protocol):
    """A side, ready to run a row."""

    def block(self, seconds: float) -> Block: ...


class Side:
    """A worker process. Use as a context manager: it ends with the block."""

    def __init__(self, side: str, threads: int, heap: str = "kept") -> None:
        # One thread keeps to the last core: the first one has the system's interrupts.
        self.cores = cores()[-threads:]
        self.name = side
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=sides.environment(threads, heap),
        )
        try:
            self.facts = self.ask("start", side=side, threads=threads, cores=self.cores)
        except BaseException:
            self.close()
            raise

    def ask(self, do: str, **request: object) -> dict[str, object]:
        assert self.process.stdin is not None and self.process.stdout is not None
        print(json.dumps({"do": do, **request}), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            raise Failed(f"the {self.name} process died ({do}); exit code {self.process.wait()}")
        answer: dict[str, object] = json.loads(line)
        if "refused" in answer:
            raise sides.Refused(str(answer["refused"]))
        if "error" in answer:
            raise Failed(f"the {self.name} side failed ({do}):\n{answer['error']}")
        return answer

    def load(self, package: str, sizes: cases.Sizes) -> list[np.ndarray]:
        """Make the row ready; the results of its first runs."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "result.npz"
            self.ask("load", package=package, sizes=dict(sizes), result=str(file))
            with np.load(file) as results:
                return [results[name] for name in results.files]

    def block(self, seconds: float) -> Block:
        return Block(**self.ask("block", seconds=seconds))  # type: ignore[arg-type]

    def close(self) -> None:
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def __enter__(self) -> Side:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


@dataclass
class Measured:
    """Kept rounds: one tuple of blocks a round, one block a side."""

    rounds: list[tuple[Block, ...]] = field(default_factory=list)
    tried: int = 0

    def times(self, side: int) -> list[float]:
        return [blocks[side].median for blocks in self.rounds]


def in_turn(runners: Sequence[Runner], count: int, plan: Plan, passes: Callable[[], bool]) -> Measured:
    """Rounds of one block a runner, until `count` of them stand between probes that all pass."""
    measured = Measured()
    before = False
    while len(measured.rounds) < count and measured.tried < plan.tries * count:
        measured.tried += 1
        blocks: list[Block] = []
        held = before or wait_for(passes, plan)
        if not held:
            continue
        for runner in runners:
            blocks.append(runner.block(plan.seconds))
            before = passes()
            held = held and before
            if not held:
                break
        if held:
            measured.rounds.append(tuple(blocks))
    return measured


def wait_for(passes: Callable[[], bool], plan: Plan) -> bool:
    """Ask the probe until it passes; False where it never does. Waiting is cheaper than dropping rounds."""
    for _ in range(plan.waits):
        if passes():
            return True
        time.sleep(plan.pause)
    return False


@dataclass(frozen=True)
class Summary:
    """A side's time: the median over its blocks, the lowest and the highest; seconds a run."""

    median: float
    low: float
    high: float


def summary(values: Sequence[float]) -> Summary | None:
    return Summary(median(values), min(values), max(values)) if values else None


@dataclass(frozen=True)
class Result:
    """A row as measured. `void` says why it does not count; "" where it does."""

    ours: Summary | None
    peer: Summary | None
    alone: Summary | None
    ratio: Summary | None  # peer / ours, round by round
    blocks: tuple[float, ...]  # ours, seconds a run, one a kept block
    kept: int
    tried: int
    void: str
    error: float = 0.0  # largest difference of the results, as a share of the largest value


def judge(alone: Measured, turns: Measured, plan: Plan, error: float = 0.0) -> Result:
    """The result of a row from the peer alone and from (peer, ours) in turn."""
    peer, ours = turns.times(0), turns.times(1)
    void = ""
    if len(alone.rounds) < plan.alone or len(turns.rounds) < plan.rounds:
        kept, tried = len(alone.rounds) + len(turns.rounds), alone.tried + turns.tried
        void = f"the cores were there in only {kept} of {tried} rounds"
    elif median(peer) > SLOWED * median(alone.times(0)):
        void = f"the peer ran {median(peer) / median(alone.times(0)):.2f}x as long as alone"
    return Result(
        ours=summary(ours),
        peer=summary(peer),
        alone=summary(alone.times(0)),
        ratio=summary([p / o for p, o in zip(peer, ours, strict=True)]),
        blocks=tuple(ours),
        kept=len(turns.rounds),
        tried=turns.tried,
        void=void,
        error=error,
    )


def failed(error: Exception) -> Result:
    """The result of a row that could not be measured."""
    reason = str(error).strip().splitlines()
    return Result(
        None, None, None, None, (), 0, 0, void=f"{reason[0]} {reason[-1] if reason[1:] else ''}".strip()
    )


def difference(ours: Sequence[np.ndarray], peer: Sequence[np.ndarray], tolerance: float) -> float:
    """The largest difference as a share of the largest value; raises Wrong above the tolerance."""
    worst = 0.0
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
    package: str, row: cases.Row, peer: str, threads: int, plan: Plan, ours: str = sides.OURS
) -> Result:
    """One row: `ours` beside `peer` on so many threads.

    Raises sides.Refused where a side can't run here, Failed where one fails, Wrong where they disagree.
    """
    case = cases.load(package)
    probe = Probe(cores()[-threads:])
    with Side(peer, threads, plan.heap) as theirs:
        expected = theirs.load(package, row.sizes)
        alone = in_turn([theirs], plan.alone, plan, probe.passes)
        with Side(ours, threads, plan.heap) as own:
            error = difference(own.load(package, row.sizes), expected, case.tolerance)
            return judge(alone, in_turn([theirs, own], plan.rounds, plan, probe.passes), plan, error)


def measure_alone(package: str, row: cases.Row, side: str, threads: int, plan: Plan) -> Measured:
    """One side by itself: what this machine gives a library."""
    probe = Probe(cores()[-threads:])
    with Side(side, threads, plan.heap) as runner:
        runner.load(package, row.sizes)
        return in_turn([runner], plan.rounds, plan, probe.passes)
