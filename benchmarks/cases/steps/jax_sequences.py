"""The layers of sequences on JAX, with PyTorch's parameters: loops are lax.scan, attention is jax.nn's."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array, lax

from benchmarks.cases.steps.jax_nn import LayerNorm, Linear, Module, Parameter

Carry = tuple[Array, ...]


class Recurrent(Module):
    """One layer; `cell` is (what the input adds, weight, bias, state) -> state."""

    gates, states = 1, 1
    cell: Callable[[Array, Array, Array, Carry], Carry]

    def __init__(self, inputs: int, units: int) -> None:
        self.units = units
        self.weight_ih = Parameter(self.gates * units, inputs)
        self.weight_hh = Parameter(self.gates * units, units)
        self.bias_ih, self.bias_hh = Parameter(self.gates * units), Parameter(self.gates * units)

    def __call__(self, x: Array) -> tuple[Array, None]:  # type: ignore[override]
        added = x @ self.weight_ih.value.T + self.bias_ih.value  # of all steps at once
        weight, bias = self.weight_hh.value, self.bias_hh.value

        def step(state: Carry, a: Array) -> tuple[Carry, Array]:
            state = type(self).cell(a, weight, bias, state)
            return state, state[0]

        begin = (jnp.zeros((x.shape[1], self.units)),) * self.states
        return lax.scan(step, begin, added)[1], None


class RNN(Recurrent):
    @staticmethod
    def cell(a: Array, weight: Array, bias: Array, state: Carry) -> Carry:
        return (jnp.tanh(a + state[0] @ weight.T + bias),)


class GRU(Recurrent):
    gates = 3

    @staticmethod
    def cell(a: Array, weight: Array, bias: Array, state: Carry) -> Carry:
        (h,) = state
        a_r, a_z, a_n = jnp.split(a, 3, -1)
        b_r, b_z, b_n = jnp.split(h @ weight.T + bias, 3, -1)
        n = jnp.tanh(a_n + jax.nn.sigmoid(a_r + b_r) * b_n)
        return (n + jax.nn.sigmoid(a_z + b_z) * (h - n),)


class LSTM(Recurrent):
    gates, states = 4, 2

    @staticmethod
    def cell(a: Array, weight: Array, bias: Array, state: Carry) -> Carry:
        h, c = state
        i, f, g, o = jnp.split(a + h @ weight.T + bias, 4, -1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        return jax.nn.sigmoid(o) * jnp.tanh(c), c


class Attention(Module):
    def __init__(self, width: int, heads: int) -> None:
        self.heads = heads
        self.in_weight, self.in_bias = Parameter(3 * width, width), Parameter(3 * width)
        self.out = Linear(width, width)

    def forward(self, x: Array) -> Array:
        n, t, width = x.shape
        inside = x @ self.in_weight.value.T + self.in_bias.value
        q, k, v = jnp.split(inside.reshape(n, t, 3 * self.heads, width // self.heads), 3, 2)
        return self.out(jax.nn.dot_product_attention(q, k, v).reshape(n, t, width))


class TransformerEncoderLayer(Module):
    """With the norms in front, as it is made here."""

    def __init__(
        self, width: int, heads: int, inner: int, dropout: float, batch_first: bool, norm_first: bool
    ) -> None:
        assert not dropout and batch_first and norm_first
        self.attention = Attention(width, heads)
        self.linear1, self.linear2 = Linear(width, inner), Linear(inner, width)
        self.norm1, self.norm2 = LayerNorm(width), LayerNorm(width)

    def forward(self, x: Array) -> Array:
        x = x + self.attention(self.norm1(x))
        return x + self.linear2(jax.nn.relu(self.linear1(self.norm2(x))))
