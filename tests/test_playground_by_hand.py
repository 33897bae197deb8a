"""Backprop by hand: what is shown are the engine's numbers, they fit together, and differences agree."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

import autograd
from apps.playground import by_hand
from apps.playground.differences import differences
from apps.playground.errors import Refused
from apps.playground.network import Network
from apps.playground.path import path_of
from apps.playground.settings import FEATURES, Settings
from nn import functional as F

ACTIVATIONS = ("tanh", "relu", "sigmoid", "linear")
# name: settings, classes of the data, a label, outputs
LOSSES = {
    "squared": ({}, 2, -1.0, 1),
    "regression": ({"problem": "regression"}, 0, 0.7, 1),
    "bce": ({"loss": "bce"}, 2, 1.0, 1),
    "two classes": ({"loss": "cross_entropy"}, 2, -1.0, 2),
    "five classes": ({"loss": "cross_entropy", "dataset": "own"}, 5, 3.0, 5),
}


def network(sizes, seed=0, reach=0.8):
    """float64 layers between sizes, inputs first."""
    rng = np.random.default_rng(seed)
    return [
        (rng.uniform(-reach, reach, (b, a)), rng.uniform(-0.2, 0.3, b))
        for a, b in zip(sizes, sizes[1:], strict=False)
    ]


def shown(loss="squared", activation="tanh", shape=(4, 3), layers=None, inputs=(1.3, -0.6), **more):
    changes, classes, label, outputs = LOSSES[loss]
    settings = Settings.from_mapping(
        {**changes, "activation": activation, "networkShape": list(shape), **more}
    )
    layers = layers or network([len(inputs), *shape, outputs])
    reply = by_hand.explained(settings, classes, layers, np.array(inputs), [1.3, -0.6, label])
    return reply, layers


def gradients_by_backward(loss, activation, layers, inputs):
    """The same loss of the same point by `backward`, written apart from the app: per layer W.grad, b.grad."""
    _, classes, label, _ = LOSSES[loss]
    parameters = [[autograd.tensor(part, requires_grad=True) for part in layer] for layer in layers]
    h = autograd.tensor(np.array([inputs]))
    for k, (w, b) in enumerate(parameters):
        h = F.linear(h, w, b)
        if k + 1 < len(layers) and activation != "linear":
            h = getattr(autograd, activation)(h)
    if loss == "squared":
        value = (autograd.tanh(h) - label).square().sum() / 2
    elif loss == "regression":
        value = (h - label).square().sum() / 2
    elif loss == "bce":
        value = F.binary_cross_entropy_with_logits(h, autograd.tensor(np.array([[(label + 1) / 2]])))
    else:
        value = F.cross_entropy(h, autograd.tensor([int(max(label, 0))]))
    value.backward()
    return [[part.grad.numpy() for part in layer] for layer in parameters], value.item()


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_are_those_of_backward_to_the_last_bit(loss, activation):
    reply, layers = shown(loss, activation)
    found, value = gradients_by_backward(loss, activation, layers, (1.3, -0.6))
    assert reply["loss"]["value"] == value
    for layer, (of_weight, of_bias) in zip(reply["layers"], found, strict=True):
        for j, neuron in enumerate(layer["neurons"]):
            assert [g["value"] for g in neuron["gradients"]] == of_weight[j].tolist()
            assert neuron["bias_gradient"] == of_bias[j]


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("loss", LOSSES)
def test_the_numbers_of_a_neuron_fit_together(loss, activation):
    """Forward: products and bias add up to z. Back: parts add up to da, da * slope = delta, delta * input is
    the gradient, and the gradient times the rate the update."""
    reply, _ = shown(loss, activation, learningRate=0.1)
    neurons = [n for layer in reply["layers"] for n in layer["neurons"]]
    values = {f["name"]: f["value"] for f in reply["features"]} | {n["name"]: n["a"] for n in neurons}
    deltas = {n["name"]: n["delta"] for n in neurons}
    near = dict(rel=1e-12, abs=1e-15)
    for n in neurons:
        assert all(i["value"] == values[i["name"]] for i in n["inputs"])
        assert all(i["product"] == i["value"] * i["weight"] for i in n["inputs"])
        assert n["z"] == pytest.approx(sum(i["product"] for i in n["inputs"]) + n["bias"], **near)
        assert all(p["delta"] == deltas[p["to"]] for p in n["parts"])
        if n["parts"]:
            assert n["da"] == pytest.approx(sum(p["product"] for p in n["parts"]), **near)
        if n["da"] is not None:
            assert n["delta"] == pytest.approx(n["da"] * n["slope"], **near)
        for g in n["gradients"]:
            assert g["value"] == pytest.approx(n["delta"] * g["input"], **near)
            assert g["update"] == -0.1 * g["value"]
        assert (n["bias_gradient"], n["bias_update"]) == (n["delta"], -0.1 * n["delta"])
    assert [n["name"] for n in reply["layers"][0]["neurons"]] == ["h1_1", "h1_2", "h1_3", "h1_4"]
    assert reply["layers"][-1]["neurons"][0]["name"] == "o_1"
    json.loads(json.dumps(reply, allow_nan=False))


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("shape", [(), (1,), (8, 8)])
def test_differences_agree(loss, activation, shape):
    for seed in range(3):
        sizes = [2, *shape, LOSSES[loss][3]]
        reply, _ = shown(loss, activation, shape, layers=network(sizes, seed))
        assert reply["agree"] < 1e-6
        neurons = [n for layer in reply["layers"] for n in layer["neurons"]]
        assert not any(g["kink"] for n in neurons for g in n["gradients"])
        assert max(abs(n["bias_gradient"]) for n in neurons) > 0.01  # there was something to agree on


def test_one_neuron_against_the_chain_rule_on_paper():
    """o = tanh(w x + b), L = (o - y)^2 / 2: dL/dw = (o - y)(1 - o^2) x."""
    layers = [(np.array([[0.5, -0.25]]), np.array([0.1]))]
    reply, _ = shown(shape=(), layers=layers, inputs=(2.0, 1.0))
    o = math.tanh(0.5 * 2 - 0.25 + 0.1)
    (neuron,) = reply["layers"][0]["neurons"]
    assert neuron["a"] == pytest.approx(o, rel=1e-15)
    assert reply["loss"]["value"] == pytest.approx((o + 1) ** 2 / 2, rel=1e-15)
    assert neuron["da"] == pytest.approx(o + 1, rel=1e-15)
    assert neuron["slope"] == pytest.approx(1 - o * o, rel=1e-14)
    expected = [(o + 1) * (1 - o * o) * x for x in (2.0, 1.0)]
    assert [g["value"] for g in neuron["gradients"]] == pytest.approx(expected, rel=1e-14)


def test_a_network_is_asked_at_a_point():
    """All features on; every number of the network itself."""
    settings = Settings.from_mapping({**dict.fromkeys(FEATURES, True), "networkShape": [3, 2]})
    network = Network(settings, 2)
    reply = by_hand.reply(settings, 2, network, [0.5, -2, 1])
    x, y = 0.5, -2.0
    assert [f["value"] for f in reply["features"]] == [x, y, x * x, y * y, x * y, np.sin(x), np.sin(y)]
    outputs = network(autograd.tensor(network.inputs(np.array([[x, y]])))).detach().numpy()[0]
    assert reply["loss"]["outputs"] == outputs.tolist()
    assert reply["loss"]["value"] == (outputs[0] - 1) ** 2 / 2


def test_losses_that_hold_their_activation_begin_at_the_sums():
    """dL/dz = p - t, of sigmoid and of softmax."""
    for loss, targets in {"bce": [1], "five classes": [0, 0, 0, 1, 0]}.items():
        reply, _ = shown(loss)
        outputs = [n["a"] for n in reply["layers"][-1]["neurons"]]
        assert (reply["loss"]["by"], reply["loss"]["targets"]) == ("z", targets)
        assert reply["loss"]["outputs"] == outputs
        assert reply["loss"]["derivatives"] == pytest.approx(
            [p - t for p, t in zip(outputs, targets, strict=True)]
        )
        assert all(n["da"] is n["slope"] is None for n in reply["layers"][-1]["neurons"])
        likely = outputs[targets.index(1)]
        assert reply["loss"]["value"] == pytest.approx(-math.log(likely), rel=1e-12)


def test_a_kink_between_both_sides_is_told_and_is_no_error():
    """A ReLU at z = 0 exactly: the engine says 0, the difference half the slope. Its neighbour is fine."""
    layers = [
        (np.array([[1.0, 1.0], [1.0, 0.0]]), np.array([0.0, 0.5])),
        (np.array([[1.0, 1.0]]), np.array([0.0])),
    ]
    reply, _ = shown(activation="relu", shape=(2,), layers=layers, inputs=(1.0, -1.0))
    at_kink, beside = reply["layers"][0]["neurons"]
    assert all(g["kink"] and g["value"] == 0 and abs(g["numeric"]) > 0.01 for g in at_kink["gradients"])
    assert at_kink["bias_kink"]
    assert not beside["bias_kink"] and not any(g["kink"] for g in beside["gradients"])
    assert reply["agree"] < 1e-8


def test_a_wrong_gradient_would_be_seen(monkeypatch):
    monkeypatch.setattr(autograd.explain.walk, "flows", wrong_flows(autograd.explain.walk.flows))
    reply, _ = shown()
    assert reply["agree"] > 0.01


def wrong_flows(flows):
    def of(*args):
        for flow in flows(*args):
            if flow.node.plan.op.name == "linear":
                flow.total = flow.total * 1.1
            yield flow

    return of


def test_large_inputs_and_labels_keep_their_step():
    """x^2 of a million is 1e12; a regression's loss is then beyond 1e11. Nothing divides by zero."""
    layers = [(np.array([[0.5, 1e-3]]), np.array([0.1]))]
    reply, _ = shown("regression", shape=(), layers=layers, inputs=(1e12, 1e6))
    assert reply["agree"] < 1e-5


