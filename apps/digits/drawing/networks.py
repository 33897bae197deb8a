"""The networks that draw, sized by a recipe, and those that two of them need beside them: a GAN's
discriminator, and the clouds of an autoencoder's codes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import autograd
import nn
from apps.digits.drawing.recipes import DiffusionRecipe, GANRecipe, Recipe
from nn.models import Diffusion, UNet
from nn.models.autoencoder import Autoencoder
from nn.models.gan import (
    DCGANDiscriminator,
    DCGANGenerator,
    PointDiscriminator,
    PointGenerator,
)
from nn.models.vae import VAE

__all__ = [
    "Clouds", "Coder", "DenseDiscriminator", "DenseGenerator", "build", "check", "discriminator",
]  # fmt: skip

Array = np.ndarray[Any, Any]


def build(model: str, side: int, classes: int, recipe: Any) -> nn.Module:
    """What draws images (N, 1, side, side) in [0, 1] of so many classes; ValueError for widths that the image
    has no room for."""
    shape, told = (1, side, side), classes if getattr(recipe, "conditional", False) else None
    if model == "autoencoder":
        return Coder(Autoencoder(shape, recipe.widths, recipe.code), classes)
    if model == "vae":
        return VAE(shape, recipe.widths, recipe.code, beta=recipe.beta)
    if model == "gan":
        return DenseGenerator(side, recipe.latent, recipe.widths, told)
    if model in ("dcgan", "wgan-gp"):
        return DCGANGenerator(side, 1, recipe.latent, recipe.widths, classes=told)
    if model == "diffusion":
        return diffusion(side, shape, told, recipe)
    raise ValueError(f"an unknown model: {model}")


def discriminator(model: str, side: int, classes: int, recipe: Any) -> nn.Module:
    """Who judges what build() draws. A gradient penalty is of each image on its own, so there is no batch
    norm (Gulrajani et al. 2017)."""
    told = classes if recipe.conditional else None
    if model == "gan":
        return DenseDiscriminator(side, recipe.widths[::-1], told)
    norm = "layer" if recipe.penalty else "batch"
    return DCGANDiscriminator(side, 1, recipe.widths, norm, classes=told)


def diffusion(side: int, shape: Sequence[int], classes: int | None, recipe: DiffusionRecipe) -> Diffusion:
    first = recipe.widths[0]
    if any(width % first for width in recipe.widths):
        raise ValueError(f"UNet: widths must be multiples of the first, got {recipe.widths}")
    multiples = [width // first for width in recipe.widths]
    network = UNet(side, 1, first, multiples, attention=8 if side > 8 else 4, classes=classes)
    return Diffusion(
        network, shape, timesteps=recipe.timesteps, schedule=recipe.schedule, objective=recipe.objective
    )


def check(model: str, side: int, recipe: Recipe) -> None:
    """ValueError where the networks can't be made."""
    build(model, side, 10, recipe)
    if isinstance(recipe, GANRecipe):
        discriminator(model, side, 10, recipe)


# The GAN of 2014 -----------------------------------------------------------------------------------


class DenseGenerator(PointGenerator):
    """z (N, latent) -> images (N, 1, side, side) in [0, 1]: layers of `widths`, batch norm and ReLU, tanh.

    >>> DenseGenerator(8, latent=4, widths=(16,)).sample(3).shape
    (3, 1, 8, 8)
    """

    def __init__(self, side: int, latent: int, widths: Sequence[int], classes: int | None = None) -> None:
        super().__init__(latent, widths, side * side, classes=classes)
        self.side = side

    def forward(self, z: Any, classes: Any = None) -> Any:
        pixels = super().forward(z, classes)
        return (0.5 * autograd.tanh(pixels) + 0.5).reshape(len(z), 1, self.side, self.side)


class DenseDiscriminator(PointDiscriminator):
    """Images (N, 1, side, side) in [0, 1] -> scores (N,): layers of `widths` with LeakyReLU.

    >>> DenseDiscriminator(8, widths=(16,))(autograd.zeros(3, 1, 8, 8)).shape
    (3,)
    """

    def __init__(self, side: int, widths: Sequence[int], classes: int | None = None) -> None:
        super().__init__(widths, side * side, classes=classes)

    def forward(self, x: Any, classes: Any = None) -> Any:
        return super().forward((2.0 * x - 1.0).reshape(len(x), -1), classes)


# An autoencoder that draws -------------------------------------------------------------------------


class Clouds(nn.Module):
    """Where the codes of each class lie: a normal distribution a class, to draw new codes from.

    An autoencoder learns no distribution of codes, so one is laid around those of the training images once
    it has learned (Ghosh et al. 2020, "From variational to deterministic autoencoders").

    >>> clouds = Clouds(2, code=3)
    >>> clouds.settle(np.random.default_rng(0).normal(5, 1, (50, 3)), np.arange(50) % 2)
    >>> clouds.draw(np.array([0, 1, 1]), autograd.Generator(0)).shape
    (3, 3)
    """

    mean: autograd.Tensor
    factor: autograd.Tensor

    def __init__(self, classes: int, code: int) -> None:
        super().__init__()
        self.register_buffer("mean", autograd.zeros(classes, code))
        self.register_buffer("factor", autograd.zeros(classes, code, code))  # of the covariance, L L^T

    def settle(self, codes: Array, labels: Array) -> None:
        """Lay them around codes (N, code) of images with labels (N,)."""
        classes, size = self.mean.shape
        mean, factor = np.zeros((classes, size)), np.zeros((classes, size, size))
        for k in range(classes):
            own = codes[labels == k].astype(np.float64)
            if len(own) < 2:
                continue
            mean[k] = own.mean(0)
            spread = np.atleast_2d(np.cov(own, rowvar=False))
            factor[k] = np.linalg.cholesky(spread + 1e-6 * (1 + np.trace(spread) / size) * np.eye(size))
        with autograd.no_grad():
            self.mean.copy_(autograd.tensor(mean.astype(np.float32)))
            self.factor.copy_(autograd.tensor(factor.astype(np.float32)))

    def draw(self, labels: Array, generator: autograd.Generator) -> Array:
        """A code (N, code) for each label (N,)."""
        z = generator.normal((len(labels), self.mean.shape[1]), np.float32)
        code: Array = self.mean.data[labels] + np.einsum("nij,nj->ni", self.factor.data[labels], z)
        return code


class Coder(nn.Module):
    """An autoencoder and the clouds of its codes."""

    def __init__(self, autoencoder: Autoencoder, classes: int) -> None:
        super().__init__()
        self.autoencoder = autoencoder
        self.clouds = Clouds(classes, autoencoder.code)

    def forward(self, x: Any) -> Any:
        return self.autoencoder(x)

    def loss(self, output: Any, target: Any) -> Any:
        return self.autoencoder.loss(output, target)

    def encode(self, x: Any) -> Any:
        return self.autoencoder.encode(x)

    def decode(self, code: Any) -> Any:
        return self.autoencoder.decode(code)
