"""A jitted step over the batches of a data set, epoch by epoch: `step.loop(...)`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from autograd.jit.loop import Loop
from autograd.jit.program import Program
from autograd.jit.structure import described, rebuilt
from autograd.ops.random import default_generator
from autograd.tape import Value
from autograd.tensor import Tensor

__all__ = ["looped"]

Array = np.ndarray[Any, Any]
Turn = Callable[[int, int], Any] | None
MANY = 1 << 20  # rows of a stretch, about
KEPT = 1 << 20  # bytes of data that a program may hold on to, to go on with it sooner


def looped(step: Any, data: Sequence[Any], order: Any, batch_size: int, epochs: int, turn: Turn) -> Any:
    """What Jitted.loop does."""
    arrays = [x.data if isinstance(x, Value) else np.asarray(x) for x in data]
    count = checked(arrays, batch_size, epochs)
    total = epochs * -(-count // batch_size)
    results: list[Any] = []  # of calls, or stacked of many
    done = 0
    loop: Loop | None = None

    def call(rows: Array) -> None:
        nonlocal done
        results.append(described(step(*[Tensor(x[rows]) for x in arrays]), lambda array: array[None]))
        done += 1
        if turn is not None:
            turn(done, total)

    for rows in stretches(order, epochs, count, batch_size):
        whole = len(rows) // batch_size * batch_size
        start = 0
        if whole and not step.prepare(*[Tensor(x[rows[:batch_size]]) for x in arrays]):
            call(rows[:batch_size])  # state begins
            start = batch_size
            step.prepare(*[Tensor(x[rows[:batch_size]]) for x in arrays])
        found = step.ready(arrays, batch_size) if start < whole else None
        if found is not None and Loop.fits(found[0], arrays):
            program, structure = found
            before = done

            def advanced(rounds: int, before: int = before) -> None:
                if turn is not None:
                    turn(before + rounds, total)

            with program.lock:
                loop = loop_of(program, arrays, batch_size, loop)
                outputs = loop.run(rows[start:whole], advanced)
            results.append((structure, outputs))
            done += (whole - start) // batch_size
            start = whole
        for first in range(start, len(rows), batch_size):
            call(rows[first : first + batch_size])
    return joined(results)


def loop_of(program: Program, arrays: list[Array], batch_size: int, last: Loop | None) -> Loop:
    """The last loop, of this call or of the program, if it was over the same arrays; else a new one, for
    laying one out takes as long as a hundred small steps."""
    for loop in (last, program.loop):
        if loop is not None and loop.over(program, arrays, batch_size):
            return loop
    loop = Loop(program, arrays, batch_size)
    program.loop = loop if sum(x.nbytes for x in arrays) <= KEPT else None
    return loop


def checked(arrays: Sequence[Array], batch_size: int, epochs: int) -> int:
    """How many samples there are; ValueError for what can't be looped over."""
    lengths = {len(x) if x.ndim else None for x in arrays}
    if len(lengths) != 1 or None in lengths:
        shapes = ", ".join(str(x.shape) for x in arrays) or "nothing"
        raise ValueError(f"loop: want arrays of equally many samples (N, ...), got {shapes}")
    if batch_size < 1 or epochs < 0:
        raise ValueError(f"loop: want batch_size >= 1 and epochs >= 0, got {batch_size} and {epochs}")
    (count,) = lengths
    assert count is not None
    return count


def stretches(order: Any, epochs: int, count: int, batch_size: int) -> Iterator[Array]:
    """The rows of all epochs, in order: an epoch at a time, or many where batches fill them without a rest.
    Orders that are drawn come epoch by epoch, between the draws of the steps."""
    together = 1
    if count % batch_size == 0 and not isinstance(order, str):
        together = max(1, MANY // max(count, 1))
    for first in range(0, epochs, together):
        parts = [order_of(order, e, epochs, count) for e in range(first, min(epochs, first + together))]
        yield np.ascontiguousarray(np.concatenate(parts), np.int64)


def order_of(order: Any, epoch: int, epochs: int, count: int) -> Array:
    """The rows of an epoch, in order."""
    if order is None:
        return np.arange(count)
    if isinstance(order, str):
        if order != "shuffle":
            raise ValueError(f'loop: order is None, "shuffle" or integers, got {order!r}')
        return default_generator.permutation(count)
    rows = order.data if isinstance(order, Value) else np.asarray(order)
    if rows.shape not in ((count,), (epochs, count)) or rows.dtype.kind not in "iu":
        raise ValueError(
            f"loop: want an order of integers, ({count},) or ({epochs}, {count}), got {rows.dtype} of shape "
            f"{rows.shape}"
        )
    if rows.size and not 0 <= rows.min() <= rows.max() < count:
        raise IndexError(f"loop: the order has indices {rows.min()} to {rows.max()}; want 0 to {count - 1}")
    return rows[epoch] if rows.ndim == 2 else rows


# Results: a pair of their structure and the stacked arrays of its places ---------------------------


def joined(results: list[Any]) -> Any:
    """One result for all calls. A last batch's outputs that have its number of samples can't be stacked with
    the others': ValueError."""
    if not results:
        return None
    structure = results[0][0]
    columns = []
    for parts in zip(*[outputs for _, outputs in results], strict=True):
        if len({part.shape[1:] for part in parts}) > 1:
            raise ValueError(
                "loop: the results of a last, smaller batch have another shape than the others': return "
                "reductions (a mean loss), or choose a batch_size that divides the data "
                f"({parts[0].shape[1:]} and {parts[-1].shape[1:]})"
            )
        columns.append(Tensor(np.concatenate(parts)))
    return rebuilt(structure, columns)
