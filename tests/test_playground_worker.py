"""The playground's worker, in process: who trains, who waits, whose message is next, whose fault it is."""

from __future__ import annotations

from typing import Any

import pytest
from playground_sessions import SMALL, Clock, say

from apps.playground.turns import Turns
from apps.playground.worker import Worker


def workers() -> tuple[Worker, list[tuple[str, Any]]]:
    said: list[tuple[str, Any]] = []
    return Worker(lambda name, reply: said.append((name, reply)), Clock()), said


def test_four_train_the_others_wait_and_start_by_themselves() -> None:
    worker, said = workers()
    names = "abcdef"
    for name in names:
        worker.receive({"do": "enter", "session": name, "message": {"settings": SMALL}})
        worker.receive({"do": "message", "session": name, "message": {"type": "run", "running": True}})
    for _ in range(40):
        worker.turn()
        for session in worker.sessions.values():
            say(session, "ack", frame=session.frames)
    epochs = {name: worker.sessions[name].trainer.epoch for name in names}
    assert min(epochs[name] for name in "abcd") > 0 == epochs["e"] == epochs["f"]
    assert [name for name, reply in said if isinstance(reply, dict) and reply.get("code") == "waiting"] == [
        "e", "f",
    ]  # fmt: skip
    worker.receive({"do": "leave", "session": "b"})
    worker.receive({"do": "drop", "session": "b"})
    worker.turn()
    assert [name for name, reply in said if isinstance(reply, dict) and reply.get("code") == "training"] == [
        "e"
    ]
    assert sorted(worker.turns.training) == ["a", "c", "d", "e"]


def test_the_messages_of_one_session_do_not_hold_up_those_of_another() -> None:
    worker, said = workers()
    for name in "ab":
        worker.receive({"do": "enter", "session": name, "message": {"settings": SMALL}})
    said.clear()
    for _ in range(130):
        worker.receive({"do": "message", "session": "a", "message": {"type": "reset"}})
    worker.receive({"do": "message", "session": "b", "message": {"type": "reset"}})
    lost = [reply["code"] for _, reply in said]
    assert lost == ["message_many"] * 10
    said.clear()
    worker.turn()
    assert [name for name, reply in said if not isinstance(reply, bytes)][:3] == ["a", "b", "a"]
    assert worker.rest() == 0
    while worker.inbox:
        worker.turn()
    assert len([name for name, reply in said if not isinstance(reply, bytes)]) == 121
    for number in range(3):
        message = {"type": "by_hand", "id": number, "point": [0, 0, 1]}
        worker.receive({"do": "message", "session": "a", "message": message})
    worker.turn()
    asked = [reply["id"] for _, reply in said if isinstance(reply, dict) and reply["type"] == "by_hand"]
    assert asked == [2], "the latest wins"


def test_with_nothing_to_do_the_worker_sleeps() -> None:
    worker, _ = workers()
    assert worker.rest() is None
    worker.receive({"do": "enter", "session": "a", "message": {"settings": SMALL}})
    worker.turn()
    assert worker.rest() is None, "one frame is on its way, and nothing else is new"
    worker.receive({"do": "message", "session": "a", "message": {"type": "run", "running": True}})
    worker.turn()
    assert worker.rest() == 0
    for _ in range(200):
        worker.turn()  # without an ack
        worker.clock.wait(0.01)
    assert worker.rest() is None


def test_a_fault_in_one_session_is_told_to_it_and_touches_no_other(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    worker, said = workers()
    for name in "ab":
        worker.receive({"do": "enter", "session": name, "message": {"settings": SMALL}})
        worker.receive({"do": "message", "session": name, "message": {"type": "run", "running": True}})
    monkeypatch.setattr(worker.sessions["a"].trainer, "work", lambda *_: 1 / 0)
    for _ in range(10):
        worker.turn()
    errors = [(name, reply["code"]) for name, reply in said if isinstance(reply, dict) and "message" in reply]
    assert errors == [("a", "failed")]
    assert worker.sessions["b"].trainer.epoch > 0 and not worker.sessions["a"].running
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_turns_are_fair() -> None:
    turns = Turns(2)
    assert turns.seat("abcd") == [("c", "waiting"), ("d", "waiting")]
    turns.rotate("a")
    assert turns.training == ["b", "a"] and turns.seat("abcd") == []
    assert turns.seat("acd") == [("c", "training")] and turns.training == ["a", "c"]
