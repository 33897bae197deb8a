"""What this machine gives at most, measured by a kernel of ours (csrc/limits.c) in the same run as all else:
multiply-adds in GFLOP/s and memory in GB/s. A kernel is held against these, not against a data sheet: clocks
and neighbours change."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter

import numpy as np

FMA, TRIAD, READ, COPY = range(4)
MULTIPLY_ADDS = 640 * 20000  # a thread; a millisecond or so
BYTES = 1 << 28  # of each array: more than any cache
CACHES = Path("/sys/devices/system/cpu/cpu0/cache")


def measure(seconds: float = 0.2) -> dict[str, float]:
    """The best of what `seconds` of each give, with the threads and instruction set that are set now."""
    from autograd import kernels

    def best(kind: int, n: int, arrays: list[np.ndarray | None], work: float) -> float:
        rates = []
        end = perf_counter() + seconds
        while perf_counter() < end or len(rates) < 3:
            start = perf_counter()
            kernels.call(kernels.LIMIT, arrays, [kind, n], dtype=arrays[-1].dtype)  # type: ignore[union-attr]
            rates.append(work / (perf_counter() - start) / 1e9)
        return max(rates)

    threads = kernels.get_num_threads()
    found = {}
    for name in ("float32", "float64"):
        sums = np.zeros(64, name)
        found[name] = best(FMA, MULTIPLY_ADDS, [None, None, sums], 2.0 * MULTIPLY_ADDS * threads)
    a, b, y = (np.ones(BYTES // 4, np.float32) for _ in range(3))
    found["triad"] = best(TRIAD, a.size, [a, b, y], 3.0 * BYTES)
    found["copy"] = best(COPY, a.size, [a, b, y], 2.0 * BYTES)
    found["read"] = best(READ, a.size, [a, None, sums.astype(np.float32)], 1.0 * BYTES)
    return {name: round(rate, 1) for name, rate in found.items()}


def cache_bytes() -> int | None:
    """The size of the last level of cache, where the system says; an array in it needs no memory."""
    sizes = []
    for file in CACHES.glob("index*/size"):
        text = file.read_text().strip()
        scale = {"K": 1 << 10, "M": 1 << 20}.get(text[-1:], 1)
        sizes.append(int(text.rstrip("KM")) * scale)
    return max(sizes, default=None)
