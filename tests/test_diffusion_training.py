"""Diffusion models in nn.Trainer: programs as eager steps, averages, exact resumption, clear errors."""

import numpy as np
import pytest

import autograd
import nn
from autograd import Tensor
from nn.data import DataLoader, TensorDataset
from nn.models import Diffusion, PointDenoiser, UNet
from nn.optim.swa_utils import AveragedModel, get_ema_avg_fn


def loader(classes=None):
    points = np.random.default_rng(0).normal(size=(96, 2)).astype(np.float32)
    labels = np.arange(96) % 3
    parts = (points, labels) if classes is None else (points, labels, labels)
    return DataLoader(TensorDataset(*parts), batch_size=32, shuffle=True, seed=1)


def trained(epochs, *, jit=True, load=None, save=None, stop_after=None, **options):
    """(trainer, average) after some epochs; `stop_after` so many batches, as by Ctrl-C."""
    autograd.manual_seed(0)
    classes = options.get("classes")
    network = PointDenoiser(2, width=16, classes=options.pop("classes", None))
    model = Diffusion(network, (2,), timesteps=50, data_range=None, **options)
    average = AveragedModel(model, avg_fn=get_ema_avg_fn(0.9, warmup=True))
    optimizer = nn.optim.Adam(model.parameters(), lr=0.01)
    trainer = nn.Trainer(
        model, lambda losses, target: losses.mean(), optimizer, average=average, jit=jit, progress=False
    )
    if load:
        trainer.load(load)
    if stop_after:

        def stop(trainer, loss):
            if trainer.epoch * 3 + trainer.batch == stop_after:
                trainer.save(save)
                raise KeyboardInterrupt

        trainer.on_batch = stop
        with pytest.raises(KeyboardInterrupt):
            trainer.fit(loader(classes), epochs)
    else:
        trainer.fit(loader(classes), epochs)
    return trainer, average


def weights(module):
    return np.concatenate([p.data.ravel() for p in module.parameters()])


@pytest.mark.parametrize(
    "options", [{}, {"objective": "v", "min_snr": 5.0, "classes": 3, "schedule": "cosine"}]
)
def test_programs_train_as_eager_steps_do(options):
    fast, fast_average = trained(2, jit=True, **options)
    slow, slow_average = trained(2, jit=False, **options)
    losses = [[record["loss"] for record in t.history] for t in (fast, slow)]
    np.testing.assert_allclose(*losses, rtol=1e-4)
    np.testing.assert_allclose(weights(fast_average), weights(slow_average), atol=1e-4)
    assert fast_average.n_averaged.item() == 6


def test_a_resumed_run_ends_with_the_same_bits_and_draws_the_same(tmp_path):
    whole, average = trained(3)
    trained(3, save=tmp_path / "half.safetensors", stop_after=4)
    resumed, resumed_average = trained(3, load=tmp_path / "half.safetensors")
    assert (weights(whole.model) == weights(resumed.model)).all()
    assert (weights(average) == weights(resumed_average)).all()
    assert (weights(average) != weights(whole.model)).any()
    assert resumed_average.n_averaged.item() == 9
    drawn = [a.module.sample(4, generator=autograd.Generator(0)).data for a in (average, resumed_average)]
    assert (drawn[0] == drawn[1]).all()


def test_a_checkpoint_without_the_average_is_not_taken_for_one_with(tmp_path):
    trainer, _ = trained(1)
    trainer.average = None
    trainer.save(tmp_path / "without.safetensors")
    with pytest.raises(ValueError, match="the checkpoint has no average, this trainer has one"):
        trained(1, load=tmp_path / "without.safetensors")


@pytest.mark.parametrize("objective", ["noise", "x0", "v"])
def test_the_loss_is_by_hand_what_it_is(objective):
    """On the draws of one seed: t, then the noise."""
    model = Diffusion(PointDenoiser(2, width=16), (2,), timesteps=50, objective=objective, data_range=(-4, 4))
    for p in model.parameters():
        p.data += 0.05
    x = autograd.rand(6, 2) * 8 - 4
    autograd.manual_seed(7)
    losses = model(x).data
    autograd.manual_seed(7)
    t, noise = autograd.randint(0, 50, (6,)), autograd.randn(6, 2)
    signal, spread = model.schedule.signal[t.data][:, None], model.schedule.noise[t.data][:, None]
    xt = signal * x.data / 4 + spread * noise.data
    output = model.network(Tensor(xt.astype(np.float32)), t.to(np.float32)).data
    target = {"noise": noise.data, "x0": x.data / 4, "v": signal * noise.data - spread * x.data / 4}[
        objective
    ]
    np.testing.assert_allclose(losses, ((output - target) ** 2).mean(1), rtol=1e-4)


