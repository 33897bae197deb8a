"""Transformers: attention and a small network for each position, in turns (Vaswani et al. 2017)."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import autograd
import nn.functional as F
from autograd import Tensor
from nn import init
from nn.cache import KeyValueCache
from nn.containers import ModuleList
from nn.layers.attention import MultiheadAttention
from nn.layers.cells import check_positive
from nn.layers.dropping import Dropout
from nn.layers.linear import Linear
from nn.layers.norms import LayerNorm
from nn.module import Module

__all__ = [
    "Transformer", "TransformerDecoder", "TransformerDecoderLayer", "TransformerEncoder",
    "TransformerEncoderLayer",
]  # fmt: skip

Activation = str | Callable[[Any], Any]


def activation_of(activation: Activation) -> Callable[[Any], Any]:
    if callable(activation):
        return activation
    if activation not in ("relu", "gelu"):
        raise ValueError(f'activation: want "relu", "gelu" or a function, got {activation!r}')
    return F.relu if activation == "relu" else F.gelu


class TransformerEncoderLayer(Module):
    """Self-attention, then linear, activation, linear; each added to its input and normalised.

    src (N, L, d_model) with batch_first, else (L, N, d_model), or (L, d_model) -> the same. src_mask,
    src_key_padding_mask, is_causal and cache: as MultiheadAttention's. norm_first normalises before each part
    in place of after it, which is easier to train when layers are many (Xiong et al. 2020).

    >>> import autograd, nn
    >>> layer = nn.TransformerEncoderLayer(d_model=8, nhead=2, dim_feedforward=16, batch_first=True)
    >>> layer(autograd.randn(3, 5, 8), is_causal=True).shape
    (3, 5, 8)
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = "relu",
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.self_attn = MultiheadAttention(
            d_model, nhead, dropout, bias, batch_first=batch_first, dtype=dtype
        )
        self.linear1 = Linear(d_model, dim_feedforward, bias, dtype)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias, dtype)
        self.norm_first = norm_first
        self.norm1 = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)
        self.norm2 = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)
        self.dropout1 = Dropout(dropout)
        self.dropout2 = Dropout(dropout)
        self.activation = activation_of(activation)

    def forward(
        self,
        src: Any,
        src_mask: Any = None,
        src_key_padding_mask: Any = None,
        is_causal: bool = False,
        cache: KeyValueCache | None = None,
    ) -> Any:
        def attend(x: Any) -> Any:
            out, _ = self.self_attn(
                x, x, x, src_key_padding_mask, False, src_mask, is_causal=is_causal, cache=cache
            )
            return self.dropout1(out)

        x = residual(src, self.norm1, attend, self.norm_first)
        return residual(x, self.norm2, self.feed, self.norm_first)

    def feed(self, x: Any) -> Any:
        return self.dropout2(self.linear2(self.dropout(self.activation(self.linear1(x)))))


def residual(x: Any, norm: Module, part: Callable[[Any], Any], norm_first: bool) -> Any:
    return x + part(norm(x)) if norm_first else norm(x + part(x))


class TransformerDecoderLayer(Module):
    """As TransformerEncoderLayer, with attention to `memory` (what an encoder made) in between.

    tgt (N, L, d_model) and memory (N, S, d_model) with batch_first, else (L, N, d_model), (S, N, d_model), or
    of one sequence (L, d_model), (S, d_model) -> like tgt. The masks are MultiheadAttention's, those of
    memory over its S places; cache is that of the self-attention.

    >>> import autograd, nn
    >>> layer = nn.TransformerDecoderLayer(d_model=8, nhead=2, dim_feedforward=16, batch_first=True)
    >>> layer(autograd.randn(3, 5, 8), autograd.randn(3, 7, 8), tgt_is_causal=True).shape
    (3, 5, 8)
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = "relu",
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.self_attn = MultiheadAttention(
            d_model, nhead, dropout, bias, batch_first=batch_first, dtype=dtype
        )
        self.multihead_attn = MultiheadAttention(
            d_model, nhead, dropout, bias, batch_first=batch_first, dtype=dtype
        )
        self.linear1 = Linear(d_model, dim_feedforward, bias, dtype)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias, dtype)
        self.norm_first = norm_first
        self.norm1 = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)
        self.norm2 = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)
        self.norm3 = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)
        self.dropout1 = Dropout(dropout)
        self.dropout2 = Dropout(dropout)
        self.dropout3 = Dropout(dropout)
        self.activation = activation_of(activation)

    def forward(
        self,
        tgt: Any,
        memory: Any,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
        cache: KeyValueCache | None = None,
    ) -> Any:
        def attend(x: Any) -> Any:
            out, _ = self.self_attn(
                x, x, x, tgt_key_padding_mask, False, tgt_mask, is_causal=tgt_is_causal, cache=cache
            )
            return self.dropout1(out)

        def recall(x: Any) -> Any:
            out, _ = self.multihead_attn(
                x, memory, memory, memory_key_padding_mask, False, memory_mask, is_causal=memory_is_causal
            )
            return self.dropout2(out)

        x = residual(tgt, self.norm1, attend, self.norm_first)
        x = residual(x, self.norm2, recall, self.norm_first)
        return residual(x, self.norm3, self.feed, self.norm_first)

    def feed(self, x: Any) -> Any:
        return self.dropout3(self.linear2(self.dropout(self.activation(self.linear1(x)))))


class Stack(Module):
    """num_layers copies of a layer, one on the other; they start equal, as PyTorch's do."""

    norm: Module | None

    def __init__(self, layer: Module, num_layers: int, norm: Module | None) -> None:
        super().__init__()
        check_positive(type(self).__name__, num_layers=num_layers)
        if not isinstance(layer, Module):
            raise TypeError(f"{type(self).__name__}: want a layer (an nn.Module), got {layer!r}")
        self.layers = ModuleList(copy.deepcopy(layer) for _ in range(num_layers))
        self.num_layers = num_layers
        self.norm = norm

    def caches(self) -> list[KeyValueCache]:
        """An empty cache for each layer."""
        return [KeyValueCache() for _ in self.layers]

    def run(self, x: Any, call: Callable[..., Any], cache: Sequence[KeyValueCache] | None) -> Any:
        if isinstance(cache, KeyValueCache):
            raise TypeError(
                f"{type(self).__name__}: want caches, one for each layer, as caches() makes them, got a "
                "KeyValueCache"
            )
        if cache is not None and len(cache) != self.num_layers:
            raise ValueError(
                f"{type(self).__name__}: {len(cache)} caches for {self.num_layers} layers; want one for "
                "each, as caches() makes them"
            )
        for i, layer in enumerate(self.layers):
            x = call(layer, x, None if cache is None else cache[i])
        return x if self.norm is None else self.norm(x)


