"""One open page: what waits to be sent to it, how much it may say, and when it is shown out.

Nothing here waits for a slow page: messages queue up to a bound, and of frames only the latest is kept.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

__all__ = ["BUSY", "FLOOD", "MALFORMED", "REPLACED", "RESTART", "TOKEN", "Allowance", "Visit"]

TOKEN, BUSY, FLOOD, MALFORMED, REPLACED, RESTART = 4001, 4002, 4003, 4004, 4005, 1012  # codes of close
MOST_A_SECOND = 60
MOST_WAITING = 16 * 1024 * 1024  # bytes of messages that a page has not read; the largest have 3 MB


class Allowance:
    """So many a second, and as many at once after a rest."""

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate = rate
        self.clock = clock
        self.left = rate
        self.at = clock()

    def spend(self) -> bool:
        """Take one; False where there is none left."""
        now = self.clock()
        self.left = min(self.rate, self.left + (now - self.at) * self.rate)
        self.at = now
        if self.left < 1:
            return False
        self.left -= 1
        return True


class Visit:
    """One page. `ended` becomes the code with which to close it."""

    def __init__(self, session: str) -> None:
        self.session = session
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.messages: deque[str] = deque()
        self.waiting = 0  # bytes in `messages`
        self.frame: bytes | None = None
        self.unacknowledged = 0  # frames
        self.awake = asyncio.Event()
        self.allowance = Allowance(MOST_A_SECOND)

    def end(self, code: int) -> None:
        if not self.ended.done():
            self.ended.set_result(code)

    def put(self, message: dict[str, Any] | str) -> None:
        """A message is never dropped: a page that lets too many wait is shown out."""
        text = message if isinstance(message, str) else json.dumps(message)
        self.messages.append(text)
        self.waiting += len(text)
        if self.waiting > MOST_WAITING:
            self.end(FLOOD)
        self.awake.set()

    def put_frame(self, frame: bytes) -> None:
        self.frame = frame
        self.awake.set()

    def may_say(self, kind: str | None) -> bool:
        """Whether one more message is in order. Answers to frames are counted by the frames."""
        if kind == "ack" and self.unacknowledged:
            self.unacknowledged -= 1
            return True
        return self.allowance.spend()

    async def write(
        self, send_text: Callable[[str], Awaitable[None]], send_bytes: Callable[[bytes], Awaitable[None]]
    ) -> None:
        """Send what waits, for ever: messages first, so that a frame never comes before its state."""
        while True:
            await self.awake.wait()
            self.awake.clear()
            while self.messages or self.frame:
                if self.messages:
                    text = self.messages.popleft()
                    self.waiting -= len(text)
                    await send_text(text)
                elif self.frame:
                    frame, self.frame = self.frame, None
                    self.unacknowledged += 1
                    await send_bytes(frame)
