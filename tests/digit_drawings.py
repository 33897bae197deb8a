"""Digits drawn with a pen of any width, in any colours: what photos and drawings are for the digits app."""

from __future__ import annotations

from PIL import Image, ImageDraw

STROKES = {
    "0": [(50, 15), (30, 30), (27, 55), (40, 82), (55, 84), (70, 65), (72, 40), (62, 20), (50, 15)],
    "7": [(28, 18), (70, 18), (50, 50), (42, 85)],
}  # fmt: skip


def drawn(digit: str, size: int, width: int, paper: object, ink: object, mode: str = "RGB") -> Image.Image:
    image = Image.new(mode, (size, size), paper)
    points = [(x * size / 100, y * size / 100) for x, y in STROKES[digit]]
    ImageDraw.Draw(image).line(points, fill=ink, width=width, joint="curve")
    return image
