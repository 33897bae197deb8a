"""The engine beside the page: the same settings trained here, and numbers as the page writes them."""

from __future__ import annotations

from typing import Any

from apps.playground.points import Points, generate, own
from apps.playground.settings import Settings
from apps.playground.training import Trainer

MINUS = "\N{MINUS SIGN}"
SUPERSCRIPTS = str.maketrans("-0123456789", "\N{SUPERSCRIPT MINUS}⁰¹²³⁴⁵⁶⁷⁸⁹")


def trainer_of(mapping: dict[str, Any], rows: list[list[float]] | None = None) -> Trainer:
    """A trainer of the page's settings; `rows` are a person's own points."""
    settings = Settings.from_mapping(mapping)
    points: Points = generate(settings) if rows is None else own(rows, settings)
    return Trainer(settings, points)


def loss_text(value: float) -> str:
    """A loss as the page has it: three decimals, below a thousandth a power of ten."""
    if value != 0 and abs(value) < 0.001:
        return power_text(value, 1)
    return f"{value:.3f}"


def number_text(value: float, digits: int) -> str:
    """A number of the network: `digits` decimals, beyond them a power of ten, and a true minus sign."""
    size, sign = abs(value), MINUS if value < 0 else ""
    if size == 0:
        return "0"
    if size >= 1e5 or size < 0.5 * 10**-digits:
        return power_text(value, 1)
    return f"{sign}{size:.{digits}f}"


def power_text(value: float, decimals: int) -> str:
    """With so many decimals before the power of ten."""
    mantissa, power = f"{abs(value):.{decimals}e}".split("e")
    return f"{MINUS if value < 0 else ''}{mantissa}·10{str(int(power)).translate(SUPERSCRIPTS)}"
