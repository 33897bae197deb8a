"""How the server and its compute process speak: packets of a JSON header and bytes, over two pipes.

u32 size of the header | u32 size of the bytes | header | bytes        (little-endian)
"""

from __future__ import annotations

import asyncio
import json
import os
import struct
from typing import Any

__all__ = ["Reader", "pack", "receive"]

SIZES = struct.Struct("<II")

Packet = tuple[dict[str, Any], bytes]


def pack(header: dict[str, Any], content: bytes = b"") -> bytes:
    text = json.dumps(header, separators=(",", ":")).encode()
    return b"".join((SIZES.pack(len(text), len(content)), text, content))


async def receive(stream: asyncio.StreamReader) -> Packet:
    """The next packet. IncompleteReadError when the other side is gone."""
    header, content = SIZES.unpack(await stream.readexactly(SIZES.size))
    return json.loads(await stream.readexactly(header)), await stream.readexactly(content)


class Reader:
    """Packets from a file descriptor, as they come: `read` takes what is there and never waits for more
    than that, once the descriptor is readable."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.buffer = bytearray()

    def read(self) -> list[Packet]:
        """All packets that are complete. EOFError when the other side is gone."""
        got = os.read(self.descriptor, 1 << 20)
        if not got:
            raise EOFError
        self.buffer += got
        packets = []
        while len(self.buffer) >= SIZES.size:
            header, content = SIZES.unpack_from(self.buffer)
            middle, end = SIZES.size + header, SIZES.size + header + content
            if len(self.buffer) < end:
                break
            packets.append((json.loads(self.buffer[SIZES.size : middle]), bytes(self.buffer[middle:end])))
            del self.buffer[:end]
        return packets
