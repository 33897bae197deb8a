"""`evaluate`: do cosines agree with people, and are analogies solved?"""

from __future__ import annotations

import math
from argparse import Namespace

from apps.command import UserError
from apps.embedding.files import open_vectors
from apps.embedding.tables import table
from nn.text import WordVectors
from nn.text.evaluate import Section

__all__ = ["run"]


def run(options: Namespace) -> int:
    if not options.pairs and not options.analogies:
        raise UserError("nothing to evaluate by: give --pairs FILE ..., --analogies FILE, or both")
    vectors = open_vectors(options.vectors)
    parts = [f"{options.vectors}: {len(vectors):,} words, dim {vectors.dim}"]
    if options.pairs:
        parts.append(pairs(vectors, options))
    if options.analogies:
        parts.append(analogies(vectors, options))
    print("\n\n".join(parts))
    return 0


def pairs(vectors: WordVectors, options: Namespace) -> str:
    """A line for each file: Spearman's correlation, Pearson's, and of how many pairs."""
    rows = []
    for path in options.pairs:
        scores = vectors.evaluate_pairs(
            path, restrict=None, case_insensitive=not options.case, unseen=options.unseen
        )
        known = scores.pairs - scores.unknown
        share = f"{known:,} of {scores.pairs:,} ({scores.coverage:.1%})"
        rows.append([scores.name, number(scores.spearman), number(scores.pearson), share])
    return table(rows, ["pairs", "Spearman", "Pearson", "coverage"])


def analogies(vectors: WordVectors, options: Namespace) -> str:
    """A line for each section, and for all semantic ones, all syntactic ones, and all."""
    scores = vectors.evaluate_analogies(
        options.analogies, restrict=options.restrict, case_insensitive=not options.case,
        multiply=options.multiply,
    )  # fmt: skip
    rows = [row(section) for section in scores.sections]
    sums = [row(section) for section in (scores.semantic, scores.syntactic, scores.total)]
    solved = "by multiplication" if options.multiply else "by addition"
    among = min(options.restrict, len(vectors))
    return f"analogies of {options.analogies}, {solved}, among the first {among:,} words\n" + table(
        [*rows, [""] * 4, *sums], ["section", "solved", "of", "unknown"]
    )


def row(section: Section) -> list[str]:
    accuracy = "-" if math.isnan(section.accuracy) else f"{section.accuracy:.1%}"
    return [section.name, accuracy, f"{section.total:,}", f"{section.unknown:,}"]


def number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"
