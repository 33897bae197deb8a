"""GANTrainer says what is wrong: networks, batches, numbers that are not finite, checkpoints."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd
import nn
from autograd import Tensor
from nn import optim
from nn.data import DataLoader, TensorDataset
from nn.models.adversarial import GANTrainer
from nn.models.gan import DCGANDiscriminator, DCGANGenerator, PointDiscriminator, PointGenerator
from tests.test_adversarial import images, make, points, same, weights


def loader(shape: tuple[int, ...], *more: Any, batch: int = 4, count: int = 8, **options: Any) -> DataLoader:
    data = np.random.default_rng(0).random((count, *shape)).astype(np.float32)
    return DataLoader(TensorDataset(data, *more), batch, **options)


# Networks ----------------------------------------------------------------------------------------


def test_networks_of_different_shapes() -> None:
    small = DCGANDiscriminator(8, 3, widths=(8, 8))
    with pytest.raises(ValueError, match=r"8"):
        build(DCGANGenerator(8, 1, latent=8, widths=(8, 8)), small)
    with pytest.raises(ValueError, match="the generator has classes=10, the discriminator classes=None"):
        build(DCGANGenerator(8, 3, latent=8, widths=(8, 8), classes=10), small)


def build(g: Any, d: Any, **options: Any) -> GANTrainer:
    return GANTrainer(g, d, optim.SGD(g.parameters(), lr=0.1), optim.SGD(d.parameters(), lr=0.1), **options)


def test_an_optimiser_of_the_other_network() -> None:
    g, d = PointGenerator(), PointDiscriminator()
    with pytest.raises(ValueError, match="g_optimizer updates parameters that are not of the PointGenerator"):
        GANTrainer(g, d, optim.SGD(d.parameters(), lr=0.1), optim.SGD(d.parameters(), lr=0.1))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"d_steps": 0}, "d_steps >= 1, got 0"),
        ({"every": 2.5}, "every >= 1, got 2.5"),
        ({"penalty": -1.0}, "penalty >= 0"),
        ({"clip": 0.0}, "clip > 0"),
        ({"samples": 1}, "2 or more samples, got 1"),
        (
            {"samples": Tensor(np.zeros((4, 3), np.float32))},
            r"latents \(n, 2\) .* got a tensor of shape \(4, 3\)",
        ),
        ({"objective": "gna"}, "gna"),
        ({"ema": 1.5}, r"decay in \[0, 1\]"),
    ],
)
def test_options_out_of_range(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(**options)


# Batches -----------------------------------------------------------------------------------------


def test_images_of_another_side_or_of_other_channels() -> None:
    trainer, _ = images()
    with pytest.raises(ValueError, match="examples are 1x28x28, the generator draws 1x8x8"):
        trainer.fit(loader((1, 28, 28)), 1)
    with pytest.raises(ValueError, match="examples are 3x8x8, the generator draws 1x8x8"):
        trainer.fit(loader((3, 8, 8)), 1)


def test_images_in_another_range() -> None:
    trainer, _ = images()
    data = TensorDataset(np.linspace(-1, 1, 256, dtype=np.float32).reshape(4, 1, 8, 8))
    with pytest.raises(ValueError, match=r"images are in \[-1, 1\], the generator's in \[0, 1\]"):
        trainer.fit(DataLoader(data, 4), 1)
    later = TensorDataset(
        np.concatenate([np.zeros((4, 1, 8, 8), np.float32), 2 * np.ones((4, 1, 8, 8), np.float32)])
    )
    with pytest.raises(ValueError, match=r"images are in \[2, 2\]"):
        images()[0].fit(DataLoader(later, 4), 1)


def test_examples_of_another_type() -> None:
    for kind in ("float64", "uint8"):
        trainer, _ = images()
        data = TensorDataset(np.ones((4, 1, 8, 8), kind))
        with pytest.raises(TypeError, match=f"examples are {kind}, the networks float32; give the data as"):
            trainer.fit(DataLoader(data, 4), 1)


def test_labels_that_are_missing_or_out_of_range() -> None:
    trainer, _ = images(classes=3)
    with pytest.raises(ValueError, match="conditional on 3 classes, but the loader's batches have no labels"):
        trainer.fit(loader((1, 8, 8)), 1)
    with pytest.raises(ValueError, match="labels: 3 is not one of the networks' 3 classes, 0 ... 2"):
        trainer.fit(loader((1, 8, 8), np.array([0, 1, 2, 3] * 2)), 1)
    with pytest.raises(ValueError, match="got float32 of shape"):
        trainer.fit(loader((1, 8, 8), np.zeros(8, np.float32)), 1)


def test_batches_that_can_not_be_packed() -> None:
    with pytest.raises(
        ValueError, match="a batch of 16 can't be packed by 3: want a batch_size that 3 divides"
    ):
        make(packing=3).fit(points(), 1)
    with pytest.raises(ValueError, match="a batch of 1 can't be packed by 2: .* drop_last=True"):
        make(packing=2).fit(points(161), 1)
    make(packing=2).fit(points(161, drop_last=True), 1)
    with pytest.raises(ValueError, match="a batch of 3 can't be packed by 2"):
        make(packing=2).step(Tensor(np.zeros((3, 2), np.float32)))


def test_a_fit_without_goal_or_batches() -> None:
    with pytest.raises(ValueError, match="give epochs, or steps"):
        make().fit(points())
    with pytest.raises(ValueError, match="no batches"):
        make().fit(points(3, drop_last=True), 1)


# Numbers that are not finite ---------------------------------------------------------------------


def stopped(trainer: GANTrainer, message: str, batch: Any = None) -> None:
    batch = batch if batch is not None else next(iter(points()))
    with pytest.raises(FloatingPointError, match=message):
        trainer.step(*batch)


@pytest.mark.parametrize("jit", [True, False])
def test_what_is_not_finite_is_named_before_it_does_harm(jit: bool) -> None:
    bad = Tensor(np.full((16, 2), math.nan, np.float32))
    trainer = make(jit=jit)
    before = weights(trainer.discriminator)
    stopped(trainer, "epoch 1, batch 1: the images of this batch contain NaN", (bad,))
    trained = {name: value for name, value in before.items() if "running" not in name and "num_" not in name}
    assert same(trained, weights(trainer.discriminator))

    trainer = make(jit=jit)
    spoil(trainer.generator, math.inf)
    stopped(trainer, r"the generator's .* became NaN .* lower the generator's learning rate \(now 0.001\)")

    trainer = make(jit=jit)
    spoil(trainer.discriminator, math.nan)
    stopped(trainer, r"the discriminator's .* lower the discriminator's learning rate \(now 0.002\)")


def spoil(model: nn.Module, value: float) -> None:
    next(iter(model.parameters())).data[0] = value


def test_a_loss_that_overflows_is_named_with_its_scores() -> None:
    trainer = make(objective="lsgan", norm="none")
    for p in trainer.discriminator.parameters():
        p.data[...] = 1e20
    stopped(trainer, r"the discriminator's loss is (inf|nan) \(scores up to .*penalty=10, clip=0.01")


def test_a_generators_loss_that_is_not_finite() -> None:
    trainer = make(jit=False)
    plain = trainer.objective
    trainer.objective = plain._replace(generator=lambda scores: (scores * 0 - 1).log().mean())
    stopped(trainer, "the generator's loss is nan")


def test_a_gradient_that_is_not_finite() -> None:
    trainer = make(jit=False, objective="wgan", penalty=10.0)
    plain = trainer.objective
    trainer.objective = plain._replace(
        discriminator=lambda real, fake: plain.discriminator(real, fake) + (real * 0).sqrt().mean()
    )
    stopped(
        trainer, r"a gradient, though the losses are finite .* lower the penalty \(now 10\) or the learning"
    )


# Checkpoints -------------------------------------------------------------------------------------


def test_checkpoints_of_another_family(tmp_path: Path) -> None:
    model = nn.Linear(2, 2)
    other = nn.Trainer(model, nn.MSELoss(), optim.SGD(model.parameters(), lr=0.1), progress=False)
    other.save(tmp_path / "other")
    with pytest.raises(
        ValueError, match=r"not a checkpoint of a GANTrainer .* it is one of 'kernelgrad trainer"
    ):
        make().load(tmp_path / "other")
    nn.save(model.state_dict(), tmp_path / "weights")
    with pytest.raises(ValueError, match="not a checkpoint of a GANTrainer .* it is none at all"):
        make().load(tmp_path / "weights")
    make().save(tmp_path / "gan")
    with pytest.raises(
        ValueError, match=r"not a checkpoint of a Trainer .* it is one of 'kernelgrad GAN trainer"
    ):
        other.load(tmp_path / "gan")


@pytest.mark.parametrize(
    ("other", "error", "message"),
    [
        (
            lambda: make(ema=0.9),
            ValueError,
            "the checkpoint has no average of the generator, this trainer has one",
        ),
        (lambda: make(packing=2), RuntimeError, r"size mismatch for discriminator\."),
        (lambda: images()[0], RuntimeError, r'"generator\.'),
    ],
)
def test_checkpoints_of_other_networks(
    other: Callable[[], GANTrainer], error: type[Exception], message: str, tmp_path: Path
) -> None:
    make().save(tmp_path / "gan")
    trainer = other()
    before = {name: weights(model) for name, model in trainer.models().items()}
    with pytest.raises(error, match=message):
        trainer.load(tmp_path / "gan")
    assert all(same(before[name], weights(model)) for name, model in trainer.models().items())


def test_a_trainer_that_is_not_there() -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        make().load("nowhere")


def test_seeds_are_honoured() -> None:
    runs = []
    for seed in (1, 1, 2):
        trainer = make()
        autograd.manual_seed(seed)
        trainer.fit(points(), 1)
        runs.append(weights(trainer.generator))
    assert same(runs[0], runs[1]) and not same(runs[0], runs[2])


def test_a_last_batch_of_one_example_is_not_compared_with_itself() -> None:
    nets = PointGenerator(widths=(8,), norm="none"), PointDiscriminator(widths=(8,))
    trainer = build(*nets, progress=False)
    history = trainer.fit(loader((2,), batch=4, count=9), epochs=2)
    assert all(np.isfinite(record["spread"]) for record in history)


def test_samples_that_can_not_be_counted_leave_the_generator_as_it_was() -> None:
    generator = PointGenerator(widths=(8,), classes=3)
    for n, classes, message in (
        (2.5, None, "integer n >= 0, got 2.5"),
        (2, 1.7, "classes that are integers"),
    ):
        with pytest.raises(ValueError, match=message):
            generator.sample(n, classes)  # type: ignore[arg-type]
    for size in (0, -1):
        with pytest.raises(ValueError, match=f"integer batch_size >= 1, got {size}"):
            generator.sample(2, batch_size=size)
    with pytest.raises(ValueError, match="integers >= 0"):
        autograd.default_generator.uniform((2.5,))  # type: ignore[arg-type]
    assert autograd.randn(3).shape == (3,)
