"""Sequences of unequal length in one tensor: padded to the longest, or packed without padding.

Packed, the rows of all first steps come first, then those of all second steps, ...; sequences are sorted by
length, so that those still running at step t are the first batch_sizes[t]. Padding, packing and their
reverses move whole rows, each by one gather or scatter.

Lengths are Python's: a program (`autograd.jit`) is captured for the lengths it was called with.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

import autograd
from autograd import Tensor
from autograd.ops.index import add_rows_
from autograd.tape import TRACE, mode, traced_constant

__all__ = [
    "PackedSequence", "pack_padded_sequence", "pack_sequence", "pad_packed_sequence", "pad_sequence",
    "unpack_sequence", "unpad_sequence",
]  # fmt: skip

Array = np.ndarray
Lengths = Tensor | Array | Sequence[int]


class Fields(NamedTuple):
    data: Any
    sizes: tuple[int, ...]
    order: tuple[int, ...] | None
    places: tuple[int, ...] | None


class PackedSequence(Fields):
    """Sequences without padding; made by pack_padded_sequence or pack_sequence.

    data (sum of batch_sizes, *) holds the rows of each step in turn; batch_sizes (T,) says how many sequences
    have each step. sorted_indices (N,) names, longest first, the sequences of the batch that was packed;
    unsorted_indices leads back. Both are None where it was sorted. These three are kept as Python's numbers
    (`sizes`, `order`, `places`), and are int64 tensors when asked for by PyTorch's names.

    >>> import autograd
    >>> pack_sequence([autograd.tensor([1.0, 2.0, 3.0]), autograd.tensor([4.0])])
    PackedSequence(data=tensor([1., 4., 2., 3.]), batch_sizes=tensor([2, 1, 1]), sorted_indices=None, \
unsorted_indices=None)
    """

    __slots__ = ()

    def __new__(
        cls, data: Any, batch_sizes: Any, sorted_indices: Any = None, unsorted_indices: Any = None
    ) -> PackedSequence:
        sizes, order, places = (
            x if x is None or isinstance(x, tuple) else numbers("PackedSequence", x)
            for x in (batch_sizes, sorted_indices, unsorted_indices)
        )
        if order is not None and places is None:
            places = tuple(np.argsort(order).tolist())
        elif order is None and places is not None:
            order = tuple(np.argsort(places).tolist())
        return super().__new__(cls, data, sizes or (), order, places)

    @property
    def batch_sizes(self) -> Tensor:
        return constant(self.sizes)

    @property
    def sorted_indices(self) -> Tensor | None:
        return None if self.order is None else constant(self.order)

    @property
    def unsorted_indices(self) -> Tensor | None:
        return None if self.places is None else constant(self.places)

    def to(self, dtype: Any) -> PackedSequence:
        """The same with data of another type."""
        return self._replace(data=self.data.to(dtype))

    def double(self) -> PackedSequence:
        return self.to(np.float64)

    def float(self) -> PackedSequence:
        return self.to(np.float32)

    def __repr__(self) -> str:
        return (
            f"PackedSequence(data={self.data}, batch_sizes={self.batch_sizes}, "
            f"sorted_indices={self.sorted_indices}, unsorted_indices={self.unsorted_indices})"
        )


# Packed ------------------------------------------------------------------------------------------


def pack_padded_sequence(
    input: Any, lengths: Lengths, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Padded sequences (T, N, *), or (N, T, *) with batch_first, without what lies behind their lengths (N,).

    Lengths are in [1, T]; with enforce_sorted they must not increase, without it the batch is sorted here. A
    ValueError names the length that doesn't fit.

    >>> import autograd
    >>> padded = autograd.tensor([[1.0, 2.0, 3.0], [4.0, 0.0, 0.0]])
    >>> packed = pack_padded_sequence(padded, [3, 1], batch_first=True)
    >>> packed.data.tolist(), packed.batch_sizes.tolist()
    ([1.0, 4.0, 2.0, 3.0], [2, 1, 1])
    """
    long = checked_lengths("pack_padded_sequence", input, lengths, batch_first, 1)
    shape = tuple(input.shape)
    count, time = shape[:2] if batch_first else shape[1::-1]
    order, sizes, steps, places = arranged("pack_padded_sequence", np.array(long, np.int64), enforce_sorted)
    index = places * time + steps if batch_first else steps * count + places
    data = chosen(autograd.reshape(input, (count * time, *shape[2:])), index)
    return packed_of(data, sizes, order)


