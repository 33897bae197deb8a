"""Huffman's code for words: the more frequent, the shorter the way from the root of a binary tree.

Hierarchical softmax gives each inner node of the tree a vector; a word's probability is the product of the
turns on its way (Morin and Bengio 2005; Mikolov et al. 2013b, section 2.1).
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["paths"]

Array = np.ndarray[Any, Any]


def paths(counts: Sequence[int] | Array) -> tuple[Array, Array, Array]:
    """The way from the root to each of V words, V >= 2.

    Returns (starts, points, codes): word w meets the inner nodes points[starts[w]:starts[w + 1]] (int32, the
    root is V - 2) and turns codes[...] there (uint8: 1 to the more frequent child); starts (V + 1,) int64.

    >>> starts, points, codes = paths([4, 2, 1])
    >>> [(points[a:b].tolist(), codes[a:b].tolist()) for a, b in zip(starts, starts[1:])]
    [([1], [1]), ([1, 0], [0, 1]), ([1, 0], [0, 0])]
    """
    words = len(counts)
    if words < 2:
        raise ValueError(f"hierarchical softmax: want at least two words, got {words}")
    parent, turn = np.zeros(2 * words - 1, np.int64), np.zeros(2 * words - 1, np.uint8)
    # Of equal counts the latest word is taken first: it is the rarest of a vocabulary's.
    heap = [(int(count), -i) for i, count in enumerate(counts)]
    heapq.heapify(heap)
    for node in range(words, 2 * words - 1):
        (rare, a), (frequent, b) = heapq.heappop(heap), heapq.heappop(heap)
        parent[[-a, -b]], turn[-b] = node, 1
        heapq.heappush(heap, (rare + frequent, -node))

    # All words climb at once; their ways are read from the root, so each step goes in front.
    at, depth = np.arange(words), np.zeros(words, np.int64)
    steps = []
    while (climbing := np.flatnonzero(at != 2 * words - 2)).size:
        steps.append((climbing, parent[at[climbing]] - words, turn[at[climbing]]))
        at[climbing] = parent[at[climbing]]
        depth[climbing] += 1
    starts = np.concatenate([[0], np.cumsum(depth)])
    points, codes = np.empty(starts[-1], np.int32), np.empty(starts[-1], np.uint8)
    for height, (climbing, nodes, turns) in enumerate(steps, 1):
        place = starts[climbing + 1] - height
        points[place], codes[place] = nodes, turns
    return starts, points, codes
