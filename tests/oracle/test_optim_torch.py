"""Optimisers, clipping and schedules: the same numbers as PyTorch's, step by step (float64)."""

from typing import Any

import numpy as np
import pytest
from torch_oracle import close, torch

import autograd
import nn
from nn import optim

SHAPES = [(3, 4), (5,), ()]


def starts(seed: int) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    return [np.asarray(random.normal(size=shape)) for shape in SHAPES]


def pair() -> tuple[list[nn.Parameter], list[Any]]:
    """The same parameters here and there."""
    return [nn.Parameter(x.copy()) for x in starts(0)], [
        torch.nn.Parameter(torch.tensor(x)) for x in starts(0)
    ]


def give_gradients(step: int, ours: list[Any], theirs: list[Any]) -> None:
    for p, q, g in zip(ours, theirs, starts(step + 1), strict=True):
        p.grad = autograd.tensor(g)
        q.grad = torch.tensor(g)


OPTIMIZERS: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.1, "weight_decay": 0.01, "maximize": True}),
    ("Adam", {}),
    ("Adam", {"lr": 0.1, "betas": (0.8, 0.9), "eps": 1e-3, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.1, "amsgrad": True, "maximize": True}),
    ("AdamW", {}),
    ("AdamW", {"lr": 0.1, "weight_decay": 0.2, "amsgrad": True}),
    ("AdamW", {"lr": 0.1, "maximize": True}),
    ("RMSprop", {}),
    ("RMSprop", {"lr": 0.1, "alpha": 0.9, "weight_decay": 0.1, "momentum": 0.5}),
    ("RMSprop", {"lr": 0.1, "centered": True, "maximize": True}),
]


@pytest.mark.parametrize(("name", "options"), OPTIMIZERS, ids=str)
def test_optimizer(name: str, options: dict[str, Any]) -> None:
    ours, theirs = pair()
    mine, other = getattr(optim, name)(ours, **options), getattr(torch.optim, name)(theirs, **options)
    for step in range(6):
        give_gradients(step, ours, theirs)
        if step == 3:
            ours[1].grad = None  # left out once
            theirs[1].grad = None
        mine.step()
        other.step()
        for i, (p, q) in enumerate(zip(ours, theirs, strict=True)):
            close(p, q, f"parameter {i} after step {step}", 1e-14)
    for i, state in other.state_dict()["state"].items():
        for key, value in state.items():
            if isinstance(value, torch.Tensor) and key != "step":
                close(mine.state_dict()["state"][i][key], value, f"{key} of parameter {i}", 1e-14)


@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop"])
def test_go_on_with_the_state_of_pytorch(name: str) -> None:
    ours, theirs = pair()
    options: dict[str, Any] = {"lr": 0.05} if name == "Adam" else {"lr": 0.05, "momentum": 0.9}
    other = getattr(torch.optim, name)(theirs, **options)
    for step in range(3):
        give_gradients(step, ours, theirs)
        other.step()
    for p, q in zip(ours, theirs, strict=True):
        p.data = q.detach().numpy().copy()
    mine = getattr(optim, name)(ours, lr=1.0)
    mine.load_state_dict({**other.state_dict(), "param_groups": [{"params": [0, 1, 2], **options}]})
    give_gradients(3, ours, theirs)
    mine.step()
    other.step()
    for p, q in zip(ours, theirs, strict=True):
        close(p, q, "parameter", 1e-14)


@pytest.mark.parametrize("norm_type", [1.0, 2.0, 3.0, float("inf")])
@pytest.mark.parametrize("limit", [0.5, 100.0])
def test_clipping(norm_type: float, limit: float) -> None:
    ours, theirs = pair()
    give_gradients(0, ours, theirs)
    close(
        nn.utils.clip_grad_norm_(ours, limit, norm_type),
        torch.nn.utils.clip_grad_norm_(theirs, limit, norm_type),
        "norm",
        1e-14,
    )
    for p, q in zip(ours, theirs, strict=True):
        close(p.grad, q.grad, "clipped gradient", 1e-14)
    nn.utils.clip_grad_value_(ours, 0.1)
    torch.nn.utils.clip_grad_value_(theirs, 0.1)
    for p, q in zip(ours, theirs, strict=True):
        close(p.grad, q.grad, "gradient clipped by value", 1e-14)


