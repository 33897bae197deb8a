"""Backprop by hand: one point forward and back through the network, neuron by neuron, as explain tells it.

Values, deltas and gradients are read from the steps of `autograd.explain`: they are the engine's own numbers.
Only products of two shown numbers (weight times input) and updates are multiplied here. Beside each gradient
stands what `differences` found with forward passes alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import autograd
from apps.playground.differences import Numeric, differences
from apps.playground.errors import Refused
from apps.playground.network import Network
from apps.playground.path import Layers, Path, path_of
from apps.playground.points import checked
from apps.playground.settings import Settings
from autograd import explain
from nn import functional as F

__all__ = ["FORMULAS", "explained", "reply"]

Array = np.ndarray[Any, Any]
Record = dict[str, Any]

FORMULAS = {
    "x": "x₁", "y": "x₂", "xSquared": "x₁²", "ySquared": "x₂²", "xTimesY": "x₁x₂",
    "sinX": "sin x₁", "sinY": "sin x₂",
}  # fmt: skip


def reply(settings: Settings, classes: int, network: Network, point: Sequence[float]) -> Record:
    """All that the page shows of the point [x, y, label]: a JSON object, its form is the page's protocol.

    classes     of the data (0: regression), as Points has it
    network     with the weights as they are now

    Gradients are those of the loss of this one point, without the penalty; updates are one step of plain
    gradient descent at the present learning rate. Refused: what `points.checked` refuses, `points_label`, and
    `diverged` where a number is not finite.
    """
    place = checked([list(point)])
    parts = network.parts(network.weights())
    layers = list(zip(parts[::2], parts[1::2], strict=True))
    return explained(settings, classes, layers, network.inputs(place)[0], point)


def explained(
    settings: Settings, classes: int, layers: Layers, inputs: Array, point: Sequence[float]
) -> Record:
    """The reply for any weights, and any inputs (features,), as if the point had them."""
    x, y, label = checked([list(point)])[0].tolist()
    path = path_of(settings, classes, label)
    steps, sums = watched(path, layers, inputs)
    found = [*steps.gradients.values(), *steps.values.values()]
    if not all(np.isfinite(value).all() for value in found):
        raise Refused("diverged")
    numeric = differences(path, layers, inputs)
    book = Book(path, settings, layers, steps, sums, numeric)
    features = zip(settings.features, inputs.tolist(), strict=True)
    forward, backward = lines(steps)
    return {
        "type": "by_hand", "point": [x, y, label], "classes": classes, "loss": book.loss(),
        "learning_rate": settings.learning_rate,
        "features": [{"name": key, "formula": FORMULAS[key], "value": value} for key, value in features],
        "layers": [book.layer(k) for k in range(len(layers))],
        "agree": book.agree,
        "forward_text": forward, "backward_text": backward,
    }  # fmt: skip


def watched(path: Path, layers: Layers, inputs: Array) -> tuple[explain.Steps, list[str]]:
    """The steps of one forward and backward pass, in which W1 and b1 are the weights and biases of the first
    layer, z1 its sums, h1 its activations; o is the output. With it, by layer, the name of the activations,
    which is z1 where these are the sums."""
    names: dict[str, Any] = {}
    values = []
    with explain.watching():
        h = names["x"] = autograd.tensor(inputs[None], dtype="float64")
        for k, (weight, bias) in enumerate(layers, 1):
            w = names[f"W{k}"] = autograd.tensor(weight, dtype="float64", requires_grad=True)
            b = names[f"b{k}"] = autograd.tensor(bias, dtype="float64", requires_grad=True)
            z = names[f"z{k}"] = F.linear(h, w, b)
            h = path.activate(z, k == len(layers))
            values.append(f"z{k}" if h is z else "o" if k == len(layers) else f"h{k}")
            names[values[-1]] = h
        loss = path.losses(h)
    return explain.steps(loss, names), values


def lines(steps: explain.Steps) -> tuple[list[str], list[str]]:
    """The steps as explain prints them: forward, and backward."""
    text = str(steps).split("\n")
    cut = next(i for i, line in enumerate(text) if line.startswith("backward"))
    return text[1:cut], text[cut:]


def slopes(path: Path, z: Array, last: bool) -> Array:
    """The derivative of the activation at each z, from the engine: z (to,)."""
    at = autograd.tensor(z[None], dtype="float64", requires_grad=True)
    return autograd.grad(autograd.sum(path.activate(at, last)), at)[0].numpy()[0]


def shown(path: Path, z: Array) -> Array:
    """The outputs as the page shows them: z (to,), of softmax and sigmoid the probabilities."""
    if path.output == "softmax":
        return F.softmax(autograd.tensor(z, dtype="float64"), 0).numpy()
    return autograd.sigmoid(autograd.tensor(z, dtype="float64")).numpy()


class Book:
    """The numbers of one pass, by layer (from 0) and neuron."""

    def __init__(
        self,
        path: Path,
        settings: Settings,
        layers: Layers,
        steps: explain.Steps,
        sums: list[str],
        numeric: list[Numeric],
    ) -> None:
        self.path, self.settings, self.layers = path, settings, layers
        self.steps, self.numeric = steps, numeric
        self.last = len(layers) - 1
        self.z = [steps.values[f"z{k + 1}"][0] for k in range(len(layers))]
        self.a = [steps.values[name][0] for name in sums]
        self.da = [steps.gradients[name][0] for name in sums]
        self.delta = [steps.gradients[f"z{k + 1}"][0] for k in range(len(layers))]
        if path.fused:
            self.a[-1] = shown(path, self.z[-1])
        self.agree = 0.0

    @property
    def value(self) -> float:
        return float(np.asarray(self.steps.loss.value).item())

    def names(self, k: int) -> list[str]:
        """Of the neurons of layer k; of the features for k = -1."""
        if k < 0:
            return list(self.settings.features)
        count = len(self.z[k])
        return [f"o_{j}" if k == self.last else f"h{k + 1}_{j}" for j in range(1, count + 1)]

    def loss(self) -> Record:
        path, count = self.path, len(self.z[-1])
        targets = [path.target]
        if path.loss == "cross_entropy":
            targets = [float(j == path.target) for j in range(count)]
        return {
            "kind": path.loss, "value": self.value,
            "target": path.target if path.loss == "squared" else int(path.target),
            "outputs": self.a[-1].tolist(), "targets": targets, "by": "z" if path.fused else "a",
            "derivatives": (self.delta if path.fused else self.da)[-1].tolist(),
        }  # fmt: skip

    def layer(self, k: int) -> Record:
        weight, bias = self.layers[k]
        before = self.names(k - 1)
        given = (self.steps.values["x"][0] if k == 0 else self.a[k - 1]).tolist()
        slope = [None] * len(bias)
        da: list[float | None] = list(slope)
        if not (self.path.fused and k == self.last):
            slope, da = slopes(self.path, self.z[k], k == self.last).tolist(), self.da[k].tolist()
        columns = zip(self.names(k), weight.tolist(), bias.tolist(), self.z[k].tolist(), self.a[k].tolist(),
                      da, slope, self.delta[k].tolist(), strict=True)  # fmt: skip
        return {
            "activation": self.path.output if k == self.last else self.path.hidden,
            "neurons": [
                {
                    "name": name,
                    "inputs": [
                        {"name": of, "value": v, "weight": w, "product": w * v}
                        for of, v, w in zip(before, given, row, strict=True)
                    ],
                    "bias": b, "z": z, "a": a,
                    "da": up, "parts": self.parts(k, j), "slope": f, "delta": delta,
                    **self.gradients(k, j, before),
                }
                for j, (name, row, b, z, a, up, f, delta) in enumerate(columns)
            ],
        }  # fmt: skip

    def parts(self, k: int, j: int) -> list[Record]:
        """How the gradient of a hidden neuron adds up; nothing for an output."""
        if k == self.last:
            return []
        after = zip(
            self.names(k + 1), self.layers[k + 1][0][:, j].tolist(), self.delta[k + 1].tolist(), strict=True
        )
        return [{"to": to, "weight": w, "delta": d, "product": w * d} for to, w, d in after]

    def gradients(self, k: int, j: int, before: list[str]) -> Record:
        given = self.steps.values["x"][0] if k == 0 else self.a[k - 1]
        of_weights = self.steps.gradients[f"W{k + 1}"][j].tolist()
        of_bias = float(self.steps.gradients[f"b{k + 1}"][j])
        columns = (column[j].tolist() for column in self.numeric[k])
        found = [self.beside(*of_one) for of_one in zip([*of_weights, of_bias], *columns, strict=True)]
        named = zip(before, given.tolist(), found[:-1], strict=True)
        return {
            "gradients": [{"name": name, "input": value, **one} for name, value, one in named],
            "bias_gradient": of_bias,
            **{f"bias_{key}": value for key, value in found[-1].items() if key != "value"},
        }

    def beside(self, value: float, numeric: float, kink: bool, blur: float) -> Record:
        """A gradient, the difference quotient, how far apart they are, and the update. Far is relative to the
        larger one, or to what the quotient resolves to seven digits."""
        difference = abs(value - numeric) / max(abs(value), abs(numeric), 1e7 * blur)
        if not kink:
            self.agree = max(self.agree, difference)
        update = -self.settings.learning_rate * value
        return {"value": value, "numeric": numeric, "difference": difference, "kink": kink, "update": update}
