"""The kernel of word vectors: the samples and updates of its NumPy reference, whose updates are gradients of
the tape; the same bits however text is cut; clear refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd as ag
from autograd import kernels
from autograd.ops import words_reference as reference
from autograd.ops.words import WordTrainer, noise_table, table

WORDS, DIM = 30, 20
ISAS = kernels.isas() or [""]

OPTIONS = {
    "skipgram": {"sg": True},
    "skipgram, own negatives": {"sg": True, "shared": 1, "negative": 3},
    "skipgram, pairs share, many negatives": {"sg": True, "shared": 2, "negative": 17},
    "skipgram, tree": {"sg": True, "tree": True, "negative": 0},
    "skipgram, tree and negatives": {"sg": True, "tree": True, "negative": 5, "shrink_windows": False},
    "cbow": {},
    "cbow, sums, divided": {"cbow_mean": False, "divide": True, "window": 2},
    "cbow, tree": {"tree": True, "negative": 0, "divide": True},
    "sub-words, skipgram": {"sg": True, "bags": 5},
    "sub-words, skipgram, own negatives": {"sg": True, "bags": 5, "shared": 1, "window": 3},
    "sub-words, skipgram, tree": {"sg": True, "bags": 5, "tree": True, "negative": 2, "shared": 3},
    "sub-words, cbow": {"bags": 5, "window": 40},
}


def text(rng: np.random.Generator, lengths: list[int]) -> tuple[np.ndarray, np.ndarray]:
    tokens = (WORDS * rng.random(sum(lengths)) ** 2).astype(np.int32)  # frequent words meet themselves
    return tokens, np.cumsum(lengths, dtype=np.int64)


def trainer(dtype=np.float32, dim=DIM, tree=False, bags=0, seed=3, **options) -> WordTrainer:
    """tree: one with random ways; bags: how many sub-words a word has at most."""
    rng = np.random.default_rng(0)
    rows = WORDS + 15 if bags else WORDS
    inputs, outputs, nodes = table(rows, dim, dtype), table(WORDS, dim, dtype), table(WORDS - 1, dim, dtype)
    for a in (inputs, outputs, nodes):
        a[:] = rng.normal(0, 0.4, a.shape)
    if bags:
        counts = rng.integers(1, bags + 1, WORDS)
        starts = np.concatenate([[0], np.cumsum(counts)])
        options["subwords"] = (starts, rng.integers(0, rows, counts.sum()).astype(np.int32))
    if tree:
        starts = np.concatenate([[0], np.cumsum(rng.integers(0, 9, WORDS))])
        points = rng.integers(0, WORDS - 1, starts[-1]).astype(np.int32)
        options |= {
            "nodes": nodes,
            "paths": (starts, points, rng.integers(0, 2, starts[-1]).astype(np.uint8)),
        }
    options = {"noise": np.arange(WORDS, 0, -1.0) ** 0.75, "keep": np.linspace(0.5, 1.5, WORDS), **options}
    return WordTrainer(inputs, outputs, seed=seed, **options)


def tables(t: WordTrainer) -> list[np.ndarray]:
    return [a for a in (t.inputs, t.outputs, t.nodes) if a is not None]


def train(t: WordTrainer, tokens, ends, isa: str = "", **where):
    if not isa:
        progress = reference.Progress(where.get("sentence", 0), where.get("words", 0), 2000, 0.1, 0.001)
        return reference.train(t, tokens, ends, progress)
    before = kernels.isa(), kernels.get_num_threads()
    kernels.set_isa(isa), kernels.set_num_threads(where.pop("threads", 1))
    try:
        return t.train(tokens, ends, **({"total": 2000, "alpha": 0.1, "min_alpha": 0.001} | where))
    finally:
        kernels.set_isa(before[0]), kernels.set_num_threads(before[1])


@pytest.mark.parametrize("isa", kernels.isas())
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_kernel_does_as_the_reference(options, isa):
    for dtype, dim, tolerance in ((np.float32, DIM, 1e-4), (np.float64, 7, 1e-12), (np.float32, 100, 1e-4)):
        tokens, ends = text(np.random.default_rng(1), [20, 0, 1, 2, 31, 7])
        ours, wanted = trainer(dtype, dim, **options), trainer(dtype, dim, **options)
        loss, pairs, words = train(wanted, tokens, ends, sentence=5, words=100)
        result = train(ours, tokens, ends, isa, sentence=5, words=100)
        assert (result.pairs, result.words) == (pairs, words) and pairs > 20
        assert result.loss == pytest.approx(loss, rel=tolerance)
        for got, want in zip(tables(ours), tables(wanted), strict=True):
            np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance)


EDGES = {
    "one number, one word to a side": {"dim": 1, "window": 1, "sg": True},
    "many numbers": {"dim": 1000, "sg": True, "shared": 10},
    "windows of any size": {"window": 2**31 - 1, "sg": True, "shared": 7},
    "windows that are whole sentences": {"window": 2**31 - 1, "shrink_windows": False, "negative": 50},
    "hardly a word is left": {"keep": np.full(WORDS, 1e-12)},
    "all negatives are the word itself": {"noise": np.eye(WORDS)[0], "sg": True},
    "long lists of sub-words": {"bags": 1000, "dim": 5, "divide": True},
    "one sub-word each": {"bags": 1, "sg": True, "cbow_mean": False},
}


@pytest.mark.parametrize("isa", kernels.isas())
@pytest.mark.parametrize("options", EDGES.values(), ids=EDGES)
def test_it_does_so_at_the_ends_of_its_settings(options, isa):
    tokens, ends = text(np.random.default_rng(8), [6, 2, 13])
    ours, wanted = trainer(np.float64, **options), trainer(np.float64, **options)
    result, want = train(ours, tokens, ends, isa), train(wanted, tokens, ends)
    assert result == pytest.approx(want, rel=1e-9)
    for got, expected in zip(tables(ours), tables(wanted), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-12)


SETTINGS = {
    "dim": st.integers(1, 70),
    "window": st.integers(1, 9),
    "negative": st.integers(1, 12),
    "shared": st.integers(0, 10),
    "bags": st.integers(0, 9),
    "seed": st.integers(0, 2**63 - 1),
    **{name: st.booleans() for name in ("sg", "tree", "shrink_windows", "cbow_mean", "divide")},
}


@pytest.mark.skipif(not kernels.active, reason="needs kernels")
@given(st.fixed_dictionaries(SETTINGS), st.lists(st.integers(0, 25), max_size=4), st.sampled_from(ISAS))
def test_it_does_so_at_any_settings(options, lengths, isa):
    tokens, ends = text(np.random.default_rng(len(lengths)), lengths)
    ours, wanted = trainer(np.float64, **options), trainer(np.float64, **options)
    result, want = train(ours, tokens, ends, isa), train(wanted, tokens, ends)
    assert result == pytest.approx(want, rel=1e-9)
    for got, expected in zip(tables(ours), tables(wanted), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-9)


def loss_on_tape(t: WordTrainer, task: reference.Task, x, columns) -> ag.Tensor:
    """The loss of a task from its rows (as leaves) and columns, written as one would."""
    weight = np.array(list(task.columns.values()), float)
    positive, negative = weight[:, 0], weight[:, 1] - weight[:, 0]
    times = np.array(task.times, float)[:, None] if task.times else 1.0
    if task.together:
        x = x.mean(0, keepdim=True) if t.mean else x.sum(0, keepdim=True)
    z = x @ columns.T
    log_sigmoid = lambda v: -ag.softplus(-v)  # noqa: E731
    return -((positive * log_sigmoid(z) + negative * log_sigmoid(-z)) * times).sum()


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_updates_are_gradients_of_the_tape(options):
    t = trainer(np.float64, **options)
    tokens, ends = text(np.random.default_rng(2), [12, 9])
    progress = reference.Progress(0, 0, 100, 0.1, 0.01)
    found = [task for _, some in reference.tasks(t, tokens, ends, progress) for task in some if task.columns]
    for task in found[:12]:
        before = [a.copy() for a in tables(t)]
        x = ag.tensor(t.inputs[task.rows], requires_grad=True)
        w = np.stack([(t.outputs, t.nodes)[which][i] for which, i in task.columns])
        w = ag.tensor(w, requires_grad=True)
        loss = loss_on_tape(t, task, x, w)
        loss.backward()
        assert reference.step(t, task) == pytest.approx(loss.item())
        # The programs of the field give each row of a mean the whole gradient of the mean.
        factor = len(task.rows) ** (int(t.mean) - int(t.divide)) if task.together else 1
        wanted = before[0].copy()
        np.add.at(wanted, task.rows, -task.rate * factor * x.grad.numpy())
        np.testing.assert_allclose(t.inputs, wanted, rtol=1e-9, atol=1e-12)
        for (which, i), gradient in zip(task.columns, w.grad.numpy(), strict=True):
            new, old = ((t.outputs, t.nodes)[which][i], before[1 + which if t.outputs is not None else 1][i])
            np.testing.assert_allclose(new, old - task.rate * gradient, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("options", [OPTIONS["skipgram"], OPTIONS["cbow"], OPTIONS["sub-words, skipgram"]])
def test_one_thread_gives_the_same_bits_however_text_is_cut(options):
    tokens, ends = text(np.random.default_rng(4), [40, 3, 17, 1, 0, 25])
    whole, parts = trainer(dim=33, **options), trainer(dim=33, **options)
    isa = kernels.isas()[0] if kernels.isas() else ""
    train(whole, tokens, ends, isa)
    for first, last in ((0, 1), (1, 4), (4, 6)):
        begin = int(ends[first - 1]) if first else 0
        train(
            parts, tokens[begin : ends[last - 1]], ends[first:last] - begin, isa, sentence=first, words=begin
        )
    for one, other in zip(tables(whole), tables(parts), strict=True):
        assert np.array_equal(one, other)
    seeded = trainer(dim=33, seed=4, **options)
    train(seeded, tokens, ends, isa)
    assert not np.array_equal(seeded.inputs, whole.inputs)


@pytest.mark.skipif(not kernels.isas(), reason="needs kernels")
def test_threads_take_every_sentence_once():
    tokens, ends = text(np.random.default_rng(5), [30, 2, 50, 9] * 100)
    one, many = trainer(sg=True), trainer(sg=True)
    rates = {"alpha": 0.01, "min_alpha": 0.01}  # of all parts alike: none knows which comes first
    alone, together = (
        train(t, tokens, ends, kernels.isa(), threads=n, **rates) for t, n in ((one, 1), (many, 3))
    )
    assert (alone.pairs, alone.words) == (together.pairs, together.words)
    assert together.loss == pytest.approx(alone.loss, rel=0.02)


def test_text_without_windows_changes_nothing():
    for lengths in ([], [0, 0], [1, 1, 0, 1]):
        t = trainer(keep=None)
        before = [a.copy() for a in tables(t)]
        tokens, ends = text(np.random.default_rng(6), lengths)
        assert t.train(tokens, ends, total=10) == (0.0, 0, sum(lengths))
        assert all(np.array_equal(a, b) for a, b in zip(before, tables(t), strict=True))


def test_a_vocabulary_of_one_word_has_no_negatives():
    t = WordTrainer(np.full((1, 4), 0.5), np.full((1, 4), 0.5), sg=True, window=1, shrink_windows=False)
    result = t.train(np.zeros(2, np.int32), np.array([2]), total=1, alpha=0.0, min_alpha=0.0)
    assert result.pairs == 2 and result.loss == pytest.approx(2 * np.log1p(np.exp(-1.0)))


def test_padding_and_neighbours_are_left_alone():
    memory = np.full((WORDS, 24), 7, np.float32)
    t = WordTrainer(memory[:, 2:19], table(WORDS, 17), sg=True)
    tokens, ends = text(np.random.default_rng(7), [50])
    t.train(tokens, ends, total=50)
    assert (memory[:, :2] == 7).all() and (memory[:, 19:] == 7).all() and (memory[:, 2:19] != 7).any()


@pytest.mark.parametrize(
    "p", [[1.0], [1, 1, 1], [5, 1, 0, 0], 1 / np.arange(1, 1000), [1e-9, 1, 3, 3, 0.1], [0.1] * 3]
)
def test_the_alias_table_stands_for_its_probabilities(p):
    p = np.asarray(p, float)
    rows = noise_table(p)
    own = (rows[:, 0] + 1.0) / 2**32
    implied = np.bincount(rows[:, 1], weights=1 - own, minlength=p.size) + own
    np.testing.assert_allclose(implied / p.size, p / p.sum(), atol=1e-9)


@pytest.mark.parametrize(
    "tokens, ends, error, says",
    [
        ([0, WORDS], [2], IndexError, "there are 30 words"),
        ([0, -1], [2], IndexError, "tokens from -1"),
        ([0, 1], [1], ValueError, "ends must rise to the number of tokens, 2"),
        ([0, 1], [2, 1, 2], ValueError, "ends must rise"),
    ],
)
def test_bad_text_is_refused(tokens, ends, error, says):
    with pytest.raises(error, match=says):
        trainer().train(np.array(tokens, np.int32), np.array(ends), total=10)
    with pytest.raises(TypeError, match="tokens must be a contiguous 1-D array of int32"):
        trainer().train(np.array(tokens), np.array(ends), total=10)


@pytest.mark.parametrize(
    "options, error, says",
    [
        ({"window": 0}, ValueError, "window must be an int >= 1"),
        ({"negative": 0}, ValueError, "nothing to predict"),
        ({"noise": np.ones(3)}, ValueError, "noise must hold 30"),
        ({"keep": np.full(WORDS, np.nan)}, ValueError, "keep must hold 30 finite"),
        ({"seed": -1}, ValueError, "seed must be"),
        (
            {"subwords": (np.arange(WORDS + 1), np.full(WORDS, 99, np.int32))},
            IndexError,
            "rows 99 to 99 of 30",
        ),
        (
            {"subwords": (np.zeros(WORDS + 1, np.int64), np.zeros(0, np.int32))},
            ValueError,
            "rise from 0 to 0 by at least 1",
        ),
        ({"paths": (np.zeros(WORDS + 1, np.int64), np.zeros(0, np.int32))}, ValueError, "nodes and paths"),
        ({"subwords": (np.arange(31.0), np.zeros(30, np.int32))}, TypeError, "int64 starts and int32 rows"),
        ({"window": 2**31}, ValueError, "window must be an int >= 1 and < 2.31"),
        (
            {
                "nodes": np.ones((1, DIM), np.float32),
                "paths": (np.arange(WORDS + 1), np.zeros(WORDS, np.int32), np.full(WORDS, 256)),
            },
            ValueError,
            "codes must be 0 or 1",
        ),
    ],
)
def test_bad_settings_are_refused(options, error, says):
    with pytest.raises(error, match=says):
        trainer(**options)
    with pytest.raises(TypeError, match="all of one type"):
        WordTrainer(table(4, 3), table(4, 3, np.float64))
    with pytest.raises(ValueError, match="numbers of words differ"):
        WordTrainer(table(4, 3), table(5, 3))
    both = table(4, 6)
    with pytest.raises(ValueError, match="tables of their own"):
        WordTrainer(both[:, :4], both[:, 2:])
    WordTrainer(both[:, :3], both[:, 3:])


@pytest.mark.skipif(not kernels.active, reason="of the kernel itself")
def test_the_kernel_refuses_what_it_could_not_read():
    t, (tokens, ends) = trainer(), text(np.random.default_rng(9), [9])
    sizes = [1, 5, 5, 0, DIM, 1, 1, 0, WORDS, 32, 32, 0, 1, 9, 0, 0, 0, 0, 0, 10]
    for place, value, error in ((1, 0, ValueError), (8, int(tokens.max()), IndexError), (13, 8, ValueError)):
        args = [tokens, ends, t.inputs, t.outputs, *[None] * 8, np.zeros(3)]
        changed = [*sizes[:place], value, *sizes[place + 1 :]]
        with pytest.raises(error):
            kernels.call(kernels.WORDS, args, changed, [0.1, 0.0], dtype=np.dtype(np.float32))
