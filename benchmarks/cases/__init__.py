"""What is compared: a folder a case.

Its `__init__.py` names the rows, their sizes and their inputs (from a seed, in NumPy, so that every side
gets the same), and holds them in one `CASE`. Beside it stands one file a side, `side_NAME.py`, which imports
only that side's library and has one function:

    make(inputs, **sizes) -> run        run() does the work once and returns its result

Nothing that is not the work belongs into run(): arrays are converted, and weights loaded, in make().
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

Sizes = Mapping[str, int | float | str | bool]
Inputs = dict[str, np.ndarray]
Run = Callable[[], object]

NAMES = (
    "gemm", "conv", "elementwise", "reduce", "pool", "norm", "loss", "embedding", "dropout", "optim", "steps",
    "jit", "drawing", "tiny",
)  # fmt: skip
SEED = 20240229


@dataclass(frozen=True)
class Row:
    """One line of the table: a label, the sizes given to make(), and whom ours is compared with."""

    label: str
    sizes: Sizes
    peers: tuple[str, ...]
    quick: bool = False  # one of the few that `--quick` measures
    group: str = ""  # rows of a case that are averaged together: "forward", "float64"


@dataclass(frozen=True)
class Case:
    """Rows of one kind.

    flops       floating-point operations of one run, for GFLOP/s
    bytes       bytes that one run must read and write at least (each array once), for GB/s
    tolerance   two sides agree where max |ours - peer| <= tolerance * max |peer|
    checked     so many runs are made, and their results compared, before any is timed
    check       the sizes for that comparison, where randomness (dropout) must be off
    serial      one thread is all it could use
    """

    name: str
    rows: tuple[Row, ...]
    inputs: Callable[[Sizes, np.random.Generator], Inputs]
    flops: Callable[[Sizes], float] | None = None
    bytes: Callable[[Sizes], float] | None = None
    tolerance: float = 1e-4
    checked: int = 1
    check: Callable[[Sizes], Sizes] = field(default=lambda sizes: sizes)
    serial: bool = False

    def draw(self, sizes: Sizes) -> Inputs:
        """The inputs of a row: the same in every process."""
        return self.inputs(sizes, np.random.default_rng(SEED))


def load(package: str) -> Case:
    """The case of a package, `benchmarks.cases.gemm` for instance."""
    case = importlib.import_module(package).CASE
    assert isinstance(case, Case)
    return case


def package(name: str) -> str:
    """Where a case of this house lives."""
    return f"{__name__}.{name}"
