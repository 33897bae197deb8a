"""Drawing with diffusion models: the best denoisers draw what they know; guidance, in-painting, copies."""

import copy
import math

import numpy as np
import pytest
from analytic_denoisers import GaussianDenoiser, MixtureDenoiser, grid_of_25

import autograd
import nn
from autograd import Generator, Tensor
from nn.models import Diffusion, PointDenoiser, UNet
from nn.models.diffusion import Schedule

STD = 0.05


def mixture(objective="x0", timesteps=200, schedule="linear"):
    network = MixtureDenoiser(grid_of_25(), STD, Schedule.named(schedule, timesteps), objective)
    options = {"timesteps": timesteps, "schedule": schedule, "objective": objective, "data_range": None}
    return Diffusion(network, (2,), **options)


def counted(points):
    """How many points each of the 25 modes got, and the share of points within three deviations of one."""
    away = np.linalg.norm(points.data[:, None] - grid_of_25(), axis=2)
    near = away.min(1) < 3 * STD
    return np.bincount(away.argmin(1)[near], minlength=25), near.mean()


# What is drawn ------------------------------------------------------------------------------------


@pytest.mark.parametrize("objective", ["noise", "x0", "v"])
@pytest.mark.parametrize("way", [{}, {"steps": 50}, {"steps": 50, "eta": 0.5}, {"steps": 100, "eta": 1.0}])
def test_the_best_denoiser_draws_the_mixture(objective, way):
    """25 of 25 modes, each as often as it should be, and points where the modes are."""
    points = mixture(objective).sample(1000, batch_size=500, generator=Generator(1), **way)
    counts, quality = counted(points)
    assert (counts > 0).all() and quality > (0.96 if way else 0.98)  # the data: 0.989
    assert counts.std() < 3 * math.sqrt(40 * 24 / 25)  # of 1000 draws out of 25, with room


def test_ddpm_draws_normal_data_with_its_mean_and_deviation():
    """Each step is linear here, so the deviation of what is drawn has a closed form too."""
    schedule = Schedule.named("linear", 100)
    network = GaussianDenoiser(0.3, 0.4, schedule)
    model = Diffusion(network, (4,), timesteps=100, objective="x0", data_range=None)
    for options in ({}, {"steps": 20, "eta": 0.0}, {"steps": 20, "eta": 0.7}):
        steps = schedule.steps(schedule.times(options.get("steps")), options.get("eta", 1.0))
        mean, variance = 0.0, 1.0
        for t, _, x0_share, xt_share, spread in zip(*steps, strict=True):
            signal, noise = schedule.signal[t], schedule.noise[t]
            gain = signal * 0.4**2 / ((signal * 0.4) ** 2 + noise**2)
            mean = x0_share * (0.3 + gain * (mean - signal * 0.3)) + xt_share * mean
            variance = (x0_share * gain + xt_share) ** 2 * variance + spread**2
        drawn = model.sample(5000, batch_size=5000, generator=Generator(0), **options).data
        assert drawn.mean() == pytest.approx(mean, abs=4 * math.sqrt(variance / 20000))
        assert drawn.std() == pytest.approx(math.sqrt(variance), rel=0.02)
        assert mean == pytest.approx(0.3, abs=0.01) and math.sqrt(variance) == pytest.approx(0.4, abs=0.08)


def test_ddim_is_a_function_of_its_noise_and_ddpm_is_not():
    model = mixture()
    x = autograd.randn(8, 2)
    times = model.schedule.times(20)
    ways = [model.back(x, times, eta, Generator(seed)) for eta in (0.0, 1.0) for seed in (0, 1)]
    assert (ways[0].data == ways[1].data).all() and (ways[2].data != ways[3].data).any()


