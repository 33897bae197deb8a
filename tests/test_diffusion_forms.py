"""The arithmetic of diffusion against closed forms: schedules, Bayes' rule, objectives, DDIM and DDPM."""

import math

import numpy as np
import pytest
from analytic_denoisers import MixtureDenoiser, grid_of_25

import autograd
from autograd import Tensor
from nn.models import Diffusion, PointDenoiser
from nn.models.diffusion import Schedule, cosine, linear, sigmoid
from nn.models.diffusion.sampling import to_x0

NAMES = ["linear", "cosine", "sigmoid"]


def diffusion(**options):
    options = {"timesteps": 100, "data_range": None, **options}
    return Diffusion(PointDenoiser(2, width=16), (2,), **options)


# Schedules ----------------------------------------------------------------------------------------


def test_the_linear_schedule_is_that_of_the_paper():
    """Products of 1 - beta, one by one, and the end that Ho et al. 2020 (section 4) give for 1000 steps."""
    betas = linear(1000)
    assert betas[0] == pytest.approx(1e-4) and betas[-1] == pytest.approx(0.02)
    product = 1.0
    remaining = Schedule(betas).remaining
    for t, beta in enumerate(betas):
        assert beta == pytest.approx(1e-4 + t * (0.02 - 1e-4) / 999, rel=1e-12)
        product *= 1 - beta
        assert remaining[t] == pytest.approx(product, rel=1e-12)
    prior = 0.5 * (-math.log1p(-remaining[-1])) / math.log(2)  # of x_0 = +-1: bits a number
    assert prior < 1e-4


def test_the_cosine_schedule_is_its_formula_until_beta_is_held():
    """a_t = f(t) / f(0), f(t) = cos^2((t / T + s) / (1 + s) pi / 2), t from 1 (Nichol and Dhariwal 2021)."""
    remaining = Schedule(cosine(1000)).remaining

    def f(part):
        return math.cos((part + 0.008) / 1.008 * math.pi / 2) ** 2

    for t in (0, 1, 10, 500, 900, 998):
        assert remaining[t] == pytest.approx(f((t + 1) / 1000) / f(0), rel=1e-9)
    assert cosine(1000).max() == 0.999


def test_the_sigmoid_schedule_is_its_formula():
    """a_t from the sigmoid's value at the start, scaled to 1, to that at the end, scaled to 0."""

    def s(x):
        return 1 / (1 + math.exp(-x))

    remaining = Schedule(sigmoid(100, -3, 3, 0.9)).remaining
    for t in (0, 1, 50, 98):
        expected = (s(3 / 0.9) - s((-3 + 6 * (t + 1) / 100) / 0.9)) / (s(3 / 0.9) - s(-3 / 0.9))
        assert remaining[t] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("timesteps", [2, 10, 1000])
def test_signal_falls_from_nearly_all_to_nearly_nothing(name, timesteps):
    schedule = Schedule.named(name, timesteps)
    assert (np.diff(schedule.remaining) < 0).all()
    assert schedule.remaining[-1] < 1e-3
    assert np.allclose(schedule.signal**2 + schedule.noise**2, 1, atol=1e-12)


def test_what_is_no_schedule_is_said():
    for betas in ([0.1, 1.0], [0.0, 0.1], [[0.1]], []):
        with pytest.raises(ValueError, match="above 0 and below 1"):
            Schedule(betas)
    with pytest.raises(ValueError, match="linear, cosine, sigmoid"):
        diffusion(schedule="quadratic")
    with pytest.raises(ValueError, match="at least two steps, got 1"):
        diffusion(timesteps=1)
    with pytest.raises(ValueError, match="2 betas for 3 steps"):
        diffusion(schedule=[0.1, 0.2], timesteps=3)


