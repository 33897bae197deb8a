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
    predict, parameters, points = network(number, inputs)

    def step() -> float:
        loss = sum((predict(point) - target) ** 2 for point, target in points)
        return descended(loss, parameters, RATE).data

    return step


def make_demo(number: Callable[[float], Any], inputs: Inputs) -> Callable[[float], Any]:
    """The training step of micrograd's demo notebook, as a function of the learning rate."""
    predict, parameters, points = network(number, inputs, biases=True)

    def step(rate: float) -> Any:
        losses = [(1 + -target * predict(point)).relu() for point, target in points]
        loss = sum(losses) * (1.0 / len(losses)) + 1e-4 * sum(p * p for p in parameters)
        return descended(loss, parameters, rate)

    return step


def descended(loss: Any, parameters: list[Any], rate: float) -> Any:
    """The loss, after a step down its gradient."""
    for p in parameters:
        p.grad = 0.0
    loss.backward()
    for p in parameters:
        p.data -= rate * p.grad
    return loss


def network(
    number: Callable[[float], Any], inputs: Inputs, biases: bool = False
) -> tuple[Callable[[Any], Any], list[Any], list[Any]]:
    """A network of the given weights as a function, its parameters, and its points with their targets."""
    layers = [
        [([number(float(w)) for w in unit], number(0.0) if biases else 0) for unit in inputs[f"w{i}"]]
        for i in range(len(LAYERS) - 1)
    ]
    parameters = [p for layer in layers for unit, bias in layer for p in ([*unit, bias] if biases else unit)]
    points = [
        (list(map(float, p)), float(t)) for p, t in zip(inputs["points"], inputs["target"], strict=True)
    ]

    def predict(values: list[Any]) -> Any:
        for depth, layer in enumerate(layers):
            values = [sum((w * v for w, v in zip(unit, values, strict=True)), bias) for unit, bias in layer]
            if depth < len(layers) - 1:
                values = [value.relu() for value in values]
        return values[0]

    return predict, parameters, points
