"""A way in that works once: the address a browser is started with, which all users of the machine can see.

The list of processes shows it to them, as long as the browser runs; so it does not hold the token. It leads,
the first time and within a minute, to the page's address with the token; after that to the page without it.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import RedirectResponse

__all__ = ["Door"]

OPEN = 60.0  # seconds


class Door:
    """`path` leads once to `/#fragment`."""

    def __init__(self, fragment: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.path = "/open/" + secrets.token_urlsafe(16)
        self.fragment = fragment
        self.clock = clock
        self.closes = clock() + OPEN

    async def enter(self, request: Request) -> RedirectResponse:
        target = "/"
        if request.method == "GET" and self.clock() < self.closes:
            target = f"/#{self.fragment}"
            self.closes = 0.0
        return RedirectResponse(target, 303, {"Cache-Control": "no-store"})