def test_the_largest_network_is_quick_enough_to_ask_for():
    """Every weight's difference is there: 8 layers of 32."""
    sizes = [7, *[32] * 8, 5]
    layers = network(sizes, reach=0.4)
    settings = Settings.from_mapping({"loss": "cross_entropy", "dataset": "own", "networkShape": [32] * 8})
    found = differences(path_of(settings, 5, 2.0), layers, np.linspace(-1, 1, 7))
    assert [d.values.shape for d in found] == [(b, a + 1) for a, b in zip(sizes, sizes[1:], strict=False)]
    assert all(np.isfinite(d.values).all() and not d.kinks.any() for d in found)


def test_the_lines_of_explain_come_along():
    reply, _ = shown()
    assert reply["forward_text"][0].strip() == "1. z1 = linear(x, W1, b1)"
    assert reply["backward_text"][0].startswith("backward, from d loss/d loss")
    assert any("g * (1 - z * z)" in line for line in reply["backward_text"])


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e300])
def test_weights_that_ran_away_are_refused(bad):
    layers = network([2, 2, 1])
    layers[0][0][1, 0] = bad
    layers[1][0][:] = bad
    with pytest.raises(Refused) as refused:
        shown("regression", "linear", (2,), layers=layers)
    assert refused.value.code == "diverged"


@pytest.mark.parametrize(
    "point, code",
    [([0, 0], "points_shape"), ([0, np.nan, 1], "points_number"), (["0", 0, 1], "points_number"),
     ([0, 0, 0.5], "points_label"), ([0, 0, 2], "points_label")],
)  # fmt: skip
def test_points_that_are_none_are_refused(point, code):
    settings = Settings(network_shape=())
    with pytest.raises(Refused) as refused:
        by_hand.reply(settings, 2, Network(settings, 2), point)
    assert refused.value.code == code
