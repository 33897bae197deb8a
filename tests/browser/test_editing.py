"""A weight or a bias is changed by hand: everything follows at once, the loss chart gets no false point."""

from __future__ import annotations

import pytest
from engine import loss_text, number_text, trainer_of

HISTORY = "document.querySelector('.chart-canvas').toDataURL()"


def test_an_edited_weight_changes_loss_and_field_at_once_and_not_the_chart(open_page, keep):
    person = open_page("dataset=gauss")
    person.step("10 epochs", 10)
    trainer = trainer_of(person.settings)
    trainer.train_epochs(10)
    assert person.losses() == tuple(map(loss_text, trainer.loss()))
    field, chart = person.picture(), person.page.evaluate(HISTORY)

    person.click_link(0, 2, 1)
    assert "weight from x₂ to neuron 3 of layer 1" in person.text(".card-title").lower()
    keep(person, "weight-edited")
    person.type("-1.5")
    person.press("Enter")
    trainer.set_weight(0, 2, 1, -1.5)
    person.until(lambda: person.losses() == tuple(map(loss_text, trainer.loss())), what="the engine's losses")
    assert person.weights() == pytest.approx(trainer.network.weights(), rel=1e-6)
    person.two_frames()
    assert person.picture() != field

    person.page.mouse.move(5, 5)
    person.two_frames()
    assert person.epoch() == 10
    assert person.page.evaluate(HISTORY) == chart, "an edit is no epoch: the chart stays as it was"

    person.step("10 epochs", 10)  # and the training goes on from there
    trainer.train_epochs(10)
    assert person.losses() == tuple(map(loss_text, trainer.loss()))


def test_an_edited_bias_of_the_output_changes_the_loss(open_page, keep):
    person = open_page("networkShape=2")
    trainer = trainer_of(person.settings)
    before = person.losses()
    person.click_bias(1, 0)
    assert "bias of the output" in person.text(".card-title").lower()
    person.type("0.9")
    person.press("Enter")
    trainer.set_bias(1, 0, 0.9)
    person.until(lambda: person.losses() == tuple(map(loss_text, trainer.loss())), what="the engine's losses")
    assert person.losses() != before
    keep(person, "bias-edited")


def test_escape_takes_an_edit_back(open_page):
    person = open_page()
    before = person.weights()
    person.click_link(1, 0, 0)
    person.type("3")
    person.press("Escape")
    person.until(lambda: not person.sees(".network-room > .card:not([hidden])"), what="no card")
    person.step("1 epoch", 1)
    person.reset()
    assert person.weights() == before
    assert not person.wire.asked("weight")


def test_what_is_no_number_is_refused_with_a_reason(open_page):
    person = open_page()
    person.click_link(0, 0, 0)
    for text in ["a lot", "", "1e999", "0x", "NaN"]:
        person.page.fill(".card input", text)
        assert person.text(".card .field-error") == "", "typing takes the reason away"
        person.press("Enter")
        person.until(lambda: "is not a number" in person.text(".card .field-error"), what="the reason")
        assert person.sees(".card .card-edit:not([hidden])"), "it stays, to be mended"
    assert not person.wire.asked("weight")


def test_a_weight_beyond_a_million_is_refused_by_the_server(open_page):
    person = open_page()
    before = person.weights()
    person.click_link(0, 0, 0)
    person.page.fill(".card input", "2000000")
    person.press("Enter")
    person.until(lambda: "A weight can't be 2000000" in person.notice(), what="the reason")
    assert person.weights() == before


def test_a_weight_is_edited_while_it_trains(open_page):
    person = open_page("learningRate=0.00001")
    person.train()
    person.until(lambda: person.epoch() > 2, what="some epochs")
    person.click_link(0, 0, 0)
    person.page.fill(".card input", "0.5")
    person.press("Enter")
    person.until(lambda: abs(person.weights()[0] - 0.5) < 0.01, what="the weight")
    person.pause()


def test_gradients_and_last_update_are_the_engines(open_page, keep):
    person = open_page("dataset=xor&networkShape=3,2&seed=7&weightSeed=5")
    person.step("10 epochs", 10)
    trainer = trainer_of(person.settings)
    trainer.train_epochs(10)
    expected = {"gradients": trainer.gradients(), "updates": trainer.last_update}
    for view, values in expected.items():
        person.click(f"#view [data-view={view}]")
        person.until(lambda view=view: view in person.wire.frame, what=view)
        assert person.wire.frame[view] == pytest.approx(values, rel=1e-5, abs=1e-9)
        largest = number_text(abs(values[:6]).mean(), 3)
        person.until(
            lambda largest=largest: person.text(".layer-bar-number") == largest, what=f"mean {largest}"
        )
        keep(person, f"view-{view}")
    person.until(lambda: person.address.get("view") == "updates", what="the view in the address")

    for to in range(3):
        for source in range(2):
            person.page.mouse.move(5, 5)
            person.point_at_link(0, to, source)
            at = to * 2 + source
            values = [trainer.network.weights()[at], expected["gradients"][at], expected["updates"][at]]
            shown = [number_text(value, 4) for value in values]
            person.until(lambda shown=shown: person.card() == shown, what=f"{shown} on the card")


COLORS = """([x, y]) => {
  const canvas = document.querySelector(".network-canvas"), box = canvas.getBoundingClientRect();
  const at = [(x - box.left) * devicePixelRatio, (y - box.top) * devicePixelRatio];
  return [...canvas.getContext("2d").getImageData(Math.round(at[0]), Math.round(at[1]), 1, 1).data];
}"""


def test_links_are_orange_below_zero_and_blue_above_in_every_view(open_page):
    person = open_page("dataset=xor&networkShape=2&seed=7&weightSeed=5")
    person.step("10 epochs", 10)
    trainer = trainer_of(person.settings)
    trainer.train_epochs(10)
    expected = [
        ("weights", trainer.network.weights()),
        ("gradients", trainer.gradients()),
        ("updates", trainer.last_update),
    ]
    for view, values in expected:
        person.click(f"#view [data-view={view}]")
        person.until(lambda view=view: view in person.wire.frame, what=view)
        person.two_frames()
        person.two_frames()
        strong = [i for i in range(4) if abs(values[i]) > 0.3 * abs(values[:4]).max()]
        for at in strong:
            red, _, blue, seen = person.page.evaluate(COLORS, person.on_link(0, at // 2, at % 2, t=0.25))
            assert seen, f"{view}: nothing is drawn at link {at}"
            assert (blue > red) == (values[at] > 0), f"{view}: link {at}, {values[at]}"


def test_the_table_edits_exact_values(open_page, keep):
    person = open_page("networkShape=2")
    person.click("#tab-table")
    person.page.wait_for_selector(".table-input")
    weights = person.weights()
    shown = [number_text(value, 4) for value in weights]
    inputs = person.page.locator(".table-input")
    values = lambda: inputs.evaluate_all("all => all.map((input) => input.value)")  # noqa: E731
    rows = [*shown[0:2], shown[4], *shown[2:4], shown[5], *shown[6:9]]  # a neuron's weights, then its bias
    person.until(lambda: values() == rows, what=f"{rows} in {values()}")
    keep(person, "table")
    inputs.nth(1).fill("0.123456789")
    person.press("Enter")
    person.until(lambda: abs(person.weights()[1] - 0.123456789) < 1e-7, what="the weight")
    inputs.nth(2).fill("much")
    person.press("Enter")
    person.until(lambda: "much" in person.text("#panel-table .field-error"), what="the reason")
    assert len(person.wire.asked("weight")) == 1 and not person.wire.asked("bias")
