"""The crossing into C: loads the library, hands over pointers, picks ISA and threads, keeps buffers.

This is the only file that touches CFFI. An op's file decides *when* a kernel pays and what its sizes
mean; here is only how a call is made:

    kernels.call(kernels.GEMM, [a, b, c, None], [batch, m, n, k, ...])

Where no library was built, or with AUTOGRAD_BACKEND=numpy, `kernels.active` is False and every op runs
its NumPy reference.
"""

from __future__ import annotations

import functools
import math
import os
import sys
import warnings
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

__all__ = ["active", "call", "empty", "get_num_threads", "isa", "isas", "set_isa", "set_num_threads"]

KERNEL_NAMES = (
    "GEMM CONV2D CONV2D_INPUT CONV2D_WEIGHT ELEMENTWISE REDUCE EXTREME_BACKWARD SOFTMAX SOFTMAX_BACKWARD "
    "CROSS_ENTROPY CROSS_ENTROPY_BACKWARD MAX_POOL MAX_POOL_BACKWARD AVG_POOL AVG_POOL_BACKWARD GATHER "
    "SCATTER_ADD RANDOM STANDARDIZE STANDARDIZE_BACKWARD SGD ADAM RMSPROP CLIP_NORM LIMIT"
).split()
(
    GEMM, CONV2D, CONV2D_INPUT, CONV2D_WEIGHT, ELEMENTWISE, REDUCE, EXTREME_BACKWARD, SOFTMAX,
    SOFTMAX_BACKWARD, CROSS_ENTROPY, CROSS_ENTROPY_BACKWARD, MAX_POOL, MAX_POOL_BACKWARD, AVG_POOL,
    AVG_POOL_BACKWARD, GATHER, SCATTER_ADD, RANDOM, STANDARDIZE, STANDARDIZE_BACKWARD, SGD, ADAM, RMSPROP,
    CLIP_NORM, LIMIT,
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

ERRORS = {1: IndexError("index out of range"), 2: ValueError("bad argument"), 3: MemoryError("workspace")}


def pointer(a: np.ndarray | None) -> Any:
    if a is None:
        return ffi.NULL
    try:
        return ffi.from_buffer(a, require_writable=False)
    except ValueError:  # a strided view: CFFI wants flat memory, kernels are told the strides
        return ffi.cast("void *", a.__array_interface__["data"][0])


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
    apply, address, null = lib.kg_apply, ffi.from_buffer, ffi.NULL

    def run(a: Array, b: Array = None, c: Array = None, d: Array = None, e: Array = None, f: Array = None,
            g: Array = None, h: Array = None) -> None:  # fmt: skip
        try:
            error = apply(
                instruction,
                address(a),
                null if b is None else address(b),
                null if c is None else address(c),
                null if d is None else address(d),
                null if e is None else address(e),
                null if f is None else address(f),
                null if g is None else address(g),
                null if h is None else address(h),
            )
        except ValueError:  # a strided view, or one not given
            error = apply(instruction, *map(pointer, (a, b, c, d, e, f, g, h)))
        if error:
            raise refusal(kernel, error, sizes)

    return run


prepared = functools.lru_cache(4096)(prepare)  # for ops without a cache of their own; sizes are a tuple


def filling(run: Callable[..., None], new: Callable[[], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    """A prepared kernel of an array and its result as a function that makes the result."""

    def call(x: np.ndarray) -> np.ndarray:
        y = new()
        run(x, y)
        return y

    return call


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
    code, kind, known = ffi.cast("int64_t *", ffi.from_buffer(plan)), DTYPES[dtype], len(constants)
    fixed = ffi.new("double[]", list(constants) or [0.0])
    fields = {"dtype": kind, "args": [ffi.cast("void *", code)], "values": list(constants)}
    instruction = ffi.new("kg_instruction *", fields)
    run, run_one, address, null, small = lib.kg_map, lib.kg_map_one, ffi.from_buffer, ffi.NULL, np.empty
    size = result.itemsize
    kept_from = KEPT_FROM // size

    def check(error: int, a: np.ndarray) -> None:
        if error:
            raise refusal(ELEMENTWISE, error, [a.size])

    def one(a: np.ndarray) -> np.ndarray:
        n = a.size
        out = small(a.shape, result) if n < kept_from else recycled(a.shape, result, n * size)
        error = run_one(instruction, n, address(a), address(out))
        if error:
            check(error, plan)  # mentions the plan, so that it lives as long as this function
        return out

    def two(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        n = a.size
        out = small(a.shape, result) if n < kept_from else recycled(a.shape, result, n * size)
        error = run(code, kind, n, fixed, known, address(a), address(b), address(out), null, null)
        if error:
            check(error, plan)
        return out

    def several(*arguments: Any) -> np.ndarray:
        arrays = arguments[:inputs]
        a = arrays[0]
        n = a.size
        out = small(a.shape, result) if n < kept_from else recycled(a.shape, result, n * size)
        places = [*map(address, arrays), address(out), *[null] * (4 - inputs)]
        values = [*constants, *arguments[inputs:]] if numbers else fixed
        check(run(code, kind, n, values, known + numbers, *places), plan)
        return out

    if numbers or inputs > 2:
        return several
    return one if inputs == 1 else two


def elementwise_ops() -> list[str]:
    """The names in csrc/ops.def in the order of their opcodes; [] without kernels."""
    return str(ffi.string(lib.kg_ops()).decode()).split() if lib is not None else []


def conv_algorithms() -> list[str]:
    """ "kernel_algorithm" of each row of csrc/conv.def, numbered from 1; [] without kernels."""
    return str(ffi.string(lib.kg_conv_algorithms()).decode()).split() if lib is not None else []


# Threads and ISA ---------------------------------------------------------------------------------


def set_num_threads(count: int) -> None:
    """Threads that kernels may use (at least 1)."""
    if not isinstance(count, int) or count < 1:
        raise ValueError(f"set_num_threads: want an int >= 1, got {count!r}")
    if lib is not None:
        lib.kg_set_threads(count)


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


# Kept buffers ------------------------------------------------------------------------------------
# Fresh pages cost as much as a convolution: large outputs come from buffers that are kept and reused.
# A buffer is free when only the pool still refers to it (every array made from it, and every view of
# those, refers to it), so nothing has to be given back.

KEPT_FROM = 1 << 15  # bytes; smaller arrays are malloc's business
KEPT_LIMIT = 1 << 31  # bytes the pool may hold in all
pool: dict[int, deque[np.ndarray]] = {}
pool_bytes = 0


def scan(kept: deque[np.ndarray], free: int) -> np.ndarray | None:
    """A buffer that nobody but the pool refers to. Those given out are at the back: of the last two, the one
    that is free again is likely still in the cache. The others are looked at in turn, so that buffers in use
    for long are not looked at each time."""
    for place in (-1, -2):
        if len(kept) >= -place:
            buffer = kept[place]
            if sys.getrefcount(buffer) <= free:
                return buffer
    for _ in range(min(len(kept), 32)):
        buffer = kept[0]
        kept.rotate(-1)
        if sys.getrefcount(buffer) <= free:
            return buffer
    return None


def references_when_free() -> int:
    """What getrefcount says of a free buffer inside scan(): it differs between versions of Python. 0, which
    nothing is, where it can't tell a free buffer from one in use; then none is recycled."""
    for count in range(1, 8):
        kept = deque([np.empty(8, np.uint8)])
        if scan(kept, count) is not None:
            view = np.ndarray((8,), np.uint8, kept[0])
            return count if scan(kept, count) is None and view.size else 0
    return 0


FREE = references_when_free()


def empty(shape: tuple[int, ...], dtype: np.dtype[Any] | type) -> np.ndarray:
    """An uninitialised C-contiguous array; large ones are 64-byte aligned and recycled."""
    dtype = np.dtype(dtype)
    nbytes = math.prod(shape) * dtype.itemsize
    return np.empty(shape, dtype) if nbytes < KEPT_FROM else recycled(shape, dtype, nbytes)


def recycled(shape: tuple[int, ...], dtype: np.dtype[Any], nbytes: int) -> np.ndarray:
    """A large array of the pool."""
    # Classes of 1/8 octave, so that nearly equal sizes share buffers.
    step = 1 << max(12, nbytes.bit_length() - 4)
    capacity = -(-nbytes // step) * step
    kept = pool.setdefault(capacity, deque())
    buffer = scan(kept, FREE)
    return np.ndarray(shape, dtype, new_buffer(capacity, kept) if buffer is None else buffer)


def sole(array: np.ndarray) -> bool:
    """Whether a kept buffer lies behind this array and no other array uses it."""
    buffer = array.base
    if buffer is None or sys.getrefcount(buffer) > FREE + 1:  # the pool, the array, `buffer`, the argument
        return False
    return any(kept is buffer for kept in pool.get(getattr(buffer, "nbytes", 0), ()))


def maker(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Callable[[], np.ndarray]:
    """`empty` with its arguments settled: a function of none."""
    small = math.prod(shape) * dtype.itemsize < KEPT_FROM
    return functools.partial(np.empty if small else empty, shape, dtype)


def new_buffer(capacity: int, kept: deque[np.ndarray]) -> np.ndarray:
    global pool_bytes
    if pool_bytes + capacity > KEPT_LIMIT:
        drop_free_buffers()
    raw = np.empty(capacity + 64, np.uint8)
    offset = -raw.ctypes.data % 64
    # Its base is `raw`, not an ndarray chain that NumPy would collapse: views refer to the buffer itself.
    buffer = np.frombuffer(raw.data[offset : offset + capacity], np.uint8)
    if pool_bytes + capacity <= KEPT_LIMIT:
        kept.append(buffer)
        pool_bytes += capacity
    return buffer


def drop_free_buffers() -> None:
    """Give every buffer that nobody uses back to the system."""
    global pool_bytes
    for capacity, kept in pool.items():
        for _ in range(len(kept)):
            buffer = kept[0]
            kept.rotate(-1)
            if sys.getrefcount(buffer) <= FREE:
                kept.pop()
                pool_bytes -= capacity


if lib is not None:
    wanted = os.environ.get("AUTOGRAD_ISA")
    if wanted:
        set_isa(wanted)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    set_num_threads(int(os.environ.get("AUTOGRAD_NUM_THREADS") or cores))
