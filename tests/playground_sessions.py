"""Sessions of the playground in process, spoken to as a page does, for the tests."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np

from apps.playground.session import Session

NAME = "s" * 22
SMALL = {"dataset": "xor", "networkShape": [3, 2]}


class Clock:
    """Time that passes by being looked at, a millisecond each time, or by `wait`."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        self.now += 0.001
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += seconds


def entered(settings: dict[str, Any] | None = None, points: Any = None) -> Session:
    session = Session(NAME, Clock())
    welcome, *_, state = enter(session, settings or SMALL, points)
    assert (welcome["type"], state["type"]) == ("welcome", "state")
    return session


def enter(session: Session, settings: dict[str, Any], points: Any = None, resumed: bool = False) -> Any:
    hello = {"type": "hello", "token": "", "session": None, "settings": settings, "points": points}
    return session.enter(hello, resumed)


def say(session: Session, kind: str, **keys: Any) -> list[dict[str, Any]]:
    replies = session.handle({"type": kind, **keys})
    json.dumps(replies, allow_nan=False)
    return replies


def changed(session: Session, **settings: Any) -> dict[str, Any]:
    (reply,) = say(session, "settings", settings=settings)
    return reply


def shown(session: Session) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The next frame, decoded and acknowledged."""
    data = session.frame()
    (size,) = struct.unpack_from("<I", data)
    header, at, blocks = json.loads(data[4 : 4 + size]), 4 + size, {}
    for name, kind, shape in header["blocks"]:
        block = np.frombuffer(data, {"u8": "u1", "f32": "<f4"}[kind], int(np.prod(shape)), at)
        blocks[name] = block.reshape(shape)
        at += -(-block.nbytes // 4) * 4
    assert at == len(data)
    say(session, "ack", frame=header["frame"])
    return header, blocks


def trained(session: Session, most: int = 1000) -> list[dict[str, Any]]:
    """Work until nothing is left to do; what was told."""
    news = []
    for _ in range(most):
        if not session.wants():
            return news
        news += session.work(0.01)
    raise AssertionError("it never stops")
