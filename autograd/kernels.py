"""The crossing into C: loads the library, hands over pointers, picks ISA and threads.

This is the only file that touches CFFI. An op's file decides *when* a kernel pays and what its sizes
mean; here is only how a call is made:

    kernels.call(kernels.GEMM, [a, b, c, None], [batch, m, n, k, ...])

Where no library was built, or with AUTOGRAD_BACKEND=numpy, `kernels.active` is False and every op runs
its NumPy reference.
"""

from __future__ import annotations

import functools
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd.buffers import KEPT_FROM, drop_free_buffers, empty, maker, recycled

__all__ = ["active", "call", "empty", "get_num_threads", "isa", "isas", "maker", "set_isa", "set_num_threads"]

KERNEL_NAMES = (
    "GEMM CONV2D CONV2D_INPUT CONV2D_WEIGHT ELEMENTWISE REDUCE EXTREME_BACKWARD SOFTMAX SOFTMAX_BACKWARD "
    "CROSS_ENTROPY CROSS_ENTROPY_BACKWARD MAX_POOL MAX_POOL_BACKWARD AVG_POOL AVG_POOL_BACKWARD GATHER "
    "SCATTER_ADD RANDOM STANDARDIZE STANDARDIZE_BACKWARD SGD ADAM RMSPROP CLIP_NORM LIMIT COUNT ENLARGE "
    "BLOCK_SUMS MAX_POOL_SPREAD FINITE SCALARS RECURRENT RECURRENT_BACKWARD "
    "ATTENTION ATTENTION_BACKWARD WORDS GLOVE LABELS CAST"
).split()
(
    GEMM, CONV2D, CONV2D_INPUT, CONV2D_WEIGHT, ELEMENTWISE, REDUCE, EXTREME_BACKWARD, SOFTMAX,
    SOFTMAX_BACKWARD, CROSS_ENTROPY, CROSS_ENTROPY_BACKWARD, MAX_POOL, MAX_POOL_BACKWARD, AVG_POOL,
    AVG_POOL_BACKWARD, GATHER, SCATTER_ADD, RANDOM, STANDARDIZE, STANDARDIZE_BACKWARD, SGD, ADAM, RMSPROP,
    CLIP_NORM, LIMIT, COUNT, ENLARGE, BLOCK_SUMS, MAX_POOL_SPREAD, FINITE, SCALARS, RECURRENT,
    RECURRENT_BACKWARD, ATTENTION, ATTENTION_BACKWARD, WORDS, GLOVE, LABELS, CAST,
) = range(len(KERNEL_NAMES))  # fmt: skip

Array = np.ndarray | None  # None: not given
DTYPES = {np.dtype(np.float32): 0, np.dtype(np.float64): 1}


def load() -> tuple[Any, Any]:
    """(lib, ffi) of the compiled kernels, or (None, None) when there are none."""
    try:
        import _kernelgrad
    except ImportError:
        return None, None
    lib, ffi = _kernelgrad.lib, _kernelgrad.ffi
    refuse_stale(ffi.string(lib.kg_build()).decode())
    return lib, ffi


def refuse_stale(build: str) -> None:
    """In a checkout, a library built from other sources than those beside it is an error."""
    folder = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "csrc")
    if not os.path.isdir(folder):
        return
    import hashlib  # here, since an installed package does not need it

    digest = hashlib.sha256()
    for name in sorted(os.listdir(folder)):
        if name.endswith((".c", ".h", ".def")):
            with open(os.path.join(folder, name), "rb") as file:
                digest.update(name.encode() + b"\0" + file.read())
    if not build.endswith(digest.hexdigest()[:16]):
        raise ImportError(
            "the compiled kernels (_kernelgrad) were built from other sources than those in "
            f"{folder}; rebuild them with 'make build' (or 'python setup.py build_ext --inplace')"
        )


