"""The loader: batches of a dataset, in order or shuffled, made ahead of time by a thread.

An epoch is fixed when it begins: then, and only then, the generator is asked, for the order of the examples
and for one 64-bit number, of which each batch gets a stretch of its own (for augmentation). So the batches
are the same with and without prefetching, and the same generator state gives the same epoch again, however
early the last one was left.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from autograd.ops.random import Generator
from autograd.tensor import Tensor
from nn.data.dataset import batch_of, chosen_generator

__all__ = ["DataLoader"]

Array = np.ndarray[Any, Any]

BATCH_BLOCKS = 1 << 40  # of random blocks for one batch: more than any batch will use


class DataLoader:
    """Iterate over it for one epoch of batches: tuples (or whatever the dataset's batches are) of Tensors.

    dataset      a Dataset, or anything with len() and [i]
    batch_size   examples in a batch; the last one may be smaller, unless `drop_last`
    shuffle      a new random order each epoch
    generator    where randomness comes from, or a `seed` for one; without either the default generator
    transform    transform(*batch, generator=g) -> batch, on arrays, with a generator of that batch's own
    prefetch     how many batches a thread makes ahead; 0: none, they are made when asked for

    An exception in the thread is raised where the batch is asked for, with its traceback. Leaving the loop
    early (break, an exception, Ctrl-C) stops the thread.

    >>> from nn.data import TensorDataset
    >>> loader = DataLoader(TensorDataset(np.arange(5)), batch_size=2, shuffle=True, seed=0)
    >>> len(loader), [x.tolist() for (x,) in loader]
    (3, [[3, 4], [2, 1], [0]])
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int = 1,
        shuffle: bool = False,
        *,
        drop_last: bool = False,
        generator: Generator | None = None,
        seed: int | None = None,
        transform: Callable[..., Any] | None = None,
        prefetch: int = 2,
    ) -> None:
        if not isinstance(batch_size, int) or batch_size < 1:
            raise ValueError(f"DataLoader: want a batch_size >= 1, got {batch_size!r}")
        if not isinstance(prefetch, int) or prefetch < 0:
            raise ValueError(f"DataLoader: want prefetch >= 0, got {prefetch!r}")
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.drop_last = drop_last
        self.generator = chosen_generator("DataLoader", generator, seed)
        self.transform = transform
        self.prefetch = prefetch

    def __len__(self) -> int:
        """Batches in an epoch."""
        whole, rest = divmod(len(self.dataset), self.batch_size)
        return whole + (rest > 0 and not self.drop_last)

    def __iter__(self) -> Iterator[Any]:
        n = len(self.dataset)
        order = self.generator.permutation(n) if self.shuffle else np.arange(n)
        seed = int(self.generator.integers(-(2**63), 2**63, (1,))[0]) if self.transform else 0
        batches = self.arrays(order, seed)
        return map(tensors, ahead(batches, self.prefetch) if self.prefetch else batches)

    def arrays(self, order: Array, seed: int) -> Iterator[Any]:
        """The epoch's batches, as arrays."""
        for number in range(len(self)):
            batch = batch_of(self.dataset, order[number * self.batch_size : (number + 1) * self.batch_size])
            if self.transform is not None:
                generator = Generator(seed, offset=number * BATCH_BLOCKS)
                parts = batch if isinstance(batch, tuple) else (batch,)
                batch = self.transform(*parts, generator=generator)
            yield batch


def ahead(batches: Iterator[Any], depth: int) -> Iterator[Any]:
    """What `batches` yields, made by a thread that is up to `depth` ahead."""
    made: queue.Queue[tuple[Any, BaseException | None]] = queue.Queue(depth)
    stop = threading.Event()

    def work() -> None:
        error: BaseException = StopIteration()
        try:
            for batch in batches:
                if stop.is_set():
                    return
                made.put((batch, None))
        except BaseException as caught:
            error = caught
        if not stop.is_set():
            made.put((None, error))

    # A daemon, so that an iterator that somebody still holds does not keep the interpreter from ending.
    worker = threading.Thread(target=work, name="DataLoader", daemon=True)
    worker.start()
    try:
        while True:
            batch, error = made.get()
            if isinstance(error, StopIteration):
                return
            if error is not None:
                raise error
            yield batch
    finally:
        # With the queue emptied the thread can put one more batch at most before it sees the event.
        stop.set()
        while not made.empty():
            made.get_nowait()
        if threading.current_thread() is not worker:
            worker.join()


def tensors(batch: Any) -> Any:
    """A batch with its arrays behind the Tensor face, without a copy."""
    if isinstance(batch, np.ndarray):
        return Tensor(batch) if batch.dtype.kind in "biuf" else batch
    if isinstance(batch, tuple | list):
        return type(batch)(tensors(part) for part in batch)
    if isinstance(batch, dict):
        return {key: tensors(part) for key, part in batch.items()}
    return batch
