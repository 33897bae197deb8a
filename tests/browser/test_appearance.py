"""How the page looks and reads: languages, light and dark, without motion, small and large, by touch."""

from __future__ import annotations

import re

import pytest

# Every text a person can see or hear: visible text nodes, options, labels, titles.
TEXTS = """() => {
  const found = [];
  const seen = (e) => e.checkVisibility({ visibilityProperty: true });
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode()); ) {
    const parent = node.parentElement;
    if (seen(parent.closest("select") ?? parent)) found.push(node.textContent.trim());
  }
  for (const element of document.querySelectorAll("[aria-label], [title], [placeholder], [aria-valuetext]")) {
    if (!seen(element)) continue;
    for (const name of ["aria-label", "title", "placeholder", "aria-valuetext"]) {
      found.push(element.getAttribute(name)?.trim() ?? "");
    }
  }
  return [...new Set(found.filter(Boolean))];
}"""
HANGUL = re.compile("[가-힣]")
# What is the same in both languages: names, symbols, units.
SHARED = set("""
    kernelgrad XOR SGD ReLU Tanh Adam RMSprop Nesterov sin CSV tanh English Esc Enter Tab
    Home End Ctrl exp ln max make playground
    """.split())  # fmt: skip
FAULTS = re.compile(r"undefined|\[object|NaN|\{\w+\}|^[a-zA-Z]+(\.[a-zA-Z-]+)+$")

PLACES = {
    "page": lambda person: None,
    "by hand, choosing": lambda person: person.click("#tab-byhand"),
    "by hand, walking": lambda person: person.click(".point-picker button[type=submit]"),
    "by hand, update": lambda person: person.click(".byhand-moves button:nth-child(5)"),
    "table": lambda person: person.click("#tab-table"),
    "about": lambda person: person.click("#tab-about"),
    "guide": lambda person: person.click("#tools [aria-expanded]:has(use[href='#icon-help'])"),
    "keys": lambda person: person.press("Escape", "?"),
    "share": lambda person: (person.press("Escape"), person.click("#tools .share")),
    "export": lambda person: person.click("#tools .export"),
    "stop": lambda person: (person.press("Escape"), person.click("#speed .stop")),
    "steps": lambda person: (person.press("Escape"), person.click("#transport .step-menu")),
    "help": lambda person: (person.press("Escape"), person.click("#controls .help")),
    "drawing": lambda person: (
        person.press("Escape"),
        person.click("#data button:has(use[href='#icon-pencil'])"),
    ),
}


def texts_of_all_places(person) -> dict[str, list[str]]:
    found = {}
    for name, go in PLACES.items():
        go(person)
        person.two_frames()
        found[name] = person.page.evaluate(TEXTS)
    return found


def test_every_text_is_korean_in_korean(open_page):
    person = open_page("lang=ko&hideText=false")
    for place, texts in texts_of_all_places(person).items():
        assert len(texts) > 60, place
        for text in texts:
            assert not FAULTS.search(text), f"{place}: {text!r}"
            words = set(re.findall(r"[A-Za-z]{2,}", text)) - SHARED
            assert HANGUL.search(text) or not words, f"{place}: {text!r} is not Korean"


def test_every_text_is_english_in_english(open_page):
    person = open_page("lang=en", locale="ko-KR")
    for place, texts in texts_of_all_places(person).items():
        for text in texts:
            assert not FAULTS.search(text), f"{place}: {text!r}"
            assert text == "한국어" or not HANGUL.search(text), f"{place}: {text!r} is not English"


def test_the_language_changes_at_once_without_a_reload(open_page, keep):
    person = open_page("dataset=xor")
    person.step("10 epochs", 10)
    person.page.evaluate("window.same = true")
    weights = person.weights()
    person.click("#tools .language")
    person.until(lambda: "학습" in person.text("#transport .play"), what="Korean")
    assert person.page.get_attribute("html", "lang") == "ko"
    assert person.page.evaluate("window.same") and person.weights() == weights and person.epoch() == 10
    person.until(lambda: person.address.get("lang") == "ko", what="it in the address")
    keep(person, "korean")
    person.click("#tab-byhand")
    person.click(".point-picker button[type=submit]")
    person.press("ArrowRight")
    person.two_frames()
    keep(person, "korean-by-hand")
    person.click("#tools .language")
    person.until(lambda: person.text("#transport .play").strip() == "Train", what="English again")


def test_the_language_of_the_browser_is_taken_at_first(open_page):
    assert "학습" in open_page(locale="ko-KR").text("#transport .play")
    assert "Train" in open_page(locale="fr-FR").text("#transport .play")


