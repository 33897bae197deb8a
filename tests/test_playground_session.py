"""A session of the playground, in process: what each message changes, what is shown, when training stops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playground_sessions import NAME, SMALL, Clock, changed, enter, entered, say, shown, trained

from apps.playground.session import Session
from apps.playground.settings import Settings
from apps.playground.training import Trainer

# Settings -----------------------------------------------------------------------------------------


def test_the_first_state_is_all_of_the_contract() -> None:
    session = Session(NAME, Clock(), backend="C kernels")
    welcome, state = enter(session, {"networkShape": [4, 2], "xSquared": True})
    assert welcome["limits"] == {
        "layers": 8,
        "neurons": 32,
        "points": 5000,
        "csv": 256_000,
        "message": 262_144,
    }
    assert (welcome["session"], welcome["resumed"], welcome["backend"]) == (NAME, False, "C kernels")
    assert state["network"] == {"features": ["x", "y", "xSquared"], "layers": [4, 2, 1], "activation": "tanh",
                                "output": "tanh"}  # fmt: skip
    assert state["settings"] == Settings.from_mapping({"xSquared": True}).to_mapping()
    assert (state["classes"], state["compatible"], state["running"], state["epoch"]) == (2, True, False, 0)
    assert [len(state["points"][part]) for part in ("train", "test")] == [250, 250]
    assert len(state["history"]) == 1 and state["history"][0][0] == 0


def test_a_change_is_live_or_a_new_start_or_new_points() -> None:
    session = entered()
    points = session.trainer.points
    say(session, "step", unit="epoch", times=3)
    trained(session)
    generation, weights = session.generation, session.trainer.network.weights()
    state = changed(session, learningRate=0.1, regularization="L2", regularizationRate=0.01)
    assert (state["epoch"], state["generation"]) == (3, generation)
    np.testing.assert_array_equal(session.trainer.network.weights(), weights)
    state = changed(session, batchSize=5)
    assert (state["epoch"], state["generation"], state["running"]) == (0, generation + 1, False)
    assert session.trainer.points is points
    state = changed(session, seed=9)
    assert state["generation"] == generation + 2
    assert state["points"]["train"] != points.train.tolist()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"noise": 51}, "setting_value"),
        ({"noise": 10, "colour": "red"}, "setting_unknown"),
        ({"x": False, "y": False}, "features_none"),
        ({"noise": 10, "dataset": "own"}, "points_none"),
        ({"dataset": "blobs3"}, "loss_needs"),
    ],
)
def test_a_refused_change_changes_nothing(change: dict[str, Any], code: str) -> None:
    session = entered()
    before = (session.settings, session.trainer, session.generation, session.rows)
    assert changed(session, **change)["code"] == code
    assert (session.settings, session.trainer, session.generation, session.rows) == before


def test_a_hello_that_is_refused_starts_with_the_defaults() -> None:
    welcome, error, state = enter(Session(NAME, Clock()), {"noise": -1})
    assert (welcome["type"], error["code"]) == ("welcome", "setting_value")
    assert state["settings"] == Settings().to_mapping()


def test_own_points_are_learnt_from_and_go_with_the_settings() -> None:
    rows = [[-1, -1, -1], [1, 1, 1], [-1, 1, 1], [1, -1, -1]] * 5
    session = entered()
    (state,) = say(session, "points", points=rows)
    assert state["settings"]["dataset"] == "own" and state["classes"] == 2
    assert sorted(state["points"]["train"] + state["points"]["test"]) == sorted(rows)
    (state,) = say(session, "csv", text="x,y,label\n0,0,0\n1,1,1\n2,2,1\n")
    assert len(state["points"]["train"] + state["points"]["test"]) == 3
    (error,) = say(session, "csv", text="0,0,0\n1,a,1\n")
    assert (error["code"], error["details"]["line"]) == ("csv_number", 2)
    (error,) = say(session, "points", points=[[0, 0, 2], [1, 1, 0]])
    assert error["code"] == "loss_needs" and len(session.rows) == 3
    changed(session, dataset="circle")
    state = changed(session, dataset="own")
    assert len(state["points"]["train"] + state["points"]["test"]) == 3
    changed(session, dataset="circle", loss="cross_entropy")
    (state,) = say(session, "points", points=[[0, 0, 2], [1, 1, 0], [2, 1, 1]])
    assert (state["classes"], state["network"]["output"]) == (3, "softmax")
    assert changed(session, loss="bce")["code"] == "loss_needs"


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = sorted(Settings().to_mapping())


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=60)
@given(st.dictionaries(st.sampled_from(KEYS), anything, max_size=3), st.lists(anything, max_size=3))
def test_random_settings_and_points_only_give_states_and_errors(change: Any, rows: Any) -> None:
    for reply in say(SHARED, "settings", settings=change) + say(SHARED, "points", points=rows):
        assert reply["type"] in ("state", "error")


SHARED = entered({"networkShape": []})


# Training -----------------------------------------------------------------------------------------


def test_steps_runs_and_resets_give_the_same_numbers_however_they_are_cut() -> None:
    whole, cut = entered(), entered()
    say(whole, "view", stop={"epoch": 40})
    say(whole, "run", running=True)
    assert trained(whole) == [
        {"type": "event", "code": "stopped", "details": {"reason": "epoch", "epoch": 40}}
    ]
    say(cut, "step", unit="batch", times=7)
    say(cut, "step", unit="batch", times=20)
    trained(cut)
    assert cut.trainer.updates == 27
    say(cut, "step", unit="epoch", times=39)
    trained(cut)
    assert (cut.trainer.epoch, cut.trainer.updates) == (40, 1000)
    np.testing.assert_array_equal(cut.trainer.network.weights(), whole.trainer.network.weights())
    assert cut.history.rows == whole.history.rows and len(whole.history.rows) == 41
    (state,) = say(whole, "reset")
    assert (state["epoch"], state["running"], len(state["history"])) == (0, False, 1)
    np.testing.assert_array_equal(whole.trainer.network.weights(), entered().trainer.network.weights())


CHANGES = [
    {"learningRate": 100}, {"learningRate": 0.1}, {"regularization": "L2", "regularizationRate": 0.1},
    {"regularization": "L1", "regularizationRate": 0.05}, {"regularization": "none"}, {"batchSize": 7},
    {"optimizer": "adam"}, {"optimizer": "momentum"}, {"activation": "relu"}, {"networkShape": []},
    {"problem": "regression"}, {"noise": 50},
]  # fmt: skip
MESSAGES = [
    *(("settings", {"settings": change}) for change in CHANGES),
    *(("step", {"unit": "batch", "times": times}) for times in (1, 7, 30, 90)),
    *(("step", {"unit": "epoch", "times": times}) for times in (1, 9)),
    ("run", {"running": True}), ("reset", {}), ("view", {"speed": 1000}),
    ("weight", {"layer": 0, "to": 0, "from": 1, "value": 1e6}),
]  # fmt: skip
SLICES = st.lists(st.sampled_from([0.003, 0.01]), max_size=3)


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=25)
@given(st.lists(st.tuples(st.sampled_from(MESSAGES), SLICES), max_size=12))
def test_whatever_is_said_a_trainer_that_is_told_the_same_does_the_same(talk: Any) -> None:
    session = entered()
    told = Trainer(session.settings, session.trainer.points)
    for (kind, keys), slices in talk:
        before = session.trainer
        say(session, kind, **keys)
        if session.trainer is not before:
            told = Trainer(session.settings, session.trainer.points)
        elif kind == "settings":
            told.change(session.settings)
        elif kind == "reset":
            told.reset()
        elif kind == "weight":
            told.set_weight(0, 0, 1, 1e6)
        for seconds in slices:
            session.work(seconds)
        here = session.trainer
        told.train(here.updates - told.updates + (here.diverged is not None))
        assert (told.updates, told.diverged) == (here.updates, here.diverged)
        np.testing.assert_array_equal(told.network.weights(), here.network.weights())
        np.testing.assert_array_equal(told.loss(), here.loss())


def test_a_loss_stops_the_training_at_the_same_epoch_each_time() -> None:
    stops = []
    for slices in (0.003, 0.05):
        session = entered({"dataset": "gauss"})
        say(session, "view", stop={"loss": 0.01})
        say(session, "run", running=True)
        news = []
        while session.wants():
            news += session.work(slices)
        stops.append(news[-1]["details"])
        assert session.row()[2] <= 0.01 and not session.running
    assert stops[0] == stops[1] and stops[0]["reason"] == "loss" and stops[0]["epoch"] > 1


def test_a_pace_is_kept_by_the_clock() -> None:
    session = entered()
    say(session, "view", speed=10)
    say(session, "run", running=True)
    begun = session.clock.now
    while session.clock.now < begun + 5:
        session.work(0.01)
        session.clock.wait(0.01)
        session.heard()
    assert session.trainer.epoch == pytest.approx(51, abs=1)
    say(session, "view", visible=False)
    session.clock.wait(60)
    say(session, "view", visible=True)
    before = session.trainer.epoch
    session.work(0.01)
    assert session.trainer.epoch <= before + 2


def test_samples_a_second_are_counted_from_the_first_frame_on_and_none_at_rest() -> None:
    session = entered()
    session.clock.wait(60)
    say(session, "view", speed=2)
    say(session, "run", running=True)
    session.work(0.01)
    assert shown(session)[0]["rate"] > 0
    for _ in range(40):
        session.clock.wait(0.25)
        session.heard()
        session.work(0.01)
    assert shown(session)[0]["rate"] == pytest.approx(2 * 250, rel=0.1)
    say(session, "run", running=False)
    assert shown(session)[0]["rate"] == 0


def test_numbers_that_are_not_finite_stop_the_training_and_are_told() -> None:
    session = entered({"learningRate": 100, "activation": "relu", "problem": "regression"})
    say(session, "run", running=True)
    (news,) = trained(session)
    assert news["code"] == "diverged" and not session.running
    assert np.isfinite(session.trainer.network.weights()).all()
    shown(session)


def test_a_batch_of_more_than_all_points_is_refused() -> None:
    session = entered({"batchSize": 5000})
    assert say(session, "run", running=True)[0]["code"] == "batch_large"
    assert say(session, "step", unit="batch", times=1)[0]["code"] == "batch_large"
    assert not session.wants()
    shown(session)


def test_a_page_that_is_hidden_silent_or_gone_gets_no_training() -> None:
    session = entered()
    say(session, "run", running=True)
    assert session.wants()
    say(session, "view", visible=False)
    assert not session.wants() and session.frame_due() == float("inf")
    say(session, "view", visible=True)
    assert session.wants()
    session.frame()  # and no ack
    assert session.wants() and session.frame_due() == float("inf")
    session.clock.wait(1.1)
    assert not session.wants() and session.running
    say(session, "ack", frame=session.frames)
    assert session.wants()
    session.leave()
    assert not session.wants()
    epoch = session.trainer.epoch
    welcome, state = enter(session, SMALL, resumed=True)
    assert (welcome["resumed"], state["running"], state["epoch"]) == (True, True, epoch)
    assert session.wants()


def test_a_page_that_comes_back_with_other_settings_gets_these() -> None:
    session = entered()
    say(session, "step", unit="epoch", times=2)
    trained(session)
    _, state = enter(session, {**SMALL, "learningRate": 1}, resumed=True)
    assert (state["epoch"], state["settings"]["learningRate"]) == (2, 1)
    _, state = enter(session, {**SMALL, "batchSize": 3}, resumed=True)
    assert (state["epoch"], state["settings"]["batchSize"]) == (0, 3)


# What is shown ------------------------------------------------------------------------------------


def test_frames_hold_what_is_asked_for_and_one_is_on_its_way_at_a_time() -> None:
    session = entered({**SMALL, "networkShape": [3, 2]})
    header, blocks = shown(session)
    weights = 3 * 3 + 4 * 2 + 3
    assert {name: block.shape for name, block in blocks.items()} == {
        "field": (1, 100, 100), "thumbnails": (6, 30, 30), "weights": (weights,),
    }  # fmt: skip
    assert header["history"] == [], "the state has told it"
    assert header["generation"] == session.generation
    assert session.frame_due() == float("inf"), "nothing is new"
    say(session, "view", gradients=True, shown=[0, 2])
    assert session.frame_due() < float("inf")
    say(session, "step", unit="epoch", times=1)
    trained(session)
    header, blocks = shown(session)
    assert header["shown"] == [0, 2] and header["epoch"] == 1 and len(header["history"]) == 1
    np.testing.assert_allclose(blocks["gradients"], session.trainer.gradients(), rtol=1e-6)
    np.testing.assert_allclose(blocks["updates"], session.trainer.last_update, rtol=1e-6)
    assert np.abs(blocks["updates"]).max() > 0
    np.testing.assert_array_equal(blocks["field"], session.fields.draw([0, 2])[0])
    assert (header["train_loss"], header["test_loss"]) == session.row()[1:]
    assert 0 <= header["train_metric"] <= 1
    assert say(session, "view", shown=[5, 0])[0]["code"] == "neuron_place"


def test_many_classes_have_a_field_each() -> None:
    session = entered({"dataset": "spiral3", "loss": "cross_entropy", "networkShape": []})
    _, blocks = shown(session)
    assert blocks["field"].shape == (3, 100, 100) and blocks["thumbnails"].shape == (3, 30, 30)


def test_at_most_thirty_frames_a_second() -> None:
    session = entered()
    say(session, "run", running=True)
    frames, end = 0, session.clock.now + 2
    while session.clock.now < end:
        session.work(0.01)
        if session.frame_due() <= session.clock():
            shown(session)
            frames += 1
    assert 55 <= frames <= 62


def test_a_weight_by_hand_is_shown_and_makes_no_point_in_the_history() -> None:
    session = entered()
    shown(session)
    before = session.row()
    assert say(session, "weight", layer=1, to=0, **{"from": 2}, value=3.5) == []
    assert say(session, "bias", layer=2, neuron=0, value=-1) == []
    header, blocks = shown(session)
    assert blocks["weights"][3 * 3 + 2] == 3.5 and blocks["weights"][-1] == -1
    assert header["history"] == [] and header["train_loss"] == session.row()[1] != before[1]
    for place in ({"layer": 3, "to": 0, "from": 0}, {"layer": 0, "to": 0, "from": 2}):
        assert say(session, "weight", value=1, **place)[0]["code"] == "weight_place"
    assert say(session, "bias", layer=0, neuron=0, value=1e9)[0]["code"] == "weight_value"


def test_backprop_by_hand_is_of_the_weights_that_are_shown() -> None:
    session = entered()
    (reply,) = say(session, "by_hand", id=4, point=[1, 2, 1])
    assert (reply["type"], reply["id"], reply["point"]) == ("by_hand", 4, [1, 2, 1])
    first = reply["layers"][0]["neurons"][0]
    _, blocks = shown(session)
    np.testing.assert_allclose([i["weight"] for i in first["inputs"]], blocks["weights"][:2], rtol=1e-6)
    assert say(session, "by_hand", id=5, point=[1, 2, 7])[0]["code"] == "points_label"


@pytest.mark.parametrize(("what", "suffix"), [("python", ".py"), ("json", ".json"), ("csv", ".csv")])
def test_files_to_take_home(what: str, suffix: str) -> None:
    session = entered()
    (file,) = say(session, "export", what=what)
    assert file["type"] == "file" and file["name"].endswith(suffix) and len(file["text"]) > 100
    if what == "csv":
        (state,) = say(session, "csv", text=file["text"])
        assert len(state["points"]["train"] + state["points"]["test"]) == 500
