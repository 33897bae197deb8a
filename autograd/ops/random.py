"""Random arrays from a counter: a Generator is a seed and an offset, and nothing else.

Every draw of n elements takes the next ceil(n b / 16) blocks of the Philox stream, b = 4 bytes an element
for float32, 8 for float64 and integers, and starts on a fresh block. From this it follows that

- the same seed and the same sequence of draws give the same numbers with C kernels of any ISA, on any
  number of threads, and (normals: up to rounding) on the NumPy backend;
- only the number of elements counts, not the shape: `uniform((2, 3))` is `uniform((6,))` reshaped;
- a draw cut in pieces equals the whole draw if every piece but the last fills its blocks (a multiple of 4
  float32 elements, of 2 float64 ones or integers), else it does not;
- how far the offset moves never depends on the numbers drawn, so programs can be replayed and resumed.

Here are raw arrays; the Tensor faces (`autograd.rand` ...) stand above.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd.ops import philox
from autograd.tape import TRACE, mode, replayed

__all__ = [
    "Generator",
    "default_generator",
    "get_rng_state",
    "initial_seed",
    "manual_seed",
    "seed",
    "set_rng_state",
]

Array = np.ndarray[Any, Any]
Shape = Sequence[int]
REALS = (np.dtype(np.float32), np.dtype(np.float64))
PACKED_UP_TO = 1 << 20  # elements of a permutation; of more, equal bits are not rare

# Held while an offset moves: two threads never draw the same blocks. A child of a fork gets a new one, since
# another thread of its parent may have held the old one. (The child goes on from a copy of the state, as in
# PyTorch: seed it if it is to draw other numbers.)
moving = threading.Lock()


def unlock_in_child() -> None:
    global moving
    moving = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=unlock_in_child)


class Generator:
    """A place in the random stream of `seed`.

    >>> g = Generator(seed=1)
    >>> g.uniform((4,))
    array([0.89025915, 0.8946847 , 0.5857259 , 0.71126807], dtype=float32)
    >>> g.offset                    # one block of four words
    1
    """

    __slots__ = ("offset", "_seed")

    def __init__(self, seed: int = 0, offset: int = 0) -> None:
        self.manual_seed(seed)
        self.offset = checked_uint64("Generator", "offset", offset)

    def __repr__(self) -> str:
        return f"Generator(seed={self._seed}, offset={self.offset})"

    # The state -----------------------------------------------------------------------------------

    @replayed
    def manual_seed(self, seed: int) -> Generator:
        """Go to the beginning of the stream of `seed`, an int in [-2^63, 2^64) (negative: its two's
        complement). Returns the generator itself."""
        if not isinstance(seed, int | np.integer) or not -(2**63) <= seed < 2**64:
            raise ValueError(f"manual_seed: want an int in [-2**63, 2**64), got {seed!r}")
        self._seed = int(seed) % 2**64
        self.offset = 0
        return self

    def initial_seed(self) -> int:
        return self._seed

    @replayed
    def seed(self) -> int:
        """Seed from the operating system's entropy; returns that seed."""
        self._seed, self.offset = int.from_bytes(os.urandom(8), "little"), 0
        return self._seed

    def get_state(self) -> Array:
        """(2,) uint64: seed and offset."""
        return np.array([self._seed, self.offset], np.uint64)

    @replayed
    def set_state(self, state: Array) -> Generator:
        """Go on where `get_state` was called."""
        state = np.asarray(state)
        if state.shape != (2,) or state.dtype != np.uint64:
            raise ValueError(
                "set_state: want the (2,) uint64 array that get_state returned, "
                f"got shape {state.shape}, dtype {state.dtype}"
            )
        self._seed, self.offset = int(state[0]), int(state[1])
        return self

    def take(self, count: int, itemsize: int) -> tuple[int, int, int]:
        """The place of the next draw; moves the offset past it."""
        with moving:
            start = self.offset
            self.offset = (start + philox.blocks_of(count, itemsize)) % 2**64
        if mode.word & TRACE:
            mode.trace.taken(self, count, itemsize)
        return self._seed, start, 0

    # Draws ---------------------------------------------------------------------------------------

    def uniform(self, shape: Shape, dtype: Any = np.float32) -> Array:
        """Floats in [0, 1)."""
        dtype, count = checked_real("rand", dtype), checked_count("rand", shape)
        return philox.uniform(count, dtype, self.take(count, dtype.itemsize)).reshape(shape)

    def normal(self, shape: Shape, dtype: Any = np.float32, mean: float = 0.0, std: float = 1.0) -> Array:
        """Normal floats. An odd count takes a pair of words for its last element, and drops one of two."""
        dtype, count = checked_real("randn", dtype), checked_count("randn", shape)
        if not std >= 0:
            raise ValueError(f"normal: want std >= 0, got {std}")
        place = self.take(count, dtype.itemsize)
        return philox.normal(count, dtype, place, mean, std).reshape(shape)

    def integers(self, low: int, high: int, shape: Shape) -> Array:
        """int64 in [low, high), every value equally likely (how: philox.reference_integers)."""
        if not -(2**63) <= low < high <= 2**63:
            raise ValueError(f"randint: want -2**63 <= low < high <= 2**63, got low={low}, high={high}")
        count = checked_count("randint", shape)
        if high - low == 2**64:
            bits = philox.words(count, np.dtype(np.uint64), self.take(count, 8))
            return bits.view(np.int64).reshape(shape)
        return philox.integers(count, low, high - low, self.take(count, 8)).reshape(shape)

    def choices(self, weights: Array, count: int) -> Array:
        """(*, count) int64: places of each row of weights (*, C), float64, each drawn with a probability in
        proportion to it, and none of weight 0."""
        sums = weights.cumsum(-1)
        total = sums[..., -1:]
        places = self.uniform((*weights.shape[:-1], count), np.float64) * total
        places = np.minimum(places, np.nextafter(total, 0))  # rounding may reach the total
        found = [
            np.searchsorted(row, place, "right")
            for row, place in zip(sums.reshape(-1, sums.shape[-1]), places.reshape(-1, count), strict=True)
        ]
        return np.array(found, np.int64).reshape(places.shape)

    def permutation(self, n: int) -> Array:
        """(n,) int64: 0 ... n-1 in random order, every order equally likely: the order of n 64-bit words,
        drawn again (same blocks, next attempt) in the rare case that two of them are equal.

        Numbers are sorted three times as fast as an order is found. So each word's place is written over its
        last bits first, and those words sorted; that is the order wherever the bits before tell them apart.
        """
        n = checked_count("randperm", (n,))
        seed, low, high = self.take(n, 8)
        while True:
            key = philox.words(n, np.dtype(np.uint64), (seed, low, high))
            if n <= PACKED_UP_TO:
                bits = np.uint64(n.bit_length())
                packed = key >> bits
                packed <<= bits
                packed |= np.arange(n, dtype=np.uint64)
                packed.sort()
                tops = packed >> bits
                if (tops[1:] != tops[:-1]).all():
                    tops <<= bits
                    packed ^= tops
                    return packed.view(np.int64)
            order = np.argsort(key)
            ranked = key[order]
            if not (ranked[1:] == ranked[:-1]).any():
                return order.astype(np.int64, copy=False)
            high += 1

    def bernoulli(self, p: Array) -> Array:
        """1 with probability p, else 0, elementwise: dtype and shape of p, which must lie in [0, 1]."""
        p = np.asarray(p)
        if not ((p >= 0) & (p <= 1)).all():
            raise ValueError(f"bernoulli: want probabilities in [0, 1], got {p.min()} to {p.max()}")
        return (self.uniform(p.shape, p.dtype) < p).astype(p.dtype)

    def dropout_mask(self, shape: Shape, p: float, dtype: Any = np.float32) -> Array:
        """What dropout multiplies by: 0 with probability p, else 1 / (1 - p)."""
        dtype, count = checked_real("dropout", dtype), checked_count("dropout", shape)
        if not 0 <= p <= 1:
            raise ValueError(f"dropout: want a probability in [0, 1], got {p}")
        scale = 1 / (1 - p) if p < 1 else 0.0
        place = self.take(count, dtype.itemsize)
        return philox.mask(count, dtype, place, 1 - p, scale).reshape(shape)