SCHEDULERS: list[tuple[str, dict[str, Any]]] = [
    ("StepLR", {"step_size": 4, "gamma": 0.5}),
    ("MultiStepLR", {"milestones": [3, 3, 8], "gamma": 0.5}),
    ("LambdaLR", {"lr_lambda": lambda t: 0.9**t}),
    ("LambdaLR", {"lr_lambda": [lambda t: 1 / (1 + t), lambda t: 0.5]}),
    ("ExponentialLR", {"gamma": 0.9}),
    ("ConstantLR", {"factor": 0.2, "total_iters": 4}),
    ("LinearLR", {"start_factor": 0.1, "total_iters": 7}),
    ("LinearLR", {"start_factor": 1.0, "end_factor": 0.2, "total_iters": 30}),
    ("CosineAnnealingLR", {"T_max": 12, "eta_min": 0.01}),
    ("OneCycleLR", {"max_lr": 1.0, "total_steps": 20}),
    ("OneCycleLR", {"max_lr": [1.0, 0.1], "epochs": 5, "steps_per_epoch": 4, "three_phase": True}),
    ("OneCycleLR", {"max_lr": 1.0, "total_steps": 20, "anneal_strategy": "linear", "pct_start": 0.5}),
]


@pytest.mark.parametrize(("name", "options"), SCHEDULERS, ids=lambda x: x if isinstance(x, str) else None)
@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
def test_scheduler(name: str, options: dict[str, Any], optimizer: str) -> None:
    ours, theirs = pair()
    momentum: dict[str, Any] = {"momentum": 0.9} if optimizer == "SGD" else {}
    mine = getattr(optim, optimizer)(
        [{"params": ours[:1]}, {"params": ours[1:], "lr": 0.3}], lr=0.5, **momentum
    )
    other = getattr(torch.optim, optimizer)(
        [{"params": theirs[:1]}, {"params": theirs[1:], "lr": 0.3}], lr=0.5, **momentum
    )
    schedule = getattr(optim.lr_scheduler, name)(mine, **options)
    expected = getattr(torch.optim.lr_scheduler, name)(other, **options)
    for _ in range(19):
        for a, b in zip(mine.param_groups, other.param_groups, strict=True):
            assert a["lr"] == pytest.approx(b["lr"], rel=1e-12, abs=1e-15)
            assert a.get("momentum", 0) == pytest.approx(b.get("momentum", 0), rel=1e-12)
            assert a.get("betas", ()) == pytest.approx(b.get("betas", ()), rel=1e-12)
        assert schedule.get_last_lr() == pytest.approx(expected.get_last_lr(), rel=1e-12, abs=1e-15)
        other.step()
        schedule.step()
        expected.step()


@pytest.mark.parametrize(
    "options",
    [
        {"patience": 1},
        {"patience": 0, "cooldown": 2, "factor": 0.5},
        {"mode": "max", "patience": 1, "threshold": 0.1},
        {"patience": 1, "threshold_mode": "abs", "threshold": 0.3, "min_lr": 0.2},
        {"mode": "max", "patience": 0, "threshold_mode": "abs", "factor": 0.9},
    ],
    ids=str,
)
def test_plateau(options: dict[str, Any]) -> None:
    ours, theirs = pair()
    mine, other = optim.SGD(ours, lr=1.0), torch.optim.SGD(theirs, lr=1.0)
    schedule = optim.lr_scheduler.ReduceLROnPlateau(mine, **options)
    expected = torch.optim.lr_scheduler.ReduceLROnPlateau(other, **options)
    metrics = np.abs(np.random.default_rng(3).normal(size=40)) + np.linspace(2, 0, 40)
    for metric in metrics:
        schedule.step(metric)
        expected.step(metric)
        assert mine.param_groups[0]["lr"] == pytest.approx(other.param_groups[0]["lr"], rel=1e-12)
