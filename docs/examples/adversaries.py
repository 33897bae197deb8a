"""Trainings of GANs that stop on Ctrl-C and go on with --resume, as docs/examples/training.py has it for one
net; and recipes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import nn
from docs.examples.training import Run
from nn.models import GANTrainer

__all__ = ["Recipe", "lower", "trained"]


@dataclass(frozen=True)
class Recipe:
    """How a generator and a discriminator are made and trained."""

    objective: str = "gan"
    packing: int = 1
    norm: str = "batch"  # of the discriminator
    spectral: bool = False
    conditional: bool = False
    penalty: float = 0.0
    clip: float | None = None
    d_steps: int = 1
    rate: float = 2e-4
    betas: tuple[float, float] = (0.5, 0.999)  # Adam's
    ema: float | None = 0.999
    fall: float = 0.0  # in the last part of the updates, so long, the rate falls to 0

    def discriminator(self) -> dict[str, Any]:
        """Its options, in nn.models.gan."""
        return {"packing": self.packing, "norm": self.norm, "spectral": self.spectral}


def lower(trainer: GANTrainer, rate: float, fall: float, steps: int) -> None:
    """Set both rates to what they should be by now: `rate`, or less in the last part `fall` of so many
    updates, where they fall to 0."""
    left = (1 - trainer.steps / steps) / fall if fall else 1.0
    for optimizer in (trainer.g_optimizer, trainer.d_optimizer):
        optimizer.param_groups[0]["lr"] = rate * min(1.0, max(0.0, left))


def trained(
    run: Run,
    name: str,
    generator: Any,
    discriminator: Any,
    recipe: Recipe,
    loader: Any,
    steps: int,
    *,
    notes: int = 10,
    on_epoch: Callable[..., Any] | None = None,
    **options: Any,
) -> GANTrainer:
    """Train both until the generator had `steps` updates, with `notes` notes on the way; the trainer.

    The checkpoint is FOLDER/NAME-seedS-stepsN.safetensors; interrupted by Ctrl-C it saves and raises
    KeyboardInterrupt, and with --resume it goes on from there.
    """
    file, say = run.file(name), not run.options.silent

    def note(trainer: GANTrainer, record: dict[str, Any], samples: Any) -> None:
        lower(trainer, recipe.rate, recipe.fall, steps)
        if on_epoch is not None:
            on_epoch(trainer, record, samples)

    g_optimizer, d_optimizer = (
        nn.optim.Adam(net.parameters(), lr=recipe.rate, betas=recipe.betas)
        for net in (generator, discriminator)
    )
    trainer = GANTrainer(
        generator,
        discriminator,
        g_optimizer,
        d_optimizer,
        recipe.objective,
        d_steps=recipe.d_steps,
        penalty=recipe.penalty,
        clip=recipe.clip,
        ema=recipe.ema,
        every=max(1, steps // notes),
        checkpoint=file,
        progress=say,
        on_epoch=note,
        **options,
    )
    if run.options.resume and file.exists():
        trainer.load(file)
    trainer.fit(loader, steps=steps)
    if trainer.steps < steps:
        raise KeyboardInterrupt(f"go on with --resume from {file}")
    return trainer
