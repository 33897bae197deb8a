"""Autoencoders: a linear one is PCA, images of any size, corruption while training, sparse codes."""

from __future__ import annotations

import math

import numpy as np
import pytest

import autograd
import nn
from autograd import Tensor
from nn.data import DataLoader, TensorDataset, optdigits
from nn.models.autoencoder import (
    Autoencoder,
    ConvAutoencoder,
    GaussianNoise,
    Masking,
    SaltAndPepper,
    Sparse,
    kl_penalty,
    l1_penalty,
)

SHAPE = (1, 8, 8)


def digits(count: int = 600) -> np.ndarray:
    return optdigits().arrays()[0][:count]


def trained(model, images, epochs=3, lr=1e-3, jit=True, seed=1, **options) -> nn.Trainer:
    autograd.manual_seed(seed)
    optimizer = nn.optim.Adam(model.parameters(), lr=lr)
    trainer = nn.Trainer(model, model.loss, optimizer, jit=jit, progress=False, **options)
    trainer.fit(DataLoader(TensorDataset(images, images), 100, shuffle=True, seed=0), epochs)
    return trainer


def squared_error(model, given, wanted) -> float:
    with autograd.no_grad():
        return model.loss(model.eval()(Tensor(given)), Tensor(wanted)).item()


# The classical one -------------------------------------------------------------------------------


def test_a_linear_autoencoder_finds_what_principal_components_leave():
    """Baldi and Hornik 1989: with a linear code of k its least error is the sum of all but k eigenvalues."""
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(500, 6)) * [3, 2, 1, 0.5, 0.3, 0.2]) @ rng.normal(size=(6, 6)) / 3
    x = (x - x.mean(0)).astype(np.float32)
    eigenvalues = np.linalg.eigvalsh(np.cov(x.T, bias=True))[::-1]
    autograd.manual_seed(0)
    model = Autoencoder(6, widths=(), code=2, output="linear")
    trained(model, x, epochs=150, lr=0.02)
    assert squared_error(model, x, x) == pytest.approx(eigenvalues[2:].sum(), rel=0.02)


def test_the_loss_is_the_squared_error_of_an_image():
    model = Autoencoder((1, 2, 2), (), 1)
    a, b = np.zeros((3, 1, 2, 2), np.float32), np.full((3, 1, 2, 2), 0.5, np.float32)
    assert model.loss(Tensor(a), Tensor(b)).item() == 1.0


@pytest.mark.parametrize(
    ("shape", "widths"),
    [((1, 28, 28), (4, 8)), ((3, 7, 12), (4, 8)), ((1, 8, 8), (4, 6, 8, 8)), ((2, 1, 5), (3,))],
)
def test_convolutions_give_back_images_of_any_size(shape, widths):
    model = ConvAutoencoder(shape, widths, code=5)
    x = autograd.rand(2, *shape)
    assert model.encode(x).shape == (2, 5) and model(x).shape == (2, *shape)
    model.loss(model(x), x).backward()
    assert all(p.grad is not None for p in model.parameters())


def test_widths_stand_in_reverse_in_the_decoder():
    shapes = [p.shape for p in Autoencoder(784, (1000, 500, 250), 30).parameters() if len(p.shape) == 2]
    widths = [784, 1000, 500, 250, 30, 250, 500, 1000, 784]
    assert shapes == [(after, before) for before, after in zip(widths, widths[1:], strict=False)]


# Corruption --------------------------------------------------------------------------------------


def test_corruptions_spoil_as_many_pixels_as_they_say():
    x = autograd.full((200, 500), 0.4)
    autograd.manual_seed(0)
    masked, spotted, noisy = Masking(0.3)(x).data, SaltAndPepper(0.3)(x).data, GaussianNoise(0.1)(x).data
    kept = np.float32(0.4)
    assert set(np.unique(masked)) == {0, kept} and (masked == 0).mean() == pytest.approx(0.3, abs=0.01)
    assert set(np.unique(spotted)) == {0, kept, 1}
    assert [(spotted == v).mean() for v in (0, 1)] == pytest.approx([0.15, 0.15], abs=0.01)
    assert (noisy.mean(), noisy.std()) == pytest.approx((0.4, 0.1), abs=0.002)
    assert GaussianNoise(5.0)(x).data.min() == 0 and GaussianNoise(5.0, clip=False)(x).data.min() < 0


