"""Backprop by hand: from the first step to the last, every number shown is the engine's, rounded."""

from __future__ import annotations

import re
from typing import Any

import pytest
from engine import number_text, power_text, trainer_of

from apps.playground import by_hand

NUMBER = re.compile(r"−?\d+(?:\.\d+)?(?:·10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?")


def three(*values: float) -> list[str]:
    """At least three digits that count."""
    return [power_text(v, 2) if 0 < abs(v) < 0.001 else number_text(v, decimals(v)) for v in values]


def decimals(value: float) -> int:
    return 3 if abs(value) >= 0.1 else 4 if abs(value) >= 0.01 else 5


# What each step must show: the numbers of its lines, and of the rows of its table -----------------------


def activation_numbers(activation: str, neurons: list[Any], j: int) -> list[str]:
    z = neurons[j]["z"]
    if activation == "softmax":  # exp z over the sum of all of them
        return three(z, *(each["z"] for each in neurons))
    return {"tanh": three(z), "relu": three(0, z), "linear": three(z), "sigmoid": ["1", "1", *three(-z)]}[
        activation
    ]


def slope_numbers(activation: str, neuron: Any) -> list[str]:
    a = three(neuron["a"])
    return {
        "tanh": ["1", *a],
        "sigmoid": [*a, "1", *a],
        "relu": [*three(neuron["z"]), "0"],
        "linear": ["1"],
    }[activation]


def inputs(reply: Any) -> list[list[str]]:
    """A coordinate as it is; a feature made of one = what it is made of."""
    x, y, _ = reply["point"]
    of = {"x": [], "y": [], "xSquared": [x], "ySquared": [y], "xTimesY": [x, y], "sinX": [x], "sinY": [y]}
    return [three(each["value"], *of[each["name"]]) for each in reply["features"]]


def forward(layer: Any, j: int) -> list[list[str]]:
    neuron = layer["neurons"][j]
    terms = [value for each in neuron["inputs"] for value in (each["weight"], each["value"])]
    result = activation_numbers(layer["activation"], layer["neurons"], j)
    return [three(neuron["z"], *terms, neuron["bias"]), [*three(neuron["a"]), *result]]


def loss(reply: Any) -> list[list[str]]:
    told, outputs = reply["loss"], reply["layers"][-1]["neurons"]
    if told["kind"] == "squared":
        return [three(told["value"], outputs[0]["a"], told["target"])]
    if told["kind"] == "cross_entropy":
        return [three(told["value"], outputs[told["target"]]["a"])]
    y, a = str(told["target"]), three(outputs[0]["a"])
    return [[*three(told["value"]), y, *a, "1", y, "1", *a]]


def delta(reply: Any, k: int, j: int) -> list[list[str]]:
    layer = reply["layers"][k]
    neuron, told = layer["neurons"][j], reply["loss"]
    if layer is reply["layers"][-1] and told["by"] == "z":
        return [[*three(neuron["delta"], neuron["a"]), str(int(told["targets"][j]))]]
    parts = [value for part in neuron["parts"] for value in (part["weight"], part["delta"])]
    return [
        three(neuron["da"], *(parts or [neuron["a"], told["target"]])),
        [*three(neuron["slope"]), *slope_numbers(layer["activation"], neuron)],
        three(neuron["delta"], neuron["da"], neuron["slope"]),
    ]


def gradients(neuron: Any) -> list[list[str]]:
    """The rows: delta and input, then the gradient and beside it the finite difference."""
    rows = [
        [
            *three(neuron["delta"], each["input"]),
            number_text(each["value"], 6),
            number_text(each["numeric"], 6),
        ]
        for each in neuron["gradients"]
    ]
    bias = [number_text(neuron[key], 6) for key in ("bias_gradient", "bias_numeric")]
    return [*rows, [*three(neuron["delta"]), *bias]]


def updates(reply: Any) -> list[list[str]]:
    """The rows: all parameters, those of the largest gradients first."""
    rate, found = reply["learning_rate"], []
    for layer in reply["layers"]:
        for neuron in layer["neurons"]:
            pairs = zip(neuron["inputs"], neuron["gradients"], strict=True)
            found += [(given["weight"], gradient["value"]) for given, gradient in pairs]
            found.append((neuron["bias"], neuron["bias_gradient"]))
    found.sort(key=lambda pair: -abs(pair[1]))
    digits = (4, 4, 5, 4)
    rows = ((w, g, -rate * g, w - rate * g) for w, g in found)
    return [[number_text(v, d) for v, d in zip(row, digits, strict=True)] for row in rows]


