"""Multi-head attention: every position asks all others, several questions at once (Vaswani et al. 2017)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

import autograd
from autograd import Tensor
from autograd.ops.attention import attention, attention_weights
from nn import init
from nn.cache import KeyValueCache
from nn.functional.attention import causal_mask
from nn.functional.dropping import dropout
from nn.layers.cells import check_positive
from nn.layers.linear import Linear
from nn.layers.positions import RotaryEmbedding
from nn.module import Module
from nn.parameter import Parameter

__all__ = ["MultiheadAttention"]


class MultiheadAttention(Module):
    """num_heads attentions side by side, each in embed_dim / num_heads of the dimensions.

    query (N, L, E), key (N, S, kdim), value (N, S, vdim) with batch_first; without (PyTorch's default)
    (L, N, E) and so on; of one sequence (L, E), (S, kdim), (S, vdim). Returns (output like query, weights):
    weights (N, L, S), or (N, heads, L, S) unless average_attn_weights; None unless need_weights, which also
    spares computing them as a matrix.

    key_padding_mask  (N, S): bool, True for keys that nobody may look at; or real, added to the scores
    attn_mask         (L, S) or (N heads, L, S): bool, True where a query may NOT look; or real, added
    is_causal         query i looks at keys 0 ... i; an attn_mask given too must say the same, and is not read
    cache             a KeyValueCache: self-attention, causal, of positions that follow those in the cache;
                      key_padding_mask is then (N, all positions so far), and there is no attn_mask
    rotary            a RotaryEmbedding that turns queries and keys (not in PyTorch)

    A query that may look at nothing gives zeros before out_proj (PyTorch's give NaN with need_weights).
    add_bias_kv and add_zero_attn are not supported.

    >>> import autograd, nn
    >>> attention = nn.MultiheadAttention(8, num_heads=2, batch_first=True)
    >>> x = autograd.randn(3, 5, 8)
    >>> out, weights = attention(x, x, x)
    >>> out.shape, weights.shape
    ((3, 5, 8), (3, 5, 5))
    """

    in_proj_weight: Parameter | None
    in_proj_bias: Parameter | None
    q_proj_weight: Parameter | None
    k_proj_weight: Parameter | None
    v_proj_weight: Parameter | None

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        dtype: Any = None,
        *,
        rotary: RotaryEmbedding | None = None,
    ) -> None:
        super().__init__()
        for name, given in (("add_bias_kv", add_bias_kv), ("add_zero_attn", add_zero_attn)):
            if given:
                raise NotImplementedError(f"MultiheadAttention: {name}=True is not supported; want False")
        check_positive("MultiheadAttention", embed_dim=embed_dim, num_heads=num_heads)
        if embed_dim % num_heads:
            raise ValueError(
                f"MultiheadAttention: embed_dim ({embed_dim}) must be divisible by num_heads ({num_heads})"
            )
        if not 0 <= dropout <= 1:
            raise ValueError(f"MultiheadAttention: want a dropout in [0, 1], got {dropout}")
        self.embed_dim = embed_dim
        self.num_heads = num_heads
        self.head_dim = embed_dim // num_heads
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self.dropout = dropout
        self.batch_first = batch_first
        if rotary is not None and rotary.dim != self.head_dim:
            raise ValueError(
                f"MultiheadAttention: a RotaryEmbedding of dim {rotary.dim} doesn't fit heads of width "
                f"{self.head_dim}"
            )
        self.rotary = rotary

        def weight(rows: int, columns: int) -> Parameter:
            return Parameter(autograd.empty(rows, columns, dtype=dtype))

        if self.kdim == self.vdim == embed_dim:
            self.in_proj_weight = weight(3 * embed_dim, embed_dim)
            self.q_proj_weight = self.k_proj_weight = self.v_proj_weight = None
        else:
            self.in_proj_weight = None
            self.q_proj_weight = weight(embed_dim, embed_dim)
            self.k_proj_weight = weight(embed_dim, self.kdim)
            self.v_proj_weight = weight(embed_dim, self.vdim)
        self.in_proj_bias = Parameter(autograd.empty(3 * embed_dim, dtype=dtype)) if bias else None
        self.out_proj = Linear(embed_dim, embed_dim, bias, dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        for weight in (self.in_proj_weight, self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
            if weight is not None:
                init.xavier_uniform_(weight)
        self.out_proj.reset_parameters()
        for bias in (self.in_proj_bias, self.out_proj.bias):
            if bias is not None:
                init.zeros_(bias)

    def forward(
        self,
        query: Any,
        key: Any,
        value: Any,
        key_padding_mask: Any = None,
        need_weights: bool = True,
        attn_mask: Any = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
        cache: KeyValueCache | None = None,
    ) -> tuple[Any, Any]:
        alone = self.check(query, key, value)
        offset = 0
        if cache is not None:
            if not query is key is value:
                raise ValueError(
                    "MultiheadAttention: a cache is for self-attention; pass one tensor as query, key, value"
                )
            if attn_mask is not None:
                raise ValueError("MultiheadAttention: with a cache attention is causal; pass no attn_mask")
            is_causal, offset = True, cache.length
        q, k, v = self.projected(query, key, value, alone)
        if self.rotary is not None:
            q, k = self.rotary(q, offset), self.rotary(k, offset)
        mask = None if attn_mask is None else self.attention_mask(attn_mask, q, k)
        padding = None
        if key_padding_mask is not None:
            padding = self.padding_mask(key_padding_mask, q, (k.shape[0], offset + k.shape[2]), alone)
        if cache is not None:
            k, v = cache.append(k, v)
        if is_causal:
            mask = causal_mask(q.shape[2], k.shape[2], offset) if offset and q.shape[2] > 1 else None
        mask, causal = both(mask, padding), is_causal and not offset
        drop = self.dropout if self.training else 0.0
        weights = None
        if need_weights or drop:
            weights = dropout(attention_weights(q, k, mask, causal), drop)
            out = autograd.matmul(weights, v)
        else:
            out = attention(q, k, v, mask, causal)
        # (N, heads, L, head_dim) -> the layout of query
        out = autograd.permute(out, (0, 2, 1, 3) if self.batch_first or alone else (2, 0, 1, 3))
        out = self.out_proj(autograd.reshape(out, (*query.shape[:-1], self.embed_dim)))
        if not need_weights:
            return out, None
        weights = autograd.mean(weights, 1) if average_attn_weights else weights
        return out, autograd.squeeze(weights, 0) if alone else weights

    def check(self, query: Any, key: Any, value: Any) -> bool:
        """Whether the inputs are one sequence; an error if they do not fit."""
        for name, x in (("query", query), ("key", key), ("value", value)):
            if not isinstance(x, Tensor | np.ndarray):
                raise TypeError(f"MultiheadAttention: {name} must be a tensor, got a {type(x).__name__}")
        q, k, v = tuple(query.shape), tuple(key.shape), tuple(value.shape)
        what = f"MultiheadAttention: query {q}, key {k}, value {v}"
        if len(q) not in (2, 3) or not len(q) == len(k) == len(v):
            raise ValueError(f"{what}: want three dimensions each, or two for one sequence")
        for name, shape, width in (
            ("query", q, self.embed_dim),
            ("key", k, self.kdim),
            ("value", v, self.vdim),
        ):
            if shape[-1] != width:
                raise ValueError(f"{what}: the last length of {name} must be {width}")
        if k[:-1] != v[:-1]:
            raise ValueError(f"{what}: key and value must agree in all lengths but the last")
        at = 0 if self.batch_first else 1
        if len(q) == 3 and q[at] != k[at]:
            raise ValueError(
                f"{what}: batches of {q[at]} and {k[at]} sequences (batch_first={self.batch_first}: the "
                f"batch is dimension {at})"
            )
        return len(q) == 2

    def projected(self, query: Any, key: Any, value: Any, alone: bool) -> Iterator[Any]:
        """q, k, v, each (N, heads, length, head_dim): of one product where the inputs are one tensor."""
        width, weight, bias = self.embed_dim, self.in_proj_weight, self.in_proj_bias
        if weight is not None and query is key is value:
            yield from self.heads(autograd.linear(query, weight, bias), 3, alone)
        elif weight is not None and key is value:
            sizes = (width, 2 * width)
            biases = (None, None) if bias is None else autograd.split(bias, sizes)
            for x, w, b, count in zip(
                (query, key), autograd.split(weight, sizes), biases, (1, 2), strict=True
            ):
                yield from self.heads(autograd.linear(x, w, b), count, alone)
        else:
            weights = (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)
            weights = weights if weight is None else autograd.split(weight, width)
            biases = (None, None, None) if bias is None else autograd.split(bias, width)
            for x, w, b in zip((query, key, value), weights, biases, strict=True):
                yield from self.heads(autograd.linear(x, w, b), 1, alone)

    def heads(self, x: Any, count: int, alone: bool) -> Iterator[Any]:
        """`count` times (N, heads, length, head_dim), views of x, `count` embed_dim wide."""
        first, second = (1, *x.shape[:-1]) if alone else x.shape[:-1]
        x = autograd.reshape(x, (first, second, count, self.num_heads, self.head_dim))
        lead = self.batch_first or alone
        shape = (first if lead else second, self.num_heads, second if lead else first, self.head_dim)
        for part in autograd.split(x, 1, 2) if count > 1 else (x,):
            yield autograd.reshape(
                autograd.permute(part, (2, 0, 3, 1, 4) if lead else (2, 1, 3, 0, 4)), shape
            )

    def attention_mask(self, mask: Any, q: Any, k: Any) -> Any:
        """attn_mask as attention takes it: bool, True where a query may look, or real."""
        check_type("attn_mask", mask, q)
        own, shape = tuple(mask.shape), (q.shape[2], k.shape[2])
        if own != shape and own != (q.shape[0] * self.num_heads, *shape):
            raise ValueError(
                f"MultiheadAttention: attn_mask of shape {own}; want (L, S) {shape} or (N heads, L, S) "
                f"{(q.shape[0] * self.num_heads, *shape)}"
            )
        mask = autograd.logical_not(mask) if mask.dtype.kind == "b" else mask
        return mask if len(own) == 2 else autograd.reshape(mask, (q.shape[0], self.num_heads, *shape))

    def padding_mask(self, mask: Any, q: Any, shape: tuple[int, int], alone: bool) -> Any:
        """key_padding_mask, which must have that shape, likewise."""
        check_type("key_padding_mask", mask, q)
        own = tuple(mask.shape)
        if own != (shape[1:] if alone else shape):
            raise ValueError(
                f"MultiheadAttention: key_padding_mask of shape {own}; want "
                + (f"(S,) {shape[1:]}" if alone else f"(N, S) {shape}")
            )
        mask = autograd.logical_not(mask) if mask.dtype.kind == "b" else mask
        return autograd.reshape(mask, (shape[0], 1, 1, shape[1]))


def check_type(name: str, mask: Any, q: Any) -> None:
    if not isinstance(mask, Tensor | np.ndarray):
        raise TypeError(f"MultiheadAttention: {name} must be a tensor, got a {type(mask).__name__}")
    if mask.dtype.kind != "b" and mask.dtype != q.dtype:
        raise TypeError(
            f"MultiheadAttention: {name} of {mask.dtype}; want bool (True: may not look), or the inputs' "
            f"{q.dtype} (added to the scores)"
        )


def both(mask: Any, other: Any) -> Any:
    """Two masks as one: bool if both are, else their sum, where False counts as -inf."""
    if mask is None or other is None:
        return other if mask is None else mask
    if mask.dtype.kind == other.dtype.kind == "b":
        return autograd.logical_and(mask, other)
    if mask.dtype.kind == "b":
        mask, other = other, mask
    return autograd.where(other, mask, -float("inf")) if other.dtype.kind == "b" else mask + other