def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[Tensor, Tensor]:
    """The reverse of pack_padded_sequence: padded sequences (T, N, *) in the order of before, and their
    lengths (N,). T is the longest length, or total_length.

    >>> import autograd
    >>> packed = pack_sequence([autograd.tensor([1.0, 2.0, 3.0]), autograd.tensor([4.0])])
    >>> pad_packed_sequence(packed, batch_first=True)
    (tensor([[1., 2., 3.],
            [4., 0., 0.]]), tensor([3, 1]))
    """
    lengths, steps, places = unarranged("pad_packed_sequence", sequence)
    count, time = len(lengths), len(sequence.sizes)
    if total_length is not None:
        if total_length < time:
            raise ValueError(
                f"pad_packed_sequence: total_length {total_length} is less than the longest sequence, {time}"
            )
        time = total_length
    index = places * time + steps if batch_first else steps * count + places
    shape = (count, time) if batch_first else (time, count)
    return scattered(sequence.data, index, shape, padding_value), constant(lengths)


def pack_sequence(sequences: Iterable[Any], enforce_sorted: bool = True) -> PackedSequence:
    """Sequences (L, *) of unequal length L >= 1, packed. With enforce_sorted they must come longest first."""
    given = checked_sequences("pack_sequence", sequences)
    lengths = np.array([x.shape[0] for x in given], np.int64)
    if not lengths.all():
        raise ValueError(f"pack_sequence: sequence {lengths.argmin()} has no steps; leave it out")
    order, sizes, steps, places = arranged("pack_sequence", lengths, enforce_sorted)
    index = (lengths.cumsum() - lengths)[places] + steps
    return packed_of(chosen(autograd.cat(given), index), sizes, order)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The sequences (L, *) that were packed, in the order of before.

    >>> import autograd
    >>> both = [autograd.tensor([4.0]), autograd.tensor([1.0, 2.0, 3.0])]
    >>> [x.tolist() for x in unpack_sequence(pack_sequence(both, enforce_sorted=False))]
    [[4.0], [1.0, 2.0, 3.0]]
    """
    lengths, steps, places = unarranged("unpack_sequence", packed_sequences)
    index = np.argsort((lengths.cumsum() - lengths)[places] + steps)
    return list(autograd.split(chosen(packed_sequences.data, index), lengths.tolist()))


# Padded ------------------------------------------------------------------------------------------


def pad_sequence(
    sequences: Iterable[Any],
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Tensor:
    """Sequences (L, *) of unequal length side by side: (T, N, *), or (N, T, *) with batch_first, T the
    longest length. Padding stands behind each sequence, or before it (padding_side "left").

    >>> import autograd
    >>> pad_sequence([autograd.tensor([1.0, 2.0, 3.0]), autograd.tensor([4.0])], batch_first=True)
    tensor([[1., 2., 3.],
            [4., 0., 0.]])
    """
    if padding_side not in ("left", "right"):
        raise ValueError(f'pad_sequence: padding_side must be "left" or "right", got {padding_side!r}')
    given = checked_sequences("pad_sequence", sequences)
    lengths = np.array([x.shape[0] for x in given], np.int64)
    count, time = len(given), int(lengths.max())
    places = np.repeat(np.arange(count), lengths)
    steps = np.arange(len(places)) - np.repeat(lengths.cumsum() - lengths, lengths)
    if padding_side == "left":
        steps += time - lengths[places]
    index = places * time + steps if batch_first else steps * count + places
    shape = (count, time) if batch_first else (time, count)
    return scattered(autograd.cat(given), index, shape, padding_value)


def unpad_sequence(padded_sequences: Any, lengths: Lengths, batch_first: bool = False) -> list[Tensor]:
    """The reverse of pad_sequence: of each padded sequence its first `lengths[i]` steps (views)."""
    long = checked_lengths("unpad_sequence", padded_sequences, lengths, batch_first, 0)
    sequences = autograd.unbind(padded_sequences, 0 if batch_first else 1)
    return [x[:length] for x, length in zip(sequences, long, strict=True)]


# Both --------------------------------------------------------------------------------------------


def constant(integers: Any) -> Tensor:
    """Integers that depend on no data, as a tensor."""
    return Tensor(traced_constant(np.array(integers, np.int64)))


def is_constant(array: Array) -> bool:
    found = mode.trace.memory.find(array)
    return found is not None and found.buffer.constant


def numbers(name: str, lengths: Any) -> tuple[int, ...]:
    """Lengths as Python's numbers."""
    if isinstance(lengths, Tensor) and mode.word & TRACE and not is_constant(lengths.data):
        mode.trace.refuse(
            f"{name}() with lengths in a tensor",
            "they decide what the program is; give them as a list of numbers (lengths.tolist(), outside)",
        )
    array = lengths.data if isinstance(lengths, Tensor) else np.asarray(lengths)
    if not array.size:
        raise ValueError(f"{name}: want at least one length, got none")
    if array.dtype.kind not in "iu" or array.ndim != 1:
        raise TypeError(
            f"{name}: lengths must be integers in one dimension, got {array.dtype} of shape {array.shape}"
        )
    return tuple(array.tolist())


