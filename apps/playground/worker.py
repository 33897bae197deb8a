"""The compute process: all sessions in one process and one thread, messages and training in turns of 10 ms.

It reads packets on its standard input and writes packets on its standard output (`pipe`). Between two turns
it looks for messages; with nothing to do it sleeps until one comes; it ends with its input.
"""

from __future__ import annotations

import functools
import json
import os
import select
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import autograd
from apps.command import backend
from apps.playground import pipe, protocol
from apps.playground.errors import Refused
from apps.playground.session import Session
from apps.playground.turns import Turns

__all__ = ["Worker", "main"]

SLICE = 0.010  # seconds
MOST_UNANSWERED = 120  # messages of a session

Reply = dict[str, Any] | bytes


class Worker:
    """The sessions, and what is to be done next. `send(session, reply)` gets messages and frames."""

    def __init__(
        self, send: Callable[[str, Reply], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.send = send
        self.clock = clock
        self.backend = backend()
        self.sessions: dict[str, Session] = {}
        self.inbox: dict[str, deque[dict[str, Any]]] = {}  # unanswered, of those that have such; next first
        self.turns = Turns()

    def receive(self, header: dict[str, Any]) -> None:
        """Do what a packet of the server asks for: enter, message, leave or drop."""
        name, what = header["session"], header["do"]
        if what == "message":
            if name in self.sessions:
                self.post(name, header["message"])
            return
        self.inbox.pop(name, None)
        if what == "drop":
            self.sessions.pop(name, None)
        elif what == "enter":
            session = self.sessions.get(name)
            resumed = session is not None
            session = session or self.sessions.setdefault(name, Session(name, self.clock, self.backend))
            self.attempt(name, functools.partial(session.enter, header["message"], resumed))
        elif name in self.sessions:
            self.sessions[name].leave()

    def post(self, name: str, message: dict[str, Any]) -> None:
        """Put a message in line. One pass by hand that nobody has begun gives way to the next."""
        line = self.inbox.setdefault(name, deque())
        if line and line[-1]["type"] == message["type"] == "by_hand":
            line.pop()
        if len(line) < MOST_UNANSWERED:
            line.append(message)
        else:
            self.send(name, protocol.error(Refused("message_many")))

    def answer(self, seconds: float) -> None:
        """Answer messages for about so long, one of each session after the other."""
        end = self.clock() + seconds
        while self.inbox:
            name = next(iter(self.inbox))
            line = self.inbox.pop(name)
            message = line.popleft()
            if line:
                self.inbox[name] = line
            self.attempt(name, functools.partial(self.sessions[name].handle, message))
            if self.clock() >= end:
                return

    def attempt(self, name: str, work: Callable[[], Sequence[Reply]]) -> None:
        """Send what comes of it. A fault is told to this session alone, which then rests."""
        try:
            for reply in work():
                self.send(name, reply)
        except BrokenPipeError:
            raise
        except Exception as fault:
            traceback.print_exc()
            if name in self.sessions:
                self.sessions[name].rest()
            self.send(name, protocol.error(Refused("failed", what=f"{type(fault).__name__}: {fault}")))

    def turn(self) -> None:
        """Messages; a slice of training for the next session that is due; frames that are due."""
        self.answer(SLICE)
        self.seat()
        for name in list(self.turns.training):
            session = self.sessions[name]
            if session.due() <= self.clock():
                self.turns.rotate(name)
                self.attempt(name, functools.partial(session.work, SLICE))
                break
        self.draw(SLICE)
        self.seat()

    def seat(self) -> None:
        wanting = [name for name, session in self.sessions.items() if session.wants()]
        for name, code in self.turns.seat(wanting):
            self.send(name, {"type": "event", "code": code, "details": {}})

    def draw(self, seconds: float) -> None:
        """Draw frames that are due for about so long, those first that were due first."""
        end = self.clock() + seconds
        for due, name in sorted((session.frame_due(), name) for name, session in self.sessions.items()):
            if due > self.clock():
                return
            self.attempt(name, lambda name=name: [self.sessions[name].frame()])
            if self.clock() >= end:
                return

    def rest(self) -> float | None:
        """Seconds until there is something to do; None: not before a message comes."""
        if self.inbox:
            return 0.0
        due = [session.frame_due() for session in self.sessions.values()]
        due += [self.sessions[name].due() for name in self.turns.training if name in self.sessions]
        due += [session.patience() for session in self.sessions.values() if session.wants()]
        first = min(due, default=float("inf"))
        return None if first == float("inf") else max(0.0, first - self.clock())


def main() -> None:
    autograd.set_num_threads(1)
    output = os.dup(1)
    os.dup2(2, 1)  # whatever is printed must not come between packets
    reader = pipe.Reader(0)

    def send(session: str, reply: Reply) -> None:
        frame = isinstance(reply, bytes)
        content = reply if frame else json.dumps(reply, separators=(",", ":"), allow_nan=False).encode()
        rest = memoryview(pipe.pack({"session": session, "frame": frame}, content))
        while rest:
            rest = rest[os.write(output, rest) :]

    worker = Worker(send)
    try:
        while True:
            if select.select([0], [], [], worker.rest())[0]:
                for header, _ in reader.read():
                    worker.receive(header)
            worker.turn()
    except (EOFError, BrokenPipeError):
        sys.exit(0)


if __name__ == "__main__":
    main()
