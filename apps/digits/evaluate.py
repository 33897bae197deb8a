"""`evaluate`: how well a trained network reads the test images, class by class."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from typing import Any

import numpy as np

import autograd
import nn
from apps.command import backend, writable_folder
from apps.digits import checkpoint, datasets

__all__ = ["probabilities", "run"]

Array = np.ndarray[Any, Any]


def probabilities(model: nn.Module, images: Array, batch: int = 500) -> Array:
    """What the network makes of images (N, 1, H, W): its probability for each class, (N, C)."""
    model.eval()
    parts = []
    with autograd.no_grad():
        for i in range(0, len(images), batch):
            parts.append(model(autograd.from_numpy(images[i : i + batch])).softmax(1).data)
    return np.concatenate(parts)


def run(options: Namespace) -> int:
    from apps.digits import pictures  # matplotlib takes a second: not where nothing is drawn

    model, card = checkpoint.load_model(options.checkpoint, options.dataset)
    data = datasets.load(card.dataset, options.data, train=False)
    beside = options.checkpoint if options.checkpoint.is_dir() else options.checkpoint.parent
    folder = writable_folder(options.output or beside)
    print(backend())
    images, labels = data.arrays()
    chances = probabilities(model, images)
    matrix = nn.metrics.confusion_matrix(chances, labels, len(data.classes))
    print(table(matrix, data.classes))
    title = f"{datasets.TITLES[card.dataset]}, {card.model}, seed {card.seed}"
    pictures.confusion(matrix, data.classes, f"{title}, test images", folder / "confusion.png")
    print(f"wrote {folder / 'confusion.png'}")
    print(f"test accuracy {100 * nn.metrics.accuracy(chances, labels):.2f}% ({title})")
    return 0


def table(matrix: Array, classes: Sequence[str]) -> str:
    """A line per class: of the images of it, how many were recognised (recall); of those taken for it, how
    many were (precision); what it was taken for most.

    >>> print(table(np.array([[9, 1], [0, 10]]), ["a", "b"]))
    class  images  right  recall  precision  mostly taken for
    a          10      9   90.0%     100.0%  b (1)
    b          10     10  100.0%      90.9%
    """
    width = max(5, *(len(name) for name in classes))
    lines = [f"{'class':<{width}}  images  right  recall  precision  mostly taken for"]
    for i, name in enumerate(classes):
        count, taken, right = int(matrix[i].sum()), int(matrix[:, i].sum()), int(matrix[i, i])
        recall = f"{100 * right / count:.1f}%" if count else "-"
        precision = f"{100 * right / taken:.1f}%" if taken else "-"
        others = matrix[i].copy()
        others[i] = 0
        worst = int(others.argmax())
        line = f"{name:<{width}}  {count:>6}  {right:>5}  {recall:>6}  {precision:>9}"
        lines.append(line + (f"  {classes[worst]} ({others[worst]})" if others[worst] else ""))
    return "\n".join(lines)
