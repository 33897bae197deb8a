"""Parameter: a tensor that a module learns."""

from __future__ import annotations

from typing import Any

from autograd import Tensor, tape

__all__ = ["Parameter"]


class Parameter(Tensor):
    """A tensor that counts as a module's parameter when assigned as an attribute, and wants a gradient.

    It takes over the memory of `data` (a tensor or an array), as PyTorch's does. Copies and pickles of a
    Parameter are Parameters.

    >>> import autograd
    >>> Parameter(autograd.ones(2))
    Parameter containing:
    tensor([1., 1.], requires_grad=True)
    """

    __slots__ = ()

    def __init__(self, data: Any, requires_grad: bool = True) -> None:
        super().__init__(data.data if isinstance(data, tape.Value) else data, requires_grad)

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"
