"""What the memory of a program is called: arguments, parameters, gradients and moments by the names they have
in the modules and functions they belong to; what the program makes itself is t0, t1 ... in order of making.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from autograd.jit.graph import HELD, INPUT, MADE, Buffer, Operand
from autograd.jit.words import steps_of
from autograd.tape import Value

if TYPE_CHECKING:
    from autograd.jit.program import Program

__all__ = ["Argument", "Names", "arguments_of", "shape_text"]


class Argument(NamedTuple):
    """An array among a function's arguments, in the order in which a program is given them."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


def arguments_of(function: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> list[Argument]:
    """The arrays in a call's arguments, by their names in the function.

    >>> def loss(model, batch): ...
    >>> [a.name for a in arguments_of(loss, [None, (np.ones(2), np.ones(3))], {})]
    ['batch[0]', 'batch[1]']
    """
    try:
        positional = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # written in C
        positional = []
    names = [p.name for p in positional if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    rest = next((p.name for p in positional if p.kind == p.VAR_POSITIONAL), "arg")
    names += [f"{rest}[{i}]" for i in range(len(args) - len(names))]
    found: list[Argument] = []
    for name, x in [*zip(names, args, strict=False), *kwargs.items()]:
        found += arrays_in(x, name)
    return found


def arrays_in(x: Any, name: str) -> Iterator[Argument]:
    data = x.data if isinstance(x, Value) else x
    if isinstance(data, np.ndarray):
        yield Argument(name, data.shape, data.dtype)
    elif isinstance(x, dict):
        for key, y in x.items():
            yield from arrays_in(y, f"{name}[{key!r}]")
    elif isinstance(x, list | tuple):
        for i, y in enumerate(x):
            field = f".{x._fields[i]}" if hasattr(x, "_fields") else f"[{i}]"
            yield from arrays_in(y, name + field)


def shape_text(x: Operand | Argument) -> str:
    """`64x1x28x28`, with the type where it is not float32; a 0-d one is `()`."""
    shape = "x".join(map(str, x.shape)) or "()"
    return shape if x.dtype == np.float32 else f"{shape} {x.dtype}"


class Names:
    """The names of a program's operands, and where those lie that it makes."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.known = known_arrays(program)
        self.numbers: dict[int, int] = {}  # id of a buffer made: which one
        self.others: dict[int, int] = {}
        self.types: dict[int, np.dtype[Any]] = {}  # of buffers, as steps say: kernels move integers
        self.begin = int(program.arena.ctypes.data)  # as if they were reals
        for instruction in program.instructions:
            for step in steps_of(instruction):
                for x in (*step.writes, *step.operands):
                    self.types.setdefault(id(x.buffer), x.dtype)
            for x in (*instruction.writes, *instruction.operands):
                if x.buffer.kind == MADE and self.named(x) is None:
                    self.numbers.setdefault(id(x.buffer), len(self.numbers))

    def named(self, x: Operand) -> str | None:
        """The name that the memory has outside the program."""
        if x.buffer.kind == INPUT:
            arguments = self.program.arguments
            number = x.buffer.number
            return arguments[number].name if number < len(arguments) else f"arg{number}"
        address = self.program.places.get(id(x.buffer))
        if address is None:
            return None
        for start in (address + x.offset, address):
            if start in self.known:
                return self.known[start]
        return None

    def memory(self, x: Operand) -> str:
        """The name of the memory that an operand is a view of."""
        found = self.named(x)
        if found is not None:
            return found
        if x.buffer.kind == MADE:
            return f"t{self.numbers.setdefault(id(x.buffer), len(self.numbers))}"
        if x.buffer.constant:
            return constant(x.buffer)
        return f"held{self.others.setdefault(id(x.buffer), len(self.others))}"

    def __call__(self, x: Operand) -> str:
        """The name of an operand: its memory's, with .T where it is read across."""
        return self.memory(x) + turned(x)

    def with_shape(self, x: Operand) -> str:
        dtype = self.types.get(id(x.buffer), x.dtype)
        return f"{self(x)} {shape_text(x._replace(dtype=dtype))}"

    def place(self, x: Operand) -> str:
        """Where the memory lies: `@offset` in the arena, or what it is."""
        if x.buffer.kind == INPUT:
            return "argument"
        if x.buffer.kind == HELD:
            return "state"
        offset = self.program.places.get(id(x.buffer), 0) - self.begin
        return f"@{offset}" if 0 <= offset < max(self.program.arena_bytes, 1) else "own"


def turned(x: Operand) -> str:
    """How a view goes through its memory, where not in order (what is only repeated counts as in order)."""
    kept = [(n, stride) for n, stride in zip(x.shape, x.strides, strict=True) if stride]
    shape, strides = tuple(n for n, _ in kept), tuple(stride for _, stride in kept)
    once = x.viewed(shape, strides)
    if len(shape) < 2 or once.contiguous:
        return ""
    order = (*range(len(shape) - 2), len(shape) - 1, len(shape) - 2)
    across = x.viewed(tuple(shape[d] for d in order), tuple(strides[d] for d in order))
    if not across.contiguous:
        return "[view]"
    return ".T" if len(shape) == 2 else ".mT"


def constant(buffer: Buffer) -> str:
    values = buffer.array
    if values is not None and values.size and (values == values.flat[0]).all():
        return f"{values.flat[0]:.6g}" if values.dtype.kind == "f" else str(values.flat[0])
    return "constant"


# Names from outside --------------------------------------------------------------------------------


def known_arrays(program: Program) -> dict[int, str]:
    """By the address of its first element: the name of each array that somebody else holds."""
    known: dict[int, str] = {}
    leaves: dict[int, str] = {}  # id of a tensor's node: its name
    tensors: dict[int, str] = {}  # id of a tensor: its name

    def note(name: str, tensor: Any) -> None:
        data = getattr(tensor, "data", None)
        if isinstance(data, np.ndarray) and id(tensor) not in tensors:
            tensors[id(tensor)] = name
            known.setdefault(address(data), name)
            if tensor.node is not None:
                leaves.setdefault(id(tensor.node), name)

    variables = variables_of(program.function)
    roots = roots_of(program, variables)
    for variable, module in roots:
        prefix = f"{variable}." if len(roots) > 1 and variable else ""
        for name, x in [*module.named_parameters(), *module.named_buffers()]:
            note(prefix + name, x)
    for name, x in variables.items():
        note(name, x)
    for entry in program.host:
        if entry[0] == "update":
            _, update, _, batch, _ = entry
            for parameter, state in zip(batch.params, update.states, strict=False):
                name = tensors.get(id(parameter), "parameter")
                known.setdefault(address(parameter.data), name)
                for key, x in state.items():
                    data = getattr(x, "data", x) if isinstance(x, Value) else x
                    if isinstance(data, np.ndarray):
                        known.setdefault(address(data), f"{name}.{key}")
    for node, grad in [*program.watch.grads, *program.exit_grads]:
        if grad is not None and id(node) in leaves:
            known.setdefault(address(grad.data), leaves[id(node)] + ".grad")
    return known


def address(array: np.ndarray[Any, Any]) -> int:
    return int(array.__array_interface__["data"][0])


def variables_of(function: Any) -> dict[str, Any]:
    """What a function closes over, by name: cells, the globals it names, and the attributes of its self."""
    inner = getattr(function, "__func__", function)
    found: dict[str, Any] = {}
    owner = getattr(function, "__self__", None)
    if owner is not None:
        found["self"] = owner
        found |= {f"self.{name}": x for name, x in getattr(owner, "__dict__", {}).items()}
    code = getattr(inner, "__code__", None)
    if code is None:
        return found | {"self": inner}
    for name, cell in zip(code.co_freevars, inner.__closure__ or (), strict=False):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # not bound yet
            continue
    found |= {name: inner.__globals__[name] for name in code.co_names if name in inner.__globals__}
    return found


def roots_of(program: Program, variables: dict[str, Any]) -> list[tuple[str, Any]]:
    """The modules with parameters that are part of no other: those in variables, and of the rest those that
    ran."""
    modules = {id(x): (name, x) for name, x in variables.items() if is_module(x)}
    for module, _ in program.watch.modules:
        modules.setdefault(id(module), ("", module))
    inside = {id(part) for _, x in modules.values() for part in x.modules() if part is not x}
    roots = [(name, x) for key, (name, x) in modules.items() if key not in inside]
    return [(name, x) for name, x in roots if any(True for _ in x.named_parameters())]


def is_module(x: Any) -> bool:
    return not isinstance(x, type) and hasattr(x, "named_parameters") and hasattr(x, "modules")
