"""The server: the page's files, and a websocket between each page and its session in the compute process.

Beside each socket run a reader and a writer: reading goes on while a send waits for a page that does not
read, so that its leaving is seen at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from apps.playground import protocol
from apps.playground.door import Door
from apps.playground.errors import Refused
from apps.playground.guard import Guard
from apps.playground.supervisor import Supervisor
from apps.playground.token import same_token
from apps.playground.visit import BUSY, FLOOD, MALFORMED, REPLACED, RESTART, TOKEN, Visit

__all__ = ["Server", "configuration"]

STATIC = Path(__file__).with_name("static")
MOST_CONNECTED = 8
MOST_LEFT = 8  # sessions kept for pages that may come back
KEPT = 60.0  # seconds
HELLO = 5.0  # seconds in which a page must have said who it is
CLOSING = 2.0  # seconds for a page to take note that it is shown out
MOST_STRANGERS = 32  # sockets that have not said it yet


def configuration(token: str, hosts: frozenset[str], door: Door) -> uvicorn.Config:
    """How the application is served: quietly, without compression, and with a quick end."""
    return uvicorn.Config(
        make_app(token, hosts, door),
        ws=Socket,
        ws_max_size=16 * protocol.MOST_MESSAGE,  # what is above our own limit and below this is told so
        ws_per_message_deflate=False,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
    )


class Server(uvicorn.Server):
    """uvicorn's server, which calls `ready` as soon as it answers."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self.ready = ready

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self.ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if not self.should_exit:  # the end is on its way, takes a second, and is not to be forced
            super().handle_exit(sig, frame)


class Socket(WebSocketsSansIOProtocol):
    """uvicorn's websocket, but not held for ever by a page that is shown out and reads nothing."""

    async def run_asgi(self) -> None:
        await super().run_asgi()
        self.loop.call_later(CLOSING, self.transport.abort)


def make_app(token: str, hosts: frozenset[str], door: Door) -> Starlette:
    """The application that answers `hosts` ("127.0.0.1:8421" ...) and lets in who knows `token`."""
    rooms = Rooms(token)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        await rooms.supervisor.start()
        try:
            yield
        finally:
            await rooms.supervisor.stop()

    return Starlette(
        routes=[
            WebSocketRoute("/socket", rooms.receive),
            Route(door.path, door.enter),
            Mount("/", StaticFiles(directory=STATIC, html=True)),
        ],
        middleware=[Middleware(Guard, hosts=hosts)],
        lifespan=lifespan,
    )


class Rooms:
    """Who is here: one visit for each session that is open, and how long the others are kept."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.visits: dict[str, Visit] = {}
        self.left: dict[str, asyncio.TimerHandle] = {}  # oldest first
        self.strangers = 0
        self.supervisor = Supervisor(self.deliver, self.restarted)

    async def receive(self, socket: WebSocket) -> None:
        """One websocket, from its opening to its end."""
        await socket.accept()
        with contextlib.suppress(WebSocketDisconnect):
            visit = await self.admit(socket)
            if visit:
                code = await self.attend(visit, socket)
                if code:
                    await close(socket, code)

    async def admit(self, socket: WebSocket) -> Visit | None:
        """The visit of a page that says hello in time and with the token; else the socket is closed."""
        hello = None
        if self.strangers >= MOST_STRANGERS:
            return await close(socket, BUSY)
        self.strangers += 1
        try:
            async with asyncio.timeout(HELLO):
                hello = protocol.parse(await next_text(socket))
        except (TimeoutError, Refused):
            pass
        finally:
            self.strangers -= 1
        if hello is None or hello["type"] != "hello" or not same_token(hello["token"], self.token):
            return await close(socket, TOKEN)
        session = hello["session"]
        there = self.visits.get(session)
        if there:
            there.end(REPLACED)
        elif len(self.visits) >= MOST_CONNECTED:
            return await close(socket, BUSY)
        if not there and session not in self.left:
            session = secrets.token_urlsafe(16)
        elif session in self.left:
            self.left.pop(session).cancel()
        visit = self.visits[session] = Visit(session)
        self.supervisor.send({"do": "enter", "session": session, "message": hello | {"token": ""}})
        return visit

    async def attend(self, visit: Visit, socket: WebSocket) -> int | None:
        """Carry messages to and fro. The code to close with when it ends; None: the page has gone."""
        reader = asyncio.create_task(self.read(visit, socket))
        writer = asyncio.create_task(visit.write(socket.send_text, socket.send_bytes))
        try:
            await asyncio.wait({reader, writer, visit.ended}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (reader, writer):
                task.cancel()
            gone = await asyncio.gather(reader, writer, return_exceptions=True)
            if self.visits.get(visit.session) is visit:
                self.leave(visit.session)
        for outcome in gone:
            if isinstance(outcome, Exception) and not isinstance(outcome, WebSocketDisconnect):
                raise outcome
        return visit.ended.result() if visit.ended.done() else None

    async def read(self, visit: Visit, socket: WebSocket) -> None:
        """Pass on what the page says, as long as it keeps to the rules."""
        while True:
            try:
                text = await next_text(socket)
                message = protocol.parse(text)
                refused = None
            except Refused as error:
                refused, message = error, {}
            if not visit.may_say(message.get("type")):
                return visit.end(FLOOD)
            if refused is None and message["type"] != "hello":
                self.supervisor.send({"do": "message", "session": visit.session, "message": message})
                await self.supervisor.drain()
            elif refused and refused.code in ("message_json", "message_large"):
                return visit.end(MALFORMED)
            else:
                visit.put(protocol.error(refused or Refused("message_type", type="hello")))

    def leave(self, session: str) -> None:
        """A page has gone: its session rests, and is dropped unless the page comes back in time."""
        del self.visits[session]
        self.supervisor.send({"do": "leave", "session": session})
        self.left[session] = asyncio.get_running_loop().call_later(KEPT, self.drop, session)
        if len(self.left) > MOST_LEFT:
            self.drop(next(iter(self.left)))

    def drop(self, session: str) -> None:
        self.left.pop(session).cancel()
        self.supervisor.send({"do": "drop", "session": session})

    def deliver(self, header: dict[str, Any], content: bytes) -> None:
        """A packet of the compute process, to the page of its session, if it is still here."""
        visit = self.visits.get(header["session"])
        if visit and header["frame"]:
            visit.put_frame(content)
        elif visit:
            visit.put(content.decode())

    def restarted(self) -> None:
        """All sessions are lost: pages are told, and come back with their settings."""
        for timer in self.left.values():
            timer.cancel()
        self.left.clear()
        for visit in self.visits.values():
            visit.put({"type": "event", "code": "restarted", "details": {}})
            asyncio.get_running_loop().call_later(0.1, visit.end, RESTART)


async def next_text(socket: WebSocket) -> str:
    """The next message. Refused (`message_json`): it is bytes. WebSocketDisconnect: the page has gone."""
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1006))
    text = message.get("text")
    if text is None:
        raise Refused("message_json")
    return str(text)


async def close(socket: WebSocket, code: int) -> None:
    """Close it, and do not wait long for a page that does not read."""
    with contextlib.suppress(TimeoutError, RuntimeError, WebSocketDisconnect):
        async with asyncio.timeout(1):
            await socket.close(code)
