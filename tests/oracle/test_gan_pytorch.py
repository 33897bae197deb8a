"""Spectral normalisation and WGAN-GP's penalty against PyTorch, with the same weights, in float64."""

from __future__ import annotations

import numpy as np
import pytest

import autograd
import nn
from autograd import Tensor
from nn.models.gan import DCGANDiscriminator, DCGANGenerator, gradient_penalty, pack
from nn.utils import spectral_norm
from tests.oracle.torch_oracle import close, torch

RANDOM = np.random.default_rng(0)
LAYERS = {
    "linear": (lambda m: m.Linear(5, 7), (3, 5)),
    "conv": (lambda m: m.Conv2d(3, 4, 3, stride=2, padding=1), (2, 3, 7, 6)),
    "transposed": (lambda m: m.ConvTranspose2d(3, 4, 4, stride=2, padding=1), (2, 3, 5, 4)),
}


def normalized(kind, iterations=1):
    """The layer, normalised here and in PyTorch, with the same weights and vectors; an input."""
    make, shape = LAYERS[kind]
    theirs = torch.nn.utils.parametrizations.spectral_norm(make(torch.nn).double(), "weight", iterations)
    ours = spectral_norm(make(nn), n_power_iterations=iterations).double()
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs, RANDOM.standard_normal(shape)


def same_state(ours, theirs):
    for name, value in theirs.state_dict().items():
        close(ours.state_dict()[name], value, name)


