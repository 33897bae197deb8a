"""Optimisers: groups, state, refusals. (Their numbers are compared with PyTorch's in tests/oracle.)"""

import math
from typing import Any

import numpy as np
import pytest

import autograd
import nn
from nn import optim


def parameter(*values: float) -> nn.Parameter:
    return nn.Parameter(autograd.tensor(list(values)))


def descend(optimizer: Any, w: nn.Parameter, steps: int) -> None:
    for _ in range(steps):
        optimizer.zero_grad()
        ((w - 3.0) * (w - 3.0)).sum().backward()
        optimizer.step()


@pytest.mark.parametrize(
    "make",
    [
        lambda p: optim.SGD(p, lr=0.1),
        lambda p: optim.SGD(p, lr=0.02, momentum=0.9, nesterov=True),
        lambda p: optim.Adam(p, lr=0.1),
        lambda p: optim.AdamW(p, lr=0.1, weight_decay=0.0),
        lambda p: optim.RMSprop(p, lr=0.05),
    ],
)
def test_they_find_a_minimum(make: Any) -> None:
    w = parameter(0.0, 10.0)
    descend(make([w]), w, 400)
    assert np.allclose(w.data, 3.0, atol=0.05)


def test_groups_have_their_own_options() -> None:
    a, b = parameter(1.0), parameter(1.0)
    optimizer = optim.SGD([{"params": [a]}, {"params": b, "lr": 0.5}], lr=0.1)
    for p in (a, b):
        p.grad = autograd.tensor([1.0])
    optimizer.step()
    assert a.item() == pytest.approx(0.9) and b.item() == pytest.approx(0.5)


def test_saved_and_loaded_it_goes_on_bitwise() -> None:
    for make in (lambda p: optim.Adam(p, amsgrad=True), lambda p: optim.SGD(p, momentum=0.9)):
        w, v = parameter(0.0, 9.0), parameter(0.0, 9.0)
        whole, first = make([w]), make([v])
        descend(whole, w, 10)
        descend(first, v, 5)
        second = make([v])
        second.load_state_dict(first.state_dict())
        descend(second, v, 5)
        assert np.array_equal(w.data, v.data)


def test_a_closure_is_called_with_recording_on() -> None:
    w = parameter(1.0)
    optimizer = optim.SGD([w], lr=0.1)

    def closure() -> Any:
        optimizer.zero_grad()
        loss = (w * w).sum()
        loss.backward()
        return loss

    with autograd.no_grad():
        assert optimizer.step(closure).item() == 1.0
    assert w.item() == pytest.approx(0.8)


def test_refusals() -> None:
    w = parameter(1.0)
    for make, message in (
        (lambda: optim.SGD([]), "empty parameter list"),
        (lambda: optim.SGD([w, w]), "twice"),
        (lambda: optim.SGD([w * 2]), "leaf"),
        (lambda: optim.SGD([w], lr=-1.0), "lr >= 0, got -1.0"),
        (lambda: optim.SGD([w], nesterov=True), "Nesterov"),
        (lambda: optim.Adam([w], betas=(0.9, 1.0)), "betas"),
        (lambda: optim.SGD([{"params": [w], "learning_rate": 1}]), "no option learning_rate"),
        (lambda: optim.Adam([w]).load_state_dict(optim.Adam([w, parameter(2.0)]).state_dict()), "fit"),
        (lambda: optim.lr_scheduler.OneCycleLR(optim.SGD([w]), 0.1), "total_steps"),
    ):
        with pytest.raises(ValueError, match=message):
            make()
    with pytest.raises(TypeError, match="put it in a list"):
        optim.SGD(w)


def test_a_write_between_forward_and_backward_is_noticed() -> None:
    w = parameter(1.0)
    optimizer = optim.SGD([w], lr=0.1)
    loss = (w * w).sum()
    w.grad = autograd.tensor([1.0])
    optimizer.step()
    with pytest.raises(RuntimeError, match="written in place"):
        loss.backward()


def test_schedules_resume() -> None:
    optimizer = optim.SGD([parameter(1.0)], lr=1.0)
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=10)
    for _ in range(4):
        schedule.step()
    fresh = optim.SGD([parameter(1.0)], lr=1.0)
    again = optim.lr_scheduler.CosineAnnealingLR(fresh, T_max=3)
    fresh.load_state_dict(optimizer.state_dict())
    again.load_state_dict(schedule.state_dict())
    schedule.step()
    again.step()
    assert again.get_last_lr() == schedule.get_last_lr() == [(1 + math.cos(math.pi / 2)) / 2]


def test_clipping_returns_the_norm_and_copes_with_no_gradient() -> None:
    w = parameter(1.0)
    assert nn.utils.clip_grad_norm_([w], 1.0).item() == 0.0
    w.grad = autograd.tensor([math.nan])
    with pytest.raises(RuntimeError, match="nan"):
        nn.utils.clip_grad_norm_([w], 1.0, error_if_nonfinite=True)
