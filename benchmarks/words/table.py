"""What was measured, as lines, and what is reached of the goals: means over the seeds."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean, median

from benchmarks.words.measure import Row

__all__ = ["line", "report"]

FASTER = 2.0  # goals: words a second beside gensim; scores at most so much below its
BELOW = {"pairs": 0.02, "analogies": 1.5}
ANALOGIES = ("semantic", "syntactic", "total")
SOLE = ("glove",)  # models that no peer trains


def line(row: Row) -> str:
    """One training."""
    return (
        f"{row.model:8} seed {row.seed} {row.side:8} {row.speed:11,.0f} words/s on {row.cores:.2f} cores, "
        f"{row.counting:5.1f} s before, peak {row.peak / 1e6:5,.0f} MB{cells(row.cells)}  "
        f"{shown(row.scores)}".rstrip()
    )


def cells(speed: float) -> str:
    return f", {speed / 1e6:.2f} M cells/s" if speed else ""


def shown(scores: dict[str, float]) -> str:
    return " ".join(f"{name} {number(name, value)}" for name, value in scores.items())


def number(name: str, value: float) -> str:
    return f"{value:.1f}" if name in ANALOGIES else f"{value:.3f}"


def report(rows: Sequence[Row]) -> str:
    """A paragraph for each model and each peer that trained it beside ours, or for ours alone."""
    wanted = dict.fromkeys((row.model, row.side) for row in rows if row.side != "ours")
    pairs = [both(model, peer, rows) for model, peer in wanted]
    parts = [paragraph(found) for found in pairs if found]
    parts += [alone(found) for model in SOLE if (found := [row for row in rows if row.model == model])]
    if len(commits := dict.fromkeys(row.commit for row in rows)) > 1:
        parts.append(f"rows of several commits: {', '.join(commits)}")
    return "\n\n".join(parts)


def both(model: str, side: str, rows: Sequence[Row]) -> list[tuple[Row, Row]]:
    """Our row and the peer's of each seed."""
    found = {row.key: row for row in rows}
    seeds = sorted({row.seed for row in rows})
    pairs = [(found.get((model, "ours", seed)), found.get((model, side, seed))) for seed in seeds]
    return [(ours, peer) for ours, peer in pairs if ours and peer]


def paragraph(pairs: Sequence[tuple[Row, Row]]) -> str:
    ratios = [ours.speed / peer.speed for ours, peer in pairs]
    by_core = median(ours.words / ours.processors / (peer.words / peer.processors) for ours, peer in pairs)
    whole = median((peer.counting + peer.training) / (ours.counting + ours.training) for ours, peer in pairs)
    memory = median(ours.peak / peer.peak for ours, peer in pairs)
    ratio = median(ratios)
    lines = [
        f"{pairs[0][0].model}: {ratio:.2f} times {pairs[0][1].side}'s words/s "
        f"({min(ratios):.2f} - {max(ratios):.2f}, seeds: "
        f"{len(pairs)}); want {FASTER:g}: {verdict(ratio >= FASTER)}",
        f"  {by_core:.2f} times by processor time, {whole:.2f} with the counting before; "
        f"{memory:.2f} of its peak memory",
    ]
    for name in pairs[0][0].scores:
        if not all(name in row.scores for pair in pairs for row in pair):
            continue  # trained without the file of judgements
        ours, peer = ([pair[i].scores[name] for pair in pairs] for i in (0, 1))
        reached = mean(ours) >= mean(peer) - BELOW["analogies" if name in ANALOGIES else "pairs"]
        lines.append(f"  {name:9} {spread(name, ours)} beside {spread(name, peer)}: {verdict(reached)}")
    if all("RW unseen" in row.scores for pair in pairs for row in pair):
        gains = [
            [row.scores["RW unseen"] - row.scores["RW zero"] for row in side]
            for side in zip(*pairs, strict=True)
        ]
        ours, peer = map(mean, gains)
        lines.append(
            f"  vectors of unseen words change RW by {ours:+.3f} beside {peer:+.3f}; want more than 0: "
            f"{verdict(ours > 0)}"
        )
    return "\n".join(lines)


def alone(rows: Sequence[Row]) -> str:
    """What ours gave that has no peer."""
    speed, entries, memory = (
        median(values)
        for values in zip(*((row.speed, row.cells, row.peak / 1e6) for row in rows), strict=True)
    )
    head = f"{rows[0].model}: {speed:,.0f} words/s{cells(entries)}, {memory:,.0f} MB (seeds: {len(rows)})"
    scores = [f"  {name:9} {spread(name, [row.scores[name] for row in rows])}" for name in rows[0].scores]
    return "\n".join([head, *scores])


def spread(name: str, values: Sequence[float]) -> str:
    """The mean over the seeds; of several seeds the lowest and the highest too."""
    middle, low, high = (number(name, value) for value in (mean(values), min(values), max(values)))
    return f"{middle:>6}" + (f" ({low} - {high})" if len(values) > 1 else "")


def verdict(reached: bool) -> str:
    return "reached" if reached else "MISSED"
