"""Bits per dimension, where the answer is known: normal data and the best denoiser for them."""

import math

import numpy as np
import pytest
from analytic_denoisers import GaussianDenoiser

import autograd
from autograd import Tensor
from nn.models import Diffusion
from nn.models.diffusion import Schedule

MEAN, STD, LEVELS = 0.1, 0.25, 256


def below(z):
    return 0.5 * (1 + autograd.erf(Tensor(np.asarray(z, np.float64) / math.sqrt(2))).data)


def model_and_data(timesteps, count=400, dims=16):
    schedule = Schedule.named("cosine", timesteps)
    network = GaussianDenoiser(MEAN, STD, schedule)
    model = Diffusion(
        network, (dims,), timesteps=timesteps, schedule="cosine", objective="x0", data_range=(-1, 1)
    )
    values = MEAN + STD * np.random.default_rng(0).normal(size=(count, dims))
    places = np.round((values.clip(-1, 1) + 1) / 2 * (LEVELS - 1))
    return model, Tensor((places / (LEVELS - 1) * 2 - 1).astype(np.float32))


def entropy():
    """Of a normal number on 256 levels, in bits: what the best code needs."""
    places = np.arange(LEVELS) / (LEVELS - 1) * 2 - 1
    half = 1 / (LEVELS - 1)
    p = below((places + half - MEAN) / STD) - below((places - half - MEAN) / STD)
    p = p[p > 0] / p.sum()
    return -(p * np.log2(p)).sum()


def expected(schedule):
    """The bound's parts in closed form: of prior and steps from the variance of x_0 given x_t, that of the
    decoder by an integral over x_0 and x_1."""
    a = schedule.remaining
    prior = 0.5 * (a[-1] * (MEAN**2 + STD**2 - 1) - math.log1p(-a[-1]))
    left = STD**2 * (1 - a) / (a * STD**2 + 1 - a)  # of x_0 given x_t
    posterior = schedule.posterior()
    x0_share, variance, beta = posterior.x0_share[1:], posterior.variance[1:], schedule.betas[1:]
    steps = 0.5 * (np.log(beta / variance) - 1 + (variance + x0_share**2 * left[1:]) / beta).sum()
    # log of the mean density in a level about as wide as it is high: -log N(x_0; estimate, beta_0) on average
    spread, half = math.sqrt(schedule.betas[0]), 1 / (LEVELS - 1)
    off = np.linspace(-8, 8, 4001) * math.sqrt(left[0])
    weight = np.exp(-(off**2) / (2 * left[0]))
    log = np.log(np.maximum(below((off + half) / spread) - below((off - half) / spread), 1e-12))
    decoder = -(weight * log).sum() / weight.sum()
    return np.array([prior, steps, decoder]) / math.log(2)


@pytest.mark.parametrize("timesteps", [10, 200])
def test_the_parts_are_their_closed_forms(timesteps):
    model, x = model_and_data(timesteps)
    autograd.manual_seed(0)
    bits = model.bits_per_dim(x)
    parts = np.array([bits.prior.mean(), bits.steps.mean(), bits.decoder.mean()])
    np.testing.assert_allclose(parts, expected(model.schedule), rtol=0.02, atol=1e-4)
    np.testing.assert_allclose(bits.total, bits.prior + bits.steps + bits.decoder)
    assert bits.total.shape == (400,)


def test_the_bound_falls_to_the_entropy_as_steps_grow_many():
    """10 steps cost 0.34 bits more than the best code, 100 0.04, and 1000 0.01."""
    over = [expected(Schedule.named("cosine", steps)).sum() - entropy() for steps in (10, 100, 1000)]
    assert over == pytest.approx([0.34, 0.041, 0.0106], abs=0.002)
    model, x = model_and_data(1000, count=1000)
    assert model.bits_per_dim(x).total.mean() == pytest.approx(entropy() + over[-1], abs=0.03)


def test_a_stride_is_right_on_average():
    model, x = model_and_data(200, count=1000)
    autograd.manual_seed(1)
    whole, part = model.bits_per_dim(x), model.bits_per_dim(x, stride=7)
    assert part.steps.mean() == pytest.approx(whole.steps.mean(), rel=0.03)
    assert (part.prior == whole.prior).all()


def test_a_worse_network_needs_more_bits():
    model, x = model_and_data(100)
    good = model.bits_per_dim(x).total.mean()
    model.network.register_forward_hook(lambda module, args, output: output + 0.02)
    assert model.bits_per_dim(x).total.mean() > good + 0.05


def test_what_has_no_levels_is_said():
    model, x = model_and_data(10, count=2)
    with pytest.raises(ValueError, match="numbers on 256 levels"):
        model.bits_per_dim(x + 0.001)
    with pytest.raises(ValueError, match=r"want data in \[-1, 1\], got values from"):
        model.bits_per_dim(x * 10)
    free = Diffusion(model.network, (16,), timesteps=10, data_range=None)
    with pytest.raises(ValueError, match="levels need a range"):
        free.bits_per_dim(x)
    with pytest.raises(ValueError, match="stride >= 1"):
        model.bits_per_dim(x, stride=0)
