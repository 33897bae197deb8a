"""`train`: a text becomes word vectors, in a file.

While it runs, FILE.unfinished/ holds the settings and the last checkpoint. When it has finished, FILE is
written at once and the folder goes away: an interrupted or failed run never touches the vectors of the one
before.
"""

from __future__ import annotations

import json
import math
import shlex
import shutil
import sys
import time
from argparse import Namespace
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from apps.command import UserError, backend, writable_folder
from apps.embedding import recipes
from apps.embedding.corpora import open_corpus
from apps.embedding.files import check_ending, losses_of, write
from nn.data.idx import write_atomically
from nn.models.fasttext import FastText
from nn.models.training import WordModel, threads
from nn.text import formats
from nn.text.corpus import Corpus
from nn.text.evaluate import read_pairs
from nn.text.stop_words import ENGLISH
from nn.text.vocabulary import Vocabulary

__all__ = ["Run", "run"]

SETTINGS = (
    "dim", "window", "negative", "hs", "epochs", "min_count", "max_vocab_size", "sample", "alpha", "minn",
    "maxn", "bucket", "x_max", "workers", "seed",
)  # fmt: skip


@dataclass(frozen=True)
class Run:
    """All that a run depends on.

    corpus    paths; none: tiny Shakespeare
    pairs     path of pairs judged by people, which score each epoch
    patience  how many epochs may bring no better score
    """

    model: str
    corpus: list[str]
    tokenizer: str
    settings: dict[str, Any]
    pairs: str | None = None
    patience: int | None = None

    @property
    def text(self) -> str:
        return ", ".join(Path(path).name for path in self.corpus) or "tiny Shakespeare"


def run(options: Namespace) -> int:
    file = options.output or default_file(options)
    check_ending(file)
    if file.is_dir():
        raise UserError(f"--output {file}: is a folder; want the name of a file")
    unfinished = unfinished_of(file)
    this = resumed(options, file, unfinished) if options.resume else chosen(options)
    checkpoint = unfinished / "checkpoint.safetensors"
    corpus = open_corpus([Path(path) for path in this.corpus], this.tokenizer)
    model = recipes.make(this.model, this.settings, this.tokenizer)
    if formats.ending(file) == ".bin" and (this.tokenizer == "jamo" or this.settings.get("hs")):
        raise UserError(
            f"--output {file}: .bin holds neither jamo nor hierarchical softmax; take .safetensors"
        )
    if options.resume:
        model = loaded(type(model), checkpoint)
    writable_folder(unfinished)
    if not options.resume:
        if checkpoint.exists():
            print(f"starting over; the interrupted run of {file} is dropped", file=sys.stderr)
            checkpoint.unlink()
        write_atomically(unfinished / "run.json", (json.dumps(asdict(this), indent=1) + "\n").encode())
    announce(this, model)
    try:
        if not fitted(model, this, corpus, checkpoint, options.resume):
            if checkpoint.exists():
                print(f"interrupted; go on with: {resume_command(file)}", file=sys.stderr)
            else:  # no room for one: a warning said so
                shutil.rmtree(unfinished, ignore_errors=True)
            return 130
        return finish(model, this, file)
    except BaseException:
        if not checkpoint.exists():
            shutil.rmtree(unfinished, ignore_errors=True)
        raise


def fitted(model: WordModel, this: Run, corpus: Corpus, checkpoint: Path, resume: bool) -> bool:
    """Train to the end (True), or until Ctrl-C (False)."""
    fit = model.resume if resume else model.fit
    try:
        fit(corpus, checkpoint=checkpoint, evaluation=scoring(this), patience=this.patience)
    except ValueError as error:  # the text is not what it should be; a checkpoint there may be stays
        raise UserError(in_flags(str(error).split("; errors=")[0])) from None
    except FloatingPointError as error:
        checkpoint.unlink(missing_ok=True)
        raise UserError(f"the training diverged: {error}") from None
    return model.position.epoch >= model.epochs or model.exhausted(this.patience)


def scoring(this: Run) -> Callable[[Any], float] | None:
    """Spearman's correlation with the judged pairs; -1 where there is none, as all vectors are alike."""
    if this.pairs is None:
        return None
    path = this.pairs
    read_pairs(path)  # says now what is wrong with it

    def score(model: Any) -> float:
        found = model.vectors.evaluate_pairs(path, restrict=None).spearman
        return -1.0 if math.isnan(found) else float(found)

    return score


def resume_command(file: Path) -> str:
    return f"python -m apps.embedding train --resume --output {shlex.quote(str(file))}"


