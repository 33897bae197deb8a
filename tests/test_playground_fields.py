"""The playground's pictures of neurons: every pixel against the network asked about one point."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import autograd
from apps.playground.errors import Refused
from apps.playground.fields import Fields, encoded
from apps.playground.network import Network
from apps.playground.points import generate
from apps.playground.settings import FEATURES, Settings
from apps.playground.training import Trainer

Array = np.ndarray[Any, Any]
ALL = dict.fromkeys(FEATURES, True)


def network_of(classes: int = 2, **given: Any) -> Network:
    return Network(Settings.from_mapping(given), classes)


def pixel(network: Network, layer: int, neuron: int, x: float, y: float) -> int:
    """What stands for a neuron at a point."""
    inputs = network.inputs(np.array([[x, y]]))
    value = network.activations(autograd.tensor(inputs))[layer].data[0, neuron]
    if layer == len(network.sizes) - 1 and network.output in ("sigmoid", "softmax"):
        value = 2 * value - 1
    return 1 + round((min(max(value, -1), 1) + 1) * 127)


def places(side: int) -> list[tuple[int, int, float, float]]:
    """Some pixels, and the points at their centres: row 0 is the top."""
    step = 12 / side
    some = [0, 1, side // 3, side // 2, side - 1]
    return [(r, c, -6 + (c + 0.5) * step, 6 - (r + 0.5) * step) for r in some for c in some]


@pytest.mark.parametrize(
    ("given", "classes"),
    [
        ({"networkShape": [4, 2]}, 2),
        ({"networkShape": [8, 8, 8], **ALL}, 2),
        ({"networkShape": [3], "loss": "bce", "activation": "relu"}, 2),
        ({"networkShape": [3], "loss": "cross_entropy", "dataset": "blobs3", "activation": "sigmoid"}, 3),
        ({"networkShape": [], "problem": "regression"}, 0),
    ],
)
def test_pixels(given: dict[str, Any], classes: int) -> None:
    network = network_of(classes, **given)
    network.set_weights(network.weights() * 3)
    field, thumbnails = Fields(network).draw()
    outputs = network.sizes[-1]
    assert field.shape == (outputs, 100, 100) and thumbnails.shape == (sum(network.sizes), 30, 30)
    assert field.dtype == thumbnails.dtype == np.uint8
    last = len(network.sizes) - 1
    for k in range(outputs):
        for r, c, x, y in places(100):
            assert abs(int(field[k, r, c]) - pixel(network, last, k, x, y)) <= 1e-9
    neurons = [(layer, i) for layer, size in enumerate(network.sizes) for i in range(size)]
    for place, (layer, i) in enumerate(neurons):
        for r, c, x, y in places(30):
            assert thumbnails[place, r, c] == pixel(network, layer, i, x, y)


def test_a_neuron_that_is_shown() -> None:
    network = network_of(networkShape=[4, 2])
    fields = Fields(network)
    thumbnails = fields.draw()[1]
    for layer, size in enumerate(network.sizes):
        for neuron in range(size):
            field, same = fields.draw([layer, neuron])
            assert field.shape == (1, 100, 100) and (same == thumbnails).all()
            for r, c, x, y in places(100):
                assert field[0, r, c] == pixel(network, layer, neuron, x, y)


def test_up_is_up_and_right_is_right() -> None:
    network = network_of(networkShape=[], problem="regression", classes=0)
    network.set_weights(np.array([0.1, 0.0, 0.0]))  # x
    x = Fields(network).draw()[0][0].astype(int)
    network.set_weights(np.array([0.0, 0.1, 0.0]))  # y
    y = Fields(network).draw()[0][0].astype(int)
    assert (np.diff(x, axis=1) >= 0).all() and x[0, 0] < 128 < x[0, -1] and not np.diff(x, axis=0).any()
    assert (np.diff(y, axis=0) <= 0).all() and y[0, 0] > 128 > y[-1, 0] and not np.diff(y, axis=1).any()
    assert (x == y[::-1].T).all()


def test_they_show_the_weights_of_the_moment() -> None:
    settings = Settings()
    trainer = Trainer(settings, generate(settings))
    fields = Fields(trainer.network)
    first = fields.draw()[0]
    trainer.train_epochs(20)
    trained = fields.draw()[0]
    assert (trained != first).any()
    trainer.set_bias(2, 0, 50.0)
    assert (fields.draw()[0] == 255).all()
    trainer.reset()
    assert (fields.draw()[0] == first).all()


@pytest.mark.parametrize(
    "shown", [[3, 0], [0, 4], [-1, 0], [0, -1], [0], [0, 0, 0], [0.0, 0], [True, 0], "00", 7, {}]
)
def test_neurons_that_are_not_there(shown: Any) -> None:
    with pytest.raises(Refused) as refused:
        Fields(network_of(networkShape=[4, 2])).draw(shown)
    assert refused.value.code == "neuron_place"


def test_code_of_numbers() -> None:
    values = np.array([-math.inf, -1e300, -1, -0.999, -0.5, 0, 0.5, 0.999, 1, 7, math.inf, math.nan])
    assert encoded(values).tolist() == [1, 1, 1, 1, 64, 128, 192, 255, 255, 255, 255, 0]


def test_no_number_is_seen() -> None:
    network = network_of(networkShape=[2], activation="linear", problem="regression", classes=0)
    network.set_weights(np.array([1e308, 1e308, 1, 1, 0, 0, 1e308, -1e308, 0]))
    field, thumbnails = Fields(network).draw()
    assert (field == 0).any()
    assert set(np.unique(thumbnails[0])) <= {1, 128, 255, 0}
