"""What becomes of each training step as a program: instructions, the share of the limit, memory, capture.

Memory is measured in a process of its own for every side: how far the resident set grows over what it was
before the network was made, at most, while warmed-up steps run. PyTorch's and our eager steps beside it.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks import cases, sides

__all__ = ["Facts", "report"]

ROOT = Path(__file__).resolve().parent.parent
STATUS = Path("/proc/self/status")
STEPS = 5
SIDES = ("jit", "eager", "pytorch")
MODULES = {"jit": "jit.side_ours", "eager": "steps.side_ours", "pytorch": "steps.side_pytorch"}


class Facts(NamedTuple):
    """Of one row: the program's numbers, and the bytes that each side took (None: not to be had here)."""

    label: str
    steps: int
    instructions: int
    python: int
    capture: float  # seconds
    seconds: float  # a step
    flops: float  # a step, multiplications and additions of the kernels
    share: float  # of the least time that arithmetic allows
    memory: dict[str, int | None]

    def line(self) -> str:
        mega = [
            f"{b / 1e6:7.1f}" if (b := self.memory.get(side)) is not None else "      -" for side in SIDES
        ]
        return (
            f"{self.label:46} {self.steps:5} -> {self.instructions:4} {self.python:4} {self.capture:8.2f} s "
            f"{self.seconds * 1e6:11,.1f} us {self.flops / self.seconds / 1e9:6.1f} {self.share:6.0%} "
            f"{' '.join(mega)}"
        )


HEADER = "\n".join(
    [
        " " * 47 + f"{'traced -> instructions':42} {'GFLOP/s,':>8} {'share':>6} {'MB at most':>16}",
        f"{'step':46} {'(of them in Python)':18} {'capture':>9} {'a step':>14} {'of the limit':>14} "
        f"{'jit':>7} {'eager':>7} {'PyTorch':>7}",
    ]
)


def report(row: str, threads: int) -> list[Facts]:
    """The facts of the rows whose label has the text `row`, printed as they come."""
    print(HEADER)
    found = []
    for case_row in cases.load(cases.package("jit")).rows:
        if row not in case_row.label or "loop" in case_row.label:
            continue
        memory = {side: asked(side, case_row.label, threads) for side in SIDES}
        mine = memory["jit"]
        if mine is None:
            raise sides.Refused(f"{case_row.label}: our side did not run")
        facts = Facts(
            case_row.label, **mine["program"], memory={k: v and v["bytes"] for k, v in memory.items()}
        )
        print(facts.line(), flush=True)
        found.append(facts)
    return found


def asked(side: str, label: str, threads: int) -> dict[str, Any] | None:
    """What a process of its own says of a side; None where the library is missing."""
    env = sides.environment(threads, "default", "default")
    command = [sys.executable, "-m", "benchmarks.programs", side, label, str(threads)]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    if done.returncode == 3:
        return None
    if done.returncode:
        raise sides.Refused(f"{side}, {label}: {done.stderr.strip()[-2000:]}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


# In the process of a side --------------------------------------------------------------------------


def resident(word: str) -> int:
    """VmRSS (now) or VmHWM (at most), in bytes."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(word))
    return int(line.split()[1]) * 1024


def forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def answer(side: str, label: str, threads: int) -> dict[str, Any]:
    case = cases.load(cases.package("jit"))
    row = next(row for row in case.rows if row.label == label)
    module = __import__(f"benchmarks.cases.{MODULES[side]}", fromlist=["make"])
    set_threads(side, threads)
    warm_up = case.rows[0]  # what a library sets up at its first steps is not the network's
    first = module.make(case.inputs(warm_up.sizes, np.random.default_rng(0)), **warm_up.sizes)
    for _ in range(STEPS):
        first()
    before = resident("VmRSS")
    step = module.make(case.inputs(row.sizes, np.random.default_rng(0)), **row.sizes)
    for _ in range(STEPS):
        step()
    gc.collect()
    forget_peak()
    for _ in range(STEPS):
        step()
    found: dict[str, Any] = {"bytes": max(0, resident("VmHWM") - before)}
    if side == "jit":
        found["program"] = program_facts(step)
    return found


def set_threads(side: str, threads: int) -> None:
    if side == "pytorch":
        import torch

        torch.set_num_threads(threads)
    else:
        import autograd

        autograd.set_num_threads(threads)


def program_facts(step: Any) -> dict[str, Any]:
    from autograd.jit.instructions import PythonCall
    from autograd.jit.limits import limits
    from autograd.jit.work import work

    program = getattr(step, "func", step).program  # a partial of the jitted step
    times = []
    end = time.perf_counter() + 2
    while time.perf_counter() < end or len(times) < 5:
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    seconds = float(np.median(times))
    kernels = [i for i in program.instructions if not isinstance(i, PythonCall)]
    flops = float(sum(work(i).flops for i in kernels))
    least = flops / limits().flops[np.dtype(np.float32)]
    return {
        "steps": program.traced_steps, "instructions": len(program.instructions),
        "python": len(program.instructions) - len(kernels), "capture": program.capture_seconds,
        "seconds": seconds, "flops": flops, "share": least / seconds,
    }  # fmt: skip


if __name__ == "__main__":
    try:
        print(json.dumps(answer(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
    except ImportError as error:
        print(error, file=sys.stderr)
        os._exit(3)
