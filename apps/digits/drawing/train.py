"""A painter is trained: by nn.Trainer, or, against a discriminator, by GANTrainer. On the way DIR/unfinished
gets a sheet of samples every few epochs, and a frame of the film."""

from __future__ import annotations

import contextlib
import shutil
import sys
import warnings
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

import autograd
import nn
from apps.command import UserError, backend
from apps.digits import datasets
from apps.digits.drawing import films, grids, meter, networks, recipes, sample
from apps.digits.drawing.painters import Card, Painter
from apps.digits.models import parameter_count
from apps.digits.runs import CHECKPOINT, Kind, Settings, load_checkpoint, write_json
from nn.course import evaluating
from nn.data import DataLoader, Digits
from nn.models import GANTrainer
from nn.models.collapse import CollapseWarning
from nn.optim.swa_utils import AveragedModel, get_ema_avg_fn

__all__ = ["KIND", "Drawing"]

Array = np.ndarray[Any, Any]
FRAMES, SHEETS = 40, 10  # of a training, at most (and the frame before it)
FEW = 5000  # training images by which an autoencoder draws while it learns
WAY = 20  # steps in which a diffusion draws while it learns


class Drawing:
    """The work of a run: one model that draws is trained."""

    leaves = (
        "model.safetensors, history.json, film.npz and, as PNG, curves, samples, neighbours and samples-EPOCH"
    )

    def __init__(
        self, settings: Settings, images: Digits, held_out: Digits, unfinished: Path, options: Namespace
    ) -> None:
        self.settings, self.images, self.held_out, self.unfinished = settings, images, held_out, unfinished
        recipe, file = settings.recipe, unfinished / CHECKPOINT
        self.card = Card.of(settings, images.classes)
        autograd.manual_seed(settings.seed)
        network = self.card.build()
        self.loader = DataLoader(
            images, recipe.batch_size, shuffle=True, seed=settings.seed,
            drop_last=len(images) >= recipe.batch_size, transform=batches_for(settings),
        )  # fmt: skip
        if isinstance(recipe, recipes.GANRecipe):
            self.trainer: Any = against(self.card, network, file, options.jit, self.noted)
        else:
            self.trainer = alone(self.card, network, len(self.loader), file, options.jit, self.noted)
        if options.resume:
            load_checkpoint(self.trainer, file)

    # What there is by now --------------------------------------------------------------------------

    @property
    def network(self) -> Any:
        """What draws: the average, where there is one."""
        if isinstance(self.trainer, GANTrainer):
            return self.trainer.drawn
        average = self.trainer.average
        return self.trainer.model if average is None else average.module

    def described(self) -> str:
        settings, trainer = self.settings, self.trainer
        pair = isinstance(trainer, GANTrainer)
        learning = (trainer.generator, trainer.discriminator) if pair else (trainer.model,)
        widths = "-".join(map(str, settings.recipe.widths))
        return (
            f"{settings.model} {widths} ({parameter_count(*learning):,} parameters) on "
            f"{len(self.images):,} images of {settings.dataset} ({settings.side}x{settings.side})"
        )

    # While it learns -------------------------------------------------------------------------------

    def fit(self) -> None:
        epochs = self.settings.recipe.epochs
        if not self.trainer.epoch and not self.trainer.batch:
            self.shown(0)
        print(f"samples on the way: {self.unfinished}/samples-EPOCH.png", flush=True)
        with collapse_in_a_line():
            self.trainer.fit(self.loader, epochs)

    def noted(self, trainer: Any, record: dict[str, Any], *_: Any) -> None:
        """After each epoch."""
        epoch = record["epoch"]
        if due(epoch, self.settings.recipe.epochs, FRAMES):
            self.shown(epoch)

    def shown(self, epoch: int) -> None:
        """A frame of the film, and now and then a sheet for who looks on."""
        scores, real, fake = None, np.nan, np.nan
        if isinstance(self.trainer, GANTrainer):
            drawn = self.trainer.render(self.trainer.latents, *self.trainer.labels)
            images, scores = drawn.data, judged(self.trainer, drawn)
            real, fake = judged(self.trainer, self.originals).mean(), scores.mean()
        else:
            images = self.sketch()
        films.keep(self.unfinished / "film", epoch, images, scores, real, fake)
        if epoch and due(epoch, self.settings.recipe.epochs, SHEETS):
            grids.write_sheet(images, films.COLUMNS, self.unfinished / f"samples-{epoch:03}.png")

    @cached_property
    def originals(self) -> Any:
        """As many training images as are drawn for the film, always the same, of the same classes."""
        order = np.random.default_rng(0).permutation(len(self.images))
        if self.trainer.labels:
            mine, wanted = self.images.labels[order], self.trainer.labels[0].data
            order = np.array([order[mine == k][i % (mine == k).sum()] for i, k in enumerate(wanted)])
        return autograd.from_numpy(self.images.batch(order[: films.TILES])[0])

    def sketch(self) -> Array:
        """Always of the same random numbers."""
        network = self.network
        with evaluating(network):
            painter = Painter(self.card, network)
            if self.card.model == "autoencoder":
                painter.settle(self.images.batch(np.arange(min(FEW, len(self.images))))[0],
                               self.images.labels[:FEW])  # fmt: skip
            labels = np.arange(films.TILES) % len(self.card.classes) if painter.can_be_asked else None
            steps = min(WAY, self.card.recipe.timesteps) if self.card.model == "diffusion" else None
            return painter.draw(films.TILES, autograd.Generator(0), labels, steps)

    # When it has learned ---------------------------------------------------------------------------

    def finish(self, results: Path, seconds: float) -> str:
        settings, history = self.settings, self.trainer.history
        if not any((self.unfinished / "film").glob("*.npz")):  # somebody took it away
            self.shown(self.trainer.epoch)
        film = films.Film.assembled(self.unfinished / "film")
        painter = Painter(self.card, self.network)
        painter.settle(*self.images.arrays())
        used = meter.meter_of(settings.dataset, self.images, self.held_out)
        print(f"drawing {used.count:,} to measure them", flush=True)
        measured = meter.Measured(painter, used, self.images.labels, settings.seed)
        found, minutes = measured.found, sum(record["seconds"] for record in history) / 60

        painter.save(results)
        film.save(results / "film.npz")
        kind = "validation" if settings.validation else "test"
        told = {
            "frechet": found.frechet, "floor": found.floor, "samples": found.count,
            "precision": found.precision, "recall": found.recall, "floor of": f"{kind} images",
            "classes": found.histogram.counts.tolist(), "as asked": measured.agreement, "minutes": minutes,
        }  # fmt: skip
        record = {
            "settings": asdict(settings), "backend": backend(), "seconds": round(seconds, 2),
            "epochs": history, "drawings": told,
        }  # fmt: skip
        write_json(results / "history.json", record)
        grids.curves(history, settings.title, results / "curves.png")
        drawn = sample.Sample(painter, sample.GRID, settings.seed)
        sample.draw_pictures(
            drawn, found.histogram.counts, None, self.images, self.held_out, settings.title, results
        )
        for sheet in self.unfinished.glob("samples-*.png"):
            shutil.copy(sheet, results)
        lines = [f"measured against training images, the floor by {kind} images: {measured.drawn_from}"]
        if painter.reads:
            lines.append(f"{kind} images by way of their codes: {by_way_of_codes(painter, self.held_out)}")
        lines += [measured.histogram, measured.warning or "", meter.line(found, minutes)]
        return "\n".join(filter(None, lines))


