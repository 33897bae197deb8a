"""All of it by keyboard alone: no test here uses a mouse, and the page is asked whether one was pressed."""

from __future__ import annotations

import pytest

COUNT_POINTERS = "window.pointers = 0; addEventListener('pointerdown', () => window.pointers++, true)"

# What Tab is to reach: of roving groups (tabs, radio buttons, neurons) the one that stands for it.
CONTROLS = """() => {
  const all = [...document.querySelectorAll("a[href], button, select, input, [tabindex='0']")];
  const seen = (e) => e.checkVisibility({visibilityProperty: true});
  window.controls = all.filter((e) => !e.disabled && e.tabIndex >= 0 && seen(e));
  return window.controls.map((e) => `${e.tagName} ${e.id} ${e.className} ${e.ariaLabel ?? e.innerText}`);
}"""

# Where the focus is among them, and whether a ring shows it.
FOCUSED = """() => {
  const ringed = (e) => e && getComputedStyle(e).outlineStyle !== "none";
  const e = document.activeElement;
  return [window.controls.indexOf(e), ringed(e) || ringed(e.closest("label"))];
}"""


@pytest.fixture
def keys(open_page):
    """A person without a mouse."""
    person = open_page()
    person.page.evaluate(COUNT_POINTERS)
    yield person
    assert person.page.evaluate("window.pointers") == 0


def test_tab_reaches_every_control_and_shows_where_it_is(keys):
    controls = keys.page.evaluate(CONTROLS)
    assert len(controls) > 40
    reached, unseen = set(), []
    for _ in range(len(controls) + 5):
        keys.press("Tab")
        index, ringed = keys.page.evaluate(FOCUSED)
        reached.add(index)
        if index >= 0 and not ringed:
            unseen.append(controls[index])
    missed = [control for index, control in enumerate(controls) if index not in reached]
    assert not missed, f"Tab does not reach {missed}"
    assert not unseen, f"nothing shows the focus on {unseen}"


def test_a_network_is_built_trained_and_edited_by_keyboard_only(keys, keep):
    keys.tab_to("[aria-label='Add a hidden layer']")
    keys.press("Enter")
    keys.wait_for_settings(networkShape=[4, 2, 2])
    keys.tab_to("[aria-label='Layer 2: add a neuron']")
    keys.press("Space")
    keys.wait_for_settings(networkShape=[4, 3, 2])
    keys.press("Enter")  # the focus stays on the button although the network is drawn anew
    keys.wait_for_settings(networkShape=[4, 4, 2])

    keys.tab_to("[data-column]")
    keys.press("ArrowDown", "ArrowDown")
    assert keys.page.evaluate("document.activeElement.dataset.feature") == "xSquared"
    keys.press("Space")
    keys.wait_for_settings(xSquared=True)

    keys.tab_to("#control-activation", "Shift+Tab")
    keys.press("r")  # a list is chosen from by its first letter
    keys.wait_for_settings(activation="relu")
    keys.tab_to(".data-set[aria-checked=true]")
    keys.press("ArrowRight")
    keys.wait_for_settings(dataset="xor")
    keys.tab_to("#data-noise")
    keys.press("ArrowRight", "ArrowRight")
    keys.wait_for_settings(noise=10)

    keys.tab_to("#transport .play", "Shift+Tab")
    keys.press("Enter")
    keys.until(lambda: keys.epoch() >= 10, what="10 epochs")
    keys.press("Enter")
    keys.until(lambda: not keys.running(), what="a pause")
    keep(keys, "keyboard-only")


