"""What goes over a page's websocket, both ways: the page's own words, and the server's, numbers and all."""

from __future__ import annotations

import json
from typing import Any

import numpy as np


class Wire:
    """Listens to all sockets of a page.

    sent, received   JSON messages, oldest first
    state            the latest "state" of the server
    frame            the latest frame: its header, with the arrays of its blocks
    acknowledged     how many frames the page has drawn
    """

    def __init__(self, page: Any) -> None:
        self.sent: list[dict[str, Any]] = []
        self.received: list[dict[str, Any]] = []
        self.state: dict[str, Any] = {}
        self.raw: bytes | None = None
        self.acknowledged = 0
        page.on("websocket", self.listen)

    def listen(self, socket: Any) -> None:
        socket.on("framereceived", self.receive)
        socket.on("framesent", self.note)

    def receive(self, payload: str | bytes) -> None:
        if isinstance(payload, bytes):
            self.raw = payload
            return
        message = json.loads(payload)
        self.received.append(message)
        if message["type"] == "state":
            self.state = message

    def note(self, payload: str | bytes) -> None:
        message = json.loads(payload)
        if message["type"] == "ack":
            self.acknowledged += 1
        else:
            self.sent.append(message)

    @property
    def frame(self) -> dict[str, Any]:
        assert self.raw, "no frame has come"
        return decode(self.raw)

    def said(self, kind: str) -> list[dict[str, Any]]:
        """What the server said of this kind."""
        return [message for message in self.received if message["type"] == kind]

    def asked(self, kind: str) -> list[dict[str, Any]]:
        """What the page asked of this kind."""
        return [message for message in self.sent if message["type"] == kind]


def decode(data: bytes) -> dict[str, Any]:
    """A frame by the protocol's words: u32 length of the header | header | blocks, each padded to 4 bytes."""
    length = int.from_bytes(data[:4], "little")
    header = json.loads(data[4 : 4 + length])
    start = 4 + length + -length % 4
    for name, kind, shape in header["blocks"]:
        dtype, count = {"u8": "u1", "f32": "<f4"}[kind], int(np.prod(shape))
        header[name] = np.frombuffer(data, dtype, count, start).reshape(shape)
        size = header[name].nbytes
        start += size + -size % 4
    assert start == len(data), "a frame has no more than its header says"
    return header
