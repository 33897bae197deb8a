"""A painter: a network that has learned to draw, whatever its family, and its file.

All of them draw n images from a random generator, of the classes they are asked for if they can be asked;
some draw from codes, between which one can walk.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import autograd
import nn
from apps.digits import checkpoint
from apps.digits.drawing import networks, recipes
from apps.digits.runs import Settings, lists_as_tuples
from autograd import Generator, Tensor, no_grad
from nn.models.vae import interpolate
from nn.progress import Progress

__all__ = ["Card", "Painter", "load", "steps_told"]

Array = np.ndarray[Any, Any]
MANY = 2000  # images whose codes are computed at once
TOGETHER, LOOKS = 256, 100  # drawings of a diffusion that go one way, and how often that is told


@dataclass(frozen=True)
class Card:
    """What a painter is, and how it came to be."""

    model: str
    dataset: str
    side: int
    classes: tuple[str, ...]
    seed: int
    epochs: int
    recipe: Any
    family: str = checkpoint.DRAWS

    @classmethod
    def of(cls, settings: Settings, classes: tuple[str, ...]) -> Card:
        recipe = settings.recipe
        return cls(
            settings.model, settings.dataset, settings.side, classes, settings.seed, recipe.epochs, recipe
        )

    def build(self) -> nn.Module:
        return networks.build(self.model, self.side, len(self.classes), self.recipe)


class Painter:
    """`network` as its card says."""

    def __init__(self, card: Card, network: Any) -> None:
        self.card, self.network = card, network
        network.eval()

    @property
    def can_be_asked(self) -> bool:
        """Whether it draws the classes that it is told."""
        return self.card.model == "autoencoder" or getattr(self.network, "classes", None) is not None

    @property
    def walks(self) -> bool:
        """Whether it draws from codes."""
        return self.card.model != "diffusion"

    @property
    def reads(self) -> bool:
        """Whether it finds the code of an image."""
        return hasattr(self.network, "encode")

    def draw(
        self,
        n: int,
        generator: Generator,
        labels: Array | None = None,
        steps: int | None = None,
        guidance: float | None = None,
        show: bool = False,
    ) -> Array:
        """n images (n, 1, side, side) float32 in [0, 1].

        labels           (n,) of one that can be asked; by default of all classes, at random
        steps, guidance  of a diffusion, by default as its recipe says; steps 0: all of them (DDPM)
        show             tell on stderr how far a diffusion is
        """
        if self.can_be_asked and labels is None:
            labels = generator.integers(0, len(self.card.classes), (n,))
        if self.card.model == "diffusion":
            way = self.way(steps, guidance)
            whole = way["steps"] or self.card.recipe.timesteps
            with steps_told(n, whole, show) as watch:
                drawn = self.network.sample(
                    n, classes=labels, generator=generator, batch_size=TOGETHER, watch=watch,
                    frames=min(whole, LOOKS) + 1, **way,
                )  # fmt: skip
            return drawn.data  # type: ignore[no-any-return]
        return self.decode(self.codes(n, generator, labels), labels)

    def way(self, steps: int | None, guidance: float | None) -> dict[str, Any]:
        """How a diffusion goes back from noise, as Diffusion.sample() is told; arguments as of draw()."""
        recipe = self.card.recipe
        taken = recipe.steps if steps is None else steps
        return {
            "steps": taken or None,
            "eta": recipe.eta if taken else None,
            "guidance": recipe.guidance if guidance is None else guidance,
        }

    def codes(self, n: int, generator: Generator, labels: Array | None = None) -> Array:
        """n random codes (n, code); those of an autoencoder are of classes."""
        if self.card.model == "autoencoder":
            assert labels is not None
            return self.network.clouds.draw(labels, generator)  # type: ignore[no-any-return]
        size = getattr(self.card.recipe, "latent", None) or self.card.recipe.code
        return generator.normal((n, size), np.float32)

    @no_grad()
    def decode(self, codes: Array, labels: Array | None = None) -> Array:
        """The images (n, 1, side, side) of codes (n, code)."""
        parts = []
        for i in range(0, len(codes), 500):
            part = slice(i, i + 500)
            x = autograd.from_numpy(np.ascontiguousarray(codes[part], np.float32))
            if self.reads:
                parts.append(self.network.decode(x).data)
            else:
                told = () if labels is None else (Tensor(labels[part].astype(np.int64)),)
                parts.append(self.network(x, *told).data)
        return np.concatenate(parts)

    @no_grad()
    def encode(self, images: Array) -> Array:
        """The codes (n, code) of images (n, 1, side, side); of a VAE, their means."""
        found = []
        for i in range(0, len(images), MANY):
            code = self.network.encode(autograd.from_numpy(images[i : i + MANY]))
            found.append((code[0] if isinstance(code, tuple) else code).data)
        return np.concatenate(found)

    def walk(self, stops: Array, steps: int) -> Array:
        """Codes from each of stops (k, ..., code) to the next and back to the first: (k * steps, ..., code).
        Codes drawn from a normal distribution lie on a sphere, so the way is an arc; an autoencoder's lie
        anywhere."""
        around = self.card.model != "autoencoder"
        legs = []
        for a, b in zip(stops, np.roll(stops, -1, 0), strict=True):
            legs.append(interpolate(Tensor(a), Tensor(b), steps + 1, spherical=around).data[:-1])
        return np.concatenate(legs)

    def settle(self, images: Array, labels: Array) -> None:
        """What has to be known of the training images before it can draw."""
        if self.card.model == "autoencoder":
            self.network.clouds.settle(self.encode(images), labels)

    def save(self, folder: Path) -> None:
        checkpoint.save_model(folder, self.network, self.card)


@contextlib.contextmanager
def steps_told(n: int, steps: int, show: bool = True) -> Iterator[Callable[..., None]]:
    """What Diffusion.sample() of n drawings is to call as `watch`, so that its steps are told on stderr: in a
    bar on a terminal, else in a line now and then."""
    begun, before = time.perf_counter(), 0
    with Progress(-(-n // TOGETHER) * steps, show=show, unit="steps") as progress:

        def watch(done: int, *_: Any) -> None:
            nonlocal before
            more, before = max(0, done - before), done
            if more:
                rate = (progress.done + more) / (time.perf_counter() - begun)
                progress.batch(f"drawing {n:,}", {}, rate, more)

        yield watch


def load(path: Path, dataset: str | None = None) -> Painter:
    """The painter in a file, or in a folder that `train` wrote. UserError, one line, for anything else."""
    file, fields = checkpoint.read_header(path, checkpoint.DRAWS, dataset)
    try:
        recipe = recipes.read(fields["dataset"], fields["model"], lists_as_tuples(fields["recipe"]))
        card = Card(**{**lists_as_tuples(fields), "recipe": recipe})
        network = card.build()
        network.load_state_dict(nn.load(file))
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise checkpoint.unusable(file, error) from None
    return Painter(card, network)
