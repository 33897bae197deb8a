"""Optimiser updates on raw arrays: one pass over parameter, gradient and state, all in place.

The formulas are those of torch.optim.SGD, Adam and AdamW, in the same order of operations. Each has its
NumPy reference beside it, which runs where the kernel does not fit (other types, strided arrays).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from autograd import kernels

__all__ = ["adam", "adam_reference", "sgd", "sgd_reference"]

Array = npt.NDArray[Any]

# Elements from which the kernel beats NumPy for SGD without momentum and with it; Adam's always does.
SGD_THRESHOLD = (8192, 1024)


def fits(param: Array, *others: Array | None) -> bool:
    """Whether the kernels can run on these arrays: contiguous, of one real type and one shape."""
    if not kernels.active or param.dtype not in kernels.DTYPES or not param.flags.c_contiguous:
        return False
    return all(
        a is None or (a.flags.c_contiguous and a.dtype == param.dtype and a.shape == param.shape)
        for a in others
    )


def sgd(
    param: Array,
    grad: Array,
    buffer: Array | None = None,
    *,
    lr: float,
    momentum: float = 0.0,
    dampening: float = 0.0,
    weight_decay: float = 0.0,
    nesterov: bool = False,
    maximize: bool = False,
    first: bool = False,
) -> None:
    """One step of stochastic gradient descent, in place. `buffer` holds the velocity where there is
    momentum; `first` says that it holds nothing yet.

    >>> p = np.array([1.0, 2.0])
    >>> sgd(p, np.array([1.0, -1.0]), lr=0.5)
    >>> p
    array([0.5, 2.5])
    """
    if param.size < SGD_THRESHOLD[buffer is not None] or not fits(param, grad, buffer):
        sgd_reference(
            param, grad, buffer, lr=lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay,
            nesterov=nesterov, maximize=maximize, first=first,
        )  # fmt: skip
        return
    kernels.call(
        kernels.SGD,
        (param, grad, buffer),
        (param.size, maximize, nesterov, first),
        (lr, momentum, dampening, weight_decay),
    )


def sgd_reference(
    param: Array,
    grad: Array,
    buffer: Array | None = None,
    *,
    lr: float,
    momentum: float = 0.0,
    dampening: float = 0.0,
    weight_decay: float = 0.0,
    nesterov: bool = False,
    maximize: bool = False,
    first: bool = False,
) -> None:
    """`sgd` in NumPy."""
    if maximize:
        grad = -grad
    if weight_decay:
        grad = grad + weight_decay * param
    if buffer is not None:
        if first:
            buffer[...] = grad
        else:
            buffer *= momentum
            buffer += (1 - dampening) * grad
        grad = grad + momentum * buffer if nesterov else buffer
    param -= lr * grad


def adam(
    param: Array,
    grad: Array,
    mean: Array,
    square: Array,
    largest: Array | None = None,
    *,
    step: int,
    lr: float = 1e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    decoupled: bool = False,
    maximize: bool = False,
) -> None:
    """One step of Adam (Kingma and Ba 2015), in place; `decoupled` decay makes it AdamW (Loshchilov and
    Hutter 2019), an array `largest` makes it AMSGrad (Reddi et al. 2018). `step` counts from 1; `mean` and
    `square` are the running means of the gradient and of its square, 0 at first.

    >>> p, m, v = np.array([1.0]), np.zeros(1), np.zeros(1)
    >>> adam(p, np.array([3.0]), m, v, step=1, lr=0.1)
    >>> p.round(6), m, v
    (array([0.9]), array([0.3]), array([0.009]))
    """
    if not fits(param, grad, mean, square, largest):
        adam_reference(
            param, grad, mean, square, largest, step=step, lr=lr, betas=betas, eps=eps,
            weight_decay=weight_decay, decoupled=decoupled, maximize=maximize,
        )  # fmt: skip
        return
    kernels.call(
        kernels.ADAM,
        (param, grad, mean, square, largest),
        (param.size, maximize, decoupled),
        (lr, *betas, eps, weight_decay, step),
    )


def adam_reference(
    param: Array,
    grad: Array,
    mean: Array,
    square: Array,
    largest: Array | None = None,
    *,
    step: int,
    lr: float = 1e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    decoupled: bool = False,
    maximize: bool = False,
) -> None:
    """`adam` in NumPy."""
    beta1, beta2 = betas
    if maximize:
        grad = -grad
    if weight_decay and decoupled:
        param *= 1 - lr * weight_decay
    elif weight_decay:
        grad = grad + weight_decay * param
    mean += (1 - beta1) * (grad - mean)
    square *= beta2
    square += (1 - beta2) * (grad * grad)
    if largest is not None:
        np.maximum(largest, square, out=largest)
        square = largest
    root = np.sqrt(square) / math.sqrt(1 - beta2**step) + eps
    param -= lr / (1 - beta1**step) * mean / root
