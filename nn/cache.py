"""The keys and values of positions seen, kept so that each is computed once while a sequence is written."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd import Tensor
from autograd.tape import RECORD, TRACE, mode

__all__ = ["KeyValueCache"]


class KeyValueCache:
    """The past of one layer of causal self-attention: pass it as `cache` with the new positions alone.

    It makes room for twice as many positions whenever it is full, so a step copies none of the past. It holds
    numbers without gradients: call under autograd.no_grad(), and outside of jitted functions.

    >>> import autograd, nn
    >>> attention = nn.MultiheadAttention(8, 2, batch_first=True).eval()
    >>> x = autograd.randn(1, 5, 8)
    >>> with autograd.no_grad():
    ...     whole, _ = attention(x, x, x, need_weights=False, is_causal=True)
    ...     cache = nn.KeyValueCache()
    ...     steps = [attention(t, t, t, need_weights=False, cache=cache)[0] for t in x.split(1, dim=1)]
    >>> autograd.cat(steps, 1).allclose(whole, atol=1e-6), cache
    (True, KeyValueCache(length=5, batch=1, heads=2, width=4))
    """

    def __init__(self) -> None:
        self.length = 0
        self.keys: np.ndarray | None = None  # (batch, heads, room, width), the first `length` places used
        self.values: np.ndarray | None = None

    def append(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Keep key and value (batch, heads, positions, width); returns those of all positions so far."""
        if mode.word & TRACE:
            mode.trace.refuse(
                "KeyValueCache.append()",
                "a cache is longer at each call; run this eagerly, or jit a function of whole sequences",
            )
        if mode.word & RECORD and (key.node is not None or value.node is not None):
            raise RuntimeError("KeyValueCache: it holds no gradients; call under autograd.no_grad()")
        before, end = self.length, self.length + key.shape[2]
        self.keys = stored(self.keys, key.data, before, end)
        self.values = stored(self.values, value.data, before, end)
        self.length = end
        return Tensor(self.keys[:, :, :end]), Tensor(self.values[:, :, :end])

    def reorder(self, rows: Any) -> None:
        """Go on with the sequences `rows` (integers; one may come twice) of the batch, in that order."""
        if self.keys is not None and self.values is not None:
            self.keys, self.values = self.keys[rows], self.values[rows]

    def __repr__(self) -> str:
        if self.keys is None:
            return "KeyValueCache(length=0)"
        batch, heads, _, width = self.keys.shape
        return f"KeyValueCache(length={self.length}, batch={batch}, heads={heads}, width={width})"


def stored(room: np.ndarray | None, new: np.ndarray, start: int, end: int) -> np.ndarray:
    """`room` with `new` in the places from start to end: itself, or a larger one."""
    if room is None:
        room = np.empty((*new.shape[:2], max(16, end), new.shape[3]), new.dtype)
    own, given = (room.shape[0], room.shape[1], room.shape[3]), (new.shape[0], new.shape[1], new.shape[3])
    if own != given or room.dtype != new.dtype:
        raise ValueError(
            f"KeyValueCache holds (batch, heads, width) {own} of {room.dtype}, got {given} of {new.dtype}: "
            "another batch or layer needs a cache of its own"
        )
    if end > room.shape[2]:
        grown = np.empty((*room.shape[:2], max(2 * room.shape[2], end), room.shape[3]), room.dtype)
        grown[:, :, :start] = room[:, :, :start]
        room = grown
    room[:, :, start:end] = new
    return room
