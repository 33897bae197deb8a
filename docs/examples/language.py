"""Three character models: a recurrent one, a Transformer, and a feed-forward window (Bengio et al. 2003).

Each is called with a batch as text.py makes them, for training, and has

    step(tokens, state)   tokens (N, T) -> the logits of what follows, and the state to go on from: what
                          nn.generate wants
    surprise(codes)       the mean of -log p over a text of any length, in nats a character
    batches(...)          a loader of what the model is trained on
"""

from __future__ import annotations

from typing import Any

import numpy as np

import autograd
import nn
from autograd import Generator, Tensor
from docs.examples.models import Window
from docs.examples.text import Readers, passages
from docs.examples.training import Stream

__all__ = ["Attentive", "Reader", "WindowReader"]

Array = np.ndarray[Any, Any]


def total(logits: Any, codes: Array) -> float:
    """The sum of -log p of the characters that did follow."""
    scores = autograd.reshape(logits, (-1, logits.shape[-1]))
    return float(nn.functional.cross_entropy(scores, Tensor(codes.reshape(-1)), reduction="sum").item())


class Reader(nn.Module):
    """Embedding, LSTM or GRU, linear. In training it remembers, from batch to batch, what each of its `lanes`
    readers has read (gradients end at the batch), and so does a checkpoint of it.

    layer   nn.LSTM or nn.GRU
    x (T, lanes) -> logits (T, lanes, size)
    """

    def __init__(self, layer: Any, size: int, width: int, lanes: int, embedded: int, dropout: float) -> None:
        super().__init__()
        self.lanes = lanes
        self.embedding = nn.Embedding(size, embedded)
        self.layer = layer(embedded, width)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width, size)
        self.register_buffer("h", autograd.zeros(1, lanes, width))
        if layer is nn.LSTM:
            self.register_buffer("c", autograd.zeros(1, lanes, width))

    def forward(self, x: Tensor) -> Any:
        kept = [self.h, self.c] if isinstance(self.layer, nn.LSTM) else [self.h]
        begin = [state.clone() for state in kept]
        states, ends = self.layer(self.embedding(x), begin if len(kept) == 2 else begin[0])
        with autograd.no_grad():
            for state, end in zip(kept, ends if len(kept) == 2 else [ends], strict=True):
                state.copy_(end)
        return self.head(self.dropout(states))

    def step(self, tokens: Tensor, state: Any) -> tuple[Any, Any]:
        states, state = self.layer(self.embedding(autograd.transpose(tokens, 0, 1)), state)
        return autograd.transpose(self.head(states), 0, 1), state

    def surprise(self, codes: Array, lanes: int = 32, length: int = 128) -> float:
        """The text is cut into `lanes` parts, each read from beginning to end with nothing forgotten."""
        each = (len(codes) - 1) // lanes
        x, following = (codes[i : i + lanes * each].reshape(lanes, each) for i in (0, 1))
        found, state = 0.0, None
        for start in range(0, each, length):
            part = slice(start, start + length)
            logits, state = self.step(Tensor(x[:, part]), state)
            found += total(logits, following[:, part])
        return found / x.size

    def batches(self, codes: Array, length: int, steps: int, seed: int) -> Readers:
        return Readers(codes, self.lanes, length, steps, seed)


class Attentive(nn.Module):
    """A Transformer that looks at the last `context` characters: embedding and learned positions, layers of
    causal self-attention, linear.

    x (N, T) -> logits (N, T, size), T up to `context`
    """

    def __init__(self, size: int, width: int, heads: int, layers: int, context: int, dropout: float) -> None:
        super().__init__()
        self.context = context
        self.embedding = nn.Embedding(size, width)
        nn.init.normal_(self.embedding.weight, std=0.02)
        self.positions = nn.LearnedPositionalEncoding(context, width, batch_first=True)
        layer = nn.TransformerEncoderLayer(
            width, heads, 4 * width, dropout, "gelu", batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, layers, nn.LayerNorm(width))
        self.head = nn.Linear(width, size)

    def forward(self, x: Tensor) -> Any:
        return self.head(self.encoder(self.positions(self.embedding(x)), is_causal=True))

    def step(self, tokens: Tensor, state: Any) -> tuple[Any, Any]:
        """The state: the last characters, and what each layer keeps of them. When no position is left, the
        later half of the context is read again, from the first position on."""
        seen, caches = state or (tokens[:, :0], None)
        seen = autograd.cat([seen, tokens], 1)[:, -self.context :]
        if caches is None or caches[0].length + tokens.shape[1] > self.context:
            fresh = seen if caches is None else seen[:, -self.context // 2 :]
            caches = self.encoder.caches()
        else:
            fresh = tokens
        x = self.positions(self.embedding(fresh), offset=caches[0].length)
        return self.head(self.encoder(x, cache=caches)), (seen, caches)

    def surprise(self, codes: Array, count: int = 64) -> float:
        """In passages of `context`, one behind the other, so on average it sees half of it."""
        each = min(self.context, len(codes) - 1)
        rows = (len(codes) - 1) // each
        x, following = (codes[i : i + rows * each].reshape(rows, each) for i in (0, 1))
        parts = [slice(start, start + count) for start in range(0, rows, count)]
        return sum(total(self(Tensor(x[part])), following[part]) for part in parts) / x.size

    def batches(self, codes: Array, count: int, steps: int, seed: int) -> Stream:
        def make(generator: Generator) -> tuple[Tensor, Tensor]:
            read = passages(codes, count, self.context + 1, generator)
            return Tensor(read[:, :-1]), Tensor(read[:, 1:].ravel())

        return Stream(make, steps, seed)


class WindowReader(nn.Module):
    """The last `reach` characters, embedded side by side, through one hidden layer.

    x (N, reach) -> logits (N, size)
    """

    def __init__(self, size: int, width: int, reach: int, embedded: int, dropout: float) -> None:
        super().__init__()
        self.reach = reach
        self.embedding = nn.Embedding(size, embedded)
        self.dropout = nn.Dropout(dropout)
        self.window = Window(reach, embedded, width, size, last=True)

    def forward(self, x: Tensor) -> Any:
        return self.window(self.dropout(autograd.transpose(self.embedding(x), 0, 1)))

    def step(self, tokens: Tensor, seen: Any) -> tuple[Any, Any]:
        seen = tokens if seen is None else autograd.cat([seen, tokens], 1)
        seen = seen[:, -self.reach :]
        return self(seen), seen

    def surprise(self, codes: Array, count: int = 4096) -> float:
        """Of every character that `reach` others precede."""
        x = np.lib.stride_tricks.sliding_window_view(codes[:-1], self.reach)
        following = codes[self.reach :]
        parts = [slice(start, start + count) for start in range(0, len(x), count)]
        return sum(total(self(Tensor(x[part].copy())), following[part]) for part in parts) / len(x)

    def batches(self, codes: Array, count: int, steps: int, seed: int) -> Stream:
        def make(generator: Generator) -> tuple[Tensor, Tensor]:
            read = passages(codes, count, self.reach + 1, generator)
            return Tensor(read[:, :-1]), Tensor(read[:, -1].copy())

        return Stream(make, steps, seed)
