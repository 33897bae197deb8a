"""Training as a person does it: the spiral is learnt; stops, divergence, speed, export."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from engine import loss_text, trainer_of

ROOT = Path(__file__).resolve().parents[2]


def stop_at(person, loss="", epoch=""):
    """By the target beside the speed."""
    person.click("#speed .stop")
    person.page.fill("#stop-loss", loss)
    person.page.fill("#stop-epoch", epoch)
    person.press("Enter")


def test_the_spiral_is_learnt_with_the_right_features(open_page, keep):
    person = open_page("networkShape=8,8")
    person.choose_data("spiral")
    person.wait_for_settings(dataset="spiral")
    person.toggle_feature("sinX")
    person.toggle_feature("sinY")
    person.speed(0)
    stop_at(person, loss="0.0499")
    person.train()
    person.until(lambda: "Stopped by itself" in person.notice(), 60, what="a test loss of less than 0.05")
    person.until(lambda: not person.running(), what="a pause")
    person.settle()
    assert float(person.losses()[1]) <= 0.05
    assert person.wire.frame["test_loss"] < 0.05 and person.wire.frame["test_metric"] > 0.95
    keep(person, "spiral-learnt")

    trainer = trainer_of(person.settings)  # and it is what the engine says
    trainer.train_epochs(person.epoch())
    assert person.losses() == tuple(map(loss_text, trainer.loss()))


def test_training_stops_at_the_epoch_asked_for(open_page):
    person = open_page("speed=0")
    stop_at(person, epoch="37")
    person.train()
    person.until(lambda: "epoch 37 is reached" in person.notice(), what="the stop")
    person.until(lambda: not person.running() and person.epoch() == 37, what="epoch 37")


def test_one_batch_is_one_update(open_page):
    person = open_page()
    person.press("b")
    person.until(lambda: person.wire.frame["updates"] == 1, what="one update")
    person.until(lambda: "1 update" in person.text("#progress"), what="it written")
    assert person.epoch() == 0


def test_the_learning_rate_is_changed_while_it_trains(open_page):
    person = open_page()
    person.train()
    person.until(lambda: person.epoch() > 3, what="some epochs")
    generation = person.wire.state["generation"]
    person.page.select_option("#control-learningRate", "0.1")
    person.until(lambda: person.settings["learningRate"] == 0.1, what="the rate")
    assert person.wire.state["generation"] == generation and person.running()
    now = person.epoch()
    person.until(lambda: person.epoch() > now, what="it going on")


def test_a_number_beyond_its_range_is_refused_in_words(open_page):
    person = open_page()
    person.page.select_option("#control-learningRate", "other")
    field = "[data-key=learningRate] input"
    person.page.fill(field, "1000")
    person.press("Enter")
    person.until(
        lambda: "at most 100" in person.text("[data-key=learningRate] .field-error"), what="the range"
    )
    person.page.fill(field, "0.02")
    person.press("Enter")
    person.wait_for_settings(learningRate=0.02)


def test_a_training_that_diverges_says_why_and_offers_a_way_out(open_page, keep):
    person = open_page(
        "problem=regression&regDataset=reg-gauss&activation=relu&learningRate=10&networkShape=8,8"
    )
    person.click("#transport .play")  # it may be over before one looks
    person.until(lambda: "diverged at epoch" in person.notice(), what="the reason")
    person.until(lambda: not person.running(), what="a stop")
    keep(person, "diverged")
    person.page.get_by_role("button", name="Reset with a tenth of the learning rate").click()
    person.wait_for_settings(learningRate=1)
    person.until(lambda: person.epoch() == 0, what="a new start")


def test_a_batch_larger_than_the_data_says_so(open_page):
    person = open_page("batchSize=400")
    person.click("#transport .play")
    person.until(lambda: "A batch of 400 is more than the 250 points" in person.notice(), what="the reason")
    person.until(lambda: not person.running(), what="no training")


def test_frames_reach_the_page_and_are_drawn_at_full_speed(open_page, note):
    person = open_page("networkShape=8,8&speed=0&dataset=spiral")
    person.train()
    person.until(lambda: person.epoch() > 50, what="full speed")
    start, acknowledged = time.monotonic(), person.wire.acknowledged
    person.until(lambda: person.wire.acknowledged >= acknowledged + 60, 15, what="60 frames drawn")
    rate = 60 / (time.monotonic() - start)
    note("frames", f"{rate:.1f} frames drawn a second while 2-8-8-1 trains at full speed")
    assert rate > 5
    person.pause()


def test_the_chart_tells_the_losses_at_an_epoch(open_page, keep):
    person = open_page("dataset=gauss")
    person.step("10 epochs", 10)
    trainer = trainer_of(person.settings)
    trainer.train_epochs(4)
    at_four = [loss_text(loss) for loss in trainer.loss()]
    person.page.focus(".chart-canvas")
    person.press("Home", *["ArrowRight"] * 4)
    person.until(lambda: not person.page.locator(".chart-reading").is_hidden(), what="the reading")
    reading = person.text(".chart-reading")
    assert "4" in reading and all(loss in reading for loss in at_four), reading
    person.page.get_by_role("button", name="Log", exact=True).click()
    person.two_frames()
    keep(person, "chart-log")


def export(person, index: int, directory: Path) -> Path:
    person.click("#tools .export")
    with person.page.expect_download() as download:
        person.click(f".popover .menu-item >> nth={index}")
    path = directory / download.value.suggested_filename
    download.value.save_as(path)
    return path


@pytest.mark.parametrize(
    "settings",
    [
        "dataset=spiral&noise=10&sinX=true&optimizer=momentum",
        "dataset=blobs3&loss=cross_entropy&activation=relu",
    ],
)
def test_the_exported_program_reaches_the_shown_loss(open_page, tmp_path, settings):
    person = open_page(settings)
    person.step("10 epochs", 10)
    shown = person.wire.frame
    program = export(person, 0, tmp_path)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        [sys.executable, program], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    printed = [float(number) for number in re.findall(r"\d+\.\d+(?:e-?\d+)?", ran.stdout)]
    for key in ("train_loss", "test_loss"):
        assert any(abs(number - shown[key]) <= 1e-6 for number in printed), (
            f"{key} {shown[key]} in {ran.stdout}"
        )


def test_weights_are_exported_as_json(open_page, tmp_path):
    person = open_page()
    person.step("10 epochs", 10)
    told = json.loads(export(person, 1, tmp_path).read_text())
    trainer = trainer_of(person.settings)
    trainer.train_epochs(10)
    numbers = re.findall(r"-?\d+\.\d+(?:e-?\d+)?", json.dumps(told))
    assert {repr(float(value)) for value in trainer.network.weights()} <= set(map(repr, map(float, numbers)))
