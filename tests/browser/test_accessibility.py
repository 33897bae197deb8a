"""axe-core looks at every state of the page, light, dark, Korean: no serious or critical violation."""

from __future__ import annotations

import pytest

axe = pytest.importorskip("axe_playwright_python.sync_playwright")

LOOKS = {"light": "", "dark": "theme=dark", "korean": "lang=ko"}
GUIDE = "#tools [aria-expanded]:has(use[href='#icon-help'])"


def editing(person):
    person.click_link(0, 0, 0)
    person.page.fill(".card input", "much")
    person.press("Enter")
    person.until(lambda: person.text(".card .field-error"), what="the complaint")


def by_hand(person):
    person.click(".point-picker button[type=submit]")
    person.page.wait_for_selector(".byhand-step h3")


def walk(person, steps, selector):
    person.press(*["ArrowRight"] * steps)
    person.page.wait_for_selector(selector)


def instead(selector):
    """Escape from where one is, then a click."""
    return lambda person: (person.press("Escape"), person.click(selector))


# What the page can be in, each from the one before it.
STATES = {
    "page": lambda person: person.press("s"),
    "gradients": lambda person: person.click("#view [data-view=gradients]"),
    "editing a weight": editing,
    "by hand, choosing": instead("#tab-byhand"),
    "by hand, forward": by_hand,
    "by hand, gradients": lambda person: walk(person, 9, ".byhand-step .verdict"),
    "by hand, update": lambda person: walk(person, 99, ".byhand-step tr.marked"),
    "table": lambda person: person.click("#tab-table"),
    "about": lambda person: person.click("#tab-about"),
    "share": instead("#tools .share"),
    "export": instead("#tools .export"),
    "stop": instead("#speed .stop"),
    "steps": instead("#transport .step-menu"),
    "help": instead("#controls .help"),
    "keys": lambda person: person.press("Escape", "Escape", "?"),
    "drawing": instead("#data button:has(use[href='#icon-pencil'])"),
    "guide": lambda person: (person.press("Escape"), person.click(GUIDE)),
    "lesson": lambda person: person.click("#coach .coach-list button >> nth=0"),
    "tour": lambda person: (
        person.click("#coach .coach-actions .button >> nth=1"),
        person.click("#coach .coach-actions .button >> nth=0"),
    ),
    "a refused address": lambda person: (
        person.press("Escape"),
        person.page.evaluate("location.hash = '#noise=99'"),
    ),
}
IN_EVERY_LOOK = {"page", "by hand, forward", "by hand, gradients", "table", "keys", "lesson"}


def violations(person):
    """Serious and critical ones, in a line each."""
    found = axe.Axe().run(person.page).response["violations"]
    return [
        f"{one['id']} ({one['impact']}): {one['help']}: {[node['html'][:120] for node in one['nodes'][:3]]}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing_serious(open_page, keep, look):
    person = open_page(f"{LOOKS[look]}&networkShape=3,2", reduced_motion="reduce")
    faults = []
    for state, go in STATES.items():
        go(person)
        person.two_frames()
        if look == "light" or state in IN_EVERY_LOOK:
            faults += [f"{state}: {violation}" for violation in violations(person)]
            keep(person, f"axe-{look}-{state.replace(', ', '-').replace(' ', '-')}")
    assert not faults, "\n".join(faults)


def test_a_first_visit_is_greeted_and_the_greeting_is_accessible(open_page, keep):
    person = open_page(first=True, reduced_motion="reduce")
    person.page.wait_for_selector("#coach:not([hidden]) h3")
    assert not violations(person)
    keep(person, "first-visit")
    person.click("#coach .coach-close")
    person.page.reload()
    person.wait_until_drawn()
    assert person.page.locator("#coach").is_hidden(), "once is enough"


def test_the_structure_of_the_page_is_named(open_page):
    person = open_page()
    tree = person.page.locator("body").aria_snapshot()
    for part in ("banner", "main", "heading", "Data", "Network", "Output", "tablist", "radiogroup"):
        assert part in tree, part
