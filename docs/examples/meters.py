"""What do the meters of drawings say of images whose faults are known?

Test images are spoiled in one way each, and measured as drawings would be: real ones have to stand at the
floor, every fault above it, and each number has to show the fault that it is there for. The last column is
the mean distance in pixels to the nearest training image, where 0 is a copy.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from apps import command
from apps.digits import datasets
from docs.examples.training import table
from nn.metrics import DrawingMeter, Measurement

Array = np.ndarray[Any, Any]
HEAD = ("images", "frechet", "precision", "recall", "KL of classes", "to training")
SHOWN, QUICK = 12, 100


def spoiled(test: Array, labels: Array, train: Array, seed: int) -> dict[str, Array]:
    """Images in [0, 1], as many each as the test images, by what is wrong with them."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(test))
    test, labels = test[order], labels[order]
    side = test.shape[-1]
    return {
        "real, never trained on": test,
        "training images": train[rng.choice(len(train), len(test), replace=False)],
        "moved by one pixel": np.roll(test, 1, axis=3),
        "blurred": blurred(test, 1 if side == 8 else 2),
        "noisy": np.clip(test + 0.2 * rng.normal(size=test.shape), 0, 1),
        "upside down": test[:, :, ::-1],
        "without 0, 1 and 2": filled(test[labels > 2], len(test)),
        "the same ten over again": filled(train[:10], len(test)),
        "noise": rng.random(test.shape),
    }


def blurred(images: Array, reach: int) -> Array:
    """Each pixel the mean of those up to `reach` away."""
    side = images.shape[-1]
    padded = np.pad(images, ((0, 0), (0, 0), (reach, reach), (reach, reach)))
    steps = range(2 * reach + 1)
    parts = [padded[:, :, i : i + side, j : j + side] for i in steps for j in steps]
    return np.mean(parts, axis=0)


def filled(images: Array, count: int) -> Array:
    """The images again and again, until there are `count`."""
    return images[np.arange(count) % len(images)]


def row(name: str, found: Measurement, distance: float) -> list[str]:
    numbers = f"{found.frechet:.2f} {found.precision:.3f} {found.recall:.3f} {found.histogram.kl:.3f}"
    return [name, *numbers.split(), f"{distance:.2f}"]


def run(options: Namespace) -> int:
    name = options.dataset or "optdigits"
    folder = command.writable_folder(options.out)
    train, test = (datasets.load(name, options.data, part) for part in (True, False))
    meter = DrawingMeter(name, train, test, QUICK if options.quick else options.count, seed=options.seed or 0)
    kinds = spoiled(*test.arrays(), train.arrays()[0], options.seed or 0)
    found = {kind: meter.measure(images) for kind, images in kinds.items()}
    near = {kind: float(meter.nearest(images[:200]).distances.mean()) for kind, images in kinds.items()}
    print(f"{name}: {meter.count} images of each kind, floor {meter.floor:.2f}")
    print(table(HEAD, [row(kind, found[kind], near[kind]) for kind in kinds]))
    draw(kinds, found, meter.floor, folder / f"meters-{name}.png")
    return 0


def draw(kinds: dict[str, Array], found: dict[str, Measurement], floor: float, path: Path) -> None:
    from docs.examples import pictures  # matplotlib takes a second

    side = next(iter(kinds.values())).shape[-1]
    step = side + max(side // 7, 1)  # an image and the gap after it
    figure, axes = pictures.figure(10, 0.46 * len(kinds))
    for line, (kind, images) in enumerate(kinds.items()):
        for i in range(SHOWN):
            left, top = i * step, line * step
            place = (left, left + side, top + side, top)
            axes.imshow(images[i, 0], cmap="gray_r", vmin=0, vmax=1, extent=place)
        far = found[kind].frechet / floor
        words = f"{far:.1f} floors, precision {found[kind].precision:.2f}, recall {found[kind].recall:.2f}"
        middle = line * step + side / 2
        axes.text(-step / 3, middle, kind, ha="right", va="center", fontsize=9)
        axes.text(step * SHOWN, middle, words, va="center", fontsize=9)
    axes.set(xlim=(-4.3 * step, (SHOWN + 7) * step), ylim=(len(kinds) * step, -1), aspect="equal")
    axes.set_axis_off()
    pictures.write(figure, path)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = command.Parser(prog="python -m docs.examples.meters", description=__doc__)
    parser.set_defaults(run=run)
    parser.add_argument("--count", type=command.number(int, 10), default=2000, metavar="N",
                        help="images measured of each kind (default: 2000, or all test images)")  # fmt: skip
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} of each kind, to see that it runs")
    parser.add_argument("--out", type=Path, default=Path("runs") / "meters", metavar="FOLDER",
                        help="for the picture (default: runs/meters)")  # fmt: skip
    command.add_shared_flags(parser, datasets.NAMES, "optdigits", "", without=["output"])
    return command.run(parser, arguments)


if __name__ == "__main__":
    sys.exit(main())
