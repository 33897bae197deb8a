"""The processes that are measured: one a side, each of them frozen while another one works.

In one process the sides would disturb each other (a PyTorch product of 0.15 ms was seen to take 3.7 ms right
after a NumPy one: both keep spinning threads and warm caches). Processes of their own share only the machine,
and one that is stopped (SIGSTOP) takes nothing of that but memory.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from benchmarks import cases, sides
from benchmarks.probe import cores

ROOT = Path(__file__).resolve().parent.parent


class Failed(RuntimeError):
    """A side's process raised or died; says how."""


@dataclass(frozen=True)
class Block:
    """What one block of runs gave: seconds a run, the median and the quartiles; how many were counted."""

    median: float
    low: float
    high: float
    calls: int


class Side:
    """A worker process (worker.py). It starts at once, and answers when `facts` are read.

    paths   where it imports from, first of all; the last is where the library of this house stands
    """

    def __init__(
        self,
        side: str,
        threads: int,
        heap: str = "kept",
        wait: str = "default",
        paths: Sequence[Path] = (ROOT,),
    ) -> None:
        self.name = side
        env = sides.environment(threads, heap, wait)
        env["PYTHONPATH"] = os.pathsep.join([*map(str, paths), *filter(None, [env.get("PYTHONPATH")])])
        # A process group of its own: Ctrl-C is this process's business. And should this one be killed, the
        # system wakes and ends a group that is left behind stopped.
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "benchmarks.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=paths[-1],
            env=env,
            **({"process_group": 0} if os.name == "posix" else {}),
        )
        # One thread keeps to the last core: the first one has the system's interrupts.
        self.send("start", side=side, threads=threads, cores=cores()[-threads:])

    @cached_property
    def facts(self) -> dict[str, object]:
        """What the library says about itself. Raises sides.Refused where it can't be measured here."""
        answer = self.receive("start")
        self.freeze()
        return answer

    def send(self, do: str, **request: object) -> None:
        assert self.process.stdin is not None
        print(json.dumps({"do": do, **request}), file=self.process.stdin, flush=True)

    def receive(self, do: str) -> dict[str, object]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise Failed(f"the {self.name} process died ({do}); exit code {self.process.wait()}")
        answer: dict[str, object] = json.loads(line)
        if "refused" in answer:
            raise sides.Refused(str(answer["refused"]))
        if "error" in answer:
            raise Failed(f"the {self.name} side failed ({do}):\n{answer['error']}")
        return answer

    def ask(self, do: str, **request: object) -> dict[str, object]:
        assert self.facts is not None  # it has started
        self.thaw()
        try:
            self.send(do, **request)
            return self.receive(do)
        finally:
            self.freeze()

    def freeze(self) -> None:
        if hasattr(signal, "SIGSTOP") and self.alive:
            self.process.send_signal(signal.SIGSTOP)
            # A signal takes a moment to arrive; what follows is measured.
            os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
            os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WNOHANG)

    def thaw(self) -> None:
        if hasattr(signal, "SIGCONT") and self.alive:
            self.process.send_signal(signal.SIGCONT)

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def load(self, package: str, sizes: cases.Sizes) -> list[np.ndarray]:
        """Make the row ready; the results of its first runs."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "result.npz"
            self.ask("load", package=package, sizes=dict(sizes), result=str(file))
            with np.load(file) as results:
                return [results[name] for name in results.files]

    def block(self, seconds: float) -> Block:
        return Block(**self.ask("block", seconds=seconds))  # type: ignore[arg-type]

    def limits(self) -> dict[str, float]:
        """What the machine gives at most (limits.py), with this side's threads."""
        return self.ask("limits")  # type: ignore[return-value]

    def close(self) -> None:
        """A worker has nothing to lose, so it is killed, frozen or not."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):  # a request that it did not live to read
                    pipe.close()

    def __enter__(self) -> Side:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class Crew:
    """The sides of some rows, kept from row to row. Use as a context manager: all end with the block.

    options     keyword arguments of every Side (heap, wait)
    checkouts   names that stand for our side as it is in another checkout, and the paths of that
    """

    def __init__(
        self,
        names: Iterable[str],
        threads: int,
        options: Mapping[str, str],
        checkouts: Mapping[str, Sequence[Path]] | None = None,
    ) -> None:
        self.threads, self.options, self.checkouts = threads, options, checkouts or {}
        self.sides: dict[str, Side] = {}
        try:
            for name in names:  # all start before any is waited for
                self.sides[name] = self.start(name)
        except BaseException:
            self.close()
            raise

    def start(self, name: str) -> Side:
        if name in self.checkouts:
            return Side(sides.OURS, self.threads, **self.options, paths=self.checkouts[name])
        return Side(name, self.threads, **self.options)

    def __getitem__(self, name: str) -> Side:
        """The side, started again where it has died."""
        if not self.sides[name].alive:
            self.sides[name].close()
            self.sides[name] = self.start(name)
        assert self.sides[name].facts is not None
        return self.sides[name]

    def close(self) -> None:
        for side in self.sides.values():
            side.close()

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
