"""Two ways that agree: what kernels and NumPy do to word vectors is what the gradients of the tape say."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

import autograd
import nn.functional as F
from autograd import kernels
from autograd.ops import labels
from autograd.ops.glove import reference, train_cells
from autograd.ops.update import assign
from autograd.ops.words import WordTrainer
from autograd.ops.words_reference import Progress
from autograd.tape import no_grad
from nn.models import huffman, tape
from nn.optim import SGD

WORDS, DIM = 12, 5
TEXT = [[0, 1, 2, 3, 4, 2, 5], [6, 7], [8], [9, 10, 11, 0, 0, 1, 0, 3]]
TOKENS = np.array([word for line in TEXT for word in line], np.int32)
ENDS = np.cumsum([len(line) for line in TEXT])
RANDOM = np.random.default_rng(0)


@pytest.fixture(params=[*kernels.isas(), ""], ids=lambda isa: isa or "NumPy")
def isa(request, monkeypatch):
    """The instruction set that the kernels take; "": NumPy stands in for them."""
    before = kernels.isa(), kernels.get_num_threads()
    if request.param:
        kernels.set_num_threads(1)
        kernels.set_isa(request.param)
    else:
        monkeypatch.setattr(kernels, "active", False)
    yield request.param
    if request.param:
        kernels.set_isa(before[0]), kernels.set_num_threads(before[1])


def fill(parameter, values):
    with no_grad():
        assign(parameter, values)


def integers(high, *shape):
    return autograd.tensor(RANDOM.integers(0, high, shape))


def reals(*shape):
    return autograd.tensor(RANDOM.uniform(0.2, 1.0, shape))


# The gradients themselves ------------------------------------------------------------------------

MODELS = {
    "skip-gram": (tape.SkipGram(6, 6, 3, np.float64), [integers(6, 4), integers(6, 4, 3), reals(4, 3)]),
    "cbow": (
        tape.CBOW(9, 6, 3, np.float64),
        [integers(9, 4, 5), reals(4, 5), integers(6, 4, 3), reals(4, 3)],
    ),
    "glove": (
        tape.GloVe(6, 3, x_max=2.0, dtype=np.float64),
        [integers(6, 8), integers(6, 8), autograd.tensor(RANDOM.uniform(0.5, 4, 8))],
    ),
    "classifier": (tape.Classifier(9, 3, 4, np.float64), [integers(9, 4, 5), reals(4, 5)]),
}


@pytest.mark.parametrize("name", MODELS)
def test_gradients_equal_finite_differences(name):
    model, arguments = MODELS[name]

    def loss():
        out = model(*arguments)
        return out if out.shape == () else F.cross_entropy(out, autograd.tensor([0, 1, 2, 1]))

    loss().backward()
    for parameter in model.parameters():
        numeric, data, step = np.zeros(parameter.shape), parameter.data.copy(), 1e-6
        for i in np.ndindex(*parameter.shape):
            around = []
            for sign in (1, -1):
                moved = data.copy()
                moved[i] += sign * step
                fill(parameter, moved)
                around.append(loss().item())
            numeric[i] = (around[0] - around[1]) / (2 * step)
        fill(parameter, data)
        np.testing.assert_allclose(parameter.grad.data, numeric, rtol=1e-6, atol=1e-8)


# Word2Vec and FastText ---------------------------------------------------------------------------

OWN = np.arange(WORDS, dtype=np.int32)
SUBWORDS = (  # three rows a word: its own, one that some share, one that all share
    np.arange(0, 3 * WORDS + 1, 3),
    np.stack([OWN, OWN % 7 + WORDS, np.full_like(OWN, 19)], axis=1).ravel(),
)
WAYS = {
    "cbow": {},
    "cbow sum": {"cbow_mean": False},
    "cbow, 2 far, tree": {"window": 2, "negative": 0, "hs": True},
    "cbow, tree too": {"hs": True},
    "skip-gram": {"sg": True},
    "skip-gram, own negatives": {"sg": True, "shared": 1, "shrink_windows": False},
    "skip-gram, tree": {"sg": True, "negative": 0, "hs": True},
    "sub-words": {"sg": True, "subwords": True},
    "sub-words, own negatives": {"sg": True, "subwords": True, "shared": 1},
    "cbow of sub-words": {"subwords": True},
}


@pytest.mark.parametrize("way", WAYS)
def test_kernel_takes_the_steps_of_the_tape(way, isa):
    options = dict(WAYS[way])
    rows = 20 if options.pop("subwords", False) else WORDS
    if rows > WORDS:
        options["subwords"] = SUBWORDS
    separate = options.get("sg") and rows == WORDS
    model = (tape.SkipGram if separate else tape.CBOW)(rows, WORDS + WORDS - 1, DIM, np.float64)
    begun, both = model.input.weight.data.copy(), model.output.weight.data.copy()
    inputs = begun.copy()
    outputs, nodes = both[:WORDS].copy(), both[WORDS:].copy()
    if options.pop("hs", False):
        options |= {"nodes": nodes, "paths": huffman.paths(np.arange(40, 40 - WORDS, -1))}
    negative = options.setdefault("negative", 3)
    trainer = WordTrainer(
        inputs,
        outputs if negative else None,
        noise=np.arange(1.0, WORDS + 1),
        keep=np.full(WORDS, 0.9),
        divide=options.get("cbow_mean", True),
        seed=7,
        **({"window": 4} | options),
    )
    if not negative:  # then the tree's nodes are the first rows
        fill(model.output.weight, np.concatenate([nodes, outputs]))
    progress = Progress(0, 0, 100, 0.3, 0.01)
    want = tape.train(model, trainer, TOKENS, ENDS, progress)
    found = trainer.train(TOKENS, ENDS, total=100, alpha=0.3, min_alpha=0.01)
    got = np.concatenate([outputs, nodes] if negative else [nodes, outputs])
    np.testing.assert_allclose(inputs, model.input.weight.data, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(got, model.output.weight.data, rtol=1e-9, atol=1e-12)
    assert found.loss == pytest.approx(want, rel=1e-9)
    assert abs(inputs - begun).max() > 0.01


# GloVe and the classifier ------------------------------------------------------------------------


def test_glove_takes_the_steps_of_the_tape(isa):
    model = tape.GloVe(WORDS, DIM, x_max=3.0, power=0.75, dtype=np.float64)
    fill(model.word_bias.weight, RANDOM.normal(size=(WORDS, 1)))
    names = [("word", "word_bias"), ("context", "context_bias")]
    tables = [np.hstack([getattr(model, name).weight.data for name in pair]) for pair in names]
    squares = [np.ones((WORDS, DIM + 1)) for _ in tables]
    i, j = RANDOM.integers(0, WORDS, (2, 40), dtype=np.int32)
    x = RANDOM.uniform(0.5, 9, 40)
    mine = [table.copy() for table in (*tables, *squares)]
    one_by_one = train_cells if isa else partial(reference, batch=1)
    loss = one_by_one(*mine, i, j, x, alpha=0.1, x_max=3.0, power=0.75)

    total = 0.0
    for a, b, count in zip(i, j, x, strict=True):
        for parameter in model.parameters():
            parameter.grad = None
        value = model(*(autograd.tensor(v[None]) for v in (a, b, count)))
        value.backward()
        total += value.item()
        for table, square, pair in zip(tables, squares, names, strict=True):
            gradient = 0.1 * np.hstack([getattr(model, name).weight.grad.data for name in pair])
            table -= gradient / np.sqrt(square)
            square += gradient**2
            fill(getattr(model, pair[0]).weight, table[:, :DIM])
            fill(getattr(model, pair[1]).weight, table[:, DIM:])
    assert loss == pytest.approx(total, rel=1e-9)
    for got, want in zip(mine, [*tables, *squares], strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-9)


def test_glove_adds_up_repeated_rows_of_a_batch():
    tables = [RANDOM.normal(size=(3, 4)) for _ in range(2)] + [np.ones((3, 4)) for _ in range(2)]
    i, j, x = np.array([1, 1, 0]), np.array([2, 2, 1]), np.array([2.0, 2.0, 3.0])
    once, thrice = [t.copy() for t in tables], [t.copy() for t in tables]
    reference(*once, i[1:], j[1:], x[1:], alpha=0.1, x_max=9, power=1, batch=9)
    reference(*thrice, i, j, x, alpha=0.1, x_max=9, power=1, batch=9)
    np.testing.assert_allclose(thrice[0][1] - tables[0][1], 2 * (once[0][1] - tables[0][1]))
    np.testing.assert_allclose(thrice[2][1] - 1, 2 * (once[2][1] - 1))
    assert np.array_equal(thrice[0][2], tables[0][2])


def test_classifier_takes_the_steps_of_the_tape(isa):
    """Its kernel (or NumPy) on texts of sub-words and pairs of words, at falling rates."""
    starts, rows = np.array([0, 1, 3, 6, 7]), np.array([0, 1, 4, 2, 4, 5, 3], np.int32)
    hashes = np.array([7, -(2**31), 12345, 99], np.int32)
    bags = labels.Bags(starts, rows, 3, hashes, ngrams=2, first=6, bucket=4)
    twin = tape.Classifier(10, 3, DIM, np.float64)
    inputs, outputs = twin.input.weight.data.copy(), RANDOM.normal(size=(3, DIM))
    fill(twin.output.weight, outputs)
    texts = [([0, 1], 2), ([2, 1, 1], 0), ([], 1), ([2], 2)]
    tokens = np.array([token for words, label in texts for token in (*words, 4 + label)], np.int32)
    ends = np.cumsum([len(words) + 1 for words, _ in texts])
    found = labels.train_labels(inputs, outputs, bags, tokens, ends, total=20, alpha=0.5)

    loss, optimizer = 0.0, SGD(twin.parameters(), lr=1.0)
    for (words, label), end in zip(texts, ends, strict=True):
        _, row = bags.of(np.array(words, np.int32), np.array([len(words)]))
        weights = np.full((1, len(row)), 1 / len(row))
        scores = twin(autograd.tensor(row[None].astype(np.int64)), autograd.tensor(weights))
        optimizer.zero_grad()
        value = F.cross_entropy(scores, autograd.tensor([label]))
        value.backward()
        optimizer.param_groups[0]["lr"] = 0.5 * (1 - (end - len(words) - 1) / 20)
        optimizer.step()
        loss += value.item()
    assert found.loss == pytest.approx(loss, rel=1e-9) and found.texts == 4
    np.testing.assert_allclose(inputs, twin.input.weight.data, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(outputs, twin.output.weight.data, rtol=1e-9, atol=1e-12)