def checked_real(name: str, dtype: Any) -> np.dtype[Any]:
    real: np.dtype[Any] = np.dtype(dtype)
    if real not in REALS:
        raise TypeError(f"{name}: want float32 or float64, got {real}")
    return real


def checked_count(name: str, shape: Shape) -> int:
    if any(not isinstance(n, int | np.integer) or n < 0 for n in shape):
        raise ValueError(f"{name}: want sizes that are integers >= 0, got {tuple(shape)}")
    return math.prod(shape)


def checked_uint64(name: str, what: str, value: int) -> int:
    if not 0 <= value < 2**64:
        raise ValueError(f"{name}: want {what} in [0, 2**64), got {value!r}")
    return value


# The generator of everything that is given none ---------------------------------------------------

default_generator = Generator()


def manual_seed(seed: int) -> Generator:
    """Start the default generator at the beginning of the stream of `seed`; returns it."""
    return default_generator.manual_seed(seed)


def initial_seed() -> int:
    """The seed of the default generator."""
    return default_generator.initial_seed()


def seed() -> int:
    """Seed the default generator from the operating system's entropy; returns that seed."""
    return default_generator.seed()


def get_rng_state() -> Array:
    """(2,) uint64: seed and offset of the default generator."""
    return default_generator.get_state()


def set_rng_state(state: Array) -> None:
    """Put the default generator back to a state of `get_rng_state`."""
    default_generator.set_state(state)