def largest_update(reply: Any) -> list[list[str]]:
    """Of the weights: new value = old value - learning rate · gradient."""
    rate, found = reply["learning_rate"], []
    for neuron in (neuron for layer in reply["layers"] for neuron in layer["neurons"]):
        pairs = zip(neuron["inputs"], neuron["gradients"], strict=True)
        found += [(given["weight"], gradient["value"]) for given, gradient in pairs]
    weight, gradient = max(found, key=lambda pair: abs(pair[1]))
    return [[*three(weight - rate * gradient, weight), str(rate), *three(gradient)]]


def expected_steps(reply: Any) -> list[dict[str, Any]]:
    """All steps in order: {lines, rows, spot: (layer, neuron) or None}."""
    places = [(k, j) for k, layer in enumerate(reply["layers"]) for j in range(len(layer["neurons"]))]
    layers = reply["layers"]
    last = len(layers) - 1
    found: list[dict[str, Any]] = [{"lines": inputs(reply), "rows": [], "spot": None}]
    found += [{"lines": forward(layers[k], j), "rows": [], "spot": (k, j)} for k, j in places]
    chosen = reply["loss"]["target"] if reply["loss"]["kind"] == "cross_entropy" else 0
    found.append({"lines": loss(reply), "rows": [], "spot": (last, chosen)})
    for k, j in sorted(places, key=lambda place: (-place[0], place[1])):
        found.append({"lines": delta(reply, k, j), "rows": [], "spot": (k, j)})
        found.append({"lines": [], "rows": gradients(layers[k]["neurons"][j]), "spot": (k, j)})
    found.append({"lines": largest_update(reply), "rows": updates(reply), "spot": None})
    return found


# What the page shows ------------------------------------------------------------------------------------


def open_drawer(person: Any) -> None:
    person.click("#tab-byhand")
    person.page.wait_for_selector(".point-picker button[type=submit]")


def begin(person: Any) -> None:
    """With the point that is proposed."""
    open_drawer(person)
    person.click(".point-picker button[type=submit]")
    person.page.wait_for_selector(".byhand-step h3")


def lines_shown(person: Any) -> list[list[str]]:
    """The numbers of each line, as they are read out: "symbols; numbers"."""
    spoken = person.page.locator(".byhand-step .worked > .visually-hidden").all_text_contents()
    return [NUMBER.findall(line.partition(";")[2]) for line in spoken]


def rows_shown(person: Any) -> list[list[str]]:
    cells = "rows => rows.map((row) => [...row.querySelectorAll('td')].map((cell) => cell.textContent))"
    rows = person.page.locator(".byhand-step tbody tr").evaluate_all(cells)
    if rows and len(rows[0]) == 4:
        return rows
    return [[*NUMBER.findall(row[1]), row[2], row[3]] for row in rows]


def spot_shown(person: Any) -> tuple[int, int] | None:
    places = person.page.locator(".neuron--spotlight").evaluate_all(
        "all => all.map(({ dataset }) => [Number(dataset.column) - 1, Number(dataset.index)])"
    )
    assert len(places) < 2
    return tuple(places[0]) if places else None


def reply_of(person: Any, point: list[float] | None = None, epochs: int = 0) -> Any:
    trainer = trainer_of(person.settings)
    trainer.train_epochs(epochs)
    place = trainer.points.train[0].tolist() if point is None else point
    return by_hand.reply(trainer.settings, trainer.points.classes, trainer.network, place)


