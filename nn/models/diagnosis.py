"""What is wrong with the training of a GAN, in words: its networks, its batches, numbers that are not finite.

Every message names what was given and what to do. The trainer (nn.models.adversarial) asks here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd import Tensor
from autograd.tape import no_grad
from nn.course import finite
from nn.optim.optimizer import Optimizer

__all__ = ["check_batch", "check_loader", "check_networks", "explained", "packing_of"]

Shape = tuple[int, ...]


def packing_of(discriminator: Any) -> int:
    """How many examples the discriminator judges at once."""
    return int(getattr(discriminator, "packing", 1))


def classes_of(network: Any) -> int | None:
    """How many classes the network is conditional on, or None."""
    return getattr(network, "classes", None)


def check_networks(
    generator: Any, discriminator: Any, g_optimizer: Optimizer, d_optimizer: Optimizer
) -> None:
    """Each optimiser must have its own network's parameters, and both networks the same classes."""
    pairs = (("g_optimizer", g_optimizer, generator), ("d_optimizer", d_optimizer, discriminator))
    for name, optimizer, network in pairs:
        known = {id(p) for p in network.parameters()}
        given = {id(p) for group in optimizer.param_groups for p in group["params"]}
        if not given <= known:
            raise ValueError(
                f"GANTrainer: {name} updates parameters that are not of the {type(network).__name__}; give "
                "each network an optimiser of its own"
            )
    if classes_of(generator) != classes_of(discriminator):
        raise ValueError(
            f"GANTrainer: the generator has classes={classes_of(generator)}, the discriminator "
            f"classes={classes_of(discriminator)}; both need the same"
        )


def check_loader(discriminator: Any, loader: Any) -> None:
    """The loader must have batches, of sizes that the packing divides."""
    if not len(loader):
        raise ValueError("fit: the loader has no batches")
    packing, size = packing_of(discriminator), getattr(loader, "batch_size", None)
    if packing == 1 or not isinstance(size, int):
        return
    sizes = [min(size, len(loader.dataset))]
    if not loader.drop_last:
        sizes.append(len(loader.dataset) % size)
    for size in sizes:
        check_packing(size, packing)


def check_packing(size: int, packing: int) -> None:
    if size % packing:
        raise ValueError(
            f"a batch of {size} can't be packed by {packing}: want a batch_size that {packing} divides, and "
            "drop_last=True where the last batch is smaller"
        )


def check_batch(
    generator: Any, discriminator: Any, drawn: np.ndarray, batch: Sequence[Any]
) -> tuple[Tensor, ...]:
    """What the networks are given of a batch: (images,), or (images, classes) if they are conditional.

    drawn   what the generator draws, (n, ...)
    """
    images, classes, shape = batch[0], classes_of(generator), drawn.shape[1:]
    if images.shape[1:] != shape:
        raise ValueError(
            f"the loader's examples are {shown(images.shape[1:])}, the generator draws {shown(shape)}: want "
            "data and networks of one shape (for images: channels, height, width)"
        )
    if images.dtype != drawn.dtype:
        raise TypeError(
            f"the loader's examples are {images.dtype}, the networks {drawn.dtype}; give the data as "
            f'{drawn.dtype} (array.astype("{drawn.dtype}"); 8-bit pixels divided by 255)'
        )
    check_packing(len(images), packing_of(discriminator))
    check_range(drawn, images.data)
    if classes is None:
        return (images,)
    if len(batch) < 2:
        raise ValueError(
            f"the networks are conditional on {classes} classes, but the loader's batches have no labels: "
            "want (images, labels)"
        )
    labels = batch[1]
    if labels.shape != (len(images),) or labels.dtype.kind not in "iu":
        raise ValueError(
            f"labels: want whole numbers, ({len(images)},), got {labels.dtype} of shape {labels.shape}"
        )
    if len(images) and (labels.data.min() < 0 or labels.data.max() >= classes):
        bad = labels.data[(labels.data < 0) | (labels.data >= classes)][0]
        raise ValueError(f"labels: {bad} is not one of the networks' {classes} classes, 0 ... {classes - 1}")
    return images, labels


def check_range(drawn: np.ndarray, images: np.ndarray) -> None:
    """Images of the data must have the range of those that are drawn, [0, 1]."""
    if drawn.ndim != 4 or drawn.min() < 0 or drawn.max() > 1:
        return  # points, or a network with a range of its own
    low, high = float(images.min()), float(images.max())
    if low < -1e-3 or high > 1 + 1e-3:
        raise ValueError(
            f"the loader's images are in [{low:.3g}, {high:.3g}], the generator's in [0, 1]; give images in "
            "[0, 1] (the networks map them to [-1, 1] themselves)"
        )


def shown(shape: Shape) -> str:
    return "x".join(map(str, shape)) or "numbers"


def explained(trainer: Any, images: Tensor, *classes: Tensor) -> str:
    """Why an update met a number that is not finite, as far as can be seen by computing it again, and what to
    lower."""
    g_rate, d_rate = (o.param_groups[0]["lr"] for o in (trainer.g_optimizer, trainer.d_optimizer))
    where = f"not finite at epoch {trainer.epoch + 1}, batch {trainer.batch + 1}: "
    if not finite(images):
        return where + "the images of this batch contain NaN or infinity; look at the data"
    sides = (("discriminator", trainer.discriminator, d_rate), ("generator", trainer.generator, g_rate))
    for name, network, rate in sides:
        bad = [key for key, p in network.named_parameters() if not finite(p)]
        if bad:
            return where + (
                f"the {name}'s {', '.join(bad[:3])}{' ...' if len(bad) > 3 else ''} became NaN or infinite "
                f"in an earlier update: lower the {name}'s learning rate (now {rate:g})"
            )
    with no_grad():
        fake = trainer.draw(len(images), *classes)
        real_scores = trainer.discriminator(images, *classes)
        fake_scores = trainer.discriminator(fake, *classes)
        d_loss = float(trainer.objective.discriminator(real_scores, fake_scores).item())
        g_loss = float(trainer.objective.generator(fake_scores).item())
    if not finite(fake):
        return where + f"the generator's images; lower its learning rate (now {g_rate:g})"
    scores = f"scores up to {largest(real_scores):.3g} for data, {largest(fake_scores):.3g} for samples"
    for name, loss in (("discriminator", d_loss), ("generator", g_loss)):
        if not np.isfinite(loss):
            return where + (
                f"the {name}'s loss is {loss} ({scores}): lower the discriminator's learning rate (now "
                f"{d_rate:g}), or keep its scores small by penalty=10, clip=0.01 or spectral norm"
            )
    penalty = f" the penalty (now {trainer.penalty:g}) or" if trainer.penalty else ""
    return where + (
        f"a gradient, though the losses are finite (discriminator {d_loss:.3g}, generator {g_loss:.3g}; "
        f"{scores}): lower{penalty} the learning rates (now {d_rate:g} and {g_rate:g}); "
        "autograd.detect_anomaly() with jit=False shows which operation"
    )


def largest(scores: Tensor) -> float:
    return float(np.abs(scores.data).max(initial=0))
