"""Errors of the elementary kernels in units in the last place (ULP), and the bounds they keep.

An error of 1 ULP is the distance from the exact value's float to its neighbour; the best that rounding allows
is 0.5. float32 results are held against the float64 kernels, whose own errors are thousandths of a float32
unit; those are held against mpmath. `tests/test_math_kernels.py` does so for a sample, on every instruction
set; `tests/slow/test_ulp.py` for every float32 there is.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator

import numpy as np

from autograd.program import Program

# The largest error allowed: (float32, float64).
LIMITS = {
    "exp": (1, 1),
    "expm1": (2, 2.5),
    "log": (1, 1),
    "log1p": (1, 1),
    "sqrt": (0.5, 0.5),
    "rsqrt": (1.5, 1.5),
    "sin": (1, 1.5),
    "cos": (1, 1.5),
    "tanh": (1.5, 1.5),
    "sigmoid": (2, 2),
    "erf": (1.5, 2),
    "softplus": (2.3, 2.5),
    "silu": (2, 2),
    "gelu": (2.05, 8),
    "pow": (1.5, 1.5),
}
UNARY = [op for op in LIMITS if op != "pow"]


@functools.cache
def program(op: str, arity: int) -> Program:
    program = Program.trace(lambda *s: s[0].apply(op, *s[1:]), inputs=arity)
    program.threshold = 0
    return program


def kernel(op: str, *arrays: np.ndarray) -> np.ndarray:
    """op of arrays by the kernel, never by NumPy."""
    run = program(op, len(arrays))
    assert run.plan(arrays, ()) is not None
    with np.errstate(all="ignore"):
        return run(*arrays)


def ulps(got: np.ndarray, want: np.ndarray) -> np.ndarray:
    """The error of each element of `got`; `want` is of a wider type. Infinite where one is NaN or infinite
    and the other is not."""
    with np.errstate(all="ignore"):
        rounded = want.astype(got.dtype)
        unit = np.spacing(
            np.minimum(np.abs(rounded), np.nextafter(np.finfo(got.dtype).max, got.dtype.type(0)))
        ).astype(want.dtype)
        error = np.abs(got.astype(want.dtype) - want) / unit
    same = (got == rounded) | ((got != got) & (rounded != rounded))
    return np.where(np.isfinite(got) & np.isfinite(rounded), error, np.where(same, 0, np.inf))


def edges() -> np.ndarray:
    """The first two float32 and the last of every sign and exponent: +-0, the smallest and the largest
    denormal and normal numbers, +-1, infinities and NaN among them."""
    first = np.arange(1 << 9, dtype=np.int64) << 23
    return np.concatenate([first, first + 1, first + (1 << 23) - 1]).astype(np.uint32).view(np.float32)


def all_floats(step: int = 1, chunk: int = 1 << 16) -> Iterator[np.ndarray]:
    """The edges, and every step-th float32 of the 2^32 there are (denormals among them)."""
    yield edges()
    for start in range(0, 1 << 32, chunk * step):
        bits = np.arange(start, min(start + chunk * step, 1 << 32), step, dtype=np.int64)
        yield bits.astype(np.uint32).view(np.float32)


def worst_float32(op: str, step: int = 1) -> tuple[float, float]:
    """The largest error of a float32 kernel of one argument (0.5 where there is no larger one), and where it
    is. Only results that are not the rounded reference, bit by bit, are looked at: others are within 0.5."""
    worst, where = 0.5, math.nan
    for x in all_floats(step):
        with np.errstate(all="ignore"):  # some of the NaN signal
            got, want = kernel(op, x), kernel(op, x.astype(np.float64))
            rounded = want.astype(np.float32)
        (off,) = np.nonzero(got.view(np.int32) != rounded.view(np.int32))
        if not off.size:
            continue
        error = ulps(got[off], want[off])
        place = int(np.argmax(error))
        if error[place] > worst:
            worst, where = float(error[place]), float(x[off[place]])
    return worst, where
