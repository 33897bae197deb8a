"""Frames as they reach a page: the real server, and a page that draws nothing and says so of every frame."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from benchmarks import sides
from benchmarks.playground.measure import NETWORKS
from benchmarks.processes import ROOT, Failed

__all__ = ["Frames", "received", "report", "serving"]

Record = dict[str, Any]


class Frames(NamedTuple):
    """What a page got in a second, while its network trained as fast as it goes."""

    network: str
    frames: float
    bytes: float  # a frame
    updates: float

    def line(self) -> str:
        return (
            f"{self.network:10} frames    {self.frames:5.1f} a second, of {self.bytes / 1000:.0f} kB, "
            f"while {self.updates:,.0f} updates a second are made"
        )


@contextmanager
def serving() -> Iterator[tuple[str, str]]:
    """A server at a free port of this machine: its address host:port, and the token."""
    command = [sys.executable, "-m", "apps.playground", "--no-browser", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise Failed(f"the playground did not start; exit code {process.wait()}")
            address = urlsplit(line.strip())
            yield address.netloc, address.fragment.split("token=", 1)[1].split("&")[0]
        finally:
            process.terminate()


def received(name: str, seconds: float) -> Frames:
    """Let one of the networks train for so many seconds. sides.Refused without websockets."""
    try:
        from websockets.sync.client import connect
    except ImportError as error:
        raise sides.Refused(f'frames need {error.name}: pip install "kernelgrad[playground]"') from None

    settings = {"dataset": "spiral", **NETWORKS[name]}
    with serving() as (place, token), connect(
        f"ws://{place}/socket", origin=f"http://{place}", compression=None, max_size=2**24
    ) as socket:  # fmt: skip
        say(socket, "hello", token=token, session=None, settings=settings, points=None)
        say(socket, "view", gradients=True, visible=True, speed=0)
        say(socket, "run", running=True)
        listen(socket, 1.0)  # programs are captured
        counted = listen(socket, seconds)
    if len(counted) < 2:
        raise Failed(f"{name}: {len(counted)} frames in {seconds:g} s")
    (start, _, first), (end, _, last) = counted[0], counted[-1]
    return Frames(
        name, (len(counted) - 1) / (end - start), sum(size for _, size, _ in counted) / len(counted),
        (last["updates"] - first["updates"]) / (end - start),
    )  # fmt: skip


def say(socket: Any, kind: str, **message: Any) -> None:
    socket.send(json.dumps({"type": kind, **message}))


def listen(socket: Any, seconds: float) -> list[tuple[float, int, Record]]:
    """Acknowledge what comes; of each frame its time, its bytes and its header."""
    found = []
    end = time.perf_counter() + seconds
    while (left := end - time.perf_counter()) > 0:
        try:
            message = socket.recv(timeout=left)
        except TimeoutError:
            break
        if isinstance(message, str):
            answer = json.loads(message)
            if answer["type"] == "error":
                raise Failed(f"the playground refused: {answer['message']}")
            continue
        (length,) = struct.unpack_from("<I", message)
        header = json.loads(message[4 : 4 + length])
        say(socket, "ack", frame=header["frame"])
        found.append((time.perf_counter(), len(message), header))
    return found


def report(seconds: float) -> list[Frames]:
    """The frames of all networks, printed as they come."""
    rows = []
    for name in NETWORKS:
        rows.append(received(name, seconds))
        print(rows[-1].line(), flush=True)
    return rows
