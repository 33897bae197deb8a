"""Climb from the textbook's matrix product to the peak of this machine: `python docs/gemm_ladder.py`.

Compiles docs/gemm_ladder.c, checks every step against NumPy, and prints what each reaches on one core. The
last lines are the kernel that `a @ b` runs, with its packing for any stride, its edges and its threads.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter

import numpy as np

FOLDER = Path(__file__).resolve().parent
CORNER = 448  # as much of the matrices as the textbook gets, which would take a minute for all
STEPS = {
    "textbook": "three loops, a dot product an element",
    "along_rows": "the inner loop along rows: vectors",
    "registers": "tiles of c kept in registers",
    "packed": "+ panels in the order they are read",
    "blocks": "+ blocks that fit the caches",
}


def compiled(folder: Path) -> ctypes.CDLL:
    """The ladder as a library, compiled for the processor it will run on."""
    compiler = os.environ.get("CC") or shutil.which("cc")
    if compiler is None:
        sys.exit("gemm_ladder: no C compiler (cc) found: install gcc or clang, or set CC")
    library = folder / "ladder.so"
    flags = ["-std=gnu11", "-O3", "-march=native", "-ffp-contract=fast", "-shared", "-fPIC"]
    subprocess.run([compiler, *flags, str(FOLDER / "gemm_ladder.c"), "-o", str(library)], check=True)
    loaded = ctypes.CDLL(str(library))
    loaded.unit.restype = loaded.peak_flops.restype = ctypes.c_int64
    loaded.peak.restype = ctypes.c_float
    return loaded


def step(library: ctypes.CDLL, name: str) -> Callable[[np.ndarray, np.ndarray, np.ndarray], None]:
    """A function of (a, b, c), square views of the same larger rows, that adds a @ b to c."""

    def run(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> None:
        row = a.strides[0] // a.itemsize
        pointers = (ctypes.c_void_p(array.ctypes.data) for array in (a, b, c))
        getattr(library, name)(ctypes.c_int64(len(a)), ctypes.c_int64(row), *pointers)

    return run


def matrix(n: int, row: int, values: np.ndarray | None = None) -> np.ndarray:
    """(n, n), float32, rows `row` elements apart; zeros where no values are given."""
    whole = np.zeros((n, row), np.float32)
    if values is not None:
        whole[:, :n] = values
    return whole[:, :n]


def fastest(run: Callable[[], object], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        start = perf_counter()
        run()
        times.append(perf_counter() - start)
    return min(times)


def climb(row: int) -> list[tuple[str, str, float]]:
    """(name, what is new, GFLOP/s) of every step. Raises AssertionError where a product is wrong."""
    rates = []
    with tempfile.TemporaryDirectory() as folder:
        library = compiled(Path(folder))
        n = row // library.unit() * library.unit()
        rng = np.random.default_rng(0)
        a, b = (matrix(n, row, rng.standard_normal((n, n), np.float32)) for _ in range(2))
        expected = a.astype(np.float64) @ b
        for name, text in STEPS.items():
            m = CORNER if name == "textbook" else n
            run, c = step(library, name), matrix(m, row)
            corner = slice(0, m)
            part_a, part_b = a[corner, corner], b[corner, corner]
            wanted = expected if m == n else part_a.astype(np.float64) @ part_b
            run(part_a, part_b, c)
            np.testing.assert_allclose(c, wanted, rtol=0, atol=1e-6 * n, err_msg=name)
            seconds = fastest(partial(run, part_a, part_b, c), 3)
            rates.append((name, text, 2 * m**3 / seconds / 1e9))
        rates += house(a, b, expected)
        steps = 10_000_000
        seconds = fastest(partial(library.peak, ctypes.c_int64(steps)), 3)
        rate = library.peak_flops(steps) / seconds / 1e9
        rates.append(("peak", "products of registers only, one core", rate))
    return rates


def house(a: np.ndarray, b: np.ndarray, expected: np.ndarray) -> list[tuple[str, str, float]]:
    """The kernel of csrc/gemm.c, where it was built."""
    import autograd
    from autograd import kernels

    if not kernels.active:
        return []
    rates, before = [], kernels.get_num_threads()
    x, y = autograd.from_numpy(a), autograd.from_numpy(b)
    for threads in sorted({1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1}):
        kernels.set_num_threads(threads)
        np.testing.assert_allclose((x @ y).numpy(), expected, rtol=0, atol=1e-6 * len(a))
        seconds = fastest(lambda: x @ y, 5)
        text = "csrc/gemm.c" if threads == 1 else f"csrc/gemm.c on {threads} threads"
        rates.append(("a @ b", text, 2 * len(a) ** 3 / seconds / 1e9))
    kernels.set_num_threads(before)
    return rates


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--row", type=int, default=2048, help="elements in a row of memory (2048)")
    row = parser.parse_args().row
    if row < CORNER:
        parser.error(f"--row must be at least {CORNER}, got {row}")
    rates = climb(row)
    peak = rates[-1][2]
    print(f"float32, rows {row} apart\n{'':12} {'GFLOP/s':>8} {'of peak':>8}")
    for name, text, rate in rates:
        print(f"{name:12} {rate:8.1f} {rate / peak:7.1%}   {text}")


if __name__ == "__main__":
    main()
