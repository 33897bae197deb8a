"""Text as numbers: tiny Shakespeare (apps/texts.py), its alphabet, and the batches that character models are
trained on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from apps.command import UserError
from apps.texts import tiny_shakespeare
from autograd import Generator, Tensor

__all__ = ["Alphabet", "Readers", "passages", "split", "tiny_shakespeare"]

Array = np.ndarray[Any, Any]


class Alphabet:
    """The characters of a text, in order, and their numbers.

    >>> letters = Alphabet("banana")
    >>> letters.size, letters.encode("nab"), letters.decode([1, 0, 2])
    (3, array([2, 0, 1]), 'ban')
    """

    def __init__(self, text: str) -> None:
        self.characters = sorted(set(text))
        self.codes = {character: code for code, character in enumerate(self.characters)}

    @property
    def size(self) -> int:
        return len(self.characters)

    def encode(self, text: str) -> Array:
        unknown = sorted(set(text) - set(self.codes))
        if unknown:
            raise UserError(f"the text that was learned has no {', '.join(map(repr, unknown))}")
        return np.array([self.codes[character] for character in text], np.int64)

    def decode(self, codes: Any) -> str:
        return "".join(self.characters[code] for code in codes)


def split(codes: Array) -> tuple[Array, Array]:
    """The first 90% to train on, the rest to validate, as in nanoGPT."""
    border = int(0.9 * len(codes))
    return codes[:border], codes[border:]


class Readers:
    """`lanes` readers who begin at equal distances in a text and read on, `length` characters a batch, round
    and round; each epoch all begin somewhere else.

    Batches are (the characters (length, lanes), those that follow each, in one row). A model that keeps its
    states from batch to batch so knows all that its readers have read.

    >>> for x, following in Readers(np.arange(10), lanes=2, length=3, steps=2, seed=0):
    ...     print(x.tolist(), following.tolist())
    [[8, 3], [9, 4], [0, 5]] [9, 4, 0, 5, 1, 6]
    [[1, 6], [2, 7], [3, 8]] [2, 7, 3, 8, 4, 9]
    """

    def __init__(self, codes: Array, lanes: int, length: int, steps: int, seed: int = 0) -> None:
        self.codes, self.lanes, self.length, self.steps = codes, lanes, length, steps
        self.generator = Generator(seed)

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        count = len(self.codes)
        begin = self.generator.integers(0, count, (1,)) + np.arange(self.lanes) * (count // self.lanes)
        for step in range(self.steps):
            places = begin + np.arange(step * self.length, (step + 1) * self.length + 1)[:, None]
            read = self.codes.take(places, mode="wrap")
            yield Tensor(read[:-1]), Tensor(read[1:].ravel())


def passages(codes: Array, count: int, length: int, generator: Generator) -> Array:
    """`count` passages from anywhere in the text: (count, length)."""
    begin = generator.integers(0, len(codes) - length + 1, (count, 1))
    return codes[begin + np.arange(length)]  # type: ignore[no-any-return]
