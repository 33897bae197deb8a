"""From a photo or drawing of a digit to the small image that a network was trained on.

    read          any size, grey, colour or transparent, as brightness 0 (black) to 1 (white)
    find_ink      what is darker (or lighter) than the paper around it, 0 (paper) to 1 (ink)
    as_mnist      28x28: scaled into a 20x20 box, centred by its centre of mass (LeCun et al., 1998)
    as_optdigits  8x8: a 32x32 bitmap, of which each 4x4 block is counted, 0 to 16 (Garris et al., NIST, 1994)

A network knows only what looks like its training images, so each step repeats what was done to those.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFilter, ImageOps, UnidentifiedImageError

from apps.command import UserError

__all__ = ["as_mnist", "as_optdigits", "find_ink", "prepare", "read"]

Array = np.ndarray[Any, Any]

WORKING_SIDE = 400  # photos are reduced to this; strokes stay many pixels wide
LEAST_CONTRAST = 0.12  # below this, what is seen is the paper's grain
NIST_INK = 310  # pixels of ink in an average 32x32 bitmap of optdigits
SPECK = 0.05  # pieces smaller than this share of the largest one are dirt


def prepare(path: Path, side: int) -> Array:
    """The digit in an image file as (side, side) float32 from 0 (paper) to 1 (ink); side is 8 or 28.

    Raises UserError, one line, for what is not an image or has no ink on it.
    """
    try:
        ink = find_ink(read(path))
    except EmptyImage as error:
        raise UserError(f"{path}: {error}") from None
    return as_optdigits(ink) if side == 8 else as_mnist(ink)


class EmptyImage(ValueError):
    """There is nothing on the paper."""


def read(path: Path) -> Array:
    """The image as brightness (height, width), 0 black to 1 white, at most WORKING_SIDE high and wide."""
    try:
        with Image.open(path) as file:
            image = ImageOps.exif_transpose(file)
            image.thumbnail((4 * WORKING_SIDE, 4 * WORKING_SIDE))  # before any conversion: photos are large
            if image.has_transparency_data:
                image = on_paper(image.convert("RGBA"))
            elif image.mode.startswith(("I", "F")):  # 16 or 32 bits: their own range is black to white
                image = Image.fromarray(to_bytes(np.asarray(image, np.float64)))
            image = image.convert("L")
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except UnidentifiedImageError:
        raise UserError(f"{path}: not an image (PNG, JPEG and most others can be read)") from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UserError(f"{path}: cannot be read as an image: {error}") from None
    if min(image.size) < 2:
        raise UserError(f"{path}: an image of {image.width}x{image.height} pixels cannot hold a digit")
    image.thumbnail((WORKING_SIDE, WORKING_SIDE), Image.Resampling.BOX)
    return np.asarray(image, np.float32) / 255


def on_paper(image: Image.Image) -> Image.Image:
    """A transparent image laid on white paper, or on black where its ink is light."""
    pixels = np.asarray(image, np.float32)
    alpha = pixels[..., 3]
    brightness = (pixels[..., :3].mean(axis=2) * alpha).sum() / max(alpha.sum(), 1.0)
    paper = Image.new("RGBA", image.size, "white" if brightness < 128 else "black")
    return Image.alpha_composite(paper, image)


def to_bytes(values: Array) -> Array:
    low, high = values.min(), values.max()
    return ((values - low) * (255 / max(high - low, 1e-9))).astype(np.uint8)


# The ink -----------------------------------------------------------------------------------------


def find_ink(brightness: Array) -> Array:
    """What differs from the paper, (height, width) from 0 to 1, cropped to it.

    The paper is the plane that fits the border best, so that light from one side does not count as ink;
    whether ink is darker or lighter than it is decided by where the larger differences are.
    """
    difference = paper(brightness) - brightness
    dark, light = np.percentile(difference, 99.9), -np.percentile(difference, 0.1)
    ink = np.maximum(difference if dark >= light else -difference, 0)
    full = float(np.percentile(ink, 99.9))
    if full < LEAST_CONTRAST:
        raise EmptyImage("no ink found: the image is (nearly) the same everywhere")
    threshold = otsu(ink)
    mask = largest_pieces(ink > threshold)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    # Edges stay grey: from half the threshold (paper) to the brightness of most ink.
    full = float(np.median(ink[mask]))
    grey = np.clip((ink - threshold / 2) / (full - threshold / 2), 0, 1)
    return (grey * grown(mask))[box]


def paper(brightness: Array) -> Array:
    """The plane a + b row + c column that fits the border best, without the ink that touches it."""
    height, width = brightness.shape
    rows, columns = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    rim = max(1, min(height, width) // 40)
    border = np.ones((height, width), bool)
    border[rim:-rim, rim:-rim] = False
    terms = np.stack([np.ones(border.sum()), rows[border], columns[border]], axis=1)
    values = brightness[border]
    keep = np.abs(values - np.median(values)) <= 0.25
    for _ in range(3):
        plane = np.linalg.lstsq(terms[keep], values[keep], rcond=None)[0]
        off = np.abs(values - terms @ plane)
        keep = off <= max(3 * float(np.median(off)), 0.02)
    out: Array = plane[0] + plane[1] * rows + plane[2] * columns
    return out


def otsu(values: Array) -> float:
    """The threshold that parts `values` in two classes of least variance (Otsu, 1979)."""
    counts, edges = np.histogram(values, bins=128)
    middle = (edges[:-1] + edges[1:]) / 2
    below, total = np.cumsum(counts), counts.sum()
    moment = np.cumsum(counts * middle)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = (moment[-1] * below - moment * total) ** 2 / (below * (total - below))
    return float(edges[1 + int(np.nanargmax(np.where(np.isfinite(between), between, -1)))])


def largest_pieces(mask: Array) -> Array:
    """The connected pieces of `mask` that are not specks beside the largest one."""
    pieces = connected_pieces(mask)
    largest = max(len(piece) for piece in pieces)
    out = np.zeros(mask.shape, bool)
    for piece in pieces:
        if len(piece) >= SPECK * largest:
            out.flat[piece] = True
    return out


def connected_pieces(mask: Array) -> list[list[int]]:
    """The pixels (flat indices) of each piece that hangs together, by sides or corners."""
    width = mask.shape[1] + 2
    padded = np.pad(mask, 1)
    left = set(np.flatnonzero(padded).tolist())
    pieces = []
    while left:
        edge = [left.pop()]
        piece = []
        while edge:
            place = edge.pop()
            piece.append((place // width - 1) * mask.shape[1] + place % width - 1)
            for step in (-width - 1, -width, -width + 1, -1, 1, width - 1, width, width + 1):
                if place + step in left:
                    left.remove(place + step)
                    edge.append(place + step)
        pieces.append(piece)
    return pieces


def grown(mask: Array) -> Array:
    """`mask` and the pixels around it."""
    return np.asarray(Image.fromarray(mask.astype(np.uint8)).filter(ImageFilter.MaxFilter(3)), np.float32)


# As the training images --------------------------------------------------------------------------


def as_mnist(ink: Array) -> Array:
    """The ink as (28, 28) float32: its longer side 20 pixels, its centre of mass in the middle."""
    ink = thickened(ink, least=2.2 / 20)
    height, width = fitted(ink.shape, 20, 20)
    small = resized(ink, height, width)
    rows, columns = np.arange(height), np.arange(width)
    down = 13.99 - float((small.sum(axis=1) * rows).sum() / small.sum())
    right = 14.01 - float((small.sum(axis=0) * columns).sum() / small.sum())
    top = min(max(round(down), 0), 28 - height)
    left = min(max(round(right), 0), 28 - width)
    out = np.zeros((28, 28), np.float32)
    out[top : top + height, left : left + width] = small
    return out


def as_optdigits(ink: Array) -> Array:
    """The ink as (8, 8) float32 in sixteenths: made upright and stretched to 32 rows and at most 22 columns
    of a 32x32 bitmap, with strokes as thick as NIST's there, counted in 4x4 blocks."""
    ink = upright(thickened(ink, least=2.2 / 20))
    height, width = ink.shape
    columns = min(22, max(4, round(32 * 1.6 * width / height)))
    left = (32 - columns) // 2
    bitmap = np.zeros((32, 32), np.float32)
    bitmap[:, left : left + columns] = resized(ink, 32, columns)
    threshold = np.clip(np.sort(bitmap.ravel())[-NIST_INK], 0.15, 0.85)
    counts = (bitmap > threshold).reshape(8, 4, 8, 4).sum(axis=(1, 3))
    return (counts / 16).astype(np.float32)


