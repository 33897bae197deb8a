"""Word vectors from text in NumPy: the samples of csrc/words_samples.c, the updates of csrc/words_step.c.

Plain and slow. It stands in where there are no kernels, and is what tests compare: with the kernel, and
(`step`) with gradients of the tape.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from autograd.ops.words import WordTrainer

__all__ = ["Progress", "Task", "step", "tasks", "train"]

Array = npt.NDArray[Any]
GOLDEN = 0x9E3779B97F4A7C15
MASK = 2**64 - 1


class Progress(NamedTuple):
    """Where a chunk lies in all the text, and the rates at its ends (WordTrainer.train)."""

    sentence: int
    words: int
    total: int
    alpha: float
    min_alpha: float


@dataclass
class Task:
    """Rows of the input table against columns: rows of the output table (0, w), nodes of the tree (1, n).

    rows     each an input of its own (`times`: how often) or, `together`, one input
    columns  [yes, all]: how often each is a positive sample, and how often a sample at all
    """

    rate: float
    pairs: int = 0
    together: bool = False
    rows: list[int] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    columns: dict[tuple[int, int], list[int]] = field(default_factory=dict)


def mix(x: int) -> int:
    """The scrambler of splitmix64."""
    x = ((x ^ x >> 30) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ x >> 27) * 0x94D049BB133111EB) & MASK
    return x ^ x >> 31


def draw(key: int, i: int) -> int:
    return mix((key + (i + 1) * GOLDEN) & MASK)


def below(bits: int, n: int) -> int:
    """0 ... n - 1 from 32 random bits."""
    return ((bits & 0xFFFFFFFF) * n) >> 32


def noise_word(trainer: WordTrainer, bits: int) -> int:
    word = below(bits >> 32, trainer.words)
    if trainer.noise is None or (bits & 0xFFFFFFFF) <= trainer.noise[word, 0]:
        return word
    return int(trainer.noise[word, 1])


def add_targets(trainer: WordTrainer, task: Task, targets: list[int], key: int, number: int) -> None:
    """Words to be predicted as one group: with the same negatives, but none of itself."""

    def add(column: tuple[int, int], yes: int, every: int) -> None:
        counts = task.columns.setdefault(column, [0, 0])
        counts[0] += yes
        counts[1] += every

    if trainer.negative:
        for word in targets:
            add((0, word), 1, 1)
    for n in range(trainer.negative):
        word = noise_word(trainer, draw(key, number * trainer.negative + n))
        others = sum(target != word for target in targets)
        if others:
            add((0, word), 0, others)
    if trainer.paths is not None and trainer.codes is not None:
        starts, points = trainer.paths
        for word in targets:
            for p in range(starts[word], starts[word + 1]):
                add((1, int(points[p])), 1 - int(trainer.codes[p]), 1)


def rows_of(trainer: WordTrainer, word: int) -> list[int]:
    if trainer.subwords is None:
        return [word]
    starts, rows = trainer.subwords
    return [int(row) for row in rows[starts[word] : starts[word + 1]]]


def windows(trainer: WordTrainer, words: list[int], number: int) -> tuple[list[int], list[int], int]:
    """What subsampling leaves of sentence `number`, how far each word's window goes, the negatives' key."""
    key = draw(mix(trainer.seed), number)
    kept, reach = [], []
    for i, word in enumerate(words):
        bits = draw(key, i)
        if trainer.keep is None or bits >> 32 <= trainer.keep[word]:
            kept.append(word)
            reach.append(below(bits, trainer.window) + 1 if trainer.shrink else trainer.window)
    return kept, reach, mix(key)


def sentence_tasks(
    trainer: WordTrainer, kept: list[int], reach: list[int], key: int, rate: float
) -> Iterator[Task]:
    for p, centre in enumerate(kept):
        around = kept[max(0, p - reach[p]) : p] + kept[p + 1 : p + reach[p] + 1]
        if not around:
            continue
        shared = trainer.shared or len(around)
        number = p * 2 * trainer.window
        if not trainer.sg:
            rows = [row for word in around for row in rows_of(trainer, word)]
            task = Task(rate, 1, True, rows)
            add_targets(trainer, task, [centre], key, number)
            yield task
        elif trainer.subwords is not None:
            task = Task(rate, len(around), True, rows_of(trainer, centre))
            for q in range(0, len(around), shared):
                add_targets(trainer, task, around[q : q + shared], key, number + q)
            yield task
        else:
            for q in range(0, len(around), shared):
                group = around[q : q + shared]
                rows = list(dict.fromkeys(group))
                task = Task(rate, len(group), False, rows, [group.count(row) for row in rows])
                add_targets(trainer, task, [centre], key, number + q)
                yield task


def tasks(
    trainer: WordTrainer, tokens: Array, ends: Array, progress: Progress
) -> Iterator[tuple[int, list[Task]]]:
    """For each sentence, how many words were kept, and its tasks in the order in which they are trained."""
    begin = 0
    for i, end in enumerate(ends.tolist()):
        done = (progress.words + begin) / progress.total
        rate = progress.alpha + (progress.min_alpha - progress.alpha) * done
        kept, reach, key = windows(trainer, tokens[begin:end].tolist(), progress.sentence + i)
        rate = rate if done < 1 else progress.min_alpha
        yield len(kept), list(sentence_tasks(trainer, kept, reach, key, rate))
        begin = end


def step(trainer: WordTrainer, task: Task) -> float:
    """Makes the updates of a task, all from the numbers before it; its loss."""
    if not task.columns:  # a word at the root of a tree
        return 0.0
    inputs, dtype = trainer.inputs, trainer.inputs.dtype
    tables = {0: trainer.outputs, 1: trainer.nodes}
    places = list(task.columns)
    yes, every = np.array(list(task.columns.values()), dtype).T
    w = np.stack([tables[which][i] for which, i in places])  # type: ignore[index]
    x = inputs[task.rows]
    share = dtype.type(1 / len(task.rows))
    times = np.ones((1, 1), dtype)
    if task.together:
        x = x.sum(0, keepdims=True) * (share if trainer.mean else 1)
    else:
        times = np.array(task.times, dtype)[:, None]
    z = x @ w.T
    sigmoid = 0.5 + 0.5 * np.tanh(0.5 * z)
    g = times * (yes - every * sigmoid) * dtype.type(task.rate)
    dx = g @ w
    for (which, i), change in zip(places, g.T @ x, strict=True):
        tables[which][i] += change  # type: ignore[index]
    if task.together:
        np.add.at(inputs, task.rows, dx * (share if trainer.divide else 1))
    else:
        inputs[task.rows] += dx
    return float((times * (every * np.logaddexp(0, z) - yes * z)).sum())


def train(trainer: WordTrainer, tokens: Array, ends: Array, progress: Progress) -> tuple[float, int, int]:
    """The sum of losses, the pairs, and the words that were kept."""
    loss, pairs, words = 0.0, 0, 0
    for kept, found in tasks(trainer, tokens, ends, progress):
        words += kept
        for task in found:
            loss += step(trainer, task)
            pairs += task.pairs
    return loss, pairs, words
