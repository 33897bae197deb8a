"""Where the time of a program goes: each instruction measured, beside what the machine could do at best.

The instructions run in order, as in a call, so each finds in the caches what it would find there; short ones
run several times in a row, for a clock costs more than they. State is put back after every pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from autograd import kernels
from autograd.jit.code import Call, Code
from autograd.jit.graph import HELD, Array
from autograd.jit.instructions import PythonCall
from autograd.jit.limits import Limits, limits
from autograd.jit.listing import short, time_text
from autograd.jit.names import Names
from autograd.jit.words import counted, words
from autograd.jit.work import Work, work

if TYPE_CHECKING:
    from autograd.jit.program import Program

__all__ = ["Profile", "Row", "measured"]

WORTH = 2e-5  # seconds that are worth a look at the clock
EMPTY_ROUNDS = 20_000
MOST_ROUNDS = 1000
WORDS, WRITES, BAR = 34, 26, 16  # characters of the table's columns


class Row(NamedTuple):
    """An instruction: what it computes and writes, its seconds, their share, and its work."""

    number: int
    words: str
    writes: str
    seconds: float
    share: float
    flops: float
    nbytes: float
    least: float  # the seconds that the machine needs for this work at least; 0 where it is not known
    bound: str  # what sets that limit: "compute" or "memory"; "python" for steps in Python

    @property
    def flops_a_second(self) -> float:
        return self.flops / self.seconds if self.seconds else 0.0

    @property
    def bytes_a_second(self) -> float:
        return self.nbytes / self.seconds if self.seconds else 0.0

    @property
    def of_limit(self) -> float:
        """The share of what the machine can do; above 1 where a kernel does with less than is counted."""
        return self.least / self.seconds if self.seconds else 0.0


@dataclass
class Profile:
    """What was measured. All times are first quartiles, in seconds.

    rows      the instructions, in order
    whole     all of them in one call into C
    empty     an instruction that does nothing
    python    before and after them: state brought up to date, outputs handed back
    guards    before that: whether the program still stands for its function
    """

    name: str
    rows: list[Row]
    whole: float
    empty: float
    python: float
    guards: float
    threads: int
    limits: Limits

    @property
    def total(self) -> float:
        """The instructions' times, added up."""
        return sum(row.seconds for row in self.rows)

    @property
    def call(self) -> float:
        """A call from Python."""
        return self.guards + self.python + self.whole

    @property
    def largest(self) -> Row | None:
        return max(self.rows, key=lambda row: row.seconds, default=None)

    def __str__(self) -> str:
        return "\n".join([*self.head(), "", *self.table()])

    def print(self) -> None:
        print(self)

    def head(self) -> list[str]:
        flops = sum(row.flops for row in self.rows)
        peaks = ", ".join(f"{rate / 1e9:.0f} in {dtype}" for dtype, rate in self.limits.flops.items())
        near, far = max(self.limits.rates), min(self.limits.rates)
        return [
            f"{self.name}: {time_text(self.call)} a call, {counted(self.threads, 'thread')}",
            f"  kernels   {time_text(self.whole)} in one call of {counted(len(self.rows), 'instruction')} "
            f"({time_text(self.total)} one by one), {flops / max(self.whole, 1e-12) / 1e9:.3g} GFLOP/s",
            f"  Python    {time_text(self.python)} for state and outputs, "
            f"{time_text(self.guards)} for guards",
            f"  overhead  {time_text(self.empty)} for an empty instruction",
            f"  limits    GFLOP/s: {peaks}; GB/s: {near / 1e9:.0f} in the nearest cache, "
            f"{far / 1e9:.0f} in memory",
        ]

    def table(self) -> list[str]:
        width = min(max((len(row.words) for row in self.rows), default=8), WORDS)
        written = min(max((len(row.writes) for row in self.rows), default=6), WRITES)
        line = (
            f"{{:>3}}  {{:<{width}}}  {{:<{written}}}  {{:>9}}  {{:>6}}  {{:>8}}  {{:>8}}  {{:>8}}  {{}}"
        ).format
        titles = ("#", "computes", "writes", "us", "share", "GFLOP/s", "GB/s", "of limit", "")
        lines = [line(*titles).rstrip()]
        most = self.largest
        for row in self.rows:
            marks = "#" * round(BAR * row.seconds / most.seconds) if most and most.seconds else ""
            lines.append(
                line(
                    row.number, cut(row.words, width), cut(row.writes, written), f"{row.seconds * 1e6:.2f}",
                    f"{row.share:.1%}", rate(row.flops_a_second), rate(row.bytes_a_second),
                    f"{row.of_limit:.0%}" if row.least else "", marks + (" <- most" if row is most else ""),
                ).rstrip()
            )  # fmt: skip
        return lines

    def save(self, path: str | Path) -> None:
        """A picture of it (PNG, SVG or PDF by the name): a bar for each instruction. Needs matplotlib."""
        from autograd.jit.profile_picture import picture

        picture(self, Path(path))


def cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 3] + "..."


def rate(a_second: float) -> str:
    return f"{a_second / 1e9:.1f}" if a_second else ""


# Measuring -----------------------------------------------------------------------------------------


def measured(program: Program, args: Sequence[Any], kwargs: dict[str, Any], seconds: float) -> Profile:
    """Run a program's instructions one by one on these arguments, for about so long."""
    arrays = given_arrays(program, args, kwargs)
    machine = limits()
    with state_kept(program) as restore:
        with program.lock:
            times, whole = passes(program, arrays, 0.8 * seconds, restore)
        python = python_part(program, arrays, 0.1 * seconds, restore)
        guards = usual_time(program.watch.holds, 0.05 * seconds)
    names = Names(program)
    total = sum(times)
    rows = []
    for number, (instruction, each) in enumerate(zip(program.instructions, times, strict=True)):
        done = Work(0.0, 0.0) if isinstance(instruction, PythonCall) else work(instruction)
        least, bound = 0.0, "python"
        if not isinstance(instruction, PythonCall):
            least = machine.least(*done, instruction.dtype)
            computed = done.flops / machine.flops[instruction.dtype]
            bound = "compute" if computed >= least else "memory"
        written = [names(x) for x in instruction.writes]
        text = ", ".join(written) if len(written) < 5 else f"{written[0]} and {len(written) - 1} more"
        share = each / total if total else 0.0
        rows.append(
            Row(number, words(instruction, program), text, each, share, *done, least=least, bound=bound)
        )
    return Profile(
        short(program.name),
        rows,
        whole,
        empty_instruction(),
        python,
        guards,
        kernels.get_num_threads(),
        machine,
    )


def given_arrays(program: Program, args: Sequence[Any], kwargs: dict[str, Any]) -> list[Array]:
    """The arrays in the arguments, as a call would take them."""
    from autograd.jit.structure import key_of

    arrays: list[Array] = []
    for x in (*args, *kwargs.values()):
        key_of(x, arrays)
    wanted = [(a.shape, a.dtype) for a in program.arguments]
    if [(a.shape, a.dtype) for a in arrays] != wanted:
        described = ", ".join(f"{a.name} {a.shape} {a.dtype}" for a in program.arguments) or "no arrays"
        got = ", ".join(f"{a.shape} {a.dtype}" for a in arrays) or "none"
        raise ValueError(f"profile: the program was captured with {described}; got {got}")
    return arrays


def passes(
    program: Program, arrays: list[Array], seconds: float, restore: Callable[[], None]
) -> tuple[list[float], float]:
    """The seconds of each instruction, and of all in one go."""
    given = list(map(kernels.tell, arrays))
    runs = runs_of(program, arrays, given)
    crossing = usual_time(lambda: program.code.replay(given, 0, 0), 0.002)
    rounds = [1] * len(runs)
    found: list[list[float]] = [[] for _ in runs]
    whole: list[float] = []
    start = perf_counter()
    count = 0
    while count < 3 or perf_counter() < start + seconds:
        before = perf_counter()
        for segment in program.segments:
            if isinstance(segment, tuple):
                program.code.replay(given, *segment)
            else:
                segment(arrays)
        whole.append(perf_counter() - before - crossing)
        restore()
        for place, run in enumerate(runs):
            before = perf_counter()
            run(rounds[place])
            each = max(perf_counter() - before - crossing, 1e-9) / rounds[place]
            if count:  # the first pass says how often each must run
                found[place].append(each)
            else:
                rounds[place] = min(max(1, round(WORTH / each)), MOST_ROUNDS)
        restore()
        count += 1
    return list(map(usual, found)), usual(whole)


