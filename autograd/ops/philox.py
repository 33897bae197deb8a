"""The stream of random numbers as a pure function: Philox4x32-10, in C and in NumPy, bit for bit the same.

Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011): a block of four
32-bit words is a keyed bijection of a 128-bit counter. Here the key is the seed, the counter's low 64 bits
count blocks and its high 64 bits count attempts (nought but where a word had to be rejected). How words
become numbers is written at the head of csrc/random.c; the functions below are its NumPy reference:

    uniform  equal to the last bit          words, integers, mask  equal
    normal   within rounding of log, sin and cos

Every function takes a place in the stream, (seed, low, high), and returns flat arrays.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd import kernels
from autograd.tape import TRACE, mode

__all__ = ["blocks_of", "integers", "mask", "normal", "uniform", "words"]

Array = np.ndarray[Any, Any]
Place = tuple[int, int, int]  # seed, low and high half of the counter, each in [0, 2^64)

WORDS, UNIFORM, NORMAL, MASK, INTEGERS = range(5)
HALF = np.uint64(0xFFFFFFFF)
SIGNED = 1 << 63
S32 = np.uint64(32)


def blocks_of(count: int, itemsize: int) -> int:
    """How many 16-byte blocks `count` elements of `itemsize` bytes take."""
    return -(-count * itemsize // 16)


def words(count: int, dtype: np.dtype[Any], place: Place) -> Array:
    """(count,) raw words, uint32 or uint64."""
    real = np.dtype(np.float32 if dtype.itemsize == 4 else np.float64)
    if kernels.active and count:
        out = kernels.empty((count,), dtype)
        run(out, real, WORDS, place)
        return out
    return reference_words(count, dtype, place)


def uniform(count: int, dtype: np.dtype[Any], place: Place) -> Array:
    """(count,) floats in [0, 1): the top 24 bits of a word (float32), the top 53 (float64)."""
    if kernels.active and count:
        out = kernels.empty((count,), dtype)
        run(out, dtype, UNIFORM, place)
        return out
    return reference_uniform(count, dtype, place)


def normal(count: int, dtype: np.dtype[Any], place: Place, mean: float = 0.0, std: float = 1.0) -> Array:
    """(count,) normal floats, by Box and Muller: words 2i and 2i + 1 give elements 2i and 2i + 1."""
    if kernels.active and count:
        out = kernels.empty((count,), dtype)
        run(out, dtype, NORMAL, place, values=(mean, std))
        return out
    return reference_normal(count, dtype, place, mean, std)


def mask(count: int, dtype: np.dtype[Any], place: Place, keep: float, scale: float) -> Array:
    """(count,) floats, each `scale` with probability `keep`, otherwise 0."""
    if kernels.active and count:
        out = kernels.empty((count,), dtype)
        run(out, dtype, MASK, place, values=(keep, scale))
        return out
    out = np.zeros(count, dtype)
    out[reference_uniform(count, dtype, place) < dtype.type(keep)] = scale
    return out


def integers(count: int, lowest: int, span: int, place: Place) -> Array:
    """(count,) int64, uniform on lowest ... lowest + span - 1 exactly, 1 <= span < 2^64."""
    if kernels.active and count:
        out = kernels.empty((count,), np.int64)
        run(out, np.dtype(np.float64), INTEGERS, place, bounds=(signed(lowest % 2**64), signed(span)))
        return out
    return reference_integers(count, lowest, span, place)


def run(
    out: Array,
    real: np.dtype[Any],
    kind: int,
    place: Place,
    bounds: tuple[int, int] = (0, 0),
    values: tuple[float, ...] = (),
) -> None:
    seed, low, high = place
    if seed >= SIGNED or low >= SIGNED or high >= SIGNED:
        seed, low, high = signed(seed), signed(low), signed(high)
    sizes = (kind, out.size, seed, low, high, *bounds)
    kernels.fill(kernels.RANDOM, real, out, sizes, values)
    if mode.word & TRACE:
        mode.trace.drawn(real, out, sizes, values)


def signed(x: int) -> int:
    """The int64 with the bits of the uint64 x."""
    return x - 2**64 if x >= SIGNED else x


# The NumPy reference -----------------------------------------------------------------------------


def philox(counter: Array, key: int) -> Array:
    """Ten rounds: counter (n, 4) and result (n, 4) are 32-bit words, held in uint64.

    >>> [f"{int(w):08x}" for w in philox(np.zeros((1, 4), np.uint64), 0)[0]]  # Random123's first vector
    ['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8']
    """
    c0, c1, c2, c3 = counter.T
    k0, k1 = key & 0xFFFFFFFF, key >> 32
    for _ in range(10):
        p, q = c0 * np.uint64(0xD2511F53), c2 * np.uint64(0xCD9E8D57)
        c0, c1 = (q >> S32) ^ c1 ^ np.uint64(k0), q & HALF
        c2, c3 = (p >> S32) ^ c3 ^ np.uint64(k1), p & HALF
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3], axis=1)


def reference_words(count: int, dtype: np.dtype[Any], place: Place) -> Array:
    seed, low, high = place
    number = np.arange(blocks_of(count, dtype.itemsize), dtype=np.uint64) + np.uint64(low)  # mod 2^64
    top = np.full_like(number, high)
    counter = np.stack([number & HALF, number >> S32, top & HALF, top >> S32], axis=1)
    stream = philox(counter, seed)
    if dtype.itemsize == 8:
        stream = stream[:, 0::2] | stream[:, 1::2] << S32
    return stream.astype(dtype).ravel()[:count]


def reference_uniform(count: int, dtype: np.dtype[Any], place: Place) -> Array:
    return unit(reference_words(count, word_of(dtype), place), dtype)


def reference_normal(
    count: int, dtype: np.dtype[Any], place: Place, mean: float = 0.0, std: float = 1.0
) -> Array:
    pairs = reference_words(count + count % 2, word_of(dtype), place).reshape(-1, 2)
    if dtype.itemsize == 4:
        above_zero = (pairs[:, 0] >> np.uint32(1)).astype(dtype) * dtype.type(2**-31) + dtype.type(2**-32)
    else:
        above_zero = unit(pairs[:, 0], dtype) + dtype.type(2**-54)
    # float64 between, so that this is the more exact of the two ways.
    radius = std * np.sqrt(-2 * np.log(above_zero.astype(np.float64)))
    angle = 2 * np.pi * unit(pairs[:, 1], dtype).astype(np.float64)
    both = np.stack([mean + radius * np.cos(angle), mean + radius * np.sin(angle)], axis=1)
    return both.astype(dtype).ravel()[:count]


def reference_integers(count: int, lowest: int, span: int, place: Place) -> Array:
    """Lemire's multiply and shift (ACM TOMACS 29, 2019): the high half of word * span. Of 2^64 words,
    2^64 mod span are rejected, which leaves each value equally many; a rejected element looks at the same
    place of the block with the next `high`, so how much of the stream a draw takes is always the same."""
    seed, low, high = place
    threshold = np.uint64(2**64 % span)
    value, rest = scaled(reference_words(count, np.dtype(np.uint64), place), span)
    attempt = 0
    while (rejected := np.flatnonzero(rest < threshold)).size:
        attempt += 1
        again = reference_words(count, np.dtype(np.uint64), (seed, low, (high + attempt) % 2**64))
        value[rejected], rest[rejected] = scaled(again[rejected], span)
    return (value + np.uint64(lowest % 2**64)).view(np.int64)


def scaled(word: Array, span: int) -> tuple[Array, Array]:
    """The high and the low half of the 128-bit product word * span."""
    a1, a0 = word >> S32, word & HALF
    b1, b0 = np.uint64(span >> 32), np.uint64(span & 0xFFFFFFFF)
    low, cross = a0 * b0, a1 * b0
    middle = (low >> S32) + (cross & HALF) + a0 * b1  # at most 2^64 - 1
    return a1 * b1 + (cross >> S32) + (middle >> S32), word * np.uint64(span)


def unit(word: Array, dtype: np.dtype[Any]) -> Array:
    """Words to floats in [0, 1), exactly."""
    dropped, bits = (8, 24) if dtype.itemsize == 4 else (11, 53)
    out: Array = (word >> word.dtype.type(dropped)).astype(dtype)
    out *= dtype.type(2.0**-bits)
    return out


def word_of(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return np.dtype(np.uint32 if dtype.itemsize == 4 else np.uint64)