KINDS = {
    "tanh": "networkShape=2&xSquared=true&sinX=true",
    "relu-regression": "problem=regression&regDataset=reg-gauss&activation=relu&networkShape=3,2",
    "sigmoid-bce": "dataset=xor&loss=bce&activation=sigmoid&networkShape=3&learningRate=0.3",
    "softmax": "dataset=blobs3&networkShape=2&learningRate=0.1&optimizer=adam",
    "linear-no-layer": "networkShape=&activation=linear&sinY=true",
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_number_from_the_first_step_to_the_last_is_the_engines(open_page, keep, kind):
    person = open_page(KINDS[kind])
    person.step("10 epochs", 10)
    reply = reply_of(person, epochs=10)
    begin(person)
    assert reply["agree"] < 1e-6
    expected = expected_steps(reply)
    assert len(expected) == 3 + 3 * sum(len(layer["neurons"]) for layer in reply["layers"])
    for at, step in enumerate(expected, 1):
        said = f"Step {at} of {len(expected)}"
        person.until(lambda said=said: said in person.text(".byhand-progress"), what=said)
        person.two_frames()
        assert lines_shown(person) == step["lines"], said
        rows = rows_shown(person)
        assert rows == step["rows"][: len(rows)] and len(rows) == min(12, len(step["rows"])), said
        assert spot_shown(person) == step["spot"], said
        assert not person.page.locator(".byhand-step .verdict.bad").count(), "finite differences agree"
        if at in (2, len(expected) - 1, len(expected)):
            keep(person, f"by-hand-{kind}-{at}")
        if at < len(expected):
            person.click(".byhand-moves button[aria-label='Next step']")


def test_the_numbers_known_so_far_stand_beside_the_neurons(open_page, keep):
    person = open_page("networkShape=2")
    begin(person)
    reply = reply_of(person)
    chips = lambda: person.page.locator(".neuron-value").all_inner_texts()  # noqa: E731
    known = [each["value"] for each in reply["features"]]
    for k in (0, 0, 1):
        j = 0 if len(known) != 3 else 1
        known.append(reply["layers"][k]["neurons"][j if k == 0 else 0]["a"])
        person.click(".byhand-moves button[aria-label='Next step']")
        texts = [number_text(value, 2) for value in known]
        person.until(lambda texts=texts: chips() == texts, what=f"{texts} beside the neurons")
    keep(person, "by-hand-forward")
    person.click("#drawer [aria-label^=Close]")
    person.until(lambda: not chips(), what="no numbers once it is closed")


def test_a_point_is_chosen_in_the_picture_and_back_leads_back(open_page):
    person = open_page()
    open_drawer(person)
    person.page.mouse.click(*person.on_plane(2, -1))
    person.page.wait_for_selector(".byhand-step h3")
    x, y, label = person.wire.asked("by_hand")[-1]["point"]
    assert (x, y) == pytest.approx((2, -1), abs=0.05)
    assert label in (-1, 1)
    assert f"{x:.2f}" in person.text(".byhand-point")
    first = person.text(".byhand-step h3")
    person.click(".byhand-moves button[aria-label='Next step']")
    person.until(lambda: person.text(".byhand-step h3") != first, what="the second step")
    person.click(".byhand-moves button[aria-label='Previous step']")
    person.until(lambda: person.text(".byhand-step h3") == first, what="the first step again")
    expected = expected_steps(reply_of(person, [x, y, label]))
    person.press("End")
    person.until(lambda: rows_shown(person) == expected[-1]["rows"][:12], what="the update of this point")


def test_the_update_is_applied_and_the_loss_of_the_point_falls(open_page, keep):
    person = open_page("networkShape=2&learningRate=0.1")
    begin(person)
    before = reply_of(person)
    person.press("End")
    person.page.wait_for_selector(".byhand-step tr.marked")
    person.page.get_by_role("button", name=re.compile("Apply")).last.click()
    trainer = trainer_of(person.settings)
    for k, layer in enumerate(before["layers"]):
        for j, neuron in enumerate(layer["neurons"]):
            for i, each in enumerate(neuron["gradients"]):
                trainer.set_weight(k, j, i, neuron["inputs"][i]["weight"] - 0.1 * each["value"])
            trainer.set_bias(k, j, neuron["bias"] - 0.1 * neuron["bias_gradient"])
    after = by_hand.reply(trainer.settings, 2, trainer.network, trainer.points.train[0].tolist())
    assert after["loss"]["value"] < before["loss"]["value"]
    told = [number_text(reply["loss"]["value"], 4) for reply in (before, after)]
    person.until(lambda: all(each in person.text(".byhand-status") for each in told), what=f"{told} said")
    assert person.weights() == pytest.approx(trainer.network.weights(), rel=1e-6)
    keep(person, "by-hand-applied")


def test_training_under_the_walk_makes_the_numbers_anew(open_page):
    person = open_page("networkShape=2&dataset=xor")
    begin(person)
    person.click(".byhand-moves button[aria-label='Next step']")
    person.until(lambda: "Step 2 " in person.text(".byhand-progress"), what="the second step")
    person.click("#transport .step")
    fresh = expected_steps(reply_of(person, epochs=1))[1]["lines"]
    person.until(lambda: lines_shown(person) == fresh, what="the numbers of the new weights")
    assert "Step 2 " in person.text(".byhand-progress")


def test_a_point_that_is_none_is_refused(open_page):
    person = open_page()
    open_drawer(person)
    person.page.fill(".point-picker input >> nth=0", "")
    person.click(".point-picker button[type=submit]")
    person.until(lambda: person.text(".point-picker .field-error") != "", what="the reason")
    assert not person.wire.asked("by_hand")