def python_part(program: Program, arrays: list[Array], seconds: float, restore: Callable[[], None]) -> float:
    """The seconds of a call without its instructions: as the difference of two long times it would drown."""
    segments = program.segments
    program.segments = []
    try:
        return usual_time(lambda: program(arrays), seconds, restore)
    finally:
        program.segments = segments


def runs_of(program: Program, arrays: list[Array], given: Sequence[int]) -> list[Callable[[int], None]]:
    """For each instruction a function that runs it so many times."""
    functions = iter([s for s in program.segments if s.__class__ is not tuple])

    def kernel(call: int) -> Callable[[int], None]:
        return lambda rounds: program.code.replay(given, call, call + 1, rounds)

    def python(function: Any) -> Callable[[int], None]:
        def run(rounds: int) -> None:
            for _ in range(rounds):
                function(arrays)

        return run

    return [
        python(next(functions)) if isinstance(instruction, PythonCall) else kernel(program.call_of[place])
        for place, instruction in enumerate(program.instructions)
    ]


def usual(times: list[float]) -> float:
    """The first quartile: what others do on this machine only adds."""
    return sorted(times)[len(times) // 4]


def usual_time(run: Callable[[], object], seconds: float, after: Callable[[], object] | None = None) -> float:
    times: list[float] = []
    end = perf_counter() + seconds
    while len(times) < 3 or perf_counter() < end:
        start = perf_counter()
        run()
        times.append(perf_counter() - start)
        if after is not None:
            after()
    return usual(times)


def empty_instruction() -> float:
    """The seconds that an instruction takes which has nothing to do: a count of no elements."""
    word = np.zeros(1, np.int64)
    address = int(word.ctypes.data)
    code = Code([Call(kernels.COUNT, np.dtype(np.float64), [address, address], (0, 1), ())], [])
    return usual_time(lambda: code.replay([], 0, 1, EMPTY_ROUNDS), 0.005) / EMPTY_ROUNDS


# State ---------------------------------------------------------------------------------------------


@contextmanager
def state_kept(program: Program) -> Iterator[Callable[[], None]]:
    """Puts everything back that running the program changes: memory, step counts, random places, gradients.
    Inside, effects on Python's own objects (schedules) are left out, for nobody knows how to undo them."""
    arrays = written_arrays(program)
    copies = [array.copy() for array in arrays]
    host, grads = program.host, [(node, node.grad) for node, _ in program.exit_grads]
    generators = {id(e[1]): e[1] for e in host if e[0] == "draw"}
    places = {key: generator.get_state() for key, generator in generators.items()}
    states = [state for e in host if e[0] == "update" for state in e[1].states]
    counts = [state.get("step") for state in states]

    def restore() -> None:
        for array, copy in zip(arrays, copies, strict=True):
            np.copyto(array, copy)
        for key, generator in generators.items():
            generator.set_state(places[key])
        for state, step in zip(states, counts, strict=True):
            if step is not None:
                state["step"] = step

    program.host = [("effect", nothing, None, (), {}) if e[0] == "effect" else e for e in host]
    try:
        yield restore
    finally:
        program.host = host
        restore()
        for node, grad in grads:
            node.grad = grad


def nothing(owner: Any) -> None:
    """Instead of an effect."""


def written_arrays(program: Program) -> list[Array]:
    """The arrays outside the arena that instructions write: state, and gradients of their own."""
    found: dict[int, Array] = {}
    for instruction in program.instructions:
        for x in instruction.writes:
            if x.buffer.kind == HELD and x.buffer.array is not None:
                found[id(x.buffer)] = x.buffer.array
    for _, grad in program.exit_grads:
        if grad is not None:
            found[id(grad)] = grad.data
    return list(found.values())
