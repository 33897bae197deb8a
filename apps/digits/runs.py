"""A run of `train`, whatever is trained: its settings, its folder, Ctrl-C, and how it goes on.

While it runs, DIR/unfinished holds the settings, the last checkpoint, and what it shows on the way. When it
has finished its results are written into DIR/unfinished/results; once all are there they move to DIR, the
model last, and `unfinished` goes away. So an interrupted or failed run never touches the results of the one
before.
"""

from __future__ import annotations

import contextlib
import json
import shlex
import shutil
import sys
import time
from argparse import Namespace
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from apps.command import UserError, backend, writable_folder
from apps.digits import datasets
from apps.digits.checkpoint import FILE as MODEL
from apps.digits.checkpoint import unusable
from nn.data.idx import write_atomically

__all__ = ["Kind", "Settings", "Work", "carry_out", "default_folder", "lists_as_tuples", "write_json"]

CHECKPOINT = "checkpoint.safetensors"
PLAIN = ("epochs", "lr", "batch_size", "widths", "dropout", "augment")  # flags that a recipe may have


@dataclass(frozen=True)
class Settings:
    """All that a run depends on, the data aside. `recipe` is a dataclass, of the kind of the model."""

    dataset: str
    model: str
    seed: int
    validation: float
    recipe: Any

    @property
    def side(self) -> int:
        return datasets.SIDES[self.dataset]

    @property
    def title(self) -> str:
        return f"{datasets.TITLES[self.dataset]}, {self.model}, seed {self.seed}"


class Work(Protocol):
    """What a run does, made of (settings, training images, held-out images, DIR/unfinished, options)."""

    trainer: Any  # with load(path) and `epoch`
    leaves: str  # what finish() writes, in words

    def described(self) -> str:
        """The model and what it is trained on, in a line."""

    def fit(self) -> None:
        """Train on until all epochs are done, or Ctrl-C was seen."""

    def finish(self, results: Path, seconds: float) -> str:
        """Look at the held-out images, write everything, and return the lines that say how good it is."""


@dataclass(frozen=True)
class Kind:
    """A kind of model: how a recipe is chosen, (dataset, model, **flags), or read, (dataset, model, fields);
    and the work."""

    chosen: Callable[..., Any]
    read: Callable[[str, str, dict[str, Any]], Any]
    work: Callable[..., Work]


def default_folder(dataset: str, model: str) -> Path:
    return Path("runs") / f"digits-{dataset}-{model}"


def carry_out(options: Namespace, kind_of: Callable[[str], Kind]) -> int:
    """The command `train`; returns its exit code."""
    folder = options.output or default_folder(options.dataset or "optdigits", options.model or "cnn")
    unfinished = folder / "unfinished"
    if not options.resume and not options.over and (unfinished / CHECKPOINT).exists():
        raise UserError(
            f"{folder}: a run was interrupted here; go on with it (train --resume --output "
            f"{shlex.quote(str(folder))}), or drop it and start over (--over)"
        )
    settings = resumed(options, unfinished, kind_of) if options.resume else chosen(options, kind_of)
    images = datasets.load(settings.dataset, options.data, train=True)
    if settings.validation:
        images, held_out = datasets.validation_split(images, settings.validation)
    else:  # loaded now, so that a missing file ends the run here; looked at once, after the last epoch
        held_out = datasets.load(settings.dataset, options.data, train=False)
    writable_folder(unfinished)
    if not options.resume:
        shutil.rmtree(unfinished)
        unfinished.mkdir()
        write_json(unfinished / "settings.json", asdict(settings))

    begun = time.perf_counter()
    work = kind_of(settings.model).work(settings, images, held_out, unfinished, options)
    done, epochs = work.trainer.epoch, settings.recipe.epochs
    print(backend())
    since = "all epochs done" if done >= epochs else f"from epoch {done + 1}"
    print(work.described() + (f", {since}" if done else ""), flush=True)
    try:
        if done < epochs:
            work.fit()
    except FloatingPointError as error:
        shutil.rmtree(unfinished)
        with contextlib.suppress(OSError):
            folder.rmdir()  # if there is nothing in it
        raise UserError(f"the training diverged: {error}") from None
    try:
        if work.trainer.epoch < epochs:
            raise KeyboardInterrupt
        results = unfinished / "results"
        results.mkdir(exist_ok=True)
        told = work.finish(results, time.perf_counter() - begun)
        moved(results, folder)
    except KeyboardInterrupt:
        print(f"interrupted; go on with: {resume_command(settings, folder, options)}", file=sys.stderr)
        return 130
    shutil.rmtree(unfinished)
    print(f"wrote {folder}/: {work.leaves}")
    print(told, flush=True)
    return 0


