"""What a generator and a discriminator minimise: objectives, the gradient penalty, clipped weights, packs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import autograd
from autograd.ops.random import Generator
from autograd.ops.update import assign
from autograd.tape import no_grad
from nn.layers.norms import BatchNorm
from nn.module import Module

__all__ = ["Objective", "clip_weights_", "gradient_penalty", "objective", "pack"]


class Objective(NamedTuple):
    """What both sides minimise: `discriminator` of (real scores, fake scores), `generator` of (fake scores);
    each gives a scalar, the mean over the batch."""

    name: str
    discriminator: Callable[[Any, Any], Any]
    generator: Callable[[Any], Any]


OBJECTIVES = {
    # Goodfellow et al. 2014, with the generator's loss that does not saturate: -log sigmoid(D(G(z)))
    "gan": Objective(
        "gan",
        lambda real, fake: autograd.softplus(-real).mean() + autograd.softplus(fake).mean(),
        lambda fake: autograd.softplus(-fake).mean(),
    ),
    # Mao et al. 2017, equation 9: targets 1 for real, 0 for fake, 1 for the generator
    "lsgan": Objective(
        "lsgan",
        lambda real, fake: 0.5 * ((real - 1.0) ** 2).mean() + 0.5 * (fake**2).mean(),
        lambda fake: 0.5 * ((fake - 1.0) ** 2).mean(),
    ),
    # Arjovsky et al. 2017: the critic's estimate of the earth mover's distance is minus its loss
    "wgan": Objective(
        "wgan",
        lambda real, fake: fake.mean() - real.mean(),
        lambda fake: -fake.mean(),
    ),
    # Lim and Ye 2017; the loss of spectral normalisation's paper
    "hinge": Objective(
        "hinge",
        lambda real, fake: autograd.relu(1.0 - real).mean() + autograd.relu(1.0 + fake).mean(),
        lambda fake: -fake.mean(),
    ),
}


def objective(name: str) -> Objective:
    """The objective "gan" (does not saturate), "lsgan", "wgan" or "hinge", of scores without a sigmoid.

    >>> scores = autograd.zeros(4)
    >>> loss = objective("gan")
    >>> round(loss.discriminator(scores, scores).item(), 4), round(loss.generator(scores).item(), 4)
    (1.3863, 0.6931)
    """
    if name not in OBJECTIVES:
        known = ", ".join(map(repr, OBJECTIVES))
        raise ValueError(f"objective: want one of {known}, got {name!r}")
    return OBJECTIVES[name]


def pack(x: Any, m: int) -> Any:
    """m examples that follow each other as one of m times the channels: (N, C, ...) -> (N / m, m C, ...).

    >>> pack(autograd.arange(8).reshape(4, 2), 2).tolist()
    [[0, 1, 2, 3], [4, 5, 6, 7]]
    """
    if m < 1 or len(x) % m:
        raise ValueError(f"pack: {len(x)} examples can't be packed by {m}")
    return x if m == 1 else x.reshape(len(x) // m, m * x.shape[1], *x.shape[2:])


def gradient_penalty(
    discriminator: Module,
    real: Any,
    fake: Any,
    classes: Any = None,
    target: float = 1.0,
    generator: Generator | None = None,
) -> Any:
    """The mean of (|gradient of D at x| - target)^2 at random places x between real and fake examples.

    x = fake + epsilon (real - fake) with one uniform epsilon an example, or a pack where the discriminator
    packs, as the norm is; Gulrajani et al. 2017, algorithm 1, times their lambda (10). target=0 draws all
    gradients towards zero, with which a GAN's training converges (Thanh-Tung et al. 2019).

    real, fake (N, ...); `classes` (N,) of a conditional discriminator; epsilon comes from `generator`, or the
    default one. ValueError for shapes that differ, and for a discriminator with batch norm: there the scores
    of a batch depend on each other, and no gradient belongs to one of them.

    >>> import nn
    >>> critic = nn.Sequential(nn.Linear(2, 1, bias=False))      # its gradient is its weight, everywhere
    >>> critic.load_state_dict({"0.weight": autograd.tensor([[3.0, 4.0]])}).missing_keys
    []
    >>> gradient_penalty(critic, autograd.randn(8, 2), autograd.randn(8, 2)).item()
    16.0
    """
    if tuple(real.shape) != tuple(fake.shape):
        raise ValueError(
            f"gradient_penalty: want real and fake of one shape, got {tuple(real.shape)} and "
            f"{tuple(fake.shape)}"
        )
    if any(isinstance(module, BatchNorm) for module in discriminator.modules()):
        raise ValueError(
            "gradient_penalty: the discriminator has batch norm, with which its gradients are of the whole "
            'batch; make it with norm="layer" or "none"'
        )
    packing = getattr(discriminator, "packing", 1)
    if not len(real) or len(real) % packing:
        raise ValueError(f"gradient_penalty: want one or more packs of {packing} examples, got {len(real)}")
    packs, ones = len(real) // packing, [1] * (len(real.shape) - 1)
    real, fake = real.detach(), fake.detach()
    epsilon = autograd.rand(packs, 1, dtype=real.dtype, generator=generator).expand(packs, packing)
    mixed = (fake + epsilon.reshape(len(real), *ones) * (real - fake)).requires_grad_()
    scores = discriminator(mixed) if classes is None else discriminator(mixed, classes)
    (slope,) = autograd.grad(scores.sum(), mixed, create_graph=True)
    slope = slope.reshape(packs, -1)
    if target == 0:
        return (slope * slope).sum(1).mean()  # the norm itself has a kink at 0
    return ((autograd.norm(slope, 2, 1) - target) ** 2).mean()


def clip_weights_(module: Module, bound: float) -> None:
    """Limit all parameters, in place, to [-bound, bound] (Arjovsky et al. 2017, with bound 0.01).

    >>> import nn
    >>> layer = nn.Linear(2, 2)
    >>> clip_weights_(layer, 0.01)
    >>> layer.weight.abs().max().item() <= 0.01
    True
    """
    if not bound > 0:
        raise ValueError(f"clip_weights_: want a bound > 0, got {bound}")
    with no_grad():
        for parameter in module.parameters():
            assign(parameter, autograd.clamp(parameter, -bound, bound))
