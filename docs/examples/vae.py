"""Variational autoencoders of MNIST: how many nats an image costs, and images that nobody drew.

grey       the net of PyTorch's example, 784-400-20, on grey images: its loss on the test images, an epoch at
           a time (PyTorch's own: 106.66 after 7)
binarised  the net of Burda, Grosse and Salakhutdinov (2016), 784-200-200-50, on images whose pixels are
           thrown anew each time, ink with the chance that their grey says: a VAE (they: 86.76 nats), and
           others trained on the bound of several codes (of 5: 85.54; of 50: 84.78)
beta       what becomes of an image as codes grow dear
plane      a code of two numbers, which can be looked at whole; walks between digits
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

import autograd
import nn
from apps.command import number
from autograd import Tensor
from docs.examples import training
from docs.examples.autoencoders import Array, Images, draw, firsts, images, through
from docs.examples.training import Run, parameters, seconds, table
from nn.data import DataLoader, TensorDataset
from nn.models.vae import IWAE, VAE, divergence, interpolate

PARTS = ("grey", "binarised", "beta", "plane")
BATCH, EPOCHS = 128, 7
UPDATES = EPOCHS * 469
RATE = 2e-3  # of `binarised`, at its highest


def thrown(pixels: Array, generator: autograd.Generator) -> Array:
    """0 or 1, 1 with the chance that each pixel says."""
    return (generator.uniform(pixels.shape, np.float32) < pixels).astype(np.float32)


def thrown_pairs(pixels: Array, generator: autograd.Generator) -> tuple[Array, Array]:
    """A loader's transform: each batch is thrown anew, and is what its net shall give back."""
    x = thrown(pixels, generator)
    return x, x


# Grey --------------------------------------------------------------------------------------------


def grey(run: Run, data: Images, test: Images) -> None:
    curves, seeds = {}, range(run.seed, run.seed + run.options.seeds)
    for seed in seeds:
        for constant in (True, False):
            model, trainer = example(run, seed, constant, data, test)
            found = [record["val_loss"] for record in trainer.history]
            curves[f"rate {'constant' if constant else 'falling'}, seed {seed}"] = found
    epochs = range(1, len(found) + 1)
    means = {"constant": np.mean([*curves.values()][::2], 0), "falling": np.mean([*curves.values()][1::2], 0)}
    if len(seeds) > 1:
        curves |= {f"rate {name}, mean": mean for name, mean in means.items()}
    print(
        f"grey images, {parameters(model):,} parameters: test loss in nats ({seconds(trainer):.0f} s a run)"
    )
    rows = [[name, *(f"{loss:.2f}" for loss in curve)] for name, curve in sorted(curves.items())]
    print(table(["after epoch", *map(str, epochs)], rows))
    autograd.manual_seed(run.seed)
    chosen = firsts(test.classes)
    few = {
        "image": test.pixels[chosen],
        "by way of its code": model.reconstruct(Tensor(test.pixels[chosen])).data,
    }
    dreams = model.sample(2 * len(chosen)).data
    few |= {"nobody drew these": dreams[: len(chosen)], "nor these": dreams[len(chosen) :]}
    draw(run, "vae", few, np.arange(len(chosen)))


