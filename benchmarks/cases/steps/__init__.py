"""Training steps: forward, backward and update, on one batch that stays the same.

The models are written once, in the names that our `nn` and PyTorch's share; every side gets the same
weights, images and labels. Before any step is timed the losses of the first four must agree, with
dropout off.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import ModuleType

import numpy as np

from benchmarks.cases import Case, Inputs, Row, Sizes

CLASSES = 10


def playground(nn: ModuleType, dropout: bool):  # type: ignore[no-untyped-def]
    return nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 1), nn.Tanh())


def mlp(nn: ModuleType, dropout: bool):  # type: ignore[no-untyped-def]
    return nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))


def wide_mlp(nn: ModuleType, dropout: bool):  # type: ignore[no-untyped-def]
    return nn.Sequential(
        nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 10)
    )  # fmt: skip


def lenet5(nn: ModuleType, dropout: bool):  # type: ignore[no-untyped-def]
    """LeCun et al. 1998, with today's ReLU and max pooling."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip


def mnist_cnn(nn: ModuleType, dropout: bool):  # type: ignore[no-untyped-def]
    """The network of PyTorch's MNIST example."""
    quarter, half = ([nn.Dropout(0.25)], [nn.Dropout(0.5)]) if dropout else ([], [])
    return nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), *quarter,
        nn.Flatten(), nn.Linear(9216, 128), nn.ReLU(), *half, nn.Linear(128, 10),
    )  # fmt: skip


# name: (builder, one input's shape)
MODELS = {
    "playground": (playground, (2,)),
    "mlp": (mlp, (784,)),
    "wide_mlp": (wide_mlp, (784,)),
    "lenet5": (lenet5, (1, 28, 28)),
    "mnist_cnn": (mnist_cnn, (1, 28, 28)),
}


def initial(shapes: Iterable[tuple[int, ...]]) -> list[np.ndarray]:
    """Weights for parameters of these shapes, scaled by the inputs of each unit: small, so that nothing
    saturates, and the same on every side."""
    rng = np.random.default_rng(7)
    scales = ((shape, 1 / np.sqrt(np.prod(shape[1:], dtype=float))) for shape in shapes)
    return [rng.standard_normal(shape, np.float32) * np.float32(min(scale, 0.1)) for shape, scale in scales]


def inputs(sizes: Sizes, rng: np.random.Generator) -> Inputs:
    batch, model = int(sizes["batch"]), str(sizes["model"])
    x = rng.standard_normal((batch, *MODELS[model][1]), np.float32)
    if model == "playground":
        return {"x": x, "target": np.sign(x[:, :1] * x[:, 1:])}
    return {"x": x, "target": rng.integers(0, CLASSES, batch)}


def without_dropout(sizes: Sizes) -> Sizes:
    return {**sizes, "dropout": False}


def row(
    label: str, model: str, batch: int, optimizer: str, dropout: bool = False, quick: bool = False
) -> Row:
    sizes: Sizes = {"model": model, "batch": batch, "optimizer": optimizer, "dropout": dropout}
    # (JAX without dropout only: the layers of side_jax.py draw nothing.)
    return Row(label, sizes, ("pytorch",) if dropout else ("pytorch", "jax"), quick)


CASE = Case(
    name="steps",
    rows=(
        row("playground 2-8-8-1 tanh, batch 10, SGD", "playground", 10, "sgd", quick=True),
        row("MLP 784-128-10, batch 64, Adam", "mlp", 64, "adam", quick=True),
        row("MLP 784-512-256-10, batch 128, Adam", "wide_mlp", 128, "adam"),
        row("LeNet-5, batch 64, Adam", "lenet5", 64, "adam"),
        row("MNIST CNN 32-64, dropout, batch 64, Adam", "mnist_cnn", 64, "adam", dropout=True),
    ),
    inputs=inputs,
    tolerance=1e-3,
    checked=4,
    check=without_dropout,
)