def moved(results: Path, folder: Path) -> None:
    """The results of this run in place of those of the last; sheets of the last don't stay among them."""
    for old in folder.glob("samples-*.png"):
        old.unlink()
    for new in sorted(results.iterdir(), key=lambda path: path.name == MODEL):
        new.replace(folder / new.name)


def load_checkpoint(trainer: Any, file: Path) -> None:
    """Be where the run was interrupted."""
    try:
        trainer.load(file)
    except (ValueError, RuntimeError, KeyError, TypeError) as error:
        raise UserError(f"{unusable(file, error)}; start over with --over") from None


# Settings ----------------------------------------------------------------------------------------


def chosen(options: Namespace, kind_of: Callable[[str], Kind]) -> Settings:
    dataset, model = options.dataset or "optdigits", options.model or "cnn"
    flags = {name: getattr(options, name) for name in PLAIN}
    recipe = kind_of(model).chosen(dataset, model, **flags)
    return Settings(dataset, model, options.seed or 0, options.validation or 0.0, recipe)


def resumed(options: Namespace, unfinished: Path, kind_of: Callable[[str], Kind]) -> Settings:
    """The settings of the interrupted run. Its flags may be repeated, but not changed."""
    file = unfinished / "settings.json"
    if not (unfinished / CHECKPOINT).exists() or not file.exists():
        raise UserError(f"nothing to resume in {unfinished.parent}: no run was interrupted there")
    try:
        found = json.loads(file.read_text())
        fields = lists_as_tuples(found.pop("recipe"))
        recipe = kind_of(found["model"]).read(found["dataset"], found["model"], fields)
        settings = Settings(**found, recipe=recipe)
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(f"{file}: damaged settings ({error}); start over with --over") from None
    known = {**asdict(settings), **asdict(recipe)}
    for name in ("dataset", "model", "seed", "validation", *PLAIN):
        given = getattr(options, name)
        if given is not None and name not in known:
            kind_of(settings.model).chosen(settings.dataset, settings.model, **{name: given})  # says why not
        if given is not None and given != known.get(name):
            raise UserError(
                f"--{name.replace('_', '-')} {given}: the run in {unfinished.parent} was started with "
                f"{known.get(name)}, which can't change in the middle"
            )
    return settings


def resume_command(settings: Settings, folder: Path, options: Namespace) -> str:
    words = ["python -m apps.digits train --resume"]
    if options.output:
        words.append(f"--output {shlex.quote(str(folder))}")
    else:
        words.append(f"--dataset {settings.dataset} --model {settings.model}")
    if options.data:
        words.append(f"--data {options.data}")
    if not options.jit:
        words.append("--no-jit")
    return " ".join(words)


# Files -------------------------------------------------------------------------------------------


def lists_as_tuples(fields: dict[str, Any]) -> dict[str, Any]:
    """Fields of a frozen dataclass, as JSON gives them back."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}


def write_json(path: Path, value: Any) -> None:
    text = json.dumps(value, indent=1, default=lambda x: x.item() if isinstance(x, np.generic) else str(x))
    write_atomically(path, (text + "\n").encode())
