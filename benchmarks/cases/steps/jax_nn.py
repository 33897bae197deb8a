"""What the networks need of PyTorch's base and nn, on JAX, so that models.py serves every side.

JAX wants functions without side effects. So a module keeps Variables; pure() makes the network a function of
their values, which stand in them only while a step is traced.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jax import Array, lax

tensor, cat, sin, cos = jnp.asarray, jnp.concatenate, jnp.sin, jnp.cos


class Variable:
    """What a layer keeps from step to step."""

    value: Array


class Parameter(Variable):
    """Trained; its first value comes from outside."""

    def __init__(self, *shape: int) -> None:
        self.shape = shape


class State(Variable):
    """Changed by the forward pass itself: running statistics, the key of random numbers."""

    def __init__(self, value: Array) -> None:
        self.value = value


V = TypeVar("V", bound=Variable)


class Module:
    def __call__(self, *inputs: Array) -> Array:
        return self.forward(*inputs)

    def forward(self, *inputs: Any) -> Array:
        raise NotImplementedError

    def register_buffer(self, name: str, value: Array) -> None:
        setattr(self, name, value)

    def variables(self, kind: type[V]) -> Iterator[V]:
        """In the order in which they were assigned, as PyTorch's parameters()."""
        for part in vars(self).values():
            if isinstance(part, kind):
                yield part
            elif isinstance(part, Module):
                yield from part.variables(kind)


Values = Sequence[Array]


def pure(network: Module) -> Callable[..., tuple[Array, list[Array]]]:
    """The network as a function (parameters, states, *inputs) -> (output, new states)."""
    parameters, states = list(network.variables(Parameter)), list(network.variables(State))

    def apply(trained: Values, kept: Values, *inputs: Array) -> tuple[Array, list[Array]]:
        for variables, values in ((parameters, trained), (states, kept)):
            for variable, value in zip(variables, values, strict=True):
                variable.value = value
        output = network(*inputs)
        return output, [state.value for state in states]

    return apply


# Layers --------------------------------------------------------------------------------------------


class Sequential(Module):
    def __init__(self, *layers: Module) -> None:
        vars(self).update({str(i): layer for i, layer in enumerate(layers)})

    def forward(self, x: Array) -> Array:
        for layer in vars(self).values():
            x = layer(x)
        return x


class Linear(Module):
    def __init__(self, wide: int, narrow: int) -> None:
        self.weight, self.bias = Parameter(narrow, wide), Parameter(narrow)

    def forward(self, x: Array) -> Array:
        return x @ self.weight.value.T + self.bias.value


class Conv2d(Module):
    def __init__(
        self, channels: int, filters: int, kernel: int, stride: int = 1, padding: int = 0, bias: bool = True
    ) -> None:
        self.weight = Parameter(filters, channels, kernel, kernel)
        self.bias = Parameter(filters) if bias else None
        self.stride, self.padding = (stride, stride), [(padding, padding)] * 2

    def forward(self, x: Array) -> Array:
        y = lax.conv_general_dilated(x, self.weight.value, self.stride, self.padding)
        return y if self.bias is None else y + per_channel(self.bias)


class ConvTranspose2d(Module):
    """A convolution with the turned kernel over x with stride - 1 zeros between its elements."""

    def __init__(
        self, channels: int, filters: int, kernel: int, stride: int = 1, padding: int = 0, bias: bool = True
    ) -> None:
        self.weight = Parameter(channels, filters, kernel, kernel)
        self.bias = Parameter(filters) if bias else None
        border = kernel - 1 - padding
        self.stride, self.padding = (stride, stride), [(border, border)] * 2

    def forward(self, x: Array) -> Array:
        turned = jnp.flip(self.weight.value, (2, 3)).swapaxes(0, 1)
        y = lax.conv_general_dilated(x, turned, (1, 1), self.padding, lhs_dilation=self.stride)
        return y if self.bias is None else y + per_channel(self.bias)


