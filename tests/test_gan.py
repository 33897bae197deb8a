"""GANs: what goes in and comes out, labels and packs, programs, what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest

import autograd
import nn
from autograd import Tensor
from nn.models.gan import DCGANDiscriminator, DCGANGenerator, PointDiscriminator, PointGenerator
from nn.models.gan_losses import clip_weights_, gradient_penalty, objective, pack


@pytest.fixture(autouse=True)
def seeded():
    autograd.manual_seed(0)


def small(kind="image", packing=1, classes=None, **options):
    """A generator and a discriminator that fit each other."""
    if kind == "point":
        g = PointGenerator(latent=3, widths=(8, 8), classes=classes)
        return g, PointDiscriminator(widths=(8, 8), packing=packing, classes=classes, **options)
    g = DCGANGenerator(side=8, channels=2, latent=3, widths=(4, 6), classes=classes)
    return g, DCGANDiscriminator(
        side=8, channels=2, widths=(4, 6), packing=packing, classes=classes, **options
    )


# What goes in and comes out ------------------------------------------------------------------------


@pytest.mark.parametrize("classes", [None, 4])
@pytest.mark.parametrize("packing", [1, 3])
@pytest.mark.parametrize("kind", ["point", "image"])
def test_networks_fit_each_other(kind, packing, classes):
    g, d = small(kind, packing, classes)
    labels = () if classes is None else (autograd.arange(6) % classes,)
    x = g(g.draw(6), *labels)
    assert x.shape == ((6, 2) if kind == "point" else (6, 2, 8, 8))
    assert d(x, *labels).shape == (6 // packing,)
    if kind == "image":
        assert 0 <= x.min().item() < x.max().item() <= 1


@pytest.mark.parametrize(
    ("side", "widths"),
    [
        (2, (64,)),
        (4, (64,)),
        (8, (64, 128)),
        (12, (64, 128)),
        (28, (64, 128)),
        (32, (64, 128, 256)),
        (14, (64,)),
    ],
)
def test_any_even_side_has_its_networks(side, widths):
    g, d = DCGANGenerator(side, latent=2), DCGANDiscriminator(side)
    convolutions = [m for m in d.layers if isinstance(m, nn.Conv2d)]
    assert tuple(m.out_channels for m in convolutions) == widths
    with autograd.no_grad():
        assert d(g(g.draw(2))).shape == (2,)


def test_labels_change_what_is_drawn_and_how_it_is_judged():
    for kind in ("point", "image"):
        g, d = small(kind, classes=3)
        g.eval(), d.eval()
        z, zeros, ones = g.draw(4), autograd.zeros(4).long(), autograd.ones(4).long()
        x = g(z, zeros)
        assert (x.data != g(z, ones).data).any()
        assert (d(x, zeros).data != d(x, ones).data).all()


def test_a_packed_discriminator_sees_its_examples_together():
    """The score of a pack depends on all its members, and on no other."""
    for kind in ("point", "image"):
        g, d = small(kind, packing=2, **({"norm": "none"} if kind == "image" else {}))
        x = g(g.draw(6)).detach()
        before = d(x).data
        for i in range(6):
            changed = Tensor(x.data.copy())
            changed.copy_(autograd.where((autograd.arange(6) == i).reshape(6, *[1] * (x.ndim - 1)), 0.9, x))
            moved = before != d(changed).data
            assert list(np.flatnonzero(moved)) == [i // 2]


def test_samples_are_drawn_in_evaluation_mode_and_by_their_generator():
    g, _ = small(classes=5)
    state = {name: value.data.copy() for name, value in g.state_dict().items()}
    first = g.sample(7, generator=autograd.Generator(1), batch_size=3)
    assert first.shape == (7, 2, 8, 8) and not first.requires_grad and g.training
    assert (first.data == g.sample(7, generator=autograd.Generator(1)).data).all()
    assert (first.data != g.sample(7, generator=autograd.Generator(2)).data).any()
    for name, value in g.state_dict().items():
        assert (state[name] == value.data).all(), name
    threes = g.sample(4, 3, generator=autograd.Generator(1))
    assert (threes.data == g.sample(4, np.full(4, 3), generator=autograd.Generator(1)).data).all()


def test_spectral_discriminators_change_slowly():
    """Each layer's norm is 1 and LeakyReLU is no steeper, so no score changes faster than its points."""
    d = PointDiscriminator(widths=(32, 32), spectral=True)
    with autograd.no_grad():
        for _ in range(50):
            d(autograd.randn(4, 2))
        d.eval()
        a, b = autograd.randn(500, 2), autograd.randn(500, 2)
        slope = (d(a) - d(b)).abs() / autograd.norm(a - b, 2, 1)
    assert 0.01 < slope.max().item() <= 1.001


# Losses --------------------------------------------------------------------------------------------


def test_objectives_are_their_formulas():
    real, fake = np.array([0.5, -2.0]), np.array([1.5, -0.5])

    def log_sigmoid(x):
        return -np.log(1 + np.exp(-x))

    wanted = {
        "gan": (-(log_sigmoid(real) + log_sigmoid(-fake)).mean(), -log_sigmoid(fake).mean()),
        "lsgan": ((((real - 1) ** 2).mean() + (fake**2).mean()) / 2, ((fake - 1) ** 2).mean() / 2),
        "wgan": (fake.mean() - real.mean(), -fake.mean()),
        "hinge": (np.maximum(0, 1 - real).mean() + np.maximum(0, 1 + fake).mean(), -fake.mean()),
    }  # fmt: skip
    for name, (d, g) in wanted.items():
        loss = objective(name)
        assert loss.name == name
        assert loss.discriminator(Tensor(real), Tensor(fake)).item() == pytest.approx(d)
        assert loss.generator(Tensor(fake)).item() == pytest.approx(g)


