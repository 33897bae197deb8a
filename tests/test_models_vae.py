"""Variational autoencoders: bounds against a known log p(x), draws that obey the seed, walks."""

from __future__ import annotations

import math

import numpy as np
import pytest

import autograd
import nn
from autograd import Tensor
from nn.data import DataLoader, TensorDataset, optdigits
from nn.models.autoencoder import Autoencoder
from nn.models.vae import IWAE, VAE, ConvVAE, divergence, interpolate

SHAPE = (1, 8, 8)


def digits(count: int = 600) -> np.ndarray:
    return optdigits().arrays()[0][:count]


def trained(model, images, epochs=3, lr=1e-3, jit=True, seed=1, **options) -> nn.Trainer:
    autograd.manual_seed(seed)
    optimizer = nn.optim.Adam(model.parameters(), lr=lr)
    trainer = nn.Trainer(model, model.loss, optimizer, jit=jit, progress=False, **options)
    trainer.fit(DataLoader(TensorDataset(images, images), 100, shuffle=True, seed=0), epochs)
    return trainer


# Bounds ------------------------------------------------------------------------------------------


def factor_analysis(wrong: float = 0.0) -> tuple[VAE, np.ndarray, np.ndarray]:
    """A linear VAE, x = W z + b + noise, with its exact posterior as encoder (shifted by `wrong`); data; its
    log p(x). W's columns are orthogonal, so the posterior is a product of normals, as a VAE's is."""
    rng = np.random.default_rng(0)
    std = 0.7
    w = np.linalg.qr(rng.normal(size=(4, 2)))[0] * [2.0, 0.5]
    b = rng.normal(size=4)
    variance = std**2 / (std**2 + (w**2).sum(0))  # of z given x
    gain = (w / std**2 * variance).T
    model = VAE(4, widths=(), code=2, likelihood="gaussian").double()
    model.load_state_dict(
        {
            "mean.weight": gain, "mean.bias": wrong - gain @ b,
            "logvar.weight": np.zeros((2, 4)), "logvar.bias": np.log(variance),
            "decoder.0.weight": w, "decoder.0.bias": b,
            "log_std": np.array(math.log(std)),
        }
    )  # fmt: skip
    x = rng.normal(size=(6, 2)) @ w.T + b + std * rng.normal(size=(6, 4))
    covariance = w @ w.T + std**2 * np.eye(4)
    distance = np.einsum("ni,ij,nj->n", x - b, np.linalg.inv(covariance), x - b)
    return model, x, -0.5 * (distance + np.linalg.slogdet(2 * np.pi * covariance)[1])


def test_with_the_exact_posterior_every_sample_gives_the_likelihood():
    model, x, log_p = factor_analysis()
    for samples, chunk in ((1, 10), (7, 3)):
        np.testing.assert_allclose(model.iwae_bound(Tensor(x), samples, chunk).data, log_p, rtol=1e-12)
    autograd.manual_seed(0)
    np.testing.assert_allclose(model.elbo(Tensor(x), samples=4000).data, log_p, atol=0.1)


