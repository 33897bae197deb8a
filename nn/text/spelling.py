"""Slips of the pen: the known word that an unknown one was probably meant to be."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping

__all__ = ["meant"]

LETTERS = "abcdefghijklmnopqrstuvwxyz"
LONGEST = 32  # of words whose slips are looked for


def meant(word: str, index: Mapping[str, int]) -> str | None:
    """A known word that differs in case or Unicode form only, else by one slip; of several the one with the
    smallest number; None: there is none. It takes some hundred look-ups, however many words are known.

    >>> index = {"queen": 0, "Paris": 1, "quern": 2}
    >>> meant("paris", index), meant("quene", index), meant("quee", index), meant("king", index)
    ('Paris', 'queen', 'queen', None)
    """
    composed = unicodedata.normalize("NFC", word)
    forms = (composed, composed.lower(), composed.capitalize(), composed.title(), composed.upper())
    for found in (forms, slips(composed)):
        if known := [each for each in found if each in index]:
            return min(known, key=index.__getitem__)
    return None


def slips(word: str) -> Iterator[str]:
    """All texts that differ by a letter too many or too few, another letter, or two exchanged."""
    for i in range(len(word) + 1 if len(word) <= LONGEST else 0):
        left, right = word[:i], word[i:]
        yield left + right[1:]
        yield left + right[1:2] + right[:1] + right[2:]
        for letter in LETTERS:
            yield left + letter + right
            yield left + letter + right[1:]
