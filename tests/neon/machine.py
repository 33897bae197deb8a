"""A pytest plugin that runs every kernel call of the tests on an emulated aarch64 processor.

    python tests/neon/build.py && python -m pytest -p tests.neon.machine tests/test_gemm.py

The tests stay as they are: `kernels.call` sends the arrays to tests/neon/driver.c under qemu-user and
brings the results back, `kernels.isas()` answers with "neon", what every such processor takes. There
"generic" runs on request only (AUTOGRAD_ISA), and its code is tested where the tests run;
NEON_ISAS="neon generic" emulates both.
"""

from __future__ import annotations

import ctypes
import os
import struct
import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest
from numpy.lib.array_utils import byte_bounds

from autograd import kernels

DRIVER = Path(
    os.environ.get("NEON_DRIVER", Path(__file__).resolve().parents[2] / "build" / "neon" / "driver")
)
SET_ISA, SET_THREADS, GET_THREADS, ISAS, OPS, CONV_ALGORITHMS, CALL = range(7)
TOUCHED_GUARD = 100


class Machine:
    """What stands in for the compiled library: its functions, answered by the emulated processor."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            ["qemu-aarch64", "-cpu", "max", str(DRIVER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.calls = 0
        self.lock = threading.RLock()  # one conversation at a time
        built = self.ask(struct.pack("i", ISAS), text=True).split()
        self.names = " ".join(n for n in built if n in os.environ.get("NEON_ISAS", built[0]).split())
        self.name = self.names.split()[0]

    def ask(self, message: bytes, text: bool = False) -> Any:
        assert self.process.stdin is not None
        with self.lock:
            self.process.stdin.write(message)
            self.process.stdin.flush()
            (answer,) = struct.unpack("i", self.read(4))
            return self.read(answer).decode() if text else answer

    def read(self, count: int) -> bytes:
        assert self.process.stdout is not None
        data = self.process.stdout.read(count)
        if len(data) != count:
            raise RuntimeError(f"the emulated machine stopped (exit code {self.process.wait()})")
        return data

    # The library's functions (csrc/kernels.h) that kernels.py calls.

    def kg_isa(self) -> Any:
        return kernels.ffi.new("char[]", self.name.encode())

    def kg_isas(self) -> Any:
        return kernels.ffi.new("char[]", self.names.encode())

    def kg_ops(self) -> Any:
        return kernels.ffi.new("char[]", self.ask(struct.pack("i", OPS), text=True).encode())

    def kg_conv_algorithms(self) -> Any:
        names = self.ask(struct.pack("i", CONV_ALGORITHMS), text=True)
        return kernels.ffi.new("char[]", names.encode())

    def kg_set_isa(self, name: bytes) -> int:
        error = self.ask(struct.pack("i31s", SET_ISA, name))
        if not error:
            self.name = name.decode()
        return int(error)

    def kg_set_threads(self, count: int) -> None:
        self.ask(struct.pack("ii", SET_THREADS, count))

    def kg_get_threads(self) -> int:
        return int(self.ask(struct.pack("i", GET_THREADS)))

    def prepare(
        self, kernel: int, dtype: np.dtype[Any], sizes: Sequence[int], values: Sequence[float] = ()
    ) -> Callable[..., None]:
        """kernels.prepare, likewise."""
        return lambda *arrays: self.call(kernel, arrays, sizes, values, dtype)

    def mapper(
        self,
        plan: np.ndarray,
        dtype: np.dtype[Any],
        result: np.dtype[Any],
        constants: Sequence[float],
        inputs: int,
        numbers: int,
    ) -> Callable[..., np.ndarray]:
        """kernels.mapper, likewise."""

        def run(*arguments: Any) -> np.ndarray:
            arrays = arguments[:inputs]
            if not all(a.flags.c_contiguous for a in arrays):
                raise ValueError("not contiguous")
            out = np.empty(arrays[0].shape, result)
            values = [*constants, *arguments[inputs:]]
            self.call(kernels.ELEMENTWISE, (plan, *arrays, out), (out.size,), values, dtype)
            return out

        return run

    def filling(
        self,
        kernel: int,
        dtype: np.dtype[Any],
        sizes: Sequence[int],
        shape: tuple[int, ...],
        *,
        values: Sequence[float] = (),
        inputs: int = 1,
        result: np.dtype[Any] | None = None,
        plan: np.ndarray | None = None,
    ) -> Callable[..., np.ndarray]:
        """kernels.filling, likewise."""
        known = () if plan is None else (plan,)

        def fill(*arrays: np.ndarray) -> np.ndarray:
            assert len(arrays) == inputs
            out = np.empty(shape, result or dtype)
            self.call(kernel, (*known, *arrays, out), sizes, values, dtype)
            return out

        return fill

    def call(
        self,
        kernel: int,
        args: Sequence[np.ndarray | None],
        sizes: Sequence[int],
        values: Sequence[float] = (),
        dtype: np.dtype[Any] | None = None,
        tables: Sequence[tuple[np.ndarray, Sequence[np.ndarray]]] = (),
    ) -> None:
        """kernels.call, there instead of here. `tables`: which of `args` are arrays of addresses, and of what
        arrays."""
        self.calls += 1
        code = kernels.DTYPES[dtype if dtype is not None else args[0].dtype]  # type: ignore[union-attr]
        listed = [a for _, arrays in tables for a in arrays]
        regions = merged([byte_bounds(owner(a)) for a in (*args, *listed) if a is not None])

        def place(a: np.ndarray) -> tuple[int, int]:
            address = a.__array_interface__["data"][0]
            which = max(i for i, (low, _) in enumerate(regions) if low <= address)
            return which, address - regions[which][0]

        message = [struct.pack("7i", CALL, kernel, code, len(regions), len(args), len(sizes), len(values))]
        for low, high in regions:
            message.append(struct.pack("=qq", high - low, low % 64) + ctypes.string_at(low, high - low))
        for a in args:
            message.append(struct.pack("=iq", *((-1, 0) if a is None else place(a))))
        message.append(struct.pack("i", len(listed)))
        for table, arrays in tables:
            which, offset = place(table)
            for i, a in enumerate(arrays):
                there, start = place(a)
                message.append(struct.pack("=iiqq", which, there, offset + 8 * i, start))
        message.append(struct.pack(f"={len(sizes)}q{len(values)}d", *map(int, sizes), *map(float, values)))
        with self.lock:
            error = self.ask(b"".join(message))
            for low, high in regions:
                data = self.read(high - low)
                if data != ctypes.string_at(low, high - low):
                    ctypes.memmove(low, data, high - low)
        name = kernels.KERNEL_NAMES[kernel].lower()
        if error == TOUCHED_GUARD:
            raise AssertionError(f"{name} wrote outside its arrays (sizes {list(sizes)})")
        if error:
            raise type(kernels.ERRORS[error])(f"{name}: {kernels.ERRORS[error]} (sizes {list(sizes)})")

    def call_many(
        self,
        kernel: int,
        dtype: np.dtype[Any],
        args: Sequence[Any],
        sizes: Sequence[int],
        values: Sequence[float],
    ) -> None:
        """kernels.call_many; what stands for `addresses` is a list of arrays."""
        tables = {i: np.zeros(len(a), np.int64) for i, a in enumerate(args) if isinstance(a, list)}
        flat = [tables.get(i, a) for i, a in enumerate(args)]
        self.call(kernel, flat, sizes, values, dtype, [(tables[i], args[i]) for i in tables])


def addresses(arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    """kernels.addresses before it is known where the arrays will be."""
    if not all(a.flags.c_contiguous for a in arrays):
        raise ValueError("not contiguous")
    return list(arrays)


def owner(a: np.ndarray) -> np.ndarray:
    """The array whose memory `a` is a view of: strides lead kernels anywhere in it."""
    while isinstance(a.base, np.ndarray):
        a = a.base
    return a


def merged(bounds: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The ranges of memory, those that overlap as one, in order."""
    regions: list[tuple[int, int]] = []
    for low, high in sorted(bounds):
        if regions and low < regions[-1][1]:
            regions[-1] = (regions[-1][0], max(high, regions[-1][1]))
        elif not regions or (low, high) != regions[-1]:
            regions.append((low, high))
    return regions


machine = Machine()
kernels.lib, kernels.call = machine, machine.call
kernels.prepare = kernels.prepared = machine.prepare
kernels.filling = machine.filling
kernels.call_many, kernels.addresses = machine.call_many, addresses
kernels.mapper = machine.mapper
kernels.fill = lambda kernel, dtype, out, *rest: machine.call(kernel, (out,), *rest, dtype)
kernels.integers = lambda numbers: np.array(numbers, np.int64)


def pytest_configure(config: Any) -> None:
    hypothesis.settings.load_profile("few")  # here: after tests/conftest.py has loaded its own


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: Any) -> None:
    """A worker of pytest-xdist, each with a machine of its own, says how many calls it made."""
    machine.calls += node.workeroutput.get("kernel calls", 0)


def pytest_sessionfinish(session: Any, exitstatus: int) -> None:
    """Tests that never reach a kernel there would prove nothing."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["kernel calls"] = machine.calls
    elif not machine.calls and not session.exitstatus:
        session.exitstatus = 1


def pytest_terminal_summary(terminalreporter: Any) -> None:
    terminalreporter.write_line(f"{machine.calls} kernel calls ran on aarch64 ({machine.names}) under qemu")