# Bayes' rule --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_the_posterior_is_bayes_rule(name):
    """q(x_(t-1) | x_t, x_0) from the product of q(x_t | x_(t-1)) and q(x_(t-1) | x_0), summed on a grid."""
    model = diffusion(schedule=name, timesteps=50)
    x0, xt = 0.7, -0.4
    for t in (1, 7, 25, 49):
        beta, before = model.schedule.betas[t], model.schedule.remaining[t - 1]
        x = np.linspace(-8, 8, 400001)
        log = -((xt - math.sqrt(1 - beta) * x) ** 2) / (2 * beta)
        log -= (x - math.sqrt(before) * x0) ** 2 / (2 * (1 - before))
        weight = np.exp(log - log.max())
        weight /= weight.sum()
        mean = (weight * x).sum()
        variance = (weight * (x - mean) ** 2).sum()
        points = Tensor(np.full((1, 2), x0, np.float32)), Tensor(np.full((1, 2), xt, np.float32))
        got_mean, got_variance = model.q_posterior(*points, autograd.tensor([t]))
        assert got_mean[0, 0].item() == pytest.approx(mean, abs=1e-5)
        assert got_variance.item() == pytest.approx(variance, abs=1e-5)


def test_times_and_objectives_that_are_none_are_refused():
    model, x = diffusion(), autograd.randn(2, 2)
    for t in (-1, 100):
        with pytest.raises(ValueError, match=rf"times 0 \.\.\. 99, got \[5, {t}\]"):
            model.q_posterior(x, x, autograd.tensor([5, t]))
    with pytest.raises(ValueError, match="predictions: want an objective among noise, x0, v, got 'eps'"):
        model.predictions(x, autograd.tensor([1, 2]), x, "eps")


def test_single_steps_add_up_to_one_leap():
    """q(x_t | x_0) in one go has the mean and variance of t steps one after the other."""
    schedule = diffusion(timesteps=200).schedule
    mean, variance = 1.0, 0.0
    for t, beta in enumerate(schedule.betas):
        mean, variance = math.sqrt(1 - beta) * mean, (1 - beta) * variance + beta
        assert schedule.signal[t] == pytest.approx(mean, rel=1e-10)
        assert schedule.noise[t] ** 2 == pytest.approx(variance, rel=1e-10)


def test_q_sample_has_its_shares():
    model = diffusion()
    x0, noise = autograd.randn(5, 2), autograd.randn(5, 2)
    t = autograd.tensor([0, 3, 50, 98, 99])
    got = model.q_sample(x0, t, noise).data
    shares = [model.schedule.signal[t.data][:, None], model.schedule.noise[t.data][:, None]]
    np.testing.assert_allclose(got, shares[0] * x0.data + shares[1] * noise.data, atol=1e-6)


# Objectives ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", ["noise", "x0", "v"])
@pytest.mark.parametrize("name", NAMES)
def test_objectives_convert_to_each_other(name, given):
    """Whatever a network states, noise, x_0 and v come out, within 1e-5 (1e-5 of x_0's size where next to
    nothing of it is left)."""
    model = diffusion(schedule=name).double()
    t = autograd.arange(100)
    x0, noise = autograd.randn(100, 2, dtype="float64"), autograd.randn(100, 2, dtype="float64")
    signal, spread, _ = model.at(t)
    truth = {"noise": noise, "x0": x0, "v": signal * noise - spread * x0}
    found = model.predictions(model.q_sample(x0, t, noise), t, truth[given], given)._asdict()
    for objective, values in truth.items():
        np.testing.assert_allclose(found[objective].data, values.data, atol=1e-5)


@pytest.mark.parametrize("given", ["noise", "x0", "v"])
def test_objectives_give_the_same_noise_in_float32_too(given):
    model = diffusion(timesteps=1000, schedule="linear")
    t = autograd.arange(1000)
    x0, noise = autograd.rand(1000, 2) * 2 - 1, autograd.randn(1000, 2)
    signal, spread, _ = model.at(t)
    xt = model.q_sample(x0, t, noise)
    stated = {"noise": noise, "x0": x0, "v": signal * noise - spread * x0}[given]
    assert (model.predictions(xt, t, stated, given).noise - noise).abs().max().item() < 1e-5


