"""`animate`: a painter in motion, as GIFs.

learning   what it drew after each epoch, of the same random numbers
forger     the same of a GAN: the forger's pictures, and what the detective, its discriminator, took for real
ink-drop   a diffusion's two ways: real images step by step into noise, noise step by step into images
walk       of one that draws from codes: the images on the way between them
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from apps.command import writable_folder
from apps.digits import datasets
from apps.digits.drawing.films import CAPTION, COLUMNS, MARGIN, Film, captioned, font, scale_of, write_gif
from apps.digits.drawing.grids import step_of
from apps.digits.drawing.painters import Painter, load, steps_told
from apps.digits.drawing.recipes import GANRecipe
from apps.digits.drawing.sample import chosen_way
from apps.digits.pictures import BLUE, ORANGE, QUIET
from autograd import Generator
from nn.data import Digits

__all__ = ["forger", "ink_drop", "learning", "run", "walk"]

Array = np.ndarray[Any, Any]
Scene = tuple[list[Image.Image], list[int]]  # frames, and how long each is shown, in milliseconds
TEMPO, REST = 100, 1500
STEPS = 40  # frames of a way into noise, or out of it
LEG = 8  # frames of a walk from one image to the next
PANEL = 120  # pixels below the forger's pictures


def run(options: Namespace) -> int:
    painter = load(options.checkpoint, options.dataset)
    card, seed = painter.card, options.seed or 0
    given = chosen_way(painter, options)
    way = {"steps": 0, **given} if card.model == "diffusion" else {}
    beside = options.checkpoint if options.checkpoint.is_dir() else options.checkpoint.parent
    data = datasets.load(card.dataset, options.data, train=False) if painter.reads or way else None
    folder = writable_folder(options.output or beside)
    scenes: dict[str, Scene] = {}
    if (beside / "film.npz").exists():
        film = Film.load(beside / "film.npz")
        competing = isinstance(card.recipe, GANRecipe)
        scenes |= (
            {"forger": forger(film, card.recipe.objective)} if competing else {"learning": learning(film)}
        )
    else:
        print(f"no film.npz beside {options.checkpoint}: how it learned is not shown", file=sys.stderr)
    if way:
        assert data is not None
        scenes["ink-drop"] = ink_drop(painter, data, seed, **way)
    else:
        scenes["walk"] = walk(painter, data, seed)
    for name, (frames, durations) in scenes.items():
        path = folder / f"{name}.gif"
        count = write_gif(frames, durations, path)
        print(f"wrote {path}: {count} frames, {path.stat().st_size / 1e6:.2f} MB", flush=True)
    return 0


# How it learned ------------------------------------------------------------------------------------


def learning(film: Film) -> Scene:
    counts = film.epochs.tolist()
    texts = [f"after {n} epoch{'s' * (n > 1)}" if n else "before the first epoch" for n in counts]
    frames = [captioned(images / 255, COLUMNS, text) for images, text in zip(film.images, texts, strict=True)]
    return frames, [*[2 * TEMPO] * (len(frames) - 1), 2 * REST]


def forger(film: Film, objective: str) -> Scene:
    """Blue frames are about pictures that the detective took for real: of chances, those over one half; of
    other scores, those nearer to the mean of real images than to that of drawn ones."""
    real, fake, scores = film.real, film.fake, film.scores
    chances = objective == "gan"
    if chances:
        real, fake, scores = (1 / (1 + np.exp(-np.clip(x, -60, 60))) for x in (real, fake, scores))
    limits = np.full(len(real), 0.5) if chances else (real + fake) / 2
    name, ends, frames = "the detective's scores", None, []
    if chances:
        off = np.abs(np.concatenate([real, fake]) - 0.5)
        reach = np.ceil(10 * np.max(off[np.isfinite(off)], initial=0.1)) / 10
        ends = 0.5 - reach, 0.5 + reach
        name = f"chance of being real, says the detective ({ends[0]:.1f} to {ends[1]:.1f})"
    for i, epoch in enumerate(film.epochs):
        believed = scores[i] > limits[i]
        text = f"epoch {epoch}: the detective takes {believed.sum()} of {len(believed)} forgeries for real"
        if not epoch:
            text = "before the first epoch"
            believed[:] = False
        frame = captioned(film.images[i] / 255, COLUMNS, text, height=PANEL)
        framed(frame, believed, film.images.shape[-1] * scale_of(film.images, COLUMNS))
        plotted(frame, film.epochs, real, fake, i, name, ends)
        frames.append(frame)
    return frames, [*[2 * TEMPO] * (len(frames) - 1), 2 * REST]


def framed(frame: Image.Image, chosen: Array, tile: int) -> None:
    """Blue frames about the tiles, of so many pixels, that are chosen."""
    pen, step = ImageDraw.Draw(frame), step_of(tile)
    for k in np.flatnonzero(chosen):
        x, y = MARGIN + k % COLUMNS * step, CAPTION + k // COLUMNS * step
        pen.rectangle((x - 2, y - 2, x + tile + 1, y + tile + 1), outline=BLUE, width=2)


def plotted(
    frame: Image.Image, epochs: Array, real: Array, fake: Array, last: int, name: str,
    limits: tuple[float, float] | None,
) -> None:  # fmt: skip
    """Two curves below the tiles, up to the last epoch that is shown."""
    top, bottom = frame.height - PANEL + 14, frame.height - MARGIN - 4
    left, right = MARGIN, frame.width - MARGIN - 60
    known = np.concatenate([real, fake])
    known = known[np.isfinite(known)]
    low, high = limits or ((float(known.min()), float(known.max())) if len(known) else (0.0, 1.0))
    pen = ImageDraw.Draw(frame)
    pen.text((left, top - 18), name, QUIET, font(11))
    pen.line([(left, bottom), (right, bottom)], "#d5dbe1", 1)
    pen.line([(left, top), (right, top)], "#e6eaee", 1)
    if limits:
        pen.line([(left, (top + bottom) / 2), (right, (top + bottom) / 2)], "#e6eaee", 1)
    for values, color, label in ((real, BLUE, "real"), (fake, ORANGE, "forged")):
        shown = [i for i in range(last + 1) if np.isfinite(values[i])]
        points = [
            (left + (right - left) * float(epochs[i]) / max(float(epochs[-1]), 1.0),
             bottom - (bottom - top) * (float(values[i]) - low) / max(high - low, 1e-9))
            for i in shown
        ]  # fmt: skip
        if len(points) > 1:
            pen.line(points, color, 2)
        if points:
            x, y = points[-1]
            pen.ellipse((x - 3, y - 3, x + 3, y + 3), color)
        place = top + 12 if label == "real" else bottom - 26
        pen.text((right + 14, place), label, color, font(12))


# The ink drop --------------------------------------------------------------------------------------


def ink_drop(painter: Painter, data: Digits, seed: int, **way: Any) -> Scene:
    """One real image of each class goes into noise, the way that diffusion is defined by; then from noise
    come as many, by the way back that the network has learned."""
    generator, diffusion = Generator(seed), painter.network
    classes = range(len(data.classes))
    order = generator.permutation(len(data))
    first = [order[data.labels[order] == k][0] for k in classes]
    x = 2 * data.batch(np.array(first))[0] - 1
    total = diffusion.timesteps
    stops = np.linspace(-1, total - 1, STEPS + 1).round().astype(int)
    frames, durations = [], []

    def add(images: Array, text: str, noise: float, time: int) -> None:
        frame = captioned(images, 5, text, width=400, height=10)
        reach = MARGIN + (frame.width - 2 * MARGIN) * noise
        ImageDraw.Draw(frame).rectangle((MARGIN, frame.height - 12, reach, frame.height - 9), ORANGE)
        frames.append(frame)
        durations.append(time)

    for i, noisy in enumerate(into_noise(diffusion.schedule, x, stops, generator)):
        text = f"into noise: step {stops[i] + 1} of {total}" if i else "real images"
        add((noisy + 1) / 2, text, i / STEPS, TEMPO if i else REST)
    durations[-1] = REST // 2

    steps = way["steps"] or total
    with steps_told(len(classes), steps) as told:

        def watch(done: int, steps: int, x: Any, x0: Any) -> None:
            told(done)
            if done:
                text = f"and back: step {done} of {steps}" if done < steps else "nobody drew these"
                add(x.data, text, 1 - done / steps, TEMPO if done < steps else 2 * REST)

        diffusion.sample(
            len(classes), classes=np.array(classes) if painter.can_be_asked else None,
            generator=generator, watch=watch, frames=min(STEPS, steps) + 1,
            **painter.way(way["steps"], way.get("guidance")),
        )  # fmt: skip
    return frames, durations


def into_noise(schedule: Any, x: Array, times: Array, generator: Generator) -> Iterator[Array]:
    """x (N, ...) in [-1, 1], without noise at times[0] = -1, as it goes on to each of the times: a chain, in
    which noise comes to what is there already."""
    left = schedule.left(times)
    yield x
    for before, after in pairwise(left):
        share = np.float32(after / before)
        x = np.sqrt(share) * x + np.sqrt(1 - share) * generator.normal(x.shape, np.float32)
        yield x


# Walks -------------------------------------------------------------------------------------------


def walk(painter: Painter, data: Digits | None, seed: int) -> Scene:
    """Ten tiles, each on its own way around: between the codes of test images, each from another class to the
    next; or between random codes."""
    generator, count = Generator(seed), len(painter.card.classes)
    labels = None
    if painter.reads:
        assert data is not None
        order = generator.permutation(len(data))
        first = [order[data.labels[order] == k][0] for k in range(count)]
        codes = painter.encode(data.batch(np.array(first))[0])
        stops = np.stack([np.roll(codes, -i, 0) for i in range(count)])
        text = "from code to code of ten images"
    else:
        labels = np.arange(count) if painter.can_be_asked else None
        stops = np.stack([painter.codes(count, generator) for _ in range(count)])
        text = "from code to code, all of them drawn at random"
    path = painter.walk(stops, LEG)
    frames = [captioned(painter.decode(codes, labels), 5, text, width=400) for codes in path]
    return frames, [(REST // 3 if i % LEG == 0 else TEMPO) for i in range(len(frames))]