def due(epoch: int, epochs: int, most: int) -> bool:
    """Whether this epoch is one of at most so many, evenly spaced; the last always is."""
    return epoch % -(-epochs // most) == 0 or epoch == epochs


# Trainers ----------------------------------------------------------------------------------------


def batches_for(settings: Settings) -> Any:
    """From (images, labels) to what the model is trained on."""
    if settings.model in ("autoencoder", "vae"):
        return lambda x, labels, generator: (x, x)
    if settings.model == "diffusion":
        if settings.recipe.conditional:
            return lambda x, labels, generator: (x, labels, labels)
        return lambda x, labels, generator: (x, labels)
    return None


def alone(card: Card, network: Any, batches: int, file: Path, jit: bool, noted: Any) -> nn.Trainer:
    recipe = card.recipe
    optimizer = nn.optim.Adam(network.parameters(), lr=recipe.lr, betas=recipe.betas)
    cycle = nn.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.lr, epochs=recipe.epochs, steps_per_epoch=batches, pct_start=0.15,
        cycle_momentum=False,
    )  # fmt: skip
    loss, average = network.loss, None
    if card.model == "diffusion":
        loss = mean_of  # the network gives the losses themselves
        average = AveragedModel(network, avg_fn=get_ema_avg_fn(recipe.average, warmup=True))
    return nn.Trainer(
        network, loss, optimizer, cycle, clip_norm=1.0, average=average, checkpoint=file, jit=jit,
        on_epoch=noted,
    )  # fmt: skip


