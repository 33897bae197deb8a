"""Films: what a painter drew while it learned, kept frame by frame; and frames as a GIF that loops."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFont

from apps.command import UserError
from apps.digits.drawing.grids import sheet
from apps.digits.pictures import BLUE, INK, ORANGE, PAPER, QUIET
from nn.data.idx import write_atomically

__all__ = ["COLUMNS", "TILES", "Film", "captioned", "font", "keep", "scale_of", "write_gif"]

Array = np.ndarray[Any, Any]
COLUMNS, TILES = 10, 60  # of a frame: a column for each class, where a class can be asked for
LIMIT = 2_000_000  # bytes of a GIF
WIDTH, MARGIN, CAPTION = 480, 12, 34  # pixels; the width is about that


# While it learns -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Film:
    """`images` (F, N, side, side) uint8, ink 255; `epochs` (F,); of a GAN `scores` (F, N) that the
    discriminator gave them, `fake` (F,) their means, and `real` (F,) those of as many training images."""

    images: Array
    epochs: Array
    scores: Array
    real: Array
    fake: Array

    @classmethod
    def load(cls, path: Path) -> Film:
        try:
            with np.load(path, allow_pickle=False) as arrays:
                return cls(**{name: arrays[name] for name in cls.__dataclass_fields__})
        except FileNotFoundError:
            raise
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise UserError(
                f"{path}: not a film of a training ({error}); remove it, and the rest goes on without"
            ) from None

    @classmethod
    def assembled(cls, folder: Path) -> Film:
        """Of the frames that keep() wrote."""
        frames = [cls.load(path) for path in sorted(folder.glob("*.npz"))]
        return cls(**{name: np.concatenate([getattr(f, name) for f in frames]) for name in vars(frames[0])})

    def save(self, path: Path) -> None:
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **vars(self))
        write_atomically(path, buffer.getvalue())


def keep(
    folder: Path, epoch: int, images: Array, scores: Array | None = None, real: float = 0.0, fake: float = 0.0
) -> None:
    """A frame more: images (N, 1, side, side) in [0, 1] after so many epochs. A file each, so that a run that
    is interrupted goes on with them."""
    folder.mkdir(exist_ok=True)
    pixels = np.round(255 * np.clip(images[:, 0], 0, 1)).astype(np.uint8)
    told = np.zeros(len(images), np.float32) if scores is None else scores.astype(np.float32)
    frame = Film(pixels[None], np.array([epoch]), told[None], np.array([real]), np.array([fake]))
    frame.save(folder / f"{epoch:05}.npz")


# GIFs ----------------------------------------------------------------------------------------------


@cache
def font(size: int) -> Any:
    """The font of the app's other pictures."""
    return ImageFont.truetype(
        str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"), size
    )


def scale_of(images: Array, columns: int, width: int = WIDTH) -> int:
    return max(1, round(width / (columns * images.shape[-1])))


def captioned(images: Array, columns: int, text: str, width: int = WIDTH, height: int = 0) -> Image.Image:
    """A frame: a sheet of images (N, 1, h, w) in [0, 1], about `width` wide, under a line of text; `height`
    pixels of white below it."""
    pixels = (255 * sheet(images, columns, scale_of(images, columns, width))).astype(np.uint8)
    h, w = pixels.shape
    frame = Image.new("RGB", (w + 2 * MARGIN, h + CAPTION + MARGIN + height), PAPER)
    frame.paste(Image.fromarray(pixels), (MARGIN, CAPTION))
    ImageDraw.Draw(frame).text((MARGIN, 9), text, INK, font(13))
    return frame


def palette() -> Image.Image:
    """24 greys, and the colours of the app's pictures, full and half: 32 colours."""
    colours = [(round(i * 255 / 23),) * 3 for i in range(24)]
    for full in map(ImageColor.getrgb, (INK, QUIET, BLUE, ORANGE)):
        colours += [full[:3], tuple((c + 255) // 2 for c in full[:3])]  # type: ignore[list-item]
    image = Image.new("P", (1, 1))
    image.putpalette([c for colour in colours for c in colour])
    return image


def write_gif(frames: Sequence[Image.Image], durations: Sequence[int], path: Path) -> int:
    """Frames, each shown so many milliseconds, as a GIF that loops; returns how many there are in the file.

    All have one palette, so nothing flickers. Where it would be larger than 2 MB every other frame is left
    out, and those that stay are shown the longer.
    """
    colours = palette()
    flat = [frame.quantize(palette=colours, dither=Image.Dither.NONE) for frame in frames]
    times = list(durations)
    while True:
        buffer = io.BytesIO()
        flat[0].save(
            buffer, "gif", save_all=True, append_images=flat[1:], duration=times, loop=0, optimize=False
        )
        if buffer.tell() <= LIMIT or len(flat) < 3:
            break
        last = len(flat) % 2
        times = [a + b for a, b in zip(times[::2], [*times[1::2], *[0] * last], strict=True)]
        flat = flat[::2]
    write_atomically(path, buffer.getvalue())
    return len(flat)