def test_bounds_are_below_the_likelihood_and_rise_to_it():
    model, x, log_p = factor_analysis(wrong=0.7)
    autograd.manual_seed(0)
    means = [log_p.mean()]
    for samples in (5000, 50, 5, 1):
        rounds = max(1, 2000 // samples)
        many = Tensor(np.repeat(x, rounds, 0))
        means.append(float(model.iwae_bound(many, samples).data.mean()))
    assert means[0] == pytest.approx(means[1], abs=0.02)
    assert all(above > below + 0.01 for above, below in zip(means[1:], means[2:], strict=False)), means
    assert float(model.elbo(Tensor(x), 2000).data.mean()) == pytest.approx(means[-1], abs=0.05)


def test_the_divergence_is_that_of_numerical_integration():
    mean, std = 0.8, 0.6
    z = np.linspace(-9, 9, 200_001)
    q = np.exp(-0.5 * ((z - mean) / std) ** 2) / std / math.sqrt(2 * math.pi)
    log_ratio = -0.5 * ((z - mean) / std) ** 2 - math.log(std) + 0.5 * z**2
    kl = divergence(Tensor(np.array(mean)), Tensor(np.array(2 * math.log(std)))).item()
    assert kl == pytest.approx((q * log_ratio).sum() * (z[1] - z[0]), abs=1e-9)


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_the_loss_is_minus_the_bound_of_the_same_codes(likelihood):
    autograd.manual_seed(0)
    x = Tensor(digits(7))
    vae = VAE(SHAPE, (16,), 3, likelihood)
    iwae = IWAE(SHAPE, (16,), 3, samples=6, likelihood=likelihood)
    for model, bound in ((vae, vae.elbo), (iwae, lambda x: iwae.iwae_bound(x, 6))):
        autograd.manual_seed(4)
        loss = model.loss(model(x), x).item()
        autograd.manual_seed(4)
        assert loss == pytest.approx(-float(bound(x).data.mean()), rel=1e-5)
        assert loss != pytest.approx(-float(bound(x).data.mean()), rel=1e-7)  # other codes


def test_beta_is_the_price_of_divergence():
    autograd.manual_seed(0)
    x = Tensor(digits(7))
    model = VAE(SHAPE, (16,), 3)
    output = model(x)
    kl = divergence(output.mean, output.logvar).sum().item() / 7
    cheap = model.loss(output, x).item()
    model.beta = 4.0
    assert model.loss(output, x).item() == pytest.approx(cheap + 3 * kl, rel=1e-6)


def test_a_higher_beta_ends_with_fewer_nats_in_the_code():
    nats = []
    for beta in (1.0, 8.0):
        autograd.manual_seed(0)
        model = VAE(SHAPE, (64,), 8, beta=beta)
        trained(model, digits(), epochs=20, lr=3e-3)
        mean, logvar = model.encode(Tensor(digits()))
        nats.append(float(divergence(mean, logvar).data.sum(1).mean()))
    assert nats[1] < 0.6 * nats[0]


def test_the_gaussian_learns_the_spread_of_its_errors():
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(1000, 3)) * 0.25 + 2).astype(np.float32)
    autograd.manual_seed(0)
    model = VAE(3, (), 1, "gaussian", beta=100.0)  # too dear a code: all is noise
    trained(model, x, epochs=60, lr=0.03)
    assert math.exp(model.log_std.item()) == pytest.approx(0.25, rel=0.1)
    assert np.allclose(model.sample(5).data, 2, atol=0.15)


# Chance and programs -----------------------------------------------------------------------------

MODELS = {
    "vae": lambda: VAE(SHAPE, (16,), 4),
    "beta": lambda: VAE(SHAPE, (16, 8), 4, beta=4.0),
    "gaussian": lambda: VAE(SHAPE, (16,), 4, "gaussian"),
    "convolutional": lambda: ConvVAE(SHAPE, (4, 8), 4),
    "iwae": lambda: IWAE(SHAPE, (16,), 4, samples=3),
}


@pytest.mark.parametrize("name", MODELS)
def test_programs_draw_what_eager_steps_draw_and_go_on_after_a_checkpoint(name, tmp_path):
    def run(epochs, jit=True, path=None):
        autograd.manual_seed(0)
        model = MODELS[name]()
        optimizer = nn.optim.Adam(model.parameters(), lr=3e-3)
        trainer = nn.Trainer(model, model.loss, optimizer, jit=jit, progress=False)
        autograd.manual_seed(2)
        if path is not None:
            trainer.load(path)
        data = TensorDataset(digits(250), digits(250))
        trainer.fit(DataLoader(data, 100, shuffle=True, seed=0), epochs, DataLoader(data, 125))
        return trainer

    whole, eager, part = run(3), run(3, jit=False), run(2)
    for a, b in zip(whole.history, eager.history, strict=True):
        assert (a["loss"], a["val_loss"]) == pytest.approx((b["loss"], b["val_loss"]), rel=1e-4)
    assert whole.history[-1]["val_loss"] < whole.history[0]["val_loss"]
    part.save(tmp_path / "two")
    resumed = run(3, path=tmp_path / "two")
    for (key, p), q in zip(whole.model.named_parameters(), resumed.model.parameters(), strict=True):
        assert (p.data == q.data).all(), key


