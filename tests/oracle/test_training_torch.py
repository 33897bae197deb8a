"""Training follows PyTorch's: from the same weights and batches the same losses, step for step.

float64 within 1e-8 (relative) over 200 steps; float32 within 1e-4 over the first 20. Beyond that rounding
has grown so far that PyTorch differs from itself when its thread count changes.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from torch_oracle import torch

import autograd
import nn
from nn.data import optdigits


def dnn(m: Any) -> Any:
    return m.Sequential(
        m.Flatten(), m.Linear(64, 64), m.ReLU(), m.Linear(64, 32), m.LayerNorm(32), m.GELU(), m.Linear(32, 10)
    )


def cnn(m: Any) -> Any:
    return m.Sequential(
        m.Conv2d(1, 8, 3, padding=1, bias=False),
        m.BatchNorm2d(8),
        m.ReLU(),
        m.MaxPool2d(2),
        m.Conv2d(8, 16, 3, padding=1),
        m.GroupNorm(4, 16),
        m.SiLU(),
        m.AvgPool2d(2),
        m.Flatten(),
        m.Linear(64, 10),
    )


RECIPES: dict[str, tuple[Callable[[Any], Any], Callable[..., Any], Callable[..., Any], dict[str, Any]]] = {
    "dnn, SGD": (
        dnn,
        lambda o, p: o.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-4),
        lambda o, x: o.lr_scheduler.CosineAnnealingLR(x, 200),
        {},
    ),
    "dnn, Adam": (
        dnn,
        lambda o, p: o.Adam(p, lr=2e-3),
        lambda o, x: o.lr_scheduler.StepLR(x, 50, 0.5),
        {"label_smoothing": 0.1},
    ),
    "cnn, AdamW": (
        cnn,
        lambda o, p: o.AdamW(p, lr=2e-3),
        lambda o, x: o.lr_scheduler.OneCycleLR(x, 5e-3, total_steps=200),
        {"label_smoothing": 0.1},
    ),
    "cnn, RMSprop": (
        cnn,
        lambda o, p: o.RMSprop(p, lr=1e-3),
        lambda o, x: o.lr_scheduler.ExponentialLR(x, 0.99),
        {},
    ),
}


def batches_of(steps: int, dtype: Any) -> list[tuple[np.ndarray, np.ndarray]]:
    images, labels = optdigits(train=True).batch(np.arange(3823))
    random = np.random.default_rng(0)
    chosen = (random.choice(len(labels), 32, replace=False) for _ in range(steps))
    return [(images[i].astype(dtype), labels[i]) for i in chosen]


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize(
    ("dtype", "steps", "tolerance"), [(np.float64, 200, 1e-8), (np.float32, 20, 1e-4)], ids=["f64", "f32"]
)
def test_losses_follow_pytorch(name: str, dtype: Any, steps: int, tolerance: float) -> None:
    make, optimizer, scheduler, options = RECIPES[name]
    torch.manual_seed(0)
    ours, theirs = make(nn), make(torch.nn)
    if dtype is np.float64:
        ours.double()
        theirs.double()
    ours.load_state_dict(theirs.state_dict())
    mine, other = optimizer(nn.optim, ours.parameters()), optimizer(torch.optim, theirs.parameters())
    schedule, expected = scheduler(nn.optim, mine), scheduler(torch.optim, other)
    loss_here, loss_there = nn.CrossEntropyLoss(**options), torch.nn.CrossEntropyLoss(**options)
    here, there = [], []
    for x, y in batches_of(steps, dtype):
        for losses, module, loss, sgd, plan, tensor in (
            (here, ours, loss_here, mine, schedule, autograd.tensor),
            (there, theirs, loss_there, other, expected, torch.tensor),
        ):
            sgd.zero_grad()
            value = loss(module(tensor(x)), tensor(y))
            value.backward()
            sgd.step()
            plan.step()
            losses.append(value.item())
    np.testing.assert_allclose(here, there, rtol=tolerance)
    assert there[-1] < there[0]
    for key, value in theirs.state_dict().items():
        a, b = ours.state_dict()[key].data, value.numpy()
        np.testing.assert_allclose(a, b, rtol=100 * tolerance, atol=100 * tolerance, err_msg=key)
