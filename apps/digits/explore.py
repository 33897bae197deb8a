"""`explore`: learning on one real image, number by number.

    pixels -> 4x4 picture -> x (1, 16) -> tanh(x W1 + b1) = h (1, 6) -> h W2 + b2 = logits (1, 10)
           -> softmax = chances -> loss = -log(chance of the right class) -> gradients -> one update

Every number of the forward and backward pass comes from autograd.explain.steps.
"""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import autograd
from apps.command import UserError, backend, writable_folder
from apps.digits import datasets
from autograd import Tensor, explain

__all__ = ["Lesson", "learn", "run", "small_picture"]

Array = np.ndarray[Any, Any]

HIDDEN = 6


@dataclass
class Lesson:
    """One image, and what a small network made of it before and after one update.

    values and gradients are those of explain.steps; `after` are the values of a second forward pass with the
    updated weights, `weights` name -> array before the update, `updated` after it.
    """

    image: Array  # (H, W) whole numbers
    small: Array  # (4, 4) from 0 to 1
    label: int
    classes: tuple[str, ...]
    lr: float
    values: dict[str, Array]
    gradients: dict[str, Array]
    after: dict[str, Array]
    weights: dict[str, Array]
    updated: dict[str, Array]
    report: str  # every step, as explain prints it


def run(options: Namespace) -> int:
    from apps.digits import panels  # matplotlib takes a second

    dataset = options.dataset or "optdigits"
    data = datasets.load(dataset, options.data, train=True)
    if options.image >= len(data):
        raise UserError(f"--image {options.image}: {dataset} has training images 0 to {len(data) - 1}")
    folder = writable_folder(options.output or Path("runs/digits-explore"))
    image, label = data.images[options.image], int(data.labels[options.image])
    lesson = learn(image, data.levels, label, data.classes, options.lr, options.seed or 0)
    print(backend())
    print(f"\nTraining image {options.image} of {dataset}. Its label: {data.classes[label]}")
    print(told(lesson, data.levels))
    drawn = panels.draw(lesson, data.levels, folder)
    print(f"\nThe same as pictures, in {folder}/: {', '.join(drawn)}")
    return 0


