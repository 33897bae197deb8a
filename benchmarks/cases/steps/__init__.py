"""Training steps: forward, backward and update, on one batch that stays the same.

models.py, sequences.py   the networks, written once
library.py                a library as they see it
training.py               the steps, which our side and eager PyTorch share
side_jax.py               the same as one jitted function; jax_nn.py and jax_sequences.py have its layers
side_pytorch_compile.py   the same as one compiled graph
updates.py                SGD and Adam for those two

Every side gets the same weights, images and labels. Before any step is timed the losses of the first four
must agree, with dropout off.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from benchmarks.cases import Case, Inputs, Row, Sizes
from benchmarks.cases.steps.models import NOISE
from benchmarks.cases.steps.sequences import INPUTS, STEPS, TOKENS, WIDTH

CLASSES = 10
IMAGE = (1, 28, 28)
SHAPES = {"playground": (2,), "mlp": (784,), "wide_mlp": (784,)}  # of one input; else IMAGE


def initial(shapes: Iterable[tuple[int, ...]]) -> list[np.ndarray]:
    """Weights for parameters of these shapes, scaled by the inputs of each unit: small, so that nothing
    saturates, and the same on every side."""
    rng = np.random.default_rng(7)
    scales = ((shape, 1 / np.sqrt(np.prod(shape[1:], dtype=float))) for shape in shapes)
    return [rng.standard_normal(shape, np.float32) * np.float32(min(scale, 0.1)) for shape, scale in scales]


def inputs(sizes: Sizes, rng: np.random.Generator) -> Inputs:
    batch, model = int(sizes["batch"]), str(sizes["model"])
    if model in TOKENS:
        shape = (batch, TOKENS[model], WIDTH)
        return {"x": rng.standard_normal(shape, np.float32), "target": rng.standard_normal(shape, np.float32)}
    if model in RECURRENT:
        x = rng.standard_normal((STEPS, batch, INPUTS), np.float32)
        return {"x": x, "target": rng.integers(0, CLASSES, batch)}
    x = rng.standard_normal((batch, *SHAPES.get(model, IMAGE)), np.float32)
    if model == "playground":
        return {"x": x, "target": np.sign(x[:, :1] * x[:, 1:])}
    if model == "dcgan":
        noise = rng.standard_normal((batch, NOISE, 1, 1), np.float32)
        ones = np.ones((batch, 1), np.float32)
        return {"x": np.tanh(x), "noise": noise, "ones": ones, "zeros": 0 * ones}
    if model == "unet":
        time = rng.integers(0, 1000, batch).astype(np.float32)
        return {"x": x, "time": time, "target": rng.standard_normal(x.shape, np.float32)}
    return {"x": x, "target": rng.integers(0, CLASSES, batch)}


def without_dropout(sizes: Sizes) -> Sizes:
    return {**sizes, "dropout": False}


CONVOLUTIONS = ("lenet5", "mnist_cnn", "dcgan", "unet")


RECURRENT = ("lstm", "gru", "rnn")


def peers(model: str) -> tuple[str, ...]:
    if model in RECURRENT:  # which torch.compile (2.13) does not take into a graph
        return ("pytorch", "jax")
    layouts = ("pytorch_channels_last",) if model in CONVOLUTIONS else ()
    return ("pytorch", *layouts, "pytorch_compile", "jax")


def row(
    label: str, model: str, batch: int, optimizer: str, dropout: bool = False, quick: bool = False
) -> Row:
    sizes: Sizes = {"model": model, "batch": batch, "optimizer": optimizer, "dropout": dropout}
    return Row(label, sizes, peers(model), quick)


CASE = Case(
    name="steps",
    rows=(
        row("playground 2-8-8-1 tanh, batch 10, SGD", "playground", 10, "sgd", quick=True),
        row("MLP 784-128-10, batch 64, Adam", "mlp", 64, "adam", quick=True),
        row("MLP 784-512-256-10, batch 128, Adam", "wide_mlp", 128, "adam"),
        row("LeNet-5, batch 64, Adam", "lenet5", 64, "adam"),
        row("MNIST CNN 32-64, dropout, batch 64, Adam", "mnist_cnn", 64, "adam", dropout=True),
        row("DCGAN 28x28 (64-128), batch 64, D and G step", "dcgan", 64, "adam"),
        row("DDPM U-Net c=32, 28x28, batch 32, Adam", "unet", 32, "adam"),
        row("LSTM 32-128, T=50, batch 32, Adam", "lstm", 32, "adam", quick=True),
        row("GRU 32-128, T=50, batch 32, Adam", "gru", 32, "adam"),
        row("RNN 32-128, T=50, batch 32, Adam", "rnn", 32, "adam"),
        row("Transformer block d=256, T=256, batch 8, Adam", "transformer", 8, "adam"),
        row("Transformer block d=256, T=4096, batch 1, Adam", "long_transformer", 1, "adam"),
    ),
    inputs=inputs,
    tolerance=1e-3,
    checked=4,
    check=without_dropout,
)