def test_the_seed_decides_what_is_drawn():
    model = VAE(SHAPE, (16,), 4)
    x = Tensor(digits(3))
    drawn = []
    for seed in (0, 0, 1):
        autograd.manual_seed(seed)
        drawn.append(model(x).latent.data)
    assert (drawn[0] == drawn[1]).all() and not (drawn[0] == drawn[2]).any()
    a, b = (model.sample(4, generator=autograd.Generator(3)).data for _ in range(2))
    assert (a == b).all() and a.shape == (4, *SHAPE) and a.min() >= 0 and a.max() <= 1


def test_codes_are_drawn_with_the_mean_and_spread_that_are_asked_for():
    autograd.manual_seed(0)
    mean, logvar = autograd.full((50_000, 2), 1.5), autograd.full((50_000, 2), 2 * math.log(0.3))
    z = VAE(3, (4,), 2).draw(mean, logvar).data
    assert np.allclose(z.mean(0), 1.5, atol=0.01) and np.allclose(z.std(0), 0.3, atol=0.01)


# Walks -------------------------------------------------------------------------------------------


def test_a_walk_leads_from_code_to_code():
    rng = np.random.default_rng(0)
    a, b = (Tensor(rng.normal(size=(3, 20)).astype(np.float32)) for _ in range(2))
    for spherical in (False, True):
        walk = interpolate(a, b, 9, spherical).data
        assert walk.shape == (9, 3, 20) and walk.dtype == np.float32
        assert np.allclose(walk[0], a.data, atol=1e-6) and np.allclose(walk[-1], b.data, atol=1e-6)
    strides = np.diff(interpolate(a, b, 9).data, axis=0)
    assert np.allclose(strides, strides[0], atol=1e-5)


def test_a_spherical_walk_keeps_its_distance_from_0_and_its_pace():
    rng = np.random.default_rng(1)
    a, b = (x / np.linalg.norm(x) * 4 for x in rng.normal(size=(2, 20)))
    walk = interpolate(a, b, 7, spherical=True).data
    assert np.allclose(np.linalg.norm(walk, axis=1), 4)
    cosines = (walk[1:] * walk[:-1]).sum(1) / 16
    assert np.allclose(cosines, cosines[0]) and cosines[0] < 1
    middle = interpolate(a, b, 7).data[3]
    assert np.linalg.norm(middle) < 3.5  # the straight one cuts through
    assert np.allclose(interpolate(a, 2 * a, 3, spherical=True).data[1], 1.5 * a)


def test_walks_that_lead_nowhere_are_refused():
    a = np.array([1.0, 0.0])
    for bad in (-a, 0 * a):
        with pytest.raises(ValueError, match="no arc leads through or straight away from 0"):
            interpolate(a, bad, 3, spherical=True)
    with pytest.raises(ValueError, match="two codes of one shape"):
        interpolate(a, np.zeros(3), 3)
    with pytest.raises(ValueError, match="at least 2 steps"):
        interpolate(a, a, 1)


# What is refused ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
def test_images_of_another_kind_are_refused(name):
    model = MODELS[name]()
    for call in (model, model.elbo, model.iwae_bound, model.reconstruct):
        with pytest.raises(ValueError, match=r"want a batch of shape \(N, 1, 8, 8\), got \(2, 1, 28, 28\)"):
            call(autograd.zeros(2, 1, 28, 28))
    with pytest.raises(ValueError, match=r"want a batch of shape \(N, 4\), got \(2, 5\)"):
        model.decode(autograd.zeros(2, 5))


