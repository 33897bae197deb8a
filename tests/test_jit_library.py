"""Layers, losses, draws and transforms in programs: what the library computes with NumPy eagerly it computes
by ops there, so that no value of the capture is left in a program."""

from __future__ import annotations

import numpy as np
import pytest
from jit_checks import Scene, agrees

import autograd
import nn
from autograd import kernels
from nn import functional as F
from nn import optim

pytestmark = pytest.mark.skipif(not kernels.active, reason="programs are made of kernels")


def reals(*shape):
    return lambda i: autograd.tensor(np.random.default_rng(i).standard_normal(shape).astype(np.float32))


def labels(count, *shape, dtype=np.int64):
    return lambda i: autograd.tensor(np.random.default_rng(i).integers(0, count, shape).astype(dtype))


def given(*makers):
    return lambda i: tuple(make(i) for make in makers)


def of_weight(function, *makers) -> Scene:
    """A loss of (x @ weight, others) and its gradient in the weight."""
    weight = autograd.rand(3, 3).requires_grad_()

    def step(x, *others):
        loss = function(x @ weight, *others)
        return loss, autograd.grad(loss.sum(), weight)

    return Scene(step, arguments=given(reals(4, 3), *makers))


def second(function):
    """The gradient of |gradient|^2 instead."""

    def squared(x, *others):
        (g,) = autograd.grad(function(x, *others), x, create_graph=True)
        return g.square().sum()

    return squared


CLASSES = autograd.tensor([1.0, 2.0, 3.0])
LOSSES = {
    "nll": lambda x, t: F.nll_loss(F.log_softmax(x, 1), t),
    "nll weighted": lambda x, t: F.nll_loss(F.log_softmax(x, 1), t, CLASSES),
    "nll ignored": lambda x, t: F.nll_loss(F.log_softmax(x, 1), t, ignore_index=0, reduction="sum"),
    "cross entropy": lambda x, t: F.cross_entropy(x, t, CLASSES, 1, "mean", 0.1),
    "cross entropy twice": second(lambda x, t: F.cross_entropy(x, t, CLASSES, 1, "mean", 0.1)),
    "one hot": lambda x, t: F.mse_loss(x, F.one_hot(t, 3).float()),
    "bce": lambda x, t: F.binary_cross_entropy(x.sigmoid(), F.one_hot(t, 3).float()),
    "huber": lambda x, t: F.huber_loss(x, F.one_hot(t, 3).float(), "none", 0.5),
}


@pytest.mark.parametrize("kind", [np.int64, np.int32])
@pytest.mark.parametrize("name", LOSSES)
def test_losses(name, kind):
    agrees(lambda: of_weight(LOSSES[name], labels(3, 4, dtype=kind)))


LAYERS = [
    (lambda: nn.Conv2d(4, 6, 3, padding=1, groups=2, stride=2), reals(2, 4, 6, 6)),
    (lambda: nn.ConvTranspose2d(4, 3, 3, stride=2, padding=1), reals(2, 4, 6, 6)),
    (lambda: nn.BatchNorm2d(4), reals(2, 4, 6, 6)),
    (lambda: nn.BatchNorm2d(4).eval(), reals(2, 4, 6, 6)),
    (lambda: nn.LayerNorm((6, 6)), reals(2, 4, 6, 6)),
    (lambda: nn.GroupNorm(2, 4), reals(2, 4, 6, 6)),
    (lambda: nn.Embedding(7, 3, padding_idx=2), labels(7, 4, 5)),
    (lambda: nn.Upsample(size=(9, 5)), reals(2, 4, 6, 6)),
    (lambda: nn.Upsample(scale_factor=2), reals(2, 4, 6, 6)),
    (lambda: nn.AdaptiveAvgPool2d((4, 5)), reals(2, 4, 6, 6)),
    (lambda: nn.MaxPool2d(3, 2, 1), reals(2, 4, 6, 6)),
    (lambda: nn.Dropout2d(0.4), reals(2, 4, 6, 6)),
]  # fmt: skip


@pytest.mark.parametrize(("make", "inputs"), LAYERS)
def test_layers(make, inputs):
    def build() -> Scene:
        layer = make()
        params = list(layer.parameters())
        update = optim.SGD(params, lr=0.01, momentum=0.9) if params else None

        def step(x):
            if update is not None:
                update.zero_grad()
            y = layer(x)
            loss = y.square().mean()
            if update is not None:
                loss.backward()
                update.step()
            return loss, y

        return Scene(step, lambda: [*layer.state_dict().values(), *(p.grad for p in params)], given(inputs))

    assert agrees(build).captured == 1