def upright(ink: Array) -> Array:
    """The ink sheared until its rows and columns are uncorrelated: slanted writing straightened."""
    height, width = ink.shape
    rows, columns = np.mgrid[:height, :width]
    row, column = float((ink * rows).sum() / ink.sum()), float((ink * columns).sum() / ink.sum())
    spread = float((ink * (rows - row) ** 2).sum())
    if spread == 0:
        return ink
    slant = float((ink * (rows - row) * (columns - column)).sum()) / spread
    wide = Image.fromarray(np.pad(ink, ((0, 0), (height, height))).astype(np.float32))
    shear = (1, slant, -slant * row, 0, 1, 0)
    sheared = np.asarray(wide.transform(wide.size, Image.Transform.AFFINE, shear, Image.Resampling.BILINEAR))
    used = np.flatnonzero(sheared.max(axis=0) > 0.3)
    return sheared[:, used[0] : used[-1] + 1] if used.size else ink


def fitted(shape: tuple[int, ...], height: int, width: int) -> tuple[int, int]:
    """The largest size of the same proportions within (height, width), at least one pixel each way."""
    scale = min(height / shape[0], width / shape[1])
    return max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))


def resized(ink: Array, height: int, width: int) -> Array:
    image = Image.fromarray(np.ascontiguousarray(ink, np.float32))
    out = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR), np.float32)
    return np.clip(out, 0, 1)


def stroke_width(mask: Array) -> float:
    """How wide the strokes are, in pixels: twice the area over the length of the outline."""
    padded = np.pad(mask, 1)
    inside = padded[1:-1, 1:-1] & padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return 2.0 * mask.sum() / max(1, mask.sum() - inside.sum())


def thickened(ink: Array, least: float) -> Array:
    """Strokes of a thin pen made as wide as `least`, a share of the longer side: made small as they are,
    they would fade."""
    grow = least * max(ink.shape) - stroke_width(ink > 0.5)
    if grow < 2:
        return ink
    rim = int(grow / 2)
    image = Image.fromarray((255 * np.pad(ink, rim)).astype(np.uint8))
    for _ in range(rim):
        image = image.filter(ImageFilter.MaxFilter(3))
    return np.asarray(image, np.float32) / 255
