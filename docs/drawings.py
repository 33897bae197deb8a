"""Drawings of docs/kernels.md, as SVG: boxes and words in the colours of autograd.explain's graphs."""

from __future__ import annotations

from html import escape

STYLE = """
  text { font: 12px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1f2328 }
  .name { font-weight: 600; font-size: 15px; font-style: italic } .note { fill: #59636e }
  .box { fill: #f6f8fa; stroke: #8c959f; stroke-width: 1.2 }
  .cell { fill: none; stroke: #8c959f; stroke-width: .6 }
  .a { fill: #ddf4ff; stroke: #0969da } .b { fill: #fff1e5; stroke: #bc4c00 }
  .c { fill: #dafbe1; stroke: #1a7f37 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .note { fill: #9198a1 } .box { fill: #21262d; stroke: #848d97 }
    .a { fill: #0c2d6b; stroke: #58a6ff } .b { fill: #5a1e02; stroke: #f0883e }
    .c { fill: #033a16; stroke: #3fb950 }
    .cell { stroke: #848d97 }
  }
"""


class Drawing:
    """A sheet of `width` x `height` pixels; x goes right, y down."""

    def __init__(self, title: str, width: int, height: int) -> None:
        self.title, self.width, self.height = title, width, height
        self.parts: list[str] = []

    def box(self, x: float, y: float, width: float, height: float, kind: str = "") -> None:
        classes = f"box {kind}".strip()
        self.parts.append(
            f'<rect class="{classes}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}"/>'
        )

    def cells(self, x: float, y: float, across: int, down: int, width: float, height: float) -> None:
        for j in range(down):
            for i in range(across):
                at = f'x="{x + i * width:g}" y="{y + j * height:g}"'
                self.parts.append(f'<rect class="cell" {at} width="{width:g}" height="{height:g}"/>')

    def text(self, x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> None:
        for row, line in enumerate(words.split("\n")):
            at = f'x="{x:g}" y="{y + 16 * row:g}" text-anchor="{anchor}"'
            self.parts.append(f'<text class="{kind}" {at}>{escape(line)}</text>')

    def svg(self) -> str:
        size = f'viewBox="0 0 {self.width} {self.height}" width="{self.width}" height="{self.height}"'
        start = (
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">\n<title>{escape(self.title)}</title>'
        )
        return "\n".join([start, f"<style>{STYLE}</style>", *self.parts, "</svg>"])


def register_tile() -> Drawing:
    """One step of the micro-kernel."""
    sheet = Drawing("One step of the micro-kernel: 14 numbers of a times two vectors of b", 640, 330)
    step, top, left, wide = 16.0, 70.0, 150.0, 150.0
    sheet.text(left - 40, top + 118, "a", "name", "end")
    sheet.box(left - 30, top, 18, 14 * step, "a")
    sheet.cells(left - 30, top, 1, 14, 18, step)
    sheet.text(left - 48, top + 138, "14 numbers,\nfrom memory", "note", "end")
    sheet.text(left - 6, top - 20, "b", "name", "end")
    for half in range(2):
        x = left + half * (wide + 6)
        sheet.box(x, top - 34, wide, 18, "b")
        sheet.cells(x, top - 34, 16, 1, wide / 16, 18)
        sheet.box(x, top, wide, 14 * step, "c")
        sheet.cells(x, top, 1, 14, wide, step)
    sheet.text(left + wide + 3, top - 44, "2 registers: two vectors of 16 numbers", "note", "middle")
    sheet.text(
        left + wide + 3, top + 14 * step + 20, "28 registers: the tile of c, 14 x 32 sums", "note", "middle"
    )
    x = left + 2 * wide + 30
    sheet.text(x, top + 30, "each step of k:")
    sheet.text(x, top + 54, "for each row i of 14\n    c[i] += a[i] * b")
    sheet.text(
        x,
        top + 106,
        "2 + 14 loads for\n28 products of 16:\n448 multiplications\nand as many additions",
        "note",
    )
    return sheet


def gemm_blocks() -> Drawing:
    """Where the pieces of the matrices are while a block is multiplied."""
    sheet = Drawing("Blocks of a packed matrix product and the caches that hold them", 720, 396)
    ax, bx, y = 30.0, 270.0, 190.0
    sheet.text(bx + 60, 16, "b  (k x n)", "name")
    sheet.box(bx, 26, 200, 130)
    sheet.box(bx, 56, 150, 40, "b")
    sheet.box(bx, 56, 22, 40, "b")
    sheet.text(bx + 86, 81, "KC x NC", "", "middle")
    sheet.text(bx + 4, 50, "panel", "note")
    sheet.text(ax + 40, y - 10, "a  (m x k)", "name")
    sheet.box(ax, y, 180, 170)
    sheet.box(ax + 50, y + 20, 55, 80, "a")
    for row in range(4):
        sheet.box(ax + 50, y + 20 + 20 * row, 55, 20, "a")
    sheet.text(ax + 78, y + 118, "MC x KC", "", "middle")
    sheet.text(bx + 60, y - 10, "c  (m x n)", "name")
    sheet.box(bx, y, 200, 170)
    sheet.box(bx, y + 20, 150, 80, "c")
    sheet.box(bx, y + 40, 22, 20, "c")
    sheet.text(bx + 28, y + 47, "tile: one panel\nof a times one of b", "note")
    x = 500.0
    rows = (
        ("registers", "the tile of c, MR x NR", "c"),
        ("L1, 48 KB", "a panel of b, KC x NR:\nused by every panel of a", "b"),
        ("L2, 1 MB", "a block of a, MC x KC:\nused by every panel of b", "a"),
        ("L3", "a block of b, KC x NC:\nused by every block of a", "b"),
        ("memory", "a, b and c as they were given,\nwith any strides", ""),
    )
    for row, (place, content, kind) in enumerate(rows):
        sheet.box(x, 26 + 68 * row, 200, 58, kind)
        sheet.text(x + 10, 46 + 68 * row, place)
        sheet.text(x + 10, 63 + 68 * row, content, "note")
    note = "Panels are copied (packed) so that the tile reads memory in order, whatever the strides were."
    sheet.text(30, 384, note, "note")
    return sheet
