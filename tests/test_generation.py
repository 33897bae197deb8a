"""Decoding: filters keep the right tokens, draws have the right frequencies, beams find what an
exhaustive search finds, and states follow them."""

import itertools

import numpy as np
import pytest

import autograd
import nn
from autograd import Generator, kernels, tensor
from nn.generation import beam_search, generate, top_k_filter, top_p_filter

VOCABULARY = 5


def kept(logits):
    return np.isfinite(logits.numpy()).tolist()


# Filters -----------------------------------------------------------------------------------------


def test_top_k_keeps_the_k_largest_of_each_row():
    x = np.random.default_rng(0).normal(size=(7, 3, 50))
    for k in (1, 4, 49, 50, 60):
        got = top_k_filter(tensor(x), k).numpy()
        ranks = (-x).argsort(-1).argsort(-1)
        np.testing.assert_array_equal(got, np.where(ranks < k, x, -np.inf))


def test_of_equal_logits_the_first_stay():
    x = tensor([1.0, 2.0, 1.0, 1.0, 2.0])
    assert kept(top_k_filter(x, 3)) == [True, True, False, False, True]
    assert kept(top_k_filter(x, 1)) == [False, True, False, False, False]
    assert kept(top_k_filter(tensor([-np.inf, 0.0, -np.inf]), 2)) == [False, True, False]


@pytest.mark.parametrize("p", [0.01, 0.3, 0.9, 0.999, 1.0])
def test_top_p_keeps_the_smallest_set_that_reaches_p(p):
    x = np.random.default_rng(1).normal(size=(20, 9)) * 2
    for row, got in zip(x, kept(top_p_filter(tensor(x), p)), strict=True):
        chances = np.exp(row) / np.exp(row).sum()
        order = np.argsort(-chances)
        count = next(n for n in range(1, 10) if n == 9 or chances[order[:n]].sum() >= p)
        assert sorted(np.flatnonzero(got)) == sorted(order[:count])


def test_filters_are_differentiable():
    x = autograd.Tensor(np.array([1.0, 3.0, 2.0]), requires_grad=True)
    nn.functional.softmax(top_k_filter(x, 2), 0)[1].backward()
    slope = 1 / (2 + np.e + 1 / np.e)
    np.testing.assert_allclose(x.grad.numpy(), [0, slope, -slope], atol=1e-15)


# Sampling ----------------------------------------------------------------------------------------


def constant(logits):
    return lambda tokens, state: (autograd.expand(tensor(logits), (len(tokens), len(logits))), state)


@pytest.mark.parametrize(
    ("options", "allowed"),
    [({}, 6), ({"temperature": 0.5}, 6), ({"temperature": 3.0}, 6), ({"top_k": 3}, 3), ({"top_p": 0.7}, 2),
     ({"top_k": 4, "top_p": 0.99, "temperature": 2.0}, 4)],
)  # fmt: skip
def test_draws_have_the_frequencies_of_softmax(options, allowed):
    logits, draws = np.array([2.0, 1.2, 0.3, -0.4, -1.0, -2.0]), 20_000
    tokens = generate(constant(logits), np.zeros((draws, 1), int), 1, generator=Generator(3), **options)
    counts = np.bincount(tokens.numpy()[:, 1], minlength=6)
    chances = np.exp(logits / options.get("temperature", 1.0)) * (np.arange(6) < allowed)
    expected = draws * chances / chances.sum()
    assert not counts[allowed:].any()
    squares = ((counts - expected)[:allowed] ** 2 / expected[:allowed]).sum()
    assert squares < {6: 20.5, 4: 16.3, 3: 13.8, 2: 10.8}[allowed]  # chi-square, 1 in 1,000


def test_the_generator_decides_the_draws():
    step, prompt = constant(np.zeros(50)), [0]
    first = generate(step, prompt, 20, generator=Generator(1))
    assert generate(step, prompt, 20, generator=Generator(1)).tolist() == first.tolist()
    assert generate(step, prompt, 20, generator=Generator(2)).tolist() != first.tolist()
    autograd.manual_seed(1)
    assert generate(step, prompt, 20).tolist() == first.tolist()


def test_a_token_without_probability_is_never_drawn():
    tokens = generate(constant([-np.inf, 0.0, -np.inf, 0.0, -np.inf]), np.zeros((2000, 1), int), 1)
    assert set(tokens.numpy()[:, 1]) == {1, 3}


def test_greedy_takes_the_largest():
    logits = np.random.default_rng(0).normal(size=(VOCABULARY, VOCABULARY))
    step = lambda tokens, state: (tensor(logits)[tokens], state)  # noqa: E731  (N, T, vocabulary)
    tokens = generate(step, tensor([[3, 1], [0, 4]]), 6, temperature=0).numpy()
    for before, after in itertools.pairwise(tokens.T[1:]):
        assert after.tolist() == logits[before].argmax(-1).tolist()
    again = generate(step, tensor([[3, 1], [0, 4]]), 6, top_k=1).numpy()
    assert again.tolist() == tokens.tolist() == generate(step, tokens[:, :2], 6, top_p=1e-9).tolist()