def small_picture(image: Array, levels: int) -> Array:
    """(H, W) pixels as (4, 4) from 0 to 1: each the mean of a block of H/4 x W/4.

    >>> small_picture(np.arange(64).reshape(8, 8), 64)[0]
    array([0.0703125, 0.1015625, 0.1328125, 0.1640625])
    """
    height, width = image.shape
    out: Array = image.reshape(4, height // 4, 4, width // 4).mean(axis=(1, 3)) / levels
    return out


def learn(image: Array, levels: int, label: int, classes: tuple[str, ...], lr: float, seed: int) -> Lesson:
    """One forward pass, one backward pass, one update, and a forward pass again."""
    autograd.manual_seed(seed)
    small = small_picture(image, levels)
    inputs = {
        "x": autograd.tensor(small.reshape(1, 16), dtype=autograd.float32),
        "y": autograd.tensor(np.eye(len(classes), dtype=np.float32)[label : label + 1]),
    }
    weights = {
        "W1": autograd.randn(16, HIDDEN) / 4,  # 1 / sqrt(16): sums of 16 terms stay near 1
        "b1": autograd.zeros(HIDDEN),
        "W2": autograd.randn(HIDDEN, len(classes)) / HIDDEN**0.5,
        "b2": autograd.zeros(len(classes)),
    }
    before = {name: w.data.copy() for name, w in weights.items()}
    steps = forward(inputs, weights)
    for name, w in weights.items():  # gradient descent, the whole of it
        w.copy_(w.detach() - lr * autograd.tensor(steps.gradients[name]))
    after = forward(inputs, weights)
    return Lesson(
        image, small, label, classes, lr, steps.values, steps.gradients, after.values, before,
        {name: w.data.copy() for name, w in weights.items()}, str(steps),
    )  # fmt: skip


def forward(inputs: dict[str, Tensor], weights: dict[str, Tensor]) -> explain.Steps:
    """The network and its loss, computed under the eyes of explain."""
    w = {name: value.detach().requires_grad_() for name, value in weights.items()}
    x, y = inputs["x"], inputs["y"]
    with explain.watching():
        h = (x @ w["W1"] + w["b1"]).tanh()
        logits = h @ w["W2"] + w["b2"]
        logp = logits.log_softmax(1)
        loss = -(y * logp).sum()
    return explain.steps(loss, {**inputs, **w, "h": h, "logits": logits, "logp": logp, "loss": loss})


# In words ----------------------------------------------------------------------------------------


def told(lesson: Lesson, levels: int) -> str:
    """The walk-through as text."""
    v, g, after = lesson.values, lesson.gradients, lesson.after
    name = lesson.classes[lesson.label]
    chances, chances_after = np.exp(v["logp"][0]), np.exp(after["logp"][0])
    height, width = lesson.image.shape
    down, right = worked_weight(lesson)
    step = g["W2"][down, right]
    return f"""
1. An image is numbers: {height} x {width} pixels, 0 is paper and {levels} is ink.

{grid(lesson.image, "d")}

2. A smaller picture, so that every number fits on the page: 4 x 4, each the mean of a block
   of {height // 4} x {width // 4} pixels, divided by {levels}.

{grid(lesson.small, ".2f")}

   Row after row it is x, a matrix of 1 x 16:

{grid(v["x"], ".2f")}

3. The label as numbers: y is 1 at the place of "{name}" and 0 elsewhere ("one-hot").

{grid(v["y"], ".0f")}

4. Forward. W1 (16 x {HIDDEN}) and W2 ({HIDDEN} x {len(lesson.classes)}) are random as yet, b1 and b2 are 0.

   h = tanh(x @ W1 + b1), 1 x {HIDDEN}:

{grid(v["h"], ".3f")}

   logits = h @ W2 + b2, a score for each class:

{grid(v["logits"], ".3f")}

   softmax makes them chances: exp(score), divided by their sum. They sum to {chances.sum():.3f}.

{grid(chances[None], ".3f")}

5. The loss says how wrong that is: -log(chance of "{name}") = -log({chances[lesson.label]:.4f})\
 = {float(v["loss"]):.4f}. It would be 0
   if the network were sure, and right.

6. Backward: how much would the loss grow if a number grew a little? For the logits that is chances - y:

{grid(g["logits"], ".3f")}

   Negative at "{name}": a higher score there makes the loss smaller. Through W2 this reaches h:

{grid(g["h"], ".3f")}

   and the weights: d loss / d W2 = h^T @ (d loss / d logits), {HIDDEN} x {len(lesson.classes)}:

{grid(g["W2"], ".3f")}

   and in the same way W1, b1 and b2.

7. One update: each weight goes a step against its gradient, w - {lesson.lr:g} * gradient. For one of W2:

   W2[{down}, {right}] = {lesson.weights["W2"][down, right]:.4f} - {lesson.lr:g} * {signed(step)}\
 = {lesson.updated["W2"][down, right]:.4f}

8. Forward again, with the new weights. The chances now:

{grid(chances_after[None], ".3f")}

   "{name}" had {100 * chances[lesson.label]:.1f}%, now it has {100 * chances_after[lesson.label]:.1f}%;\
 the loss was {float(v["loss"]):.4f}, now it is {float(after["loss"]):.4f}.
   That is learning. `train` does it with thousands of images, and again and again.

Every step, with its rule and its numbers (autograd.explain.steps):

{lesson.report}"""


def worked_weight(lesson: Lesson) -> tuple[int, int]:
    """The weight of W2 with the largest gradient, as (row, column)."""
    gradient = np.abs(lesson.gradients["W2"])
    row, column = np.unravel_index(int(gradient.argmax()), gradient.shape)
    return int(row), int(column)


def signed(value: float) -> str:
    return f"{value:.4f}" if value >= 0 else f"({value:.4f})"


def grid(values: Array, spec: str) -> str:
    """Numbers in rows and columns."""
    cells = [[format(int(x) if spec == "d" else float(x), spec) for x in row] for row in values]
    width = max(len(cell) for row in cells for cell in row)
    return "\n".join("   " + " ".join(cell.rjust(width) for cell in row) for row in cells)
