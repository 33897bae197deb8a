"""Trainings in turn, one process at a time, kept as they are done: the same command goes on after a stop.

The file: {"format": "words 1", "machine": {...}, "plan": {...}, "rows": [...]}, a row an entry (Row).
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from benchmarks import results, sides
from benchmarks.results import Unusable
from benchmarks.words.answers import answered
from benchmarks.words.text import rare_words, scores
from benchmarks.words.train import Task, sides_of
from nn.text.vectors import WordVectors

__all__ = ["FOLDER", "Plan", "Row", "measured", "read", "trained", "write"]

FORMAT = "words 1"
FOLDER = results.FOLDER / "words"
COMPARED = ("cpu", "architecture", "cores")  # of a machine whose rows may stand together


@dataclass(frozen=True)
class Plan:
    """What all rows of a file have in common."""

    text: str  # its name, and the digest of the lines
    words: int  # of it, as they stand there
    epochs: int = 5
    threads: int = 2
    dim: int = 100
    window: int = 5
    negative: int = 5
    bucket: int = 2_000_000


@dataclass(frozen=True)
class Row:
    """One training: seconds (of the clock; `processors` of all cores), bytes at the peak, scores by name.
    `load` is what the machine did before it began; a + at the commit: files were changed since.
    `cells`: those of GloVe's matrix that it trained a second."""

    model: str
    side: str
    seed: int
    words: int  # read, of all epochs (by GloVe once, to count its cells)
    vocabulary: int
    counting: float
    training: float
    processors: float
    peak: int
    library: str
    commit: str = ""
    load: float = 0.0
    cells: float = 0.0
    scores: dict[str, float] = field(default_factory=dict)

    @property
    def speed(self) -> float:
        """Words a second: those read in all epochs, by the time of training (and of counting cells)."""
        return self.words / self.training

    @property
    def cores(self) -> float:
        """How many cores the training really had."""
        return self.processors / self.training

    @property
    def key(self) -> tuple[str, str, int]:
        return self.model, self.side, self.seed


def trained(plan: Plan, text: Path, judgements: Path | None, model: str, side: str, seed: int) -> Row:
    """Train in a process of its own. sides.Refused: the library isn't there; Failed: the process died."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    commit, changed = results.commit()
    settings = {name: value for name, value in asdict(plan).items() if name not in ("text", "words")}
    with tempfile.TemporaryDirectory() as folder:
        output = str(Path(folder) / "vectors.npz")
        asked = rare_words(judgements) if model == "fasttext" else []
        task = Task(side, model, seed, str(text), output, **settings, asked=asked)
        answer = answered("benchmarks.words.train", task, f"{side}, {model}")
        with np.load(output) as saved:
            vectors = WordVectors(saved["words"].tolist(), saved["matrix"])
            unseen = WordVectors(saved["unseen"].tolist(), saved["unseen_matrix"]) if asked else None
    return Row(
        model, side, seed, plan.words * (1 if model == "glove" else plan.epochs), **answer, load=load,
        commit=commit + "+" * changed, scores=scores(vectors, judgements, unseen),
    )  # fmt: skip


def measured(
    plan: Plan,
    text: Path,
    judgements: Path | None,
    models: Sequence[str],
    seeds: int,
    file: Path,
    tell: Callable[[Row], object],
) -> list[Row]:
    """The rows of models, their sides and seeds 1 to `seeds`, of which those in `file` are not made again.
    Each is told, and in the file, as soon as it is there. Who begins alternates with the seeds."""
    rows = read(file, plan) if file.exists() else []
    there = {row.key: row for row in rows}
    wanted = [
        (model, side, seed)
        for seed in range(1, seeds + 1)
        for model in models
        for side in (sides_of(model) if seed % 2 else reversed(sides_of(model)))
    ]
    for key in wanted:
        if key not in there:
            there[key] = trained(plan, text, judgements, *key)
            rows.append(there[key])
            write(file, plan, rows)
        tell(there[key])
    return [there[key] for key in wanted]


def machine() -> dict[str, object]:
    return {name: value for name, value in sides.machine().items() if name != "load"}


def write(file: Path, plan: Plan, rows: Sequence[Row]) -> None:
    """Written beside and renamed, so that an interruption leaves the old file whole."""
    facts = {"format": FORMAT, "machine": machine(), "plan": asdict(plan)}
    text = ",\n".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in facts.items())
    lines = ",\n".join(json.dumps(asdict(row)) for row in rows)
    temporary = file.with_name(file.name + ".tmp")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text("{" + text + ',\n"rows": [\n' + lines + "\n]}\n")
        os.replace(temporary, file)
    except OSError as error:
        raise Unusable(f"{file} can't be written: {error.strerror}") from None


def read(file: Path, plan: Plan) -> list[Row]:
    """The rows of a file. Unusable: it is none of these, or its rows can't stand beside those of `plan`."""
    content: dict[str, object] = {}
    with suppress(OSError, ValueError):
        content = json.loads(file.read_text())
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise Unusable(f"{file} is no result of `benchmarks words`; name another, or begin it with --fresh")
    try:
        theirs, here = content["machine"], machine()
        rows = [Row(**row) for row in content["rows"]]  # type: ignore[attr-defined]
        same = all(theirs[name] == here[name] for name in COMPARED)  # type: ignore[index]
    except (KeyError, TypeError) as error:
        raise Unusable(f"{file} is a broken result: {error!r}; begin it with --fresh") from None
    if content["plan"] != asdict(plan) or not same:
        raise Unusable(f"{file} holds rows of other settings or another machine; begin it with --fresh")
    return rows
