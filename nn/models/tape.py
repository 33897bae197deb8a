"""The models of words, written once more through the tape: what each of them is, to read and to check.

Words that stand in the same places mean similar things. So give every word a vector, set a task that takes
vectors to solve, of telling which words stand near each other, and follow the gradient. The task is thrown
away in the end; the vectors are what was wanted.

    nn.models                 here
    Word2Vec(sg=True)         SkipGram     a word predicts each word near it
    Word2Vec(sg=False)        CBOW         the words around predict the one between
    FastText(sg=True)         CBOW         too, but what predicts is one word and that word's sub-words
    GloVe                     GloVe        two words predict how often they stand near each other
    FastTextClassifier        Classifier   the words of a text predict its class

The first three could answer with a softmax over all V words, at the price of V products a sample. They ask K
questions of yes or no instead, and `Logistic` is all of them. Two ways to choose the questions:

    negative sampling      Is it this word, which was there? Yes. Is it one of these, which were drawn at
                           random? No. K is 1 + negative (Mikolov et al. 2013b, equation 4).
    hierarchical softmax   The words are the leaves of a binary tree. At each node on the way from the root to
                           the word: turn this way? K is about log2 V, fewer for frequent words (huffman.py).

For a score s = h . u and its label y the loss has the derivative sigmoid(s) - y. So a step down the gradient
adds rate (y - sigmoid(s)) h to u, and rate (y - sigmoid(s)) u to h: what belongs together is drawn together,
the rest is pushed apart, each the more the more wrong the answer was. The kernel (csrc/words_step.c) is these
two updates made fast. Here nobody derives anything: the tape does, and tests compare the two.

    Mikolov et al. 2013a   Efficient Estimation of Word Representations in Vector Space
    Mikolov et al. 2013b   Distributed Representations of Words and Phrases and their Compositionality
    Pennington et al. 2014 GloVe: Global Vectors for Word Representation
    Bojanowski et al. 2017 Enriching Word Vectors with Subword Information
    Joulin et al. 2017     Bag of Tricks for Efficient Text Classification
"""

from __future__ import annotations

from typing import Any

import numpy as np

import autograd
import nn.functional as F
from autograd.ops import words_reference
from autograd.ops.words import WordTrainer
from autograd.ops.words_reference import Progress, Task
from nn.layers import Embedding, Linear
from nn.module import Module
from nn.optim import SGD

__all__ = ["CBOW", "Classifier", "GloVe", "SkipGram", "train"]

Array = np.ndarray[Any, Any]


class Logistic(Module):
    """Two tables, of what is known and of what is asked for, and the loss of K answers by their products."""

    def __init__(self, rows: int, targets: int, dim: int, dtype: Any = None) -> None:
        super().__init__()
        self.input = Embedding(rows, dim, dtype=dtype)
        self.output = Embedding(targets, dim, dtype=dtype)

    def loss(self, hidden: Any, targets: Any, labels: Any) -> Any:
        """-log sigmoid(h . u) for each target of label 1, -log sigmoid(-h . u) for each of label 0; the sum.

        hidden (B, dim), targets (B, K) rows of the output table, labels (B, K)
        """
        scores = (self.output(targets) * hidden.unsqueeze(1)).sum(-1)  # (B, K)
        return F.binary_cross_entropy_with_logits(scores, labels, reduction="sum")


class SkipGram(Logistic):
    """A word predicts each word near it (Mikolov et al. 2013a).

    Word 3 stood near word 4; 9 and 0 were drawn at random. After one step the answers are better:

    >>> _ = autograd.manual_seed(0)
    >>> model = SkipGram(10, 10, dim=4)
    >>> targets, labels = autograd.tensor([[4, 9, 0]]), autograd.tensor([[1.0, 0.0, 0.0]])
    >>> loss = model(autograd.tensor([3]), targets, labels)
    >>> loss.backward()
    >>> SGD(model.parameters(), lr=0.1).step()
    >>> model(autograd.tensor([3]), targets, labels).item() < loss.item()
    True
    """

    def forward(self, words: Any, targets: Any, labels: Any) -> Any:
        """words (B,), targets (B, K), labels (B, K) -> the sum of the losses."""
        return self.loss(self.input(words), targets, labels)


class CBOW(Logistic):
    """A bag of rows predicts a word by its mean: those of the words around (Mikolov et al. 2013a), or, in
    FastText's skip-gram, one word's own and those of its sub-words (Bojanowski et al. 2017, section 3.2)."""

    def forward(self, bags: Any, weights: Any, targets: Any, labels: Any) -> Any:
        """bags (B, C) rows of the input table, weights (B, C): 1/n for a mean of n, 1 for a sum, 0 where a
        bag is shorter than C; targets (B, K), labels (B, K) -> the sum of the losses."""
        hidden = (self.input(bags) * weights.unsqueeze(-1)).sum(1)  # (B, dim)
        return self.loss(hidden, targets, labels)


