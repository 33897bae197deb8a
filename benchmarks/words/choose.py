"""How the settings of the classifier on NSMC were chosen: each trains on nine tenths of the training file and
is judged by the tenth that is held out (reviews.py). The test file is not read.

    python -m benchmarks.words.choose --data DIR            # two minutes
    python -m benchmarks.words.choose --data DIR particles  # those of which the description has this

Of 15,000 reviews: two accuracies differ by chance by .004 or so."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.words.reviews import held_out, read, reviews_of
from nn.models import FastTextClassifier, labelled
from nn.text import characters, whitespace
from nn.text.korean import jamo, particles, syllables

__all__ = ["TOKENIZERS", "candidates", "tried"]

TOKENIZERS = {
    "words": whitespace, "characters": characters, "syllables": syllables,
    "particles": particles, "jamo": jamo,
}  # fmt: skip
COMMON = {"dim": 16, "alpha": 0.1, "epochs": 5, "bucket": 2_000_000, "workers": 2}


def candidates() -> Iterator[tuple[str, dict[str, Any]]]:
    """First what a text is cut into, then what else there is to choose, around the best of these."""
    for ngrams, minn, maxn in ((1, 0, 0), (2, 0, 0), (1, 1, 3), (1, 1, 4), (1, 2, 4), (2, 2, 5)):
        yield "words", {"word_ngrams": ngrams, "minn": minn, "maxn": maxn}
    for ngrams, minn, maxn in ((1, 0, 0), (2, 0, 0), (2, 1, 4)):
        yield "particles", {"word_ngrams": ngrams, "minn": minn, "maxn": maxn}
    for ngrams, minn, maxn in ((1, 3, 6), (2, 3, 9)):
        yield "jamo", {"word_ngrams": ngrams, "minn": minn, "maxn": maxn}
    for name in ("characters", "syllables"):
        for ngrams in (2, 3, 4, 5):
            yield name, {"word_ngrams": ngrams}
    yield "syllables", {"word_ngrams": 4, "minn": 2, "maxn": 4, "spelling": "jamo"}
    for more in (
        {"alpha": 0.25}, {"alpha": 0.05}, {"epochs": 3}, {"epochs": 10}, {"epochs": 10, "alpha": 0.05},
        {"epochs": 20, "alpha": 0.02},
    ):  # fmt: skip
        yield "characters", {"word_ngrams": 4, **more}
    for more in ({"dim": 8}, {"dim": 64}, {"bucket": 500_000}, {"bucket": 8_000_000}, {"min_count": 2}):
        yield "characters", {"word_ngrams": 4, "epochs": 10, "alpha": 0.05, **more}


def tried(train: Any, judge: Any, tokenizer: str, settings: dict[str, Any]) -> tuple[float, float]:
    """The accuracy, and the seconds of all processors that the training took."""
    cut, begun = TOKENIZERS[tokenizer], time.process_time()
    model = FastTextClassifier(**COMMON | settings).fit(labelled(*train, cut), progress=False)
    return model.score(*judge, cut), time.process_time() - begun


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.words.choose", description=__doc__)
    parser.add_argument("which", nargs="?", default="", help="only candidates with this text")
    parser.add_argument("--data", type=Path, metavar="DIR", help="has nsmc/ ($AUTOGRAD_DATA)")
    options = parser.parse_args()
    train, judge = held_out(read(reviews_of(options.data), "train"))
    print(f"{len(train.texts):,} reviews, judged by {len(judge.texts):,}; but for what is named: {COMMON}")
    for tokenizer, settings in candidates():
        name = f"{tokenizer}, {', '.join(f'{key} {value}' for key, value in settings.items() if value)}"
        if options.which in name:
            accuracy, seconds = tried(train, judge, tokenizer, settings)
            print(f"{accuracy:.4f}  {seconds:5.1f} s  {name}", flush=True)


if __name__ == "__main__":
    main()
