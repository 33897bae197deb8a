"""Which algorithm computes a convolution: the estimated fastest, the measured fastest, or one by name.

The C library has several algorithms for each of the three convolution kernels (csrc/conv.def). Which of
them suit, and which is the fastest, depends on the shape.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd import kernels

__all__ = ["call", "get_conv_algorithm", "set_conv_algorithm"]

ALGORITHMS = ("direct", "depthwise", "winograd", "images")
WORDS = ("auto", "benchmark", *ALGORITHMS)

chosen = "auto"
found: dict[tuple[Any, ...], int] = {}  # the algorithms that `find` came to, for this process


def set_conv_algorithm(name: str) -> None:
    """How convolutions and their gradients are computed in C.

    "auto", the default: by the algorithm that is estimated to be the fastest for the shape and the number
    of threads. The estimate is the same in every run, and so is every bit of the result.
    "benchmark": the first time a shape comes, every algorithm that suits it is timed, and the fastest one
    is remembered for the process (as torch.backends.cudnn.benchmark does it). Runs may differ in rounding.
    "direct", "depthwise", "winograd", "images": by that algorithm wherever it suits, else as "auto".

    All agree within rounding: in float32 to about 6e-6 of the largest result. Winograd's, which "auto" takes
    for most convolutions of 3 x 3 taps without stride and of 4 x 4 with stride 2, computes 4 x 4 outputs
    together (8 x 8 of the latter's gradient in x), so that a NaN or an infinity reaches up to 3 places (6)
    further than it should; "direct" keeps it in its place.

    The environment variable AUTOGRAD_CONV says it at the start. Raises ValueError for any other name.

    >>> set_conv_algorithm("direct")
    >>> get_conv_algorithm()
    'direct'
    >>> set_conv_algorithm("auto")
    """
    global chosen
    if name not in WORDS:
        raise ValueError(f"set_conv_algorithm: {name!r} is not one of {', '.join(WORDS)}")
    chosen = name
    kernels.settings.count += 1


def get_conv_algorithm() -> str:
    """What set_conv_algorithm() was given last; at first "auto", or what AUTOGRAD_CONV says."""
    return chosen


def call(kernel: int, args: Sequence[np.ndarray[Any, Any] | None], sizes: tuple[int, ...]) -> None:
    """Run a convolution kernel; `sizes` as in csrc/kernels.h, without the algorithm."""
    if chosen == "auto":
        kernels.call(kernel, args, sizes)
        return
    first = args[0]
    assert first is not None
    key = (chosen, kernel, first.dtype, sizes, kernels.isa(), kernels.get_num_threads())
    if key not in found:
        found[key] = find(kernel, args, sizes)
    kernels.call(kernel, args, (*sizes, found[key]))


def find(kernel: int, args: Sequence[np.ndarray[Any, Any] | None], sizes: tuple[int, ...]) -> int:
    """The number of the fastest algorithm among those that `chosen` allows; 0 if none of them suits."""
    times = {}
    for number, name in enumerate(kernels.conv_algorithms(), start=1):
        of, _, algorithm = name.rpartition("_")
        if of == kernels.KERNEL_NAMES[kernel].lower() and chosen in ("benchmark", algorithm):
            try:
                times[number] = time_of(kernel, args, (*sizes, number))
            except ValueError:  # it doesn't suit
                continue
    return min(times, key=times.__getitem__, default=0)


def time_of(kernel: int, args: Sequence[np.ndarray[Any, Any] | None], sizes: tuple[int, ...]) -> float:
    """Seconds of the best of three calls, after one that warms up."""
    kernels.call(kernel, args, sizes)
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        kernels.call(kernel, args, sizes)
        seconds.append(time.perf_counter() - start)
    return min(seconds)


set_conv_algorithm(os.environ.get("AUTOGRAD_CONV", "auto"))
