"""A network is built, trained and edited with the mouse alone."""

from __future__ import annotations


def test_a_network_is_built_by_mouse(open_page, keep):
    person = open_page()
    assert person.settings["networkShape"] == [4, 2]

    person.click("#depth button[aria-label='Add a hidden layer']")
    person.wait_for_settings(networkShape=[4, 2, 2])
    person.click("[aria-label='Layer 3: add a neuron']")
    person.wait_for_settings(networkShape=[4, 2, 3])
    person.click("[aria-label='Layer 1: remove a neuron']")
    person.wait_for_settings(networkShape=[3, 2, 3])
    person.toggle_feature("sinX")
    person.toggle_feature("y")
    person.choose("activation", "relu")
    person.choose_data("xor")
    person.wait_for_settings(dataset="xor")

    network = person.wire.state["network"]
    assert network == {
        "features": ["x", "sinX"],
        "layers": [3, 2, 3, 1],
        "activation": "relu",
        "output": "tanh",
    }
    assert person.page.locator("#network .neuron").count() == 9
    assert len(person.weights()) == 2 * 3 + 3 + 3 * 2 + 2 + 2 * 3 + 3 + 3 + 1
    expected = {"networkShape": "3,2,3", "sinX": "true", "y": "false", "activation": "relu", "dataset": "xor"}
    person.until(lambda: person.address == expected, what=f"the address {expected}")

    before = person.losses()
    person.train()
    person.until(lambda: person.epoch() >= 20, what="20 epochs")
    keep(person, "built-by-mouse")
    person.pause()
    assert person.losses() != before
    assert person.wire.frame["epoch"] == person.epoch()


def test_layers_and_neurons_go_down_to_none_and_up_to_the_limits(open_page, keep):
    person = open_page("networkShape=1")
    fewer, more = "#depth button >> nth=0", "#depth button >> nth=1"
    assert person.page.is_disabled("[aria-label='Layer 1: remove a neuron']")
    person.click(fewer)
    person.wait_for_settings(networkShape=[])
    assert person.page.is_disabled(fewer)
    assert person.wire.state["network"]["layers"] == [1]
    for count in range(1, 9):
        person.click(more)
        person.wait_for_settings(networkShape=[2] * count)
    assert person.page.is_disabled(more)
    keep(person, "eight-layers")


def test_the_last_feature_stays_and_the_page_says_why(open_page):
    person = open_page("y=false")
    person.click("[data-feature=x]")
    person.until(lambda: "X₁ is the only feature left" in person.notice(), what="the reason")
    assert person.settings["x"] is True


DATA_SETS = {"gauss": 2, "moons": 2, "rings": 2, "blobs3": 3, "spiral3": 3}


def test_every_data_set_is_chosen_by_its_picture(open_page):
    person = open_page()
    for dataset, classes in DATA_SETS.items():
        person.choose_data(dataset)
        person.wait_for_settings(dataset=dataset)
        state = person.wire.state
        assert state["classes"] == classes
        assert state["network"]["output"] == ("softmax" if classes > 2 else "tanh")
        assert state["settings"]["loss"] == ("cross_entropy" if classes > 2 else "squared")
        person.step("10 epochs", 10)
        assert person.page.get_attribute(f".data-set[data-value={dataset}]", "aria-checked") == "true"


def test_regression_has_its_own_data_and_r_squared(open_page, keep):
    person = open_page()
    person.choose("problem", "regression")
    person.choose_data("reg-gauss")
    person.wait_for_settings(problem="regression", regDataset="reg-gauss")
    person.step("10 epochs", 10)
    assert person.wire.state["classes"] == 0
    assert "R" in person.text("#losses thead th:nth-of-type(2)")
    keep(person, "regression")


def test_a_neuron_pointed_at_is_shown_large(open_page, keep):
    person = open_page("dataset=xor")
    person.step("10 epochs", 10)
    whole = person.picture()
    person.page.hover("#network .neuron[data-column='1'][data-index='0']")
    person.until(lambda: "neuron 1 of layer 1" in person.text("#shown"), what="its name")
    assert person.wire.frame["shown"] == [0, 0]
    person.two_frames()
    assert person.picture() != whole
    keep(person, "neuron-pointed-at")
    person.page.hover("[data-feature=xSquared]")
    person.until(lambda: person.text("#shown") == "X₁²", what="the feature's name")
    person.page.mouse.move(5, 5)
    person.until(lambda: person.text("#shown") not in ("X₁²", ""), what="the network again")
