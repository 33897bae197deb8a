"""How each model that draws is trained, by dataset: sizes, rates, and how long."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from apps.command import UserError

__all__ = ["MODELS", "CodeRecipe", "DiffusionRecipe", "GANRecipe", "Recipe", "read", "recipe"]


@dataclass(frozen=True)
class Recipe:
    """Adam; its rate goes through one cycle, but for GANs, whose game needs one that stays."""

    epochs: int
    lr: float
    batch_size: int = 64
    widths: tuple[int, ...] = ()
    betas: tuple[float, float] = (0.9, 0.999)


@dataclass(frozen=True)
class CodeRecipe(Recipe):
    """Autoencoders and VAEs: `widths` units between the pixels and the code, in the decoder reversed."""

    code: int = 16
    beta: float = 1.0  # of a VAE: what a nat of KL costs; below 1, drawings are sharper


@dataclass(frozen=True)
class GANRecipe(Recipe):
    """`widths` are units of "gan" from the latent numbers on (the discriminator's reversed), channels of
    "dcgan" and "wgan-gp" from the image inwards."""

    latent: int = 64
    betas: tuple[float, float] = (0.5, 0.999)  # Radford et al. 2016
    objective: str = "gan"
    d_steps: int = 1
    penalty: float = 0.0
    average: float = 0.999
    conditional: bool = False


@dataclass(frozen=True)
class DiffusionRecipe(Recipe):
    """`widths` are the U-Net's channels at each side, 8 and 4, or 28, 14 and 7."""

    timesteps: int = 1000
    schedule: str = "cosine"
    objective: str = "v"
    average: float = 0.999
    conditional: bool = True
    steps: int = 50  # on the way back when it draws
    eta: float = 0.0  # how much of the noise is new at each of these: 0 none (DDIM), 1 as much as DDPM has
    guidance: float = 1.0


CRITIC: dict[str, Any] = {  # Gulrajani et al. 2017
    "objective": "wgan", "d_steps": 5, "penalty": 10.0, "betas": (0.0, 0.9), "conditional": True,
}  # fmt: skip

RECIPES: dict[tuple[str, str], Recipe] = {
    ("optdigits", "autoencoder"): CodeRecipe(80, 3e-3, widths=(256, 128), code=12),
    ("optdigits", "vae"): CodeRecipe(240, 3e-3, widths=(512, 256), code=12, beta=0.4),
    ("optdigits", "gan"): GANRecipe(150, 4e-4, widths=(128, 256), latent=32),
    ("optdigits", "dcgan"): GANRecipe(60, 4e-4, widths=(64, 128), latent=32, conditional=True),
    ("optdigits", "wgan-gp"): GANRecipe(90, 4e-4, widths=(32, 64), latent=32, **CRITIC),
    ("optdigits", "diffusion"): DiffusionRecipe(60, 2e-3, widths=(32, 64)),
    ("mnist", "autoencoder"): CodeRecipe(20, 2e-3, 128, widths=(1000, 500, 250), code=30),
    ("mnist", "vae"): CodeRecipe(25, 2e-3, 128, widths=(512, 256), code=20, beta=0.4),
    ("mnist", "gan"): GANRecipe(20, 2e-4, 128, widths=(256, 512, 1024), latent=64),
    ("mnist", "dcgan"): GANRecipe(20, 2e-4, 128, widths=(64, 128), latent=64, conditional=True),
    ("mnist", "wgan-gp"): GANRecipe(10, 4e-4, 64, widths=(32, 64), latent=64, **CRITIC),
    ("mnist", "diffusion"): DiffusionRecipe(15, 1e-3, 128, (32, 64, 64), eta=1.0, guidance=1.15),
}  # fmt: skip
MODELS = tuple(model for dataset, model in RECIPES if dataset == "optdigits")


def usual(dataset: str, model: str) -> Recipe:
    return RECIPES["optdigits" if dataset == "optdigits" else "mnist", model]


def recipe(dataset: str, model: str, **changes: Any) -> Recipe:
    """The recipe for a dataset and model, with what the user wants otherwise (None: as it is).

    UserError, one line, for what it has not.
    """
    chosen, given = usual(dataset, model), {k: v for k, v in changes.items() if v is not None}
    for name in given:
        if not hasattr(chosen, name):
            raise UserError(f"--{name} is for models that read (dnn, cnn, quick); --model {model} draws")
    return replace(chosen, **given)


def read(dataset: str, model: str, fields: dict[str, Any]) -> Recipe:
    """The recipe whose fields these are; TypeError where they are of another kind."""
    return type(usual(dataset, model))(**fields)
