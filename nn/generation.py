"""Sequences written one token after the other: greedy, sampled, or searched for with beams.

All drive a model through one function, `step(tokens, state) -> (logits, state)`:

    tokens  int64 (N, T): first the whole prompt, with state None, then (N, 1), the token just chosen
    logits  (N, vocabulary) of the token that comes next, or (N, T, vocabulary), the last of which is taken
    state   whatever the model wants to see again: the states of an RNN, LSTM or GRU, caches of keys and
            values, the tokens so far

    def step(tokens, state):                            # a recurrent model
        hidden, state = lstm(embedding(tokens), state)
        return head(hidden), state

    def step(tokens, caches):                           # a Transformer
        caches = caches or encoder.caches()
        x = positions(embedding(tokens), offset=caches[0].length)
        return head(encoder(x, cache=caches)), caches
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import autograd
from autograd import Generator, Tensor, default_generator
from autograd.tape import TRACE, Value, mode, no_grad

__all__ = ["beam_search", "generate", "top_k_filter", "top_p_filter"]

Array = np.ndarray
Step = Callable[[Tensor, Any], tuple[Any, Any]]


# Filters -----------------------------------------------------------------------------------------


def top_k_filter(logits: Any, k: int) -> Any:
    """The k largest logits (*, vocabulary) of each row; -inf in place of the others. Of equal ones the first
    stay.

    >>> import autograd
    >>> top_k_filter(autograd.tensor([1.0, 3.0, 2.0, 3.0]), k=2)
    tensor([-inf,   3., -inf,   3.])
    """
    check_filters("top_k_filter", k, None)
    return filtered("top_k_filter", logits, lambda x: largest(x, k))


def top_p_filter(logits: Any, p: float) -> Any:
    """The nucleus (Holtzman et al. 2020): the fewest tokens whose probabilities sum to p at least, the most
    probable first; -inf in place of the other logits (*, vocabulary).

    >>> import autograd
    >>> top_p_filter(autograd.log(autograd.tensor([0.5, 0.1, 0.4])), p=0.8)
    tensor([-0.6931,    -inf, -0.9163])
    """
    check_filters("top_p_filter", None, p)
    return filtered("top_p_filter", logits, lambda x: nucleus(x, p))


def filtered(name: str, logits: Any, kept: Callable[[Array], Array]) -> Any:
    if mode.word & TRACE:
        mode.trace.refuse_value(f"{name}()")
    mask = kept(logits.data if isinstance(logits, Value) else np.asarray(logits))
    return autograd.where(Tensor(mask), logits, -np.inf)


def largest(x: Array, k: int) -> Array:
    """bool like x: the k largest of each row; of equal ones the first."""
    if k >= x.shape[-1]:
        return np.ones(x.shape, bool)
    least = -np.partition(-x, k - 1, -1)[..., k - 1 : k]
    above, equal = x > least, x == least
    kept: Array = above | (equal & (equal.cumsum(-1) <= k - above.sum(-1, keepdims=True)))
    return kept


def nucleus(x: Array, p: float) -> Array:
    """bool like x: those before which, in order of probability, less than p has been summed."""
    if p == 1:
        return np.ones(x.shape, bool)
    order = np.argsort(-x, -1, kind="stable")
    before = np.take_along_axis(probabilities(x), order, -1).cumsum(-1)
    before = np.concatenate((np.zeros_like(before[..., :1]), before[..., :-1]), -1)
    kept = np.empty(x.shape, bool)
    np.put_along_axis(kept, order, before < p, -1)
    return kept


def probabilities(x: Array) -> Array:
    """softmax over the last dimension, in float64."""
    e = np.exp(x.astype(np.float64) - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)  # type: ignore[no-any-return]


def check_filters(name: str, k: Any, p: Any) -> None:
    if k is not None and (not isinstance(k, int | np.integer) or k < 1):
        raise ValueError(f"{name}: want top k as an integer >= 1, got {k!r}")
    if p is not None and not (isinstance(p, int | float | np.floating) and 0 < p <= 1):
        raise ValueError(f"{name}: want top p in (0, 1], got {p!r}")


def check_eos(name: str, eos: Any) -> None:
    if eos is not None and not isinstance(eos, int | np.integer):
        raise TypeError(f"{name}: eos is the number of a token, got {eos!r}")


# Sampling ----------------------------------------------------------------------------------------


@no_grad()
def generate(
    step: Step,
    prompt: Any,
    max_new_tokens: int,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    eos: int | None = None,
    generator: Generator | None = None,
) -> Tensor:
    """`prompt`, int64 (N, T) or (T,), and at most max_new_tokens drawn after it: (N, T + new) or (T + new,).

    temperature  logits are divided by it; 0 takes the most probable token (greedy)
    top_k, top_p only these tokens may be drawn, top_k first: see the filters
    eos          the token that ends a sequence: it goes on with nothing but eos; all ended, generation stops
    generator    draws come from it, or from autograd's default one, which `autograd.manual_seed` sets

    `step` is called without gradients; put the model into evaluation (model.eval()).

    >>> import autograd
    >>> def step(tokens, state):      # after token t comes t + 1, of 4
    ...     return autograd.eye(4)[(tokens[:, -1] + 1) % 4], state
    >>> generate(step, autograd.tensor([0, 1]), 5, temperature=0)
    tensor([0, 1, 2, 3, 0, 1, 2])
    >>> generate(step, autograd.tensor([[0], [1]]), 5, temperature=0, eos=3)
    tensor([[0, 1, 2, 3],
            [1, 2, 3, 3]])
    """
    check_filters("generate", top_k, top_p)
    if not isinstance(temperature, int | float | np.floating) or not 0 <= temperature < np.inf:
        raise ValueError(f"generate: want a temperature >= 0, got {temperature!r}")
    check_eos("generate", eos)
    given = prompt_of("generate", prompt, max_new_tokens)
    count, start = np.atleast_2d(given).shape
    tokens = np.empty((count, start + max_new_tokens), np.int64)
    tokens[:, :start] = given
    ended = np.zeros(count, bool)
    fresh, state, end = tokens[:, :start], None, start
    while end < tokens.shape[1] and not ended.all():
        logits, state = called("generate", step, fresh, state)
        chosen = drawn(logits, temperature, top_k, top_p, generator or default_generator)
        if eos is not None:
            chosen = np.where(ended, eos, chosen)
            ended |= chosen == eos
        tokens[:, end] = chosen
        end += 1
        fresh = tokens[:, end - 1 : end]
    return Tensor(tokens[:, :end] if given.ndim == 2 else tokens[0, :end])


def drawn(
    x: Array, temperature: float, top_k: int | None, top_p: float | None, generator: Generator
) -> Array:
    """A token for each row of logits x (N, vocabulary): int64 (N,)."""
    if temperature == 0:
        return x.argmax(-1)  # type: ignore[no-any-return]
    x = (x.astype(np.float64) - x.max(-1, keepdims=True)) / temperature
    if top_k is not None:
        x = np.where(largest(x, top_k), x, -np.inf)
    if top_p is not None:
        x = np.where(nucleus(x, top_p), x, -np.inf)
    return generator.choices(probabilities(x), 1)[:, 0]


def prompt_of(name: str, prompt: Any, max_new_tokens: int) -> Array:
    if mode.word & TRACE:
        mode.trace.refuse_value(f"{name}()")
    tokens = np.asarray(prompt.data if isinstance(prompt, Value) else prompt)
    if tokens.ndim not in (1, 2) or not tokens.size:
        raise ValueError(
            f"{name}: want a prompt (N, T) or (T,) of one token at least, got shape {tokens.shape}; begin "
            "with a token that stands for the start, or a newline"
        )
    if tokens.dtype.kind not in "iu":
        raise TypeError(f"{name}: a prompt holds integers, got {tokens.dtype}")
    if not isinstance(max_new_tokens, int | np.integer) or max_new_tokens < 0:
        raise ValueError(f"{name}: want max_new_tokens >= 0, got {max_new_tokens!r}")
    return tokens.astype(np.int64)


def called(name: str, step: Step, tokens: Array, state: Any) -> tuple[Array, Any]:
    """What step gives: the logits of the next token (N, vocabulary), and the state."""
    result = step(Tensor(tokens.copy()), state)
    if not isinstance(result, tuple) or len(result) != 2:
        raise TypeError(f"{name}: step must return (logits, state), got a {type(result).__name__}")
    logits = result[0].data if isinstance(result[0], Value) else np.asarray(result[0])
    if logits.ndim == 3 and logits.shape[1]:
        logits = logits[:, -1]
    if logits.ndim != 2 or len(logits) != len(tokens) or not logits.shape[1]:
        raise ValueError(
            f"{name}: step gave logits of shape {np.shape(result[0])} for tokens of shape {tokens.shape}; "
            f"want ({len(tokens)}, vocabulary) or ({len(tokens)}, T, vocabulary)"
        )
    if not np.isfinite(logits.max(-1)).all():
        raise ValueError(f"{name}: step gave a row of logits with NaN or inf, or with nothing but -inf")
    return logits, result[1]


# Beam search -------------------------------------------------------------------------------------


@no_grad()
def beam_search(
    step: Step,
    prompt: Any,
    max_new_tokens: int,
    width: int,
    *,
    length_penalty: float = 0.0,
    eos: int | None = None,
) -> tuple[Tensor, Tensor]:
    """The `width` best continuations found while the `width` best unfinished ones are followed.

    prompt (N, T) or (T,) -> sequences (N, width, T + new), or (width, T + new), best first, filled up with
    eos; and the log-probability of each one's new tokens, float64 (N, width) or (width,): -inf where fewer
    than `width` exist.

    Best is log-probability / ((5 + new) / 6)^length_penalty (Wu et al. 2016, eq. 14): 0 favours short
    sequences, 0.6 to 1 is usual. A sequence ends with eos, or after max_new_tokens; the search, when no
    unfinished one can become better than those found.

    The state of `step` follows its rows: tensors must have the batch in the last dimension but one, as those
    of nn.RNN, nn.LSTM and nn.GRU do; tuples, lists and dicts of such are fine, and so are objects with a
    method reorder(rows), as nn.KeyValueCache.

    >>> import autograd
    >>> table = autograd.log(autograd.tensor([[0.1, 0.5, 0.4], [0.4, 0.3, 0.3], [0.1, 0.0, 0.9]]))
    >>> sequences, log_probs = beam_search(lambda tokens, s: (table[tokens[:, -1]], s), [0], 2, width=2)
    >>> sequences                     # the most probable first step, to 1, is a detour
    tensor([[0, 2, 2],
            [0, 1, 0]])
    >>> autograd.exp(log_probs)
    tensor([0.36, 0.2 ], dtype=float64)
    """
    if not isinstance(width, int | np.integer) or width < 1:
        raise ValueError(f"beam_search: want a width >= 1, got {width!r}")
    check_eos("beam_search", eos)
    if not 0 <= length_penalty < np.inf:
        raise ValueError(f"beam_search: want a length_penalty >= 0, got {length_penalty!r}")
    given = prompt_of("beam_search", prompt, max_new_tokens)
    count, start = np.atleast_2d(given).shape
    total, row = start + max_new_tokens, np.arange(count)[:, None]
    live, found = (Hypotheses(np.atleast_2d(given), width, total, eos or 0) for _ in range(2))
    live.log_probs[:, 0] = 0.0

    def penalty(new: int) -> float:
        return ((5 + new) / 6) ** length_penalty  # type: ignore[no-any-return]

    end, state = start, None
    while end < total:
        if end == start:
            logits, state = called("beam_search", step, live.tokens[:, 0, :start], None)
            logits, state = logits.repeat(width, 0), of_rows(state, np.arange(count).repeat(width), count)
        else:
            fresh = live.tokens[:, :, end - 1].reshape(-1, 1)
            logits, state = called("beam_search", step, fresh, state)
        sums = live.log_probs[:, :, None] + log_probabilities(logits).reshape(count, width, -1)
        # Twice as many as are followed: each beam may end, and then `width` others are there.
        best, log_probs = top(sums.reshape(count, -1), 2 * width)
        beams, chosen = np.divmod(best, sums.shape[-1])
        tokens = live.tokens[row, beams]
        tokens[:, :, end] = chosen
        end += 1
        ended = np.full(chosen.shape, False) if eos is None else chosen == eos
        found.add(tokens, np.where(ended, log_probs, -np.inf), penalty(end - start))
        first = np.argsort(ended, 1, kind="stable")[:, :width]
        live.tokens = tokens[row, first]
        live.log_probs = np.where(ended, -np.inf, log_probs)[row, first]
        # Log-probabilities only fall, and no penalty divides by more than that of the greatest length.
        if (found.scores.min(1) >= live.log_probs.max(1) / penalty(max_new_tokens)).all():
            break
        if end < total:
            state = of_rows(state, (row * width + beams[row, first]).ravel(), count * width)
    found.add(live.tokens, live.log_probs, penalty(end - start))
    tokens, sums = found.tokens[:, :, :end], found.log_probs
    return (Tensor(tokens), Tensor(sums)) if given.ndim == 2 else (Tensor(tokens[0]), Tensor(sums[0]))


class Hypotheses:
    """The `width` best sequences for each prompt, best first; those that do not exist score -inf."""

    def __init__(self, prompts: Array, width: int, length: int, fill: int) -> None:
        self.width = width
        self.tokens = np.full((len(prompts), width, length), fill, np.int64)
        self.tokens[:, :, : prompts.shape[1]] = prompts[:, None]
        self.log_probs = np.full((len(prompts), width), -np.inf)
        self.scores = self.log_probs.copy()

    def add(self, tokens: Array, log_probs: Array, penalty: float) -> None:
        """Sequences (count, n, length) besides."""
        scores = np.concatenate((self.scores, log_probs / penalty), 1)
        kept = np.argsort(-scores, 1, kind="stable")[:, : self.width]
        row = np.arange(len(scores))[:, None]
        self.tokens = np.concatenate((self.tokens, tokens), 1)[row, kept]
        self.log_probs = np.concatenate((self.log_probs, log_probs), 1)[row, kept]
        self.scores = scores[row, kept]


def top(x: Array, k: int) -> tuple[Array, Array]:
    """The places of the k largest of each row, in order, and these."""
    k = min(k, x.shape[1])
    some = np.argpartition(-x, k - 1, 1)[:, :k]
    some.sort(1)  # of equal ones the first
    found = np.take_along_axis(x, some, 1)
    order = np.argsort(-found, 1, kind="stable")
    return np.take_along_axis(some, order, 1), np.take_along_axis(found, order, 1)


def log_probabilities(x: Array) -> Array:
    """log softmax over the last dimension, in float64."""
    x = x.astype(np.float64) - x.max(-1, keepdims=True)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))  # type: ignore[no-any-return]


def of_rows(state: Any, rows: Array, count: int) -> Any:
    """The state of these rows of a batch of `count`."""
    if state is None or np.array_equal(rows, np.arange(count)):
        return state
    if isinstance(state, Value):
        shape = state.data.shape
        if len(shape) < 2 or shape[-2] != count:
            raise ValueError(
                f"beam_search: a tensor of shape {shape} in the state; want the batch, {count}, in the last "
                "dimension but one"
            )
        return Tensor(state.data.take(rows, -2))
    if hasattr(state, "reorder"):
        state.reorder(rows)
        return state
    if isinstance(state, Mapping):
        return {name: of_rows(x, rows, count) for name, x in state.items()}
    if isinstance(state, tuple | list):
        parts = [of_rows(x, rows, count) for x in state]
        return type(state)(*parts) if hasattr(state, "_fields") else type(state)(parts)
    raise TypeError(
        f"beam_search: an object of type {type(state).__name__} in the state; want tensors, tuples, lists or "
        "dicts of them, or objects with a method reorder(rows)"
    )