class TransformerEncoder(Stack):
    """num_layers copies of encoder_layer, then `norm`, if given. The copies start equal, as PyTorch's do.

    src and masks as the layer's. `cache` holds a KeyValueCache for each layer, as caches() makes them: src is
    then the positions that follow those in it. enable_nested_tensor is PyTorch's, and changes nothing here.

    >>> import autograd, nn
    >>> layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    >>> encoder = nn.TransformerEncoder(layer, num_layers=2, norm=nn.LayerNorm(8)).eval()
    >>> x, caches = autograd.randn(3, 5, 8), encoder.caches()
    >>> with autograd.no_grad():
    ...     whole = encoder(x, is_causal=True)
    ...     start, end = encoder(x[:, :4], cache=caches), encoder(x[:, 4:], cache=caches)
    >>> autograd.cat([start, end], 1).allclose(whole, atol=1e-6)
    True
    """

    def __init__(
        self,
        encoder_layer: Module,
        num_layers: int,
        norm: Module | None = None,
        enable_nested_tensor: bool = True,
    ) -> None:
        super().__init__(encoder_layer, num_layers, norm)

    def forward(
        self,
        src: Any,
        mask: Any = None,
        src_key_padding_mask: Any = None,
        is_causal: bool | None = None,
        cache: Sequence[KeyValueCache] | None = None,
    ) -> Any:
        def call(layer: Module, x: Any, cache: KeyValueCache | None) -> Any:
            return layer(x, mask, src_key_padding_mask, bool(is_causal), cache)

        return self.run(src, call, cache)


class TransformerDecoder(Stack):
    """num_layers copies of decoder_layer, then `norm`, if given; arguments as the layer's, `cache` as
    TransformerEncoder's."""

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        super().__init__(decoder_layer, num_layers, norm)

    def forward(
        self,
        tgt: Any,
        memory: Any,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
        cache: Sequence[KeyValueCache] | None = None,
    ) -> Any:
        masks = (tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask)

        def call(layer: Module, x: Any, cache: KeyValueCache | None) -> Any:
            return layer(x, memory, *masks, bool(tgt_is_causal), memory_is_causal, cache)

        return self.run(tgt, call, cache)


class Transformer(Module):
    """An encoder, and a decoder that attends to what it made, as in "Attention is all you need".

    src (N, S, d_model) and tgt (N, T, d_model) with batch_first, else (S, N, d_model) and (T, N, d_model) ->
    like tgt. All matrices start xavier_uniform_. Masks as the layers'.

    >>> import autograd, nn
    >>> model = nn.Transformer(8, 2, 1, 1, 16, batch_first=True)
    >>> model(autograd.randn(3, 7, 8), autograd.randn(3, 5, 8), tgt_is_causal=True).shape
    (3, 5, 8)
    """

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = "relu",
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        shared = (dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias, dtype)
        self.encoder = TransformerEncoder(
            TransformerEncoderLayer(d_model, nhead, *shared),
            num_encoder_layers,
            LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype),
        )
        self.decoder = TransformerDecoder(
            TransformerDecoderLayer(d_model, nhead, *shared),
            num_decoder_layers,
            LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype),
        )
        for parameter in self.parameters():
            if parameter.ndim > 1:
                init.xavier_uniform_(parameter)

    def forward(
        self,
        src: Any,
        tgt: Any,
        src_mask: Any = None,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        src_key_padding_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        src_is_causal: bool | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Any:
        memory = self.encoder(src, src_mask, src_key_padding_mask, src_is_causal)
        masks = (tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask)
        return self.decoder(tgt, memory, *masks, tgt_is_causal, memory_is_causal)

    @staticmethod
    def generate_square_subsequent_mask(sz: int, dtype: Any = None) -> Tensor:
        """The causal mask (sz, sz) to be added: 0 where a query may look, -inf ahead of it.

        >>> Transformer.generate_square_subsequent_mask(2)
        tensor([[ 0., -inf],
                [ 0.,   0.]])
        """
        ahead = np.triu(np.full((sz, sz), -math.inf), 1)
        return Tensor(ahead.astype(dtype or autograd.get_default_dtype()))