BACKEND = os.environ.get("AUTOGRAD_BACKEND", "")
if BACKEND not in ("", "numpy"):
    raise ValueError(f"AUTOGRAD_BACKEND={BACKEND!r}: it can only be 'numpy' (C kernels are the default)")
lib: Any
ffi: Any
lib, ffi = (None, None) if BACKEND == "numpy" else load()
if lib is None and BACKEND != "numpy":
    warnings.warn(
        "kernelgrad: no compiled kernels found; running on the NumPy backend, more slowly. "
        "Reinstall where a C compiler is present, or set AUTOGRAD_BACKEND=numpy to silence this.",
        stacklevel=2,
    )

# True where ops may call C. Tests switch it to compare the two backends.
active: bool = lib is not None

ERRORS = {
    1: IndexError("index out of range"), 2: ValueError("bad argument"), 3: MemoryError("workspace"),
    4: TypeError("takes np.ndarray only; convert other objects with np.asarray"),
    5: FloatingPointError("not finite"),
}  # fmt: skip


def pointer(a: np.ndarray | None) -> Any:
    if a is None:
        return ffi.NULL
    try:
        return ffi.from_buffer(a, require_writable=False)
    except ValueError:  # a strided view: CFFI wants flat memory, kernels are told the strides
        return ffi.cast("void *", a.__array_interface__["data"][0])


def memory(a: Array) -> int:
    """Where an array's elements begin; 0 for None."""
    return 0 if a is None else int(ffi.cast("uintptr_t", pointer(a)))


def objects_tell() -> bool:
    """Whether the library finds the memory of arrays in their objects: tried on owners and views of all
    kinds, and on what is no array. If not, it is set to take the addresses of memory."""
    if sys.implementation.name != "cpython":  # id() is no address
        return False
    lib.kg_set_objects(object.__basicsize__, id(np.ndarray), id(None))
    owner = np.arange(24.0).reshape(4, 6)
    arrays = [owner, owner[1:], owner[::-1, 2::3], owner.T, owner[3, 5:], np.broadcast_to(owner, (2, 4, 6))]
    arrays += [np.zeros(3, bool), np.zeros(()), np.zeros((0, 2)), np.frombuffer(bytes(9), np.uint8, offset=3)]
    others = [None, 1.5, np.float64(1.5), owner.view(np.recarray), owner.data, np.ndarray, [owner]]
    wanted = [ffi.cast("void *", a.__array_interface__["data"][0]) for a in arrays]
    found = [lib.kg_data(id(x)) for x in [*arrays, *others]]
    if found == [*wanted, *[ffi.NULL] * len(others)]:
        return True
    lib.kg_set_objects(0, 0, 0)
    return False


# How quick calls tell C an array: by its object (csrc/kernels.h says why), or else by its memory.
tell: Callable[[Any], int] = id if lib is not None and objects_tell() else memory


def addresses(arrays: Sequence[np.ndarray]) -> Any:
    """An array of the addresses of contiguous arrays (else ValueError); it does not keep them alive."""
    return ffi.new("void *[]", list(map(ffi.from_buffer, arrays)))


def integers(numbers: Sequence[int]) -> Any:
    return ffi.new("int64_t[]", numbers)


def call_many(
    kernel: int, dtype: np.dtype[Any], args: Sequence[Any], sizes: Sequence[int], values: Sequence[float]
) -> None:
    """`call` of a kernel that takes any number of arrays, as `addresses`, `integers`, an array or None."""
    args = [pointer(a) if a is None or isinstance(a, np.ndarray) else a for a in args]
    error = lib.kg_call(kernel, DTYPES[dtype], args, len(args), sizes, len(sizes), values, len(values))
    if error:
        raise refusal(kernel, error, sizes)


def call(
    kernel: int, args: Sequence[Array], sizes: Sequence[int], values: Sequence[float] = (), dtype: Any = None
) -> None:
    """Run one kernel on arrays. `dtype` is that of the first array unless given; strides, lengths and
    flags travel in `sizes` (elements, never bytes), as csrc/kernels.h lays them out."""
    pointers = [pointer(a) for a in args]
    code = DTYPES[dtype if dtype is not None else args[0].dtype]  # type: ignore[union-attr]
    error = lib.kg_call(kernel, code, pointers, len(pointers), sizes, len(sizes), values, len(values))
    if error:
        raise refusal(kernel, error, sizes)


