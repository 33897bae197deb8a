"""Scaled dot-product attention under PyTorch's name and rules."""

from __future__ import annotations

from typing import Any

import numpy as np

import autograd
from autograd import Tensor
from autograd.ops.attention import attention, attention_weights
from autograd.tape import traced_constant
from nn.functional.dropping import dropout

__all__ = ["causal_mask", "scaled_dot_product_attention"]


def scaled_dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Any:
    """softmax(scale query key^T + mask) value (Vaswani et al. 2017).

    query (..., L, E), key (..., S, E), value (..., S, V) -> (..., L, V), of one type; their other dimensions
    broadcast.

    attn_mask   broadcasts to (..., L, S): bool, True where a query may look; or of query's type, added to
                the scores. A query that may look at nothing gives zeros.
    dropout_p   weights are 0 with this probability, whoever calls: pass 0.0 in evaluation
    is_causal   query i looks at keys 0 ... i; not together with attn_mask
    scale       1 / sqrt(E), unless given
    enable_gqa  key and value (..., heads / n, S, .): n query heads that follow each other share one (Ainslie
                et al. 2023)

    ValueError where shapes do not fit, TypeError where types do not.

    >>> import autograd
    >>> x = autograd.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> scaled_dot_product_attention(x, x, x, is_causal=True, scale=0.0)
    tensor([[1. , 0. ],
            [0.5, 0.5]])
    """
    checked(query, key, value, dropout_p)
    if is_causal and attn_mask is not None:
        raise ValueError("scaled_dot_product_attention: attn_mask and is_causal=True exclude each other")
    if enable_gqa:
        key, value = shared_heads(query, key, value)
    try:
        batch = np.broadcast_shapes(query.shape[:-2], key.shape[:-2], value.shape[:-2])
    except ValueError:
        raise ValueError(
            f"scaled_dot_product_attention: query {tuple(query.shape)}, key {tuple(key.shape)} and value "
            f"{tuple(value.shape)}: dimensions before the last two don't broadcast"
        ) from None
    query, key, value = (autograd.expand(x, (*batch, *x.shape[-2:])) for x in (query, key, value))
    if attn_mask is not None:
        check_mask(attn_mask, query, (*batch, query.shape[-2], key.shape[-2]))
    if dropout_p:
        weights = attention_weights(query, key, attn_mask, is_causal, scale)
        return autograd.matmul(dropout(weights, dropout_p), value)
    return attention(query, key, value, attn_mask, is_causal, scale)


def causal_mask(length: int, total: int, offset: int = 0) -> Any:
    """bool (length, total): query i, which stands at place offset + i, may look at keys 0 ... offset + i.

    >>> causal_mask(2, 3, offset=1).tolist()
    [[True, True, False], [True, True, True]]
    """
    return autograd.Tensor(traced_constant(np.tri(length, total, offset, dtype=bool)))


def checked(query: Any, key: Any, value: Any, dropout_p: float) -> None:
    q, k, v = tuple(query.shape), tuple(key.shape), tuple(value.shape)
    what = f"scaled_dot_product_attention: query {q}, key {k}, value {v}"
    if min(len(q), len(k), len(v)) < 2:
        raise ValueError(f"{what}: want two dimensions at least, (..., length, width)")
    if q[-1] != k[-1]:
        raise ValueError(f"{what}: query and key must have one width, got {q[-1]} and {k[-1]}")
    if k[-2] != v[-2]:
        raise ValueError(f"{what}: there must be a value for each key, got {v[-2]} for {k[-2]}")
    if not query.dtype == key.dtype == value.dtype or query.dtype.kind != "f":
        raise TypeError(
            f"scaled_dot_product_attention: query of {query.dtype}, key of {key.dtype}, value of "
            f"{value.dtype}: want one floating type"
        )
    if not 0 <= dropout_p <= 1:
        raise ValueError(f"scaled_dot_product_attention: want dropout_p in [0, 1], got {dropout_p}")


def check_mask(mask: Any, query: Any, shape: tuple[int, ...]) -> None:
    if not isinstance(mask, Tensor | np.ndarray):
        raise TypeError(
            f"scaled_dot_product_attention: attn_mask must be a tensor, got a {type(mask).__name__}"
        )
    own = tuple(mask.shape)
    if mask.dtype.kind != "b" and mask.dtype != query.dtype:
        raise TypeError(
            f"scaled_dot_product_attention: attn_mask of {mask.dtype}; want bool (True: may look), or the "
            f"query's {query.dtype} (added to the scores)"
        )
    lead = len(shape) - len(own)
    if lead < 0 or any(a not in (1, b) for a, b in zip(own, shape[lead:], strict=True)):
        raise ValueError(
            f"scaled_dot_product_attention: attn_mask of shape {own} doesn't broadcast to {shape}, that of "
            "the scores"
        )


def shared_heads(query: Any, key: Any, value: Any) -> list[Any]:
    """key and value with each head as often as there are heads of query that share it."""
    q, k, v = tuple(query.shape), tuple(key.shape), tuple(value.shape)
    if min(len(q), len(k), len(v)) < 3 or k[-3] != v[-3] or not k[-3] or q[-3] % k[-3]:
        raise ValueError(
            f"scaled_dot_product_attention: with enable_gqa the heads of query {q} (dimension -3) must be a "
            f"multiple of those of key {k} and value {v}"
        )
    times, shared = q[-3] // k[-3], []
    for x in (key, value):
        *lead, heads, length, width = x.shape
        copies = autograd.expand(autograd.unsqueeze(x, -3), (*lead, heads, times, length, width))
        shared.append(autograd.reshape(copies, (*lead, q[-3], length, width)))
    return shared
