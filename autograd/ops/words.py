"""Word vectors from text: the door of the kernel that trains CBOW and skip-gram (Mikolov et al. 2013).

For every word of a sentence, in its place called the centre, the words around it (its contexts) and some
words of chance (negatives) give samples: logistic regressions of a dot product.

    h       the input: the vector of one context (skip-gram), the mean of all contexts (CBOW), or the mean of
            the centre's sub-words (FastText's skip-gram, Bojanowski et al. 2017)
    loss    -log sigmoid(h . w_word) - sum over negatives n of log sigmoid(-h . w_n)         negative sampling
            -sum over nodes n on the word's path of log sigmoid((1 - 2 code_n) h . w_n) hierarchical softmax

    vectors -= rate * gradient of the loss, a window at a time, in place

What is drawn follows from seed and sentence number alone: csrc/words.h says how. `words_reference` draws the
same and trains in NumPy, where there are no kernels, and says what the kernel must compute.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from autograd import kernels, tape
from autograd.ops import words_reference

__all__ = ["Trained", "WordTrainer", "check_layout", "check_vector", "noise_table", "table", "thresholds"]

Array = npt.NDArray[Any]
LINE = 64  # bytes of a cache line


class Trained(NamedTuple):
    """loss: the sum of all losses; pairs: (context, word) pairs of skip-gram, centres of CBOW; words: tokens
    that subsampling left. The mean loss is loss / pairs."""

    loss: float
    pairs: int
    words: int


def table(rows: int, dim: int, dtype: Any = np.float32) -> Array:
    """A (rows, dim) array of zeros whose rows begin at cache lines: the kernel is fastest on those.

    >>> table(2, 3), table(2, 100).strides
    (array([[0., 0., 0.],
           [0., 0., 0.]], dtype=float32), (448, 4))
    """
    dtype = np.dtype(dtype)
    line = LINE // dtype.itemsize
    width = -(-dim // line) * line
    memory = np.zeros(rows * width + line, dtype)
    start = -memory.ctypes.data % LINE // dtype.itemsize
    return memory[start : start + rows * width].reshape(rows, width)[:, :dim]


def thresholds(probabilities: Array) -> Array:
    """The 32-bit numbers up to which a random one comes with these probabilities (to 2^-32, the least)."""
    return (np.ceil(np.clip(probabilities, 2.0**-32, 1) * 2.0**32) - 1).astype(np.uint32)


def noise_table(probabilities: Array) -> Array:
    """An alias table (Walker 1977), (n, 2) uint32: a word stands for itself with probability (first + 1)
    2^-32, else for the second. Here word 1 stands half the time for word 0:

    >>> noise_table([3, 1]).tolist()
    [[4294967295, 0], [2147483647, 0]]

    Words below the mean are filled up by those above it, in order; one above it that has given too much is
    filled up by the next. So the sums of what is missing and of what is left over say who fills whom."""
    p = np.asarray(probabilities, np.float64)
    scaled = p * (p.size / p.sum())
    above = scaled >= 1
    above[scaled.argmax()] = True  # of equal ones all may lie below, by rounding
    small, large = np.flatnonzero(~above), np.flatnonzero(above)
    missing, over = np.cumsum(1 - scaled[small]), np.cumsum(scaled[large] - 1)
    own, alias = np.ones(p.size), np.arange(p.size)
    before = np.concatenate([[0.0], missing[:-1]]) if small.size else missing
    filler = np.minimum(np.searchsorted(over, before), large.size - 1)
    own[small], alias[small] = scaled[small], large[filler]
    emptied = np.searchsorted(
        missing, over, "right"
    )  # the first small word that a large one can't fill alone
    some = np.flatnonzero(emptied[:-1] < small.size)  # the last fills the rest, which is rounding
    own[large[some]] = 1 + over[some] - missing[emptied[some]]
    alias[large[some]] = large[some + 1]
    return np.stack([thresholds(own), alias.astype(np.uint32)], 1)


class WordTrainer:
    """Trains tables of word vectors on chunks of text, in place.

    inputs     (rows, dim) float32 or float64; the vectors that are wanted. Row w is word w without `subwords`
    outputs    (words, dim), the vectors of predicted words; None without negative sampling
    window     words to either side, at least 1; shrink_windows: of each centre 1 to `window`, each as likely
    sg         skip-gram; else CBOW
    negative   negatives of a sample; 0: none
    noise      (words,) what they are drawn by, in any unit; None: all alike. The word itself is left out
    keep       (words,) probability that an occurrence is kept; None: all are
    subwords   (starts int64 (words + 1,), rows int32): the rows of `inputs` whose mean is a word's input
    nodes      (nodes, dim) table of hierarchical softmax, with
    paths      (starts int64 (words + 1,), points int32, codes uint8): the nodes on the way to each word
    shared     contexts of a window with the same negatives: 0 all of them (fastest), 1 none as in word2vec.c
    cbow_mean  the input is the mean of its rows, else the sum
    divide     an error is divided by the number of rows of its input. With cbow_mean this is the true
               gradient; the programs of the field don't
    seed       0 to 2^63 - 1

    Raises TypeError and ValueError for what doesn't fit, IndexError for indices out of range.

    >>> inputs, outputs = table(3, 8), table(3, 8)
    >>> inputs[:] = np.random.default_rng(0).uniform(-0.1, 0.1, (3, 8))
    >>> trainer = WordTrainer(inputs, outputs, sg=True, window=1, negative=2)
    >>> tokens, ends = np.array([0, 1, 0, 1, 2, 2] * 50, np.int32), np.cumsum([4, 2] * 50)
    >>> begin, end = (trainer.train(tokens, ends, total=10**6, alpha=0.1) for _ in range(2))
    >>> begin.pairs, begin.words, end.loss < begin.loss
    (400, 300, True)
    """

    def __init__(
        self,
        inputs: Array,
        outputs: Array | None = None,
        *,
        window: int = 5,
        sg: bool = False,
        negative: int = 5,
        noise: Array | None = None,
        keep: Array | None = None,
        subwords: tuple[Array, Array] | None = None,
        nodes: Array | None = None,
        paths: tuple[Array, Array, Array] | None = None,
        shared: int = 0,
        shrink_windows: bool = True,
        cbow_mean: bool = True,
        divide: bool = False,
        seed: int = 0,
    ) -> None:
        for name, number, least in (("window", window, 1), ("negative", negative, 0), ("shared", shared, 0)):
            if not isinstance(number, int) or not least <= number < 2**31:
                raise ValueError(f"WordTrainer: {name} must be an int >= {least} and < 2^31, got {number!r}")
        if not isinstance(seed, int) or not 0 <= seed < 2**63:
            raise ValueError(f"WordTrainer: seed must be an int from 0 to 2^63 - 1, got {seed!r}")
        if negative and outputs is None:
            raise ValueError("WordTrainer: negative sampling needs outputs")
        if (nodes is None) != (paths is None):
            raise ValueError("WordTrainer: hierarchical softmax needs both nodes and paths")
        if not negative and nodes is None:
            raise ValueError("WordTrainer: nothing to predict: want negative > 0, or nodes and paths")
        self.inputs, self.outputs, self.nodes = inputs, outputs if negative else None, nodes
        for name in ("inputs", "outputs", "nodes"):
            check_table(name, getattr(self, name), inputs)
        tables = [a for a in (self.inputs, self.outputs, self.nodes) if a is not None]
        if any(np.shares_memory(a, b) for a, b in combinations(tables, 2)):
            raise ValueError("WordTrainer: inputs, outputs and nodes must be tables of their own")
        self.words = self.count_words(subwords, paths)
        self.window, self.sg, self.negative, self.shared = window, bool(sg), negative, shared
        self.shrink, self.mean, self.divide, self.seed = shrink_windows, cbow_mean, divide, seed
        self.keep = None if keep is None else thresholds(weights("keep", keep, self.words))
        self.noise = None if noise is None else noise_table(weights("noise", noise, self.words))
        self.subwords = (
            None if subwords is None else lists("subwords", subwords[0], subwords[1], inputs.shape[0], 1)
        )
        self.paths = self.codes = None
        if paths is not None and nodes is not None:
            self.paths = lists("paths", paths[0], paths[1], nodes.shape[0], 0)
            codes = np.asarray(paths[2])
            if codes.shape != self.paths[1].shape or not np.isin(codes, (0, 1)).all():
                raise ValueError("WordTrainer: codes must be 0 or 1, one for each point")
            self.codes = np.ascontiguousarray(codes, np.uint8)

    def count_words(self, subwords: Any, paths: Any) -> int:
        """How many words there are; all arrays must agree."""
        counts = {"subwords": len(subwords[0]) - 1} if subwords is not None else {"inputs": len(self.inputs)}
        if self.outputs is not None:
            counts["outputs"] = len(self.outputs)
        if paths is not None:
            counts["paths"] = len(paths[0]) - 1
        if len(set(counts.values())) != 1 or min(counts.values()) < 1:
            raise ValueError(f"WordTrainer: numbers of words differ or are 0: {counts}")
        return next(iter(counts.values()))

    def train(
        self,
        tokens: Array,
        ends: Array,
        *,
        sentence: int = 0,
        words: int = 0,
        total: int,
        alpha: float = 0.025,
        min_alpha: float = 0.0001,
    ) -> Trained:
        """One pass over a chunk, on as many threads as autograd.set_num_threads says.

        tokens    (n,) int32, word numbers
        ends      (sentences,) int64, where each sentence ends; the last is n
        sentence  the first sentence's number, counted on from chunk to chunk and epoch to epoch
        words     tokens before this chunk, counted likewise; total: tokens of all epochs. The rate of a
                  sentence is alpha + (min_alpha - alpha) (tokens before it) / total

        On one thread the tables become the same bits however text is cut into chunks; several write without
        locks.
        """
        longest = check_text(tokens, ends, self.words)
        if total < 1 or words < 0 or sentence < 0 or max(total, words, sentence) >= 2**62:
            raise ValueError(
                f"train: want total >= 1, words, sentence >= 0, < 2^62; got {total}, {words}, {sentence}"
            )
        if not (np.isfinite(alpha) and np.isfinite(min_alpha) and alpha >= 0 and min_alpha >= 0):
            raise ValueError(f"train: want finite rates >= 0, got alpha {alpha}, min_alpha {min_alpha}")
        for array in (self.inputs, self.outputs, self.nodes):
            if array is not None:
                tape.written(array)
        if not kernels.active:
            progress = words_reference.Progress(sentence, words, total, alpha, min_alpha)
            return Trained(*words_reference.train(self, tokens, ends, progress))
        bags, rows = self.subwords or (None, None)
        paths, points = self.paths or (None, None)
        result = np.zeros(3)
        tables = [self.inputs, self.outputs, self.nodes]
        args = [tokens, ends, *tables, self.keep, self.noise, bags, rows, paths, points, self.codes, result]
        strides = [0 if a is None else a.strides[0] // a.itemsize for a in tables]
        lengths = [int(np.diff(starts).max()) if starts is not None else 0 for starts in (bags, paths)]
        sizes = [
            int(self.sg),
            self.window,
            self.negative,
            self.shared,
            self.inputs.shape[1],
            int(self.shrink),
        ]
        sizes += [int(self.mean), int(self.divide), self.words, *strides, len(ends), longest, *lengths]
        sizes += [self.seed, sentence, words, total]
        kernels.call(kernels.WORDS, args, sizes, [alpha, min_alpha], dtype=self.inputs.dtype)
        return Trained(float(result[0]), int(result[1]), int(result[2]))


def check_table(name: str, a: Array | None, like: Array) -> None:
    if a is None:
        return
    if not isinstance(a, np.ndarray) or a.dtype not in kernels.DTYPES or a.dtype != like.dtype:
        raise TypeError(f"WordTrainer: {name} must be an array of float32 or float64, all of one type")
    if a.ndim != 2 or a.shape[1] != like.shape[1] or not a.shape[1]:
        raise ValueError(f"WordTrainer: {name} has shape {a.shape}, want rows of dim {like.shape[1:]}")
    check_layout("WordTrainer", name, a)


def check_layout(door: str, name: str, a: Array) -> None:
    """ValueError unless `door` may write to a table, whose rows a kernel finds by a stride."""
    together = a.strides[1] == a.itemsize and a.strides[0] >= a.shape[1] * a.itemsize
    if not (together and a.strides[0] % a.itemsize == 0 and a.flags.writeable):
        raise ValueError(f"{door}: {name} must be writeable, with rows that lie one after the other")


def check_vector(door: str, name: str, a: Any, dtype: Any) -> None:
    """TypeError unless it is a contiguous 1-D array of this very type."""
    if not isinstance(a, np.ndarray) or a.dtype != dtype or a.ndim != 1 or not a.flags.c_contiguous:
        raise TypeError(f"{door}: {name} must be a contiguous 1-D array of {np.dtype(dtype)}")


def weights(name: str, values: Array, words: int) -> Array:
    values = np.asarray(values, np.float64)
    if values.shape != (words,) or not np.isfinite(values).all() or values.min() < 0 or values.max() == 0:
        raise ValueError(f"WordTrainer: {name} must hold {words} finite numbers >= 0, not all 0")
    return values


def lists(name: str, starts: Array, members: Array, count: int, least: int) -> tuple[Array, Array]:
    """Checked lists, one for each word: members[starts[w] : starts[w + 1]], numbers below `count`."""
    starts, members = np.ascontiguousarray(starts), np.ascontiguousarray(members)
    if starts.dtype != np.int64 or members.dtype != np.int32:
        raise TypeError(
            f"WordTrainer: {name} must be int64 starts and int32 rows, got {starts.dtype}, {members.dtype}"
        )
    whole = starts.ndim == members.ndim == 1 and starts[0] == 0 and starts[-1] == members.size
    if not whole or np.diff(starts).min() < least:
        raise ValueError(
            f"WordTrainer: starts of {name} must rise from 0 to {members.size} by at least {least}"
        )
    if members.size and (members.min() < 0 or members.max() >= count):
        raise IndexError(f"WordTrainer: {name} name rows {members.min()} to {members.max()} of {count}")
    return starts, members


def check_text(tokens: Array, ends: Array, words: int) -> int:
    """The length of the longest sentence."""
    for name, a, dtype in (("tokens", tokens, np.int32), ("ends", ends, np.int64)):
        check_vector("train", name, a, dtype)
    lengths = np.diff(ends, prepend=0)
    if (ends[-1] if ends.size else 0) != tokens.size or lengths.min(initial=0) < 0:
        raise ValueError(f"train: ends must rise to the number of tokens, {tokens.size}")
    if tokens.size and (tokens.min() < 0 or tokens.max() >= words):
        raise IndexError(f"train: tokens from {tokens.min()} to {tokens.max()}, but there are {words} words")
    return int(lengths.max(initial=0))