def test_a_weight_and_a_bias_are_edited_by_keyboard_only(keys, keep):
    before = keys.weights()
    keys.tab_to("[data-column]")
    keys.press("ArrowRight")  # to the neuron beside
    keys.press("ArrowUp", "ArrowUp", "ArrowUp")
    assert keys.page.evaluate("document.activeElement.dataset.index") == "0"
    keys.press("Enter", "ArrowDown")  # into its weights, to the second
    assert "weight from X₂ to neuron 1 of layer 1" in keys.focus()
    keys.press("Enter")
    keep(keys, "weight-by-keyboard")
    keys.type("0.75")
    keys.press("Enter")
    keys.until(lambda: keys.weights()[1] == 0.75, what="the weight")
    assert "weight from X₂ to neuron 1 of layer 1" in keys.focus()  # back where it was
    keys.until(lambda: "0.750" in keys.focus(), what="its new value in its name")

    keys.press("ArrowDown")
    assert "bias of neuron 1 of layer 1" in keys.focus()
    keys.press("Enter")
    keys.type("-0.5")
    keys.press("Escape")  # taken back
    keys.press("Enter")
    keys.type("-0.25")
    keys.press("Enter")
    keys.until(lambda: keys.weights()[8] == -0.25, what="the bias")
    keys.press("Escape")
    assert "neuron 1 of layer 1" in keys.focus() and "bias" not in keys.focus().partition(";")[0]
    after = keys.weights()
    assert [i for i, pair in enumerate(zip(before, after, strict=True)) if pair[0] != pair[1]] == [1, 8]


def test_single_keys_train_step_and_reset_but_not_while_typing(keys):
    start = keys.weights()
    keys.press("s")
    keys.until(lambda: keys.epoch() == 1, what="an epoch")
    keys.press("b")
    keys.until(lambda: keys.wire.frame["updates"] == 26, what="a batch")
    keys.press("Space")
    keys.until(keys.running, what="training")
    keys.press("Space")
    keys.until(lambda: not keys.running(), what="a pause")
    keys.press("r")
    keys.until(lambda: keys.epoch() == 0 and keys.weights() == start, what="the first weights")
    keys.press("n")
    keys.until(lambda: keys.weights() != start, what="other weights")
    keys.press("?")
    keys.page.wait_for_selector("dialog[open]")
    keys.press("Escape")
    keys.until(lambda: not keys.sees("dialog"), what="no dialog")

    keys.tab_to("#tab-byhand")
    keys.press("ArrowRight", "Enter")  # the table
    keys.tab_to(".table-input")
    seed, updates = keys.settings["weightSeed"], keys.wire.frame["updates"]
    keys.type("nsrb ")
    keys.press("Escape")
    assert (keys.settings["weightSeed"], keys.wire.frame["updates"]) == (seed, updates)


def test_points_are_drawn_by_keyboard(keys, keep):
    keys.tab_to("button[title='Draw points in the output picture']")
    keys.press("Enter")
    keys.until(lambda: "plot-sheet" in keys.focus(), what="the focus in the picture")
    keys.press("Enter")  # class 1 in the middle
    keys.press("Shift+ArrowRight", "2", "Space")
    keys.until(lambda: keys.wire.state["own"] == [[0, 0, -1], [1, 0, 1]], what="two points")
    keys.press("ArrowUp", "Enter", "Control+z", "Shift+ArrowLeft", "ArrowDown", "Delete")
    keys.until(lambda: keys.wire.state["own"] == [[1, 0, 1]], what="the first one erased")
    keep(keys, "drawn-by-keyboard")
    keys.press("Escape")
    keys.until(lambda: not keys.sees(".draw-tools:not([hidden])"), what="the end of drawing")


def test_popovers_give_the_focus_back(keys):
    for opener in [".step-menu", ".stop", ".share", ".export", "#controls .help"]:
        keys.tab_to(opener)
        keys.press("Enter")
        keys.page.wait_for_selector(".popover")
        assert keys.page.evaluate("document.querySelector('.popover').contains(document.activeElement)"), (
            opener
        )
        keys.press("Escape")
        keys.until(lambda: not keys.sees(".popover"), what=f"{opener} closed")
        assert keys.page.evaluate(f"document.activeElement.matches({opener!r})"), opener


def test_backprop_by_hand_is_walked_by_keyboard(keys):
    keys.tab_to("#tab-byhand")
    keys.press("Enter")
    keys.tab_to(".point-picker button[type=submit]")
    keys.press("Enter")
    keys.page.wait_for_selector(".byhand-progress:not(:empty)")
    first = keys.text(".byhand-step h3")
    keys.press("ArrowRight")
    keys.until(lambda: keys.text(".byhand-step h3") != first, what="the next step")
    keys.press("End")
    keys.page.wait_for_selector(".byhand-step tr.marked")
    keys.press("Escape")
    keys.until(lambda: "tab-byhand" in keys.focus(), what="the focus on the tab")
