"""The address is the page's memory: shared, it replays exactly; what can't be is named."""

from __future__ import annotations

import pytest
from engine import loss_text, trainer_of

HIDDEN = {
    "showTestData": "label.switch:has(#showTestData)",
    "discretize": "label.switch:has(#discretize)",
    "playButton": "#transport .play",
    "stepButton": "#transport .split",
    "resetButton": "#transport button:has(use[href='#icon-reset'])",
    "learningRate": "#controls [data-key=learningRate]",
    "activation": "#controls [data-key=activation]",
    "regularization": "#controls [data-key=regularization]",
    "regularizationRate": "#controls [data-key=regularizationRate]",
    "problem": "#controls [data-key=problem]",
    "batchSize": "#controls [data-key=batchSize]",
    "dataset": ".data-sets",
    "percTrainData": "#data [data-key=percTrainData]",
    "noise": "#data [data-key=noise]",
    "numHiddenLayers": "#depth button:has(use[href='#icon-plus'])",
}


def test_a_shared_link_replays_the_training_exactly(open_page, server, keep):
    first = open_page()
    first.choose_data("spiral")
    first.wait_for_settings(dataset="spiral")
    first.toggle_feature("sinX")
    first.choose("optimizer", "adam")
    first.page.fill("#data-noise", "15")
    first.wait_for_settings(noise=15)
    first.page.click("#data button:has(use[href='#icon-dice'])")
    first.until(lambda: first.settings["seed"] != 1, what="new points")
    first.press("n")
    first.until(lambda: first.settings["weightSeed"] != 1, what="new weights")
    first.wait_until_drawn()
    first.step("10 epochs", 10)
    first.click("#tools .share")
    link = first.page.input_value(".share-card input")
    keep(first, "share")
    assert link.startswith(server.origin) and "token" not in link

    second = open_page(link.partition("#")[2])
    assert second.settings == first.settings
    assert second.wire.state["points"] == first.wire.state["points"]
    second.step("10 epochs", 10)
    assert second.losses() == first.losses()
    for block in ("weights", "field", "thumbnails"):
        assert (second.wire.frame[block] == first.wire.frame[block]).all(), block
    for key in ("train_loss", "test_loss", "train_metric", "test_metric", "updates"):
        assert second.wire.frame[key] == first.wire.frame[key], key
    assert second.picture() == first.picture()
    trainer = trainer_of(second.settings)
    trainer.train_epochs(10)
    assert second.losses() == tuple(map(loss_text, trainer.loss()))


def test_reset_returns_to_the_very_same_weights_and_replays(open_page):
    person = open_page("dataset=xor&networkShape=3&weightSeed=12&optimizer=momentum")
    start = person.weights()
    person.step("10 epochs", 10)
    then, losses = person.weights(), person.losses()
    person.reset()
    assert person.weights() == start and person.epoch() == 0
    person.step("10 epochs", 10)
    assert (person.weights(), person.losses()) == (then, losses)
    history = person.wire.frame["history"]
    assert all(row[0] <= 10 for row in history)


def test_drawn_points_are_shared_too(open_page):
    points = "0.5,1.25,-1;-3,2,1;2.01,-4,-1;1,1,1"
    first = open_page(f"dataset=own&points={points}&batchSize=1")
    second = open_page(f"dataset=own&points={points}&batchSize=1")
    for person in (first, second):
        assert person.wire.state["own"] == [[float(n) for n in row.split(",")] for row in points.split(";")]
        person.step("10 epochs", 10)
    assert first.losses() == second.losses() and first.weights() == second.weights()
    first.until(lambda: first.address.get("points") == points, what="the points in the address")


