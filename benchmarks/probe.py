"""Are the cores really there?

On a shared machine a second core is often a promise: two busy threads get one core's worth of work done
for long stretches, and then a two-thread figure says nothing about the library. So short bursts of known
work, one spinning thread pinned to each core, stand around every block; a block whose neighbours did not
get their share is measured again.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Sequence

WORK = bytes(1 << 16)  # hashing it takes some 40 us and releases the GIL


def spin(core: int, start: float, end: float, done: list[int]) -> None:
    """Hash until `end`, on `core`; appends how many times."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(threading.get_native_id(), {core})
    count = 0
    while time.perf_counter() < start:
        pass
    while time.perf_counter() < end:
        hashlib.sha256(WORK)
        count += 1
    done.append(count)


def burst(cores: Sequence[int], seconds: float) -> float:
    """Hashes a second, all cores together, with one thread spinning on each."""
    start = time.perf_counter() + 0.002  # time to start the threads
    done: list[int] = []
    threads = [
        threading.Thread(target=spin, args=(core, start, start + seconds, done), daemon=True)
        for core in cores
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done) / seconds


class Probe:
    """Calling it answers how many cores' worth of work the given cores do just now.

    One core's worth is the best burst seen on any one core, so 2.0 means that both run at full speed.
    """

    def __init__(self, cores: Sequence[int], seconds: float = 0.01, share: float = 0.9) -> None:
        self.cores = list(cores)
        self.seconds = seconds
        self.wanted = share * len(self.cores)
        # (A burst on a core that is taken may do nothing at all; the 1 keeps the division defined.)
        self.best = max(1.0, *(burst([core], seconds) for core in self.cores for _ in range(5)))

    def __call__(self) -> float:
        together = burst(self.cores, self.seconds)
        self.best = max(self.best, together / len(self.cores))
        return together / self.best

    def passes(self) -> bool:
        """True where the cores get at least `share` of what they should."""
        return self() >= self.wanted


def cores() -> list[int]:
    """The processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))
