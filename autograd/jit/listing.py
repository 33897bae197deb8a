"""A program to read: a head that says what it is made of, then a line for each instruction.

print(step.program)
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from autograd import kernels
from autograd.jit.expressions import expressions
from autograd.jit.graph import HELD, MADE, Operand, Step
from autograd.jit.instructions import Instruction, PythonCall
from autograd.jit.names import Names, shape_text
from autograd.jit.words import counted, lines_of, reason, words

if TYPE_CHECKING:
    from autograd.jit.program import Program

__all__ = ["listing", "short", "size_text", "time_text"]

WIDTH = 128  # characters of a line
COMPUTES, WRITES, LINE = 32, 30, 18  # of columns, at most
INDENT = 12  # of the head's text


def listing(program: Program) -> str:
    """The whole program as text.

    >>> import autograd
    >>> w = autograd.tensor([1.0, 2.0])
    >>> square = autograd.jit(lambda x: (x * w - 1) ** 2)
    >>> _ = square(w), square(w)
    >>> lines = listing(square.program).splitlines()
    >>> lines[-3].startswith("0  elementwise, 3 steps  t0 2  @0  x 2, w 2  ")
    True
    >>> [line.strip() for line in lines[-2:]]
    ['r0 = x * w - 1', 't0 = r0 * r0']
    """
    names = Names(program)
    table = body(program, names)
    return "\n".join([*head(program, names), "-" * max(map(len, table)), *table])


# The head ------------------------------------------------------------------------------------------


def head(program: Program, names: Names) -> list[str]:
    python = [i for i in program.instructions if isinstance(i, PythonCall)]
    steps = counted(program.traced_steps, "step")
    instructions = counted(len(program.instructions), "instruction")
    taken = time_text(program.capture_seconds)
    lines = [f"{short(program.name)}: {steps} traced -> {instructions}, captured in {taken}"]
    lines += entry("inputs", [f"{a.name} {shape_text(a)}" for a in program.arguments])
    lines += entry("outputs", [names.with_shape(x) for x in program.outputs])
    written, read = state_of(program)
    lines += entry("state", state_text(written, names), "written")
    lines += entry("" if written else "state", state_text(read, names), "read only")
    lines += entry("memory", memory_text(program))
    lines += entry("each call", host_text(program))
    if python:
        lines += entry("in Python", [f"{counted(len(python), 'step')} between the kernels, marked below"])
    return lines


def short(name: str) -> str:
    """A function's name without those that it was made in."""
    return name.rpartition("<locals>.")[2]