class GloVe(Module):
    """The product of two words' vectors, and a bias of each, make the logarithm of how often they stand near
    each other. Rare pairs, which chance decides, weigh less (Pennington et al. 2014, equation 8)."""

    def __init__(
        self, words: int, dim: int, x_max: float = 100.0, power: float = 0.75, dtype: Any = None
    ) -> None:
        super().__init__()
        self.word, self.context = Embedding(words, dim, dtype=dtype), Embedding(words, dim, dtype=dtype)
        self.word_bias, self.context_bias = Embedding(words, 1, dtype=dtype), Embedding(words, 1, dtype=dtype)
        self.x_max, self.power = x_max, power

    def forward(self, words: Any, contexts: Any, counts: Any) -> Any:
        """words (B,), contexts (B,), counts (B,) above 0 -> the sum of half the weighted squares."""
        product = (self.word(words) * self.context(contexts)).sum(-1)
        biases = (self.word_bias(words) + self.context_bias(contexts)).squeeze(-1)
        weights = autograd.clamp(counts / self.x_max, max=1.0) ** self.power
        return 0.5 * (weights * (product + biases - autograd.log(counts)) ** 2).sum()


class Classifier(Module):
    """The mean of a text's rows (words, sub-words, pairs of words) gives a score for each class; the loss is
    the cross-entropy of their softmax (Joulin et al. 2017)."""

    def __init__(self, rows: int, classes: int, dim: int, dtype: Any = None) -> None:
        super().__init__()
        self.input = Embedding(rows, dim, dtype=dtype)
        self.output = Linear(dim, classes, bias=False, dtype=dtype)

    def forward(self, bags: Any, weights: Any) -> Any:
        """bags (B, C), weights (B, C) as in CBOW -> scores (B, classes)."""
        return self.output((self.input(bags) * weights.unsqueeze(-1)).sum(1))


def train(model: SkipGram | CBOW, trainer: WordTrainer, tokens: Any, ends: Any, progress: Progress) -> float:
    """What trainer.train does, on the same samples, but to `model` and by gradients; the sum of the losses.

    model   with the trainer's tables: rows of the output table are its outputs, then its nodes. SkipGram, if
            the trainer's is (sg=True) without sub-words, else CBOW. The trainer must divide=True: what
            word2vec's program adds to each row of a mean of n rows is n times the gradient

    >>> _ = autograd.manual_seed(0)
    >>> model = SkipGram(5, 5, dim=3)
    >>> inputs, outputs = model.input.weight.data.copy(), model.output.weight.data.copy()
    >>> trainer = WordTrainer(inputs, outputs, sg=True, window=2, negative=2)
    >>> tokens, ends = np.array([0, 1, 2, 3, 4, 1], np.int32), np.array([6])
    >>> by_tape = train(model, trainer, tokens, ends, Progress(0, 0, total=6, alpha=0.1, min_alpha=0.1))
    >>> by_kernel = trainer.train(tokens, ends, total=6, alpha=0.1, min_alpha=0.1)
    >>> abs(by_tape - by_kernel.loss) < 1e-4, np.allclose(model.input.weight.data, inputs, atol=1e-5)
    (True, True)
    """
    total = 0.0
    optimizer = SGD(model.parameters(), lr=1.0)
    for _, tasks in words_reference.tasks(trainer, tokens, ends, progress):
        for task in tasks:  # a word and those around it
            optimizer.zero_grad()
            loss = model(*(autograd.tensor(array) for array in samples(trainer, task)))
            loss.backward()
            optimizer.param_groups[0]["lr"] = task.rate
            optimizer.step()
            total += float(loss.item())
    return total


def samples(trainer: WordTrainer, task: Task) -> list[Array]:
    """The arguments of the model for a task, which counts what occurs several times: here it is repeated."""
    rows, dtype = np.array(task.rows), trainer.inputs.dtype
    tree = 0 if trainer.outputs is None else len(trainer.outputs)  # where its nodes begin
    targets = [row + tree * table for (table, row), (_, times) in task.columns.items() for _ in range(times)]
    labels = [float(i < yes) for yes, times in task.columns.values() for i in range(times)]
    if task.together:
        known = [rows[None], np.full((1, len(rows)), 1 / len(rows) if trainer.mean else 1, dtype)]
    else:
        known = [np.repeat(rows, task.times)]
    batch = len(known[0])
    return [*known, np.tile(targets, (batch, 1)), np.tile(np.array(labels, dtype), (batch, 1))]
