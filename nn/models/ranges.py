"""Data and numbers that must lie in a range: refused with the reason, losses in programs by NaN."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import autograd
from autograd.tape import TRACE, Value, mode

__all__ = ["of_pixels", "require_pixels", "whole", "within"]


def whole(name: str, what: str, number: Any, least: int) -> int:
    """A number that must be an integer from `least` on."""
    if not isinstance(number, int | np.integer) or number < least:
        raise ValueError(f"{name}: want an integer {what} >= {least}, got {number!r}")
    return int(number)


def require_pixels(x: Any, wanted: str, instead: str) -> None:
    """Refuse what is not in [0, 1]. Programs look at no values: see of_pixels()."""
    if mode.word & TRACE:
        return
    pixels = x.data if isinstance(x, Value) else np.asarray(x)
    if pixels.size and (pixels.min() < 0 or pixels.max() > 1):
        raise ValueError(f"{wanted}, got {pixels.min()} to {pixels.max()}; scale them, or use {instead}")


def of_pixels(loss: Any, target: Any, wanted: str, instead: str) -> Any:
    """The loss of a target that require_pixels() does not refuse; in a program as within() has it."""
    require_pixels(target, wanted, instead)
    return within(loss, target, 0.0, 1.0)


def within(loss: Any, data: Any, low: float, high: float) -> Any:
    """The loss; in a program, which looks at no values, NaN where data leave [low, high]. (A trainer that
    meets it computes the loss again eagerly, and so comes to the check that names the reason.)"""
    if not mode.word & TRACE:
        return loss
    sane = autograd.logical_and(autograd.amin(data) >= low, autograd.amax(data) <= high)
    return autograd.where(sane, loss, math.nan)
