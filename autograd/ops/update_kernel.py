"""Optimiser updates on raw arrays: one pass over parameters, gradients and state, all in place.

The formulas are those of torch.optim, in the same order of operations. Each function updates all the rows it
is given by one call of its kernel; where that doesn't fit (other types, strided arrays) NumPy goes through
them one by one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from autograd import kernels
from autograd.tape import TRACE, mode, storage

__all__ = ["Rows", "adam", "clip_norm", "rmsprop", "sgd"]

Array = npt.NDArray[Any]


def kind(arrays: Sequence[Array | None]) -> np.dtype[Any] | None:
    """The type in which the kernels can update a parameter with this state, given as [parameter, *state]:
    contiguous arrays of one real type and one shape. None: only NumPy can."""
    param = arrays[0]
    assert param is not None
    if not kernels.active or param.dtype not in kernels.DTYPES:
        return None
    fits = all(
        a is None
        or (a.flags.c_contiguous and a.flags.writeable and a.dtype == param.dtype and a.shape == param.shape)
        for a in arrays
    )
    return param.dtype if fits else None


class Rows:
    """The arrays that an update writes, a row per parameter.

    columns  the parameters, then each array of the state, all in one order; None where there is none

    Addresses are looked up here once, so the same rows serve any number of steps.

    >>> rows = Rows([np.array([1.0, 2.0]), np.array([3.0])])
    >>> sgd(rows, [np.array([1.0, -1.0]), np.array([2.0])], lr=0.5)
    >>> rows.columns[0]
    [array([0.5, 2.5]), array([2.])]
    """

    def __init__(self, *columns: Sequence[Array] | None) -> None:
        params = columns[0]
        assert params is not None
        self.columns = columns
        self.shapes = [p.shape for p in params]
        kinds = {kind([None if c is None else c[i] for c in columns]) for i in range(len(params))}
        self.dtype = kinds.pop() if len(kinds) == 1 else None
        self.dtypes = [self.dtype] * len(params)
        if self.dtype is not None:
            self.counts = kernels.integers([p.size for p in params])
            self.addresses = [None if c is None else kernels.addresses(c) for c in columns]
            self.addresses += [None] * (4 - len(columns))

    def run(
        self,
        kernel: int,
        grads: Sequence[Array],
        steps: Sequence[int] | None,
        sizes: Sequence[int],
        values: Sequence[float],
    ) -> bool:
        """Call the kernel if it fits these gradients too; whether it did."""
        if self.dtype is None or not kernels.active:
            return False
        if [g.dtype for g in grads] != self.dtypes or [g.shape for g in grads] != self.shapes:
            return False
        if mode.word & TRACE:
            grads = mode.trace.update(kernel, self, grads, steps, sizes, values)
        try:
            pointers = kernels.addresses(grads)
        except ValueError:  # a strided one
            return False
        params, *state = self.addresses
        args = (self.counts, params, pointers, *state, steps and kernels.integers(steps))
        kernels.call_many(kernel, self.dtype, args, (len(grads), *sizes), values)
        return True

    def each(self, grads: Sequence[Array], steps: Sequence[int] | None) -> Iterator[tuple[Any, ...]]:
        """(gradient, step, parameter, state...) row by row."""
        for i, grad in enumerate(grads):
            yield grad, steps and steps[i], *(None if c is None else c[i] for c in self.columns)


def sgd(
    rows: Rows,
    grads: Sequence[Array],
    steps: Sequence[int] | None = None,
    *,
    lr: float,
    momentum: float = 0.0,
    dampening: float = 0.0,
    weight_decay: float = 0.0,
    nesterov: bool = False,
    maximize: bool = False,
) -> None:
    """One step of stochastic gradient descent. Rows: parameters and, with momentum, the velocities; those
    of rows at step 1 hold nothing yet.

    >>> p = np.array([1.0, 2.0])
    >>> sgd(Rows([p]), [np.array([1.0, -1.0])], lr=0.5)
    >>> p
    array([0.5, 2.5])
    """
    values = (lr, momentum, dampening, weight_decay)
    if rows.run(kernels.SGD, grads, steps, (maximize, nesterov), values):
        return
    for grad, step, param, *buffers in rows.each(grads, steps):
        grad = decayed(grad, param, weight_decay, maximize)
        for buffer in buffers:
            if step == 1:
                buffer[...] = grad
            else:
                buffer *= momentum
                buffer += (1 - dampening) * grad
            grad = grad + momentum * buffer if nesterov else buffer
        param -= lr * grad


def adam(
    rows: Rows,
    grads: Sequence[Array],
    steps: Sequence[int],
    *,
    lr: float = 1e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    decoupled: bool = False,
    maximize: bool = False,
) -> None:
    """One step of Adam (Kingma and Ba 2015); `decoupled` decay makes it AdamW (Loshchilov and Hutter 2019), a
    fourth column AMSGrad (Reddi et al. 2018). Rows: parameters, the running means of the gradient and of its
    square, and the largest such square so far, all 0 at first. Steps count from 1.

    >>> p, m, v = np.array([1.0]), np.zeros(1), np.zeros(1)
    >>> adam(Rows([p], [m], [v]), [np.array([3.0])], [1], lr=0.1)
    >>> p.round(6), m, v
    (array([0.9]), array([0.3]), array([0.009]))
    """
    values = (lr, *betas, eps, weight_decay)
    if rows.run(kernels.ADAM, grads, steps, (maximize, decoupled), values):
        return
    beta1, beta2 = betas
    for grad, step, param, mean, square, *largest in rows.each(grads, steps):
        if decoupled:
            param *= 1 - lr * weight_decay
        grad = decayed(grad, param, 0.0 if decoupled else weight_decay, maximize)
        mean += (1 - beta1) * (grad - mean)
        square *= beta2
        square += (1 - beta2) * (grad * grad)
        for most in largest:
            square = np.maximum(most, square, out=most)
        root = np.sqrt(square) / math.sqrt(1 - beta2**step) + eps
        param -= lr / (1 - beta1**step) * mean / root


def rmsprop(
    rows: Rows,
    grads: Sequence[Array],
    *,
    lr: float = 1e-2,
    alpha: float = 0.99,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    momentum: float = 0.0,
    maximize: bool = False,
) -> None:
    """One step of RMSprop (Tieleman and Hinton 2012, lecture 6.5). Rows: parameters, the running means of the
    gradient's square and (centered, Graves 2013; or None) of the gradient, and (or None) the velocities, all
    0 at first.

    >>> p, v = np.array([1.0]), np.zeros(1)
    >>> rmsprop(Rows([p], [v], None, None), [np.array([3.0])], lr=0.1)
    >>> p.round(6), v
    (array([0.]), array([0.09]))
    """
    values = (lr, alpha, eps, weight_decay, momentum)
    if rows.run(kernels.RMSPROP, grads, None, (maximize,), values):
        return
    for grad, _, param, square, mean, buffer in rows.each(grads, None):
        grad = decayed(grad, param, weight_decay, maximize)
        square *= alpha
        square += (1 - alpha) * (grad * grad)
        variance = square
        if mean is not None:
            mean += (1 - alpha) * (grad - mean)
            variance = square - mean * mean
        grad = grad / (np.sqrt(variance) + eps)
        if buffer is not None:
            buffer *= momentum
            buffer += grad
            grad = buffer
        param -= lr * grad


def clip_norm(grads: Sequence[Array], max_norm: float, keep: bool = False) -> Array | None:
    """The norm of all these arrays as one vector, (1,). Those of a larger norm, or none that is finite, are
    scaled in place by max_norm / (norm + 1e-6); with `keep`, only those of a finite norm. None: the kernel
    can't take them (other types, strided arrays, shared memory), and nothing was done.
    """
    if not kernels.active or not grads:
        return None
    dtype = grads[0].dtype
    if dtype not in kernels.DTYPES or [g.dtype for g in grads] != [dtype] * len(grads):
        return None
    if len(set(map(storage, grads))) < len(grads) or not all([g.flags.writeable for g in grads]):
        return None
    try:
        pointers = kernels.addresses(grads)
    except ValueError:  # a strided one
        return None
    norm = np.empty(1)
    args = (kernels.integers([g.size for g in grads]), pointers, norm)
    if mode.word & TRACE:
        mode.trace.clip(grads, norm, keep, max_norm)
    kernels.call_many(kernels.CLIP_NORM, dtype, args, (len(grads), keep), (max_norm,))
    return norm


def decayed(grad: Array, param: Array, weight_decay: float, maximize: bool) -> Array:
    """The gradient to go down: with that of weight_decay/2 |param|^2, or turned around."""
    if maximize:
        grad = -grad
    return grad + weight_decay * param if weight_decay else grad