def entry(name: str, parts: Sequence[str], what: str = "") -> list[str]:
    """A line of the head, wrapped; nothing where there is nothing to say."""
    if not parts:
        return []
    text = (f"{what}: " if what else "") + ", ".join(parts)
    return textwrap.wrap(
        text, WIDTH, initial_indent=f"  {name:<{INDENT - 2}}", subsequent_indent=" " * INDENT,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def state_of(program: Program) -> tuple[list[Operand], list[Operand]]:
    """What was there before the program: what it writes, and what it only reads. An operand a buffer."""
    written: dict[int, Operand] = {}
    read: dict[int, Operand] = {}
    for instruction in program.instructions:
        for x in instruction.writes:
            if x.buffer.kind == HELD:
                written.setdefault(id(x.buffer), x)
        for x in instruction.operands:
            if x.buffer.kind == HELD and not x.buffer.constant:
                read.setdefault(id(x.buffer), x)
    return list(written.values()), [x for key, x in read.items() if key not in written]


def state_text(operands: list[Operand], names: Names, most: int = 12) -> list[str]:
    """Their names; of moments (`weight.exp_avg`) only how many there are."""
    found = [names.memory(x) for x in operands]
    owners = set(found)
    moments: dict[str, int] = {}
    own = []
    for name in found:
        owner, _, kind = name.rpartition(".")
        if owner in owners:
            moments[kind] = moments.get(kind, 0) + 1
        else:
            own.append(name)
    shown = own[:most] + ([f"{len(own) - most} more"] if len(own) > most else [])
    shown += [f"{kind} of {n}" for kind, n in moments.items()]
    return shown and [*shown, f"{size_text(sum(x.buffer.nbytes for x in operands))} in all"]


def memory_text(program: Program) -> list[str]:
    eager = f"{size_text(program.eager_peak)} at a time, {size_text(program.eager_bytes)} in all"
    parts = [f"arena {size_text(program.arena_bytes)} (run eagerly: about {eager})"]
    if program.own_bytes:
        parts.append(f"gradients {size_text(program.own_bytes)}")
    return parts


def host_text(program: Program) -> list[str]:
    """What Python does at each call."""
    updates = [e for e in program.host if e[0] == "update"]
    parts = []
    if updates:
        kinds = dict.fromkeys(type(e[2]).__name__ for e in updates)
        parts.append(f"step counts and rates of {', '.join(kinds)}")
    drawn = sum(e[2] for e in program.host if e[0] == "draw")
    if drawn:
        parts.append(f"the places of {drawn} random numbers in their stream")
    for e in program.host:
        if e[0] == "effect":
            parts.append(f"{type(e[2]).__name__}.{getattr(e[1], '__name__', 'method')}()")
    return parts


# The instructions ----------------------------------------------------------------------------------


def body(program: Program, names: Names) -> list[str]:
    rows = []
    made: set[int] = set()  # ids of the buffers written so far
    for number, instruction in enumerate(program.instructions):
        written = written_by(instruction, made)
        made.update(id(x.buffer) for x in written)
        rows.append(
            (
                str(number),
                words(instruction, program),
                few([names.with_shape(x) for x in written], 1 if instruction_of_many(instruction) else 4),
                next((names.place(x) for x in written), ""),
                read_text(instruction, written, names),
                lines_text(lines_of(instruction)),
            )
        )
    widths = [
        max((len(row[0]) for row in rows), default=1),
        min(max((len(row[1]) for row in rows), default=8), COMPUTES),
        min(max((len(x) for row in rows for x in row[2]), default=6), WRITES),
        max((len(row[3]) for row in rows), default=2),
        0,
        min(max((len(row[5]) for row in rows), default=4), LINE),
    ]
    room = WIDTH - sum(widths) - 2 * 5
    widths[4] = min(max((len(", ".join(row[4])) for row in rows), default=5), room)
    titles = ("#", "computes", "writes", "at", "reads", "line")
    lines = ["  ".join(f"{title:<{width}}" for title, width in zip(titles, widths, strict=True)).rstrip()]
    for row, instruction in zip(rows, program.instructions, strict=True):
        lines += laid_out(row, widths)
        lines += [" " * (widths[0] + 4) + line for line in details(instruction, names, widths)]
    return lines


def laid_out(row: tuple[str, str, list[str], str, list[str], str], widths: list[int]) -> list[str]:
    """A row of the table; columns that are too full go on in further lines."""
    number, computes, writes, place, reads, line = row
    cells = [
        [f"{number:>{widths[0]}}"],
        textwrap.wrap(computes, widths[1], subsequent_indent="  "),
        [part for x in writes for part in textwrap.wrap(x, widths[2], subsequent_indent="  ")],
        [place],
        filled(reads, widths[4]),
        [line if len(line) <= widths[5] else "..." + line[3 - widths[5] :]],
    ]
    lines = []
    for i in range(max(map(len, cells))):
        parts = [cell[i] if i < len(cell) else "" for cell in cells]
        lines.append("  ".join(f"{x:<{width}}" for x, width in zip(parts, widths, strict=True)).rstrip())
    return lines


def filled(parts: Iterable[str], width: int) -> list[str]:
    """The parts with commas between, as many a line as there is room for; only one too long is broken.

    >>> filled(["t0 4x4", "weight 4", "bias 4"], 16)
    ['t0 4x4,', 'weight 4, bias 4']
    """
    parts = list(parts)
    lines: list[str] = []
    for place, part in enumerate(parts):
        text = part + ("," if place < len(parts) - 1 else "")
        if lines and len(lines[-1]) + 1 + len(text) <= width:
            lines[-1] += f" {text}"
        else:
            lines += textwrap.wrap(text, width, subsequent_indent="  ")
    return lines


def instruction_of_many(instruction: Instruction | PythonCall) -> bool:
    """Whether it is given tables of arrays, as optimisers are."""
    return isinstance(instruction, Instruction) and any(x.__class__ is list for x in instruction.args)


def few(texts: list[str], most: int) -> list[str]:
    """Of many only the first, and how many more there are."""
    if len(texts) <= most:
        return texts
    if most == 1:
        return [f"{texts[0].split(' ')[0]} and {len(texts) - 1} more"]
    return [*texts[: most - 1], f"and {len(texts) - most + 1} more"]


def written_by(instruction: Instruction | PythonCall, made: set[int]) -> list[Operand]:
    """What it writes, and of what it is given memory that nobody wrote before: it is there to be written."""
    found = list(instruction.writes)
    for x in instruction.operands:
        if (
            x.buffer.kind == MADE
            and id(x.buffer) not in made
            and all(x.buffer is not y.buffer for y in found)
        ):
            found.append(x)
    return found


def read_text(instruction: Instruction | PythonCall, written: list[Operand], names: Names) -> list[str]:
    """What it reads; of a table of arrays the first and how many more."""
    if isinstance(instruction, PythonCall):
        return [names.with_shape(x) for x in dict.fromkeys(instruction.operands) if x not in written]
    in_place = isinstance(instruction.source, Step) and instruction.source.in_place
    in_place = in_place and instruction.kernel != kernels.ELEMENTWISE
    found: list[str] = []
    for x in instruction.args:
        if x.__class__ is list:
            found.append(f"{names(x[0])} and {len(x) - 1} more" if len(x) > 1 else names.with_shape(x[0]))
        elif x.__class__ is Operand and (in_place or x not in written) and not skipped(x, instruction):
            found.append(names.with_shape(x))
    return list(dict.fromkeys(found))


def skipped(x: Operand, instruction: Instruction) -> bool:
    """Tables that say nothing to a reader: the plan of a pass, lengths and step counts of parameters."""
    return x.buffer.constant and (x is instruction.args[0] or instruction.update is not None)


def lines_text(lines: list[str]) -> str:
    """`net.py:14,15`: the lines of the first line's file."""
    file, _, first = lines[0].rpartition(":") if lines else ("", "", "")
    others = [line.rpartition(":")[2] for line in lines[1:] if line.rpartition(":")[0] == file]
    return f"{file}:{','.join(sorted({first, *others}, key=int))}" if file else first


def details(instruction: Instruction | PythonCall, names: Names, widths: list[int]) -> list[str]:
    """Further lines under an instruction: what a pass computes, why a step is in Python."""
    if isinstance(instruction, PythonCall):
        return [f"({reason(instruction)})"]
    if instruction.kernel != kernels.ELEMENTWISE:
        return []
    plan, *operands = instruction.args
    found = expressions(plan.buffer.array, instruction.values, [names(x) for x in operands])
    if all(text == names(operands[0]) for _, text in found):
        return []  # a copy
    lines: list[str] = []
    for name, text in found:
        lines += textwrap.wrap(
            f"{name} = {text}", WIDTH - widths[0] - 4, subsequent_indent="    ", break_long_words=False
        )
    return lines


# Numbers -------------------------------------------------------------------------------------------


def size_text(nbytes: float) -> str:
    """
    >>> size_text(640), size_text(3_932_224)
    ('640 B', '3.93 MB')
    """
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if nbytes >= scale:
            return f"{nbytes / scale:.3g} {unit}"
    return f"{nbytes:.0f} B"


def time_text(seconds: float) -> str:
    """
    >>> time_text(0.0123), time_text(4.2e-8)
    ('12.3 ms', '42 ns')
    """
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"
