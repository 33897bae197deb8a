"""Two networks on the spiral, three sides in turn, each in a process of its own that waits for its turn.

Before anything is timed the sides train the same network from the same weights, and their losses and fields
are compared; afterwards the losses must be finite and smaller than at the start. Rounds are those of the
other benchmarks (protocol.py): a block that lost a core to another program is run again, and a row is void if
cores don't come. Node.js may use all cores, for its compiler and its collector; what it runs has one thread,
as ours.
"""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from apps.playground.network import Network
from apps.playground.points import generate
from apps.playground.settings import FEATURES, Settings
from benchmarks import sides
from benchmarks.probe import Probe, cores
from benchmarks.processes import ROOT, Block, Failed
from benchmarks.protocol import Plan, Summary, Wrong, in_turn, summary

__all__ = ["NETWORKS", "PEERS", "Row", "Side", "measured", "node", "report"]

HERE = Path(__file__).resolve().parent
NETWORKS = {
    "2-8-8-1": {"networkShape": [8, 8]},
    "7-8-8-8-1": {"networkShape": [8, 8, 8], **dict.fromkeys(FEATURES, True)},
}
PEERS = {"original": "objects, as the original", "arrays": "typed arrays"}
FASTER, QUICK = (
    4.0,
    3e-3,
)  # goals: updates against the faster peer; seconds of all fields of the larger network
EPOCHS = 100  # of a training that is timed: 2,500 updates
CHECK = 5  # epochs whose losses are compared

Record = dict[str, Any]


def node() -> str:
    """Node.js; sides.Refused without it."""
    found = shutil.which("node") or shutil.which("nodejs")
    if found is None:
        raise sides.Refused("no Node.js: the peers of the playground are JavaScript (Debian: nodejs)")
    return found


