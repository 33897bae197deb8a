"""Sparse matrices by rows (CSR): of each row only the columns that are not 0, and their values."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["Sparse"]


class Sparse:
    """A matrix (rows, columns): row i has values[a:b] in columns indices[a:b]; a, b = indptr[i : i + 2].

    indptr (rows + 1,) int64, indices (n,) int64, values (n,). The arrays are SciPy's of the same meaning:
    scipy.sparse.csr_array((x.values, x.indices, x.indptr), x.shape) shares them.

    ValueError: arrays that don't fit each other.

    >>> x = Sparse(indptr=[0, 2, 2], indices=[0, 2], values=[1.0, 5.0], columns=3)
    >>> x.toarray()
    array([[1., 0., 5.],
           [0., 0., 0.]])
    >>> x
    Sparse(2 x 3, 2 values, float64)
    >>> x @ np.array([1.0, 1.0, 0.1])
    array([1.5, 0. ])
    """

    def __init__(self, indptr: Any, indices: Any, values: Any, columns: int) -> None:
        self.indptr, self.indices = np.asarray(indptr, np.int64), np.asarray(indices, np.int64)
        self.values = np.asarray(values)
        self.shape = (len(self.indptr) - 1, columns)
        if self.values.shape != self.indices.shape or self.indices.ndim != 1:
            raise ValueError(f"Sparse: {self.indices.shape} indices, values of shape {self.values.shape}")
        if self.indptr.ndim != 1 or not len(self.indptr) or self.indptr[0] or self.indptr[-1] != len(indices):
            raise ValueError(f"Sparse: indptr must go from 0 to {len(self.indices)}")
        if (np.diff(self.indptr) < 0).any():
            raise ValueError("Sparse: indptr must not fall")
        if len(self.indices) and not 0 <= self.indices.min() <= self.indices.max() < columns:
            raise ValueError(f"Sparse: indices must be in [0, {columns})")

    @classmethod
    def of(cls, x: Any) -> Sparse:
        """x itself, or the sparse form of an array (rows, columns) or of a SciPy matrix."""
        if isinstance(x, Sparse):
            return x
        if hasattr(x, "tocsr"):
            x = x.tocsr()
            return cls(x.indptr, x.indices, x.data, x.shape[1])
        array = np.asarray(x)
        if array.ndim != 2 or array.dtype.kind not in "biuf":
            raise ValueError(
                f"Sparse: want numbers (rows, columns), got {array.dtype} of shape {array.shape}"
            )
        rows, indices = np.nonzero(array)
        counts = np.bincount(rows, minlength=len(array))
        return cls(np.append(0, counts.cumsum()), indices, array[rows, indices], array.shape[1])

    def toarray(self) -> np.ndarray:
        dense = np.zeros(self.shape, self.values.dtype)
        np.add.at(dense, (self.rows(), self.indices), self.values)  # a column that repeats adds up
        return dense

    def rows(self) -> np.ndarray:
        """The row of each value (n,)."""
        return np.repeat(np.arange(self.shape[0]), np.diff(self.indptr))

    def with_values(self, values: Any) -> Sparse:
        """Other values (n,) at the same places."""
        return Sparse(self.indptr, self.indices, values, self.shape[1])

    def __getitem__(self, rows: Any) -> Sparse:
        """Some of the rows: x[3:5], x[[2, 0]], x[mask]."""
        chosen = np.arange(self.shape[0])[rows]
        if chosen.ndim != 1:
            raise TypeError("Sparse: x[...] takes rows: a slice, a list of numbers, or a mask")
        starts, lengths = self.indptr[chosen], np.diff(self.indptr)[chosen]
        indptr = np.append(0, lengths.cumsum())
        at = np.arange(indptr[-1]) + np.repeat(starts - indptr[:-1], lengths)
        return Sparse(indptr, self.indices[at], self.values[at], self.shape[1])

    def __matmul__(self, other: Any) -> np.ndarray:
        """The product with an array (columns,) or (columns, m)."""
        other = np.asarray(other)
        if other.ndim not in (1, 2) or len(other) != self.shape[1]:
            raise ValueError(f"Sparse: {self.shape} @ {other.shape} do not fit")
        columns = other.reshape(len(other), -1).T
        sums = [
            np.bincount(self.rows(), self.values * column[self.indices], self.shape[0]) for column in columns
        ]
        out = np.array(sums).reshape(len(columns), self.shape[0]).T
        return out.reshape(self.shape[0], *other.shape[1:])

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        rows, columns = self.shape
        return f"Sparse({rows} x {columns}, {len(self.values)} values, {self.values.dtype})"
