"""Embedding: a learned row for every integer."""

from __future__ import annotations

from typing import Any

import autograd
import nn.functional as F
from autograd.ops.update import assign
from autograd.tape import no_grad
from nn import init
from nn.functional.sparse import padding_row
from nn.module import Module
from nn.parameter import Parameter

__all__ = ["Embedding"]


class Embedding(Module):
    """Rows of a learned table: integers (*) -> (*, embedding_dim).

    weight (num_embeddings, embedding_dim) starts standard normal. The row `padding_idx` starts at 0 and
    gets no gradient.

    >>> import autograd, nn
    >>> nn.Embedding(10, 4)(autograd.tensor([[1, 2, 3]])).shape
    (1, 3, 4)
    """

    def __init__(
        self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.padding_idx = (
            None if padding_idx is None else padding_row("Embedding", padding_idx, num_embeddings)
        )
        self.weight = Parameter(autograd.empty(num_embeddings, embedding_dim, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with no_grad():
                assign(self.weight, 0.0, self.padding_idx)

    def forward(self, input: Any) -> Any:
        return F.embedding(input, self.weight, self.padding_idx)

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"
