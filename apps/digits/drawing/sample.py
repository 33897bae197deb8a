"""`sample`: a painter draws, as many images as asked for and of the classes asked for; beside some of them
stand the training images that are nearest, so that one sees whether they were drawn or remembered."""

from __future__ import annotations

import math
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from apps.command import UserError, backend, writable_folder
from apps.digits import datasets
from apps.digits.drawing import grids
from apps.digits.drawing.painters import Painter, load
from autograd import Generator
from nn.data import Digits
from nn.metrics import class_histogram, features, nearest_neighbours

__all__ = ["GRID", "Sample", "chosen_way", "draw_pictures", "run"]

Array = np.ndarray[Any, Any]
GRID = 100
BESIDE = 10  # drawings in a row that are compared
WIDEST = 20  # drawings in a row of one class
COMPARED = 500  # test images whose distances to the training images are the scale


class Sample:
    """`count` drawings, or a few more, so that the rows of the grid are full."""

    def __init__(
        self, painter: Painter, count: int, seed: int, classes: Sequence[int] | None = None, **way: Any
    ) -> None:
        if painter.can_be_asked:
            rows = list(classes or range(len(painter.card.classes)))
            each = -(-count // len(rows))
            down = -(-each // WIDEST)
            self.columns = -(-each // down)
            self.labels: Array | None = np.repeat(np.array(rows, np.int64), down * self.columns)
            self.rows = [name for k in rows for name in [painter.card.classes[k], *[""] * (down - 1)]]
        else:
            self.columns = math.ceil(math.sqrt(count))
            self.labels, self.rows = None, []
        self.drawings = painter.draw(
            count if self.labels is None else len(self.labels), Generator(seed), self.labels,
            show=True, **way,
        )  # fmt: skip


def draw_pictures(
    drawn: Sample, counts: Array, asked: Array | None, train: Digits, test: Digits, title: str, folder: Path
) -> str:
    """samples.png and neighbours.png. counts (C,): what so many drawings are taken for; asked: the classes
    that were asked for, if they are to be compared with them and not with the data. Returns what the second
    shows, in a line."""
    labels = train.labels if asked is None else asked
    shares = np.bincount(labels, minlength=len(train.classes)) / len(labels)
    grids.samples(
        drawn.drawings, drawn.columns, drawn.rows, counts, shares, train.classes, f"{title}: drawings",
        folder / "samples.png", "in the data" if asked is None else "asked for",
    )  # fmt: skip
    images = train.arrays()[0]
    found = nearest_neighbours(drawn.drawings, images)
    distances = found.distances[:, 0]
    some = np.random.default_rng(0).permutation(len(test))[:COMPARED]
    others = nearest_neighbours(test.batch(some)[0], images).distances
    usual, own = float(np.median(others)), float(np.median(distances))
    total, below = len(distances), f"(median distance {own:.2f}; of test images {usual:.2f})"
    whose = f"any {BESIDE} drawings" if total > BESIDE else f"all {total} drawings"
    if total == 1:
        whose, below = "the drawing", f"(distance {own:.2f}; of test images {usual:.2f}, the median)"
    captions = [f"{whose}, and below the nearest training image {below}"]
    picked = np.random.default_rng(0).permutation(total)[None, :BESIDE]
    if total > BESIDE:
        captions.append(f"the {BESIDE} of {total:,} that are nearest to a training image")
        picked = np.concatenate([picked, np.argsort(distances, kind="stable")[None, :BESIDE]])
    grids.neighbours(
        drawn.drawings[picked, 0], images[found.indices[picked, 0], 0], distances[picked], captions,
        f"{title}: drawn or remembered?", folder / "neighbours.png",
    )  # fmt: skip
    return f"distance to the nearest training image: median {own:.2f}, of test images {usual:.2f}"


def run(options: Namespace) -> int:
    painter = load(options.checkpoint, options.dataset)
    card, way = painter.card, chosen_way(painter, options)
    if options.classes and not painter.can_be_asked:
        raise UserError(f"--classes: --model {card.model} draws what it likes; autoencoder, dcgan, wgan-gp "
                        "and diffusion draw what they are asked for")  # fmt: skip
    if any(k >= len(card.classes) for k in options.classes or ()):
        raise UserError(f"--classes: want numbers from 0 to {len(card.classes) - 1}")
    train, test = (datasets.load(card.dataset, options.data, train=part) for part in (True, False))
    beside = options.checkpoint if options.checkpoint.is_dir() else options.checkpoint.parent
    folder = writable_folder(options.output or beside / "drawn")  # train's own sheets stay
    print(backend(), flush=True)
    seed = options.seed or 0
    drawn = Sample(painter, options.count or GRID, seed, options.classes, **way)
    taken = features(card.dataset).classify(drawn.drawings)
    wanted = train.labels if drawn.labels is None else drawn.labels
    histogram = class_histogram(taken, wanted, len(card.classes))
    title = f"{datasets.TITLES[card.dataset]}, {card.model} of seed {card.seed}, drawn with seed {seed}"
    told = draw_pictures(drawn, histogram.counts, drawn.labels, train, test, title, folder)
    print(told)
    print(f"wrote {folder}/samples.png and neighbours.png")
    agreed = "" if drawn.labels is None else f"; {100 * np.mean(taken == drawn.labels):.1f}% as asked"
    classes = str(histogram).removesuffix(" (KL inf)")  # one was taken for a class that nobody asked for
    print(f"drawn {len(taken)}: {classes}{agreed}")
    return 0


def chosen_way(painter: Painter, options: Namespace) -> dict[str, Any]:
    """--steps and --guidance, which only a diffusion has."""
    recipe, way = painter.card.recipe, {}
    for name in ("steps", "guidance"):
        value = getattr(options, name)
        if value is None:
            continue
        if painter.card.model != "diffusion":
            raise UserError(f"--{name} is for a diffusion, which draws step by step, not for --model "
                            f"{painter.card.model}")  # fmt: skip
        way[name] = value
    if way.get("steps", 0) > getattr(recipe, "timesteps", 0):
        raise UserError(f"--steps: this diffusion has {recipe.timesteps} steps (0: all of them), got "
                        f"{way['steps']}")  # fmt: skip
    if way.get("guidance", 1.0) != 1.0 and not painter.can_be_asked:
        raise UserError("--guidance leads to a class; this diffusion was trained without classes")
    return way
