"""Labels of texts: the door of the kernel that trains FastText's classifier (Joulin et al. 2017).

    h = mean of the rows of a text's features         p = softmax(outputs h)         loss = -log p[label]

    tables -= rate * gradient of the loss, a text at a time, in place

`Bags` says which rows a text's features have. csrc/labels.c finds them and takes the steps; `Bags.of` and
`reference` do so in NumPy, where there are no kernels, and say what the kernel must compute.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from autograd import kernels, tape
from autograd.ops.words import check_layout, check_vector

__all__ = ["Bags", "Learned", "reference", "softmax", "train_labels"]

Array = npt.NDArray[Any]
FEW = 1 << 16  # rows of a text for which there is room without counting
MIX = np.uint64(116049371)  # fastText's multiplier for the hash of several words


class Learned(NamedTuple):
    """The sum of the losses, each before its own step, and how many texts (lines with a label) gave it."""

    loss: float
    texts: int


class Bags:
    """The features of texts: every word's rows, and those of words in a row.

    starts, rows  word w has rows[starts[w] : starts[w + 1]]; int64 (words + 1,) and int32
    end           the number of the word that stands behind each text; it has a row at least
    hashes        int32 (words,), of which those of 2 to `ngrams` words in a row are mixed:
    ngrams          h = (h_1 M + h_2) M + ... modulo 2^64, each h_i with its sign,
    first, bucket   row first + h mod bucket. ngrams=1: none, and no hashes

    Raises TypeError, ValueError and IndexError for what doesn't fit.
    """

    def __init__(
        self,
        starts: Array,
        rows: Array,
        end: int,
        hashes: Array | None = None,
        ngrams: int = 1,
        first: int = 0,
        bucket: int = 0,
    ) -> None:
        self.starts, self.rows = np.ascontiguousarray(starts, np.int64), np.ascontiguousarray(rows)
        self.words, self.end, self.ngrams = len(starts) - 1, end, ngrams
        self.first, self.bucket = first, bucket
        if self.rows.dtype != np.int32:
            raise TypeError(f"Bags: rows must be int32, got {self.rows.dtype}")
        sizes = np.diff(self.starts)
        if self.words < 1 or self.starts[0] or self.starts[-1] != len(rows) or sizes.min() < 0:
            raise ValueError(f"Bags: starts must rise from 0 to the number of rows, {len(rows)}")
        if not 0 <= end < self.words:
            raise IndexError(f"Bags: the end is word {end}, but there are {self.words}")
        if not sizes[end]:
            raise ValueError("Bags: the end must have a row, so that no text is without")
        if ngrams < 1 or (ngrams > 1 and (hashes is None or bucket < 1 or not 0 <= first < 2**31 - bucket)):
            raise ValueError(
                "Bags: want ngrams >= 1, and of more than one word hashes, first >= 0, bucket >= 1 and less "
                f"than 2^31 rows; got ngrams {ngrams}, first {first}, bucket {bucket}"
            )
        self.hashes = np.ascontiguousarray(hashes) if ngrams > 1 else None
        if self.hashes is not None and (self.hashes.dtype != np.int32 or len(self.hashes) != self.words):
            raise TypeError(f"Bags: hashes must be {self.words} numbers of int32")
        self.sizes = sizes
        self.needed = int(max(self.rows.max(initial=-1) + 1, first + bucket if ngrams > 1 else 0))
        self.least = int(self.rows.min(initial=0))

    def most(self, tokens: Array, ends: Array) -> tuple[int, int]:
        """At most so many words, its end included, and so many features has each of the texts."""
        words = int(np.diff(ends, prepend=0).max(initial=0)) + 1
        largest, mixed = int(self.sizes.max()), words * (min(self.ngrams, words) - 1)
        if words * largest > FEW:  # a text has hardly ever the largest word everywhere
            sizes = np.append(self.sizes, 0)[np.minimum(tokens, self.words)]
            before = np.concatenate([[0], np.cumsum(sizes)])
            rows = int(np.diff(before[ends], prepend=0).max(initial=0)) + int(self.sizes[self.end])
        else:
            rows = words * largest
        return words, rows + mixed

    def of(self, tokens: Array, ends: Array) -> tuple[Array, Array]:
        """(starts, rows) of texts: rows[starts[i] : starts[i + 1]] are those of text i.

        tokens int32 (n,), numbers of words; ends int64 (texts,), where each text ends
        """
        tokens = np.insert(tokens, ends, self.end)
        ends = ends + np.arange(1, len(ends) + 1)
        texts = np.repeat(np.arange(len(ends)), np.diff(ends, prepend=0))
        sizes = self.sizes[tokens]
        inside = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        rows, owners = [self.rows[np.repeat(self.starts[tokens], sizes) + inside]], [np.repeat(texts, sizes)]
        if self.hashes is not None:
            hashes = self.hashes.astype(np.int64).view(np.uint64)[tokens]
            value, room = hashes.copy(), ends[texts] - np.arange(len(tokens))  # words to the text's end
            for n in range(2, min(self.ngrams, int(room.max(initial=0))) + 1):
                begin = np.flatnonzero(room >= n)
                value[begin] = value[begin] * MIX + hashes[begin + n - 1]
                rows.append((value[begin] % np.uint64(self.bucket)).astype(np.int32) + np.int32(self.first))
                owners.append(texts[begin])
        owner = np.concatenate(owners)
        order = np.argsort(owner, kind="stable")
        starts = np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=len(ends)))])
        return starts, np.concatenate(rows)[order]


def train_labels(
    inputs: Array,
    outputs: Array,
    bags: Bags,
    tokens: Array,
    ends: Array,
    *,
    total: int,
    before: int = 0,
    turn: int = 0,
    alpha: float = 0.1,
    batch: int = 1,
) -> Learned:
    """One pass over a chunk of texts, in place.

    inputs   (rows, dim) float32 or float64; outputs (labels, dim) of the same type
    tokens   (n,) int32: numbers below bags.words are words, those from there on labels
    ends     (texts,) int64, where each text ends; the last is n
    total    tokens of all epochs; before: those before this chunk. The rate of a text is
             alpha (1 - tokens before it / total), not below 0
    turn     of a text's labels the one with this number is learned, modulo how many it has. A text without
             labels is left out
    batch    without kernels so many texts are computed before any is written

    On as many threads as autograd.set_num_threads says, which write without locks; one thread gives the same
    bits however texts are cut into chunks.
    Raises TypeError and ValueError for what doesn't fit, IndexError for tokens and rows that are not there.
    """
    check_tables(inputs, outputs, bags)
    check_texts(tokens, ends, bags.words + len(outputs))
    if total < 1 or before < 0 or turn < 0 or batch < 1 or not 0 <= alpha < np.inf:
        raise ValueError(
            "train_labels: want total and batch >= 1, before and turn >= 0, finite alpha >= 0; got "
            f"{total}, {batch}, {before}, {turn}, {alpha}"
        )
    for a in (inputs, outputs):
        tape.written(a)
    if not kernels.active:
        text = inputs, outputs, bags, tokens, ends
        return reference(*text, total=total, before=before, turn=turn, alpha=alpha, batch=batch)
    result = np.zeros(2)
    args = [tokens, ends, bags.starts, bags.rows, bags.hashes, inputs, outputs, result]
    sizes = [len(ends), bags.words, len(outputs), inputs.shape[1], len(inputs)]
    sizes += [a.strides[0] // a.itemsize for a in (inputs, outputs)]
    sizes += [bags.ngrams, bags.bucket, bags.first, bags.end, *bags.most(tokens, ends), turn, before, total]
    kernels.call(kernels.LABELS, args, sizes, [alpha], dtype=inputs.dtype)
    return Learned(float(result[0]), int(result[1]))


def check_tables(inputs: Array, outputs: Array, bags: Bags) -> None:
    for name, a in (("inputs", inputs), ("outputs", outputs)):
        if not isinstance(a, np.ndarray) or a.dtype not in kernels.DTYPES or a.dtype != inputs.dtype:
            raise TypeError(f"train_labels: {name} must be an array of float32 or float64, both of one type")
        if a.ndim != 2 or a.shape[1] != inputs.shape[1] or not a.size:
            raise ValueError(f"train_labels: {name} has shape {a.shape}, want rows of {inputs.shape[1:]}")
        check_layout("train_labels", name, a)
    if inputs.ctypes.data == outputs.ctypes.data:
        raise ValueError("train_labels: inputs and outputs must be two arrays")
    if bags.least < 0 or bags.needed > len(inputs):
        raise IndexError(
            f"train_labels: bags name rows {bags.least} to {bags.needed - 1}, but there are {len(inputs)}"
        )


def check_texts(tokens: Array, ends: Array, count: int) -> None:
    for name, a, dtype in (("tokens", tokens, np.int32), ("ends", ends, np.int64)):
        check_vector("train_labels", name, a, dtype)
    if (ends[-1] if ends.size else 0) != tokens.size or np.diff(ends, prepend=0).min(initial=0) < 0:
        raise ValueError(f"train_labels: ends must rise to the number of tokens, {tokens.size}")
    if tokens.size and not 0 <= tokens.min() <= tokens.max() < count:
        raise IndexError(
            f"train_labels: tokens from {tokens.min()} to {tokens.max()}, but words and labels are {count}"
        )


def without_labels(tokens: Array, ends: Array, words: int) -> tuple[Array, Array]:
    """Tokens and ends of the words alone."""
    is_word = tokens < words
    return tokens[is_word], np.concatenate([[0], np.cumsum(is_word)])[ends]


def reference(
    inputs: Array,
    outputs: Array,
    bags: Bags,
    tokens: Array,
    ends: Array,
    *,
    total: int,
    before: int = 0,
    turn: int = 0,
    alpha: float = 0.1,
    batch: int = 1,
) -> Learned:
    """`train_labels` in NumPy; `batch` texts, at the first one's rate, are computed before any is written."""
    words, word_ends = without_labels(tokens, ends, bags.words)
    starts, rows = bags.of(words, word_ends)
    labels = tokens[tokens >= bags.words] - bags.words
    counts = np.diff(ends, prepend=0) - np.diff(word_ends, prepend=0)
    kept = np.flatnonzero(counts)
    target = labels[(np.cumsum(counts) - counts)[kept] + turn % counts[kept]]
    begins = before + np.concatenate([[0], ends])
    loss = 0.0
    for i in range(0, len(kept), batch):
        texts = kept[i : i + batch]
        rate = alpha * max(1 - begins[texts[0]] / total, 0.0)
        bag = np.concatenate([rows[starts[text] : starts[text + 1]] for text in texts])
        loss += descend(inputs, outputs, bag, np.diff(starts)[texts], target[i : i + batch], rate)
    return Learned(loss, len(kept))


