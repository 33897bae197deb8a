"""What this house wants to reach, and what a run says of it: python -m benchmarks targets.

A target is about the ratios (peer / ours) of some rows beside some peers, of which the fastest counts: their
geometric mean, or the worst. Void rows do not count, and are told; a target whose rows are all void is not
reached.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from benchmarks.results import Record, Run, Unusable
from benchmarks.table import fastest, geometric_mean, limit_share, ratio_of


@dataclass(frozen=True)
class Target:
    """`mean` and `worst` are the least that the geometric mean and the lowest of the ratios may be."""

    name: str
    cases: tuple[str, ...]
    peers: tuple[str, ...] = ("pytorch",)
    groups: tuple[str, ...] = ()  # none: all
    mean: float | None = None
    worst: float | None = None
    threads: int | None = None  # none: each count that was measured
    picked: Callable[[Record, Run], bool] = field(default=lambda record, run: True)

    def rows(self, run: Run, threads: int) -> list[Record]:
        if self.threads not in (None, threads):
            return []
        found = fastest((r for r in run.records if r.threads == threads), self.peers, "fastest")
        return [
            r for r in found
            if r.case in self.cases and (not self.groups or r.group in self.groups) and self.picked(r, run)
        ]  # fmt: skip


def strong_peer(record: Record, run: Run) -> bool:
    """Does the peer itself pass half of the measured peak?"""
    peer, limits = record.result.peer, run.limits.get(str(record.threads))
    if not (peer and limits and record.flops):
        return False
    return record.flops / peer.median / 1e9 > limits[record.real] / 2


def named(label: str) -> Callable[[Record, Run], bool]:
    return lambda record, run: record.row == label


EAGER = ("pytorch", "numpy")
ALL = ("pytorch", "pytorch_channels_last", "pytorch_compile", "jax")
COMPILED = (
    ("playground 2-8-8-1 tanh, batch 10, SGD", ("jax",), 5.0),
    ("MLP 784-128-10, batch 64, Adam", ALL, 1.8),
    ("MLP 784-512-256-10, batch 128, Adam", ALL, 1.4),
    ("LeNet-5, batch 64, Adam", ALL, 4.0),
    ("MNIST CNN 32-64, dropout, batch 64, Adam", ALL, 2.0),
    ("DCGAN 28x28 (64-128), batch 64, D and G step", ALL, 2.0),
    ("DDPM U-Net c=32, 28x28, batch 32, Adam", ALL, 2.0),
)
SEQUENCES = (  # beside eager PyTorch, on two threads
    ("LSTM 32-128, T=50, batch 32, Adam", 2.0),
    ("GRU 32-128, T=50, batch 32, Adam", 1.5),
    ("RNN 32-128, T=50, batch 32, Adam", 1.5),
    ("Transformer block d=256, T=256, batch 8, Adam", 1.3),
    ("Transformer block d=256, T=4096, batch 1, Adam", 1.3),
)
SINGLE = ("pool", "norm", "loss", "embedding", "elementwise", "reduce", "optim", "dropout")
DIRECTIONS = ("forward", "input", "weight")
TARGETS = (
    Target("products, float32", ("gemm",), EAGER, ("float32",), mean=1.0, worst=0.9),
    Target("products, float64", ("gemm",), EAGER, ("float64",), mean=0.95),
    Target("a call at 16^3", ("gemm",), groups=("small",), mean=1.3, picked=named("16 x 16 x 16")),
    *(Target(f"convolution, {way}", ("conv",), groups=(way,), mean=1.3, worst=0.9) for way in DIRECTIONS),
    *(
        Target(f"convolution, {way}, strong", ("conv",), groups=(way,), mean=1.1, picked=strong_peer)
        for way in DIRECTIONS
    ),
    *(
        Target(f"convolution, {way}, channels_last", ("conv",), ("pytorch_channels_last",), (way,), mean=0.9)
        for way in DIRECTIONS
    ),
    Target("single functions", SINGLE, mean=1.5, worst=0.95),
    *(Target(f"  {case}", (case,), mean=1.5, worst=0.95) for case in SINGLE),
    Target("training steps", ("steps",), mean=1.5, worst=1.0),
    *(
        Target(
            f"compiled, {label.split(',')[0]}", ("jit",), peers, worst=least, threads=1, picked=named(label)
        )
        for label, peers, least in COMPILED
    ),
    *(
        Target(label.removesuffix(", Adam"), ("jit",), worst=least, threads=2, picked=named(label))
        for label, least in SEQUENCES
    ),
    Target("models that draw", ("drawing",), ("pytorch", "pytorch_channels_last"), worst=1.5, threads=2),
)
PEAK = ("2048 x 2048 x 2048", 0.88)  # a product, and its share of the measured multiply-adds, on one thread


def report(run: Run) -> tuple[str, bool]:
    """The table of all targets that the run has rows for; whether all of them are reached. Raises Unusable
    where it has none."""
    lines = [f"{'target':38} {'thr':>3} {'rows':>4} {'void':>4} {'mean':>13} {'worst':>13}"]
    reached = True
    for threads in sorted({record.threads for record in run.records}):
        for target in TARGETS:
            line = judged(target, target.rows(run, threads), threads)
            if line is not None:
                lines.append(line[0])
                reached = reached and line[1]
    share = peak_share(run)
    if share is not None:
        name, least = f"share of the peak at {PEAK[0]}", PEAK[1]
        lines.append(f"{name:38}   1 {share:17.0%} of {least:.0%}{missed(share, least)}")
        reached = reached and share >= PEAK[1]
    if len(lines) == 1:
        raise Unusable("the run has no row that a target is about; run more cases, beside pytorch")
    return "\n".join(lines), reached


def judged(target: Target, rows: Sequence[Record], threads: int) -> tuple[str, bool] | None:
    """The target's line and whether it is reached; None where the run has no row for it."""
    if not rows:
        return None
    counting = [record for record in rows if record.counts]
    mean = geometric_mean(map(ratio_of, counting))
    if mean is None:  # nothing is shown, so it is not reached
        return f"{target.name:38} {threads:3} {0:4} {len(rows):4} {'all void!':>13}", False
    worst = min(counting, key=ratio_of)
    low = ratio_of(worst)
    ok = (target.mean is None or mean >= target.mean) and (target.worst is None or low >= target.worst)
    below = [record for record in counting if target.worst and ratio_of(record) < target.worst]
    names = ", ".join(f"{record.row} {ratio_of(record):.2f}" for record in sorted(below, key=ratio_of))
    line = (
        f"{target.name:38} {threads:3} {len(counting):4} {len(rows) - len(counting) or '':>4} "
        f"{found(mean, target.mean):>13} {found(low, target.worst):>13}"
    )
    return line + (f"\n    below: {names}" if names else ""), ok


def found(value: float, wanted: float | None) -> str:
    return f"{value:.2f}" + (f" of {wanted:.2f}{missed(value, wanted)}" if wanted is not None else "")


def missed(value: float, wanted: float) -> str:
    return " " if value >= wanted else "!"


def peak_share(run: Run) -> float | None:
    for record in run.records:
        if record.case == "gemm" and record.row == PEAK[0] and record.threads == 1:
            return limit_share(record, run)
    return None