def example(run: Run, seed: int, constant: bool, data: Images, test: Images) -> tuple[VAE, nn.Trainer]:
    """PyTorch's example: Adam at 1e-3; or from there down to 0, half a cosine."""
    autograd.manual_seed(seed)
    model = VAE(data.pixels.shape[1:], (400,), 20)
    loader = DataLoader(TensorDataset(data.pixels, data.pixels), BATCH, shuffle=True, seed=seed + 1)
    validation = DataLoader(TensorDataset(test.pixels, test.pixels), BATCH)
    epochs = -(-run.steps // len(loader))
    optimizer = nn.optim.Adam(model.parameters(), lr=1e-3)
    schedule = None
    if not constant:
        schedule = nn.optim.lr_scheduler.OneCycleLR(
            optimizer, 3e-3, epochs=epochs, steps_per_epoch=len(loader), pct_start=0, cycle_momentum=False
        )
    name = f"grey-{'constant' if constant else 'falling'}{seed}"
    trainer = run.train(
        name, model, model.loss, optimizer, (loader, epochs), validation=validation, scheduler=schedule
    )
    return model, trainer


# Binarised ---------------------------------------------------------------------------------------


def binarised(run: Run, data: Images, test: Images) -> None:
    x = thrown(test.pixels, autograd.Generator(0))  # the same test images for all
    rows = []
    for codes in run.options.codes:
        autograd.manual_seed(run.seed)
        model = importance(data.pixels.shape[1:], codes)
        loader = DataLoader(
            TensorDataset(data.pixels), BATCH, shuffle=True, drop_last=True, seed=run.seed + 1,
            transform=thrown_pairs,
        )  # fmt: skip
        epochs = -(-run.steps // len(loader))
        optimizer = nn.optim.Adam(model.parameters(), lr=RATE)
        cycle = nn.optim.lr_scheduler.OneCycleLR(
            optimizer, RATE, epochs=epochs, steps_per_epoch=len(loader), pct_start=0.1, cycle_momentum=False
        )
        trainer = run.train(f"codes{codes}", model, model.loss, optimizer, (loader, epochs), scheduler=cycle)
        autograd.manual_seed(run.seed)
        began = time.perf_counter()
        own, many = (bound(model, x, samples) for samples in (codes, run.options.bound))
        took = time.perf_counter() - began
        rows.append([
            "VAE" if codes == 1 else f"IWAE-{codes}", epochs, f"{own:.2f}", f"{many:.2f}",
            f"{seconds(trainer):.0f} s", f"{took:.0f} s",
        ])  # fmt: skip
    print(f"binarised test images, {parameters(model):,} parameters, seed {run.seed}: -log p(x) in nats")
    head = ["trained as", "epochs", "its own bound", f"bound of {run.options.bound}", "training", "bounds"]
    print(table(head, rows))


def importance(shape: tuple[int, ...], codes: int) -> VAE:
    if codes == 1:
        return VAE(shape, (200, 200), 50, activation="tanh")
    return IWAE(shape, (200, 200), 50, samples=codes, activation="tanh")


def bound(model: VAE, x: Array, samples: int) -> float:
    """-log p(x) in nats, at most: mean of the importance weighted bound over images."""
    return -float(through(lambda x: model.iwae_bound(x, samples, chunk=50), x, batch=100).mean())


# Beta --------------------------------------------------------------------------------------------


def beta(run: Run, data: Images, test: Images) -> None:
    shape = data.pixels.shape[1:]
    rows, drawn = [], {"image": test.pixels}
    for value in (0.25, 1.0, 4.0, 16.0):
        autograd.manual_seed(run.seed)
        model = VAE(shape, (400,), 20, beta=value)
        fitted(run, f"beta{value:g}", model, data)
        x = Tensor(test.pixels)
        with autograd.no_grad():
            nats = divergence(*model.encode(x)).data
            surprise = model.surprise(model.decoder(model.encode(x)[0]), x).data.sum((1, 2, 3))
        used = int((nats.mean(0) > 0.05).sum())
        rows.append([f"{value:g}", f"{surprise.mean():.1f}", f"{nats.sum(1).mean():.1f}", used])
        drawn[f"beta {value:g}"] = through(model.reconstruct, test.pixels)
    print(f"the price of a code, seed {run.seed}: nats of picture and code, numbers of it used")
    print(table(["beta", "picture", "code", "of 20 numbers used"], rows))
    draw(run, "beta", drawn, firsts(test.classes))


def fitted(run: Run, name: str, model: VAE, data: Images) -> nn.Trainer:
    loader = DataLoader(
        TensorDataset(data.pixels, data.pixels), BATCH, shuffle=True, drop_last=True, seed=run.seed + 1
    )
    epochs = -(-run.steps // len(loader))
    optimizer = nn.optim.Adam(model.parameters(), lr=1e-3)
    return run.train(name, model, model.loss, optimizer, (loader, epochs))


# A plane of codes, and walks ---------------------------------------------------------------------


def plane(run: Run, data: Images, test: Images) -> None:
    shape = data.pixels.shape[1:]
    autograd.manual_seed(run.seed)
    flat = VAE(shape, (400, 200), 2)
    trainer = fitted(run, "plane", flat, data)
    print(f"a code of two numbers: {trainer.history[-1]['loss']:.1f} nats after {trainer.epoch} epochs")
    draw_plane(run, flat, test)
    autograd.manual_seed(run.seed)
    model = VAE(shape, (400,), 20)
    fitted(run, "walks", model, data)
    ends = firsts(test.classes)
    with autograd.no_grad():
        mean = model.encode(Tensor(test.pixels[ends]))[0]
        rows = {}
        for a, b in ((0, 1), (4, 9), (7, 2)):
            for spherical in (False, True):
                walk = interpolate(mean[a], mean[b], 10, spherical)
                rows[f"{a} to {b}, {'on an arc' if spherical else 'straight'}"] = model.decode(walk).data
    draw(run, "walks", rows, np.arange(10))


def draw_plane(run: Run, model: VAE, test: Images, count: int = 18) -> None:
    """Where digits are in the plane, and what is drawn from each place (quantiles of N(0, 1))."""
    from statistics import NormalDist

    from docs.examples import pictures  # matplotlib takes a second

    quantiles = [NormalDist().inv_cdf((i + 0.5) / count) for i in range(count)]
    places = np.array([(x, -y) for y in quantiles for x in quantiles], np.float32)
    drawn = through(model.decode, places)
    side = drawn.shape[-1]
    mosaic = drawn.reshape(count, count, side, side).transpose(0, 2, 1, 3).reshape(count * side, count * side)
    figure, (left, right) = pictures.figure(8.4, 4.1, columns=2)
    code = through(lambda x: model.encode(x)[0], test.pixels)
    for digit in range(10):
        cloud = code[test.classes == digit]
        left.scatter(*cloud.T, s=1.5, lw=0, color=pictures.plt.get_cmap("tab10")(digit))
        left.text(*np.median(cloud, 0), digit, ha="center", va="center", fontweight="bold", size=12)
    left.set(title="codes of the test images", aspect="equal", xlim=(-3.5, 3.5), ylim=(-3.5, 3.5))
    right.imshow(mosaic, cmap="gray_r", vmin=0, vmax=1)
    right.set(title="what is drawn from each place", xticks=[], yticks=[])
    pictures.write(figure, run.folder / "plane.png", colors=256)


def run(run: Run) -> None:
    data, test = images(True, run.quick), images(False, run.quick)
    for part in run.options.part or PARTS:
        {"grey": grey, "binarised": binarised, "beta": beta, "plane": plane}[part](run, data, test)


def flags(parser: Any) -> None:
    parser.add_argument("--part", nargs="+", choices=PARTS, help="only these (default: all)")
    parser.add_argument("--seeds", type=number(int, 1), default=1, metavar="N",
                        help="of `grey`: S, S + 1, ... (default: 1)")  # fmt: skip
    parser.add_argument("--codes", type=number(int, 1), nargs="+", default=[1, 5], metavar="K",
                        help="of `binarised`: codes an image while training (default: 1 5)")  # fmt: skip
    parser.add_argument("--bound", type=number(int, 1), default=5000, metavar="K",
                        help="of `binarised`: codes an image of the final bound (default: 5000)")  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    return training.main(run, "vae", UPDATES, arguments, doc=__doc__, flags=flags, quick=60)


if __name__ == "__main__":
    sys.exit(main())
