"""Gradients kept in bounds, before the optimiser's step (Pascanu et al. 2013)."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

import autograd
from autograd import Tensor
from autograd.ops.finite import require_finite
from autograd.ops.update_kernel import clip_norm
from autograd.tape import TRACE, mode, stamp, storage, written

__all__ = ["clip_grad_norm_", "clip_grad_value_"]


def gradients(parameters: Tensor | Iterable[Tensor]) -> list[np.ndarray]:
    given = [parameters] if isinstance(parameters, Tensor) else parameters
    return [p.grad.data for p in given if p.grad is not None]


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
) -> Tensor:
    """Scale all gradients, in place, by max_norm / (total + 1e-6) where that is less than 1.

    `total`, the norm of all gradients as one vector (norm_type p, or infinity), is returned.

    >>> import autograd, nn
    >>> w = nn.Parameter(autograd.tensor([3.0, 4.0]))
    >>> (w * w / 2).sum().backward()
    >>> clip_grad_norm_([w], 1.0)
    tensor(5.)
    >>> w.grad
    tensor([0.6, 0.8])
    """
    grads = gradients(parameters)
    if mode.word & TRACE:
        return clip_in_program(grads, max_norm, norm_type, error_if_nonfinite)
    one_call = norm_type == 2 and len(grads) >= 16  # fewer: NumPy's calls take less time than its set-up
    done = clip_norm(grads, max_norm, keep=error_if_nonfinite) if one_call else None
    total = norm(grads, norm_type) if done is None else float(done[0])
    if error_if_nonfinite and not math.isfinite(total):
        raise RuntimeError(f"clip_grad_norm_: the total norm of the gradients is {total}")
    scale = max_norm / (total + 1e-6)
    if not scale >= 1:  # also where it is NaN
        if done is None:
            for g in grads:
                g *= scale
        stamp(map(storage, grads))
    return Tensor(np.asarray(total, grads[0].dtype if grads else np.float32))


def clip_in_program(
    grads: list[np.ndarray], max_norm: float, norm_type: float, error_if_nonfinite: bool
) -> Tensor:
    """The kernel's way, as a step of a program; a norm that is not finite is a FloatingPointError there."""
    done = clip_norm(grads, max_norm, keep=error_if_nonfinite) if norm_type == 2 else None
    if done is None:
        mode.trace.refuse(
            f"clip_grad_norm_ of these gradients (norm_type={norm_type})",
            "programs clip the 2-norm of contiguous gradients of one type; run this part eagerly",
        )
        raise AssertionError
    total = Tensor(done.reshape(()))
    if error_if_nonfinite:
        require_finite(total)
    return total.to(grads[0].dtype)


def norm(grads: list[np.ndarray], norm_type: float) -> float:
    """The p-norm of all these arrays as one vector."""
    if math.isinf(norm_type):
        return max((float(np.abs(g).max(initial=0)) for g in grads), default=0.0)
    if norm_type == 2:
        return math.sqrt(sum(float(np.vdot(g, g)) for g in grads))
    return float(sum(float((np.abs(g) ** norm_type).sum()) for g in grads) ** (1 / norm_type))


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float) -> None:
    """Limit every element of the gradients, in place, to [-clip_value, clip_value]."""
    for g in gradients(parameters):
        if mode.word & TRACE:
            place = Tensor(g)
            place.copy_(autograd.clamp(place, -clip_value, clip_value))
            continue
        np.clip(g, -clip_value, clip_value, out=g)
        written(g)