def test_ended_sequences_hold_nothing_but_eos():
    logits, eos = np.log([0.3, 0.3, 0.4]), 2
    tokens = generate(constant(logits), np.zeros((40, 1), int), 12, eos=eos, generator=Generator(0)).numpy()
    ends = [row.tolist().index(eos) if eos in row else len(row) for row in tokens]
    assert 1 in ends and len(set(ends)) > 3
    for row, end in zip(tokens, ends, strict=True):
        assert (row[end:] == eos).all()


# Beam search -------------------------------------------------------------------------------------


def chain(seed, vocabulary=3):
    """Logits that depend on the two tokens before and on the place: the state is the tokens so far."""
    table = np.random.default_rng(seed).normal(size=(12, vocabulary, vocabulary, vocabulary)) * 2

    def step(tokens, before):
        so_far = tokens if before is None else autograd.cat([before, tokens], 1)
        *_, before, last = so_far.numpy().T
        return tensor(table[so_far.shape[1], before, last]), so_far

    return step, table - np.log(np.exp(table).sum(-1, keepdims=True))


def exhaustive(log_probs, prompt, steps, eos, penalty, vocabulary=3):
    """All sequences after the prompt, best first: [(score, tokens, log-probability)]."""
    found = {}
    for tokens in itertools.product(range(vocabulary), repeat=steps):
        if eos in tokens:
            tokens = tokens[: tokens.index(eos) + 1]
        so_far, total = list(prompt), 0.0
        for token in tokens:
            total += log_probs[len(so_far), so_far[-2], so_far[-1], token]
            so_far.append(token)
        found[tuple(so_far)] = total / ((5 + len(tokens)) / 6) ** penalty, total
    return sorted(((score, tokens, total) for tokens, (score, total) in found.items()), reverse=True)


@pytest.mark.parametrize("penalty", [0.0, 0.7, 2.0])
@pytest.mark.parametrize("eos", [None, 1])
def test_wide_beams_find_what_exhaustive_search_finds(eos, penalty):
    step, table = chain(0)
    prompts = [[0, 2], [2, 0], [2, 2]]
    sequences, sums = beam_search(step, tensor(prompts), 4, 81, length_penalty=penalty, eos=eos)
    for prompt, tokens, got in zip(prompts, sequences.numpy(), sums.numpy(), strict=True):
        best = exhaustive(table, prompt, 4, eos, penalty)
        for (_, want, total), row, value in zip(best, tokens, got, strict=False):
            assert row[: len(want)].tolist() == list(want) and (row[len(want) :] == eos).all()
            assert value == pytest.approx(total)
        assert np.isneginf(got[len(best) :]).all()


@pytest.mark.parametrize("width", [1, 2, 4])
def test_narrow_beams_are_sequences_with_their_probabilities(width):
    step, table = chain(5)
    sequences, sums = beam_search(step, [0, 1], 7, width)
    assert sequences.shape == (width, 9) and (np.diff(sums.numpy()) <= 0).all()
    for row, got in zip(sequences.numpy(), sums.numpy(), strict=True):
        assert got == pytest.approx(sum(table[i, *row[i - 2 : i + 1]] for i in range(2, 9)))
    if width == 1:
        assert sequences[0].tolist() == generate(step, [0, 1], 7, temperature=0).tolist()


def test_the_search_ends_when_nothing_better_can_come():
    calls = []

    def step(tokens, state):
        calls.append(len(tokens))
        return tensor(np.log([[0.98, 0.01, 0.01]] * len(tokens))), state

    sequences, sums = beam_search(step, [1], 50, 1, eos=0)
    assert calls == [1] and sequences.tolist() == [[1, 0]] and sums.tolist() == pytest.approx([np.log(0.98)])


def test_no_new_tokens():
    step = constant([0.0, 1.0])
    assert generate(step, [1, 0], 0).tolist() == [1, 0]
    sequences, sums = beam_search(step, [[1], [0]], 0, 2)
    assert sequences.tolist() == [[[1], [1]], [[0], [0]]] and sums.tolist() == [[0.0, -np.inf]] * 2


# Models ------------------------------------------------------------------------------------------


class Recurrent(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 6)
        self.body = kind(6, 7, num_layers=2, batch_first=True)
        self.head = nn.Linear(7, VOCABULARY)

    def forward(self, tokens, state=None):
        hidden, state = self.body(self.embedding(tokens), state)
        return self.head(hidden), state


class Attentive(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 8)
        self.positions = nn.SinusoidalPositionalEncoding(8, batch_first=True)
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, norm_first=True)
        self.body = nn.TransformerEncoder(layer, 2, nn.LayerNorm(8))
        self.head = nn.Linear(8, VOCABULARY)

    def forward(self, tokens, caches=None):
        caches = caches or self.body.caches()
        x = self.positions(self.embedding(tokens), offset=caches[0].length)
        return self.head(self.body(x, cache=caches)), caches


def model_of(name):
    autograd.manual_seed(2)
    made = Attentive() if name == "Transformer" else Recurrent(getattr(nn, name))
    with autograd.no_grad():
        made.head.weight.mul_(4.0)
    return made.double().eval()


