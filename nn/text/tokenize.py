"""Tokenizers: functions from a text to the list of its tokens.

Any such function will do wherever a tokenizer is asked for, `str.split` among them. Those for Korean stand in
nn.text.korean.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

__all__ = ["Regex", "Tokenizer", "characters", "regex", "whitespace", "words"]

Tokenizer = Callable[[str], list[str]]

# Marks that have no code point together with their letter: vowels of Devanagari or Thai, rare accents.
MARKS = "".join(chr(i) for i in range(0x300, 0x3100) if unicodedata.category(chr(i)).startswith("M"))
# \w without digits and _, and marks behind them; an apostrophe inside a word.
LETTERS = re.compile(rf"[^\W\d_]+(?:[{MARKS}]+[^\W\d_]*|['’][^\W\d_]+)*")


def whitespace(text: str) -> list[str]:
    """What stands between white space, as it is: for texts that were prepared before.

    >>> whitespace("New York,  2024")
    ['New', 'York,', '2024']
    """
    return text.split()


def words(text: str) -> list[str]:
    """Words of letters of any script in lower case, apostrophes inside kept; digits and punctuation go.

    Letters written as a base and combining marks (NFD) are put together first (NFC); marks for which there is
    no such letter, as the vowels of Hindi, stay in the word.

    >>> words("It's 7 o'clock: naïve café, 도서관!")
    ["it's", "o'clock", 'naïve', 'café', '도서관']
    """
    return LETTERS.findall(unicodedata.normalize("NFC", text).lower())


def characters(text: str) -> list[str]:
    """Each character (a code point of NFC) that is no white space.

    >>> characters("새 book")
    ['새', 'b', 'o', 'o', 'k']
    """
    return list("".join(unicodedata.normalize("NFC", text).split()))


class Regex:
    """The tokenizer `regex` makes; equal where the patterns are, and it can be pickled."""

    def __init__(self, pattern: str) -> None:
        try:
            self.compiled = re.compile(pattern)
        except re.error as error:
            raise ValueError(f"regex: {pattern!r} is no regular expression: {error}") from None
        if self.compiled.groups > 1:
            raise ValueError(
                f"regex: {pattern!r} has {self.compiled.groups} groups; a token is the whole match or the "
                "one group: write (?:...) for the others"
            )
        self.pattern = pattern
        self.find = self.compiled.findall

    def __call__(self, text: str) -> list[str]:
        return self.find(text)

    def __repr__(self) -> str:
        return f"regex({self.pattern!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Regex) and other.pattern == self.pattern

    def __hash__(self) -> int:
        return hash(self.pattern)

    def __reduce__(self) -> tuple[type[Regex], tuple[str]]:
        return Regex, (self.pattern,)


def regex(pattern: str) -> Regex:
    """The tokenizer that finds all matches of a regular expression; of a pattern with one group, the group.

    ValueError: not a regular expression, or more than one group.

    >>> regex(r"\\w+")("New York, 2024")
    ['New', 'York', '2024']
    >>> regex(r"#(\\w+)")("so #happy and #free")
    ['happy', 'free']
    """
    return Regex(pattern)