def finish(model: WordModel, this: Run, file: Path) -> int:
    """Write the vectors, and say how it went."""
    begun = time.perf_counter()
    if isinstance(model, FastText) and formats.ending(file) == ".bin":
        formats.fasttext.write(file, model.file())
    else:
        write(file, model.vectors)
    shutil.rmtree(unfinished_of(file), ignore_errors=True)
    seconds = sum(record["seconds"] for record in model.history)
    words = int(model.vocabulary.counts.sum())
    times, loss = len(model.history), model.history[-1]["loss"]
    print(
        f"read {words:,} words {'once' if times == 1 else f'{times} times'} in {seconds:.1f} s, "
        f"wrote {file} in {time.perf_counter() - begun:.1f} s{losses_of(file, model.vectors)}"
    )
    print(f"try: python -m apps.embedding similar {file} {examples(this, model.vocabulary)}")
    rate = words * times / max(seconds, 1e-9)
    print(f"{rate:,.0f} words/s, loss {loss:.4f}, {len(model.vocabulary):,} words, {file}", flush=True)
    return 0


def examples(this: Run, vocabulary: Vocabulary) -> str:
    """Two frequent words that mean something: long ones, if there are such."""
    if not this.corpus and "father" in vocabulary:
        return "king father"
    plain = [word for word in vocabulary.words[:200] if word not in ENGLISH]
    chosen = sorted(plain, key=len)[-2:] or vocabulary.words[:1]
    return " ".join(
        word if word.isalnum() else shlex.quote(word) for word in chosen
    )  # Hangul needs no quotes


def in_flags(error: str) -> str:
    """What a model says of its settings, as flags."""
    return error.replace("min_count", "--min-count").replace("`sample`", "--sample")


def flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def unfinished_of(file: Path) -> Path:
    return file.with_name(file.name + ".unfinished")


def announce(this: Run, model: WordModel) -> None:
    of = model.settings
    with threads(model.workers):
        print(backend())
    shown = [
        flag(name)[2:] + ("" if of[name] is True else f" {of[name]}")
        for name in SETTINGS
        if name != "workers" and of.get(name) not in (None, False)
    ]
    print(f"{this.model} on {this.text} ({this.tokenizer}): {', '.join(shown)}")
    if model.position.units:
        print(f"going on in epoch {model.position.epoch + 1}/{model.epochs}")
    sys.stdout.flush()


# Settings ----------------------------------------------------------------------------------------


def chosen(options: Namespace) -> Run:
    model = options.model or "cbow"
    given = {name: getattr(options, name) for name in SETTINGS}
    settings = recipes.settings_of(model, not options.corpus, given)
    paths = [absolute(path) for path in options.corpus or []]
    if options.patience and not options.pairs:
        raise UserError("--patience needs --pairs, by which epochs are judged")
    pairs = absolute(options.pairs) if options.pairs else None
    return Run(model, paths, options.tokenizer or "words", settings, pairs, options.patience)


def default_file(options: Namespace) -> Path:
    """Named after the first text, so that one text's vectors don't take the place of another's."""
    text = options.corpus[0].name.split(".")[0] if options.corpus else ""
    return Path("runs") / f"{text or 'embedding'}-{options.model or 'cbow'}.safetensors"


def absolute(path: Path) -> str:
    """A path that holds from any folder; "-" and a pipe stay as they are, for the error to name."""
    return str(path if str(path) == "-" or path.is_fifo() else path.resolve())


def resumed(options: Namespace, file: Path, unfinished: Path) -> Run:
    """The settings of the interrupted run. Its flags may be repeated, but not changed."""
    record = unfinished / "run.json"
    if not record.exists() or not (unfinished / "checkpoint.safetensors").exists():
        raise UserError(f"nothing to resume: no run for {file} was interrupted")
    try:
        this = Run(**json.loads(record.read_text()))
        known = {**asdict(this), **this.settings}
    except (ValueError, TypeError) as error:
        raise UserError(f"{record}: damaged ({error}); start the run again without --resume") from None
    for name in ("model", "tokenizer", "corpus", "pairs", "patience", *SETTINGS):
        given = getattr(options, name)
        if name == "corpus" and given is not None:
            given = [absolute(path) for path in given]
        if name == "pairs" and given is not None:
            given = absolute(given)
        if given is not None and given != known.get(name):
            raise UserError(
                f"{flag(name)}: the run was started with {known.get(name)}, which can't change in the middle"
            )
    return this


def loaded(kind: type[WordModel], checkpoint: Path) -> WordModel:
    try:
        return kind.load(checkpoint)
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(f"{checkpoint}: {error}; start the run again without --resume") from None
