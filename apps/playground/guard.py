"""What stands before every request: which Host and Origin may ask, and the headers of every answer.

A page elsewhere can point its own name at 127.0.0.1 (DNS rebinding): its requests then carry that name as
their Host. A page elsewhere can open a websocket to us: its Origin is then its own. Both are turned away.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

__all__ = ["Guard", "allowed_hosts", "is_loopback"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Scope]]
Send = Callable[[Scope], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

# connect-src names the websocket besides 'self', which older browsers take for http alone.
POLICY = (
    "default-src 'self'; connect-src 'self' ws://{host}; img-src 'self' data: blob:; object-src 'none'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",  # kept, but asked for by its ETag each time
}


def is_loopback(host: str) -> bool:
    """Whether an address (not any name but localhost) is reached from this machine alone."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def allowed_hosts(host: str, port: int) -> frozenset[str]:
    """The Host headers that a server answers. `host`: a name or address, or "0.0.0.0" or "::" for all."""
    names = {host.lower()}
    if is_loopback(host):
        names |= {"localhost", "127.0.0.1"}
    elif host in ("0.0.0.0", "::"):
        names = {"127.0.0.1", "localhost", socket.gethostname().lower()}
        with contextlib.suppress(OSError):
            names |= {str(found[4][0]) for found in socket.getaddrinfo(socket.gethostname(), None)}
    bare = {f"[{name}]" if ":" in name else name for name in names}
    return frozenset(f"{name}:{port}" for name in bare) | (bare if port == 80 else set())


class Guard:
    """ASGI middleware: GET and HEAD (and websockets) for allowed hosts and their own origin; safe headers."""

    def __init__(self, app: App, hosts: frozenset[str]) -> None:
        self.app = app
        self.hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        host = only(scope, b"host")
        if host is None or host not in self.hosts:
            return await refuse(scope, send, 421, "This address is not served here.")
        if scope["type"] == "websocket":
            if only(scope, b"origin") != f"http://{host}":
                return await refuse(scope, send, 403, "This origin may not connect.")
            return await self.app(scope, receive, send)
        if scope["method"] not in ("GET", "HEAD"):
            return await refuse(scope, send, 405, "Only GET and HEAD.", [(b"allow", b"GET, HEAD")])

        async def send_with_headers(message: Scope) -> None:
            if message["type"] == "http.response.start":
                given = {name: value for name, value in message.get("headers", [])}
                message["headers"] = list({**safe_headers(host), **given}.items())
            await send(message)

        await self.app(scope, receive, send_with_headers)


def only(scope: Scope, name: bytes) -> str | None:
    """The value of a header that is there exactly once, in lower case; else None."""
    values = [value for key, value in scope["headers"] if key.lower() == name]
    return values[0].decode("latin-1").lower() if len(values) == 1 else None


def safe_headers(host: str) -> dict[bytes, bytes]:
    headers = {**HEADERS, "Content-Security-Policy": POLICY.format(host=host)}
    return {name.lower().encode(): value.encode("latin-1") for name, value in headers.items()}


async def refuse(
    scope: Scope, send: Send, status: int, text: str, headers: list[tuple[bytes, bytes]] | None = None
) -> None:
    """Answer in plain text; a websocket is turned away before it is opened (with the status 403)."""
    if scope["type"] == "websocket":
        return await send({"type": "websocket.close"})
    body = text.encode()
    plain = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    plain += [(b"x-content-type-options", b"nosniff"), *(headers or [])]
    await send({"type": "http.response.start", "status": status, "headers": plain})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
