"""The process of one side: loads a row, runs it in blocks, answers with their times.

Started by processes.py as `python -m benchmarks.worker`. Requests come one JSON object a line on standard
input, answers leave the same way on what was standard output:

    {"do": "start", "side": "pytorch", "threads": 1, "cores": [1]}            -> the side's facts
    {"do": "load", "package": ..., "sizes": {...}, "result": FILE}            -> {}, results saved as .npz
    {"do": "block", "seconds": 0.08}                                          -> median, low, high, calls
    {"do": "limits"}                                                          -> what limits.py measures

An error is answered as {"error": text}; standard output itself goes to standard error, since libraries
print.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from collections.abc import Callable
from itertools import repeat
from time import perf_counter

import numpy as np

from benchmarks import cases, limits, sides

# Seconds. Shorter runs are timed in groups: reading the clock then costs nothing, and Python's garbage
# collector, which comes round every few tiny runs, falls on every sample alike (with shorter samples half
# of them had none of it, and medians jumped by a factor of two).
SAMPLE = 1e-3
FEWEST = 4  # runs in a block, however long they take
WARM_UP = 0.2  # the part of a block that is discarded


def calls_per_sample(run: Callable[[], object]) -> int:
    """How many runs make one sample of at least SAMPLE seconds."""
    count = 1
    while True:
        start = perf_counter()
        for _ in repeat(None, count):
            run()
        if perf_counter() - start >= SAMPLE:
            return count
        count *= 2


def run_block(run: Callable[[], object], seconds: float, count: int) -> dict[str, float]:
    """Run for at least `seconds`; the median and quartiles, a run, of the samples after the first fifth."""
    taken: list[tuple[float, float]] = []  # (when it began, seconds a run)
    start = now = perf_counter()
    while now - start < seconds or len(taken) < FEWEST:
        began = perf_counter()
        for _ in repeat(None, count):
            run()
        now = perf_counter()
        taken.append((began, (now - began) / count))
    warm = start + WARM_UP * (now - start)
    kept = [sample for began, sample in taken if began >= warm] or [taken[-1][1]]
    low, median, high = np.percentile(kept, [25, 50, 75]).tolist()
    return {"median": median, "low": low, "high": high, "calls": len(kept) * count}


def arrays(result: object) -> list[np.ndarray]:
    """What a run returned, one array or a tuple of them, as copies that the next run leaves alone."""
    return [to_numpy(value).copy() for value in (result if isinstance(result, tuple) else (result,))]


def to_numpy(value: object) -> np.ndarray:
    if hasattr(value, "detach"):
        value = value.detach()
    return np.asarray(value.numpy() if hasattr(value, "numpy") else value)


class Server:
    """Answers the requests; holds the row that is loaded."""

    def __init__(self) -> None:
        self.side = ""
        self.run: Callable[[], object] | None = None
        self.count = 1

    def start(self, side: str, threads: int, cores: list[int]) -> dict[str, object]:
        sides.pin(cores)
        self.side = side
        return sides.set_up(side, threads)

    def limits(self) -> dict[str, float]:
        return limits.measure()

    def load(self, package: str, sizes: cases.Sizes, result: str) -> dict[str, object]:
        self.run = None  # its arrays are not needed any more
        case = cases.load(package)
        make = importlib.import_module(f"{package}.side_{self.side}").make
        check = case.check(sizes)
        run = make(case.draw(check), **check)
        np.savez(result, *(array for _ in range(case.checked) for array in arrays(run())))
        self.run = run if check == sizes else make(case.draw(sizes), **sizes)
        self.count = calls_per_sample(self.run)
        return {}

    def block(self, seconds: float) -> dict[str, float]:
        if self.run is None:
            raise RuntimeError("block: nothing is loaded; send a load request first")
        return run_block(self.run, seconds, self.count)


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    server = Server()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(server, request.pop("do"))(**request)
        except sides.Refused as refused:
            answer = {"refused": str(refused)}
        except Exception:
            answer = {"error": traceback.format_exc()}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
