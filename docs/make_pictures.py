"""Draw the pictures of the documentation: `python docs/make_pictures.py` writes docs/pictures/*.svg.

The graphs are made by autograd.explain from the examples that stand beside them in the text, the kernels'
pictures by drawings.py; a test compares the files with what this script draws.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import autograd
from autograd import Scalar, explain

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import drawings  # noqa: E402 (beside this file, wherever it is run from)

FOLDER = HERE / "pictures"


def scalar() -> explain.Graph:
    a, b = Scalar(2.0), Scalar(-3.0)
    c = a * b
    d = c + a
    return explain.graph(d**2, a=a, b=b, c=c, d=d)


def network() -> explain.Graph:
    x = [0.5, -1.0]
    w = [[Scalar(0.8), Scalar(-0.4)], [Scalar(0.3), Scalar(0.9)]]
    b, v, c = [Scalar(0.1), Scalar(-0.2)], [Scalar(0.7), Scalar(-0.6)], Scalar(0.05)
    h = [(w[j][0] * x[0] + w[j][1] * x[1] + b[j]).tanh() for j in range(2)]
    y = v[0] * h[0] + v[1] * h[1] + c
    return explain.graph((y - 0.5) ** 2, w=w, b=b, v=v, c=c, h=h, y=y)


def tensors() -> explain.Graph:
    with explain.watching():
        x = autograd.tensor([[0.5, -1.0], [1.0, 2.0], [-0.5, 0.25]])
        w = autograd.tensor([[0.8, 0.3], [-0.4, 0.9]], requires_grad=True)
        b = autograd.tensor([0.1, -0.2], requires_grad=True)
        h = (x @ w + b).tanh()
        loss = (h * h).sum()
    return explain.graph(loss, x=x, w=w, b=b, h=h)


PICTURES: dict[str, Callable[[], explain.Graph | drawings.Drawing]] = {
    "scalar": scalar,
    "network": network,
    "tensors": tensors,
    "register_tile": drawings.register_tile,
    "gemm_blocks": drawings.gemm_blocks,
}

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, make in PICTURES.items():
        (FOLDER / f"{name}.svg").write_text(make().svg() + "\n", encoding="utf-8")
        print(f"docs/pictures/{name}.svg")