def mean_of(losses: Any, target: Any) -> Any:
    return losses.mean()


def against(card: Card, generator: Any, file: Path, jit: bool, noted: Any) -> GANTrainer:
    recipe = card.recipe
    discriminator = networks.discriminator(card.model, card.side, len(card.classes), recipe)
    g_optimizer, d_optimizer = (
        nn.optim.Adam(network.parameters(), lr=recipe.lr, betas=recipe.betas)
        for network in (generator, discriminator)
    )
    return GANTrainer(
        generator, discriminator, g_optimizer, d_optimizer, recipe.objective, d_steps=recipe.d_steps,
        penalty=recipe.penalty, ema=recipe.average, samples=films.TILES,
        classifier=nn.metrics.features(card.dataset).classify, checkpoint=file, jit=jit, on_epoch=noted,
    )  # fmt: skip


def judged(trainer: GANTrainer, images: Any) -> Array:
    """The discriminator's score of each image, (N,), of the classes of the film."""
    with evaluating(trainer.discriminator), autograd.no_grad():
        scores: Array = trainer.discriminator(images, *trainer.labels).data
    return scores


@contextlib.contextmanager
def collapse_in_a_line() -> Iterator[None]:
    """Within the block a collapse is told in one line, without the place in the code."""
    with warnings.catch_warnings():
        usual = warnings.showwarning

        def show(message: Any, category: Any, *where: Any, **more: Any) -> None:
            if issubclass(category, CollapseWarning):
                print(f"warning: {message}", file=sys.stderr, flush=True)
            else:
                usual(message, category, *where, **more)

        warnings.showwarning = show
        warnings.simplefilter("always", CollapseWarning)
        yield


# Results -----------------------------------------------------------------------------------------


def by_way_of_codes(painter: Painter, held_out: Digits) -> str:
    """How far images are from what their codes say of them."""
    images = held_out.arrays()[0]
    if painter.card.model == "vae":
        with autograd.no_grad():
            parts = [painter.network.elbo(autograd.from_numpy(images[i : i + 500])).data
                     for i in range(0, len(images), 500)]  # fmt: skip
        return f"{-np.concatenate(parts).mean():.2f} nats an image (-ELBO)"
    error = np.square(painter.decode(painter.encode(images)) - images).sum((1, 2, 3)).mean()
    return f"squared error {error:.2f} an image"


# The kind ----------------------------------------------------------------------------------------


def chosen(dataset: str, model: str, **flags: Any) -> recipes.Recipe:
    recipe = recipes.recipe(dataset, model, **flags)
    try:
        networks.check(model, datasets.SIDES[dataset], recipe)
    except ValueError as error:
        raise UserError(f"--widths: {error}") from None
    except MemoryError:
        sizes = ",".join(map(str, recipe.widths))
        raise UserError(f"--widths: {sizes} are too large for the memory") from None
    return recipe


KIND = Kind(chosen, recipes.read, Drawing)