def fill(kernel: int, dtype: Any, out: np.ndarray, sizes: Sequence[int], values: Sequence[float]) -> None:
    """`call` of a kernel of one contiguous array, a third quicker."""
    places = [ffi.from_buffer(out)]
    error = lib.kg_call(kernel, DTYPES[dtype], places, 1, sizes, len(sizes), values, len(values))
    if error:
        raise refusal(kernel, error, sizes)


def prepare(
    kernel: int, dtype: np.dtype[Any], sizes: Sequence[int], values: Sequence[float] = ()
) -> Callable[..., None]:
    """`call` with all but the arrays (eight at most) settled, as run(arrays...): for ops that meet the same
    shapes again and again, at a third of the price."""
    fields = {"kernel": kernel, "dtype": DTYPES[dtype], "sizes": list(sizes), "values": list(values)}
    instruction = ffi.new("kg_instruction *", fields)
    apply, apply_8, of = lib.kg_apply, lib.kg_apply_8, tell

    def run(a: Array, b: Array = None, c: Array = None, d: Array = None, *others: Array) -> None:
        if others:
            places = [*map(of, others), 0, 0, 0][:4]
            error = apply_8(instruction, of(a), of(b), of(c), of(d), *places)
        else:
            error = apply(instruction, of(a), of(b), of(c), of(d))
        if error:
            raise refusal(kernel, error, sizes)

    return run


prepared = functools.lru_cache(4096)(prepare)  # for ops without a cache of their own; sizes are a tuple


