"""Huffman's code: no way is the beginning of another, and none could be shorter on the whole."""

from __future__ import annotations

import heapq

import numpy as np
import pytest

from nn.models.huffman import paths

COUNTS = [[2, 1], [1, 1, 1, 1], [8, 4, 2, 1], list(range(100, 1, -1)), [5] * 37, [0, 0, 7]]


@pytest.mark.parametrize("counts", COUNTS, ids=len)
def test_ways_lead_to_one_word_each_and_are_as_short_as_can_be(counts):
    starts, points, codes = paths(counts)
    assert (starts.dtype, points.dtype, codes.dtype) == (np.int64, np.int32, np.uint8)
    ways = list(zip(np.split(points, starts[1:-1]), np.split(codes, starts[1:-1]), strict=True))
    assert all(way[0] == len(counts) - 2 for way, _ in ways)  # from the root
    children: dict[tuple[int, int], set] = {}
    for word, (way, turns) in enumerate(ways):
        for node, turn, after in zip(way, turns, [*way[1:], f"word {word}"], strict=True):
            children.setdefault((node, turn), set()).add(after)
    assert len(children) == 2 * (len(counts) - 1)  # a tree: each node turns two ways,
    assert all(len(ends) == 1 for ends in children.values())  # each way to one end
    heap, least = sorted(counts), 0
    while len(heap) > 1:
        both = heapq.heappop(heap) + heapq.heappop(heap)
        least += both
        heapq.heappush(heap, both)
    assert sum(count * len(way) for count, (way, _) in zip(counts, ways, strict=True)) == least


def test_one_word_has_no_tree():
    with pytest.raises(ValueError, match="at least two words, got 1"):
        paths([3])
