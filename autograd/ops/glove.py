"""GloVe's step: AdaGrad on cells of a co-occurrence matrix (Pennington, Socher and Manning 2014).

Row w of one table, row c of the other, the last number of each its bias:

    d = w . c + b + b' - log x        f = min(x / x_max, 1) ** power        loss = f d^2 / 2
    g = alpha clamp(f d c, -100, 100)        w -= g / sqrt(G)        G += g^2

and the same for c, from the w before. As in GloVe's program, alpha is in the gradients that G adds up.
csrc/glove.c computes it; `reference` does so in NumPy, and says what the kernel must compute.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from autograd import kernels, tape
from autograd.ops.words import LINE, check_layout, check_vector, table

__all__ = ["reference", "table_and_squares", "train_cells"]

Array = npt.NDArray[Any]
BATCH = 1 << 10  # cells that NumPy computes before it writes any
CLIP = 100.0  # as in GloVe's program: no part of a gradient is larger


def table_and_squares(rows: int, dim: int, dtype: Any = np.float32) -> tuple[Array, Array]:
    """Two (rows, dim + 1) arrays, zeros and ones: a table and its sums of squares. Their rows begin at cache
    lines, and those of a word lie side by side: the kernel is fastest on those."""
    line = LINE // np.dtype(dtype).itemsize
    width = -(-(dim + 1) // line) * line
    both = table(rows, 2 * width, dtype)
    both[:, width:] = 1
    return both[:, : dim + 1], both[:, width : width + dim + 1]


def train_cells(
    words: Array,
    contexts: Array,
    word_squares: Array,
    context_squares: Array,
    rows: Array,
    columns: Array,
    counts: Array,
    *,
    alpha: float = 0.05,
    x_max: float = 100.0,
    power: float = 0.75,
) -> float:
    """Train on cells in their order, in place; the sum of the losses f d^2 / 2.

    words, contexts      (words, dim + 1) and (contexts, dim + 1), float32 or float64, the bias last
    their squares        of the same shapes; begin at 1 (`table_and_squares` makes both)
    rows, columns        (n,) int32
    counts               (n,) of the tables' type, > 0

    On as many threads as autograd.set_num_threads says, which write without locks; one thread gives the same
    bits however cells are cut into calls. Without kernels a batch of cells is computed before any is written.
    Raises TypeError and ValueError for what doesn't fit, IndexError for cells outside of the tables.

    Words 0 and 1 stand 20 times near each other, as the product of their rows and their biases come to say:

    >>> (words, word_squares), (contexts, context_squares) = table_and_squares(2, 4), table_and_squares(2, 4)
    >>> words[:] = contexts[:] = 0.1
    >>> cell = np.array([0], np.int32), np.array([1], np.int32), np.array([20.0], np.float32)
    >>> for _ in range(1000):
    ...     loss = train_cells(words, contexts, word_squares, context_squares, *cell, x_max=10)
    >>> said = words[0, :4] @ contexts[1, :4] + words[0, 4] + contexts[1, 4]
    >>> round(float(np.exp(said)), 2), loss < 1e-6
    (20.0, True)
    """
    tables = words, contexts, word_squares, context_squares
    check_tables(*tables)
    check_cells(words, contexts, rows, columns, counts)
    most = np.finfo(words.dtype).max
    if not (0 <= alpha <= most and 0 < x_max <= most and 0 <= power <= most):
        raise ValueError(
            f"train_cells: want finite alpha >= 0, x_max > 0, power >= 0; got {alpha}, {x_max}, {power}"
        )
    for a in tables:
        tape.written(a)
    if not kernels.active:
        return reference(*tables, rows, columns, counts, alpha=alpha, x_max=x_max, power=power)
    loss = np.zeros(1)
    sizes = [len(rows), words.shape[1], len(words), len(contexts)]
    sizes += [a.strides[0] // a.itemsize for a in tables]
    args = [*tables, rows, columns, counts, loss]
    kernels.call(kernels.GLOVE, args, sizes, [alpha, x_max, power], dtype=words.dtype)
    return float(loss[0])


def check_tables(words: Array, contexts: Array, word_squares: Array, context_squares: Array) -> None:
    tables = {
        "words": words,
        "contexts": contexts,
        "word_squares": word_squares,
        "context_squares": context_squares,
    }
    for name, a in tables.items():
        if not isinstance(a, np.ndarray) or a.dtype not in kernels.DTYPES or a.dtype != words.dtype:
            raise TypeError(f"train_cells: {name} must be an array of float32 or float64, all of one type")
        like = words if name.startswith("word") else contexts
        if a.ndim != 2 or a.shape != like.shape or a.shape[1] != words.shape[1] or a.shape[1] < 2:
            raise ValueError(f"train_cells: {name} has shape {a.shape}, want {like.shape} or (..., dim + 1)")
        check_layout("train_cells", name, a)
    if len({a.ctypes.data for a in tables.values()}) < len(tables) and len(words) and len(contexts):
        raise ValueError("train_cells: the four tables must be four arrays")


def check_cells(words: Array, contexts: Array, rows: Array, columns: Array, counts: Array) -> None:
    cells: dict[str, tuple[Array, Any]] = {
        "rows": (rows, np.int32),
        "columns": (columns, np.int32),
        "counts": (counts, words.dtype),
    }
    for name, (a, dtype) in cells.items():
        check_vector("train_cells", name, a, dtype)
    if not len(rows) == len(columns) == len(counts):
        raise ValueError(f"train_cells: {len(rows)} rows, {len(columns)} columns, {len(counts)} counts")
    if not len(rows):
        return
    for name, index, count in (("rows", rows, len(words)), ("columns", columns, len(contexts))):
        low, high = index.min(), index.max()
        if low < 0 or high >= count:
            raise IndexError(f"train_cells: {name} from {low} to {high}, but there are {count}")
    if not (counts.min() > 0 and counts.max() < np.inf):
        raise ValueError("train_cells: counts must be finite and > 0")


def reference(
    words: Array,
    contexts: Array,
    word_squares: Array,
    context_squares: Array,
    rows: Array,
    columns: Array,
    counts: Array,
    *,
    alpha: float,
    x_max: float,
    power: float,
    batch: int = BATCH,
) -> float:
    """`train_cells` in NumPy; `batch` cells are computed before any is written, so batch=1 is the same."""
    total, dim = 0.0, words.shape[1] - 1
    for start in range(0, len(rows), batch):
        i, j, x = rows[start : start + batch], columns[start : start + batch], counts[start : start + batch]
        w, c = words[i], contexts[j]
        difference = np.einsum("nd,nd->n", w[:, :dim], c[:, :dim]) + w[:, dim] + c[:, dim] - np.log(x)
        weighted = np.minimum(x / x.dtype.type(x_max), 1) ** x.dtype.type(power) * difference
        total += 0.5 * float(np.dot(weighted, difference))
        w[:, dim] = c[:, dim] = 1  # what a bias is multiplied by
        for part in (w, c):
            part *= weighted[:, None]
            np.clip(part, -CLIP, CLIP, out=part)
            part *= part.dtype.type(alpha)
        step(words, word_squares, i, c)
        step(contexts, context_squares, j, w)
    return total


def step(table: Array, squares: Array, index: Array, gradient: Array) -> None:
    """Subtract gradients over the roots of their squares so far; rows that repeat are added up."""
    order = np.argsort(index, kind="stable")
    index, gradient = index[order], gradient[order]
    starts = np.flatnonzero(np.concatenate([[True], index[1:] != index[:-1]]))
    rows = index[starts]
    before = squares[rows]
    table[rows] -= np.add.reduceat(gradient, starts, axis=0) / np.sqrt(before)
    np.square(gradient, out=gradient)
    squares[rows] = before + np.add.reduceat(gradient, starts, axis=0)
