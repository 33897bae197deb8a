"""A stop before a number that is not finite does harm."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.tape import TRACE, mode

__all__ = ["require_finite"]


def require_finite(x: Any) -> Any:
    """`x` itself, or a FloatingPointError if an element is NaN or infinite; in a program too, before what
    comes after it (an update of parameters, say) is done.

    >>> import autograd
    >>> require_finite(autograd.ones(1)).item()
    1.0
    >>> require_finite(autograd.tensor([0.0]).log())
    Traceback (most recent call last):
        ...
    FloatingPointError: not finite: -inf
    """
    if not np.isfinite(x.data).all():
        bad = x.data[~np.isfinite(x.data)]
        raise FloatingPointError(f"not finite: {bad.flat[0]}")
    if mode.word & TRACE:
        mode.trace.require_finite(x.data)
    return x
