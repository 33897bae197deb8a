"""A person's own points: drawn by class, erased, as values of a regression; CSV files in and out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DRAW = "button[title='Draw points in the output picture']"
LOAD = "button:has(use[href='#icon-import'])"
SAVE = ".data-actions button:has(use[href='#icon-export'])"


def stroke(person, *places):
    """From place to place with the button pressed."""
    mouse = person.page.mouse
    mouse.move(*person.on_plane(*places[0]))
    mouse.down()
    for place in places[1:]:
        mouse.move(*person.on_plane(*place), steps=8)
    mouse.up()


def dab(person, x, y):
    person.page.mouse.click(*person.on_plane(x, y))


def own(person):
    return person.wire.state.get("own") or []


def all_sent(person, least):
    """The server has all the points that the tools count, and they are at least so many."""
    shown = lambda: int(re.search(r"\d+", person.text(".draw-row .hint"))[0])  # noqa: E731
    person.until(lambda: len(own(person)) == shown() >= least, what=f"{least} points or more")


def load(person, path: Path):
    with person.page.expect_file_chooser() as chooser:
        person.click(LOAD)
    chooser.value.set_files(path)


def test_points_are_drawn_by_class_erased_undone_and_learnt(open_page, keep):
    person = open_page("percTrainData=80")
    person.click(DRAW)
    person.page.wait_for_selector(".draw-tools:not([hidden])")
    stroke(person, (-5, 3), (-1, 3))
    all_sent(person, 8)
    assert {label for _, _, label in own(person)} == {-1}
    assert all(-5.1 <= x <= -0.9 and y == pytest.approx(3, abs=0.05) for x, y, _ in own(person))
    first = len(own(person))

    person.click(".brush[aria-label='Class 2']")
    stroke(person, (1, -3), (5, -3))
    all_sent(person, first + 8)
    assert [label for _, _, label in own(person)] == [-1] * first + [1] * (len(own(person)) - first)
    keep(person, "drawn-two-classes")

    before = own(person)
    person.click(".brush[aria-label='Erase points']")
    stroke(person, (-5, 3), (-4, 3))
    person.until(lambda: len(own(person)) < len(before), what="points erased")
    all_sent(person, 1)
    assert all(x > -4.2 for x, _, label in own(person) if label == -1)
    person.click("[aria-label^=Undo]")
    person.until(lambda: own(person) == before, what="the erasing undone")

    person.page.get_by_role("button", name="Done").click()
    rows = lambda: person.address.get("points", "").split(";")  # noqa: E731
    exact = lambda: [[float(cell) for cell in row.split(",") if cell] for row in rows()] == before  # noqa: E731
    person.until(exact, what="the points in the address, to the hundredth")
    person.step("100 epochs", 100)
    assert person.wire.frame["train_metric"] == 1.0
    assert person.text("#losses tbody tr td:nth-of-type(2)") == "100.0%"


def test_a_third_class_brings_softmax(open_page, keep):
    person = open_page()
    person.click(DRAW)
    for index, x in enumerate((-4, 0, 4), 1):
        person.click(f".brush[aria-label='Class {index}']")
        dab(person, x, 1)
        dab(person, x, -1)
    person.until(lambda: len(own(person)) == 6, what="six points")
    assert [label for *_, label in own(person)] == [0, 0, 1, 1, 2, 2]
    assert person.wire.state["classes"] == 3
    assert person.wire.state["network"]["output"] == "softmax"
    person.wait_until_drawn()
    keep(person, "drawn-three-classes")


def test_the_tools_of_drawing_can_be_seen_without_scrolling(open_page):
    person = open_page()
    person.click(DRAW)
    person.two_frames()
    for selector in (".brush[aria-label='Class 1']", ".draw-tools .button--accent"):
        inside = f"(() => {{ const box = document.querySelector({selector!r}).getBoundingClientRect();"
        inside += " const room = document.querySelector('#data').getBoundingClientRect();"
        inside += " return box.top >= room.top && box.bottom <= room.bottom; })()"
        assert person.page.evaluate(inside), f"{selector} is out of sight"


def test_values_of_a_regression_are_drawn(open_page, keep):
    person = open_page("problem=regression")
    person.click(DRAW)
    person.page.locator(".draw-tools input[type=range]").fill("-0.4")
    dab(person, 1, 2)
    person.page.locator(".draw-tools input[type=range]").fill("0.7")
    dab(person, -1, -2)
    person.until(lambda: len(own(person)) == 2, what="two points")
    assert [label for *_, label in own(person)] == [-0.4, 0.7]
    assert person.settings["regDataset"] == "own"
    keep(person, "drawn-regression")


def test_all_points_can_be_taken_away_and_others_chosen(open_page):
    person = open_page("dataset=own&points=1,1,1;-1,-1,-1")
    assert person.wire.state["own"] == [[1, 1, 1], [-1, -1, -1]]
    person.click(DRAW)
    person.click("[aria-label='Remove all points']")
    person.until(lambda: "0 for training, 0 for testing" in person.text("#data"), what="no points")
    person.choose_data("gauss")
    person.wait_for_settings(dataset="gauss")
    assert "250 for training" in person.text("#data")
    assert not person.sees(".draw-tools:not([hidden])")


def test_points_go_out_as_csv_and_come_back_the_same(open_page, keep, tmp_path):
    person = open_page("dataset=moons&noise=20")
    with person.page.expect_download() as download:
        person.click(SAVE)
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    assert path.suffix == ".csv"
    state = person.wire.state
    lines = [line.split("#")[0].strip() for line in path.read_text().splitlines()]
    rows = [[float(cell) for cell in line.split(",")] for line in lines if line and line[0] in "-0123456789"]
    assert sorted(rows) == sorted(state["points"]["train"] + state["points"]["test"])

    load(person, path)
    person.wait_for_settings(dataset="own")
    person.until(lambda: "500 points loaded" in person.notice(), what="the count")
    assert own(person) == rows
    keep(person, "csv-loaded")
    person.step("10 epochs", 10)


BAD = {
    "word": ("x,y,label\n1,2,-1\n3,four,1\n", ["3", "four"]),
    "columns": ("1,2,-1\n\n1,2\n", ["3", "must have 3 columns"]),
    "infinite": ("1,2,-1\n1,inf,1\n", ["2", "inf"]),
    "label": ("1,2,-1\n1,2,1\n1,3,0.5\n", ["3", "0.5"]),
    "nothing": ("# only words\n", ["no points"]),
}


def test_a_bad_csv_is_refused_by_its_line_and_changes_nothing(open_page, keep, tmp_path):
    person = open_page("dataset=xor")
    person.step("1 epoch", 1)
    weights, settings, losses = person.weights(), person.settings, person.losses()
    for kind, (text, said) in BAD.items():
        path = tmp_path / f"{kind}.csv"
        path.write_text(text)
        load(person, path)
        person.until(lambda said=said: all(part in person.notice() for part in said), what=f"{kind}: {said}")
        if said[0].isdigit():
            assert f"Line {said[0]}" in person.notice()
        assert (person.weights(), person.settings, person.losses()) == (weights, settings, losses)
        assert person.epoch() == 1 and person.wire.state["points"]["train"]
        person.click("#notice [aria-label^=Close]")
        person.until(lambda: not person.notice(), what="the message closed")
    load(person, path)
    person.until(person.notice, what="the same file again")
    keep(person, "csv-bad")


def test_a_csv_that_is_too_large_is_refused_before_it_is_sent(open_page, tmp_path):
    person = open_page()
    path = tmp_path / "large.csv"
    path.write_text("1.25,2.25,1\n" * 25_000)
    load(person, path)
    person.until(lambda: "300000 bytes" in person.notice().replace(",", ""), what="its size")
    assert not person.wire.asked("csv")


def test_a_csv_of_three_classes_chooses_its_loss(open_page, tmp_path):
    person = open_page()
    path = tmp_path / "three.csv"
    path.write_text("".join(f"{x},{y},{label}\n" for label, x in enumerate((-3, 0, 3)) for y in (-1, 0, 1)))
    load(person, path)
    person.wait_for_settings(dataset="own", loss="cross_entropy")
    assert person.wire.state["classes"] == 3
