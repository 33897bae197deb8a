"""`train`: a network learns, and a folder shows how it went. Here those that read; apps.digits.drawing has
those that draw. What is the same for both is in apps.digits.runs."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from typing import Any

import autograd
import nn
from apps.command import backend
from apps.digits import checkpoint, models, pictures, recipes
from apps.digits.evaluate import probabilities
from apps.digits.runs import CHECKPOINT, Kind, Settings, carry_out, load_checkpoint, write_json
from nn.data import DataLoader, Digits

__all__ = ["Reading", "Settings", "prepared", "run"]


def run(options: Namespace) -> int:
    return carry_out(options, kind_of)


def kind_of(model: str) -> Kind:
    if model in models.MODELS:
        return Kind(recipes.recipe, lambda dataset, model, fields: recipes.Recipe(**fields), Reading)
    from apps.digits.drawing import train  # not for those who read

    return train.KIND


class Reading:
    """A classifier is trained."""

    leaves = "model.safetensors, history.json and, as PNG, curves, confusion, mistakes, filters"

    def __init__(
        self, settings: Settings, images: Digits, held_out: Digits, unfinished: Path, options: Namespace
    ) -> None:
        self.settings, self.held_out, self.count = settings, held_out, len(images)
        self.trainer, self.loader = prepared(settings, images, unfinished / CHECKPOINT, options)

    def described(self) -> str:
        settings = self.settings
        widths = "-".join(map(str, settings.recipe.widths))
        return (
            f"{settings.model} {widths} ({models.parameter_count(self.trainer.model):,} parameters) on "
            f"{self.count:,} images of {settings.dataset} ({settings.side}x{settings.side})"
        )

    def fit(self) -> None:
        checks = DataLoader(self.held_out, batch_size=500) if self.settings.validation else None
        self.trainer.fit(self.loader, self.settings.recipe.epochs, validation=checks)

    def finish(self, results: Path, seconds: float) -> str:
        return finish(
            self.settings, self.trainer.model, self.trainer.history, self.held_out, results, seconds
        )


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
        load_checkpoint(trainer, file)
    return trainer, loader


def finish(
    settings: Settings, model: nn.Module, history: list[dict[str, Any]], held_out: Digits, folder: Path,
    seconds: float,
) -> str:  # fmt: skip
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
    return f"trained in {seconds:.1f} s\n{kind} accuracy {100 * accuracy:.2f}% ({title})"
