"""What an op costs when there is next to nothing to compute: the engine's own overhead.

`tensor` rows work on (10, 8) arrays, `scalar` rows on single numbers. A chain of 20 applies the op to its
own result twenty times; `step` also runs backward. `net` is micrograd's demo in small: one loss, backward
and update of a 2-16-16-1 ReLU network on four points, number by number.
"""

from __future__ import annotations

import numpy as np

from benchmarks.cases import Case, Inputs, Row, Sizes

LENGTH = 20
LAYERS = (2, 16, 16, 1)
RATE = 0.01


def inputs(sizes: Sizes, rng: np.random.Generator) -> Inputs:
    if sizes["kind"] == "net":
        weights = {
            f"w{i}": rng.uniform(-1, 1, (wide, narrow)) / np.sqrt(narrow)
            for i, (narrow, wide) in enumerate(zip(LAYERS, LAYERS[1:], strict=False))
        }
        points = rng.uniform(-1, 1, (4, 2))
        return {**weights, "points": points, "target": np.sign(points[:, 0] * points[:, 1])}
    shape = (10, 8) if sizes["kind"] == "tensor" else ()
    x = np.asarray(rng.uniform(0.5, 1, shape), np.float32)
    return {"x": x, "y": np.asarray(rng.uniform(0.9, 1.1, shape), np.float32)}


def row(label: str, kind: str, op: str, chain: int, backward: bool, *peers: str, quick: bool = False) -> Row:
    return Row(label, {"kind": kind, "op": op, "chain": chain, "backward": backward}, peers, quick)


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
    ),
    inputs=inputs,
    tolerance=1e-5,
    serial=True,
)
