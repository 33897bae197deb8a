"""Spectral normalisation: a layer whose matrix has the largest singular value 1 (Miyato et al. 2018).

The layer keeps the weight that is learned as `parametrizations.weight.original`, PyTorch's name for it; its
`weight` is computed from that whenever it is read.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import autograd
from autograd import Tensor
from autograd.ops.update import assign
from autograd.tape import bindings, no_grad
from nn.layers.images import ConvTranspose2d
from nn.module import Module
from nn.parameter import Parameter

__all__ = ["remove_spectral_norm", "spectral_norm"]

FIRST_ITERATIONS = 15  # from the random start, as PyTorch does


class SpectralNorm(Module):
    """W / sigma, where sigma = u' M v is the largest singular value of the matrix M of W, as found so far.

    M has the rows of W along `dim`: (rows, columns). u (rows,) and v (columns,) are the singular vectors,
    improved by power iterations: u <- M v / |M v|, v <- M' u / |M' u|. They count as constants.
    """

    _u: Tensor
    _v: Tensor

    def __init__(self, weight: Tensor, iterations: int, eps: float, dim: int) -> None:
        super().__init__()
        self.iterations = iterations
        self.eps = eps
        self.dim = dim
        if len(weight.shape) > 1:
            with no_grad():
                rows, columns = self.matrix(weight).shape
                self.register_buffer("_u", self.unit(autograd.randn(rows, dtype=weight.dtype)))
                self.register_buffer("_v", self.unit(autograd.randn(columns, dtype=weight.dtype)))
                self.iterate(weight, FIRST_ITERATIONS)

    def matrix(self, weight: Any) -> Any:
        if self.dim:
            others = [d for d in range(len(weight.shape)) if d != self.dim]
            weight = weight.permute(self.dim, *others)
        return weight.reshape(weight.shape[0], -1)

    def unit(self, x: Any) -> Any:
        return x / autograd.clamp(autograd.norm(x), min=self.eps)

    def iterate(self, weight: Any, iterations: int) -> None:
        """Better u and v, in place."""
        with no_grad():
            m = self.matrix(weight.detach())
            u, v = self._u, self._v
            for _ in range(iterations):
                u = self.unit(m @ v)
                v = self.unit(m.T @ u)
            assign(self._u, u)
            assign(self._v, v)

    def forward(self, weight: Any, improve: bool) -> Any:
        if len(weight.shape) == 1:
            return self.unit(weight)
        if improve:
            self.iterate(weight, self.iterations)
        # Copies: the next call writes new ones, and the backward pass of this one wants its own.
        u, v = self._u.clone(), self._v.clone()
        return weight / (u * (self.matrix(weight) @ v)).sum()


def norms(model: Module) -> Iterator[tuple[SpectralNorm, Any]]:
    """The spectral norms of matrices in `model`, each with the weight that it is of."""
    for held in model.modules():
        norm = getattr(held, "0", None)
        if isinstance(norm, SpectralNorm) and hasattr(norm, "_u"):
            yield norm, getattr(held, "original")  # noqa: B009


@functools.cache
def normalized_class(plain: type[Module], *names: str) -> type[Module]:
    """A subclass of the layer's class whose attributes `names` are computed."""

    def computed(name: str) -> property:
        def read(self: Any) -> Any:
            held = getattr(self.parametrizations, name)
            return getattr(held, "0")(held.original, self.training)

        return property(read)

    def refuse(self: Any, attribute: str, value: Any) -> None:
        if attribute in names:
            raise AttributeError(
                f"{type(self).__name__}.{attribute} is computed (spectral norm): write to parametrizations."
                f"{attribute}.original, or take the norm off by remove_spectral_norm()"
            )
        plain.__setattr__(self, attribute, value)

    def reduce(self: Any) -> tuple[Any, ...]:
        return bare, (plain, *names), self.__dict__

    body: dict[str, Any] = {name: computed(name) for name in names}
    special = {"__setattr__": refuse, "__reduce__": reduce, "plain_class": plain}
    return type(f"Spectral{plain.__name__}", (plain,), {**body, **special})