def test_dark_follows_the_system_the_button_and_the_address(open_page, keep):
    light = "(() => { const [r, g, b] = getComputedStyle(document.body).backgroundColor.match(/\\d+/g);"
    light += " return (Number(r) + Number(g) + Number(b)) / 765; })()"
    person = open_page("dataset=spiral", color_scheme="dark")
    assert person.page.evaluate(light) < 0.2
    person.step("10 epochs", 10)
    keep(person, "dark")
    person.click("#tab-byhand")
    person.click(".point-picker button[type=submit]")
    person.press("ArrowRight")
    person.two_frames()
    keep(person, "dark-by-hand")
    person.page.emulate_media(color_scheme="light")
    person.until(lambda: person.page.evaluate(light) > 0.8, what="light as the system")
    for _ in range(2):
        person.click("#tools button:has(use[href='#icon-sun'])")
    person.until(lambda: person.page.evaluate(light) < 0.2, what="dark by the button")
    person.until(lambda: person.address.get("theme") == "dark", what="it in the address")
    assert open_page("theme=dark", color_scheme="light").page.evaluate(light) < 0.2


COUNT_DASHES = """window.dashes = new Set(); const stroke = CanvasRenderingContext2D.prototype.stroke;
CanvasRenderingContext2D.prototype.stroke = function (...given) {
  if (this.getLineDash().length) window.dashes.add(this.lineDashOffset);
  return stroke.apply(this, given);
};
0"""


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_dashes_move_unless_motion_is_reduced(open_page, motion):
    person = open_page(reduced_motion=motion)
    person.page.evaluate(COUNT_DASHES)
    person.train()
    person.until(lambda: person.epoch() > 15, what="training")
    running = person.page.evaluate(
        "document.getAnimations().filter((one) => one.playState === 'running').length"
    )
    moved = person.page.evaluate("window.dashes.size")
    if motion == "reduce":
        assert running == 0 and moved <= 1
    else:
        assert moved > 5


def test_nothing_moves_with_reduced_motion_as_drawers_and_cards_open(open_page):
    person = open_page(reduced_motion="reduce")
    longest = "Math.max(0, ...document.getAnimations().map((one) => one.effect.getComputedTiming().duration))"
    for selector in (
        "#tab-byhand",
        "#tools .share",
        "#tab-table",
        "#theme, #tools button:has(use[href='#icon-sun'])",
    ):
        person.click(selector)
        assert person.page.evaluate(longest) < 20, selector


SHIFTS = """window.shifts = 0; new PerformanceObserver((list) => {
  for (const { value } of list.getEntries()) window.shifts += value;
}).observe({ type: "layout-shift" });"""


def test_nothing_jumps_while_it_trains(open_page):
    person = open_page("dataset=xor&speed=0")
    person.page.evaluate(SHIFTS)
    person.train()
    person.until(lambda: person.epoch() > 1000, what="a thousand epochs")
    person.pause()
    assert person.page.evaluate("window.shifts") < 0.005


REGIONS = ["#topbar", "#controls", "#data", "#model", "#output", "#drawer"]
INSIDE = [
    "#transport",
    "#progress",
    "#speed",
    "#tools",
    "#features",
    "#heatmap",
    "#legend",
    "#options",
    "#losses",
    "#chart",
]
FIT = """([outer, inner]) => {
  const boxes = (all) => all.map((s) => [s, document.querySelector(s).getBoundingClientRect()]);
  const apart = (a, b) => a.right <= b.left + 1 || b.right <= a.left + 1 || a.bottom <= b.top + 1 || b.bottom <= a.top + 1;
  const faults = [];
  for (const list of [boxes(outer), boxes(inner), boxes(["#depth", "#view", "#model-title"])]) {
    list.forEach(([name, a], i) => {
      if (a.width && (a.left < -1 || a.right > innerWidth + 1)) faults.push(`${name} is outside: ${a.left} to ${a.right}`);
      for (const [other, b] of list.slice(i + 1)) {
        if (a.width && b.width && a.height && b.height && !apart(a, b)) faults.push(`${name} overlaps ${other}`);
      }
    });
  }
  const fields = [...document.querySelectorAll("#controls .field")].map((e) => [e.dataset.key, e.getBoundingClientRect()]);
  fields.forEach(([name, a], i) => {
    for (const [other, b] of fields.slice(i + 1)) if (!apart(a, b)) faults.push(`${name} overlaps ${other}`);
  });
  for (const header of document.querySelectorAll(".column-header")) {
    const { right } = header.getBoundingClientRect();
    for (const child of header.children) {
      if (child.getBoundingClientRect().right > right + 1) faults.push(`beyond its column: ${child.id || child.innerText}`);
    }
  }
  const { scrollWidth } = document.documentElement;
  if (scrollWidth > innerWidth) faults.push(`scrolls sideways: ${scrollWidth} > ${innerWidth}`);
  for (const e of document.querySelectorAll("button, .field-label, h2, h3, .label")) {
    if (!e.checkVisibility() || e.matches(".neuron, .feature, .bias, .help, .visually-hidden, .visually-hidden *")) continue;
    if (e.scrollWidth > e.clientWidth + 2 && e.clientWidth > 8 && getComputedStyle(e).display !== "inline") {
      faults.push(`cut off: ${e.className} ${e.innerText}`);
    }
  }
  return faults;
}"""  # noqa: E501

