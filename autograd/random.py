"""Random tensors, with PyTorch's names: the tensor face of `autograd.ops.random`.

All take a `generator`; without one they draw from the default one, which `manual_seed` sets.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd import dtypes
from autograd.ops.random import (
    Generator,
    default_generator,
    get_rng_state,
    initial_seed,
    manual_seed,
    seed,
    set_rng_state,
)
from autograd.tape import TRACE, mode
from autograd.tensor import Tensor, shape_of

__all__ = [
    "Generator", "bernoulli", "default_generator", "dropout", "get_rng_state", "initial_seed", "manual_seed",
    "multinomial", "normal", "rand", "rand_like", "randint", "randn", "randn_like", "randperm", "seed",
    "set_rng_state",
]  # fmt: skip


def rand(
    *size: Any, dtype: Any = None, generator: Generator | None = None, requires_grad: bool = False
) -> Tensor:
    """Uniform in [0, 1).

    >>> manual_seed(1)
    Generator(seed=1, offset=0)
    >>> rand(2, 2)
    tensor([[0.8903, 0.8947],
            [0.5857, 0.7113]])
    """
    source = generator or default_generator
    return Tensor(source.uniform(shape_of(size), dtype or dtypes.default_dtype), requires_grad)


def randn(
    *size: Any, dtype: Any = None, generator: Generator | None = None, requires_grad: bool = False
) -> Tensor:
    """Normal with mean 0 and variance 1."""
    source = generator or default_generator
    return Tensor(source.normal(shape_of(size), dtype or dtypes.default_dtype), requires_grad)


def rand_like(x: Tensor, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    return rand(x.shape, dtype=dtype or x.dtype, requires_grad=requires_grad)


def randn_like(x: Tensor, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    return randn(x.shape, dtype=dtype or x.dtype, requires_grad=requires_grad)


def randint(
    low: int, high: Any, size: Any = None, dtype: Any = None, generator: Generator | None = None
) -> Tensor:
    """int64 in [low, high), each equally likely; randint(high, size) begins at 0.

    >>> randint(1, 7, (3,), generator=Generator(0))
    tensor([6, 4, 3])
    """
    if size is None:
        low, high, size = 0, low, high
    values = (generator or default_generator).integers(
        int(low), int(high), shape_of(size if size.__class__ is tuple else (size,))
    )
    return Tensor(values if dtype is None else values.astype(dtype))


def randperm(n: int, generator: Generator | None = None) -> Tensor:
    """0 ... n-1 in random order, int64."""
    if mode.word & TRACE:
        mode.trace.refuse_draw("randperm")
    return Tensor((generator or default_generator).permutation(n))


def bernoulli(p: Tensor, generator: Generator | None = None) -> Tensor:
    """1 with probability p, else 0, for each element of p; no gradient flows."""
    if mode.word & TRACE:  # the same draw, compared by an op
        drawn: Tensor = rand(p.shape, dtype=p.dtype, generator=generator) < p.detach()
        return drawn.to(p.dtype)
    return Tensor((generator or default_generator).bernoulli(p.data))


def multinomial(
    input: Tensor, num_samples: int, replacement: bool = False, generator: Generator | None = None
) -> Tensor:
    """Places in each row of weights `input` (C,) or (N, C), drawn with probabilities in proportion to them:
    int64 (num_samples,) or (N, num_samples). Without replacement none is drawn twice.

    >>> import autograd
    >>> multinomial(autograd.tensor([[0.0, 3.0], [1.0, 0.0]]), 1)
    tensor([[1],
            [0]])
    """
    if mode.word & TRACE:
        mode.trace.refuse_draw("multinomial")
    weights = input.data.astype(np.float64)
    if weights.ndim not in (1, 2) or not weights.size:
        raise ValueError(f"multinomial: want weights (C,) or (N, C), got shape {weights.shape}")
    some = np.count_nonzero(weights, -1).min()
    if not (weights >= 0).all() or not np.isfinite(weights).all() or not some:
        raise ValueError("multinomial: want finite weights >= 0, and one at least above 0 in each row")
    if not isinstance(num_samples, int | np.integer) or num_samples < 1:
        raise ValueError(f"multinomial: want num_samples >= 1, got {num_samples!r}")
    source = generator or default_generator
    if replacement or num_samples == 1:
        return Tensor(source.choices(weights, int(num_samples)))
    if num_samples > some:
        raise ValueError(
            f"multinomial: {num_samples} samples without replacement, of a row with {some} weights above 0"
        )
    # Whoever arrives first, waiting exponential times of these rates (Efraimidis and Spirakis 2006).
    times = np.full(weights.shape, np.inf)
    times = np.divide(
        -np.log1p(-source.uniform(weights.shape, np.float64)), weights, times, where=weights > 0
    )
    return Tensor(times.argsort(-1)[..., :num_samples])


def normal(
    mean: Tensor | float,
    std: Tensor | float = 1.0,
    size: Any = None,
    dtype: Any = None,
    generator: Generator | None = None,
) -> Tensor:
    """Normal with these means and standard deviations: numbers and a size, or tensors, which broadcast; no
    gradient flows (for one, write mean + std * randn_like(mean))."""
    source = generator or default_generator
    if isinstance(mean, Tensor) or isinstance(std, Tensor):
        if size is not None:
            raise ValueError("normal: give tensors or a size, not both")
        means, stds = (v.data if isinstance(v, Tensor) else np.asarray(v, np.float32) for v in (mean, std))
        if (stds < 0).any():
            raise ValueError(f"normal: want std >= 0, got {stds.min()}")
        real = dtype or np.result_type(means, stds)
        if mode.word & TRACE:
            shape = np.broadcast_shapes(means.shape, stds.shape)
            centre, scale = (v.detach() if isinstance(v, Tensor) else v for v in (mean, std))
            drawn: Tensor = centre + scale * randn(shape, dtype=real, generator=generator)
            return drawn.to(real)
        z = source.normal(np.broadcast_shapes(means.shape, stds.shape), real)
        return Tensor((means + stds * z).astype(real, copy=False))
    if size is None:
        raise ValueError("normal: want a size where mean and std are numbers, say normal(0.0, 1.0, (2, 3))")
    return Tensor(source.normal(shape_of((size,)), dtype or dtypes.default_dtype, float(mean), float(std)))


def dropout(input: Any, p: float = 0.5, training: bool = True) -> Any:
    """Each element 0 with probability p, else divided by 1 - p; the input itself when not `training`.

    >>> import autograd
    >>> autograd.dropout(autograd.ones(3), p=0.9, training=False)
    tensor([1., 1., 1.])
    """
    return dropped("dropout", input, tuple(input.shape), p, training)


def dropped(name: str, input: Any, shape: tuple[int, ...], p: float, training: bool) -> Any:
    """`input` times a mask of `shape` that is 0 with probability p, else 1 / (1 - p)."""
    if not 0 <= p <= 1:
        raise ValueError(f"{name}: want a probability in [0, 1], got {p}")
    if not training or p == 0:
        return input
    return input * Tensor(default_generator.dropout_mask(shape, p, input.dtype))