@pytest.mark.parametrize("iterations", [1, 3])
@pytest.mark.parametrize("kind", LAYERS)
def test_spectral_norm_trains_as_pytorchs(kind, iterations):
    """Outputs, gradients, weights and vectors over five updates; then in evaluation mode: u and v stay."""
    ours, theirs, x = normalized(kind, iterations)
    mine = nn.optim.SGD(ours.parameters(), lr=0.1)
    other = torch.optim.SGD(theirs.parameters(), lr=0.1)
    for _ in range(5):
        mine.zero_grad()
        other.zero_grad()
        out, expected = ours(Tensor(x)), theirs(torch.tensor(x))
        close(out, expected, "output")
        # Twice before one backward pass, as a discriminator is called: each with the vectors of its own time.
        ((out * out).sum() + ours(Tensor(2 * x)).sum()).backward()
        ((expected * expected).sum() + theirs(torch.tensor(2 * x)).sum()).backward()
        for (name, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
            close(p.grad, q.grad, f"gradient of {name}")
        mine.step()
        other.step()
        same_state(ours, theirs)
    ours.eval()
    theirs.eval()
    close(ours(Tensor(x)), theirs(torch.tensor(x)), "output in evaluation mode")
    same_state(ours, theirs)


@pytest.mark.parametrize("kind", LAYERS)
def test_the_start_has_found_the_largest_singular_value(kind):
    """Fifteen iterations from random vectors, as PyTorch: within a few per cent of the true one."""
    layer = spectral_norm(LAYERS[kind][0](nn).double()).eval()
    matrix = getattr(layer.parametrizations.weight, "0").matrix(layer.weight.detach()).data
    assert np.linalg.svd(matrix, compute_uv=False)[0] == pytest.approx(1, rel=0.1)


# The penalty -------------------------------------------------------------------------------------


def critic(m, transposed):
    """Strided convolutions down, and for good measure one transposed, as an up-and-down critic has."""
    middle = [m.ConvTranspose2d(4, 3, 4, stride=2, padding=1), m.Tanh()] if transposed else []
    flat = 3 * 8 * 8 if transposed else 4 * 4 * 4
    return m.Sequential(
        m.Conv2d(2, 4, 4, stride=2, padding=1), m.LeakyReLU(0.2), *middle, m.Flatten(), m.Linear(flat, 6),
        m.Tanh(), m.Linear(6, 1),
    )  # fmt: skip


def torch_penalty(discriminator, real, fake, epsilon, target, packing=1):
    """(|grad D(x)| - target)^2 at x = fake + epsilon (real - fake), written as in the paper."""
    mixed = (fake + epsilon * (real - fake)).requires_grad_()
    (slope,) = torch.autograd.grad(discriminator(mixed).sum(), mixed, create_graph=True)
    return ((slope.reshape(len(real) // packing, -1).norm(2, dim=1) - target) ** 2).mean()


def compare_penalties(ours, theirs, real, fake, target=1.0, packing=1, torch_forward=None):
    packs = len(real) // packing
    epsilon = np.repeat(autograd.Generator(5).uniform((packs, 1, 1, 1), real.dtype), packing, 0)
    penalty = gradient_penalty(
        ours, Tensor(real), Tensor(fake), target=target, generator=autograd.Generator(5)
    )
    expected = torch_penalty(
        torch_forward or theirs, *map(torch.tensor, (real, fake, epsilon)), target, packing
    )
    close(penalty, expected, "penalty")
    penalty.backward()
    expected.backward()
    found = 0
    for (name, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        close(p.grad, q.grad, f"gradient of {name}")
        found += p.grad is not None and bool(np.any(p.grad.data))
    assert found >= 3


@pytest.mark.parametrize("target", [1.0, 0.0])
@pytest.mark.parametrize("transposed", [False, True])
def test_the_penalty_of_a_critic_of_convolutions(transposed, target):
    theirs = critic(torch.nn, transposed).double()
    ours = critic(nn, transposed).double()
    ours.load_state_dict(theirs.state_dict())
    real, fake = RANDOM.standard_normal((2, 6, 2, 8, 8))
    compare_penalties(ours, theirs, real, fake, target)


@pytest.mark.parametrize("packing", [1, 2])
@pytest.mark.parametrize("norm", ["none", "layer"])
def test_the_penalty_of_our_discriminators(norm, packing):
    autograd.manual_seed(0)
    ours = DCGANDiscriminator(side=8, channels=1, widths=(4, 6), norm=norm, packing=packing).double()
    with autograd.no_grad():  # far from the flat start, so that all derivatives count
        for p in ours.parameters():
            p.copy_(p + 0.3 * autograd.randn(*p.shape, dtype=p.dtype))
    layers = [
        torch.nn.Conv2d(packing, 4, 4, 2, 1), torch.nn.LeakyReLU(0.2),
        torch.nn.Conv2d(4, 6, 4, 2, 1, bias=norm == "none"),
        *([torch.nn.GroupNorm(1, 6)] if norm == "layer" else []),
        torch.nn.LeakyReLU(0.2), torch.nn.Flatten(), torch.nn.Linear(24, 1),
    ]  # fmt: skip
    theirs = torch.nn.Sequential(*layers).double()
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        q.data = torch.tensor(p.data)
    real, fake = RANDOM.uniform(size=(2, 6, 1, 8, 8))

    def forward(x):
        return theirs((2 * x - 1).reshape(len(x) // packing, packing, 8, 8))

    compare_penalties(ours, theirs, real, fake, packing=packing, torch_forward=forward)


def test_packing_is_a_concatenation_of_channels():
    x = RANDOM.standard_normal((6, 2, 3, 3))
    expected = torch.cat([torch.tensor(x[0::3]), torch.tensor(x[1::3]), torch.tensor(x[2::3])], 1)
    close(pack(Tensor(x), 3), expected, "packs")


def test_the_generator_is_dcgans():
    """G at 28 x 28: transposed convolutions 64 -> 128 (7), -> 64 (4, stride 2), -> 1, batch norm, tanh."""
    autograd.manual_seed(0)
    t = torch.nn
    theirs = t.Sequential(
        t.ConvTranspose2d(64, 128, 7, bias=False), t.BatchNorm2d(128), t.ReLU(),
        t.ConvTranspose2d(128, 64, 4, 2, 1, bias=False), t.BatchNorm2d(64), t.ReLU(),
        t.ConvTranspose2d(64, 1, 4, 2, 1), t.Tanh(),
    ).double()  # fmt: skip
    ours = DCGANGenerator(side=28, channels=1, latent=64).double()
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        q.data = torch.tensor(p.data)
    z = RANDOM.standard_normal((3, 64))
    close(ours(Tensor(z)), (theirs(torch.tensor(z)[:, :, None, None]) + 1) / 2, "images")
