"""Optimisers: groups, state, refusals. (Their numbers are compared with PyTorch's in tests/oracle.)"""

import copy
import math
import pickle
import weakref
from typing import Any

import numpy as np
import pytest

import autograd
import nn
from nn import optim
from nn.optim.swa_utils import AveragedModel, get_ema_avg_fn, get_swa_avg_fn


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


ALGORITHMS: list[Any] = [
    lambda p: optim.SGD(p, lr=0.1),
    lambda p: optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.5),
    lambda p: optim.Adam(p, lr=0.1, amsgrad=True),
    lambda p: optim.AdamW(p, lr=0.1),
    lambda p: optim.RMSprop(p, lr=0.1, momentum=0.5, centered=True),
]


@pytest.mark.parametrize("make", ALGORITHMS)
def test_parameters_together_go_as_each_alone(make: Any) -> None:
    """Whatever happens between the steps: arrays bound anew, gradients missing, options changed."""

    def model() -> list[nn.Parameter]:
        rng = np.random.default_rng(0)
        shapes: list[tuple[tuple[int, ...], Any]] = [
            ((3, 4), np.float32), ((), np.float32), ((5,), np.float64), ((0, 2), np.float32),
            ((40,), np.float32),
        ]  # fmt: skip
        values = [np.asarray(rng.normal(size=shape)).astype(dtype) for shape, dtype in shapes]
        values[4] = np.stack([values[4], values[4]], axis=1)[:, 0]  # strided
        return [nn.Parameter(autograd.Tensor(value)) for value in values]

    def train(params: list[nn.Parameter], optimizers: list[Any]) -> None:
        rng = np.random.default_rng(1)
        for step in range(8):
            for p in params:
                p.grad = autograd.Tensor(np.asarray(rng.normal(size=p.shape)).astype(p.dtype))
            if step == 2:
                params[0].grad = None
            if step == 3:
                params[0].data = params[0].data * 2
            for optimizer in optimizers:
                for group in optimizer.param_groups:
                    group["lr"] = 0.1 / (1 + step)
                if step == 5:
                    optimizer.load_state_dict(optimizer.state_dict())
                if step == 6:
                    for state in optimizer.state.values():
                        state.update({k: v * 2 for k, v in state.items() if k != "step" and v is not None})
                optimizer.step()

    together, apart = model(), model()
    train(together, [make(together)])
    train(apart, [make([p]) for p in apart])
    for p, q in zip(together, apart, strict=True):
        assert p.data.tobytes() == q.data.tobytes()


@pytest.mark.parametrize("make", ALGORITHMS)
def test_parameters_that_share_memory_are_updated_in_turn(make: Any) -> None:
    memory, own = np.ones(6, np.float32), np.ones(6, np.float32)
    params = [nn.Parameter(autograd.Tensor(a)) for a in (memory, memory[:3], own)]
    optimizer = make(params)
    for p in params:
        p.grad = autograd.ones(*p.shape)
    optimizer.step()
    assert [len(batch.params) for batch in optimizer.plans[0].batches] == [2, 1]
    assert (memory[3:] == own[3:]).all() and (memory[:3] < own[:3]).all()


def test_momentum_may_begin_later() -> None:
    w = parameter(1.0)
    optimizer = optim.SGD([w], lr=1.0, dampening=0.5)
    for momentum, want in ((0.0, 0.0), (0.5, -1.0), (0.5, -2.0)):
        optimizer.param_groups[0]["momentum"] = momentum
        w.grad = autograd.tensor([1.0])
        optimizer.step()
        assert w.item() == want


def test_every_parameter_of_a_step_is_stamped() -> None:
    params = [parameter(1.0), parameter(2.0, 3.0)]
    optimizer = optim.Adam(params)
    for _ in range(2):  # the second step goes by the plan of the first
        for p in params:
            p.grad = autograd.ones(*p.shape)
        losses = [(p * p).sum() for p in params]
        optimizer.step()
        for loss in losses:
            with pytest.raises(RuntimeError, match="written in place"):
                loss.backward()


def test_an_optimizer_can_be_copied() -> None:
    w = parameter(1.0)
    optimizer = optim.Adam([w], lr=0.1)
    descend(optimizer, w, 3)
    twin = copy.deepcopy(optimizer)
    (v,) = twin.param_groups[0]["params"]
    descend(optimizer, w, 3)
    descend(twin, v, 3)
    assert v is not w and v.item() == w.item()


def test_a_step_keeps_no_gradient_alive() -> None:
    w = parameter(1.0)
    optimizer = optim.SGD([w], lr=0.1)
    w.grad = autograd.tensor([1.0])
    gradient = weakref.ref(w.grad.data)
    optimizer.step()
    optimizer.zero_grad()
    assert gradient() is None


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


@pytest.mark.parametrize("count", [3, 40])
def test_clipping_few_and_many(count: int) -> None:
    weights = [parameter(1.0) for _ in range(count)]
    values = np.arange(1, count + 1, dtype=np.float32)
    for w, value in zip(weights, values, strict=True):
        w.grad = autograd.tensor([value])
    norm = float(np.linalg.norm(values))
    for limit in (2 * norm, norm / 2):
        assert nn.utils.clip_grad_norm_(weights, limit).item() == pytest.approx(norm)
        scaled = np.concatenate([w.grad.numpy() for w in weights])
        np.testing.assert_allclose(scaled, values * min(1, limit / norm), rtol=1e-5)
    weights[1].grad = autograd.tensor([math.nan])
    with pytest.raises(RuntimeError, match="nan"):
        nn.utils.clip_grad_norm_(weights, 0.1, error_if_nonfinite=True)
    assert weights[2].grad.item() == pytest.approx(1.5)  # left alone


@pytest.mark.parametrize("count", [3, 40])
def test_a_graph_does_not_go_on_with_clipped_gradients(count: int) -> None:
    weights = [parameter(1.0) for _ in range(count)]
    for w in weights:
        w.grad = autograd.tensor([2.0])
    y = (weights[1] * weights[1].grad).sum()
    nn.utils.clip_grad_norm_(weights, 1.0)
    with pytest.raises(RuntimeError, match="in place"):
        y.backward()


@pytest.mark.parametrize("average", [get_swa_avg_fn(), get_ema_avg_fn(0.9), get_ema_avg_fn(0.9, warmup=True)])
def test_averages_can_be_pickled_and_go_on(average: Any) -> None:
    model = nn.Linear(2, 1)
    first = AveragedModel(model, avg_fn=average)
    first.update_parameters(model)
    second = pickle.loads(pickle.dumps(first))
    with autograd.no_grad():
        model.bias.add_(1.0)
    for averaged in (first, second):
        averaged.update_parameters(model)
    assert second.module.bias.tolist() == first.module.bias.tolist() != model.bias.tolist()
