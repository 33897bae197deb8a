"""The life of the compute process, seen from the server: start it, speak with it, start another if it dies.

Its standard input is the pipe to it, and when that ends, it ends; its errors go to our standard error. It is
in a session of its own, so that a terminal's Ctrl-C is for the server alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from apps.playground import pipe

__all__ = ["Supervisor"]

ROOT = Path(__file__).resolve().parents[2]
MOST_WAIT = 5.0  # seconds between two starts of a process that dies at once
STEADY = 10.0  # seconds after which a process counts as one that does not


class Supervisor:
    """One compute process, always. `deliver(header, content)` is called with each of its packets,
    `restarted()` when another has taken the place of one that died (with all sessions in it)."""

    def __init__(
        self, deliver: Callable[[dict[str, Any], bytes], None], restarted: Callable[[], None]
    ) -> None:
        self.deliver = deliver
        self.restarted = restarted
        self.process: asyncio.subprocess.Process | None = None
        self.task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self.spawn()
        self.task = asyncio.create_task(self.watch())

    async def stop(self) -> None:
        """End the process, by the end of its input."""
        if self.task:
            self.task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.task
        if self.process is None:
            return
        assert self.process.stdin
        self.process.stdin.close()
        await self.ended()

    def send(self, header: dict[str, Any], content: bytes = b"") -> None:
        """Send a packet; nothing, where the process is just being replaced (its pages begin anew)."""
        if self.process and self.process.stdin and not self.process.stdin.is_closing():
            self.process.stdin.write(pipe.pack(header, content))

    async def drain(self) -> None:
        """Wait until the process has taken most of what was sent."""
        if self.process and self.process.stdin:
            with contextlib.suppress(ConnectionError):
                await self.process.stdin.drain()

    async def spawn(self) -> None:
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        threads = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "apps.playground.worker",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, start_new_session=True,
            env={**os.environ, **threads, "PYTHONPATH": path},
        )  # fmt: skip

    async def ended(self) -> int:
        """Wait for the end of a process that is about to end, and use force if it takes half a second."""
        assert self.process
        try:
            return await asyncio.wait_for(self.process.wait(), 0.5)
        except TimeoutError:
            self.process.kill()
            return await self.process.wait()

    async def watch(self) -> None:
        """Read packets for ever, from one process after the other."""
        loop = asyncio.get_running_loop()
        wait = 0.0
        while True:
            assert self.process and self.process.stdout
            began = loop.time()
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                while True:
                    self.deliver(*await pipe.receive(self.process.stdout))
            code = await self.ended()
            print(f"playground: the compute process ended ({code}); starting another", file=sys.stderr)
            wait = 0.0 if loop.time() - began > STEADY else min(MOST_WAIT, max(0.25, 2 * wait))
            await asyncio.sleep(wait)
            while True:
                try:
                    await self.spawn()
                    break
                except OSError as error:  # no memory, no processes: there may be some again
                    print(f"playground: no compute process: {error}", file=sys.stderr)
                    await asyncio.sleep(MOST_WAIT)
            self.restarted()