def filling(
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
    """A kernel as a function of its arrays but the last (`inputs`, three at most), which it makes, of this
    shape and type, and returns: the quickest way into C, with everything settled. `plan`: an array before
    all others."""
    known = [] if plan is None else [pointer(plan)]
    fields = {"kernel": kernel, "dtype": DTYPES[dtype], "args": known, "sizes": list(sizes)}
    instruction = ffi.new("kg_instruction *", {**fields, "values": list(values)})
    apply, new, of = lib.kg_apply, maker(shape, result or dtype), tell

    def refuse(error: int, plan: Any = plan) -> None:  # holds the plan
        raise refusal(kernel, error, sizes)

    def one(a: np.ndarray) -> np.ndarray:
        out = new()
        error = apply(instruction, of(a), of(out), 0, 0)
        if error:
            refuse(error)
        return out

    def two(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        out = new()
        error = apply(instruction, of(a), of(b), of(out), 0)
        if error:
            refuse(error)
        return out

    def three(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
        out = new()
        error = apply(instruction, of(a), of(b), of(c), of(out))
        if error:
            refuse(error)
        return out

    return (one, two, three)[inputs - 1]


def refusal(kernel: int, error: int, sizes: Sequence[int]) -> Exception:
    """What a kernel that returned `error` wants to say."""
    kind = type(ERRORS[error])
    return kind(f"{KERNEL_NAMES[kernel].lower()}: {ERRORS[error]} (sizes {list(sizes)})")


def mapper(
    plan: np.ndarray,
    dtype: np.dtype[Any],
    result: np.dtype[Any],
    constants: Sequence[float],
    inputs: int,
    numbers: int,
) -> Callable[..., np.ndarray]:
    """An elementwise plan of open length as a function of contiguous arrays of one shape (`inputs`, four at
    most) and then of `numbers` numbers, which follow the constants: the quickest way into C. It checks
    nothing."""
    code, kind, known = ffi.from_buffer("int64_t[]", plan), DTYPES[dtype], len(constants)
    fixed = ffi.new("double[]", list(constants) or [0.0])
    call, small, of = lib.kg_map, np.empty, tell
    size = result.itemsize
    kept_from = KEPT_FROM // size

    def refuse(error: int, a: np.ndarray) -> None:
        raise refusal(ELEMENTWISE, error, [a.size])

    def one(a: np.ndarray) -> np.ndarray:
        n = a.size
        out = small(a.shape, result) if n < kept_from else recycled(a.shape, result, n * size)
        error = call(code, kind, n, fixed, known, of(a), of(out), 0, 0, 0)
        if error:
            refuse(error, a)
        return out

    def two(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        n = a.size
        out = small(a.shape, result) if n < kept_from else recycled(a.shape, result, n * size)
        error = call(code, kind, n, fixed, known, of(a), of(b), of(out), 0, 0)
        if error:
            refuse(error, a)
        return out

    def several(*arguments: Any) -> np.ndarray:
        arrays = arguments[:inputs]
        a = arrays[0]
        n = a.size
        out = small(a.shape, result) if n < kept_from else recycled(a.shape, result, n * size)
        places = [*map(of, arrays), of(out), 0, 0, 0][:5]
        values = [*constants, *arguments[inputs:]] if numbers else fixed
        error = call(code, kind, n, values, known + numbers, *places)
        if error:
            refuse(error, a)
        return out

    if numbers or inputs > 2:
        return several
    return one if inputs == 1 else two


def give_back() -> None:
    """Give memory that nobody uses back to the system: kept buffers, and what the C library keeps."""
    drop_free_buffers()
    if lib is not None:
        lib.kg_trim()


def elementwise_ops() -> list[str]:
    """The names in csrc/ops.def in the order of their opcodes; [] without kernels."""
    return str(ffi.string(lib.kg_ops()).decode()).split() if lib is not None else []


def scalar_ops() -> list[str]:
    """The names in csrc/scalar_ops.def in the order of their opcodes; [] without kernels."""
    return str(ffi.string(lib.kg_scalar_ops()).decode()).split() if lib is not None else []


def conv_algorithms() -> list[str]:
    """ "kernel_algorithm" of each row of csrc/conv.def, numbered from 1; [] without kernels."""
    return str(ffi.string(lib.kg_conv_algorithms()).decode()).split() if lib is not None else []


class Settings:
    """Counts the changes of threads, instruction set and convolution algorithms: programs look at it."""

    count = 0


settings = Settings()

# Threads and ISA ---------------------------------------------------------------------------------


def set_num_threads(count: int) -> None:
    """Threads that kernels may use (at least 1)."""
    if not isinstance(count, int) or count < 1:
        raise ValueError(f"set_num_threads: want an int >= 1, got {count!r}")
    if lib is not None:
        lib.kg_set_threads(count)
        settings.count += 1


def get_num_threads() -> int:
    return int(lib.kg_get_threads()) if lib is not None else 1


def isa() -> str:
    """The instruction set in use: "avx512", "avx2", "neon" or "generic"; "" without kernels."""
    return str(ffi.string(lib.kg_isa()).decode()) if lib is not None else ""


def isas() -> list[str]:
    """The instruction sets built in and supported by this processor, best first."""
    return str(ffi.string(lib.kg_isas()).decode()).split() if lib is not None else []


def build() -> str:
    """ "compiler version | hash of the sources" of the library; "" without kernels."""
    return str(ffi.string(lib.kg_build()).decode()) if lib is not None else ""


def library() -> str:
    """The file that the kernels were loaded from; "" without kernels."""
    return str(sys.modules["_kernelgrad"].__file__) if lib is not None else ""


def set_isa(name: str) -> None:
    if lib is None or lib.kg_set_isa(name.encode()) != 0:
        raise ValueError(f"set_isa: {name!r} is not available here; available: {isas()}")
    settings.count += 1


if lib is not None:
    wanted = os.environ.get("AUTOGRAD_ISA")
    if wanted:
        set_isa(wanted)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    set_num_threads(int(os.environ.get("AUTOGRAD_NUM_THREADS") or cores))