# What is refused ----------------------------------------------------------------------------------


def images(**options):
    return Diffusion(UNet(8, dim=8, dim_mults=(1, 2), groups=4, **options), (1, 8, 8), timesteps=10)


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (
            np.zeros((2, 1, 28, 28), np.float32),
            ValueError,
            r"shape \(1, 8, 8\), want .* got \(2, 1, 28, 28\)",
        ),
        (np.zeros((2, 3, 8, 8), np.float32), ValueError, r"got \(2, 3, 8, 8\)"),
        (np.zeros((1, 8, 8), np.float32), ValueError, r"got \(1, 8, 8\)"),
        (np.zeros((2, 1, 8, 8), np.uint8), TypeError, "want floats in .*, got uint8"),
        (np.full((2, 1, 8, 8), 255, np.float32), ValueError, r"want data in \[0, 1\], got values from 255"),
    ],
)
def test_data_of_another_kind_is_said(x, error, message):
    with pytest.raises(error, match=message):
        images()(Tensor(x))


def test_wrong_classes_are_said():
    x = autograd.rand(2, 1, 8, 8)
    with pytest.raises(ValueError, match="no classes; make one with"):
        images()(x, Tensor(np.array([0, 1])))
    with pytest.raises(ValueError, match=r"classes 0 \.\.\. 9 \(10: none\), got 0 to 11"):
        images(classes=10).sample(2, classes=[0, 11], steps=2)
    with pytest.raises(ValueError, match=r"want 2 classes, integers \(N,\), got int64 of shape \(2, 1\)"):
        images(classes=10).sample(2, classes=np.array([[1], [2]]), steps=2)
    with pytest.raises(ValueError, match="say which classes"):
        images(classes=10).sample(2, guidance=2.0, steps=2)


def test_wrong_options_are_said():
    network = PointDenoiser(2, width=16)
    wrong = [
        ({"objective": "score"}, "objective among noise, x0, v"),
        ({"drop": 1.5}, r"drop in \[0, 1\]"),
        ({"min_snr": 0.0}, "min_snr > 0"),
        ({"data_range": (1, 0)}, r"data_range \(low, high\)"),
    ]
    for options, message in wrong:
        with pytest.raises(ValueError, match=message):
            Diffusion(network, (2,), **options)
    model = Diffusion(network, (2,), timesteps=10, data_range=None)
    with pytest.raises(ValueError, match="mask of 1 where x is known"):
        model.inpaint(autograd.zeros(1, 2), [0.5, 1])
    for count in (0, 1.5):
        with pytest.raises(ValueError, match=f"integer resamplings >= 1, got {count}"):
            model.inpaint(autograd.zeros(1, 2), [0, 1], resamplings=count)
    for mask in (np.ones((7, 7)), np.ones(3), np.ones((1, 1, 2))):
        with pytest.raises(ValueError, match=r"broadcasts to x \(3, 2\), got shape \("):
            model.inpaint(autograd.zeros(3, 2), mask)
    with pytest.raises(ValueError, match=r"1 \.\.\. 10 steps on the way back from 9, got 5.0"):
        model.sample(1, steps=5.0)
    with pytest.raises(ValueError, match="at least one weight"):
        model.interpolate(autograd.zeros(2), autograd.zeros(2), [])


def test_data_of_another_precision_or_of_no_example_are_said():
    model = Diffusion(PointDenoiser(2, width=16), (2,), timesteps=10)
    x, few = np.full((2, 2), 0.5), np.zeros((0, 2), np.float32)
    for call in (model.loss, model.bits_per_dim, lambda x: model.inpaint(x, [0, 1])):
        with pytest.raises(TypeError, match="numbers are float32, the data float64; give them as float32"):
            call(x)
        with pytest.raises(ValueError, match=r"at least one example, got \(0, 2\)"):
            call(few)
    with pytest.raises(TypeError, match="numbers are float32, the data float64"):
        model.interpolate(*x, [0.5])


