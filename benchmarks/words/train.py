"""The process of one row: one side trains one model on the lines of a file, and writes its vectors.

It reads a request as JSON (TASK) and answers with what the training took. Settings are those of both
libraries' users for the same task: vectors of as many numbers, the same window, negatives, frequencies below
which words are left out or thinned out. Rates are each library's own for the model: ours for CBOW is larger,
since its step is the gradient of the mean that CBOW takes, and not that times the number of words around.
Ours numbers the words of the file while it counts them. gensim reads the file itself (corpus_file) in each
epoch, which is its fastest way and takes the least memory. Facebook's program counts and trains in one call;
what the counting took, a call without epochs tells. It takes no seed.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks import sides

__all__ = ["MODELS", "SIDES", "Task", "peak", "sides_of"]

MODELS = ("cbow", "skipgram", "fasttext", "glove")
RARE = 5  # words that occur less often are left out


class Task(NamedTuple):
    """What is trained, by whom, and where the vectors go (npz: words, matrix; unseen, unseen_matrix: those
    of `asked` that are no known words, from their sub-words)."""

    side: str
    model: str
    seed: int
    text: str
    output: str
    epochs: int = 5
    threads: int = 2
    dim: int = 100
    window: int = 5
    negative: int = 5
    bucket: int = 2_000_000
    asked: Sequence[str] = ()


class Trained(NamedTuple):
    """Seconds to count the words and to train (of the clock, and of all processors), and the vectors; what
    gives one to any word (FastText); cells a second (GloVe)."""

    counting: float
    training: float
    processors: float
    words: list[str]
    matrix: np.ndarray[Any, Any]
    vector: Callable[[str], np.ndarray[Any, Any]] | None = None
    cells: float = 0.0


class Clock:
    """Both times since the last call, those of programs that were run included."""

    def __init__(self) -> None:
        self.begun = self.now()

    @staticmethod
    def now() -> tuple[float, float]:
        return time.perf_counter(), time.process_time() + sum(os.times()[2:4])

    def __call__(self) -> tuple[float, float]:
        before, self.begun = self.begun, self.now()
        return self.begun[0] - before[0], self.begun[1] - before[1]


def ours(task: Task) -> Trained:
    from nn.models import FastText, Word2Vec
    from nn.models.run import Options
    from nn.text import Corpus

    common: dict[str, Any] = {
        "dim": task.dim, "window": task.window, "negative": task.negative, "min_count": RARE,
        "epochs": task.epochs, "workers": task.threads, "seed": task.seed,
    }  # fmt: skip
    model: Word2Vec
    if task.model == "fasttext":
        model = FastText(sg=True, bucket=task.bucket, **common)
    else:
        model = Word2Vec(sg=task.model == "skipgram", **common)
    corpus, clock = Corpus(task.text), Clock()
    model.prepare(corpus, progress=False)
    counting, _ = clock()
    model.run(corpus, False, Options())
    seconds, vectors = clock(), model.vectors
    vector = vectors.__getitem__ if task.model == "fasttext" else None
    return Trained(counting, *seconds, vectors.words, vectors.matrix, vector)


def glove(task: Task) -> Trained:
    """Ours: training is counting the cells and 15 passes over them; x_max and passes are those with which
    GloVe's program shows itself on a text of this size (its own default, 100, is for billions of words)."""
    from nn.models import GloVe
    from nn.models.run import Options
    from nn.text import Corpus

    model = GloVe(dim=task.dim, x_max=10, epochs=15, min_count=RARE, workers=task.threads, seed=task.seed)
    corpus, clock = Corpus(task.text), Clock()
    model.prepare(corpus, progress=False)
    counting, _ = clock()
    model.run(corpus, False, Options())
    seconds, vectors = clock(), model.vectors
    cells = model.total / sum(record["seconds"] for record in model.history)
    return Trained(counting, *seconds, vectors.words, vectors.matrix, cells=cells)


def gensim(task: Task) -> Trained:
    from gensim.models import FastText, Word2Vec

    common: dict[str, Any] = {
        "vector_size": task.dim, "window": task.window, "negative": task.negative, "min_count": RARE,
        "epochs": task.epochs, "workers": task.threads, "seed": task.seed,
    }  # fmt: skip
    if task.model == "fasttext":
        model = FastText(sg=1, bucket=task.bucket, **common)
    else:
        model = Word2Vec(sg=int(task.model == "skipgram"), **common)
    clock = Clock()
    model.build_vocab(corpus_file=task.text)
    counting, _ = clock()
    model.train(
        corpus_file=task.text,
        total_examples=model.corpus_count,
        total_words=model.corpus_total_words,
        epochs=task.epochs,
    )
    vector = model.wv.get_vector if task.model == "fasttext" else None
    return Trained(counting, *clock(), model.wv.index_to_key, model.wv.vectors, vector)