def test_an_address_of_the_original_is_understood_key_by_key(open_page, keep):
    person = open_page(
        "activation=relu&regularization=L2&batchSize=15&dataset=xor&regDataset=reg-gauss&learningRate=0.1"
        "&regularizationRate=0.003&noise=20&networkShape=5,3&seed=0.42135&showTestData=true&discretize=true"
        "&percTrainData=70&x=true&y=false&xTimesY=true&xSquared=false&ySquared=true&cosX=false&sinX=true"
        "&cosY=false&sinY=false&collectStats=false&problem=classification&initZero=false&hideText=true"
    )
    expected = {
        "activation": "relu", "regularization": "L2", "batchSize": 15, "dataset": "xor",
        "regDataset": "reg-gauss", "learningRate": 0.1, "regularizationRate": 0.003, "noise": 20,
        "networkShape": [5, 3], "seed": 42135, "percTrainData": 70, "x": True, "y": False, "xTimesY": True,
        "xSquared": False, "ySquared": True, "sinX": True, "sinY": False, "problem": "classification",
        "initZero": False,
    }  # fmt: skip
    assert {key: person.settings[key] for key in expected} == expected
    assert person.page.is_checked("#showTestData") and person.page.is_checked("#discretize")
    assert person.notice() == ""
    assert len(person.wire.state["points"]["train"]) == 350
    keep(person, "address-of-the-original")


def test_init_zero_and_regression_of_the_original(open_page):
    person = open_page("problem=regression&regDataset=reg-gauss&initZero=true&networkShape=")
    assert person.wire.state["network"]["layers"] == [1]
    assert person.weights() == [0.0, 0.0, 0.0]
    assert len(person.wire.state["points"]["train"]) == 600


def test_every_part_that_the_original_hides_can_be_hidden(open_page, keep):
    plain = open_page()
    for name, selector in HIDDEN.items():
        assert plain.page.is_visible(selector), name
    hidden = open_page("&".join(f"{name}_hide=true" for name in HIDDEN))
    for name, selector in HIDDEN.items():
        assert not hidden.page.is_visible(selector), name
    assert hidden.notice() == ""
    keep(hidden, "all-hidden")
    hidden.page.reload()
    hidden.wait_until_drawn()
    assert not hidden.page.is_visible(HIDDEN["playButton"]), "the address keeps it"


def test_what_can_not_be_is_named_and_the_rest_is_taken(open_page, keep):
    bad = [
        "learningRate=NaN",
        "networkShape=4,99",
        "dataset=penguins",
        "batchSize=-3",
        "noise=1e9",
        "gravity=9.81",
    ]
    person = open_page("&".join(["activation=relu", *bad, "percTrainData=60"]))
    assert (person.settings["activation"], person.settings["percTrainData"]) == ("relu", 60)
    assert person.settings["networkShape"] == [4, 2] and person.settings["learningRate"] == 0.03
    person.until(lambda: all(part in person.notice() for part in bad), what=f"{bad} in {person.notice()!r}")
    keep(person, "address-nonsense")
    person.until(lambda: set(person.address) == {"activation", "percTrainData"}, what="an address of what is")


@pytest.mark.parametrize(
    "text", ["%", "=&=&", "points=1,2", "x=false&y=false", "dataset=own", "loss=bce&dataset=blobs3"]
)
def test_broken_addresses_still_open_the_page(open_page, text):
    person = open_page(text)
    person.until(person.notice, what="what was left out")
    person.step("1 epoch", 1)


ADDRESS = "dataset=gauss&networkShape=3&theme=dark&view=gradients"
TYPE = "(address) => { location.hash = address; }"
# The page is about to write its own address: the timer for it runs out while nothing else can happen.
TYPE_LATE = """async (address) => {
  document.querySelector("#showTestData").click();
  for (let i = 0; i < 2; i++) await new Promise(requestAnimationFrame);
  for (const end = performance.now() + 400; performance.now() < end; );
  location.hash = address;
}"""


@pytest.mark.parametrize("type_it", [TYPE, TYPE_LATE], ids=["at rest", "as the page writes its own"])
def test_an_address_typed_into_the_open_page_is_taken(open_page, type_it):
    person = open_page()
    person.page.evaluate(type_it, ADDRESS)
    person.wait_for_settings(dataset="gauss", networkShape=[3])
    assert person.page.get_attribute("html", "data-theme") == "dark"
    assert person.page.get_attribute("[data-view=gradients]", "aria-checked") == "true"


def test_no_address_shows_the_token(open_page, server):
    person = open_page()
    token = server.address.partition("token=")[2].partition("&")[0]
    assert token and token not in person.page.url
    person.click("#tools .share")
    assert token not in person.page.content()
    person.page.reload()
    person.wait_until_drawn()  # it is kept for the next time
