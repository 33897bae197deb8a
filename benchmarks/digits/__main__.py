"""Whole trainings of the digits app on MNIST: accuracy and seconds of our programs (jit), of ours op by op
(eager), and of PyTorch with the same recipe (pytorch.py).

    python -m benchmarks.digits                                          three seeds of the cnn
    python -m benchmarks.digits --model quick --seeds 10 --side jit

Each run is a process of its own, one at a time, all sides in turn for each seed. Seconds count from the
first weight to the last update, the capture of the program among them; reading files and testing are
outside. They are those of a machine that may have had other work: its load is printed before and after.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import mean, median

from benchmarks import probe, sides

ROOT = Path(__file__).resolve().parents[2]
APP = ["apps.digits", "train"]
SIDES = {"jit": APP, "eager": [*APP, "--no-jit"], "PyTorch": ["benchmarks.digits.pytorch"]}


def trained(side: str, model: str, seed: int, threads: int) -> tuple[float, float]:
    """(test accuracy in percent, seconds) of one training, as its last two lines say."""
    module, *flags = SIDES[side]
    flags += ["--dataset", "mnist", "--model", model, "--seed", str(seed), "--threads", str(threads)]
    with tempfile.TemporaryDirectory() as folder:
        if module == "apps.digits":
            flags += ["--output", folder]
        done = subprocess.run(
            [sys.executable, "-m", module, *flags], cwd=ROOT, capture_output=True, text=True
        )
    if done.returncode:
        sys.exit(done.stderr)
    *_, seconds, accuracy = done.stdout.splitlines()
    return float(accuracy.split()[2].rstrip("%")), float(seconds.split()[2])


def load() -> str:
    return f"load average {os.getloadavg()[0]:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.digits",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--model", choices=("dnn", "cnn", "quick"), default="cnn")
    parser.add_argument("--side", nargs="+", choices=SIDES, default=list(SIDES))
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="seeds 0 to N - 1")
    parser.add_argument("--threads", type=int, default=len(probe.cores()), metavar="N", help="for all sides")
    given = parser.parse_args()
    machine = sides.machine()
    print(f"{machine['cpu']}, {machine['cores']} cores; {given.threads} threads; {load()}")
    found: dict[str, list[tuple[float, float]]] = {side: [] for side in given.side}
    for seed in range(given.seeds):
        for side in given.side:
            accuracy, seconds = trained(side, given.model, seed, given.threads)
            found[side].append((accuracy, seconds))
            print(f"mnist {given.model}, seed {seed}: {side:8} {accuracy:.2f}% {seconds:7.1f} s", flush=True)
    for side, runs in found.items():
        accuracies, times = zip(*runs, strict=True)
        print(
            f"mnist {given.model}, {len(runs)} seeds: {side:8} mean {mean(accuracies):.3f}%, "
            f"least {min(accuracies):.2f}%, median {median(times):.1f} s"
        )
    print(load())


if __name__ == "__main__":
    main()
