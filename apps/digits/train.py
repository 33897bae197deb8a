"""`train`: a network learns to read, and a folder shows how it went.

While it runs, DIR/unfinished holds the settings and the last checkpoint. When it has finished, the weights
(model.safetensors), history.json and the pictures are written, each at once, and `unfinished` goes away: an
interrupted or failed run never touches the results of the one before.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
import time
from argparse import Namespace
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

import autograd
import nn
from apps.command import UserError, backend, writable_folder
from apps.digits import checkpoint, datasets, models, pictures, recipes
from apps.digits.evaluate import probabilities
from nn.data import DataLoader, Digits
from nn.data.idx import write_atomically

__all__ = ["Settings", "default_folder", "run"]


@dataclass(frozen=True)
class Settings:
    """All that a run depends on, the data aside."""

    dataset: str
    model: str
    seed: int
    validation: float
    recipe: recipes.Recipe

    @property
    def side(self) -> int:
        return datasets.SIDES[self.dataset]

    @property
    def title(self) -> str:
        return f"{datasets.TITLES[self.dataset]}, {self.model}, seed {self.seed}"


def default_folder(dataset: str, model: str) -> Path:
    return Path("runs") / f"digits-{dataset}-{model}"


def run(options: Namespace) -> int:
    dataset, model = options.dataset or "optdigits", options.model or "cnn"
    folder = options.output or default_folder(dataset, model)
    unfinished = folder / "unfinished"
    settings = resumed_settings(options, unfinished) if options.resume else chosen_settings(options)
    images = datasets.load(settings.dataset, options.data, train=True)
    checks = None
    if settings.validation:
        images, held_out = datasets.validation_split(images, settings.validation)
        checks = DataLoader(held_out, batch_size=500)
    else:  # loaded now, so that a missing file ends the run here; looked at once, after the last epoch
        held_out = datasets.load(settings.dataset, options.data, train=False)
    writable_folder(unfinished)
    if not options.resume:
        if (unfinished / "checkpoint.safetensors").exists():
            print(f"starting over; the interrupted run in {folder} is dropped", file=sys.stderr)
            (unfinished / "checkpoint.safetensors").unlink()
        write_json(unfinished / "settings.json", asdict(settings))

    begun = time.perf_counter()
    trainer, loader = prepared(settings, images, unfinished / "checkpoint.safetensors", options)
    announce(settings, trainer.model, len(images), trainer.epoch)
    try:
        history = trainer.fit(loader, settings.recipe.epochs, validation=checks)
    except FloatingPointError as error:
        shutil.rmtree(unfinished)
        with contextlib.suppress(OSError):
            folder.rmdir()  # if there is nothing in it
        raise UserError(f"the training diverged: {error}") from None
    if trainer.epoch < settings.recipe.epochs:
        print(f"interrupted; go on with: {resume_command(settings, folder, options)}", file=sys.stderr)
        return 130
    finish(settings, trainer.model, history, held_out, folder, time.perf_counter() - begun)
    shutil.rmtree(unfinished)
    return 0


# Settings ----------------------------------------------------------------------------------------


def chosen_settings(options: Namespace) -> Settings:
    dataset, model = options.dataset or "optdigits", options.model or "cnn"
    recipe = recipes.recipe(
        dataset, model, epochs=options.epochs, lr=options.lr, batch_size=options.batch_size,
        widths=options.widths, dropout=options.dropout, augment=options.augment,
    )  # fmt: skip
    return Settings(dataset, model, options.seed or 0, options.validation or 0.0, recipe)


FIXED = ("model", "seed", "validation", "epochs", "lr", "batch_size", "widths", "dropout", "augment")


def resumed_settings(options: Namespace, unfinished: Path) -> Settings:
    """The settings of the interrupted run. Its flags may be repeated, but not changed."""
    file = unfinished / "settings.json"
    if not (unfinished / "checkpoint.safetensors").exists() or not file.exists():
        raise UserError(f"nothing to resume in {unfinished.parent}: no run was interrupted there")
    try:
        found = json.loads(file.read_text())
        fields = found.pop("recipe")
        lists = {name: tuple(value) for name, value in fields.items() if isinstance(value, list)}
        recipe = recipes.Recipe(**fields | lists)
        settings = Settings(**found, recipe=recipe)
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(f"{file}: damaged settings ({error}); start the run again without --resume") from None
    known = {**asdict(settings), **asdict(recipe)}
    for name in ("dataset", *FIXED):
        given = getattr(options, name)
        if given is not None and given != known[name]:
            raise UserError(
                f"--{name.replace('_', '-')} {given}: the run in {unfinished.parent} was started with "
                f"{known[name]}, which can't change in the middle"
            )
    return settings


def resume_command(settings: Settings, folder: Path, options: Namespace) -> str:
    words = ["python -m apps.digits train --resume"]
    if options.output:
        words.append(f"--output {folder}")
    else:
        words.append(f"--dataset {settings.dataset} --model {settings.model}")
    if options.data:
        words.append(f"--data {options.data}")
    if not options.jit:
        words.append("--no-jit")
    return " ".join(words)


# The run -----------------------------------------------------------------------------------------


def prepared(
    settings: Settings, images: Digits, file: Path, options: Namespace
) -> tuple[nn.Trainer, DataLoader]:
    """The trainer, at its beginning or where it was interrupted, and the batches."""
    recipe = settings.recipe
    autograd.manual_seed(settings.seed)
    model = models.build(settings.model, settings.side, recipe.widths, recipe.dropout)
    loader = DataLoader(
        images, recipe.batch_size, shuffle=True, seed=settings.seed,
        drop_last=len(images) % recipe.batch_size == 1,  # of one image there is no variance to normalise by
        transform=recipes.augmentation(recipe.augment, settings.side),
    )  # fmt: skip
    optimizer = nn.optim.AdamW(
        model.parameters(), lr=recipe.lr, betas=recipe.betas, weight_decay=recipe.weight_decay
    )
    schedule = nn.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.lr, epochs=recipe.epochs, steps_per_epoch=len(loader),
        pct_start=0.2, cycle_momentum=recipe.cycle_momentum,
    )  # fmt: skip
    loss = nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing)
    trainer = nn.Trainer(model, loss, optimizer, schedule, checkpoint=file, jit=options.jit)
    if options.resume:
        try:
            trainer.load(file)
        except (ValueError, RuntimeError, KeyError, TypeError) as error:
            raise UserError(f"{file}: {error}; start the run again without --resume") from None
    return trainer, loader


def announce(settings: Settings, model: nn.Module, count: int, done: int) -> None:
    widths = "-".join(map(str, settings.recipe.widths))
    print(backend())
    print(
        f"{settings.model} {widths} ({models.parameter_count(model):,} parameters) on {count:,} images of "
        f"{settings.dataset} ({settings.side}x{settings.side})"
        + (f", from epoch {done + 1}" if done else ""),
        flush=True,
    )


def finish(
    settings: Settings, model: nn.Module, history: list[dict[str, Any]], held_out: Digits, folder: Path,
    seconds: float,
) -> None:  # fmt: skip
    """Look at the held-out images, write everything, say how good it is."""
    images, labels = held_out.arrays()
    chances = probabilities(model, images)
    accuracy = nn.metrics.accuracy(chances, labels)
    kind = "validation" if settings.validation else "test"
    recipe, title, classes = settings.recipe, settings.title, held_out.classes
    card = checkpoint.Card(
        settings.model, recipe.widths, recipe.dropout, settings.dataset, settings.side, classes,
        settings.seed, recipe.epochs,
    )  # fmt: skip
    checkpoint.save_model(folder, model, card)
    mistakes = int((chances.argmax(1) != labels).sum())
    record = {
        "settings": asdict(settings), "backend": backend(), "seconds": round(seconds, 2), "epochs": history,
        kind: {"accuracy": accuracy, "mistakes": mistakes, "images": len(labels)},
    }  # fmt: skip
    write_json(folder / "history.json", record)
    test = None if settings.validation else accuracy
    pictures.curves(history, title, recipe.augment, test, folder / "curves.png")
    matrix = nn.metrics.confusion_matrix(chances, labels, len(classes))
    pictures.confusion(matrix, classes, f"{title}, {kind} images", folder / "confusion.png")
    pictures.mistakes(images[:, 0], labels, chances, classes, title, folder / "mistakes.png")
    first = next(p.data for p in model.parameters() if p.data.ndim > 1)
    pictures.filters(first, settings.side, f"{title}: the first layer's weights", folder / "filters.png")
    print(
        f"wrote {folder}/: model.safetensors, history.json and, as PNG, curves, confusion, mistakes, filters"
    )
    print(f"trained in {seconds:.1f} s")
    print(f"{kind} accuracy {100 * accuracy:.2f}% ({title})", flush=True)


def write_json(path: Path, value: Any) -> None:
    text = json.dumps(value, indent=1, default=lambda x: x.item() if isinstance(x, np.generic) else str(x))
    write_atomically(path, (text + "\n").encode())
