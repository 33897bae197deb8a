"""`program.to_c()`: a captured function as one C file that depends on nothing but the C library."""

from __future__ import annotations

import math
import os
import re
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from autograd.jit.c.calls import WRITTEN, Writer, name_of
from autograd.jit.c.library import Library, pieces
from autograd.jit.c.memory import RESERVED, Memory
from autograd.jit.c.passes import copied_out
from autograd.jit.c.text import C_TYPES, comment, identifier, statement
from autograd.jit.c.updates import Changing
from autograd.jit.graph import INPUT, Operand
from autograd.jit.instructions import Instruction, PythonCall
from autograd.jit.names import Argument, known_arrays
from autograd.jit.sealed import JitError
from autograd.jit.words import lines_of, reason, steps_of, words

if TYPE_CHECKING:
    from autograd.jit.program import Program

__all__ = ["to_c"]


def to_c(program: Program, path: str | os.PathLike[str] | None = None, name: str | None = None) -> str:
    """The program as the text of a C11 file, with its weights and state of now, written to `path` if given.

    Its function is called `name` (or else as the file, or as what was captured) and takes the arguments'
    arrays, then the results', in order: void name(const float *input0, ..., float *output0, ...). What the
    program draws, updates and counts goes on inside the file; rates (name_lr ...) are variables that a caller
    may set, and name_seed(seed) begins the random numbers anew. Compiled with -DMAIN it is a filter: raw
    inputs from stdin, raw outputs to stdout, call after call. JitError where a step runs in Python.

    >>> import autograd
    >>> weight = autograd.tensor([1.0, 2.0])
    >>> scaled = autograd.jit(lambda x: (x * weight).exp())
    >>> _ = [scaled(autograd.ones(3, 2)) for _ in range(2)]
    >>> text = scaled.program.to_c(name="scaled")
    >>> print(text[text.index("void scaled(const float *input0, float *output0) {") :])
    void scaled(const float *input0, float *output0) {
    ...
      for (int64_t i = 0; i < 3; i++)
        for (int64_t j = 0; j < 2; j++) {
          const float t0 = input0[2 * i + j] * weight[j];
          exp_1[2 * i + j] = exp(t0);
        }
    <BLANKLINE>
      memcpy(output0, exp_1, 6 * sizeof *output0);
    }
    ...
    """
    name = identifier(name or (Path(path).stem if path is not None else program.name.split(".")[-1]))
    if name in RESERVED or name in pieces():
        name += "_program"
    text = File(program, name).text()
    if path is not None:
        Path(path).write_text(text, encoding="utf-8")
    return text


