"""Training of word models: epochs over pieces of text, with progress, honest losses, checkpoints, early stop.

What the models share. A model tells how to begin (`prepare`), where its pieces come from (`source`) and how
to learn one (`learn`); how the epochs go round is written here once. A run that was stopped and resumed ends
with the same bits as one that was not, as long as one worker trains (several write without locks).
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import time
import unicodedata
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Self

import numpy as np

import autograd
from nn.course import interruptible
from nn.models.run import Learned, Options, Position
from nn.progress import Progress
from nn.serialize import load, save
from nn.text.corpus import Corpus, Place
from nn.text.encoded import Encoded, Store, counted
from nn.text.vocabulary import Vocabulary

__all__ = ["Learned", "WordModel", "as_corpus", "packed", "threads", "unpacked"]

Array = np.ndarray[Any, Any]
History = list[dict[str, Any]]
FORMAT = "kernelgrad words 1"
VECTORS = (".bin", ".vec", ".txt", ".glove")  # endings of files that hold vectors alone


class WordModel(ABC):
    """A model of words that trains in place. `settings` are the arguments it was made with.

    history  a dict for each epoch: epoch, loss (the mean of all its samples, each before its own step),
             seconds, words_per_second (of words in the vocabulary), and score where there is an evaluation
    """

    unit = "words"

    def __init__(self, **settings: Any) -> None:
        self.settings = settings
        self.epochs: int = settings["epochs"]
        self.seed: int = settings["seed"]
        self.workers: int | None = settings["workers"]
        wrong = [name for name in ("dim", "epochs") if not is_count(settings[name])]
        wrong += ["workers"] if self.workers is not None and not is_count(self.workers) else []
        if wrong:
            raise ValueError(f"{type(self).__name__}: {wrong[0]} must be a whole number from 1 on")
        self.position = Position()
        self.history: History = []
        self.best: dict[str, Any] | None = None  # score, epoch, tables of the best epoch
        self.origin: list[Any] = []  # the fingerprint of the text
        self.store: Store | None = None  # the text as numbers, from `read` to `encoded`

    # What a model says of itself --------------------------------------------------------------------

    def __repr__(self) -> str:
        """The settings that differ from those of a model made without any.

        >>> from nn.models import GloVe
        >>> GloVe(dim=50, x_max=10)
        GloVe(dim=50, x_max=10)
        """
        usual = type(self)().settings
        given = (f"{name}={value!r}" for name, value in self.settings.items() if value != usual[name])
        return f"{type(self).__name__}({', '.join(given)})"

    @abstractmethod
    def prepare(self, corpus: Corpus, progress: bool) -> None:
        """Read the corpus once; make the vocabulary and the tables as they are before training."""

    @abstractmethod
    def source(self, corpus: Corpus, progress: bool) -> contextlib.AbstractContextManager[Any]:
        """What has epoch(first, place): the pieces of an epoch from one on."""

    @abstractmethod
    def learn(self, piece: Any) -> Learned:
        """Train on a piece."""

    @property
    @abstractmethod
    def total(self) -> int:
        """Units (words) of all epochs."""

    @abstractmethod
    def tables(self) -> dict[str, Array]:
        """All arrays that training changes, by name."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """What else a file must hold (the vocabulary)."""

    @abstractmethod
    def restore(self, state: dict[str, Any]) -> None:
        """Take `state` over and make tables of its sizes."""

    # The text -----------------------------------------------------------------------------------------

    def read(self, corpus: Corpus, progress: bool) -> Vocabulary:
        """The words that occur `min_count` times or more; ValueError where those are fewer than two.

        What `encoded` gives then is already read, unless words were forgotten on the way."""
        min_count, max_vocab_size = self.settings["min_count"], self.settings["max_vocab_size"]
        steps, begun = 1000, time.perf_counter()
        with Progress(steps, 0, progress, "words") as bar:

            def tell(share: float, words: int) -> None:
                rate = words / (time.perf_counter() - begun)
                bar.batch("counting words", {}, rate, int(share * steps) - bar.done)

            if max_vocab_size is None:
                counts, self.store = counted(corpus, tell)
            else:
                counts = corpus.count(max_vocab_size, tell)
        vocabulary = Vocabulary(counts, min_count)
        if len(vocabulary) < 2:
            raise ValueError(
                f"of {len(counts)} different words {len(vocabulary)} occur {min_count} times or more; "
                "want at least two (lower min_count?)"
            )
        apart = sum(not unicodedata.is_normalized("NFC", word) for word in vocabulary.words)
        if apart > len(vocabulary) / 100:
            warnings.warn(
                f"{apart:,} of {len(vocabulary):,} words are not in Unicode's form NFC, as files from a Mac: "
                "the same words typed elsewhere are others. The tokenizer nn.text.words makes them NFC",
                stacklevel=4,
            )
        return vocabulary

    def encoded(self, corpus: Corpus, vocabulary: Vocabulary) -> Encoded:
        store, self.store = self.store, None
        left = self.epochs - self.position.epoch
        return Encoded(corpus, vocabulary, cache=left > 1, store=store)

    # Training -----------------------------------------------------------------------------------------

    def fit(self, corpus: Any, *, progress: bool = True, **options: Any) -> Self:
        """Train from the beginning.

        corpus      a Corpus, the path of a text file, or a list of sentences (strings or lists of words)
        checkpoint  a path from which `load` and `resume` go on. Written on Ctrl-C, in the middle of the run
                    not more often than every `checkpoint_seconds`, and at the end, with the model that `fit`
                    returns. Where it can't be written there is a RuntimeWarning, and the run goes on
        evaluation  called as evaluation(model) after each epoch; the higher its score, the better
        patience    stop after so many epochs without a better score, and go back to the best one's tables (of
                    which a copy is kept)
        on_piece    called as on_piece(model, mean loss so far) after each piece of text
        on_epoch    called as on_epoch(model, record) after each epoch
        progress    False to print nothing (stderr: a bar on a terminal with tqdm, else lines)

        On Ctrl-C the piece is finished, a checkpoint saved, and what was learned so far is there (a second
        Ctrl-C stops at once, as one does while words are counted before). A loss that is not finite is a
        FloatingPointError, a text that can't be read or changes meanwhile a ValueError.
        """
        told, corpus = Options(**options), as_corpus(corpus)
        self.position, self.history, self.best = Position(), [], None
        self.origin = corpus.fingerprint()
        try:
            self.prepare(corpus, progress)
            return self.run(corpus, progress, told)
        finally:
            if self.store is not None:  # there was an error on the way to `source`
                self.store.close()
                self.store = None

    def resume(self, corpus: Any, *, progress: bool = True, **options: Any) -> Self:
        """Go on with a run that was interrupted, from a loaded checkpoint; arguments as for `fit`.

        A finished run stays as it is. `workers` may be set to another number before; the end is the same to
        the last bit only if one worker does all. ValueError: the text or the tokenizer is another one.
        """
        told, corpus = Options(**options), as_corpus(corpus)
        if corpus.fingerprint() != self.origin:
            raise ValueError(f"resume: the run began with {self.origin}, not with {corpus.fingerprint()}")
        return self.run(corpus, progress, told)

    def run(self, corpus: Corpus, progress: bool, told: Options) -> Self:
        with contextlib.ExitStack() as stack:
            stack.enter_context(threads(self.workers))
            source = stack.enter_context(self.source(corpus, progress))
            interrupted = stack.enter_context(interruptible())
            bar = stack.enter_context(Progress(self.total, self.position.units, progress, self.unit))
            told.written = time.perf_counter()
            while self.position.epoch < self.epochs and not self.exhausted(told.patience):
                title, mark = f"epoch {self.position.epoch + 1}/{self.epochs}", time.perf_counter()
                with contextlib.closing(source.epoch(self.position.piece, self.position.place)) as pieces:
                    for piece in pieces:
                        learned = self.step(piece)
                        here = self.position
                        here.seconds += time.perf_counter() - mark
                        bar.batch(title, {"loss": here.mean}, here.rate, learned.units)
                        if told.on_piece is not None:
                            told.on_piece(self, here.mean)
                        if interrupted.is_set():
                            break
                        if told.due:
                            self.keep(told)
                        mark = time.perf_counter()
                if not interrupted.is_set():
                    record = self.finish_epoch(told)
                    shown: dict[str, float] = {
                        name: record[name] for name in ("loss", "score") if name in record
                    }
                    bar.line(title, shown, record[f"{self.unit}_per_second"])
                    if told.on_epoch is not None:
                        told.on_epoch(self, record)
                if interrupted.is_set() and self.position.epoch < self.epochs:
                    bar.say(self.stopped(told))
                    return self
            if self.best is not None and told.patience is not None:
                self.take(self.best["tables"])
                bar.say(
                    f"the best epoch was {self.best['epoch']} (score {self.best['score']:.4f}): back to it"
                )
            self.keep(told)
        return self

    def step(self, piece: Any) -> Learned:
        learned = self.learn(piece)
        if not math.isfinite(learned.loss):
            raise FloatingPointError(
                f"the loss is {learned.loss} in epoch {self.position.epoch + 1}, piece "
                f"{self.position.piece + 1}: the steps are too large; lower alpha "
                f"(now {self.settings.get('alpha')})"
            )
        self.position.add(learned)
        self.position.piece += 1
        self.position.place = getattr(piece, "place", Place())
        return learned

    def finish_epoch(self, told: Options) -> dict[str, Any]:
        here = self.position
        if (
            here.epoch + 1 == self.epochs
            and not here.samples
            and all(math.isnan(record["loss"]) for record in self.history)
        ):
            raise ValueError(
                f"{type(self).__name__}: nothing to learn from: no epoch had two words in one sentence "
                "(are the sentences single words? is `sample` too small?)"
            )
        if self.settings.get("max_vocab_size") is None and here.epoch_units * self.epochs != self.total:
            raise ValueError(
                f"{type(self).__name__}: the text was changed: it had {self.total // self.epochs:,} "
                f"{self.unit}, and has {here.epoch_units:,} now"
            )
        record: dict[str, Any] = {
            "epoch": here.epoch + 1,
            "loss": here.mean,
            "seconds": here.seconds,
            f"{self.unit}_per_second": here.rate,
        }
        if told.evaluation is not None:
            record["score"] = score = float(told.evaluation(self))
            score = -math.inf if math.isnan(score) else score
            if told.patience is not None and (self.best is None or score > self.best["score"]):
                tables = {name: table.copy() for name, table in self.tables().items()}
                self.best = {"score": score, "epoch": here.epoch + 1, "tables": tables}
        self.history.append(record)
        self.position = here.next_epoch()
        return record

    def exhausted(self, patience: int | None) -> bool:
        if patience is None or self.best is None:
            return False
        return self.position.epoch - int(self.best["epoch"]) >= patience

    def stopped(self, told: Options) -> str:
        where = f"stopped in epoch {self.position.epoch + 1}/{self.epochs}"
        if told.checkpoint is None:
            return where + "; no checkpoint was asked for, so the run can't be resumed"
        if not self.keep(told):
            return where + "; not saved"
        return where + f"; saved {os.fspath(told.checkpoint)}, from which the run can be resumed"

    def keep(self, told: Options) -> bool:
        """Write the checkpoint, if one is asked for and there is room; whether it was."""
        if told.checkpoint is None:
            return False
        try:
            self.save(told.checkpoint)
        except OSError as error:
            warnings.warn(f"the checkpoint could not be written: {error}", RuntimeWarning, stacklevel=4)
            return False
        finally:
            told.written = time.perf_counter()
        return True

    # Files --------------------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the whole model, and where its run is, as safetensors.

        ValueError: the ending promises a file of vectors, which nn.text.formats writes.
        """
        if os.path.splitext(path)[1] in VECTORS:
            raise ValueError(
                f"{os.fspath(path)}: save writes the whole model, as safetensors; its vectors alone are "
                "written by nn.text.formats.save(path, model.vectors)"
            )
        position = asdict(self.position) | {"place": list(self.position.place)}
        state = {
            "format": FORMAT,
            "model": type(self).__name__,
            "settings": self.settings | {"epochs": self.epochs, "workers": self.workers},
            "state": self.state(),
            "tables": self.tables(),
            "position": position,
            "history": self.history,
            "best": self.best,
            "origin": self.origin,
        }
        save(state, path, {"model": type(self).__name__})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """The model that `save` wrote; ValueError: the file holds something else."""
        if os.path.splitext(path)[1] in VECTORS:
            raise ValueError(f"{os.fspath(path)}: files of vectors are read by nn.text.formats.load")
        state = load(path)
        if not isinstance(state, dict) or state.get("format") != FORMAT:
            raise ValueError(f"{os.fspath(path)}: not a model of words (it has no {FORMAT!r} mark)")
        if state["model"] != cls.__name__:
            raise ValueError(f"{os.fspath(path)}: holds a {state['model']}, not a {cls.__name__}")
        model = cls(**state["settings"])
        model.restore(state["state"])
        model.take({name: table.data for name, table in state["tables"].items()})
        position = state["position"]
        model.position = Position(**position | {"place": Place(*position["place"])})
        model.history, model.best, model.origin = state["history"], state["best"], state["origin"]
        if model.best is not None:
            model.best["tables"] = {name: table.data for name, table in model.best["tables"].items()}
        return model

    def take(self, tables: dict[str, Array]) -> None:
        for name, table in self.tables().items():
            table[...] = tables[name]


def is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def as_corpus(source: Any) -> Corpus:
    """A Corpus of a Corpus, a path, or sentences."""
    if isinstance(source, Corpus):
        return source
    if isinstance(source, str | os.PathLike):
        return Corpus(source)
    return Corpus.of(source)


def packed(vocabulary: Vocabulary) -> dict[str, Array]:
    """Words and counts as arrays: the words as bytes, since a file's header could not hold millions."""
    text = json.dumps(vocabulary.words, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return {"words": np.frombuffer(text, np.uint8), "counts": vocabulary.counts}


def unpacked(state: dict[str, Any]) -> Vocabulary:
    """The inverse of `packed`, of loaded tensors."""
    words = json.loads(state["words"].data.tobytes().decode("utf-8", "surrogatepass"))
    return Vocabulary.from_words(words, state["counts"].data)


@contextlib.contextmanager
def threads(workers: int | None) -> Iterator[None]:
    """Within the block so many threads compute; None leaves them as they are."""
    before = autograd.get_num_threads()
    if workers is not None:
        autograd.set_num_threads(workers)
    try:
        yield
    finally:
        autograd.set_num_threads(before)
