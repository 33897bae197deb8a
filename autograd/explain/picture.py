"""The graph behind a value, as text and as a picture (SVG, drawn here: no program is needed)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd import gradients
from autograd.explain.layout import Layout, Point, arrange
from autograd.explain.numbers import describe, number
from autograd.explain.records import Named, call
from autograd.explain.traverse import ancestors, flows, is_part
from autograd.explain.walk import Book
from autograd.tape import Node, Value

__all__ = ["Box", "Graph", "graph"]

# Past this many boxes a picture can't be read any more.
DRAWN_AT_MOST = 150
# Wider than this, layers go down instead of to the right.
WIDE = 900


CHARACTER, LINE, PADDING, MARGIN = 7.25, 16.0, 10.0, 12.0  # of a 12 px monospaced font
LONGEST = 34  # characters in a line


@dataclass(frozen=True, eq=False)
class Box:
    """A value of the graph.

    kind      "leaf" (wants a gradient), "constant" (does not), "op", or "part" (one output of several)
    inputs    which boxes it was computed from; a plain number has no box, it shows in `formula`
    value     a number or an array, None if it was not kept
    gradient  of the loss with respect to it, None if not known
    """

    name: str
    kind: str
    formula: str
    inputs: tuple[int, ...]
    shape: tuple[int, ...] | None
    value: Any
    gradient: Any

    @property
    def title(self) -> str:
        return f"{self.name} = {self.formula}" if self.formula else self.name

    def lines(self) -> list[str]:
        """What is written below the title: the value (or its shape), then the gradient."""
        value = shape_text(self.shape) if self.value is None else brief(self.value)
        lines = [value] if value else []
        return lines if self.gradient is None else [*lines, f"grad {brief(self.gradient)}"]


def shape_text(shape: tuple[int, ...] | None) -> str:
    return "×".join(map(str, shape or ()))


def brief(value: Any) -> str:
    """A value in a box: its numbers if they are few, else shape and range."""
    text = describe(value, limit=4)
    if not isinstance(value, np.ndarray) or (value.size <= 4 and len(text) <= LONGEST - 8):
        return text
    shape = shape_text(value.shape)
    if value.dtype.kind == "b" or not np.isfinite(value).all():
        return shape
    low, high = number(value.min()), number(value.max())
    return f"{shape}: all {low}" if low == high else f"{shape}: {low} … {high}"


class Graph:
    """Boxes in the order in which they were computed; the last one is the value that was asked about."""

    def __init__(self, boxes: list[Box]) -> None:
        self.boxes = boxes

    def __repr__(self) -> str:
        return f"<graph of {len(self.boxes)} values, {self.boxes[-1].title}>"

    def __str__(self) -> str:
        return self.text()

    def text(self, limit: int = 200) -> str:
        """An indented tree from the result down to the leaves; what is used twice is written once."""
        lines: list[str] = []
        seen: set[int] = set()
        # A box, what stands before its line, before its inputs' lines, and its own branch.
        stack = [(len(self.boxes) - 1, "", "", "")]
        while stack:
            i, prefix, deeper, branch = stack.pop()
            box = self.boxes[i]
            if len(lines) >= limit:
                lines.append(f"... ({len(self.boxes) - len(seen)} more values)")
                break
            if i in seen:
                lines.append(f"{prefix}{branch}{box.name}" + (" (above)" if box.inputs else ""))
                continue
            seen.add(i)
            lines.append("   ".join([f"{prefix}{branch}{box.title}", *box.lines()]))
            for k, child in enumerate(reversed(box.inputs)):
                last = k == 0
                stack.append((child, deeper, deeper + ("   " if last else "│  "), "└─ " if last else "├─ "))
        return "\n".join(lines)

    def svg(self, limit: int = DRAWN_AT_MOST) -> str:
        """The picture. Raises ValueError for more than `limit` boxes."""
        if len(self.boxes) > limit:
            raise ValueError(
                f"explain: a picture of {len(self.boxes)} values can't be read; draw a smaller part of the "
                f"graph, use .text(), or raise svg(limit={limit})"
            )
        return drawn(self.boxes)

    def _repr_svg_(self) -> str:
        """Notebooks show the picture."""
        return self.svg()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the picture to a file."""
        text = self.svg() + "\n"
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


def graph(value: Value, names: Mapping[str, Any] | None = None, /, **more: Any) -> Graph:
    """The graph of everything `value` was computed from; names as for `steps`.

    Numbers appear as far as they were kept (see `watching`), shapes always. Gradients appear if `value`
    is a single number and its graph was not freed yet; after backward(), the leaves' `.grad`.

    >>> from autograd import Scalar, explain
    >>> a, b = Scalar(2.0), Scalar(-3.0)
    >>> print(explain.graph(a * b + a, a=a, b=b))
    loss = v1 + a   -4   grad 1
    ├─ v1 = a * b   -6   grad 1
    │  ├─ a   2   grad -2
    │  └─ b   -3   grad 2
    └─ a
    """
    if not isinstance(value, Value):
        raise TypeError(f"explain.graph: want a Tensor or a Scalar, got {type(value).__name__}")
    if value.node is None:
        raise RuntimeError("explain.graph: this value doesn't depend on anything that requires a gradient")
    root = value.node
    nodes = ancestors(root)
    book = Book(names, more, root, nodes)
    book.data.setdefault(root, value.data)
    known = known_gradients(value, root, nodes)
    boxes: list[Box] = []
    index: dict[Any, int] = {}

    def constant(x: Named) -> int:
        if x.name not in index:
            index[x.name] = len(boxes)
            boxes.append(Box(x.name, "constant", "", (), np.shape(x.value) or None, x.value, None))
        return index[x.name]

    for node in nodes:
        inputs = book.inputs(node)
        parents = {book.names.nodes[parent]: index[parent] for parent in node.parents}
        boxed = [x for x in inputs if x.name in parents or np.size(x.value) > 1]
        places = tuple(parents[x.name] if x.name in parents else constant(x) for x in boxed)
        here = book.named(node)
        kind = "leaf" if node.plan is None else "part" if is_part(node) else "op"
        formula = call(node.plan.op.name, [str(x) for x in inputs]) if kind == "op" else ""
        shown = None if isinstance(here.value, tuple) else here.value
        index[node] = len(boxes)
        boxes.append(Box(here.name, kind, formula, places, node.shape, shown, known.get(node)))
    return Graph(boxes)


