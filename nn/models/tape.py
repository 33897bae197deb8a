"""The models of words written through the tape: what each of them is, in a few lines, to read and to check.

Training runs in kernels that never form a gradient; tests compare their steps with the gradients of these
modules on the same samples. A sample has K targets: rows of the output table with a label each, 1 for what
was there (a word beside another), 0 for what was not (a word drawn at random). Hierarchical softmax is no
different: its targets are the nodes on the way from the root to a word, its labels say which way to turn.
"""

from __future__ import annotations

from typing import Any

import autograd
import nn.functional as F
from autograd.ops import words_reference
from autograd.ops.words import WordTrainer
from autograd.ops.words_reference import Progress
from nn.layers import Embedding, Linear
from nn.module import Module
from nn.optim import SGD

__all__ = ["CBOW", "Classifier", "GloVe", "SkipGram", "train"]


class Logistic(Module):
    """Two tables, and the loss of telling by their product which pairs belong together."""

    def __init__(self, rows: int, targets: int, dim: int, dtype: Any = None) -> None:
        super().__init__()
        self.input = Embedding(rows, dim, dtype=dtype)
        self.output = Embedding(targets, dim, dtype=dtype)

    def loss(self, hidden: Any, targets: Any, labels: Any) -> Any:
        """-log sigmoid(h u) for each target of label 1, -log sigmoid(-h u) for each of label 0; the sum.

        hidden (B, dim), targets (B, K) integers, labels (B, K)
        """
        scores = (self.output(targets) * hidden.unsqueeze(1)).sum(-1)  # (B, K)
        return F.binary_cross_entropy_with_logits(scores, labels, reduction="sum")


class SkipGram(Logistic):
    """A word predicts each word near it (Mikolov et al. 2013b, equation 4).

    >>> _ = autograd.manual_seed(0)
    >>> model = SkipGram(10, 10, 4)
    >>> words, targets = autograd.tensor([3, 5]), autograd.tensor([[4, 9, 0], [4, 1, 2]])
    >>> model(words, targets, autograd.tensor([[1.0, 0, 0], [1, 0, 0]])).shape
    ()
    """

    def forward(self, words: Any, targets: Any, labels: Any) -> Any:
        """words (B,), targets (B, K), labels (B, K) -> the sum of the losses."""
        return self.loss(self.input(words), targets, labels)


class CBOW(Logistic):
    """A bag of rows predicts a word: the words around it, or, in FastText's skip-gram, a word's own row and
    those of its sub-words (Bojanowski et al. 2017, section 3.2)."""

    def forward(self, bags: Any, weights: Any, targets: Any, labels: Any) -> Any:
        """bags (B, C) rows of the input table, weights (B, C): 1/n for a mean of n, 1 for a sum, 0 where a
        bag is shorter than C; targets (B, K), labels (B, K) -> the sum of the losses."""
        hidden = (self.input(bags) * weights.unsqueeze(-1)).sum(1)
        return self.loss(hidden, targets, labels)


class GloVe(Module):
    """The product of two words' vectors, and a bias of each, make the logarithm of how often they stand near
    each other (Pennington et al. 2014, equation 8)."""

    def __init__(
        self, words: int, dim: int, x_max: float = 100.0, power: float = 0.75, dtype: Any = None
    ) -> None:
        super().__init__()
        self.word, self.context = Embedding(words, dim, dtype=dtype), Embedding(words, dim, dtype=dtype)
        self.word_bias, self.context_bias = Embedding(words, 1, dtype=dtype), Embedding(words, 1, dtype=dtype)
        self.x_max, self.power = x_max, power

    def forward(self, words: Any, contexts: Any, counts: Any) -> Any:
        """words (B,), contexts (B,), counts (B,) of at least some -> the sum of half the weighted squares."""
        product = (self.word(words) * self.context(contexts)).sum(-1)
        biases = (self.word_bias(words) + self.context_bias(contexts)).squeeze(-1)
        weights = autograd.clamp(counts / self.x_max, max=1.0) ** self.power
        return 0.5 * (weights * (product + biases - autograd.log(counts)) ** 2).sum()


class Classifier(Module):
    """The mean of a text's rows (words, sub-words, pairs of words) gives a score for each class (Joulin et
    al. 2017)."""

    def __init__(self, rows: int, classes: int, dim: int, dtype: Any = None) -> None:
        super().__init__()
        self.input = Embedding(rows, dim, dtype=dtype)
        self.output = Linear(dim, classes, bias=False, dtype=dtype)

    def forward(self, bags: Any, weights: Any) -> Any:
        """bags (B, C), weights (B, C) as in CBOW -> scores (B, classes)."""
        return self.output((self.input(bags) * weights.unsqueeze(-1)).sum(1))


def train(model: CBOW, trainer: WordTrainer, tokens: Any, ends: Any, progress: Progress) -> float:
    """What trainer.train does, on the same samples, but to `model` and by gradients; the sum of the losses.

    model   with the trainer's tables: rows of the output table are its outputs, then its nodes. The trainer
            must divide=True: what word2vec adds to each row of a mean of n rows is n times the gradient
    """
    total = 0.0
    optimizer = SGD(model.parameters(), lr=1.0)
    for _, tasks in words_reference.tasks(trainer, tokens, ends, progress):
        for task in tasks:
            bags = [task.rows]
            if not task.together:
                bags = [[row] for row, times in zip(task.rows, task.times, strict=True) for _ in range(times)]
            optimizer.zero_grad()
            loss = model(*arguments(trainer, bags, task.columns))
            loss.backward()
            optimizer.param_groups[0]["lr"] = task.rate
            optimizer.step()
            total += float(loss.item())
    return total


def arguments(trainer: WordTrainer, bags: list[list[int]], columns: dict[tuple[int, int], list[int]]) -> Any:
    """Those of CBOW for bags, all of one size, against columns, which say how often a row of a table is a
    target, and how often one of label 1."""
    first = {0: 0, 1: 0 if trainer.outputs is None else len(trainer.outputs)}
    targets = [first[table] + row for (table, row), (_, times) in columns.items() for _ in range(times)]
    labels = [float(i < yes) for yes, times in columns.values() for i in range(times)]
    dtype, share = trainer.inputs.dtype, 1 / len(bags[0]) if trainer.mean else 1.0
    return (
        autograd.tensor(bags),
        autograd.full((len(bags), len(bags[0])), share, dtype=dtype),
        autograd.tensor([targets] * len(bags)),
        autograd.tensor([labels] * len(bags), dtype=dtype),
    )