def checked_lengths(name: str, input: Any, lengths: Any, batch_first: bool, least: int) -> tuple[int, ...]:
    """Lengths as Python's numbers, one in [least, T] for each of the padded sequences of `input`."""
    shape = tuple(input.shape)
    layout = f"{'(N, T, *)' if batch_first else '(T, N, *)'} of shape {shape}"
    if len(shape) < 2:
        raise ValueError(f"{name}: want an input (N, T, *) or (T, N, *), got shape {shape}")
    count, time = shape[:2] if batch_first else shape[1::-1]
    long = numbers(name, lengths)
    if len(long) != count:
        raise ValueError(f"{name}: {len(long)} lengths for a batch of {count}, the input being {layout}")
    for i, length in enumerate(long):
        if not least <= length <= time:
            raise ValueError(
                f"{name}: length {length} of sequence {i} must be in [{least}, {time}], the input being "
                f"{layout}"
            )
    return long


def check_packed(name: str, packed: PackedSequence) -> None:
    """An error where what a packed sequence was made of does not fit."""
    shape, sizes, order, places = tuple(packed.data.shape), packed.sizes, packed.order, packed.places
    if not sizes or sizes[-1] < 1 or list(sizes) != sorted(sizes, reverse=True):
        raise ValueError(f"{name}: batch_sizes must not increase, nor be 0, got {sizes}")
    if not shape or shape[0] != sum(sizes):
        raise ValueError(
            f"{name}: want packed data (sum of batch_sizes, *), here with {sum(sizes)} rows, got shape "
            f"{shape}"
        )
    if order is None or places is None:
        return
    each = list(range(sizes[0]))
    if len(order) != len(each) or sorted(places) != each or [order[i] for i in places] != each:
        raise ValueError(
            f"{name}: sorted_indices must hold each of 0 ... {sizes[0] - 1} once, and unsorted_indices lead "
            f"back, got {order} and {places}"
        )


