"""Reviews classified: ours, Facebook's program where Python can import it, and scikit-learn, each of them
training in a process of its own.

    python -m benchmarks words --classify --seeds 3 --data DIR

Seconds are those of reading, cutting texts into features and training, of the clock and of all processors;
what is imported, and the test, are not in them. Settings of ours were chosen on a tenth of the training file
that was held out (choose.py), and are Facebook's too. scikit-learn has TF-IDF of the n-grams of characters,
and logistic regression, as is usual. Facebook's program reads a file of labelled texts, which is written
first. It takes no seed; and scikit-learn needs none, so that trains once."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

from benchmarks import sides
from benchmarks.words.answers import answered
from benchmarks.words.reviews import read, reviews_of
from benchmarks.words.train import Clock, peak

__all__ = ["SETTINGS", "Row", "classify", "line", "report", "trained"]

GOAL = 0.865  # of the test's reviews classified as their authors did
SETTINGS: dict[str, Any] = {"dim": 16, "word_ngrams": 4, "alpha": 0.05, "epochs": 10, "bucket": 2_000_000}


class Row(NamedTuple):
    """A training: seconds of the clock and of all processors, peak bytes, how much of the test is right."""

    side: str
    seed: int
    seconds: float
    processors: float
    peak: int
    accuracy: float


class Task(NamedTuple):
    """Who trains, and on which folder of reviews."""

    side: str
    seed: int
    folder: str
    threads: int


Judge = Callable[[list[str]], list[str]]  # from texts to their labels


def ours(task: Task) -> Judge:
    from nn.models import FastTextClassifier, labelled
    from nn.text import characters

    model = FastTextClassifier(workers=task.threads, seed=task.seed, **SETTINGS)
    model.fit(labelled(*read(Path(task.folder), "train"), characters), progress=False)
    return lambda texts: model.predict(texts, characters)


def facebook(task: Task) -> Judge:
    import fasttext

    from nn.text import characters

    settings = {
        "dim": SETTINGS["dim"], "wordNgrams": SETTINGS["word_ngrams"], "lr": SETTINGS["alpha"],
        "epoch": SETTINGS["epochs"], "bucket": SETTINGS["bucket"],
    }  # fmt: skip
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
        for text, label in zip(*read(Path(task.folder), "train"), strict=True):
            print(f"__label__{label}", *characters(text), file=file)
        file.flush()
        model = fasttext.train_supervised(file.name, thread=task.threads, verbose=0, **settings)

    def judge(texts: list[str]) -> list[str]:
        found, _ = model.predict([" ".join(characters(text)) for text in texts])
        return [labels[0].removeprefix("__label__") for labels in found]

    return judge


def sklearn(task: Task) -> Judge:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    texts, labels = read(Path(task.folder), "train")
    vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(1, 4), min_df=2, sublinear_tf=True)
    model = LogisticRegression(C=4, max_iter=1000)
    model.fit(vectorizer.fit_transform(texts), labels)
    return lambda texts: model.predict(vectorizer.transform(texts)).tolist()


SIDES: dict[str, Callable[[Task], Judge]] = {"ours": ours, "facebook": facebook, "sklearn": sklearn}
MODULES = {  # imported before the clock begins
    "ours": ["nn.models"],
    "facebook": ["fasttext", "nn.text"],
    "sklearn": ["sklearn", "sklearn.linear_model", "sklearn.feature_extraction.text"],
}


def trained(folder: Path, side: str, seed: int, threads: int) -> Row:
    """Train in a process of its own. sides.Refused: the library isn't there; Failed: the process died."""
    task = Task(side, seed, str(folder), threads)
    return Row(side, seed, **answered("benchmarks.words.classify", task, side))


def classify(options: argparse.Namespace) -> int:
    """The command: who is installed trains with each seed in turn. Status 0 whatever is reached."""
    folder, rows = reviews_of(options.data), list[Row]()
    print(", ".join(f"{key} {value}" for key, value in sides.machine().items()))
    print(f"NSMC, threads {options.threads}; ours and Facebook's: {SETTINGS}\n", flush=True)
    for seed in range(1, options.seeds + 1):
        for side in SIDES:
            if importlib.util.find_spec(MODULES[side][0]) and (seed == 1 or side != "sklearn"):
                rows.append(trained(folder, side, seed, options.threads))
                print(line(rows[-1]), flush=True)
    print(f"\n{report(rows)}")
    return 0


def line(row: Row) -> str:
    return (
        f"{row.side:8} seed {row.seed}  accuracy {row.accuracy:.4f}  {row.seconds:6.1f} s "
        f"({row.processors:6.1f} s of processors), peak {row.peak / 1e6:5,.0f} MB"
    )


def report(rows: Sequence[Row]) -> str:
    """Our accuracy against the goal, then each peer's beside it, and how much longer it took."""
    of = {side: [row for row in rows if row.side == side] for side in SIDES}
    mine = [row.accuracy for row in of["ours"]]
    spread = f" ({min(mine):.4f} - {max(mine):.4f}, seeds: {len(mine)})" if len(mine) > 1 else ""
    verdict = "reached" if mean(mine) >= GOAL else "MISSED"
    lines = [f"accuracy {mean(mine):.4f}{spread}; want {GOAL}: {verdict}"]
    for side, theirs in of.items():
        if side != "ours" and theirs:
            clock = mean(row.seconds for row in theirs) / mean(row.seconds for row in of["ours"])
            processors = mean(row.processors for row in theirs) / mean(row.processors for row in of["ours"])
            lines.append(
                f"{side} has {mean(row.accuracy for row in theirs):.4f} and takes {clock:.2f} times our "
                f"seconds, {processors:.2f} times our processors' seconds"
            )
    return "\n".join(lines)


def main() -> None:
    task = Task(**json.load(sys.stdin))
    for module in MODULES[task.side]:
        importlib.import_module(module)
    if task.side == sides.OURS:
        try:
            sides.set_up(task.side, task.threads)
        except sides.Refused as error:
            print(json.dumps({"refused": str(error)}))
            return
    clock = Clock()
    judge = SIDES[task.side](task)
    seconds, processors = clock()
    most = peak()
    texts, labels = read(Path(task.folder), "test")
    right = sum(found == label for found, label in zip(judge(texts), labels, strict=True))
    answer = {"seconds": seconds, "processors": processors, "peak": most, "accuracy": right / len(texts)}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