def test_an_objective_survives_any_score():
    for name in ("gan", "lsgan", "wgan", "hinge"):
        far = Tensor(np.float32([1e4, -1e4]))
        far.requires_grad_()
        loss = objective(name).discriminator(far, -far) + objective(name).generator(far)
        (slope,) = autograd.grad(loss, far)
        assert math.isfinite(loss.item()) and np.isfinite(slope.data).all()


def test_the_penalty_of_a_flat_critic_has_a_finite_gradient():
    d = PointDiscriminator(widths=(4,))
    with autograd.no_grad():
        for p in d.parameters():
            p.copy_(0 * p)
    gradient_penalty(d, autograd.randn(4, 2), autograd.randn(4, 2)).backward()
    assert all(p.grad is None or np.isfinite(p.grad.data).all() for p in d.parameters())


def test_the_penalty_leaves_the_generator_alone():
    g, d = small("point")
    fake = g(g.draw(4))
    gradient_penalty(d, autograd.randn(4, 2), fake).backward()
    assert all(p.grad is None for p in g.parameters())


# Programs ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("point", {"packing": 2}),
        ("point", {"maxout": 3}),
        ("image", {"norm": "layer", "packing": 2}),
        ("image", {"norm": "none", "classes": 3}),
        ("image", {"norm": "none", "spectral": True}),
    ],
)
def test_steps_are_the_same_as_programs(kind, options):
    """A WGAN-GP step of both networks, clipped: eagerly and as a program, number for number."""
    results = []
    for compiled in (False, True):
        autograd.manual_seed(3)
        g, d = small(kind, **options)
        classes = options.get("classes")
        labels = () if classes is None else (autograd.arange(6) % classes,)
        loss = objective("wgan")
        adams = [nn.optim.Adam(net.parameters(), lr=1e-3, betas=(0.5, 0.9)) for net in (g, d)]

        def step(real, *labels, g=g, d=d, loss=loss, adams=adams):
            fake = g(g.draw(len(real)), *labels)
            adams[1].zero_grad()
            judged = loss.discriminator(d(real, *labels), d(fake.detach(), *labels))
            penalty = gradient_penalty(d, real, fake, *labels)
            (judged + 10 * penalty).backward()
            adams[1].step()
            clip_weights_(d, 0.05)
            adams[0].zero_grad()
            drawn = loss.generator(d(fake, *labels))
            drawn.backward()
            adams[0].step()
            return judged.detach(), penalty.detach(), drawn.detach()

        run = autograd.jit(step) if compiled else step
        data = autograd.Generator(9).uniform((5, 6, *((2,) if kind == "point" else (2, 8, 8))))
        losses = [[x.item() for x in run(Tensor(x), *labels)] for x in data]
        results.append((losses, [p.data.copy() for net in (g, d) for p in net.state_dict().values()]))
    np.testing.assert_allclose(results[1][0], results[0][0], rtol=2e-4, atol=2e-5)
    for ours, theirs in zip(results[1][1], results[0][1], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-3, atol=2e-4)
    assert max(p.abs().max().item() for p in d.parameters()) == pytest.approx(0.05)


# What is refused -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: DCGANGenerator(side=7), "side 7 can't be halved; want an even side"),
        (lambda: DCGANDiscriminator(side=28, widths=(8, 8, 8)), "28 can't be halved 3 times"),
        (lambda: DCGANDiscriminator(norm="group"), "'batch', 'layer', 'none'"),
        (lambda: PointGenerator(latent=0), "latent >= 1"),
        (lambda: small()[0](autograd.randn(2, 4)), r"want z of shape \(N, 3\), got \(2, 4\)"),
        (lambda: small()[1](autograd.rand(2, 1, 8, 8)), r"\('N', 2, 8, 8\), got \(2, 1, 8, 8\)"),
        (lambda: small(packing=2)[1](autograd.rand(3, 2, 8, 8)), "3 examples can't be packed by 2"),
        (lambda: small(classes=3)[0](autograd.randn(2, 3)), "want 2 labels for its 3 classes, got none"),
        (lambda: small()[0].sample(2, 1), "without classes="),
        (lambda: small(classes=3)[0].sample(2, [0, 1, 2]), r"want 2 labels .* got shape \(3,\)"),
        (lambda: small(classes=3)[0].sample(2, 3), "labels from 0 to 2"),
        (lambda: objective("wgan-gp"), "'gan', 'lsgan', 'wgan', 'hinge'"),
        (lambda: pack(autograd.ones(5, 2), 2), "5 examples can't be packed by 2"),
        (lambda: clip_weights_(small()[1], 0), "bound > 0"),
        (lambda: gradient_penalty(small()[1], *autograd.rand(2, 2, 2, 8, 8)), "batch norm"),
        (lambda: gradient_penalty(small("point")[1], autograd.rand(2, 2), autograd.rand(3, 2)), "one shape"),
        (lambda: gradient_penalty(small("point", packing=2)[1], *autograd.rand(2, 3, 2)), "packs of 2 .* 3"),
        (lambda: gradient_penalty(small("point")[1], *autograd.rand(2, 0, 2)), "packs of 1 .* got 0"),
    ],
)  # fmt: skip
def test_mistakes_are_named(act, message):
    with pytest.raises(ValueError, match=message):
        act()
