"""What an op costs when there is next to nothing to compute: the engine's own overhead.

`tensor` rows work on (10, 8) arrays, `scalar` rows on single numbers. A chain of 20 applies the op to its
own result twenty times; `step` also runs backward. `net` is micrograd's demo in small: one loss, backward
and update of a 2-16-16-1 ReLU network on four points, number by number. `demo` is the demo itself: a hundred
points of two moons, the max-margin loss with weight decay, and ours under `autograd.jit`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.cases import Case, Inputs, Row, Sizes

LENGTH = 20
LAYERS = (2, 16, 16, 1)
RATE = 0.01


def inputs(sizes: Sizes, rng: np.random.Generator) -> Inputs:
    if sizes["kind"] in ("net", "demo"):
        weights = {
            f"w{i}": rng.uniform(-1, 1, (wide, narrow)) / np.sqrt(narrow)
            for i, (narrow, wide) in enumerate(zip(LAYERS, LAYERS[1:], strict=False))
        }
        if sizes["kind"] == "demo":
            return {**weights, **moons(rng)}
        points = rng.uniform(-1, 1, (4, 2))
        return {**weights, "points": points, "target": np.sign(points[:, 0] * points[:, 1])}
    shape = (10, 8) if sizes["kind"] == "tensor" else ()
    x = np.asarray(rng.uniform(0.5, 1, shape), np.float32)
    return {"x": x, "y": np.asarray(rng.uniform(0.9, 1.1, shape), np.float32)}


def moons(rng: np.random.Generator, count: int = 50) -> Inputs:
    """Two half circles of `count` points each, as of scikit-learn's make_moons with noise 0.1."""
    t = rng.uniform(0, np.pi, (2, count))
    x, y = np.cos(t), np.sin(t)
    points = np.stack([np.r_[x[0], 1 - x[1]], np.r_[y[0], 0.5 - y[1]]], axis=1)
    return {"points": points + rng.normal(0, 0.1, points.shape), "target": np.repeat([-1.0, 1.0], count)}


def row(label: str, kind: str, op: str, chain: int, backward: bool, *peers: str, **more: Any) -> Row:
    return Row(label, {"kind": kind, "op": op, "chain": chain, "backward": backward}, peers, **more)


CASE = Case(
    name="tiny",
    rows=(
        row("tensor x * y, forward", "tensor", "mul", 1, False, "pytorch", quick=True),
        row("tensor tanh, forward", "tensor", "tanh", 1, False, "pytorch"),
        row("tensor 20 x mul, forward + backward", "tensor", "mul", LENGTH, True, "pytorch", quick=True),
        row("tensor 20 x tanh, forward + backward", "tensor", "tanh", LENGTH, True, "pytorch"),
        row("scalar x * y, forward", "scalar", "mul", 1, False, "micrograd", "pytorch", quick=True),
        row("scalar 20 x mul, forward + backward", "scalar", "mul", LENGTH, True, "micrograd", "pytorch"),
        row("scalar 20 x relu, forward + backward", "scalar", "relu", LENGTH, True, "micrograd"),
        row("scalar net 2-16-16-1, 4 points, one step", "net", "relu", 1, True, "micrograd"),
        row("micrograd's demo, one step, jit", "demo", "relu", 1, True, "micrograd", group="demo, jit"),
    ),
    inputs=inputs,
    tolerance=1e-5,
    serial=True,
)
