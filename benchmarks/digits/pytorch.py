"""PyTorch trains the digits app's network on MNIST: the same layers, first weights, batches, optimiser,
schedule and loss, so that what differs is PyTorch, and the random numbers of dropout.

    python -m benchmarks.digits.pytorch --model cnn --seed 0 --threads 2

The last two lines are those of `python -m apps.digits train`. In PyTorch's favour: the batches are made by
our loader, a thread of which is ahead (`torch.utils.data.DataLoader` takes images one by one), and neither
loss nor accuracy is added up.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

import nn
from apps.digits import datasets, recipes
from apps.digits.train import Settings, prepared

LAYERS: dict[type[nn.Module], Callable[[Any], torch.nn.Module]] = {
    nn.Flatten: lambda m: torch.nn.Flatten(),
    nn.ReLU: lambda m: torch.nn.ReLU(),
    nn.Dropout: lambda m: torch.nn.Dropout(m.p),
    nn.MaxPool2d: lambda m: torch.nn.MaxPool2d(m.kernel_size),
    nn.BatchNorm1d: lambda m: torch.nn.BatchNorm1d(m.num_features),
    nn.BatchNorm2d: lambda m: torch.nn.BatchNorm2d(m.num_features),
    nn.Linear: lambda m: torch.nn.Linear(m.in_features, m.out_features),
    nn.Conv2d: lambda m: torch.nn.Conv2d(
        m.in_channels, m.out_channels, m.kernel_size, padding=m.padding, bias=m.bias is not None
    ),
}


def translated(ours: nn.Sequential) -> torch.nn.Sequential:
    """The same layers of PyTorch's, with the same weights."""
    theirs = torch.nn.Sequential(*(LAYERS[type(layer)](layer) for layer in ours))
    theirs.load_state_dict({name: torch.tensor(x.data) for name, x in ours.state_dict().items()})
    return theirs


def train(settings: Settings, folder: Path | None) -> tuple[torch.nn.Sequential, float]:
    """A network that has learned, and the seconds that took."""
    images, recipe = datasets.load(settings.dataset, folder, train=True), settings.recipe
    begun = time.perf_counter()
    options = argparse.Namespace(jit=False, resume=False)
    trainer, loader = prepared(settings, images, Path("never written"), options)
    model = translated(trainer.model)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=recipe.lr, betas=recipe.betas, weight_decay=recipe.weight_decay
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.lr, epochs=recipe.epochs, steps_per_epoch=len(loader),
        pct_start=0.2, cycle_momentum=recipe.cycle_momentum,
    )  # fmt: skip
    loss_of = torch.nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing)
    for _ in range(recipe.epochs):
        for x, labels in loader:
            optimizer.zero_grad()
            loss_of(model(torch.from_numpy(x.data)), torch.from_numpy(labels.data)).backward()
            optimizer.step()
            schedule.step()
    return model, time.perf_counter() - begun


def accuracy(model: torch.nn.Sequential, dataset: str, folder: Path | None) -> float:
    """The share of the test images that it reads."""
    images, labels = map(torch.from_numpy, datasets.load(dataset, folder, train=False).arrays())
    model.eval()
    with torch.no_grad():
        found = torch.cat([model(part).argmax(1) for part in images.split(500)])
    return (found == labels).double().mean().item()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dataset", choices=("mnist", "fashion"), default="mnist")
    parser.add_argument("--model", choices=("dnn", "cnn", "quick"), default="cnn")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--data", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(given.seed)
    recipe = recipes.recipe(given.dataset, given.model)
    settings = Settings(given.dataset, given.model, given.seed, validation=0.0, recipe=recipe)
    model, seconds = train(settings, given.data)
    print(f"trained in {seconds:.1f} s")
    print(f"test accuracy {accuracy(model, given.dataset, given.data):.2%} ({settings.title})")


if __name__ == "__main__":
    main()