def test_corruption_is_for_training_alone():
    model = Autoencoder(SHAPE, (16,), 4, corruption=Masking(1.0))
    x = Tensor(digits(5))
    assert (model(x).data == model(x * 0).data).all()
    model.eval()
    assert (model(x).data == model.decode(model.encode(x)).data).all()
    assert not (model(x).data == model(x * 0).data).all()


@pytest.mark.parametrize("corruption", [GaussianNoise(0.3), Masking(0.5), SaltAndPepper(0.4)])
def test_a_program_spoils_the_pixels_that_eager_steps_would(corruption):
    ends = []
    for jit in (False, True):
        autograd.manual_seed(0)
        model = Autoencoder(SHAPE, (16,), 4, corruption=corruption)
        ends.append(trained(model, digits(), jit=jit).history[-1]["loss"])
    assert ends[0] == pytest.approx(ends[1], rel=1e-5)


def test_learning_to_clean_pays():
    """Against a net that never saw noise, on digits of other people."""
    test = optdigits(train=False).arrays()[0]
    autograd.manual_seed(3)
    noisy = SaltAndPepper(0.3)(Tensor(test)).data
    errors = []
    for corruption in (SaltAndPepper(0.3), None):
        autograd.manual_seed(0)
        model = Autoencoder(SHAPE, (128,), 32, corruption=corruption)
        trained(model, digits(3823), epochs=20, lr=3e-3)
        errors.append(squared_error(model, noisy, test))
    asis = ((noisy - test) ** 2).sum() / len(test)
    assert errors[0] < 0.65 * errors[1] and errors[0] < 0.5 * asis, (errors, asis)


# Sparse codes ------------------------------------------------------------------------------------


def test_penalties_are_what_their_formulas_say():
    code = np.random.default_rng(0).uniform(0.02, 0.98, (5, 3))
    mean, rho = code.mean(0), 0.1
    kl = rho * np.log(rho / mean) + (1 - rho) * np.log((1 - rho) / (1 - mean))
    assert kl_penalty(Tensor(code), rho).item() == pytest.approx(kl.sum(), rel=1e-12)
    assert l1_penalty(Tensor(-code)).item() == pytest.approx(code.sum() / 5, rel=1e-12)
    assert autograd.gradcheck(lambda c: kl_penalty(c, rho), Tensor(code, requires_grad=True))
    dead = kl_penalty(autograd.zeros(4, 2)).item()
    assert 0 < dead < math.inf  # a unit that is never active is dear, not infinite


@pytest.mark.parametrize("jit", [False, True])
def test_codes_that_are_no_shares_have_no_kl_penalty(jit):
    with pytest.raises(ValueError, match=r"codes in \[0, 1\], got -.*; .*code_activation='sigmoid'"):
        trained(Sparse(Autoencoder(SHAPE, (8,), 4), kl_penalty, 0.1), digits(100), epochs=1, jit=jit)


@pytest.mark.parametrize(
    ("penalty", "activation", "weight"), [(l1_penalty, "relu", 0.3), (kl_penalty, "sigmoid", 1.0)]
)
def test_a_price_on_the_code_makes_it_sparse(penalty, activation, weight):
    active = []
    for price in (0.0, weight):
        autograd.manual_seed(0)
        inner = Autoencoder(SHAPE, (), code=80, code_activation=activation)
        model = Sparse(inner, penalty, price)
        history = trained(model, digits(), epochs=30, lr=1e-2).history
        assert history[-1]["loss"] < history[0]["loss"]
        active.append(float(np.abs(model.encode(Tensor(digits())).data).mean()))
    assert active[1] < 0.5 * active[0]


# Training and what is refused --------------------------------------------------------------------