SIZES = {
    "1024x768": {"viewport": {"width": 1024, "height": 768}},
    "1280x720": {"viewport": {"width": 1280, "height": 720}},
    "1920x1080": {"viewport": {"width": 1920, "height": 1080}},
    "tablet": {"viewport": {"width": 1180, "height": 820}, "has_touch": True, "is_mobile": True},
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("lang", ["en", "ko"])
def test_everything_has_its_place(open_page, keep, size, lang):
    person = open_page(f"lang={lang}&dataset=spiral&networkShape=8,8,8&sinX=true&noise=10", **SIZES[size])
    person.step({"en": "10 epochs", "ko": "10에포크"}[lang], 10)
    keep(person, f"size-{size}-{lang}")
    faults = person.page.evaluate(FIT, [REGIONS, INSIDE])
    assert not faults, "\n".join(faults)
    person.click("#tab-byhand")
    person.click(".point-picker button[type=submit]")
    person.page.wait_for_selector(".byhand-step h3")
    person.two_frames()
    keep(person, f"size-{size}-{lang}-drawer")
    faults = person.page.evaluate(FIT, [["#topbar", "#data", "#model", "#output"], []])
    assert not faults, "\n".join(faults)


def test_a_tablet_is_used_by_touch(open_page, keep):
    person = open_page(**SIZES["tablet"])
    tap = person.page.touchscreen.tap
    person.page.tap("[data-feature=sinX]")
    person.wait_for_settings(sinX=True)
    person.page.tap("[aria-label='Layer 1: add a neuron']")
    person.wait_for_settings(networkShape=[5, 2])
    tap(*person.on_link(1, 0, 2))
    person.page.wait_for_selector(".card .card-edit:not([hidden])")
    keep(person, "touch-edit")
    person.page.fill(".card input", "0.25")
    person.page.tap(".card button[type=submit]")
    at = 5 * 3 + 5 + 2
    person.until(lambda: person.weights()[at] == 0.25, what="the weight")
    person.page.tap("#transport .play")
    person.until(lambda: person.epoch() > 3, what="training")
    small = person.page.locator(
        "#topbar button, #controls select, .data-set, .drawer-tab, #network .neuron"
    ).evaluate_all(
        "all => all.filter((e) => e.checkVisibility()).map((e) => [e.className, e.getBoundingClientRect()])"
        ".filter(([, box]) => box.width < 24 || box.height < 24).map(([name]) => name)"
    )
    assert not small, f"too small for a finger: {small}"


def test_the_neuron_of_a_step_is_in_sight_where_the_network_scrolls(open_page):
    person = open_page("networkShape=8,8", **SIZES["tablet"])
    person.click("#tab-byhand")
    person.click(".point-picker button[type=submit]")
    person.page.wait_for_selector(".byhand-step h3")
    for neuron in range(1, 9):
        person.press("ArrowRight")
        person.until(
            lambda n=neuron: f"neuron {n} of layer 1" in person.text(".byhand-step h3"), what="the step"
        )
        person.two_frames()
        room = person.page.locator("#network").bounding_box()
        lit = person.page.locator(".neuron--spotlight").bounding_box()
        assert lit["y"] >= room["y"] and lit["y"] + lit["height"] <= room["y"] + room["height"], neuron


def test_large_networks_have_room(open_page, keep):
    person = open_page("networkShape=32,32,16,8,8,4,2,2&sinX=true", viewport={"width": 1920, "height": 1080})
    boxes = person.page.locator("#network .neuron").evaluate_all(
        "all => all.map((e) => e.getBoundingClientRect()).map((b) => [b.left, b.top, b.right, b.bottom])"
    )
    assert len(boxes) == 105
    for i, a in enumerate(boxes):
        for b in boxes[i + 1 :]:
            assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] + 1 or b[3] <= a[1] + 1, "neurons overlap"
    person.step("1 epoch", 1)
    keep(person, "large-network")
