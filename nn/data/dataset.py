"""Datasets: things with a length and examples, that can hand out a batch of examples at once.

`dataset[i]` is one example, a tuple. `dataset.batch(indices)` is many, stacked; a dataset that lives in
arrays overrides it with one fancy indexing, which is what makes the loader fast.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from autograd.ops.random import Generator, default_generator

__all__ = ["Dataset", "Subset", "TensorDataset", "collate", "random_split"]

Array = np.ndarray[Any, Any]


class Dataset:
    """Base of datasets: write `__len__` and `__getitem__`, and `batch` where there is a faster way."""

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} must define __len__")

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must define __getitem__")

    def batch(self, indices: Array) -> Any:
        """The examples at `indices`, (n,) int64, stacked along a new first axis."""
        return collate([self[int(i)] for i in indices])


class TensorDataset(Dataset):
    """Examples along the first axis of tensors or arrays of equal length.

    >>> data = TensorDataset(np.arange(6.0).reshape(3, 2), np.array([0, 1, 0]))
    >>> len(data), data[1]
    (3, (array([2., 3.]), np.int64(1)))
    """

    def __init__(self, *tensors: Any) -> None:
        lengths = [len(t) for t in tensors]
        if not tensors or min(lengths) != max(lengths):
            raise ValueError(f"TensorDataset: want tensors of equal length, got lengths {lengths}")
        self.tensors = tensors

    def __len__(self) -> int:
        return len(self.tensors[0])

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        return tuple(t[index] for t in self.tensors)

    def batch(self, indices: Array) -> tuple[Array, ...]:
        return tuple(raw(t)[indices] for t in self.tensors)


class Subset(Dataset):
    """The examples of `dataset` at `indices`, in that order."""

    def __init__(self, dataset: Any, indices: Sequence[int] | Array) -> None:
        self.dataset = dataset
        self.indices = np.asarray(indices, np.int64)
        outside = (self.indices < 0) | (self.indices >= len(dataset))
        if outside.any():
            bad = self.indices[outside][0]
            raise IndexError(f"Subset: index {bad} is out of range for a dataset of {len(dataset)} examples")

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Any:
        return self.dataset[int(self.indices[index])]

    def batch(self, indices: Array) -> Any:
        return batch_of(self.dataset, self.indices[indices])


def random_split(
    dataset: Any,
    lengths: Sequence[int] | Sequence[float],
    generator: Generator | None = None,
    seed: int | None = None,
) -> list[Subset]:
    """Parts of the dataset that do not overlap, at random.

    `lengths` are numbers of examples that sum to the dataset's, or fractions that sum to 1 (rounded down;
    what is left over goes to the first parts, one each). `seed` is short for `Generator(seed)`.

    >>> [len(part) for part in random_split(TensorDataset(np.zeros(10)), [0.85, 0.15], seed=0)]
    [9, 1]
    """
    n = len(dataset)
    if any(length < 0 for length in lengths):
        raise ValueError(f"random_split: want lengths >= 0, got {list(lengths)}")
    if any(isinstance(length, float) for length in lengths):
        if not math.isclose(sum(lengths), 1.0, abs_tol=1e-6):
            raise ValueError(f"random_split: fractions must sum to 1, got {list(lengths)} = {sum(lengths)}")
        counts = [math.floor(n * fraction + 1e-9) for fraction in lengths]
        for i in range(n - sum(counts)):
            counts[i % len(counts)] += 1
    else:
        counts = [int(length) for length in lengths]
    if sum(counts) != n:
        raise ValueError(f"random_split: lengths {counts} sum to {sum(counts)}, the dataset has {n}")
    order = chosen_generator("random_split", generator, seed).permutation(n)
    return [Subset(dataset, part) for part in np.split(order, np.cumsum(counts)[:-1])]


def chosen_generator(name: str, generator: Generator | None, seed: int | None) -> Generator:
    """The generator given, one of the seed given, or else the default one."""
    if generator is not None and seed is not None:
        raise ValueError(f"{name}: give a generator or a seed, not both")
    if seed is not None:
        return Generator(seed)
    return default_generator if generator is None else generator


def batch_of(dataset: Any, indices: Array) -> Any:
    """A batch of anything with `__getitem__`."""
    if hasattr(dataset, "batch"):
        return dataset.batch(indices)
    return collate([dataset[int(i)] for i in indices])


def collate(examples: Sequence[Any]) -> Any:
    """Examples stacked: arrays, tensors and numbers along a new first axis, tuples, lists and dicts by
    entry; anything else (say, strings) stays a list.

    >>> collate([(np.zeros(2), 1), (np.ones(2), 2)])
    (array([[0., 0.],
           [1., 1.]]), array([1, 2]))
    """
    first = examples[0]
    if isinstance(first, Mapping):
        return {key: collate([example[key] for example in examples]) for key in first}
    if isinstance(first, tuple | list):
        return tuple(collate(list(column)) for column in zip(*examples, strict=True))
    if isinstance(raw(first), np.ndarray | np.generic | int | float):
        arrays = [np.asarray(raw(example)) for example in examples]
        shapes = {array.shape for array in arrays}
        if len(shapes) > 1:
            raise ValueError(
                f"collate: examples of different shapes {sorted(shapes)}; override Dataset.batch"
            )
        return np.stack(arrays)
    return list(examples)


def raw(x: Any) -> Any:
    """The array of a tensor; anything else as it is."""
    return x if isinstance(x, np.ndarray | np.generic) else getattr(x, "data", x)