def test_a_network_gone_to_nan_is_said():
    model = Diffusion(PointDenoiser(2, width=16), (2,), timesteps=10, data_range=None)
    next(iter(model.network.last.parameters())).data.fill(np.nan)
    with pytest.raises(FloatingPointError, match="look at the network's weights"):
        model.sample(2)
    with pytest.raises(FloatingPointError, match="and at the data given"):
        images().inpaint(autograd.full((1, 1, 8, 8), np.nan), np.ones((8, 8)))


def test_nan_in_training_is_explained():
    trainer, _ = trained(1)
    bad = TensorDataset(np.full((4, 2), np.nan, np.float32), np.zeros(4, np.int64))
    with pytest.raises(FloatingPointError, match="inputs of this batch contain NaN"):
        trainer.fit(DataLoader(bad, batch_size=4), 2)


@pytest.mark.parametrize("jit", [True, False])
def test_images_of_another_range_are_refused_in_programs_too(jit):
    images = np.random.default_rng(0).uniform(-1, 1, (8, 1, 8, 8)).astype(np.float32)
    model = Diffusion(UNet(8, dim=8, dim_mults=(1, 2), attention=0), (1, 8, 8), timesteps=10)
    optimizer = nn.optim.Adam(model.parameters())
    trainer = nn.Trainer(model, lambda losses, _: losses.mean(), optimizer, jit=jit, progress=False)
    before = [p.data.copy() for p in model.parameters()]
    with pytest.raises((ValueError, FloatingPointError), match=r"want data in \[0, 1\], got values from -"):
        trainer.fit(DataLoader(TensorDataset(images, images), batch_size=4), epochs=1)
    assert all(np.array_equal(a, p.data) for a, p in zip(before, model.parameters(), strict=True))


@pytest.mark.parametrize("jit", [True, False])
def test_labels_out_of_range_are_said_in_programs_too(jit):
    points, labels = np.zeros((4, 2), np.float32), np.array([0, 1, 2, 6])
    model = Diffusion(PointDenoiser(2, width=16, classes=3), (2,), timesteps=10, data_range=None, drop=0.0)
    trainer = nn.Trainer(
        model, lambda losses, _: losses.mean(), nn.optim.Adam(model.parameters()), jit=jit, progress=False
    )
    with pytest.raises(ValueError, match=r"want classes 0 ... 2, got 0 to 6"):
        trainer.fit(DataLoader(TensorDataset(points, labels, labels), batch_size=4), epochs=1)


@pytest.mark.parametrize("jit", [True, False])
def test_the_number_for_no_class_can_not_be_taught(jit):
    points, labels = np.zeros((4, 2), np.float32), np.array([0, 1, 2, 3])
    model = Diffusion(PointDenoiser(2, width=16, classes=3), (2,), timesteps=10, data_range=None)
    trainer = nn.Trainer(
        model, lambda losses, _: losses.mean(), nn.optim.Adam(model.parameters()), jit=jit, progress=False
    )
    with pytest.raises((ValueError, FloatingPointError), match=r"want classes 0 ... 2, got 0 to 3"):
        trainer.fit(DataLoader(TensorDataset(points, labels, labels), batch_size=4), epochs=1)
    assert model.sample(1, classes=3).shape == (1, 2)  # asked for, it is none
    with pytest.raises(ValueError, match="integers"):
        model.sample(2, classes=[0.5, 1.5])


def test_one_class_for_all_may_be_given_in_any_form():
    model = Diffusion(PointDenoiser(2, width=16, classes=3), (2,), timesteps=10, data_range=None)
    for form in (1, [1], np.int64(1), np.array(1), Tensor(np.array(1)), Tensor(np.array([1]))):
        assert model.labels(form, 2).tolist() == [1, 1]
    assert model.sample(2, classes=Tensor(np.array(1))).shape == (2, 2)


def test_arrays_are_data_too():
    model = Diffusion(PointDenoiser(2, width=16, classes=3), (2,), timesteps=10)
    assert model.loss(np.full((4, 2), 0.5, np.float32), np.zeros(4, np.uint8)).item() > 0
