"""Training steps of the models that draw, on one batch that stays the same: ours is a program (autograd.jit),
PyTorch is eager.

training.py       the steps and the small networks, which both sides share; DCGAN's are those of `steps`
pytorch_unet.py   nn.models.UNet once more, in PyTorch

What is random in training (noise, times, where gradients are penalised) is given with the batch, the same to
both. Before any step is timed the losses of the first four must agree.
"""

from __future__ import annotations

import numpy as np

from benchmarks.cases import Case, Inputs, Row, Sizes
from benchmarks.cases.drawing.training import CODE
from benchmarks.cases.steps.models import NOISE

IMAGE = (1, 28, 28)


def inputs(sizes: Sizes, rng: np.random.Generator) -> Inputs:
    batch, model = int(sizes["batch"]), str(sizes["model"])
    if model in ("autoencoder", "vae"):
        x = rng.random((batch, 784), np.float32)
        return {"x": x} if model == "autoencoder" else {"x": x, "noise": normal(rng, batch, CODE)}
    x = np.tanh(normal(rng, batch, *IMAGE))
    if model == "unet":
        return {"x": x, "time": rng.integers(0, 1000, batch), "target": normal(rng, batch, *IMAGE)}
    noise = normal(rng, batch, NOISE, 1, 1)
    if model == "wgan_gp":
        return {"x": x, "noise": noise, "places": rng.random((batch, 1, 1, 1), np.float32)}
    ones = np.ones((batch, 1), np.float32)
    return {"x": x, "noise": noise, "ones": ones, "zeros": 0 * ones}


def normal(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape, np.float32)


def row(label: str, model: str, batch: int, images: bool = True, quick: bool = False) -> Row:
    peers = ("pytorch", "pytorch_channels_last") if images else ("pytorch",)
    return Row(label, {"model": model, "batch": batch}, peers, quick)


CASE = Case(
    name="drawing",
    rows=(
        row("autoencoder 784-1000-500-250-30, batch 128", "autoencoder", 128, images=False),
        row("VAE 784-400-20, batch 128", "vae", 128, images=False, quick=True),
        row("DCGAN 28x28 (64-128), batch 64, D and G step", "dcgan", 64),
        row("WGAN-GP 28x28 (64-128), batch 64, D and G step", "wgan_gp", 64),
        row("diffusion, U-Net c=32 (1, 2, 4), 28x28, batch 64", "unet", 64),
    ),
    inputs=inputs,
    tolerance=1e-3,
    checked=4,
)