class File:
    """One file while it is written."""

    def __init__(self, program: Program, name: str) -> None:
        self.name = name
        self.program = program
        self.outputs: list[Operand] = program.outputs
        self.instructions: list[Instruction] = []
        for x in program.instructions:
            if isinstance(x, PythonCall):
                raise JitError(
                    f"to_c: {x.step.op}, captured at {x.step.where}, runs in Python ({reason(x)}), so the "
                    "program can't be written in C"
                )
            self.instructions.append(x)
        self.memory = Memory(self.instructions, self.outputs, known_arrays(program))
        self.memory.taken.add(name)
        reals = [C_TYPES[x.dtype.name] for x in self.instructions]
        self.library = Library(max(reals, key=reals.count, default="float"))
        self.writer = Writer(self.memory, self.library)
        self.changing = Changing(self.writer, name, program.host)
        self.inputs: list[Argument] = program.arguments
        read = [*(x for y in self.instructions for x in y.operands), *self.outputs]
        self.read = {x.buffer.number for x in read if x.buffer.kind == INPUT}

    def text(self) -> str:
        body = list(self.body())
        weights, state = list(self.memory.declarations(False)), list(self.memory.declarations(True))
        parts = [
            *self.library.texts(),
            *titled("Weights", weights),
            *titled("State", [*state, *self.changing.globals]),
            *titled("What is computed on the way", list(self.memory.arena())),
            *titled("The program", [*self.changing.setters(), "\n".join(body)]),
            self.main(),
        ]
        code = "\n\n".join(parts)
        return f"{self.header()}\n{includes(code)}\n\n{code}\n"

    # The function ----------------------------------------------------------------------------------

    def parameters(self) -> list[str]:
        given = [f"const {C_TYPES[x.dtype.name]} *input{i}" for i, x in enumerate(self.inputs)]
        return [*given, *(f"{C_TYPES[x.dtype.name]} *output{i}" for i, x in enumerate(self.outputs))]

    def signature(self) -> str:
        return f"void {self.name}({', '.join(self.parameters()) or 'void'})"

    def body(self) -> Iterator[str]:
        lines: list[str] = []
        for x in self.instructions:
            lines += ["", comment(described(x, self.program), "  ")]
            write = self.changing.write.get(name_of(x))
            if write is None and name_of(x) not in WRITTEN:
                lines_of_python = ", ".join(lines_of(x))
                raise JitError(
                    f"to_c: {words(x)} ({name_of(x)}) has no form in C, captured at {lines_of_python}"
                )
            lines += write(x) if write is not None else WRITTEN[name_of(x)](self.writer, x)
        lines += [""] if self.outputs else []
        for i, output in enumerate(self.outputs):
            lines += copied_out(self.writer, output, f"output{i}")
        yield from statement(self.signature() + " {", "")
        yield from (f"  (void)input{i};" for i in range(len(self.inputs)) if i not in self.read)
        yield from self.changing.before
        yield from lines if self.changing.before else lines[1:]
        yield from self.changing.after
        yield "}"

    def main(self) -> str:
        """Inputs from stdin, outputs to stdout, until the inputs end."""
        arrays = [
            f"  static {C_TYPES[x.dtype.name]} input{i}[{math.prod(x.shape)}];"
            for i, x in enumerate(self.inputs)
        ]
        arrays += [
            f"  static {C_TYPES[x.dtype.name]} output{i}[{x.size}];" for i, x in enumerate(self.outputs)
        ]
        given = [f"input{i}" for i in range(len(self.inputs))]
        read = [f"fread({x}, sizeof {x}, 1, stdin) == 1" for x in given]
        call = f"{self.name}({', '.join([*given, *(f'output{i}' for i in range(len(self.outputs)))])});"
        writes = [f"fwrite(output{i}, sizeof output{i}, 1, stdout);" for i in range(len(self.outputs))]
        if read:
            indent, loop, end = "    ", statement(f"while ({' && '.join(read)}) {{"), ["  }"]
        else:
            indent, loop, end = "  ", [], []
        run = [line for text in [call, *writes] for line in statement(text, indent)]
        return "\n".join(
            ["#ifdef MAIN", "#include <stdio.h>", "", "int main(void) {", *arrays, *loop, *run, *end,
             "  return 0;", "}", "#endif"]
        )  # fmt: skip

    # The beginning ---------------------------------------------------------------------------------

    def header(self) -> str:
        lines = [
            f"{self.name}: a program captured by kernelgrad (autograd.jit). C11, libc and libm only.",
            "",
            *(f"  {line}" for line in statement(self.signature() + ";", "")),
            "",
        ]
        for i, x in enumerate(self.inputs):
            unread = "" if i in self.read else ", not read: may be NULL"
            lines.append(f"  input{i}   {x.name}: {C_TYPES[x.dtype.name]} {x.shape}{unread}")
        for i, y in enumerate(self.outputs):
            lines.append(f"  output{i}  {C_TYPES[y.dtype.name]} {y.shape}")
        lines += ["", "Arrays are contiguous, the last index counts fastest; no output may overlap an input."]
        state = [self.memory.names[id(b)] for b in self.memory.held(True)]
        if state or self.changing.globals:
            lines += ["Each call changes what is under State below: " + stated(state, self.changing)]
        if self.changing.rates:
            rates = [name for names in self.changing.rates.values() for name in names]
            lines.append(f"A caller may set {', '.join(rates)} (extern double) between calls.")
        if any(entry[0] == "effect" for entry in self.program.host):
            lines.append(
                "Python's own part of the function (the step of a schedule, say) is not in this file."
            )
        for _, suffix in self.changing.generators:
            lines.append(f"{self.name}_seed{suffix}(seed) begins the random numbers anew.")
        lines += [
            "All memory is static: one call at a time.",
            "",
            f"  cc -O2 -c {self.name}.c",
            f"  cc -O2 -DMAIN {self.name}.c -lm -o {self.name}",
            "",
            "The second is a filter: raw inputs from stdin, raw outputs to stdout, call after call.",
        ]
        return "/* " + "\n".join(wrapped(lines)).removeprefix(" * ") + " */"


def wrapped(lines: Sequence[str]) -> Iterator[str]:
    """Lines of a comment; those that are no examples are filled."""
    for line in lines:
        pieces = [line] if line.startswith("  ") or not line else textwrap.wrap(line, 106)
        yield from ((" * " + piece).rstrip() for piece in pieces)


def stated(state: Sequence[str], changing: Changing) -> str:
    names = list(state[:6]) + ([f"{len(state) - 6} more"] if len(state) > 6 else [])
    names += ["step counts"] if changing.counts else []
    names += ["the place in the random stream"] if changing.generators else []
    return ", ".join(names) + "."


def titled(title: str, parts: list[str]) -> list[str]:
    """Parts of the file under a line that names them."""
    if not parts:
        return []
    first = f"/* {title} " + "-" * (104 - len(title)) + " */"
    return [first, *parts]


def includes(code: str) -> str:
    """The headers of what the code uses."""
    headers = ["stdint.h"]
    math_names = (
        "exp|log|log1p|expm1|pow|sqrt|fabs|sin|cos|tanh|erf|erfc|floor|ceil|rint|NAN|INFINITY|isfinite"
    )
    for header, pattern in (
        ("assert.h", r"assert\("), ("stddef.h", r"NULL|size_t"), ("string.h", r"mem(cpy|set)\("),
        ("tgmath.h", math_names),
    ):  # fmt: skip
        if re.search(rf"\b({pattern})", code):
            headers.append(header)
    return "\n".join(f"#include <{header}>" for header in sorted(headers))


# What stands above an instruction --------------------------------------------------------------------


def described(instruction: Instruction, program: Program) -> str:
    """What is computed, the shapes it reads and writes, and the lines it comes from."""
    lines = f"   [{', '.join(lines_of(instruction))}]"
    if instruction.update is not None:
        return words(instruction, program) + lines
    kernel = name_of(instruction)
    written = set(instruction.writes)
    args = instruction.args[1:] if kernel in ("ELEMENTWISE", "CLIP_NORM") else instruction.args
    flat = [x for arg in args for x in (arg if isinstance(arg, list) else [arg]) if x is not None]
    reads = [str(x.shape) for x in flat if x not in written]
    shapes = [*reads, "->", *(str(x.shape) for x in instruction.writes)]
    ops = ", ".join(step.op for step in steps_of(instruction))
    said = ops if kernel == "ELEMENTWISE" else words(instruction)
    return f"{said}: {' '.join(shapes)}{lines}"
