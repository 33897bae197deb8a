"""Sub-words: the character n-grams of a word and the numbers fastText gives them.

A word is set between < and >, so that beginnings and ends are seen: the 3-grams of "was" are <wa, was, as>.
Each n-gram of minn to maxn characters has the number FNV-1a(its UTF-8 bytes) mod bucket, and several may
share one (P. Bojanowski and others, "Enriching Word Vectors with Subword Information", 2017).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nn.text.korean import decompose

__all__ = ["END", "SPELLINGS", "fnv1a", "ngrams", "subwords"]

Array = np.ndarray[Any, Any]

END = "</s>"  # fastText's word for the end of a sentence; it is taken whole
# What can be done to a word before it is cut, by the names that files and command lines know.
SPELLINGS: dict[str, Callable[[str], str] | None] = {"letters": None, "jamo": decompose}
BASIS, PRIME = 2166136261, 16777619


def fnv1a(data: bytes) -> int:
    """fastText's 32-bit hash of a byte string.

    It is FNV-1a but for bytes from 128 on: they count as negative numbers, so all 24 bits above them are
    flipped too. Files of fastText depend on that.

    >>> fnv1a(b"<wa"), fnv1a("는".encode())
    (930724319, 1524647388)
    """
    value = BASIS
    for byte in data:
        value = (value ^ (byte if byte < 128 else byte | 0xFFFFFF00)) * PRIME & 0xFFFFFFFF
    return value


def ngrams(word: str, minn: int, maxn: int) -> list[str]:
    """The sub-words of a word: by where they start, then by length. A lone < or > is none.

    >>> ngrams("is", 2, 3)
    ['<i', '<is', 'is', 'is>', 's>']
    """
    if word == END:
        return []
    text = f"<{word}>"
    places = ((i, n) for i in range(len(text)) for n in range(max(minn, 1), min(maxn, len(text) - i) + 1))
    return [text[i : i + n] for i, n in places if n > 1 or 0 < i < len(text) - 1]


def subwords(words: Sequence[str], minn: int, maxn: int, bucket: int) -> tuple[Array, Array]:
    """The numbers of all sub-words of all words, in the order of `ngrams`.

    Returns (starts, numbers): those of words[i] are numbers[starts[i]:starts[i + 1]]; starts (words + 1,)
    int64, numbers int32 from 0 to bucket - 1.

    ValueError: a size below 0, or no buckets where there are sub-words. maxn 0 means none, minn 0 is as 1.

    >>> subwords(["is", "</s>", "a"], 3, 3, 100)
    (array([0, 2, 2, 3]), array([99, 25,  0], dtype=int32))
    """
    if min(minn, maxn, bucket) < 0 or max(maxn, bucket) >= 2**31:
        raise ValueError(f"subwords: impossible sizes (minn {minn}, maxn {maxn}, bucket {bucket})")
    minn = max(minn, 1)
    if maxn < minn:
        return np.zeros(len(words) + 1, np.int64), np.zeros(0, np.int32)
    if bucket < 1:
        raise ValueError("subwords: n-grams need at least one bucket")
    framed = [b"" if word == END else b"<%b>" % word.encode() for word in words]
    data = np.frombuffer(b"".join(framed), np.uint8)
    begins = np.flatnonzero((data & 0xC0) != 0x80)  # of characters; UTF-8 goes on with 10xxxxxx
    sizes = np.diff(begins, append=len(data))
    signed = data.view(np.int8).astype(np.int32).view(np.uint32)

    ends = np.cumsum([len(text) for text in framed], dtype=np.int64)  # of words, in bytes
    owner = np.searchsorted(ends, begins, side="right")
    left = np.searchsorted(begins, ends)[owner] - np.arange(len(begins))  # characters to the word's end
    first = np.diff(owner, prepend=-1) != 0

    longest = min(maxn, int(left.max(initial=0)))
    numbers = np.zeros((len(begins), max(longest - minn + 1, 0)), np.uint32)
    taken = np.zeros(numbers.shape, bool)
    value = np.full(len(begins), BASIS, np.uint32)
    for n in range(1, longest + 1):  # all n-grams grow by a character
        live = np.flatnonzero(left >= n)
        for k in range(4):
            live = live[sizes[live + n - 1] > k]
            byte = signed[begins[live + n - 1] + k]
            value[live] = (value[live] ^ byte) * np.uint32(PRIME)
        if n >= minn:
            numbers[:, n - minn] = value % np.uint32(bucket)
            taken[:, n - minn] = (left >= n) & ((n > 1) | ~(first | (left == 1)))
    counts = np.bincount(owner, taken.sum(1), len(words)).astype(np.int64)
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)]), numbers[taken].astype(np.int32)
