"""jit: a captured function gives what it gives eagerly, changes state as it does, and refuses the rest."""

from __future__ import annotations

import numpy as np
import pytest

import autograd
import nn
from autograd import JitError, kernels
from nn import optim

pytestmark = pytest.mark.skipif(not kernels.active, reason="programs are made of kernels")


def network() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
        nn.Dropout(0.2), nn.Flatten(), nn.Linear(64, 8), nn.Tanh(), nn.Linear(8, 3),
    )  # fmt: skip


def training(algorithm: str, **options):
    """A step of training and its model, from the same beginnings each time."""
    autograd.manual_seed(3)
    model = network()
    update = getattr(optim, algorithm)(model.parameters(), **options)
    loss_of = nn.CrossEntropyLoss()

    def step(x, target):
        update.zero_grad()
        output = model(x)
        loss = loss_of(output, target)
        loss.backward()
        update.step()
        return loss, {"output": output}

    return step, model, update


def batches(count: int = 6):
    rng = np.random.default_rng(0)
    for _ in range(count):
        x = rng.standard_normal((5, 1, 8, 8), np.float32)
        yield autograd.tensor(x), autograd.tensor(rng.integers(0, 3, 5))


@pytest.mark.parametrize(
    ("algorithm", "options"),
    [
        ("SGD", {"lr": 0.1}),
        ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
        ("Adam", {"lr": 0.01, "amsgrad": True}),
        ("AdamW", {"lr": 0.01}),
        ("RMSprop", {"lr": 0.01, "centered": True, "momentum": 0.5}),
    ],
)
def test_training_is_eager_training(algorithm, options):
    """Losses, outputs, parameters, gradients, running statistics, step counts, random draws."""
    step, model, update = training(algorithm, **options)
    expected = [(loss.item(), more["output"].data) for loss, more in (step(*batch) for batch in batches())]
    state = {name: x.data.copy() for name, x in model.state_dict().items()}
    grads = [p.grad.data.copy() for p in model.parameters()]
    offset = autograd.default_generator.offset
    counts = [state_of.get("step") for state_of in update.state.values()]

    step, model, update = training(algorithm, **options)
    jitted = autograd.jit(step)
    for batch, (loss, output) in zip(batches(), expected, strict=True):
        mine, more = jitted(*batch)
        np.testing.assert_allclose(mine.item(), loss, rtol=1e-5)
        np.testing.assert_allclose(more["output"].data, output, rtol=1e-4, atol=1e-5)
    assert len(jitted.programs) == 1
    for name, x in model.state_dict().items():
        np.testing.assert_allclose(x.data, state[name], rtol=1e-4, atol=1e-5, err_msg=name)
    for p, g in zip(model.parameters(), grads, strict=True):
        np.testing.assert_allclose(p.grad.data, g, rtol=1e-3, atol=1e-5)
    assert autograd.default_generator.offset == offset
    assert [state_of.get("step") for state_of in update.state.values()] == counts


def test_rates_and_schedules_need_no_new_capture():
    def run(jitted: bool) -> tuple[float, int]:
        step, model, update = training("SGD", lr=0.1)
        schedule = optim.lr_scheduler.ExponentialLR(update, 0.5)

        def scheduled(x, target):
            loss, _ = step(x, target)
            schedule.step()
            return loss

        function = autograd.jit(scheduled) if jitted else scheduled
        for i, batch in enumerate(batches()):
            if i == 4:
                update.param_groups[0]["lr"] = 0.3
            loss = function(*batch)
        return loss.item(), function.captured if jitted else 1

    (eager, _), (jitted, captured) = run(False), run(True)
    assert captured == 1
    np.testing.assert_allclose(jitted, eager, rtol=1e-5)


def test_new_shapes_modes_and_numbers_are_captured_anew():
    model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5))
    forward = autograd.jit(lambda x, scale: model(x) * scale)
    x = autograd.ones(2, 3)
    for _ in range(3):
        forward(x, 1.0)
    model.eval()
    for scale in (1.0, 1.0, 1.0, 2.0, 2.0, 2.0):
        np.testing.assert_allclose(forward(x, scale).data, model(x).data * scale, rtol=1e-6)
    for _ in range(3):
        assert forward(autograd.ones(5, 3), 1.0).shape == (5, 4)


def test_rebinding_a_parameter_is_seen():
    model = nn.Linear(2, 1)
    forward = autograd.jit(lambda x: model(x))
    x = autograd.ones(1, 2)
    for _ in range(3):
        forward(x)
    model.load_state_dict({"weight": np.ones((1, 2), np.float32), "bias": np.zeros(1, np.float32)})
    assert forward(x).item() == 2
    model.weight = nn.Parameter(autograd.tensor([[3.0, 4.0]]))
    assert [forward(x).item() for _ in range(3)] == [7, 7, 7]


@pytest.mark.parametrize(
    ("what", "function"),
    [
        (r"item\(\)", lambda x: x * x.sum().item()),
        (r"bool\(\)", lambda x: x if x.sum() > 0 else -x),
        (r"tolist\(\)", lambda x: x.tolist() and x),
        (r"\.data", lambda x: autograd.tensor((x * 2).data)),
        ("printing", lambda x: x * len(str(x))),
        ("argument", lambda x: x.zero_()),
    ],
)
def test_values_are_refused_with_the_line(what, function):
    jitted = autograd.jit(function)
    x = autograd.ones(2)
    jitted(x)
    with pytest.raises(JitError, match=what + ".*test_jit.py"):
        jitted(x)


def test_a_tensor_that_escapes_is_refused():
    kept = []

    @autograd.jit
    def function(x):
        kept.append(x * 2)
        return x

    x = autograd.ones(2)
    function(x)
    with pytest.raises(JitError, match="stored outside"):
        function(x)


def test_results_are_arrays_of_their_own():
    double = autograd.jit(lambda x: x * 2)
    x = autograd.ones(3)
    results = [double(x * i) for i in range(5)]
    assert [r.tolist() for r in results] == [[2.0 * i] * 3 for i in range(5)]
