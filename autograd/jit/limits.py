"""What this machine gives at most, measured by a kernel of ours (csrc/limits.c) in the same run as all else:
multiply-adds in GFLOP/s, and memory in GB/s by how much of it is touched, for caches are faster."""

from __future__ import annotations

import bisect
import functools
from collections.abc import Callable
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from autograd import kernels
from autograd.jit.code import Call, Code

__all__ = ["Limits", "limits"]

FMA, TRIAD = 0, 1  # of KG_LIMIT's kinds
MULTIPLY_ADDS = 640 * 20000  # a thread; a millisecond or so
SMALLEST, LARGEST = 1 << 13, 1 << 27  # bytes over which memory is measured
SECONDS = 0.015  # for each number


class Limits(NamedTuple):
    """Operations a second of float32 and float64, and bytes a second of programs that touch so many bytes."""

    flops: dict[np.dtype[Any], float]
    sizes: tuple[int, ...]
    rates: tuple[float, ...]

    def bandwidth(self, nbytes: float) -> float:
        """Bytes a second where `nbytes` are gone over again and again.

        >>> Limits({}, (1024, 4096), (2e9, 1e9)).bandwidth(2048)
        2000000000.0
        """
        return self.rates[max(bisect.bisect_right(self.sizes, nbytes) - 1, 0)]

    def least(self, flops: float, nbytes: float, dtype: np.dtype[Any]) -> float:
        """The seconds that so much work takes at least: the slower of computing and of moving."""
        return max(flops / self.flops[dtype], nbytes / self.bandwidth(nbytes))


def best(run: Callable[[], object], work: float, seconds: float, least: int = 3) -> float:
    """The rate of `work` a second that one of ten repeated runs reaches: of the very best some are errors of
    the clock."""
    rates: list[float] = []
    end = perf_counter() + seconds
    while perf_counter() < end or len(rates) < least:
        start = perf_counter()
        run()
        rates.append(work / (perf_counter() - start))
    return sorted(rates)[9 * (len(rates) - 1) // 10]


def limits() -> Limits:
    """Those of this process with the threads and instruction set that are set now; measured once."""
    return measured(kernels.isa(), kernels.get_num_threads())


@functools.cache
def measured(isa: str, threads: int) -> Limits:
    flops = {}
    for dtype in (np.dtype(np.float32), np.dtype(np.float64)):
        run = repeated(dtype, [0, 0, np.zeros(64, dtype)], [FMA, MULTIPLY_ADDS])
        flops[dtype] = best(run, 2.0 * MULTIPLY_ADDS * threads, SECONDS * 5)
    sizes, rates = [], []
    arrays = [np.ones(LARGEST // 12, np.float32) for _ in range(3)]
    size = SMALLEST
    while size <= LARGEST:
        n = size // 12
        rounds = max(1, (1 << 20) // size)
        run = repeated(np.dtype(np.float32), arrays, [TRIAD, n], rounds)
        sizes.append(size)
        rates.append(best(run, 12.0 * n * rounds, SECONDS))
        size *= 2
    # Waking threads takes longer than going over little; but less data is never slower than more.
    return Limits(flops, tuple(sizes), tuple(np.maximum.accumulate(rates[::-1])[::-1].tolist()))


def repeated(
    dtype: np.dtype[Any], arrays: list[Any], sizes: list[int], rounds: int = 1
) -> Callable[[], None]:
    """A call of KG_LIMIT, `rounds` times without a way through Python between."""
    addresses = [int(a.ctypes.data) if isinstance(a, np.ndarray) else 0 for a in arrays]
    code = Code([Call(kernels.LIMIT, dtype, addresses, sizes, ())], [])
    return lambda: code.replay([], 0, 1, rounds)
