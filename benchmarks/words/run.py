"""The command `python -m benchmarks words`."""

from __future__ import annotations

import argparse
import hashlib
import os
from pathlib import Path

from benchmarks import results, sides
from benchmarks.words import classify, measure, table
from benchmarks.words.text import first_words, text_of

__all__ = ["words"]


def words(options: argparse.Namespace) -> int:
    """Measure what the options ask for, and print it. Status 0 whatever is reached: machines are shared."""
    if options.classify:
        return classify.classify(options)
    source = options.text or text_of(options.data)
    text, count = first_words(source, options.words, measure.FOLDER)
    digest = hashlib.sha256(text.read_bytes()).hexdigest()[:16]
    plan = measure.Plan(f"{source.name} {digest}", count, options.epochs, options.threads)
    commit = results.commit()[0] or "unknown"
    file = options.json or measure.FOLDER / f"{text.stem}-{options.epochs}-{options.threads}-{commit}.json"
    if options.fresh and file.exists():
        os.replace(file, file.with_name(file.name + ".before"))
    print(", ".join(f"{key} {value}" for key, value in sides.machine().items()))
    print(f"{count:,} words of {source.name}, epochs {plan.epochs}, threads {plan.threads}\n", flush=True)
    judges = judgements(options.data)
    rows = measure.measured(
        plan, text, judges, options.model, options.seeds, file,
        lambda row: print(table.line(row), flush=True),
    )  # fmt: skip
    print(f"\n{table.report(rows)}\n\nall of it: {file}")
    return 0


def judgements(data: Path | None) -> Path | None:
    """wordeval/ of the data folder, where that is there."""
    folder = (data or Path(os.environ.get("AUTOGRAD_DATA", ""))) / "wordeval"
    return folder if folder.is_dir() else None
