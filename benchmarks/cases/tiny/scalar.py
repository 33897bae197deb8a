"""The scalar rows, written once: micrograd's Value and our Scalar have the same face (`.data`, `.grad`,
`.relu()`, `.backward()`, arithmetic with Python numbers)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.cases import Inputs, Run
from benchmarks.cases.tiny import LAYERS, RATE


def make(
    number: Callable[[float], Any], inputs: Inputs, kind: str, op: str, chain: int, backward: bool
) -> Run:
    if kind == "net":
        return make_net(number, inputs)
    x, y = number(float(inputs["x"])), number(float(inputs["y"]))
    steps = range(chain)

    if op == "mul":

        def forward() -> Any:
            z = x
            for _ in steps:
                z = z * y
            return z
    else:

        def forward() -> Any:
            z = x
            for _ in steps:
                z = z.relu()
            return z

    def step() -> float:
        x.grad = y.grad = 0.0
        forward().backward()
        return x.grad

    return step if backward else lambda: forward().data


def make_net(number: Callable[[float], Any], inputs: Inputs) -> Run:
    """One training step of a network made of single numbers, squared error on four points."""
    layers = [[[number(float(w)) for w in unit] for unit in inputs[f"w{i}"]] for i in range(len(LAYERS) - 1)]
    parameters = [w for layer in layers for unit in layer for w in unit]
    points = [
        (list(map(float, p)), float(t)) for p, t in zip(inputs["points"], inputs["target"], strict=True)
    ]

    def predict(values: list[Any]) -> Any:
        for depth, layer in enumerate(layers):
            values = [sum(w * v for w, v in zip(unit, values, strict=True)) for unit in layer]
            if depth < len(layers) - 1:
                values = [value.relu() for value in values]
        return values[0]

    def step() -> float:
        loss = sum((predict(point) - target) ** 2 for point, target in points)
        for p in parameters:
            p.grad = 0.0
        loss.backward()
        for p in parameters:
            p.data -= RATE * p.grad
        return loss.data

    return step