@pytest.mark.parametrize("objective", ["noise", "x0", "v"])
def test_the_way_back_reads_outputs_as_predictions_does(objective):
    model = diffusion(objective=objective).double()
    t = autograd.arange(100)
    xt, output = autograd.randn(100, 2, dtype="float64"), autograd.randn(100, 2, dtype="float64")
    from_xt, from_output = to_x0(model.schedule, objective, t.data)
    x0 = model.predictions(xt, t, output).x0.data
    read = from_xt[:, None] * xt.data + from_output[:, None] * output.data
    np.testing.assert_allclose(read, x0, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("objective", ["noise", "x0", "v"])
def test_min_snr_counts_errors_of_x0_alike(objective):
    """An error of x_0, in whatever words, costs min(snr, 5) times its square (Hang et al. 2023)."""
    model = diffusion(objective=objective, min_snr=5.0)
    snr = model.schedule.snr
    in_x0 = {"noise": snr, "x0": np.ones(100), "v": snr + 1}[objective]  # square of d output / d x_0
    np.testing.assert_allclose(model.loss_weights() * in_x0, np.minimum(snr, 5.0), rtol=1e-12)
    assert (diffusion(objective=objective).loss_weights() == 1).all()


@pytest.mark.parametrize("objective", ["noise", "x0", "v"])
def test_the_best_denoiser_has_a_lower_loss_than_its_neighbours(objective):
    """The loss is of what the objective says: the conditional expectation minimises it."""
    schedule = Schedule.named("linear", 100)
    best = MixtureDenoiser(grid_of_25(), 0.05, schedule, objective)
    centres = grid_of_25()[np.random.default_rng(0).integers(0, 25, 4000)]
    points = Tensor((centres + 0.05 * np.random.default_rng(1).normal(size=centres.shape)).astype(np.float32))

    def loss(network):
        autograd.manual_seed(0)
        options = {"timesteps": 100, "objective": objective, "data_range": None}
        return Diffusion(network, (2,), **options).loss(points).item()

    least = loss(best)
    for off in (-0.1, 0.1):
        other = MixtureDenoiser(grid_of_25(), 0.05, schedule, objective)
        other.register_forward_hook(lambda module, args, output, off=off: output + off)
        assert loss(other) == pytest.approx(least + off**2, abs=6e-3) and loss(other) > least


# DDIM and DDPM ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("timesteps", [10, 1000])
def test_ddim_with_eta_1_and_all_steps_is_ddpm(name, timesteps):
    """Not by its samples but by its numbers: each step has the mean (for every x_t and x_0, since both of
    its shares are equal) and the variance of DDPM's, which come from the betas by Bayes' rule."""
    schedule = Schedule.named(name, timesteps)
    steps, posterior = schedule.steps(schedule.times(), eta=1.0), schedule.posterior()
    assert (steps.t == np.arange(timesteps)[::-1]).all() and (steps.to == steps.t - 1).all()
    np.testing.assert_allclose(steps.x0_share, posterior.x0_share[steps.t], atol=1e-10)
    np.testing.assert_allclose(steps.xt_share, posterior.xt_share[steps.t], atol=1e-10)
    np.testing.assert_allclose(steps.spread**2, posterior.variance[steps.t], atol=1e-10)


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("count", [1, 7, 100])
def test_any_steps_keep_the_marginals(eta, count):
    """If x_0 is right, x_to has mean and variance of q(x_to | x_0), whatever eta (Song et al., lemma 1)."""
    schedule = Schedule.named("cosine", 100)
    t, to, x0_share, xt_share, spread = schedule.steps(schedule.times(count), eta)
    here, there = schedule.left(t), schedule.left(to)
    np.testing.assert_allclose(x0_share + xt_share * np.sqrt(here), np.sqrt(there), atol=1e-12)
    np.testing.assert_allclose(xt_share**2 * (1 - here) + spread**2, 1 - there, atol=1e-12)
    assert (spread == 0).all() == (eta == 0 or count == 1)
    assert to[-1] == -1 and spread[-1] == 0


def test_times_begin_at_the_last_and_end_at_the_data():
    schedule = Schedule.named("linear", 1000)
    assert schedule.times(4).tolist() == [999, 749, 499, 249, -1]
    assert schedule.times(2, start=99).tolist() == [99, 49, -1]
    assert schedule.times().tolist() == list(range(999, -2, -1))
    for steps in (0, 1001):
        with pytest.raises(ValueError, match=r"1 \.\.\. 1000 steps"):
            schedule.times(steps)
    with pytest.raises(ValueError, match=r"eta in \[0, 1\]"):
        schedule.steps(schedule.times(), 1.5)
