"""How good a classifier is. Inputs are tensors or arrays; results are plain numbers and arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.tape import Value

__all__ = ["accuracy", "confusion_matrix", "top_k_accuracy"]


def array(x: Any) -> np.ndarray:
    return np.asarray(x.data if isinstance(x, Value) else x)


def classes_of(name: str, output: Any, labels: np.ndarray) -> np.ndarray:
    """Predicted classes from scores (*labels.shape, C), or the predicted classes themselves."""
    output = array(output)
    if output.ndim == labels.ndim + 1:
        output = output.argmax(-1)
    if output.shape != labels.shape:
        raise ValueError(f"{name}: outputs of shape {output.shape} don't fit labels of shape {labels.shape}")
    return np.asarray(output)


def accuracy(output: Any, target: Any) -> float:
    """The fraction that is right: output scores (N, C), or classes (N,); target labels (N,).

    >>> accuracy([[0.1, 0.9], [0.8, 0.2]], [1, 1])
    0.5
    """
    labels = array(target)
    right = classes_of("accuracy", output, labels) == labels
    return float(right.mean()) if right.size else float("nan")


def top_k_accuracy(output: Any, target: Any, k: int = 5) -> float:
    """The fraction whose label is among the k highest scores. output (N, C), target (N,).

    A label counts when fewer than k classes score higher than it, so ties are for it.

    >>> top_k_accuracy([[0.1, 0.3, 0.6], [0.5, 0.3, 0.2]], [1, 2], k=2)
    0.5
    """
    scores, labels = array(output), array(target)
    if scores.ndim != 2 or labels.shape != scores.shape[:1] or not 1 <= k <= scores.shape[1]:
        raise ValueError(
            f"top_k_accuracy: want scores (N, C), labels (N,) and 1 <= k <= C, got {scores.shape}, "
            f"{labels.shape} and k={k}"
        )
    if not labels.size:
        return float("nan")
    own = np.take_along_axis(scores, labels[:, None], 1)
    return float(((scores > own).sum(1) < k).mean())


def confusion_matrix(output: Any, target: Any, num_classes: int | None = None) -> np.ndarray:
    """(C, C) int64: how many samples of class [row] were taken for class [column].

    >>> confusion_matrix([0, 1, 1], [0, 0, 1])
    array([[1, 1],
           [0, 1]])
    """
    labels = array(target).ravel()
    given = array(output)
    predicted = classes_of("confusion_matrix", given, array(target)).ravel()
    if num_classes is None:
        wide = given.shape[-1] if given.ndim == array(target).ndim + 1 else 0
        num_classes = max(wide, int(max(labels.max(initial=-1), predicted.max(initial=-1))) + 1)
    both = np.concatenate([labels, predicted])
    if both.size and not (both.min() >= 0 and both.max() < num_classes):
        raise ValueError(
            f"confusion_matrix: classes {both.min()}..{both.max()} don't fit num_classes={num_classes}"
        )
    counts = np.bincount(labels * num_classes + predicted, minlength=num_classes**2)
    return counts.reshape(num_classes, num_classes)
