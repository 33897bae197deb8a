"""Kept buffers: large outputs come from memory that is kept and reused.

Fresh pages cost as much as a convolution. A buffer is free when only the pool still refers to it (every array
made from it, and every view of those, refers to it), so nothing has to be given back.
"""

from __future__ import annotations

import functools
import math
import sys
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["KEPT_FROM", "empty", "maker", "recycled", "sole"]

KEPT_FROM = 1 << 15  # bytes; smaller arrays are malloc's business
KEPT_LIMIT = 1 << 31  # bytes the pool may hold in all
pool: dict[int, deque[np.ndarray]] = {}
pool_bytes = 0


def scan(kept: deque[np.ndarray], free: int) -> np.ndarray | None:
    """A buffer that nobody but the pool refers to. Those given out are at the back: of the last two, the one
    that is free again is likely still in the cache. The others are looked at in turn, so that buffers in use
    for long are not looked at each time."""
    for place in (-1, -2):
        if len(kept) >= -place:
            buffer = kept[place]
            if sys.getrefcount(buffer) <= free:
                return buffer
    for _ in range(min(len(kept), 32)):
        buffer = kept[0]
        kept.rotate(-1)
        if sys.getrefcount(buffer) <= free:
            return buffer
    return None


def references_when_free() -> int:
    """What getrefcount says of a free buffer inside scan(): it differs between versions of Python. 0, which
    nothing is, where it can't tell a free buffer from one in use; then none is recycled."""
    for count in range(1, 8):
        kept = deque([np.empty(8, np.uint8)])
        if scan(kept, count) is not None:
            view = np.ndarray((8,), np.uint8, kept[0])
            return count if scan(kept, count) is None and view.size else 0
    return 0


FREE = references_when_free()


def empty(shape: tuple[int, ...], dtype: np.dtype[Any] | type) -> np.ndarray:
    """An uninitialised C-contiguous array; large ones are 64-byte aligned and recycled."""
    dtype = np.dtype(dtype)
    nbytes = math.prod(shape) * dtype.itemsize
    return np.empty(shape, dtype) if nbytes < KEPT_FROM else recycled(shape, dtype, nbytes)


def recycled(shape: tuple[int, ...], dtype: np.dtype[Any], nbytes: int) -> np.ndarray:
    """A large array of the pool."""
    # Classes of 1/8 octave, so that nearly equal sizes share buffers.
    step = 1 << max(12, nbytes.bit_length() - 4)
    capacity = -(-nbytes // step) * step
    kept = pool.setdefault(capacity, deque())
    buffer = scan(kept, FREE)
    return np.ndarray(shape, dtype, new_buffer(capacity, kept) if buffer is None else buffer)


def sole(array: np.ndarray) -> bool:
    """Whether a kept buffer lies behind this array and no other array uses it."""
    buffer = array.base
    if buffer is None or sys.getrefcount(buffer) > FREE + 1:  # the pool, the array, `buffer`, the argument
        return False
    return any(kept is buffer for kept in pool.get(getattr(buffer, "nbytes", 0), ()))


def maker(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Callable[[], np.ndarray]:
    """`empty` with its arguments settled: a function of none."""
    nbytes = math.prod(shape) * dtype.itemsize
    if nbytes < KEPT_FROM:
        return functools.partial(np.empty, shape, dtype)
    return functools.partial(recycled, shape, dtype, nbytes)


def new_buffer(capacity: int, kept: deque[np.ndarray]) -> np.ndarray:
    global pool_bytes
    if pool_bytes + capacity > KEPT_LIMIT:
        drop_free_buffers()
    raw = np.empty(capacity + 64, np.uint8)
    offset = -raw.ctypes.data % 64
    # Its base is `raw`, not an ndarray chain that NumPy would collapse: views refer to the buffer itself.
    buffer = np.frombuffer(raw.data[offset : offset + capacity], np.uint8)
    if pool_bytes + capacity <= KEPT_LIMIT:
        kept.append(buffer)
        pool_bytes += capacity
    return buffer


def drop_free_buffers() -> None:
    """Give every buffer that nobody uses back to the system."""
    global pool_bytes
    for capacity, kept in pool.items():
        for _ in range(len(kept)):
            buffer = kept[0]
            kept.rotate(-1)
            if sys.getrefcount(buffer) <= FREE:
                kept.pop()
                pool_bytes -= capacity