def bare(plain: type[Module], *names: str) -> Module:
    """What pickle and copy fill: they find no class that was made on the way."""
    made = normalized_class(plain, *names)  # type: ignore[arg-type]
    return made.__new__(made)


def dress(module: Any) -> None:
    """Give the module the class that computes what it holds under `parametrizations`."""
    plain: type[Module] = getattr(module, "plain_class", type(module))
    names = [name for name, _ in module.parametrizations.named_children()]
    dressed = normalized_class(plain, *names) if names else plain  # type: ignore[arg-type]
    object.__setattr__(module, "__class__", dressed)  # Module's own would make it an attribute
    if not names:
        del module.__dict__["parametrizations"]
    bindings.count += 1


def spectral_norm(
    module: Any, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> Any:
    """Normalise a parameter of `module` by its spectral norm from now on; returns the module.

    In training mode each call of the module makes n_power_iterations power iterations first, in evaluation
    mode none. `dim` counts the rows of the matrix: 0, but 1 for transposed convolutions. eps bounds the norms
    that are divided by. The state_dict has PyTorch's keys (torch.nn.utils.parametrizations.spectral_norm);
    the parameter stays the same object, so optimisers that hold it go on.

    ValueError if there is no such parameter, or it is normalised already.

    >>> import autograd, nn
    >>> import numpy as np
    >>> layer = spectral_norm(nn.Linear(4, 8), n_power_iterations=200)
    >>> _ = layer(autograd.ones(1, 4))
    >>> round(float(np.linalg.norm(layer.weight.detach().data, 2)), 3)
    1.0
    >>> list(layer.state_dict())
    ['bias', 'parametrizations.weight.original', 'parametrizations.weight.0._u', ...]
    """
    weight = module.__dict__.get(name)
    held = getattr(getattr(module, "parametrizations", None), name, None)
    if held is not None:
        raise ValueError(f"spectral_norm: {name} of this {type(module).__name__} is normalised already")
    if not isinstance(weight, Parameter):
        known = ", ".join(known for known, _ in module.named_parameters(recurse=False)) or "none"
        raise ValueError(
            f"spectral_norm: {type(module).__name__} has no parameter {name!r} (it has: {known})"
        )
    if n_power_iterations < 1:
        raise ValueError(f"spectral_norm: want n_power_iterations >= 1, got {n_power_iterations}")
    axes = len(weight.shape)
    if dim is None:
        dim = 1 if isinstance(module, ConvTranspose2d) else 0
    if not -axes <= dim < axes:
        raise ValueError(f"spectral_norm: want a dim of {name}, {-axes} ... {axes - 1}, got {dim}")
    held = Module()
    held.original = weight
    held.add_module("0", SpectralNorm(weight, n_power_iterations, eps, dim % axes))
    if not hasattr(module, "parametrizations"):
        module.parametrizations = Module()
    module.parametrizations.add_module(name, held)
    del module.__dict__[name]
    dress(module)
    return module


def remove_spectral_norm(module: Any, name: str = "weight") -> Any:
    """The layer as it was, its parameter being the normalised weight as it is now; returns the module.

    >>> import nn
    >>> layer = spectral_norm(nn.Linear(2, 2))
    >>> list(remove_spectral_norm(layer).state_dict())
    ['bias', 'weight']
    """
    held = getattr(getattr(module, "parametrizations", None), name, None)
    if held is None:
        raise ValueError(f"remove_spectral_norm: {name} of this {type(module).__name__} is not normalised")
    with no_grad():
        assign(held.original, getattr(held, "0")(held.original, False))
    del module.parametrizations.__dict__[name]
    module.__dict__[name] = held.original
    dress(module)
    return module
