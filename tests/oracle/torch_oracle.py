"""How tests of this folder compare: the same module here and in PyTorch, with the same weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import autograd

torch = pytest.importorskip("torch", reason="PyTorch is not installed (pip install kernelgrad[oracle])")

# Spinning threads of two libraries on few cores slow both down a hundredfold.
torch.set_num_threads(1)

TOLERANCE = 1e-10


def close(ours: Any, theirs: Any, what: str, tolerance: float = TOLERANCE) -> None:
    """Equal within `tolerance`, relative to the largest element (None counts as zeros)."""
    if ours is None or theirs is None:
        for x in (ours, theirs):
            assert x is None or not np.any(
                x.data if isinstance(x, autograd.Tensor) else x.detach().numpy()
            ), what
        return
    a, b = np.asarray(ours.detach().data), theirs.detach().numpy()
    assert a.shape == b.shape, f"{what}: shape {a.shape}, PyTorch {b.shape}"
    scale = max(1.0, float(np.abs(b).max(initial=0)))
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * scale, err_msg=what)


def both_orders(
    grad: Callable[..., Any], loss: Any, wanted: Sequence[Any], factors: Sequence[Any]
) -> list[Any]:
    """First gradients of `loss`, then those of the sum of first gradients times `factors`."""
    first = grad(loss, wanted, create_graph=True, allow_unused=True)
    total = sum(
        (g * f).sum() for g, f in zip(first, factors, strict=True) if g is not None and g.requires_grad
    )
    second = grad(total, wanted, allow_unused=True)
    return [*first, *second]


def compare(
    ours: Callable[..., Any], theirs: Callable[..., Any], *inputs: Any, params: Any = ((), ())
) -> None:
    """Outputs, first and second gradients of two functions of the same inputs (float arrays are
    differentiated; integer ones are labels). `params` are further tensors to differentiate by."""
    random = np.random.default_rng(0)
    mine = [autograd.tensor(x, requires_grad=x.dtype.kind == "f") for x in inputs]
    other = [torch.tensor(x, requires_grad=x.dtype.kind == "f") for x in inputs]
    out, expected = ours(*mine), theirs(*other)
    close(out, expected, "output")
    weights = random.normal(size=out.shape)
    mine = [x for x in mine if x.requires_grad] + list(params[0])
    other = [x for x in other if x.requires_grad] + list(params[1])
    factors = [random.normal(size=x.shape) for x in mine]
    # Squared, so that layers linear in their input have a second derivative too.
    loss = (autograd.tensor(weights) * out * out).sum()
    expected_loss = (torch.tensor(weights) * expected * expected).sum()
    got = both_orders(autograd.grad, loss, mine, [autograd.tensor(f) for f in factors])
    want = both_orders(torch.autograd.grad, expected_loss, other, [torch.tensor(f) for f in factors])
    for i, (g, w) in enumerate(zip(got, want, strict=True)):
        close(g, w, f"gradient {i % len(mine)} of order {1 + i // len(mine)}")


def compare_modules(ours: Any, theirs: Any, *inputs: Any) -> None:
    """As compare(), of two modules: the same keys, ours loaded with PyTorch's values, the same state then."""
    theirs.double()
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.double().load_state_dict(theirs.state_dict())
    names = [name for name, _ in theirs.named_parameters()]
    assert [name for name, _ in ours.named_parameters()] == names
    compare(ours, theirs, *inputs, params=(list(ours.parameters()), list(theirs.parameters())))
    for name, value in theirs.state_dict().items():
        close(ours.state_dict()[name], value, f"{name} after the call")
