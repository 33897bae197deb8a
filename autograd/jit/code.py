"""Instructions in C memory: what kg_replay runs. Beside kernels.py the only file that touches CFFI."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd import kernels

__all__ = ["NOTHING", "Call", "Code", "Counter", "Failed", "Link"]

NOTHING: Any = kernels.ffi.NULL if kernels.ffi is not None else ()  # no arrays are given


class Call(NamedTuple):
    """An instruction with its addresses (0: given anew at each run, or not at all)."""

    kernel: int
    dtype: np.dtype[Any]
    addresses: list[int]
    sizes: Sequence[int]
    values: Sequence[float]


class Link(NamedTuple):
    """args[arg] of a call is the memory of the array number `given`, `offset` bytes on."""

    call: int
    arg: int
    given: int
    offset: int


class Counter(NamedTuple):
    """A 64-bit word that grows by `by` after each round: sizes[place] of a call or (memory) args[place]."""

    call: int
    memory: bool
    place: int
    by: int


class Code:
    """Calls laid out for C, with the workspace that the largest of them needs.

    `threads` may not change while the code lives: the workspace was asked for with them.
    """

    def __init__(
        self, calls: Sequence[Call], links: Sequence[Link], counters: Sequence[Counter] = ()
    ) -> None:
        lib, ffi = kernels.lib, kernels.ffi
        self.count = len(calls)
        self.code = ffi.new("kg_instruction[]", max(self.count, 1))
        largest = 0
        for place, call in enumerate(calls):
            at = self.code[place]
            at.kernel, at.dtype = call.kernel, kernels.DTYPES[call.dtype]
            for i, address in enumerate(call.addresses):
                at.args[i] = ffi.cast("void *", address)
            at.sizes[0 : len(call.sizes)] = [int(n) for n in call.sizes]
            at.values[0 : len(call.values)] = [float(v) for v in call.values]
            largest = max(largest, int(lib.kg_workspace(ffi.addressof(at))))
        self.workspace = np.empty(largest + 64, np.uint8)
        start = -(-self.workspace.ctypes.data // 64) * 64
        for place in range(self.count):
            self.code[place].workspace = ffi.cast("void *", start)
        self.links = ffi.new("kg_link[]", [self.link(link) for link in links])
        self.counters = ffi.new("kg_counter[]", [self.counter(counter) for counter in counters])
        self.program = ffi.new(
            "kg_program *",
            {
                "code": self.code, "links": self.links, "link_count": len(links),
                "counters": self.counters, "counter_count": len(counters), "failed": -1,
            },
        )  # fmt: skip
        self.run = lib.kg_replay

    def link(self, link: Link) -> tuple[Any, int, int]:
        at = kernels.ffi.addressof(self.code[link.call].args, link.arg)
        return at, link.given, link.offset

    def counter(self, counter: Counter) -> tuple[Any, int]:
        call, ffi = self.code[counter.call], kernels.ffi
        words = ffi.cast("int64_t *", call.args) if counter.memory else call.sizes
        return ffi.cast("int64_t *", words) + counter.place, counter.by

    def replay(self, given: Sequence[int], start: int, end: int, rounds: int = 1) -> None:
        """Run the calls [start, end) `rounds` times on arrays as `kernels.tell` tells them."""
        error = self.run(self.program, given, start, end, rounds)
        if error:
            raise Failed(int(self.program.failed), kernels.ERRORS[error])

    def set_address(self, call: int, arg: int, address: int) -> None:
        self.code[call].args[arg] = kernels.ffi.cast("void *", address)

    def set_sizes(self, call: int, first: int, sizes: Sequence[int]) -> None:
        self.code[call].sizes[first : first + len(sizes)] = sizes

    def set_values(self, call: int, values: Sequence[float]) -> None:
        self.code[call].values[0 : len(values)] = values


class Failed(Exception):
    """The kernel of a call refused to run."""

    def __init__(self, place: int, error: Exception) -> None:
        super().__init__(str(error))
        self.place = place
        self.error = error