class BatchNorm2d(Module):
    """In training, with the running statistics of inference kept beside."""

    def __init__(self, channels: int) -> None:
        self.weight, self.bias = Parameter(channels), Parameter(channels)
        self.mean, self.variance = State(jnp.zeros(channels)), State(jnp.ones(channels))

    def forward(self, x: Array) -> Array:
        axes = (0, 2, 3)
        mean, variance = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
        count = x.size // x.shape[1]
        self.mean.value = 0.9 * self.mean.value + 0.1 * mean.ravel()
        self.variance.value = 0.9 * self.variance.value + 0.1 * variance.ravel() * count / (count - 1)
        return standardized(x, mean, variance) * per_channel(self.weight) + per_channel(self.bias)


class GroupNorm(Module):
    def __init__(self, groups: int, channels: int) -> None:
        self.groups = groups
        self.weight, self.bias = Parameter(channels), Parameter(channels)

    def forward(self, x: Array) -> Array:
        parts = x.reshape(len(x), self.groups, -1)
        mean, variance = parts.mean(2, keepdims=True), parts.var(2, keepdims=True)
        y = standardized(parts, mean, variance).reshape(x.shape)
        return y * per_channel(self.weight) + per_channel(self.bias)


class LayerNorm(Module):
    def __init__(self, width: int) -> None:
        self.weight, self.bias = Parameter(width), Parameter(width)

    def forward(self, x: Array) -> Array:
        y = standardized(x, x.mean(-1, keepdims=True), x.var(-1, keepdims=True))
        return y * self.weight.value + self.bias.value


def per_channel(variable: Variable) -> Array:
    """(C,) beside (N, C, H, W)."""
    return variable.value[:, None, None]


def standardized(x: Array, mean: Array, variance: Array) -> Array:
    return (x - mean) * lax.rsqrt(variance + 1e-5)


class Dropout(Module):
    def __init__(self, p: float) -> None:
        self.p, self.key = p, State(jax.random.key(0))

    def forward(self, x: Array) -> Array:
        self.key.value, used = jax.random.split(self.key.value)
        return jnp.where(jax.random.bernoulli(used, 1 - self.p, x.shape), x / (1 - self.p), 0.0)


class MaxPool2d(Module):
    """Its windows side by side, so that they are axes: lax.reduce_window has a gradient so slow that the
    MNIST CNN's step took 117 ms instead of 80."""

    def __init__(self, size: int) -> None:
        self.size = size

    def forward(self, x: Array) -> Array:
        n, c, h, w = x.shape
        return x.reshape(n, c, h // self.size, self.size, w // self.size, self.size).max((3, 5))


class Upsample(Module):
    """To the nearest."""

    def __init__(self, scale_factor: int) -> None:
        self.scale = scale_factor

    def forward(self, x: Array) -> Array:
        return x.repeat(self.scale, 2).repeat(self.scale, 3)


class Function(Module):
    def __init__(self, function: Callable[[Array], Array]) -> None:
        self.forward = function  # type: ignore[method-assign]


def Flatten() -> Module:
    return Function(lambda x: x.reshape(len(x), -1))


def Identity() -> Module:
    return Function(lambda x: x)


def ReLU() -> Module:
    return Function(jax.nn.relu)


def LeakyReLU(slope: float) -> Module:
    return Function(lambda x: jax.nn.leaky_relu(x, slope))


def Tanh() -> Module:
    return Function(jnp.tanh)


def SiLU() -> Module:
    return Function(jax.nn.silu)


# Losses --------------------------------------------------------------------------------------------

Loss = Callable[[Array, Array], Array]


def MSELoss() -> Loss:
    return lambda y, target: jnp.mean((y - target) ** 2)


def CrossEntropyLoss() -> Loss:
    def loss(logits: Array, target: Array) -> Array:
        return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits), target[:, None], 1))

    return loss


def BCEWithLogitsLoss() -> Loss:
    return lambda logits, target: jnp.mean(jnp.logaddexp(0, logits) - logits * target)
