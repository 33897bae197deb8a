"""A thousand modes: three digits as the channels of one image, and how many a GAN learns to draw.

A classifier reads each channel of 26,000 samples. Lin et al. (2018, "PacGAN") report 99 of the 1000 modes for
DCGAN, with a KL of 3.40 nats from the data's shares, and 1000 with 0.06 where the discriminator judges two
images at once, so that it easily tells a generator that repeats itself. A critic with a gradient penalty
(Gulrajani et al. 2017) says instead how far the drawings are from the data, however far that is.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

import autograd
from apps.digits.drawing.grids import sheet
from docs.examples import training
from docs.examples.adversaries import Recipe, trained
from docs.examples.training import Run, parameters, seconds, table
from nn.data import DataLoader, StackedDigits, mnist, optdigits
from nn.metrics import features, stacked_modes
from nn.models import GANTrainer
from nn.models.gan import DCGANDiscriminator, DCGANGenerator

Array = np.ndarray[Any, Any]

STEPS, BATCH = 12000, 64
NOTES, LOOKS = 40, 8  # in a training; at each look the modes are counted
COUNT, LESS = 26_000, 10_000  # samples in the end, and on the way
SHOWN = 60
HEAD = ("net", "generator", "discriminator", "G updates", "D updates", "modes of 1000", "KL", "training")
NETS = {
    "no norm": Recipe(norm="none"),
    "no norm, packed by 2": Recipe(norm="none", packing=2),
    "DCGAN": Recipe(),
    "WGAN-GP": Recipe("wgan", norm="layer", penalty=10.0, d_steps=2, rate=5e-4, betas=(0.0, 0.9), fall=0.4),
}


class Task(NamedTuple):
    """The data, the classes that a classifier finds in it, and the number of samples that are read."""

    data: StackedDigits
    classify: Any
    count: int
    less: int
    widths: tuple[int, ...]

    def modes(self, images: Array) -> Any:
        labels = self.data.digits.labels[self.data.parts] @ [100, 10, 1]
        return stacked_modes(images, self.classify, np.bincount(labels, minlength=self.data.modes))

    def drawn(self, trainer: GANTrainer, count: int) -> Array:
        """Samples by which the run is measured: of random numbers of their own."""
        return trainer.drawn.sample(count, generator=autograd.Generator(1)).data


def task(run: Run) -> Task:
    """Stacks of MNIST, or with --quick of optdigits, which are 8x8."""
    if run.quick:
        data = StackedDigits(optdigits(), seed=run.seed + 1)
        return Task(data, features("optdigits").classify, 500, 200, (8, 16))
    data = StackedDigits(mnist(), seed=run.seed + 1)
    return Task(data, features("mnist").classify, COUNT, LESS, run.options.widths)


def train(run: Run, name: str, stacks: Task) -> GANTrainer:
    recipe, side = NETS[name], stacks.data.digits.images.shape[1]
    generator = DCGANGenerator(side, 3, latent=100, widths=stacks.widths)
    discriminator = DCGANDiscriminator(side, 3, widths=stacks.widths, **recipe.discriminator())

    def note(trainer: GANTrainer, record: dict[str, Any], samples: Any) -> None:
        if len(trainer.history) % (NOTES // LOOKS) and trainer.steps < run.steps:
            return
        found = stacks.modes(stacks.drawn(trainer, stacks.less))
        record["modes"], record["kl"] = found.covered, found.kl
        if not run.options.silent:
            print(f"{name}, {record['step']} updates: {found} ({stacks.less} samples)", file=sys.stderr)

    loader = DataLoader(stacks.data, BATCH, shuffle=True, drop_last=True, seed=run.seed + 2)
    file = name.lower().replace(", ", "-").replace(" ", "-")
    return trained(
        run, file, generator, discriminator, recipe, loader, run.steps,
        notes=NOTES, on_epoch=note, samples=SHOWN,
    )  # fmt: skip


def run(run: Run) -> None:
    stacks = task(run)
    real = stacks.data.batch(np.arange(stacks.count))[0]
    floor = stacks.modes(real)
    rows, curves, drawings = [["the data itself", *[""] * 4, floor.covered, f"{floor.kl:.3f}", ""]], {}, {}
    for name in run.options.net or NETS:
        autograd.manual_seed(run.seed)
        trainer = train(run, name, stacks)
        found = stacks.modes(stacks.drawn(trainer, stacks.count))
        nets = [f"{parameters(net):,}" for net in (trainer.generator, trainer.discriminator)]
        updates = [f"{count * run.steps:,}" for count in (1, NETS[name].d_steps)]
        minutes = f"{seconds(trainer) / 60:.1f} min"
        rows.append([name, *nets, *updates, found.covered, f"{found.kl:.3f}", minutes])
        curves[name] = [(record["step"], record["modes"]) for record in trainer.history if "modes" in record]
        drawings[name] = stacks.drawn(trainer, SHOWN)
    print(f"stacked digits: {stacks.count} samples, seed {run.seed}")
    print(table(HEAD, rows))
    draw(run, curves, {"data": real[:SHOWN], **drawings})


def draw(run: Run, curves: dict[str, Any], drawings: dict[str, Array]) -> None:
    from docs.examples import pictures  # matplotlib takes a second

    colors = dict(zip(NETS, (pictures.WINDOW, pictures.RNN, pictures.GRU, pictures.TRUTH), strict=True))
    figure, (axes, *sheets) = pictures.figure(
        10.5, 3.2, columns=1 + len(drawings), gridspec_kw={"width_ratios": [1.7, *[1] * len(drawings)]}
    )
    for name, curve in curves.items():
        steps, modes = zip(*curve, strict=True)
        axes.plot(steps, modes, color=colors[name], lw=1.8, label=name)
    axes.set(xlabel="updates of the generator", title="Modes of 1000", ylim=(0, 1040))
    axes.locator_params(axis="x", nbins=4)
    figure.legend(loc="outside lower left", ncols=len(curves), frameon=False, labelcolor="linecolor")
    for axis, (name, images) in zip(sheets, drawings.items(), strict=True):
        axis.imshow(sheet(images, 6))
        axis.set_axis_off()
        axis.set_title(name.replace(", ", ",\n"), fontsize=9, color=colors.get(name, pictures.TRUTH))
    pictures.write(figure, run.folder / "stacked_mnist.png")


def flags(parser: Any) -> None:
    parser.add_argument("--net", nargs="+", choices=list(NETS), help="only these (default: all)")
    parser.add_argument("--widths", nargs="+", type=int, default=(64, 128), metavar="W",
                        help="channels, from the image inwards (default: 64 128)")  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    return training.main(run, "stacked_mnist", STEPS, arguments, doc=__doc__, flags=flags)


if __name__ == "__main__":
    sys.exit(main())