@pytest.mark.parametrize("model", [ConvAutoencoder, Autoencoder])
def test_a_resumed_run_ends_with_the_same_bits(model, tmp_path):
    def fresh():
        autograd.manual_seed(0)
        return model(SHAPE, (8,), 4, corruption=Masking(0.5))

    whole = trained(fresh(), digits(250), epochs=3)
    trained(fresh(), digits(250), epochs=1).save(tmp_path / "one")
    net = fresh()
    resumed = nn.Trainer(net, net.loss, nn.optim.Adam(net.parameters()), jit=True, progress=False)
    resumed.load(tmp_path / "one")
    resumed.fit(DataLoader(TensorDataset(digits(250), digits(250)), 100, shuffle=True, seed=0), 3)
    for (name, p), q in zip(whole.model.named_parameters(), net.parameters(), strict=True):
        assert (p.data == q.data).all(), name


@pytest.mark.parametrize("make", [Autoencoder, ConvAutoencoder, "sparse"])
def test_what_is_no_batch_of_its_images_is_refused(make):
    sparse = make == "sparse"
    model = Sparse(Autoencoder(SHAPE, (8,), 4), l1_penalty, 1.0) if sparse else make(SHAPE, (8,), 4)
    with pytest.raises(ValueError, match=r"want a batch of shape \(N, 1, 8, 8\), got \(2, 1, 28, 28\)"):
        model(autograd.zeros(2, 1, 28, 28))
    with pytest.raises(ValueError, match=r"want a batch of shape \(N, 1, 8, 8\), got \(2, 3, 8, 8\)"):
        model(autograd.zeros(2, 3, 8, 8))
    with pytest.raises(TypeError, match="want floating numbers, got uint8"):
        model(autograd.zeros(2, 1, 8, 8, dtype=autograd.uint8))
    with pytest.raises(ValueError, match=r"want a batch of shape \(N, 4\), got \(2, 5\)"):
        model.decode(autograd.zeros(2, 5))


def test_nan_in_images_is_explained():
    bad = digits(100).copy()
    bad[7] = np.nan
    with pytest.raises(FloatingPointError, match="inputs of this batch contain NaN"):
        trained(Autoencoder(SHAPE, (8,), 4), bad)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Autoencoder(SHAPE, (0,), 4), "widths: want whole numbers >= 1, got 0"),
        (lambda: Autoencoder(SHAPE, (8,), 0), "code: want whole numbers >= 1, got 0"),
        (lambda: Autoencoder((), (8,), 4), "want the shape of one input"),
        (lambda: Autoencoder(SHAPE, (8,), 4, activation="step"), "activation 'step': want one of relu, "),
        (lambda: Autoencoder(SHAPE, (8,), 4, output="tanh"), 'output must be "sigmoid" or "linear"'),
        (lambda: ConvAutoencoder((28, 28), (8,), 4), r"shape \(channels, height, width\)"),
        (lambda: Masking(1.5), r"Masking: want a probability in \[0, 1\], got 1.5"),
        (lambda: SaltAndPepper(-1), "SaltAndPepper: want a probability"),
        (lambda: GaussianNoise(-0.1), "GaussianNoise: want std >= 0, got -0.1"),
        (lambda: Sparse(Autoencoder(4, (), 2), l1_penalty, math.nan), "Sparse: want a weight >= 0, got nan"),
        (lambda: kl_penalty(autograd.zeros(1, 1), 0.0), r"kl_penalty: want rho in \(0, 1\), got 0.0"),
        (lambda: Autoencoder((1, 8, 8), widths=8), r"widths: want a sequence of whole numbers, .*got 8"),
    ],
)
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("jit", [False, True])
def test_a_sigmoid_is_asked_for_pixels_alone(jit):
    images = 255 * digits(100)
    with pytest.raises(ValueError, match=r"only be pixels in \[0, 1\], got 0.0 to 255.0; .*output='linear'"):
        trained(Autoencoder(SHAPE, (8,), 4), images, epochs=1, jit=jit)
    trained(Autoencoder(SHAPE, (8,), 4, output="linear"), images, epochs=1, jit=jit)
    with pytest.raises(ValueError, match=r"pixels in \[0, 1\]"):
        trained(Sparse(Autoencoder(SHAPE, (8,), 4), l1_penalty, 0.1), -digits(100), epochs=1, jit=jit)
