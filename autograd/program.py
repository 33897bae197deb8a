"""Elementwise programs: a chain of elementwise ops that reads and writes memory once.

A program is made by tracing a function over symbols (autograd/symbol.py), and run on arrays with NumPy's
broadcasting:

>>> import numpy as np
>>> tanh_rule = Program.trace(lambda g, z: g * (1 - z * z), inputs=2)
>>> tanh_rule(np.array([1.0, 2.0]), np.array([0.5, 0.0]))
array([0.75, 2.  ])
>>> print(tanh_rule)
sub_mul(input 1, input 1, 1.0) -> r0
mul(input 0, r0) -> output 0

Ops that do two steps at once are matched (fusing.py) and registers given out; a *plan* lays the program and
the strides of one call out for the kernel (csrc/elementwise.c), and is kept for the next call of the same
shapes. `Program.reference` runs the trace as it was written, in NumPy: it is the oracle of the tests, and
what runs where the kernel does not fit or would not pay.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from autograd import kernels
from autograd.fusing import fuse, live
from autograd.symbol import MEANING, TRUTH, Step, Trace

__all__ = ["THRESHOLD", "Program"]

Array = npt.NDArray[Any]

# Elements from which the kernel beats NumPy's ufuncs, by the program's weight: its steps, each counted as
# many times as NumPy takes longer for it than for a sum (measured on one thread, AVX-512; a call of the
# kernel costs 0.7 us, of a ufunc 0.25). Single sums and products gain by threads and by streamed stores only.
WEIGHT = {"exp": 2, "log": 2, "sqrt": 2, "tanh": 2, "pow": 2, "sin": 3, "cos": 3, "rsqrt": 4, "where": 3}
WEIGHT |= {"log1p": 6, "expm1": 6, "sigmoid": 6, "erf": 10, "softplus": 10, "silu": 10, "gelu": 10}
WEIGHT |= {"cube": 2, "clamp": 2, "leaky_relu": 3, "elu": 9}
WEIGHT |= {"silu_gradient": 10, "gelu_gradient": 10}
NEVER = 1 << 62
THRESHOLD = (NEVER, 32768, 2048, 512, 0)
PLANS = 256  # kept by a program; then it forgets them

FIRST_OPERAND, FIRST_VALUE = 16, 32  # slots, as csrc/kernels.h lays them out
REGISTERS, OPERANDS, VALUES, DIMS = 16, 15, 16, 6

OPCODES = {name: code for code, name in enumerate(kernels.elementwise_ops())}
REALS = (np.dtype(np.float32), np.dtype(np.float64))
BOOL = np.dtype(np.bool_)


class Plan(NamedTuple):
    """One program for operands of given shapes, strides and types."""

    code: Array  # what the kernel reads
    dtype: np.dtype[Any]
    outputs: list[tuple[tuple[int, ...], np.dtype[Any], tuple[int, ...] | None]]  # shape, type, axes
    arrays: list[int]  # which arguments are arrays
    numbers: list[int]  # which are numbers, to follow the program's constants


class Program:
    """An elementwise function of `inputs` arrays or numbers with one result or a tuple of them."""

    def __init__(self, steps: list[Step], outputs: list[int], inputs: int, several: bool) -> None:
        self.inputs = inputs
        self.several = several
        self.steps, self.outputs = live(steps, outputs)
        self.fused, self.results = live(*fuse(self.steps, self.outputs))
        weight = sum(WEIGHT.get(op, 1) for op, _ in self.steps if op not in ("input", "value"))
        self.threshold = THRESHOLD[min(weight, len(THRESHOLD) - 1)]
        self.constants = [args[0] for op, args in self.fused if op == "value"]
        self.plans: dict[Any, Plan | None] = {}  # by the shapes, strides and types of a call
        self.flat: dict[Any, Any] = {}  # by types alone: contiguous arrays of one shape

    @classmethod
    def trace(cls, function: Callable[..., Any], inputs: int) -> Program:
        """The program of `function`, which is called once, on `inputs` symbols, and returns a symbol (or a
        number), or a tuple of them."""
        trace = Trace()
        result = function(*[trace.input() for _ in range(inputs)])
        several = isinstance(result, tuple)
        symbols = [trace.symbol("a program's result", r) for r in (result if several else (result,))]
        return cls(trace.steps, [symbol.place for symbol in symbols], inputs, several)

    def __call__(self, *arrays: Any, out: Any = None) -> Any:
        """Run it on float32 or float64 arrays, numbers (which take the arrays' type) and bool arrays (which
        count as 1 and 0). `out`: an array, or a tuple of them, to write to."""
        if kernels.active:
            if out is None and not self.several:
                result = self.map(arrays)
                if result is not None:
                    return result
            outs = () if out is None else out if isinstance(out, tuple) else (out,)
            key = tuple(
                [(a.shape, a.strides, a.dtype) if isinstance(a, np.ndarray) else None for a in arrays + outs]
            )
            try:
                plan = self.plans[key]
            except KeyError:
                if len(self.plans) >= PLANS:
                    self.plans.clear()
                plan = self.plans[key] = self.plan(arrays, outs)
            if plan is not None and (not outs or self.may_write(arrays, outs)):
                if not outs:
                    outs = tuple([new_output(*output) for output in plan.outputs])
                values: Sequence[float] = self.constants
                if plan.numbers:
                    values = [*values, *[arrays[i] for i in plan.numbers]]
                    arrays = tuple([arrays[i] for i in plan.arrays])
                kernels.call(kernels.ELEMENTWISE, (plan.code, *arrays, *outs), (), values, plan.dtype)
                return outs if self.several else outs[0]
        return self.reference(*arrays, out=out)

    def map(self, arrays: tuple[Any, ...]) -> Array | None:
        """The result where all arrays are contiguous and of one shape, which makes a call cheap, or None."""
        shape = None
        for a in arrays:
            if a.__class__ is np.ndarray:
                if shape is None:
                    shape, size = a.shape, a.size
                elif a.shape != shape:
                    return None
                if not a.flags.c_contiguous:
                    return None
        if shape is None or size < self.threshold or not size:
            return None
        key = tuple([a.dtype if a.__class__ is np.ndarray else None for a in arrays])
        try:
            run, places = self.flat[key]
        except KeyError:
            run, places = self.flat[key] = self.mapper(arrays)
        if run is None:
            return None
        result: Array = run(*[arrays[i] for i in places]) if places else run(*arrays)
        return result

    def mapper(self, arrays: Sequence[Any]) -> tuple[Callable[..., Array] | None, list[int]]:
        """A function of contiguous arrays like these, of any one shape (None if the kernel can't), and the
        order in which it takes the arguments ([]: as they are): arrays first, then numbers."""
        likes = [np.empty(2, a.dtype) if isinstance(a, np.ndarray) else a for a in arrays]
        plan = self.plan_anyway(likes)
        if plan is None or self.several or len(plan.arrays) > 4:
            return None, []
        result = plan.outputs[0][1]
        inputs, numbers = len(plan.arrays), len(plan.numbers)
        run = kernels.mapper(plan.code, plan.dtype, result, self.constants, inputs, numbers)
        return run, [*plan.arrays, *plan.numbers] if plan.numbers else []

    def filling(self, *arrays: Array) -> Callable[..., Array] | None:
        """The program as a function of (three at most) arrays of these layouts; None where NumPy should
        run."""
        plan = self.plan_anyway(arrays)
        if plan is None or self.several or len(plan.arrays) > 3 or plan.outputs[0][2] is not None:
            return None
        ((shape, result, _),) = plan.outputs
        return kernels.filling(
            kernels.ELEMENTWISE, plan.dtype, (), shape, values=self.constants, inputs=len(arrays),
            result=result, plan=plan.code,
        )  # fmt: skip

    def plan_anyway(self, arrays: Sequence[Any]) -> Plan | None:
        """`plan`, for arrays of any size."""
        threshold, self.threshold = self.threshold, 0
        plan = self.plan(arrays, ())
        self.threshold = threshold
        return plan

    def reference(self, *arrays: Any, out: Any = None) -> Any:
        """The program in NumPy, step by step."""
        if len(arrays) != self.inputs:
            raise TypeError(f"the program takes {self.inputs} arrays, got {len(arrays)}")
        done: list[Any] = []
        reals = [a.dtype for a in arrays if isinstance(a, np.ndarray) and a.dtype != BOOL]
        real = np.result_type(*reals) if reals else BOOL
        with np.errstate(all="ignore"):
            for op, args in self.steps:
                if op == "input":
                    done.append(arrays[args[0]])
                elif op == "value":
                    done.append(args[0])
                else:
                    read = [done[i] for i in args]
                    if op not in TRUTH and op not in ("where", "copy"):
                        read = [a.astype(real) if getattr(a, "dtype", None) == BOOL else a for a in read]
                    done.append(MEANING[op](*read))
        # No result may be one of the arguments itself, and each has the broadcast shape of all.
        shape = np.broadcast_shapes(*[np.shape(a) for a in arrays])
        results = [np.array(np.broadcast_to(done[i], shape)) for i in self.outputs]
        if out is not None:
            for target, result in zip(out if self.several else (out,), results, strict=True):
                np.copyto(target, result)
            return out
        return tuple(results) if self.several else results[0]

    def __str__(self) -> str:
        """The compiled steps, one a line."""
        code = Registers(self)
        lines = []
        for place in code.order:
            op, args = self.fused[place]
            lines.append(f"{op}({', '.join(map(code.name, args))}) -> {code.name(place)}")
        return "\n".join(lines)

    # Compiling -------------------------------------------------------------------------------------

    def may_write(self, arrays: Sequence[Any], outs: Sequence[Array]) -> bool:
        """Whether no output overlaps an input, but for the very same array in a program of one result."""
        for target in outs:
            for a in arrays:
                if isinstance(a, np.ndarray) and np.may_share_memory(a, target):
                    same = a.shape == target.shape and a.strides == target.strides and len(outs) == 1
                    if not (same and a.__array_interface__["data"] == target.__array_interface__["data"]):
                        return False
        return True

    def is_truth(self, place: int, arrays: Sequence[Any]) -> bool:
        """Whether a step gives a bool array on these arguments."""
        op, args = self.steps[place]
        if op == "input":
            return getattr(arrays[args[0]], "dtype", None) == BOOL
        if op == "where":
            return self.is_truth(args[1], arrays) and self.is_truth(args[2], arrays)
        return op in TRUTH

    def plan(self, arrays: Sequence[Any], outs: Sequence[Array]) -> Plan | None:
        """How the kernel runs on operands like these; None where NumPy should."""
        if len(arrays) != self.inputs:
            raise TypeError(f"the program takes {self.inputs} arrays, got {len(arrays)}")
        given = [i for i, a in enumerate(arrays) if isinstance(a, np.ndarray)]
        numbers = [i for i in range(len(arrays)) if i not in given]
        if not all(isinstance(arrays[i], (int, float)) for i in numbers):
            return None
        operands = [arrays[i] for i in given]
        reals = {a.dtype for a in operands if a.dtype != BOOL}
        shape = np.broadcast_shapes(*[a.shape for a in operands])
        size = int(np.prod(shape))
        if len(reals) != 1 or not reals <= set(REALS) or size < max(self.threshold, 1):
            return None
        (dtype,) = reals
        code = Registers(self)
        types = [BOOL if self.is_truth(r, arrays) else dtype for r in self.outputs]
        for target, result in zip(outs, types, strict=bool(outs)):
            if target.shape != shape or target.dtype != result:
                raise ValueError(
                    f"out: want {result} of shape {shape}, got {target.dtype} of shape {target.shape}"
                )
        axes = memory_order(operands, shape, size)
        targets = [*outs] or [new_output(shape, result, axes) for result in types]
        space = collapse([*operands, *targets], shape, axes)
        if (
            space is None
            or code.registers > REGISTERS
            or len(operands) + len(targets) > OPERANDS
            or len(self.constants) + len(numbers) > VALUES
        ):
            return None
        lengths, strides = space
        slots = {i: FIRST_OPERAND + place for place, i in enumerate(given)}
        slots |= {i: FIRST_VALUE + len(self.constants) + place for place, i in enumerate(numbers)}
        words = [len(code.order), len(given), len(targets), len(self.constants) + len(numbers)]
        words += [code.registers, len(lengths), *lengths, *[1] * (DIMS - len(lengths))]
        for a, own in zip([*operands, *targets], strides, strict=True):
            words += [int(a.dtype.itemsize == 1), *own, *[0] * (DIMS - len(own))]
        words += code.words(slots, FIRST_OPERAND + len(given))
        outputs = [(shape, result, axes) for result in types]
        return Plan(np.array(words, np.int64), dtype, outputs, given, numbers)


def new_output(shape: tuple[int, ...], dtype: np.dtype[Any], axes: tuple[int, ...] | None) -> Array:
    """A fresh array whose axes lie in memory in the given order (None: the usual one)."""
    if axes is None:
        return kernels.empty(shape, dtype)
    laid_out = kernels.empty(tuple([shape[axis] for axis in axes]), dtype)
    return laid_out.transpose(np.argsort(axes))


def memory_order(operands: Sequence[Array], shape: tuple[int, ...], size: int) -> tuple[int, ...] | None:
    """The order of axes of the first full-size operand, from the largest stride; None if that is usual."""
    if len(shape) < 2 or all(a.flags.c_contiguous for a in operands):
        return None
    for a in operands:
        if a.size == size and a.ndim == len(shape):
            axes = tuple(sorted(range(a.ndim), key=lambda axis: -abs(a.strides[axis])))
            return None if axes == tuple(range(a.ndim)) else axes
    return None


def collapse(
    operands: Sequence[Array], shape: tuple[int, ...], axes: tuple[int, ...] | None
) -> tuple[list[int], list[list[int]]] | None:
    """The lengths of the iteration space and the strides (in elements) of each operand, neighbouring
    dimensions merged where every operand allows it; None if they do not fit the kernel."""
    rows = []
    for a in operands:
        if any(stride % a.itemsize for stride in a.strides) or a.__array_interface__["data"][0] % a.itemsize:
            return None
        rows.append([s // a.itemsize for s in np.broadcast_to(a, shape).strides])
    lengths: list[int] = []
    strides: list[list[int]] = [[] for _ in rows]
    for axis in range(len(shape)) if axes is None else axes:
        if shape[axis] == 1:
            continue
        if lengths and all(
            own[-1] == row[axis] * shape[axis] for own, row in zip(strides, rows, strict=True)
        ):
            lengths[-1] *= shape[axis]
            for own, row in zip(strides, rows, strict=True):
                own[-1] = row[axis]
        else:
            lengths.append(shape[axis])
            for own, row in zip(strides, rows, strict=True):
                own.append(row[axis])
    if not lengths:
        return [1], [[0] for _ in rows]
    return (lengths, strides) if len(lengths) <= DIMS else None


class Registers:
    """A register for every step, given back after the step's last reader; outputs write to their own slot."""

    def __init__(self, program: Program) -> None:
        self.program = program
        steps = program.fused
        self.order = [place for place, (op, _) in enumerate(steps) if op not in ("input", "value")]
        last: dict[int, int] = {}
        for place in self.order:
            for i in steps[place][1]:
                last[i] = place
        self.register: dict[int, int] = {}
        free: list[int] = []
        self.registers = 0
        for place in self.order:
            for i in set(steps[place][1]):
                if last[i] == place and i in self.register:
                    free.append(self.register[i])
            if place not in program.results:
                if not free:
                    free.append(self.registers)
                    self.registers += 1
                self.register[place] = free.pop()

    def words(self, inputs: dict[int, int], first_output: int) -> list[int]:
        """The steps as the kernel reads them."""
        steps, program = self.program.fused, self.program
        slot = {place: inputs[args[0]] for place, (op, args) in enumerate(steps) if op == "input"}
        values = [place for place, (op, _) in enumerate(steps) if op == "value"]
        slot |= {place: FIRST_VALUE + number for number, place in enumerate(values)}
        slot |= self.register
        slot |= {place: first_output + number for number, place in enumerate(program.results)}
        words = []
        for place in self.order:
            op, args = steps[place]
            read = [slot[i] for i in args]
            words += [OPCODES[op], slot[place], *read, *[read[0]] * (4 - len(read))]
        return words

    def name(self, place: int) -> str:
        op, args = self.program.fused[place]
        if op == "input":
            return f"input {args[0]}"
        if op == "value":
            return str(args[0])
        if place in self.program.results:
            return f"output {self.program.results.index(place)}"
        return f"r{self.register[place]}"