def draws() -> Scene:
    own = autograd.Generator(4)
    state = autograd.zeros(4, 3)

    def step(x):
        drawn = [
            autograd.rand(4, 3) + x, autograd.randn(3, dtype=np.float64), F.dropout(x, 0.5),
            autograd.randint(0, 5, (3,)), autograd.normal(0.0, 1.0, (3,)), autograd.rand(3, generator=own),
            autograd.bernoulli(x.sigmoid()), autograd.normal(x, x.exp()),
        ]  # fmt: skip
        nn.init.normal_(state)
        before = state + x
        nn.init.uniform_(state, -1.0, 1.0)
        return drawn, before

    return Scene(step, lambda: [state, own.offset])


def seeded_inside() -> Scene:
    def step(x):
        autograd.manual_seed(3)
        kept = autograd.get_rng_state()
        first = autograd.rand(3)
        autograd.set_rng_state(kept)
        return first, autograd.rand(3), x

    return Scene(step)


def clipped_by_value() -> Scene:
    model = nn.Linear(3, 2)
    update = optim.SGD(model.parameters(), lr=0.1)

    def step(x):
        update.zero_grad()
        (model(x).square().sum() * 10).backward()
        nn.utils.clip_grad_value_(model.parameters(), 0.5)
        update.step()

    return Scene(step, lambda: [[p, p.grad] for p in model.parameters()])


def gradient_penalty() -> Scene:
    """A leaf made inside, and a gradient that is differentiated."""
    judge = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))
    update = optim.Adam(judge.parameters(), lr=0.01)

    def step(x):
        update.zero_grad()
        z = x.detach().requires_grad_()
        y = judge(z)
        (g,) = autograd.grad(y.sum(), z, create_graph=True)
        loss = y.mean() + ((g.norm(2, 1) - 1) ** 2).mean()
        loss.backward()
        update.step()
        return loss

    return Scene(step, lambda: list(judge.parameters()))


def transforms() -> Scene:
    w = autograd.rand(3)

    def step(x):
        def f(v):
            return autograd.tanh(x[0] * v).sum()

        y, pull = autograd.func.vjp(lambda v: autograd.tanh(x * v), w)
        return (
            autograd.func.grad(f)(w), autograd.func.hessian(f, w), y, pull(y * 2),
            autograd.func.jacobian(lambda v: autograd.tanh(x @ v), w),
            autograd.func.jvp(lambda v: autograd.tanh(x * v), (w,), (x[0],)),
        )  # fmt: skip

    return Scene(step)


def checkpoints_and_functions() -> Scene:
    w = autograd.rand(3, 3).requires_grad_()

    class Square(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return 2 * x * g

    def step(x):
        y = autograd.func.checkpoint(lambda z: F.dropout(autograd.tanh(z @ w)), x)
        return autograd.grad(Square.apply(y).sum(), w)

    return Scene(step)


def truths() -> Scene:
    def step(x):
        some, every = (x > 1).any(), (x > -9).all()
        return some, every, autograd.where(some, x, -x), x.masked_fill(x > 0, 1.0)

    return Scene(step)


def jitted_inside() -> Scene:
    w = autograd.rand(3)
    inner = autograd.jit(lambda z: z * w)
    return Scene(lambda x: inner(inner(x)) + 1, lambda: w)


SCENES = [
    draws, seeded_inside, clipped_by_value, gradient_penalty, transforms, checkpoints_and_functions, truths,
    jitted_inside,
]  # fmt: skip


@pytest.mark.parametrize("build", SCENES)
def test_scene(build):
    assert agrees(build).captured == 1


@pytest.mark.parametrize("weight", [np.arange(1, 6.0), np.arange(1, 11, dtype=np.float32)[::2]])
def test_weights_of_classes_of_another_type_or_layout(weight):
    weight = autograd.tensor(weight)
    rng = np.random.default_rng(3)

    def step(x, targets):
        loss = F.cross_entropy(x, targets, weight=weight)
        return loss.detach(), *autograd.grad(loss, [x])

    run = autograd.jit(step)
    for _ in range(4):
        x = autograd.tensor(rng.normal(size=(6, 5)).astype(np.float32), requires_grad=True)
        targets = autograd.tensor(rng.integers(0, 5, 6))
        weight.mul_(0.9)  # read anew at each call
        for ours, wanted in zip(run(x, targets), step(x, targets), strict=True):
            np.testing.assert_allclose(ours.numpy(), wanted.numpy(), rtol=1e-6, atol=1e-7)


def test_an_activation_joins_a_product_over_all_but_the_last_dimension():
    """Of (N, T, width) too, where the product's result is a matrix and the activation reads a view of it."""
    layer = nn.Linear(4, 5)

    def step(x):
        y = layer(x).relu()
        return y.detach(), *autograd.grad(y.square().sum(), [x, *layer.parameters()])

    run = autograd.jit(step)
    for seed in range(3):
        x = autograd.tensor(
            np.random.default_rng(seed).normal(size=(2, 3, 4)).astype(np.float32), requires_grad=True
        )
        for ours, wanted in zip(run(x), step(x), strict=True):
            np.testing.assert_allclose(ours.numpy(), wanted.numpy(), rtol=1e-5, atol=1e-6)
    assert "linear + bias + relu" in str(run.program)
