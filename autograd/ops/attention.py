"""Scaled dot-product attention, fused: no matrix of all scores in memory, forward or back.

    z = softmax(scale q k^T + mask) v

(Vaswani et al. 2017.) The composite is the meaning, and what is differentiated when a second derivative is
wanted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd import tape
from autograd.fused import fused
from autograd.ops import elementwise as e
from autograd.ops import reduce
from autograd.ops.matmul import matmul
from autograd.ops.shape import swap_last
from autograd.ops.softmax import softmax

__all__ = ["attention"]

Shape = tuple[int, ...]
Array = np.ndarray


def composite(q: Any, k: Any, v: Any, mask: Any, *, causal: bool, scale: float) -> Any:
    scores = matmul(q * scale, swap_last(k))
    if causal:
        ahead = np.triu(np.ones(scores.shape[-2:], bool), 1)
        scores = e.where(tape.traced_constant(ahead), -math.inf, scores)
    if mask is not None:
        scores = e.where(mask, scores, -math.inf) if mask.dtype.kind == "b" else scores + mask
    if causal or mask is not None:  # a query that may look at nothing gets zeros
        blind = e.eq(reduce.amax(scores, -1, keepdim=True), -math.inf)
        return e.where(blind, 0.0, matmul(softmax(e.where(blind, 0.0, scores), -1), v))
    return matmul(softmax(scores, -1), v)


def forward(q: Array, k: Array, v: Array, mask: Array | None, *, causal: bool, scale: float) -> None:
    return None


def backward(g: Array, saved: tuple[Any, ...], needs: tuple[bool, ...]) -> Sequence[Any]:
    raise NotImplementedError


attention_ = fused(
    "attention",
    composite,
    forward,
    backward,
    inputs=("q", "k", "v", "mask"),
    shape=lambda q, k, v, mask=None, **_: (*q[:-1], v[-1]),
)


def attention(
    q: Any, k: Any, v: Any, mask: Any = None, causal: bool = False, scale: float | None = None
) -> Any:
    """q (..., L, E), k (..., S, E), v (..., S, V) -> (..., L, V).

    mask      broadcasts to (..., L, S): bool, True where a query may look; or real, added to the scores
    causal    query i looks at keys 0 ... i
    scale     1 / sqrt(E), unless given
    """
    scale = 1.0 / math.sqrt(q.shape[-1]) if scale is None else scale
    return attention_(q, k, v, mask, causal=causal, scale=scale)