def test_programs_draw_what_single_steps_in_numpy_draw():
    """The whole way against a loop in NumPy on the same noise."""
    model = mixture(timesteps=20)
    drawn = model.sample(6, generator=Generator(3)).data
    source = Generator(3)
    x = source.normal((6, 2), np.float32).astype(np.float64)
    steps = model.schedule.steps(model.schedule.times(), 1.0)
    for t, _, x0_share, xt_share, spread in zip(*steps, strict=True):
        x0 = model.network(Tensor(x.astype(np.float32)), Tensor(np.full(6, t, np.float32))).data
        x = x0_share * x0 + xt_share * x + spread * source.normal((6, 2), np.float32)
    np.testing.assert_allclose(drawn, x, atol=1e-4)


def test_seeds_and_generators_are_honoured():
    model = mixture(timesteps=20)
    autograd.manual_seed(5)
    a, b = model.sample(4), model.sample(4)
    autograd.manual_seed(5)
    assert (model.sample(4).data == a.data).all() and (a.data != b.data).any()
    source = Generator(5)
    assert (model.sample(4, generator=source).data == a.data).all()
    assert (model.sample(4, generator=source).data == b.data).all()


def test_watching_shows_the_way_and_changes_nothing():
    model = mixture(timesteps=20)
    seen = []
    watched = model.sample(
        4,
        generator=Generator(0),
        watch=lambda done, total, x, x0: seen.append((done, total, x, x0)),
        frames=5,
    )
    assert (watched.data == model.sample(4, generator=Generator(0)).data).all()
    assert [(done, total) for done, total, *_ in seen] == [(0, 20), (5, 20), (10, 20), (15, 20), (20, 20)]
    assert (seen[-1][2].data == watched.data).all()
    assert (seen[0][2].data == Generator(0).normal((4, 2), np.float32)).all()


def test_watching_begins_anew_and_may_draw_itself():
    model, seen, inner = mixture(timesteps=20), [], []

    def watch(done, total, x, x0):
        seen.append((done, x0))
        inner.append(model.sample(4, generator=Generator(1)).data)

    plain = model.sample(4, generator=Generator(0)).data
    for _ in range(2):
        assert (model.sample(4, generator=Generator(0), watch=watch, frames=3).data == plain).all()
    assert all((x0.data == 0).all() == (done == 0) for done, x0 in seen)
    assert all((drawn == inner[0]).all() for drawn in inner) and (inner[0] != plain).any()


def test_a_range_that_is_taken_away_is_clipped_no_more():
    network = GaussianDenoiser(3.0, 0.1, Schedule.named("linear", 20))
    model = Diffusion(network, (2,), timesteps=20, objective="x0", data_range=(-1, 1))
    assert model.sample(3).data.max() <= 1
    model.data_range = None
    assert model.sample(3).data.min() > 1.5


def test_counts_that_make_no_sense_are_refused():
    model = mixture(timesteps=20)
    for count, options, message in (
        (-3, {}, "integer n >= 0, got -3"),
        (2.5, {}, "integer n >= 0, got 2.5"),
        (2, {"batch_size": 0}, "integer batch_size >= 1, got 0"),
        (2, {"batch_size": -1}, "integer batch_size >= 1, got -1"),
    ):
        with pytest.raises(ValueError, match=message):
            model.sample(count, **options)
    assert model.sample(0).shape == (0, 2)


# Training, modes, copies --------------------------------------------------------------------------


def test_drawing_leaves_training_mode_as_it_was():
    model = Diffusion(nn.Sequential(nn.Dropout(0.5)), (2,), timesteps=5, data_range=None)
    model.network.forward = lambda x, t: x * 0.5
    model.train()
    model.network[0].eval()
    model.sample(2)
    assert model.training and model.network.training and not model.network[0].training


def test_a_copy_draws_by_its_own_weights():
    model = Diffusion(PointDenoiser(2, width=8), (2,), timesteps=10, data_range=None)
    first = model.sample(3, generator=Generator(0))
    twin = copy.deepcopy(model)
    for p in twin.parameters():
        p.data += 0.5
    assert (model.sample(3, generator=Generator(0)).data == first.data).all()
    assert (twin.sample(3, generator=Generator(0)).data != first.data).any()
    model.load_state_dict(twin.state_dict())
    assert (model.sample(3, generator=Generator(0)).data == twin.sample(3, generator=Generator(0)).data).all()


