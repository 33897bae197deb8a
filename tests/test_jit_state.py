"""Programs and what their functions close over: bound anew, frozen, hooked, counted, loaded between calls."""

from __future__ import annotations

import copy

import pytest
from jit_checks import Scene, agrees, drawn

import autograd
import nn
from autograd import JitError, kernels
from nn import optim

pytestmark = pytest.mark.skipif(not kernels.active, reason="programs are made of kernels")

FACTOR = 2.0


def times_factor(x):
    return x * FACTOR


class Settings:
    """An object of the user's, with a tensor, a number and a method."""

    def __init__(self) -> None:
        self.weight = autograd.ones(3)
        self.factor = 2.0
        self.calls = 0

    def step(self, x):
        return self.scaled(x) + self.weight

    def scaled(self, x):
        return x * self.factor


def trained(model: nn.Module, update: optim.Optimizer, between=bool) -> Scene:
    def step(x):
        update.zero_grad()
        loss = (model(x) + 1).square().sum()
        loss.backward()
        update.step()
        return loss

    def state():
        return [*(x for x in model.state_dict().values()), *(p.grad for p in model.parameters())]

    return Scene(step, state, between=between)


def at(**actions):
    """What to do before call number i, given as c3=..., c5=..."""
    return lambda i: actions.get(f"c{i}", bool)()


def variables_bound_anew() -> Scene:
    held, weight = [autograd.ones(3)], autograd.ones(3)

    def rebind():
        nonlocal weight
        weight = autograd.full((3,), 7.0)

    return Scene(
        lambda x: x * held[0] + weight,
        between=at(c3=lambda: held.__setitem__(0, autograd.full((3,), 5.0)), c4=rebind),
    )


def attributes_bound_anew() -> Scene:
    one = Settings()

    def between(i):
        one.calls += 1  # which the code of step() never names
        if i == 3:
            one.weight = autograd.full((3,), 5.0)
        if i == 4:
            one.factor = 4.0

    return Scene(one.step, between=between)


def settings_in_a_dict() -> Scene:
    options = {"factor": 2.0, "shifts": [1.0]}
    return Scene(
        lambda x: x * options["factor"] + options["shifts"][0],
        between=at(c3=lambda: options.update(factor=3.0), c4=lambda: options["shifts"].__setitem__(0, 4.0)),
    )


def a_global_of_a_helper() -> Scene:
    return Scene(lambda x: times_factor(x), between=lambda i: globals().update(FACTOR=2.0 if i < 3 else 5.0))


def a_parameter_frozen_and_freed() -> Scene:
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))

    def freeze():
        model[0].weight.requires_grad_(False)

    return trained(
        model,
        optim.SGD(model.parameters(), lr=0.1),
        at(c3=freeze, c5=lambda: model[0].weight.requires_grad_(True)),
    )


def a_hook_added() -> Scene:
    model = nn.Linear(3, 2)
    return trained(
        model,
        optim.SGD(model.parameters(), lr=0.01),
        at(c3=lambda: model.weight.register_hook(lambda g: g * 2)),
    )


def momentum_begun() -> Scene:
    model = nn.Linear(3, 2)
    update = optim.SGD(model.parameters(), lr=0.01)
    group = update.param_groups[0]
    return trained(
        model, update, at(c3=lambda: group.update(momentum=0.9), c4=lambda: group.update(weight_decay=0.1))
    )


def a_rate_read_inside() -> Scene:
    model = nn.Linear(3, 2)
    update = optim.SGD(model.parameters(), lr=0.1)

    def between(i):
        update.param_groups[0]["lr"] = 0.1 * (1 + i // 3)

    return Scene(lambda x: model(x).sum() * update.param_groups[0]["lr"], between=between)


def a_group_added() -> Scene:
    model = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2))
    update = optim.SGD(model[0].parameters(), lr=0.01)
    return trained(
        model, update, at(c3=lambda: update.add_param_group({"params": list(model[1].parameters())}))
    )


def an_optimizer_loaded() -> Scene:
    model, kept = nn.Linear(3, 2), []
    update = optim.Adam(model.parameters(), lr=0.1)
    return trained(
        model,
        update,
        at(
            c2=lambda: kept.append(copy.deepcopy(update.state_dict())),
            c4=lambda: update.load_state_dict(kept[0]),
        ),
    )


def modes_by_turns() -> Scene:
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4, affine=False), nn.Dropout(0.3))
    return trained(model, optim.SGD(model.parameters(), lr=0.1), lambda i: model.train(i % 4 != 3))


def tied_weights() -> Scene:
    model = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 3))
    model[2].weight = model[0].weight
    return trained(model, optim.Adam(model.parameters(), lr=0.1))


def gradients_kept_by_turns() -> Scene:
    model = nn.Linear(3, 2)
    update = optim.SGD(model.parameters(), lr=0.01)

    def step(x):
        loss = model(x).square().sum()
        loss.backward()
        return loss

    def between(i):
        if i and i % 2 == 0:
            update.step()
            update.zero_grad()

    return Scene(step, lambda: [[p, p.grad] for p in model.parameters()], between=between)


def two_optimizers_and_an_average() -> Scene:
    maker, judge, average = nn.Linear(3, 4), nn.Linear(4, 1), nn.Linear(3, 4)
    first, second = optim.SGD(maker.parameters(), lr=0.1), optim.Adam(judge.parameters(), lr=0.1)

    def step(x):
        losses = []
        for update, sign in ((first, 1), (second, -1)):
            first.zero_grad()
            second.zero_grad()
            losses.append(sign * judge(maker(x)).square().mean())
            losses[-1].backward()
            update.step()
        with autograd.no_grad():
            for a, b in zip(average.parameters(), maker.parameters(), strict=True):
                a.mul_(0.9).add_(b, alpha=0.1)
        return losses

    return Scene(step, lambda: [[p, p.grad] for m in (maker, judge, average) for p in m.parameters()])


SCENES = [
    variables_bound_anew, attributes_bound_anew, settings_in_a_dict, a_global_of_a_helper,
    a_parameter_frozen_and_freed, a_hook_added, momentum_begun, a_rate_read_inside, a_group_added,
    an_optimizer_loaded, modes_by_turns, tied_weights, gradients_kept_by_turns,
    two_optimizers_and_an_average,
]  # fmt: skip


@pytest.mark.parametrize("build", SCENES)
def test_scene(build):
    assert agrees(build, calls=8).captured <= 3


def counting_calls():
    calls = 0

    def step(x):
        nonlocal calls
        calls += 1
        return x

    return step


def binding_an_attribute():
    one = Settings()

    def step(x):
        one.factor = one.factor + 1
        return x * one.factor

    return step


class Counter(nn.Module):
    calls = 0

    def forward(self, x):
        self.calls += 1
        return x


@pytest.mark.parametrize(
    ("build", "what"),
    [
        (counting_calls, "a variable that it closes over from 1 to 2"),
        (binding_an_attribute, "an attribute .* from 3.0 to 4.0"),
        (Counter, r"Counter.calls was set to 2 .*test_jit_state.py"),
    ],
)
def test_changes_of_python_state_are_refused(build, what):
    jitted = autograd.jit(build())
    (x,) = drawn(2)(0)
    jitted(x)
    with pytest.raises(JitError, match=what):
        jitted(x)


def test_notes_of_captures_are_kept():
    """What Python does beside ops happens at captures: a list may tell of them."""
    shapes = []

    @autograd.jit
    def step(x):
        shapes.append(x.shape)
        return x * 2

    for _ in range(4):
        for n in (2, 3):
            step(autograd.ones(n))
    assert shapes == [(2,), (3,)] * 2