def checked_sequences(name: str, sequences: Iterable[Any]) -> list[Any]:
    given = list(sequences)
    if not given:
        raise ValueError(f"{name}: want at least one sequence, got none")
    for i, x in enumerate(given):
        if not isinstance(x, Tensor):
            raise TypeError(f"{name}: want tensors, sequence {i} is a {type(x).__name__}")
    first, dtype = given[0].shape, given[0].dtype
    for i, x in enumerate(given):
        shape = x.shape
        if not shape or shape[1:] != first[1:] or x.dtype != dtype:
            raise ValueError(
                f"{name}: want sequences (L, *) of one width and type, got shape {first} of {dtype} first "
                f"and shape {shape} of {x.dtype} at {i}"
            )
    return given


def steps_of(lengths: Array) -> tuple[Array, Array]:
    """(step, sequence) of each packed row, for lengths that don't increase."""
    steps, places = np.nonzero(np.arange(lengths[0])[:, None] < lengths)
    return steps, places


def arranged(
    name: str, lengths: Array, enforce_sorted: bool
) -> tuple[Array | None, tuple[int, ...], Array, Array]:
    """The order of sequences, longest first (None: as it is); batch_sizes; and of each packed row its step
    and its sequence, as numbered before."""
    order = None
    if enforce_sorted:
        rises = np.flatnonzero(lengths[1:] > lengths[:-1])
        if rises.size:
            i = int(rises[0])
            raise ValueError(
                f"{name}: sequences must come longest first, but lengths {i} and {i + 1} are {lengths[i]} "
                f"and {lengths[i + 1]}; sort them, or pass enforce_sorted=False"
            )
    else:
        order = np.argsort(-lengths, kind="stable")
        lengths = lengths[order]
    steps, places = steps_of(lengths)
    sizes = tuple(np.bincount(steps).tolist())
    return order, sizes, steps, places if order is None else order[places]


def unarranged(name: str, packed: PackedSequence) -> tuple[Array, Array, Array]:
    """Lengths as they were before sorting, and of each packed row its step and its sequence."""
    if not isinstance(packed, PackedSequence):
        raise TypeError(f"{name}: want a PackedSequence, got a {type(packed).__name__}")
    check_packed(name, packed)
    sizes = np.array(packed.sizes, np.int64)
    lengths = (sizes[:, None] > np.arange(sizes[0])).sum(0)
    steps, places = steps_of(lengths)
    if packed.order is None:
        return lengths, steps, places
    return lengths[np.array(packed.places)], steps, np.array(packed.order)[places]


def packed_of(data: Any, sizes: tuple[int, ...], order: Array | None) -> PackedSequence:
    return PackedSequence(data, sizes, None if order is None else tuple(order.tolist()))


def rows_of(data: Any) -> Any:
    return autograd.reshape(data, (data.shape[0], math.prod(data.shape[1:])))


def chosen(data: Any, index: Array) -> Any:
    """The rows of data (rows, *) that `index` names."""
    rows = autograd.embedding(rows_of(data), traced_constant(index))
    return autograd.reshape(rows, (len(index), *data.shape[1:]))


def scattered(data: Any, index: Array, shape: tuple[int, int], padding_value: float) -> Tensor:
    """(*shape, *) with row k of data (rows, *) at flat place index[k], and padding_value elsewhere."""
    count = shape[0] * shape[1]
    width = tuple(data.shape[1:])
    rows = add_rows_(rows_of(data), index=traced_constant(index), rows=count)
    out: Tensor = autograd.reshape(rows, (*shape, *width))
    if padding_value == 0:
        return out
    value = data.dtype.type(padding_value)
    if data.dtype.kind != "f" and value != padding_value:
        raise TypeError(f"padding_value {padding_value!r} is no {data.dtype}, the type of the sequences")
    padding = np.ones(count, bool)
    padding[index] = False
    mask = traced_constant(padding.reshape(*shape, *(1,) * len(width)))
    return out.masked_fill(Tensor(mask), value)  # type: ignore[no-any-return]