def facebook(task: Task) -> Trained:
    import fasttext

    settings: dict[str, Any] = {
        "dim": task.dim, "ws": task.window, "neg": task.negative, "minCount": RARE, "t": 1e-3,
        "thread": task.threads, "bucket": task.bucket, "verbose": 0,
    }  # fmt: skip
    clock = Clock()
    fasttext.train_unsupervised(task.text, "skipgram", epoch=0, **settings)
    counting, processors = clock()
    model = fasttext.train_unsupervised(task.text, "skipgram", epoch=task.epochs, **settings)
    both = clock()
    words = [word for word in model.get_words() if word != "</s>"]  # the end of a line
    matrix = np.stack([model.get_word_vector(word) for word in words])
    took = both[0] - counting, both[1] - processors
    return Trained(counting, *took, words, matrix, model.get_word_vector)


def original(task: Task) -> Trained:
    """The C program of the papers of 2013: one run counts the words, another takes them over and trains."""
    from nn.text import formats

    def word2vec(**settings: Any) -> None:
        words = [text for name, value in settings.items() for text in (f"-{name}", str(value))]
        subprocess.run(["word2vec", "-debug", "0", *words], check=True, stdout=subprocess.DEVNULL)

    with tempfile.TemporaryDirectory() as folder:
        text = {"train": task.text, "min-count": RARE}
        words, vectors, clock = f"{folder}/words.txt", f"{folder}/vectors.bin", Clock()
        word2vec(**text, **{"save-vocab": words})
        counting, _ = clock()
        word2vec(
            **text, **{"read-vocab": words}, output=vectors, binary=1, cbow=int(task.model == "cbow"),
            size=task.dim, window=task.window, negative=task.negative, iter=task.epochs,
            threads=task.threads,
        )  # fmt: skip
        took, found = clock(), formats.load(vectors)
    keep = [i for i, word in enumerate(found.words) if word != "</s>"]  # the end of a line
    return Trained(counting, *took, [found.words[i] for i in keep], found.matrix[keep])


SIDES: dict[str, Callable[[Task], Trained]] = {
    "ours": ours, "gensim": gensim, "facebook": facebook, "word2vec.c": original,
}  # fmt: skip


def sides_of(model: str) -> list[str]:
    """Who trains a model; Facebook's program where it is installed, the original `word2vec` where the path
    has it. GloVe has no peer that Python imports."""
    if model == "glove":
        return ["ours"]
    if model == "fasttext":
        return ["ours", "gensim", *["facebook"] * (importlib.util.find_spec("fasttext") is not None)]
    return ["ours", "gensim", *["word2vec.c"] * (shutil.which("word2vec") is not None)]


def library(task: Task) -> str:
    """The name and version of a side's library. sides.Refused: it can't be measured here."""
    if task.side == "facebook":
        return f"fasttext {version('fasttext-wheel')}"
    if task.side == "word2vec.c":
        return "word2vec.c"
    return str(sides.set_up(task.side, task.threads)["library"])


def peak(program: bool = False) -> int:
    """The most memory this process has had, or (program) the one that it ran, in bytes."""
    status = Path("/proc/self/status")
    if status.exists() and not program:  # getrusage would count the parent's, from before this began
        return 1024 * next(
            int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")
        )
    import resource

    whose = resource.RUSAGE_CHILDREN if program else resource.RUSAGE_SELF
    return resource.getrusage(whose).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def unseen_vectors(task: Task, trained: Trained) -> tuple[list[str], np.ndarray[Any, Any]]:
    """Those words asked for that are not known but have sub-words, and their vectors."""
    known, found = set(trained.words), dict[str, np.ndarray[Any, Any]]()
    if trained.vector is not None:
        for word in task.asked:
            with suppress(KeyError):  # too short a word
                found |= {} if word in known else {word: trained.vector(word)}
    rows = np.array(list(found.values()), np.float32).reshape(len(found), trained.matrix.shape[1])
    return list(found), rows


def main() -> None:
    task = Task(**json.load(sys.stdin))
    try:
        name = library(task)
    except sides.Refused as error:
        print(json.dumps({"refused": str(error)}))
        return
    trained = glove(task) if task.model == "glove" else SIDES[task.side](task)
    memory = peak(task.side == "word2vec.c")
    unseen, rows = unseen_vectors(task, trained)
    np.savez(
        task.output, words=np.array(trained.words), matrix=trained.matrix,
        unseen=np.array(unseen, str), unseen_matrix=rows,
    )  # fmt: skip
    answer = {
        "library": name, "vocabulary": len(trained.words), "counting": trained.counting,
        "training": trained.training, "processors": trained.processors, "peak": memory,
        "cells": trained.cells,
    }  # fmt: skip
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