def test_pixels_that_are_no_chances_are_refused_by_a_bernoulli_likelihood_alone():
    x = Tensor(digits(4) * 2 - 1)
    model = VAE(SHAPE, (8,), 2)
    for call in (model.elbo, model.iwae_bound, lambda x: model.loss(model(x), x)):
        with pytest.raises(ValueError, match=r"wants pixels in \[0, 1\], got -1.0 to 1.0"):
            call(x)
    with pytest.raises(ValueError, match=r"wants pixels in \[0, 1\], got -1.0 to 1.0"):
        trained(model, digits() * 2 - 1)  # a program, too
    with pytest.raises(ValueError, match=r"wants pixels in \[0, 1\], got 0.0 to 16.0"):
        trained(IWAE(SHAPE, (8,), 2, samples=2), digits() * 16)
    assert np.isfinite(VAE(SHAPE, (8,), 2, "gaussian").elbo(x).data).all()


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
@pytest.mark.parametrize("kind", [VAE, IWAE])
def test_targets_of_another_shape_are_refused(kind, likelihood):
    model, x = kind(4, (8,), 2, likelihood=likelihood), autograd.rand(4, 4)
    output = model(x)
    for wrong in (x[0], x[:, :1], autograd.rand(2, 4, 4)):
        with pytest.raises(ValueError, match=r"want a batch of shape \(N, 4\)"):
            model.loss(output, wrong)
    with pytest.raises(ValueError, match="a target for each input, got 1 for 4"):
        model.loss(output, x[:1])
    optimizer = nn.optim.Adam(model.parameters())
    trainer = nn.Trainer(model, model.loss, optimizer, progress=False)
    with pytest.raises(ValueError, match=r"want a batch of shape \(N, 4\), got \(4,\)"):
        trainer.fit(DataLoader(TensorDataset(x.data, np.arange(4)), 4), 1)


def test_outputs_of_several_parts_have_no_accuracy():
    model = VAE(4, (8,), 2)

    def loss(output, target):
        return model.loss(output, output.outputs.detach().sigmoid()) + 0 * target.sum()

    trainer = nn.Trainer(model, loss, nn.optim.Adam(model.parameters()), progress=False)
    record = trainer.fit(DataLoader(TensorDataset(np.ones((4, 4), np.float32), np.arange(4)), 4), 1)[0]
    assert "accuracy" not in record


def test_weights_of_double_precision_draw():
    assert VAE(4, (8,), 2).double().sample(3).dtype == np.float64


def test_nan_and_other_checkpoints_are_explained():
    bad = digits(100).copy()
    bad[7] = np.nan
    with pytest.raises(FloatingPointError, match="inputs of this batch contain NaN"):
        trained(VAE(SHAPE, (8,), 4), bad)
    with pytest.raises(RuntimeError, match=r'for VAE:\s+Unexpected .*\s+Missing .*"mean.weight"'):
        VAE(SHAPE, (8,), 4).load_state_dict(Autoencoder(SHAPE, (8,), 4).state_dict())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: VAE(SHAPE, likelihood="poisson"), 'likelihood must be "bernoulli" or "gaussian"'),
        (lambda: VAE(SHAPE, beta=-1.0), "want beta >= 0, got -1.0"),
        (lambda: VAE(SHAPE, code=0), "code: want whole numbers >= 1, got 0"),
        (lambda: IWAE(SHAPE, samples=0), "samples: want whole numbers >= 1, got 0"),
        (lambda: ConvVAE((8, 8)), r"shape \(channels, height, width\)"),
        (lambda: VAE(SHAPE, (8,), 2).iwae_bound(autograd.zeros(1, 1, 8, 8), 0), "samples: want"),
        (lambda: VAE(SHAPE, (8,), 2).sample(0), "n: want whole numbers >= 1, got 0"),
    ],
)
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
