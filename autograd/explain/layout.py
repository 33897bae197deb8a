"""Where the boxes of a graph go: a layered drawing, after Sugiyama, Tagawa and Toda (1981).

1. A box's layer is the longest way to it from the inputs; inputs stand just before their first use.
2. An edge that passes layers gets an invisible bend in each.
3. Sweeps order each layer by the mean place of its neighbours; the order with the fewest crossings stays.
4. Sweeps move each box to the mean of its neighbours, as near as order and gaps allow: a least-squares
   fit under order constraints, solved exactly by pooling neighbours that collide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Layout", "arrange"]

Point = tuple[float, float]
SWEEPS = 12
BEND = 8.0  # the room that a passing edge takes in a layer


@dataclass(frozen=True)
class Layout:
    """Centres of the boxes, the points each edge runs through (between its boxes), and the whole size."""

    centres: list[Point]
    routes: list[list[Point]]
    width: float
    height: float


def arrange(
    sizes: Sequence[Point],
    edges: Sequence[tuple[int, int]],
    *,
    right: bool,
    gap: float = 18,
    layer_gap: float = 34,
) -> Layout:
    """Lay out boxes of (width, height) `sizes`; an edge (i, j) has i < j. Layers go down, or to the right."""
    along = [size[0] if right else size[1] for size in sizes]  # the direction of the layers
    across = [size[1] if right else size[0] for size in sizes]
    layer = layers(len(sizes), edges)
    across_all, layer_all, links, chains = bends(across, layer, edges)
    rows: list[list[int]] = [[] for _ in range(max(layer, default=0) + 1)]
    for v, row in enumerate(layer_all):
        rows[row].append(v)
    ordered(rows, links)
    place = placed(rows, links, across_all, gap)
    thickness = [max((along[v] for v in row if v < len(sizes)), default=0.0) for row in rows]
    starts = [0.0]
    for t in thickness:
        starts.append(starts[-1] + t + layer_gap)
    depth = [starts[row] + thickness[row] / 2 for row in layer_all]

    def point(d: float, a: float) -> Point:
        return (d, a) if right else (a, d)

    centres = [point(depth[v], place[v]) for v in range(len(sizes))]
    routes = [[point(depth[v], place[v]) for v in chain] for chain in chains]
    total_across = max((place[v] + across_all[v] / 2 for v in range(len(place))), default=0.0)
    width, height = point(starts[-1] - layer_gap, total_across)
    return Layout(centres, routes, width, height)


def layers(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    layer = [0] * count
    has_input = [False] * count
    for i, j in sorted(edges, key=lambda edge: edge[1]):
        layer[j] = max(layer[j], layer[i] + 1)
        has_input[j] = True
    first_use: dict[int, int] = {}
    for i, j in edges:
        first_use[i] = min(first_use.get(i, layer[j]), layer[j])
    return [layer[v] if has_input[v] else first_use.get(v, 1) - 1 for v in range(count)]


def bends(
    across: list[float], layer: list[int], edges: Sequence[tuple[int, int]]
) -> tuple[list[float], list[int], list[tuple[int, int]], list[list[int]]]:
    """The boxes and the invisible bends behind them; links of adjacent layers; each edge's bends."""
    across, layer, links, chains = list(across), list(layer), [], []
    for i, j in edges:
        chain, last = [], i
        for row in range(layer[i] + 1, layer[j]):
            chain.append(len(layer))
            layer.append(row)
            across.append(BEND)
            links.append((last, chain[-1]))
            last = chain[-1]
        links.append((last, j))
        chains.append(chain)
    return across, layer, links, chains


def neighbours(count: int, links: list[tuple[int, int]]) -> tuple[list[list[int]], list[list[int]]]:
    above: list[list[int]] = [[] for _ in range(count)]
    below: list[list[int]] = [[] for _ in range(count)]
    for i, j in links:
        above[j].append(i)
        below[i].append(j)
    return above, below


def ordered(rows: list[list[int]], links: list[tuple[int, int]]) -> None:
    """Order each row so that few links cross, in place."""
    above, below = neighbours(sum(map(len, rows)), links)
    best, fewest = [list(row) for row in rows], crossings(rows, below)
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        for row in rows[1:] if down else rows[-2::-1]:
            side = above if down else below
            at = {v: k for r in rows for k, v in enumerate(r)}
            here = {v: sum(at[u] for u in side[v]) / len(side[v]) if side[v] else at[v] for v in row}
            row.sort(key=here.__getitem__)
        count = crossings(rows, below)
        if count < fewest:
            best, fewest = [list(row) for row in rows], count
    rows[:] = best


def crossings(rows: list[list[int]], below: list[list[int]]) -> int:
    total = 0
    for row, following in zip(rows, rows[1:], strict=False):
        at = {v: k for k, v in enumerate(following)}
        ends = [at[u] for v in row for u in sorted(below[v], key=at.__getitem__)]
        total += sum(a > b for k, a in enumerate(ends) for b in ends[k + 1 :])
    return total


def placed(
    rows: list[list[int]], links: list[tuple[int, int]], across: list[float], gap: float
) -> list[float]:
    """The centre of each box across the layers."""
    above, below = neighbours(len(across), links)
    # Inputs give way: the chain of computation runs straight, its inputs stand beside it.
    weight = [1.0 if before else 0.05 for before in above]
    place = [0.0] * len(across)

    def mean(near: list[int], v: int) -> float:
        total = sum(weight[u] for u in near)
        return sum(weight[u] * place[u] for u in near) / total if near else place[v]

    for row in rows:
        settle(row, [0.0] * len(row), weight, place, across, gap)
    for sweep in range(6 * SWEEPS):
        # Whole groups move with one side at a time; at the end, both sides together make lines straight.
        both = sweep % 3 == 2 or sweep > 3 * SWEEPS
        sides = (above, below) if both else (above,) if sweep % 3 == 0 else (below,)
        for row in rows if sweep % 2 == 0 else reversed(rows):
            wishes = [mean([u for side in sides for u in side[v]], v) for v in row]
            settle(row, wishes, weight, place, across, gap)
    for row in rows:  # at last everything hangs straight below what it was computed from
        settle(row, [mean(above[v], v) for v in row], weight, place, across, gap)
    low = min((place[v] - across[v] / 2 for v in range(len(across))), default=0.0)
    return [p - low for p in place]


def settle(
    row: list[int],
    wishes: list[float],
    weight: list[float],
    place: list[float],
    across: list[float],
    gap: float,
) -> None:
    """Put a row's boxes as near to their wishes (weighted least squares) as order and gaps allow."""
    offset, offsets = 0.0, []
    for k, v in enumerate(row):
        if k:
            offset += (across[row[k - 1]] + across[v]) / 2 + gap
        offsets.append(offset)
    # Blocks of boxes that touch: the weighted sum of their wishes less their offsets, weight, how many.
    blocks: list[tuple[float, float, int]] = []
    for v, wish, shift in zip(row, wishes, offsets, strict=True):
        block = (weight[v] * (wish - shift), weight[v], 1)
        while blocks and blocks[-1][0] / blocks[-1][1] >= block[0] / block[1]:
            last = blocks.pop()
            block = (last[0] + block[0], last[1] + block[1], last[2] + block[2])
        blocks.append(block)
    k = 0
    for total, weights, count in blocks:
        for _ in range(count):
            place[row[k]] = total / weights + offsets[k]
            k += 1