class Side:
    """A process that answers one request at a time, and sleeps on its input between them."""

    def __init__(self, command: Sequence[str]) -> None:
        env = sides.environment(1, "kept", "default")
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=env
        )

    def ask(self, do: str, **request: object) -> Record:
        assert self.process.stdin is not None and self.process.stdout is not None
        print(json.dumps({"do": do, **request}), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            raise Failed(f"{self.process.args} died ({do}); exit code {self.process.wait()}")
        answer: Record = json.loads(line)
        return answer

    def __enter__(self) -> Side:
        return self

    def __exit__(self, *error: object) -> None:
        with self.process as process:  # which closes the pipes, and waits
            process.kill()


def commands() -> dict[str, list[str]]:
    peers = {name: [node(), str(HERE / "peer.mjs"), name] for name in PEERS}
    return {**peers, "ours": [sys.executable, "-m", "benchmarks.playground.ours"]}


class Row(NamedTuple):
    """What one network took: seconds by side, and ours against the faster peer, over the rounds."""

    network: str
    what: (
        str  # "updates": an update; "fields": all fields; "pictures": what a frame shows of them (ours alone)
    )
    seconds: dict[str, Summary]
    ratio: Summary | None
    void: str = ""

    def line(self) -> str:
        scale, unit = (1e6, "us") if self.what == "updates" else (1e3, "ms")
        shown = " ".join(
            f"{taken.median * scale:9.2f} ({taken.low * scale:.2f} - {taken.high * scale:.2f})"
            if (taken := self.seconds.get(side))
            else " " * 23
            for side in (*PEERS, "ours")
        )
        ratio = (
            f"{self.ratio.median:5.1f} ({self.ratio.low:.1f} - {self.ratio.high:.1f})" if self.ratio else ""
        )
        return f"{self.network:10} {self.what:9} {unit} {shown}  {self.void or ratio}".rstrip()


class Runner:
    """A side's blocks of one kind of work, a median each, for protocol.in_turn."""

    def __init__(self, side: Side, do: str, share: float, check: Callable[[Record], None]) -> None:
        self.side, self.do, self.share, self.check = side, do, share, check

    def block(self, seconds: float) -> Block:
        answer = self.side.ask(self.do, seconds=seconds)
        self.check(answer)
        taken = sorted(one * self.share for one in answer["taken"])
        return Block(median(taken), taken[len(taken) // 4], taken[3 * len(taken) // 4], len(taken))


def measured(name: str, plan: Plan, passes: Callable[[], bool]) -> list[Row]:
    """The rows of one network."""
    with ExitStack() as stack:
        crew = {side: stack.enter_context(Side(command)) for side, command in commands().items()}
        task = work(name)
        first = {side: one.ask("load", **task) for side, one in crew.items()}
        compare(name, first)

        def row_of(what: str, do: str, names: Sequence[str]) -> Row:
            runners = []
            for side in names:
                check = partial(refuse_loss, name, side, first[side]["losses"][0])
                runners.append(Runner(crew[side], do, 1 / updates(task) if do == "train" else 1, check))
                runners[-1].block(plan.seconds)  # so that compilers have compiled
            blocks = in_turn(runners, plan.rounds, plan, passes)
            return row(name, what, {side: blocks.times(i) for i, side in enumerate(names)}, blocks.complete)

        everybody = [*PEERS, "ours"]
        return [
            row_of("updates", "train", everybody),
            row_of("fields", "fields", everybody),
            row_of("pictures", "pictures", ["ours"]),
        ]


def work(name: str) -> Record:
    """The task of a network, for all sides: the spiral of seed 1, and the weights of seed 1."""
    mapping = {"dataset": "spiral", **NETWORKS[name]}
    settings = Settings.from_mapping(mapping)
    network = Network(settings, 2)
    parts = [part.tolist() for part in network.parts(network.weights())]
    layers = [{"weight": w, "bias": b} for w, b in zip(parts[::2], parts[1::2], strict=True)]
    return {
        "settings": mapping, "features": settings.features, "layers": layers,
        "points": generate(settings).train.tolist(), "batch": settings.batch_size,
        "rate": settings.learning_rate, "epochs": EPOCHS, "check": CHECK,
    }  # fmt: skip


def updates(task: Mapping[str, Any]) -> int:
    """Of one training."""
    return int(task["epochs"]) * (len(task["points"]) // int(task["batch"]))


def row(name: str, what: str, times: Mapping[str, Sequence[float]], complete: bool) -> Row:
    """Of the blocks of each side, round by round."""
    seconds = {side: found for side, taken in times.items() if (found := summary(taken))}
    if not complete:
        return Row(name, what, seconds, None, "VOID: the cores came too seldom; close other programs")
    if "arrays" not in times:
        return Row(name, what, seconds, None)
    peers = zip(*(times[side] for side in PEERS), strict=True)
    return Row(name, what, seconds, summary([min(p) / t for p, t in zip(peers, times["ours"], strict=True)]))


def compare(name: str, first: Mapping[str, Record]) -> None:
    """Wrong unless all sides have the same losses after each epoch, and the same fields then."""
    for side, answer in first.items():
        for key in ("losses", "pixels"):
            ours, theirs = flat(first["ours"][key]), flat(answer[key])
            if len(ours) != len(theirs) or not all(map(close, ours, theirs)):
                raise Wrong(f"{name}: {side} and ours do not have the same {key}: {theirs[:3]}, {ours[:3]}")


def flat(values: Any) -> list[float]:
    return [number for part in values for number in flat(part)] if isinstance(values, list) else [values]


def close(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12)


def refuse_loss(name: str, side: str, before: float, answer: Record) -> None:
    """A training that diverged, or whose numbers faded to denormals, is slow for reasons of its own."""
    loss = answer.get("loss", 0.0)
    if not math.isfinite(loss) or loss >= before:
        raise Wrong(f"{name}: the loss of {side} went from {before} to {loss}")


def judged(rows: Sequence[Row]) -> str:
    """What is reached of the goals."""
    lines = []
    for one in rows:
        if one.void:
            continue
        ours = one.seconds["ours"].median
        if one.what == "updates" and one.ratio:
            theirs = min(one.seconds[side].median for side in PEERS)
            lines.append(
                f"{one.network}: {1 / ours:,.0f} updates a second, {1 / theirs:,.0f} in plain JavaScript: "
                f"{one.ratio.median:.1f} times; {word(one.ratio.median >= FASTER)} (goal: {FASTER:g})"
            )
        elif one.what == "fields":
            lines.append(
                f"{one.network}: all fields in {ours * 1e3:.2f} ms; {word(ours < QUICK)} "
                f"(goal: under {QUICK * 1e3:g})"
            )
    return "\n".join(lines)


def word(reached: bool) -> str:
    return "reached" if reached else "NOT reached"


def report(plan: Plan) -> list[Row]:
    """The rows of all networks, printed as they come."""
    version = subprocess.run([node(), "--version"], capture_output=True, text=True, check=True).stdout.strip()
    print(", ".join(f"{key} {value}" for key, value in {**sides.machine(), "node": version}.items()))
    print(
        f"{plan.rounds} rounds of {plan.seconds:g} s in turn; medians (lowest - highest); one thread; "
        "spiral, batch 10, tanh"
    )
    heads = " ".join(f"{text:>23}" for text in (*PEERS.values(), "ours"))
    print(f"{'network':10} {'':12} {heads}  the faster peer / ours")
    passes = Probe(cores()).passes
    rows = []
    for name in NETWORKS:
        for one in measured(name, plan, passes):
            print(one.line(), flush=True)
            rows.append(one)
    return rows