def known_gradients(value: Value, root: Node, nodes: list[Node]) -> dict[Node, Any]:
    single = not isinstance(value.data, np.ndarray) or value.data.size == 1
    if single and all(node.saved is not None for node in nodes):
        ((_, seed),) = gradients.seeds("explain.graph", (value,), None, False)
        found = {flow.parent: flow.total for flow in flows("explain.graph", root, seed)}
        return {root: seed} | {node: g for node, g in found.items() if not isinstance(g, dict)}
    leaves = [node for node in nodes if node.plan is None and node.grad is not None]
    return {node: node.grad.data if isinstance(node.grad, Value) else node.grad for node in leaves}


# The drawing -------------------------------------------------------------------------------------

STYLE = """
  text { font: 12px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace }
  text { fill: #1f2328 }
  .title { font-weight: 600 } .grad { fill: #9a3412 }
  .box { stroke-width: 1.2; fill: #f6f8fa; stroke: #8c959f }
  .leaf { fill: #ddf4ff; stroke: #0969da } .constant { stroke-dasharray: 4 3 }
  .loss { fill: #dafbe1; stroke: #1a7f37 }
  .edge { fill: none; stroke: #8c959f; stroke-width: 1.2 } .head { fill: #8c959f }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .grad { fill: #ffa657 }
    .box { fill: #21262d; stroke: #848d97 } .leaf { fill: #0c2d6b; stroke: #58a6ff }
    .loss { fill: #033a16; stroke: #3fb950 } .edge { stroke: #848d97 } .head { fill: #848d97 }
  }
"""


def escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def shortened(title: str) -> str:
    return title if len(title) <= LONGEST else title[: LONGEST - 1] + "…"


def drawn(boxes: list[Box]) -> str:
    texts = [[shortened(box.title), *map(shortened, box.lines())] for box in boxes]
    sizes = [(max(map(len, text)) * CHARACTER + 2 * PADDING, len(text) * LINE + PADDING) for text in texts]
    edges = sorted({(i, j) for j, box in enumerate(boxes) for i in box.inputs})
    right = True
    plan = arrange(sizes, edges, right=True)
    if plan.width > WIDE:
        right, plan = False, arrange(sizes, edges, right=False)
    width, height = plan.width + 2 * MARGIN, plan.height + 2 * MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img">',
        f"<title>{escape(boxes[-1].title)}</title>",
        f"<style>{STYLE}</style>",
        '<marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
        'orient="auto"><path class="head" d="M0 1 L8 4 L0 7 Z"/></marker>',
        f'<g transform="translate({MARGIN:.0f} {MARGIN:.0f})">',
    ]
    parts += [
        edge_path(plan, sizes, edge, route, right) for edge, route in zip(edges, plan.routes, strict=True)
    ]
    parts += [
        box_drawn(box, text, size, centre, box is boxes[-1])
        for box, text, size, centre in zip(boxes, texts, sizes, plan.centres, strict=True)
    ]
    return "\n".join([*parts, "</g>", "</svg>"])


def box_drawn(box: Box, text: list[str], size: Point, centre: Point, loss: bool) -> str:
    x, y = centre[0] - size[0] / 2, centre[1] - size[1] / 2
    parts = [
        f'<g class="node" data-name="{escape(box.name)}">',
        f'<rect class="box {"loss" if loss else box.kind}" x="{x:.1f}" y="{y:.1f}" width="{size[0]:.1f}" '
        f'height="{size[1]:.1f}" rx="5"/>',
    ]
    for k, line in enumerate(text):
        style = ' class="title"' if k == 0 else ' class="grad"' if line.startswith("grad ") else ""
        baseline = y + PADDING / 2 + (k + 0.75) * LINE
        parts.append(f'<text x="{x + PADDING:.1f}" y="{baseline:.1f}"{style}>{escape(line)}</text>')
    return "".join([*parts, "</g>"])


def edge_path(
    plan: Layout, sizes: list[Point], edge: tuple[int, int], route: list[Point], right: bool
) -> str:
    """A smooth line from a box's far side, through its bends, to the near side of the next box."""
    i, j = edge
    (ax, ay), (bx, by) = plan.centres[i], plan.centres[j]
    if right:
        start, end = (ax + sizes[i][0] / 2, ay), (bx - sizes[j][0] / 2, by)
    else:
        start, end = (ax, ay + sizes[i][1] / 2), (bx, by - sizes[j][1] / 2)
    points = [start, *route, end]
    d = f"M{start[0]:.1f} {start[1]:.1f}"
    for (x0, y0), (x1, y1) in zip(points, points[1:], strict=False):
        if right:
            half = (x1 - x0) / 2
            d += f" C{x0 + half:.1f} {y0:.1f} {x1 - half:.1f} {y1:.1f} {x1:.1f} {y1:.1f}"
        else:
            half = (y1 - y0) / 2
            d += f" C{x0:.1f} {y0 + half:.1f} {x1:.1f} {y1 - half:.1f} {x1:.1f} {y1:.1f}"
    return f'<path class="edge" d="{d}" marker-end="url(#head)"/>'