# Classes ------------------------------------------------------------------------------------------


class Told(nn.Module):
    """x_0 is the class, or -1 without; remembers what it was told."""

    classes = 3

    def forward(self, x, t, classes=None):
        told = classes.to(x.dtype).reshape(-1, 1)
        return autograd.where(told == 3, -1.0, told).expand(*x.shape) + 0 * x


@pytest.mark.parametrize("guidance", [0.0, 1.0, 2.5])
def test_guidance_goes_from_no_class_to_a_class_and_beyond(guidance):
    model = Diffusion(Told(), (2,), timesteps=5, objective="x0", data_range=None)
    drawn = model.sample(3, classes=[0, 1, 2], guidance=guidance)
    expected = -1 + guidance * (np.array([0, 1, 2]) + 1)
    np.testing.assert_allclose(drawn.data, expected[:, None].repeat(2, 1), atol=1e-5)
    assert (model.sample(2, classes=1, steps=2).data == 1).all()


def test_classes_are_dropped_as_often_as_asked():
    model = Diffusion(Told(), (2,), timesteps=5, objective="x0", data_range=None, drop=0.25)
    classes = Tensor(np.ones(4000, np.int64))
    autograd.manual_seed(0)
    share = (model.dropped(classes).data == 3).mean()
    assert share == pytest.approx(0.25, abs=0.03)
    assert (model.eval().dropped(classes).data == 1).all()


def test_a_unet_draws_conditional_images():
    network = UNet(8, dim=8, dim_mults=(1, 2), classes=10, groups=4)
    model = Diffusion(network, (1, 8, 8), timesteps=10, objective="v", schedule="cosine")
    images = model.sample(5, classes=[0, 1, 2, 3, 4], guidance=3.0, steps=4, batch_size=3)
    assert images.shape == (5, 1, 8, 8) and 0 <= images.data.min() <= images.data.max() <= 1


# In-painting and interpolation --------------------------------------------------------------------


@pytest.mark.parametrize("resamplings", [1, 3])
def test_inpainting_keeps_what_is_known_and_draws_what_goes_with_it(resamplings):
    """Of points on the grid the first coordinate is known: the second is drawn from its own column."""
    model = mixture("noise", timesteps=100)
    known = Tensor(grid_of_25()[np.arange(200) % 25].astype(np.float32))
    mask = np.array([1, 0])
    options = {"resamplings": resamplings, "generator": Generator(0)}
    drawn = model.inpaint(known, mask, **options)
    assert (drawn.data[:, 0] == known.data[:, 0]).all()
    counts, quality = counted(drawn)
    assert (counts > 0).all() and quality > 0.9


def test_resampling_walks_back_and_forth():
    model = mixture(timesteps=10)
    times = model.schedule.times()
    rows = model.refilled(model.rows(model.schedule.steps(times, 1.0), 1.0), times, 4)
    assert rows[0].tolist() == [t for t in range(9, 0, -1) for _ in range(4)] + [0]
    signal, noise, again, stir = rows[-4:]
    np.testing.assert_allclose(signal**2 + noise**2, 1)
    np.testing.assert_allclose(again**2 + stir**2, 1)
    assert (stir[3::4] == 0).all() and stir[-1] == 0 and (signal[-1], noise[-1]) == (1, 0)
    np.testing.assert_allclose(stir[:3] ** 2, model.schedule.betas[9])


def test_interpolation_ends_near_its_ends_and_stays_among_the_data():
    model = mixture(timesteps=200)
    a, b = (Tensor(grid_of_25()[k].astype(np.float32)) for k in (0, 24))
    near = model.interpolate(a, b, [0.0, 1.0], t=3, generator=Generator(0)).data
    assert np.abs(near - np.stack((a.data, b.data))).max() < 4 * STD
    between = model.interpolate(a, b, np.linspace(0, 1, 50), t=120, generator=Generator(0))
    assert counted(between)[1] > 0.9
    with pytest.raises(ValueError, match=r"a start of 0 \.\.\. 199"):
        model.interpolate(a, b, [0.5], t=200)
