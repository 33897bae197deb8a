"""The libraries that are compared: the environment they run in, how each is set to a thread count, and
the facts it states about itself. A process sets up one side and never imports another."""

from __future__ import annotations

import importlib
import os
import platform
import shutil
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

OURS = "ours"
SIDES = (
    OURS, "numpy", "pytorch", "pytorch_channels_last", "pytorch_fused", "pytorch_compile", "jax", "micrograd"
)  # fmt: skip

# glibc hands fresh pages out, and takes them back, at every large array. "kept" stops that for every
# side alike: it is what a program that runs long should do, it favours the peers (our large arrays come
# from kept buffers anyway), and page faults are the noisiest part of a measurement.
HEAPS = {
    "kept": {
        "MALLOC_MMAP_MAX_": "0",
        "MALLOC_TRIM_THRESHOLD_": str(1 << 40),
        "MALLOC_TOP_PAD_": str(1 << 26),
    },
    "default": {},
}

# How a library's idle threads wait for the next parallel loop. Each does as it likes by default: those of
# OpenMP and OpenBLAS spin for milliseconds, ours for 50 us. That wins up to 40 us a loop (a maximum of 10^5
# elements took PyTorch 9 us on two threads, and 45 us without), and disturbs nobody here, since all other
# sides are frozen. "passive" tells OpenMP's and OpenBLAS's threads to sleep at once, as one may have to where
# programs share a machine.
WAITS = {
    "default": {},
    "passive": {"OMP_WAIT_POLICY": "passive", "OPENBLAS_THREAD_TIMEOUT": "4"},
}

# What tunes a library is taken out of the environment, so that each chooses as it would anywhere: an
# OPENBLAS_CORETYPE left there by the system was seen to halve NumPy's speed.
TUNED_BY = ("OMP_", "MALLOC_", "OPENBLAS_", "MKL_", "KMP_", "ONEDNN_", "DNNL_", "ATEN_", "XLA_")


class Refused(RuntimeError):
    """A side that can't be measured here, and why."""


def environment(threads: int, heap: str, wait: str) -> dict[str, str]:
    """What a worker's process is started with: the same for every side (HEAPS, WAITS)."""
    count = str(threads)
    counts = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "AUTOGRAD_NUM_THREADS")
    env = {name: value for name, value in os.environ.items() if not name.startswith(TUNED_BY)}
    env |= dict.fromkeys(counts, count)
    env |= {"OMP_PROC_BIND": "true", "PYTHONHASHSEED": "0"}  # bound threads can't both land on one core
    # XLA takes its threads from the cores it may use; on one it must not start a pool.
    env["XLA_FLAGS"] = f"--xla_cpu_multi_thread_eigen={'false' if threads == 1 else 'true'}"
    return env | HEAPS[heap] | WAITS[wait]


def pin(cores: Sequence[int]) -> None:
    """Keep this process on these cores. Done before any library starts its threads."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, set(cores))


def set_up(side: str, threads: int) -> dict[str, object]:
    """Import the side's library, set its threads, and return its facts.

    Raises Refused where the library is not there or lacks its compiler, and for our side on the NumPy
    backend: such a row would compare NumPy with the peer under our name.
    """
    if side == OURS:
        return set_up_ours(threads)
    name = "torch" if side.startswith("pytorch") else side
    try:
        importlib.import_module(name)
    except ImportError as error:
        raise Refused(f"{name} can't be imported here ({error}); install it") from None
    if side == "pytorch_compile" and shutil.which(compiler := os.environ.get("CXX", "g++")) is None:
        raise Refused(f"torch.compile needs a C++ compiler, and {compiler} is not there; install it")
    if name == "torch":
        return set_up_pytorch(threads)
    facts: dict[str, object] = {"library": f"{name} {version(name)}"}
    if name == "numpy":
        facts |= blas()
    return facts


def blas() -> dict[str, object]:
    """Which BLAS NumPy has, and the processor it takes this one for; nothing without threadpoolctl."""
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return {}
    keys = {"internal_api": "blas", "version": "version", "architecture": "isa", "num_threads": "threads"}
    return {keys[key]: value for pool in threadpool_info() for key, value in pool.items() if key in keys}


def set_up_ours(threads: int) -> dict[str, object]:
    from autograd import kernels

    if not kernels.active:
        raise Refused(
            "the NumPy backend is active, so there is nothing of ours to measure; build the kernels "
            "('make build', or 'python setup.py build_ext --inplace') and unset AUTOGRAD_BACKEND"
        )
    kernels.set_num_threads(threads)
    return {
        "library": "kernelgrad",
        "backend": "c",
        "isa": kernels.isa(),
        "build": kernels.ffi.string(kernels.lib.kg_build()).decode(),
        "threads": kernels.get_num_threads(),
    }


def set_up_pytorch(threads: int) -> dict[str, object]:
    import torch

    torch.set_num_threads(threads)
    torch.set_num_interop_threads(1)
    return {
        "library": f"torch {torch.__version__}",
        "isa": torch.backends.cpu.get_cpu_capability().lower(),
        "threads": torch.get_num_threads(),
    }


def machine() -> dict[str, object]:
    """The facts that a number can't be read without."""
    return {
        "cpu": cpu_model(),
        "architecture": platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "isa": [flag for flag in ("sse2", "avx2", "fma", "avx512f", "asimd") if flag in cpu_flags()],
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }


def cpu_field(*names: str) -> str:
    path = Path("/proc/cpuinfo")
    for line in path.read_text().splitlines() if path.exists() else []:
        name, _, value = line.partition(":")
        if name.strip() in names:
            return value.strip()
    return ""


def cpu_model() -> str:
    model = cpu_field("model name", "CPU part") or platform.processor() or "unknown"
    return f"{model} (family {cpu_field('cpu family')}, model {cpu_field('model')})"


def cpu_flags() -> set[str]:
    return set(cpu_field("flags", "Features").split())