def whole(model):
    """A step that forgets: it runs the model on all tokens so far, which are its state."""

    def step(tokens, before):
        so_far = tokens if before is None else autograd.cat([before, tokens], 1)
        return model(so_far)[0], so_far

    return step


@pytest.mark.parametrize("name", ["RNN", "GRU", "LSTM", "Transformer"])
def test_states_passed_on_give_what_whole_sequences_give(name):
    model, prompt = model_of(name), tensor([[1, 2, 3], [4, 0, 0]])
    for options in ({"temperature": 0}, {"top_k": 3}, {"top_p": 0.9, "eos": 2}):
        got = generate(model, prompt, 30, generator=Generator(5), **options)
        assert got.tolist() == generate(whole(model), prompt, 30, generator=Generator(5), **options).tolist()
    sequences, sums = beam_search(model, prompt, 9, 4, length_penalty=0.6, eos=1)
    expected, theirs = beam_search(whole(model), prompt, 9, 4, length_penalty=0.6, eos=1)
    assert sequences.tolist() == expected.tolist()
    np.testing.assert_allclose(sums.numpy(), theirs.numpy(), rtol=1e-12)


def test_a_jitted_step():
    model = model_of("GRU")
    jitted = autograd.jit(lambda tokens, state: model(tokens, state))
    got = generate(lambda t, s: model(t) if s is None else jitted(t, s), [1, 2], 12, temperature=0)
    assert got.tolist() == generate(model, [1, 2], 12, temperature=0).tolist()


def test_states_in_dicts_and_named_tuples():
    step, _ = chain(0)

    def wrapped(tokens, state):
        logits, so_far = step(tokens, None if state is None else state["so far"][0])
        return logits, {"so far": [so_far]}

    assert beam_search(wrapped, [0, 1], 4, 3)[0].tolist() == beam_search(step, [0, 1], 4, 3)[0].tolist()


# Errors ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda s: generate(s, [0], 1, temperature=-0.5), "temperature >= 0, got -0.5"),
        (lambda s: generate(s, [0], 1, top_p=0.0), r"\(0, 1\], got 0.0"),
        (lambda s: generate(s, [0], 1, top_p=1.5), r"\(0, 1\], got 1.5"),
        (lambda s: generate(s, [0], 1, top_k=0), "integer >= 1, got 0"),
        (lambda s: generate(s, [], 1), r"one token at least, got shape \(0,\)"),
        (lambda s: generate(s, np.zeros((2, 0), int), 1), r"got shape \(2, 0\)"),
        (lambda s: generate(s, [0], -1), "max_new_tokens >= 0, got -1"),
        (lambda s: generate(s, [0], 1, temperature="0.5"), "temperature >= 0, got '0.5'"),
        (lambda s: generate(s, [0], 1.0), "max_new_tokens >= 0, got 1.0"),
        (lambda s: beam_search(s, [0], 1, 0), "width >= 1, got 0"),
        (lambda s: beam_search(s, [0], 1, 2.5), "width >= 1, got 2.5"),
        (lambda s: beam_search(s, [0], 1, 2, length_penalty=-1.0), "length_penalty >= 0, got -1.0"),
        (lambda s: top_k_filter(tensor([1.0]), -2), "got -2"),
        (lambda s: top_p_filter(tensor([1.0]), 2), "got 2"),
        (lambda s: generate(constant([0.0, np.nan]), [0], 1), "NaN or inf"),
        (lambda s: generate(lambda t, s: (tensor([0.0, 1.0]), s), [0], 1), r"logits of shape \(2,\)"),
    ],
)
def test_errors_name_what_was_given(call, words):
    with pytest.raises(ValueError, match=words):
        call(constant([0.0, 1.0]))


def test_errors_of_types():
    step = constant([0.0, 1.0])
    with pytest.raises(TypeError, match="holds integers, got float64"):
        generate(step, [0.5], 1)
    with pytest.raises(TypeError, match="eos is the number of a token, got '.'"):
        generate(step, [0], 1, eos=".")
    with pytest.raises(TypeError, match=r"must return \(logits, state\), got a Tensor"):
        generate(lambda tokens, state: tensor([[0.0, 1.0]]), [0], 1)
    with pytest.raises(ValueError, match=r"shape \(1, 4, 2, 3\) in the state; want the batch, 1, in"):
        beam_search(lambda tokens, state: (step(tokens, None)[0], autograd.ones(1, 4, 2, 3)), [0], 2, 2)
    with pytest.raises(TypeError, match="of type int in the state"):
        beam_search(lambda tokens, state: (step(tokens, None)[0], 3), [0], 2, 2)


@pytest.mark.skipif(not kernels.active, reason="programs are made of kernels")
def test_programs_cannot_choose_tokens():
    jitted = autograd.jit(lambda x: generate(constant([0.0, 1.0]), x, 1))
    with pytest.raises(autograd.JitError, match=r"generate\(\)"):
        _ = jitted(tensor([0])), jitted(tensor([0]))
