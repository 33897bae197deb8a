"""A playground's server as a process of its own, and pages that speak with it, for the tests.

Tests that import this are skipped where the extra or /proc is missing.
"""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from email.message import Message
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
pytest.importorskip("websockets")
if not Path("/proc/self/stat").exists():
    pytest.skip("processes are watched through /proc", allow_module_level=True)

from websockets.exceptions import ConnectionClosed  # noqa: E402
from websockets.sync.client import ClientConnection, connect  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
TICK = 1 / os.sysconf("SC_CLK_TCK")  # seconds

PATIENCE = 20  # seconds; machines that do other things too are slow

SMALL = {"dataset": "xor", "networkShape": [3, 2]}


def environment(state: Path) -> dict[str, str]:
    """Of a server whose token lies in `state`."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "XDG_STATE_HOME": str(state), "PYTHONPATH": path}


class Server:
    """`python -m apps.playground`, listening."""

    def __init__(self, state: Path, port: int = 0, *flags: str) -> None:
        command = [sys.executable, "-m", "apps.playground", "--no-browser", "--port", str(port), *flags]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(state)
        )
        assert self.process.stdout
        self.address = self.process.stdout.readline().strip()
        if not self.address.startswith("http"):
            raise AssertionError(f"no address but {self.address!r}: {self.process.communicate()[1]}")
        origin, _, fragment = self.address.partition("/#")
        self.origin = origin
        self.host = origin.removeprefix("http://")
        self.port = int(self.host.rpartition(":")[2])
        self.token = fragment.removeprefix("token=").partition("&")[0]

    @property
    def worker(self) -> int:
        """The id of the compute process."""
        pid = self.process.pid
        return wait_for(lambda: int((Path(f"/proc/{pid}/task/{pid}/children").read_text().split() or [0])[0]))

    def end(self, by: int = signal.SIGINT) -> str:
        """End it; returns what it wrote to standard error."""
        self.process.send_signal(by)
        return self.process.communicate(timeout=10)[1]


class Answer(NamedTuple):
    status: int
    headers: Message
    content: bytes


def fetch(url: str, method: str = "GET", **headers: str) -> Answer:
    """What the server answers; redirections are not followed."""
    found = urlsplit(url)
    connection = HTTPConnection(found.netloc, timeout=PATIENCE)
    try:
        connection.request(method, found.path, headers=headers)
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


class Page:
    """A websocket to a server, as a page has it. Frames are acknowledged unless `draws` is false."""

    def __init__(self, server: Server, **options: Any) -> None:
        plain = {"origin": server.origin, "compression": None, "max_size": None, "close_timeout": 1}
        self.connection = connect(f"ws://{server.host}/socket", **{**plain, **options})
        self.socket: ClientConnection = self.connection.__enter__()
        self.server = server
        self.draws = True
        self.session: str | None = None

    def say(self, kind: str, **keys: Any) -> None:
        self.socket.send(json.dumps({"type": kind, **keys}))

    def enter(self, settings: Any = None, session: str | None = None, points: Any = None) -> dict[str, Any]:
        """Say hello. Returns the state, and keeps the welcome."""
        settings = SMALL if settings is None else settings
        self.say("hello", token=self.server.token, session=session, settings=settings, points=points)
        self.welcome = self.await_type("welcome")
        self.session = self.welcome["session"]
        return self.await_type("state")

    def hear(self, timeout: float = PATIENCE) -> dict[str, Any]:
        """The next message, or a frame's header, with the type "frame"."""
        data = self.socket.recv(timeout)
        if isinstance(data, str):
            return json.loads(data)
        (size,) = struct.unpack_from("<I", data)
        header = json.loads(data[4 : 4 + size])
        if self.draws:
            self.say("ack", frame=header["frame"])
        return {"type": "frame", **header}

    def await_type(self, kind: str, timeout: float = PATIENCE) -> dict[str, Any]:
        return self.await_that(lambda message: message["type"] == kind, timeout)

    def await_that(self, fits: Callable[[dict[str, Any]], bool], timeout: float = PATIENCE) -> dict[str, Any]:
        end = time.monotonic() + timeout
        while True:
            message = self.hear(max(0.01, end - time.monotonic()))
            if fits(message):
                return message

    def run(self) -> dict[str, Any]:
        """Run, until a frame shows that it does."""
        self.say("run", running=True)
        return self.await_that(lambda message: message["type"] == "frame" and message["updates"] > 0)

    def await_close(self, timeout: float = PATIENCE) -> int:
        """The code with which the server closes the socket."""
        try:
            end = time.monotonic() + timeout
            while True:
                self.hear(max(0.01, end - time.monotonic()))
        except ConnectionClosed as closed:
            assert closed.rcvd, "closed without a code"
            return closed.rcvd.code

    def close(self) -> None:
        self.connection.__exit__(None, None, None)

    def __enter__(self) -> Page:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


def wait_for(found: Callable[[], Any], timeout: float = PATIENCE) -> Any:
    """What `found` gives as soon as it is true."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        value = found()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError("it did not happen in time")


def busy(pid: int) -> float:
    """Seconds that a process has computed so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK


def load(pid: int, seconds: float = 0.5) -> float:
    """The share of a core that a process takes now."""
    before = busy(pid)
    time.sleep(seconds)
    return (busy(pid) - before) / seconds


def runs(pid: int) -> bool:
    """Whether there is such a process, and it is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def resident(pid: int) -> int:
    """Bytes of memory that a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096
