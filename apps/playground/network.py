"""Network: chosen features of a point, hidden layers, outputs; its weights by a seed, flat in and out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

import nn
from apps.playground.errors import Refused
from apps.playground.settings import Settings, is_number
from autograd import Generator, Tensor, no_grad

__all__ = ["ACTIVATIONS", "FEATURE", "MOST_WEIGHT", "Feature", "Network"]

Array = np.ndarray[Any, Any]

BIAS = 0.1  # of all neurons at the start
MOST_WEIGHT = 1e6  # of a weight or bias that is set by hand


class Feature(NamedTuple):
    """What a network is told of a point: `formula` in Python's words, and how it is computed from x and y."""

    formula: str
    function: Callable[[Array, Array], Array]


FEATURE = {
    "x": Feature("x", lambda x, y: x),
    "y": Feature("y", lambda x, y: y),
    "xSquared": Feature("x * x", lambda x, y: x * x),
    "ySquared": Feature("y * y", lambda x, y: y * y),
    "xTimesY": Feature("x * y", lambda x, y: x * y),
    "sinX": Feature("sin(x)", lambda x, y: np.sin(x)),
    "sinY": Feature("sin(y)", lambda x, y: np.sin(y)),
}
ACTIVATIONS = {"tanh": nn.Tanh, "relu": nn.ReLU, "sigmoid": nn.Sigmoid, "linear": nn.Identity}
OUTPUTS = {"squared": "tanh", "bce": "sigmoid", "cross_entropy": "softmax"}


class Layer(nn.Module):
    """a = activation(z), z = x W^T + b: x (N, from) -> (N, to)."""

    def __init__(self, before: int, neurons: int, activation: str) -> None:
        super().__init__()
        self.linear = nn.Linear(before, neurons, dtype="float64")
        self.activation = nn.Softmax(1) if activation == "softmax" else ACTIVATIONS[activation]()

    def forward(self, x: Tensor) -> Any:
        return self.activation(self.linear(x))


class Network(nn.Module):
    """The network of `settings` for data of so many classes (0: regression), with the weights it starts from.

    features    keys of FEATURE, the inputs in order
    sizes       neurons of each layer, the outputs last
    activation  of the hidden layers
    output      "tanh", "linear", "sigmoid" (one output each) or "softmax" (one for each class)

    >>> network = Network(Settings.from_mapping({"networkShape": [3]}), classes=2)
    >>> network.features, network.sizes, network.output, network.weights().shape
    (('x', 'y'), (3, 1), 'tanh', (13,))
    """

    def __init__(self, settings: Settings, classes: int) -> None:
        super().__init__()
        self.features = settings.features
        self.activation = settings.activation
        self.output = "linear" if settings.regression else OUTPUTS[settings.loss]
        outputs = classes if self.output == "softmax" else 1
        self.sizes = (*settings.network_shape, outputs)
        kinds = [self.activation] * len(settings.network_shape) + [self.output]
        before = (len(self.features), *self.sizes)
        self.layers = nn.ModuleList(map(Layer, before, self.sizes, kinds))
        self.tensors = tuple(self.parameters())  # found once: looking for them takes as long as an epoch
        self.count = sum(p.data.size for p in self.tensors)
        self.seed, self.zero = settings.weight_seed, settings.init_zero
        self.start()

    def start(self) -> None:
        """Back to the first weights: uniform in +-1/2 by the seed, a draw for each layer; biases 0.1. With
        `initZero` all of them 0."""
        generator = Generator(self.seed)
        for layer in self.layers:
            shape = layer.linear.weight.shape
            weights = 0.0 if self.zero else generator.uniform(shape, np.float64) - 0.5
            with no_grad():
                layer.linear.weight.copy_(weights)
                layer.linear.bias.fill_(0.0 if self.zero else BIAS)

    # Forward ---------------------------------------------------------------------------------------

    def inputs(self, points: Array) -> Array:
        """The features of points (n, 2 or more), x and y first. (n, features) float64"""
        x, y = points[:, 0], points[:, 1]
        return np.column_stack([FEATURE[key].function(x, y) for key in self.features])

    def forward(self, x: Tensor) -> Any:
        """The outputs, (N, outputs), of inputs (N, features)."""
        return self.activations(x)[-1]

    def activations(self, x: Tensor) -> list[Any]:
        """What the neurons of each layer say, (N, neurons) each, the outputs last."""
        found = []
        for layer in self.layers:
            x = layer(x)
            found.append(x)
        return found

    def scores(self, x: Tensor) -> Any:
        """The outputs before their activation, (N, outputs): what losses of probabilities start from, which
        are exact where a probability would round to 0 or 1."""
        for layer in self.layers[:-1]:
            x = layer(x)
        return self.layers[-1].linear(x)

    # Weights and biases ----------------------------------------------------------------------------
    # Flat, they are in the order of parameters(): of each layer the weights [to][from] row by row, then the
    # biases.

    def weights(self) -> Array:
        """All weights and biases, a copy, flat (P,) float64."""
        return flat(p.data for p in self.tensors)

    def set_weights(self, values: Array) -> None:
        """All weights and biases at once, flat (P,); ValueError for another number of them."""
        values = np.asarray(values, np.float64)
        if values.shape != (self.count,):
            raise ValueError(f"set_weights: want {self.count} numbers, got {values.shape}")
        with no_grad():
            for p, part in zip(self.tensors, self.parts(values), strict=True):
                p.copy_(part)

    def parts(self, values: Array) -> list[Array]:
        """Flat values (P,) as views in the shapes of the parameters: weight, bias, weight, bias ..."""
        found, start = [], 0
        for p in self.tensors:
            found.append(values[start : start + p.data.size].reshape(p.shape))
            start += p.data.size
        return found

    def set_weight(self, layer: int, to: int, source: int, value: float) -> None:
        """The weight from input or neuron `source` to neuron `to` of a layer (0: the first). Refused:
        `weight_place`, `weight_value` (beyond a million, or not finite)."""
        self.set_number("weight", layer, (to, source), value)

    def set_bias(self, layer: int, neuron: int, value: float) -> None:
        """The bias of a neuron. Refused as a weight is."""
        self.set_number("bias", layer, (neuron,), value)

    def set_number(self, kind: str, layer: int, place: Sequence[int], value: float) -> None:
        given = (layer, *place)
        if not all(isinstance(i, int) and not isinstance(i, bool) for i in given):
            raise Refused("weight_place", place=list(given))
        if not 0 <= layer < len(self.sizes):
            raise Refused("weight_place", place=list(given))
        tensor = getattr(self.layers[layer].linear, kind)
        if not all(0 <= i < size for i, size in zip(place, tensor.shape, strict=True)):
            raise Refused("weight_place", place=list(given))
        if not is_number(value, MOST_WEIGHT):
            raise Refused("weight_value", value=value, most=int(MOST_WEIGHT))
        with no_grad():
            tensor[tuple(place)] = float(value)


def flat(arrays: Any) -> Array:
    return np.concatenate([array.ravel() for array in arrays])
