"""The page that `python -m apps.embedding plot` writes: search, neighbours, maps, languages, hands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from apps.embedding.page import write

axe = pytest.importorskip("axe_playwright_python.sync_playwright")

WORDS = ["king", "queen", "도서", "<b>책</b>", "apple"]


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    x = np.array([[1, 0.2, 0], [1, 0.3, 0], [0, 1, 0.3], [0, 1, 0.2], [0.3, 0, 1]], np.float32)
    path = tmp_path_factory.mktemp("map") / "map.html"
    write(
        path, "five <words>", WORDS, x, {"t-SNE": x[:, :2].astype(float), "PCA": x[:, 1:].astype(float)}, []
    )
    return path


@pytest.fixture(params=[{}, {"color_scheme": "dark", "locale": "ko-KR"}], ids=["light", "dark, Korean"])
def page(browser: Any, file: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    context, wrong = browser.new_context(viewport={"width": 1000, "height": 700}, **request.param), []
    page = context.new_page()
    page.on("console", lambda m: wrong.append(m.text))
    page.on("pageerror", lambda e: wrong.append(str(e)))
    page.on("request", lambda r: None if r.url == file.as_uri() else wrong.append(r.url))
    page.goto(file.as_uri())
    yield page
    context.close()
    assert not wrong, wrong


def search(page: Any, word: str) -> None:
    page.fill("#word", word)
    page.press("#word", "Enter")


def near(page: Any) -> list[str]:
    return page.locator("#near .word").all_text_contents()


def test_a_word_is_found_and_its_neighbours_are_a_way_on(page):
    search(page, "king")
    assert page.text_content("#chosen") == "king" and near(page)[0] == "queen" and len(near(page)) == 4
    page.click("#near li:first-child button")
    assert page.text_content("#chosen") == "queen" and near(page)[0] == "king"
    search(page, "도")
    assert page.text_content("#chosen") == "도서" and near(page)[0] == "<b>책</b>"
    assert page.locator("#near b").count() == 0  # words are text


def test_an_unknown_word_is_said(page):
    search(page, "<i>zebra</i>")
    assert "<i>zebra</i>" in page.text_content("#chosen") and near(page) == []


def test_a_click_on_the_map_chooses_the_word_there(page):
    box = page.locator("#canvas").bounding_box()
    scale = min(box["width"], box["height"]) * 0.92 / 2
    x, y = page.evaluate("JSON.parse(document.getElementById('data').textContent).maps['t-SNE'][4]")
    page.mouse.click(box["x"] + box["width"] / 2 + x * scale, box["y"] + box["height"] / 2 - y * scale)
    assert page.text_content("#chosen") == "apple"


def test_both_maps_and_zoom_by_hand_and_by_keyboard(page):
    pictures = {page.locator("#canvas").screenshot()}
    for act in (
        lambda: page.get_by_label("PCA").check(),
        lambda: page.click("#farther"),
        lambda: page.press("#canvas", "ArrowLeft"),
        lambda: page.press("#canvas", "+"),
    ):
        act()
        pictures.add(page.locator("#canvas").screenshot())
    assert len(pictures) == 5


def test_the_language_changes_all_that_is_said(page):
    first = page.inner_text("body")
    lang = page.get_attribute("html", "lang")
    page.click("#language")
    assert {lang, page.get_attribute("html", "lang")} == {"en", "ko"}
    assert page.inner_text("#how") not in first and page.inner_text("#whole") not in first


def test_axe_finds_nothing(page):
    search(page, "king")
    results = axe.Axe().run(page)
    assert results.violations_count == 0, results.generate_report()


def test_a_narrow_window_shows_map_and_neighbours_without_scrolling_sideways(page):
    page.set_viewport_size({"width": 360, "height": 640})
    search(page, "king")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.locator("#canvas").bounding_box()["height"] > 250


def test_however_many_events_there_are_a_frame_is_drawn_once(page):
    drawn = page.evaluate(
        """async () => {
          const frame = () => new Promise(requestAnimationFrame), canvas = document.getElementById("canvas");
          const scale = CanvasRenderingContext2D.prototype.scale;
          let drawn = 0;
          CanvasRenderingContext2D.prototype.scale = function (...to) { drawn++; scale.apply(this, to); };
          await frame();
          drawn = 0;
          for (let i = 0; i < 20; i++)
            canvas.dispatchEvent(new WheelEvent("wheel", { deltaY: -9, cancelable: true }));
          await frame();
          return drawn;
        }"""
    )
    assert drawn == 1