def descend(inputs: Array, outputs: Array, rows: Array, sizes: Array, target: Array, rate: float) -> float:
    """One step on some texts: their rows one after another, how many each has, their labels; the loss."""
    real = inputs.dtype.type
    # (inputs.take would first copy a table whose rows lie apart.)
    hidden = np.add.reduceat(inputs[rows], np.cumsum(sizes) - sizes, axis=0)
    hidden /= sizes[:, None].astype(real)
    scores = hidden @ outputs.T
    scores -= scores.max(1, keepdims=True)
    error = np.exp(scores)
    sums, numbers = error.sum(1), np.arange(len(sizes))
    loss = float((np.log(sums) - scores[numbers, target]).sum())
    error /= sums[:, None]
    error[numbers, target] -= 1
    error *= real(rate)
    change = (error @ outputs) / sizes[:, None].astype(real)
    outputs -= error.T @ hidden
    order = np.argsort(rows, kind="stable")  # rows that repeat are added up
    rows = rows[order]
    first = np.flatnonzero(np.concatenate([[True], rows[1:] != rows[:-1]]))
    inputs[rows[first]] -= np.add.reduceat(np.repeat(change, sizes, axis=0)[order], first, axis=0)
    return loss


def softmax(scores: Array) -> Array:
    """Each row's probabilities."""
    powers = np.exp(scores - scores.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True))
