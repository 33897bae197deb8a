"""Handwritten digits by generators and discriminators of one size (Radford et al. 2016), by objective.

All share their layers, and how long they may train; what differs is what the discriminator learns, and how
it is kept from learning too much. Each is measured in features of a frozen network (nn.metrics.DrawingMeter),
and its Frechet distance stands beside the floor, that of as many real images. The picture shows what becomes
of the same latents while the training goes on.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

import autograd
from apps.digits import datasets
from apps.digits.drawing.grids import sheet
from docs.examples import training
from docs.examples.adversaries import Recipe, trained
from docs.examples.training import Run, parameters, seconds, table
from nn.data import DataLoader
from nn.metrics import DrawingMeter, Measurement
from nn.models import GANTrainer
from nn.models.gan import DCGANDiscriminator, DCGANGenerator

Array = np.ndarray[Any, Any]

STEPS, BATCH, SHOWN, NOTES = 3000, 64, 10, 6
HEAD = ("net", "discriminator", "frechet", "precision", "recall", "KL of classes", "training")
SIZES = {8: (32, 64), 28: (64, 128)}  # channels, from the image inwards
NETS = {
    "gan": Recipe(),
    "lsgan": Recipe("lsgan"),
    "wgan": Recipe("wgan", norm="layer", clip=0.01, d_steps=5, betas=(0.0, 0.9)),
    "wgan-gp": Recipe("wgan", norm="layer", penalty=10.0, d_steps=5, betas=(0.0, 0.9)),
    "spectral": Recipe("hinge", norm="none", spectral=True),
    "packed": Recipe(packing=2),
    "conditional": Recipe(conditional=True),
}


def keep(trainer: GANTrainer, record: dict[str, Any], samples: Any) -> None:
    """The samples of the same latents, in the history and so in the checkpoint."""
    record["samples"] = samples


def train(run: Run, name: str, data: Any) -> GANTrainer:
    recipe, side = NETS[name], data.images.shape[1]
    options = {"widths": SIZES[side], "classes": len(data.classes) if recipe.conditional else None}
    generator = DCGANGenerator(side, **options)
    discriminator = DCGANDiscriminator(side, **options, **recipe.discriminator())
    loader = DataLoader(data, BATCH, shuffle=True, drop_last=True, seed=run.seed + 1)
    return trained(
        run, name, generator, discriminator, recipe, loader, run.steps,
        notes=NOTES, samples=SHOWN, on_epoch=keep,
    )  # fmt: skip


def measured(trainer: GANTrainer, meter: DrawingMeter, seed: int) -> Measurement:
    return meter.measure(trainer.drawn.sample(meter.count, generator=autograd.Generator(seed + 2)))


def run(run: Run) -> None:
    name = run.options.dataset or ("optdigits" if run.quick else "mnist")
    data, test = (datasets.load(name, None, part) for part in (True, False))
    meter = DrawingMeter(name, data, test, seed=run.seed)
    rows, films = [], {}
    for net in run.options.net or NETS:
        autograd.manual_seed(run.seed)
        trainer = train(run, net, data)
        films[net] = trainer.history
        found = measured(trainer, meter, run.seed)
        numbers = f"{found.frechet:.2f} {found.precision:.3f} {found.recall:.3f} {found.histogram.kl:.3f}"
        size = f"{parameters(trainer.discriminator):,}"
        rows.append([net, size, *numbers.split(), f"{seconds(trainer) / 60:.1f} min"])
    print(
        f"{name}: {meter.count} samples after {run.steps} updates, floor {meter.floor:.2f}, seed {run.seed}"
    )
    print(table(HEAD, rows))
    draw(run, films)


def draw(run: Run, films: dict[str, Any]) -> None:
    """Time from left to right, a latent a row."""
    from docs.examples import pictures  # matplotlib takes a second

    figure, axes = pictures.figure(1.9 * len(films), 3.4, columns=len(films), squeeze=False)
    for axis, (net, film) in zip(axes[0], films.items(), strict=True):
        frames = np.stack([record["samples"].data for record in film], 1)  # latents, notes, image
        axis.imshow(sheet(frames.reshape(-1, *frames.shape[2:]), len(film)), cmap="gray", vmin=0, vmax=1)
        axis.set_xlabel(f"{film[0]['step']} ... {film[-1]['step']} updates", fontsize=8)
        axis.set_title(net, fontsize=9)
        axis.set(xticks=[], yticks=[])
    pictures.write(figure, run.folder / "dcgan.png")


def flags(parser: Any) -> None:
    parser.add_argument("--net", nargs="+", choices=list(NETS), help="only these (default: all)")
    parser.add_argument("--dataset", choices=datasets.NAMES, help="(default: mnist; optdigits with --quick)")


def main(arguments: Sequence[str] | None = None) -> int:
    return training.main(run, "dcgan", STEPS, arguments, doc=__doc__, flags=flags)


if __name__ == "__main__":
    sys.exit(main())
