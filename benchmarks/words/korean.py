"""What sub-words bring to Korean: WS353 in Korean by Word2Vec, FastText of syllables, FastText of jamo.

    python -m benchmarks.words.korean --data DIR --seeds 3
    python -m benchmarks.words.korean --data DIR --tokenizer whole

All are skip-gram, read Korean Wikipedia (kowiki/ of the data folder), and are asked the pairs of
wordeval-ko/WS353_korean.csv. The text is read as the app reads it, particles apart from nouns; or words stay
whole, as they stand between spaces, without the punctuation around them. Sub-words are of 1 to 4 syllables,
as Park et al. have them (Subword-level Word Vector Representations for Korean, 2018), or of 6 to 12 jamo,
three a syllable: as long as 2 to 4 syllables, but they may begin and end inside one. Those were chosen on
every other pair, with whole words and at a rate of .025: known ones had .41, and .36 with Park et al.'s 3
to 5 jamo.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import mean
from typing import NamedTuple

from apps.embedding.corpora import of_page
from benchmarks.results import Unusable
from nn.models import FastText, Word2Vec
from nn.text import Corpus, WordVectors

WAYS = {"none": None, "syllables": ("letters", 1, 4), "jamo": ("jamo", 6, 12)}
SIZES = "{:14} {:>6} {:>9} {:>12} {:>12} {:>9} {:>10}"
HEAD = SIZES.format("sub-words", "known", "of pairs", "all, without", "all, with", "in reach", "words/s")


def whole(line: str) -> list[str]:
    """The words of a line as they are written; <doc> lines are no text."""
    bare = (re.sub(r"^\W+|\W+$", "", word) for word in line.split())
    return [] if line.startswith(("<doc ", "</doc>")) else [word for word in bare if word]


TOKENIZERS = {"particles": of_page, "whole": whole}


class Scores(NamedTuple):
    """Spearman's correlation on the pairs whose words are known, and the share of these; on all pairs with
    cosine 0 where a word is unknown, and with the vectors of its sub-words; the share that have these."""

    known: float
    coverage: float
    without: float
    within: float
    reach: float

    def line(self, name: str, speed: float) -> str:
        shares = f"{self.coverage:.1%}", f"{self.reach:.1%}"
        return SIZES.format(
            name, f"{self.known:.3f}", shares[0], f"{self.without:.3f}", f"{self.within:.3f}", shares[1],
            f"{speed:,.0f}",
        )  # fmt: skip


def scores(vectors: WordVectors, pairs: Path) -> Scores:
    known = vectors.evaluate_pairs(pairs, restrict=None)
    without = vectors.evaluate_pairs(pairs, restrict=None, dummy4unknown=True)
    within = vectors.evaluate_pairs(pairs, restrict=None, dummy4unknown=True, unseen=True)
    return Scores(known.spearman, known.coverage, without.spearman, within.spearman, within.coverage)


def trained(way: str, text: Path, seed: int, options: argparse.Namespace) -> tuple[WordVectors, float]:
    """The vectors, and words a second (those of the vocabulary)."""
    common = {name: getattr(options, name) for name in ("dim", "epochs", "min_count")}
    common |= {"sg": True, "workers": options.threads, "seed": seed}
    model = Word2Vec(**common)
    if cut := WAYS[way]:
        model = FastText(**common, spelling=cut[0], minn=cut[1], maxn=cut[2], bucket=options.bucket)
    model.fit(Corpus(text), progress=sys.stderr.isatty())
    seconds = sum(record["seconds"] for record in model.history)
    return model.vectors, model.total / seconds


def table(options: argparse.Namespace) -> Iterator[str]:
    """Its lines, each as soon as it is there. Unusable: a file is missing."""
    home = options.data or Path(os.environ.get("AUTOGRAD_DATA", ""))
    pages, pairs = sorted((home / "kowiki").glob("*.txt*")), home / "wordeval-ko" / "WS353_korean.csv"
    if not pages or not pairs.is_file():
        raise Unusable("want kowiki/*.txt and wordeval-ko/WS353_korean.csv in --data DIR or $AUTOGRAD_DATA")
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / "text.txt"
        words = written(Corpus(*pages, tokenizer=TOKENIZERS[options.tokenizer]), text)
        yield f"{words:,} words of Korean Wikipedia ({options.tokenizer}), epochs {options.epochs}"
        yield HEAD
        found: dict[str, list[tuple[Scores, float]]] = {way: [] for way in WAYS}
        for seed in range(1, options.seeds + 1):
            for way in WAYS:
                vectors, speed = trained(way, text, seed, options)
                found[way].append((scores(vectors, pairs), speed))
                yield found[way][-1][0].line(f"{way} {seed}", speed)
    for way, of in found.items():
        if len(of) > 1:
            means = Scores(*map(mean, zip(*(score for score, _ in of), strict=True)))
            yield means.line(f"{way} mean", mean(speed for _, speed in of))


def written(corpus: Corpus, file: Path) -> int:
    """Write the sentences of a corpus, so that each training needn't take its words apart; how many words."""
    count = 0
    with file.open("w", encoding="utf-8") as out:
        for sentence in corpus:
            print(*sentence, file=out)
            count += len(sentence)
    return count


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.words.korean", description=__doc__.split("\n")[0]
    )
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="has kowiki/ and wordeval-ko/ ($AUTOGRAD_DATA)"
    )
    parser.add_argument("--tokenizer", choices=TOKENIZERS, default="particles")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--dim", type=int, default=100)
    parser.add_argument("--min-count", type=int, default=5)
    parser.add_argument("--bucket", type=int, default=2_000_000, help="rows of sub-words (2000000)")
    try:
        for row in table(parser.parse_args(arguments)):
            print(row, flush=True)
    except Unusable as error:
        print(f"benchmarks.words.korean: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
