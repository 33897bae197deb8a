"""GANTrainer: which network is updated when, history, exact resume, Ctrl-C, averages, collapse."""

import json
import math
import os
import signal
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd
import nn
from autograd import Tensor, kernels
from nn import optim
from nn.data import DataLoader, TensorDataset
from nn.data.points import ring
from nn.models.adversarial import GANTrainer
from nn.models.collapse import CollapseWarning
from nn.models.gan import DCGANDiscriminator, DCGANGenerator, PointDiscriminator, PointGenerator, objective

CLOCK = ("seconds", "samples_per_second")


def points(count: int = 160, batch: int = 16, **options: Any) -> DataLoader:
    return DataLoader(TensorDataset(ring(count, seed=0)), batch, shuffle=True, seed=3, **options)


def make(*, packing: int = 1, rate: float = 1e-3, norm: str = "batch", **options: Any) -> GANTrainer:
    autograd.manual_seed(5)
    g = PointGenerator(widths=(16,), norm=norm)
    d = PointDiscriminator(widths=(16,), packing=packing)
    g_optimizer = optim.Adam(g.parameters(), lr=rate, betas=(0.5, 0.999))
    d_optimizer = optim.Adam(d.parameters(), lr=2 * rate, betas=(0.5, 0.999))
    return GANTrainer(g, d, g_optimizer, d_optimizer, **{"progress": False, **options})


def images(
    classes: int | None = None, side: int = 8, channels: int = 1, **options: Any
) -> tuple[GANTrainer, DataLoader]:
    """Small images of random pixels, with labels."""
    autograd.manual_seed(7)
    g = DCGANGenerator(side, channels, latent=8, widths=(8, 8), classes=classes)
    d = DCGANDiscriminator(side, channels, widths=(8, 8), classes=classes)
    trainer = GANTrainer(
        g, d, optim.Adam(g.parameters()), optim.Adam(d.parameters()), **{"progress": False, **options}
    )
    pixels = np.random.default_rng(0).random((32, channels, side, side)).astype(np.float32)
    return trainer, DataLoader(TensorDataset(pixels, np.arange(32) % (classes or 10)), 16)


def weights(model: nn.Module) -> dict[str, np.ndarray]:
    return {name: value.data.copy() for name, value in model.state_dict().items()}


def same(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> bool:
    return all(np.array_equal(value, b[name]) for name, value in a.items())


def told(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The history without its clock."""
    return [{k: v for k, v in record.items() if k not in CLOCK} for record in history]


# Updates ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("jit", [True, False])
def test_the_generator_is_updated_each_d_steps_th_time(jit: bool) -> None:
    trainer = make(d_steps=3, jit=jit, norm="none")
    loader = iter(points())
    for turn in range(1, 7):
        g, d = weights(trainer.generator), weights(trainer.discriminator)
        numbers = trainer.step(*next(loader))
        assert same(g, weights(trainer.generator)) == bool(turn % 3)
        assert not same(d, weights(trainer.discriminator))
        assert ("g_loss" in numbers) == (turn % 3 == 0)
    assert trainer.steps == 2


def test_a_checkpoint_of_steps_that_are_no_epoch(tmp_path) -> None:
    trainer, other = make(), make()
    for batch in list(points())[:3]:
        trainer.step(*batch)
    trainer.save(tmp_path / "steps.safetensors")
    other.load(tmp_path / "steps.safetensors")
    assert other.steps == other.batch == 3 and same(weights(trainer.generator), weights(other.generator))


def test_an_update_is_that_of_the_equations() -> None:
    """Both losses, gradients' norms and SGD's steps, computed here by hand from the same random numbers."""
    trainer = make(norm="none", jit=False)
    g, d = trainer.generator, trainer.discriminator
    trainer.g_optimizer, trainer.d_optimizer = (optim.SGD(m.parameters(), lr=0.1) for m in (g, d))
    (real,) = next(iter(points()))
    state, before = autograd.get_rng_state(), weights(g)

    fake = g(g.draw(len(real)))
    losses = objective("gan")
    d_loss = losses.discriminator(d(real), d(fake.detach()))
    wanted = dict(zip(d.state_dict(), autograd.grad(d_loss, list(d.parameters())), strict=True))
    old = weights(d)

    autograd.set_rng_state(state)
    numbers = trainer.step(real)
    for name, value in weights(d).items():
        np.testing.assert_allclose(value, old[name] - 0.1 * wanted[name].data, rtol=1e-5, atol=1e-7)
    assert numbers["d_loss"] == pytest.approx(d_loss.item(), rel=1e-6)
    assert numbers["d_grad_norm"] == pytest.approx(norm_of(wanted.values()), rel=1e-5)

    after = weights(g)
    g.load_state_dict(before)
    autograd.set_rng_state(state)
    g_loss = losses.generator(d(g(g.draw(len(real)))))  # by the updated discriminator
    slopes = autograd.grad(g_loss, list(g.parameters()))
    for (name, value), slope in zip(after.items(), slopes, strict=True):
        np.testing.assert_allclose(value, before[name] - 0.1 * slope.data, rtol=1e-5, atol=1e-7)
    assert numbers["g_loss"] == pytest.approx(g_loss.item(), rel=1e-6)
    assert numbers["g_grad_norm"] == pytest.approx(norm_of(slopes), rel=1e-5)


def norm_of(tensors: Any) -> float:
    return math.sqrt(sum(float(np.square(t.data.astype(np.float64)).sum()) for t in tensors))


@pytest.mark.skipif(not kernels.active, reason="programs are made of kernels")
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"objective": "wgan", "penalty": 10.0, "d_steps": 2},
        {"objective": "lsgan", "clip": 0.1, "ema": 0.9},
    ],
)
def test_programs_do_what_eager_updates_do(options: dict[str, Any]) -> None:
    runs = [make(jit=jit, **options) for jit in (True, False)]
    for run in runs:
        autograd.manual_seed(9)
        run.fit(points(), 2)
    for mine, other in zip(*(run.history for run in runs), strict=True):
        for name in mine.keys() - set(CLOCK):
            assert mine[name] == pytest.approx(other[name], rel=1e-3, abs=1e-4), name
    for name, model in runs[0].models().items():
        for key, value in weights(model).items():
            np.testing.assert_allclose(value, weights(runs[1].models()[name])[key], rtol=1e-2, atol=1e-4)
    assert [len(x.program.programs) for x in runs[0].advance] == [int(runs[0].d_steps > 1), 1]


@pytest.mark.skipif(not kernels.active, reason="programs are made of kernels")
def test_rates_that_a_callback_lowers_take_no_new_programs() -> None:
    def lower(trainer: GANTrainer, record: dict[str, Any], samples: Tensor) -> None:
        for optimizer in (trainer.g_optimizer, trainer.d_optimizer):
            optimizer.param_groups[0]["lr"] *= 0.5

    runs = [make(jit=jit, d_steps=2, every=2, on_epoch=lower, rate=0.01) for jit in (True, False)]
    for run in runs:
        autograd.manual_seed(9)
        run.fit(points(), steps=10)
    assert [x.program.captured for x in runs[0].advance] == [1, 1]
    assert runs[0].history[-1]["g_lr"] == 0.01 / 2**4
    for name, model in runs[0].models().items():
        for key, value in weights(model).items():
            np.testing.assert_allclose(value, weights(runs[1].models()[name])[key], rtol=1e-2, atol=1e-4)


@pytest.mark.parametrize("jit", [True, False])
def test_what_is_minimised_may_be_set_in_a_run(jit: bool) -> None:
    trainer, loader = make(jit=jit, norm="none"), points()
    assert "penalty" not in trainer.fit(loader, 1)[-1]
    trainer.penalty, trainer.objective = 10.0, objective("wgan")
    record = trainer.fit(loader, 2)[-1]
    assert record["d_loss"] == pytest.approx(record["fake_score"] - record["real_score"], abs=1e-5)
    trainer.target, first = 0.0, record["penalty"]
    assert trainer.fit(loader, 3)[-1]["penalty"] != pytest.approx(first, rel=0.3)
    trainer.penalty, trainer.clip = 0.0, 0.01
    assert "penalty" not in trainer.fit(loader, 4)[-1]
    assert max(np.abs(p.data).max() for p in trainer.discriminator.parameters()) <= 0.01 + 1e-9


def test_the_generators_loss_leaves_the_discriminators_gradients_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trainer = make(jit=False)
    d, update = trainer.discriminator, trainer.d_optimizer.step
    judged: list[Any] = []

    def step() -> None:
        judged.extend(weight.grad.data.copy() for weight in d.parameters())
        update()

    monkeypatch.setattr(trainer.d_optimizer, "step", step)
    trainer.step(*next(iter(points())))
    assert len(judged) == 4
    for weight, gradient in zip(d.parameters(), judged, strict=True):
        np.testing.assert_array_equal(weight.grad.data, gradient)


def test_weights_are_clipped() -> None:
    trainer = make(objective="wgan", clip=0.01, d_steps=2)
    trainer.fit(points(), 1)
    assert max(np.abs(p.data).max() for p in trainer.discriminator.parameters()) <= 0.01 + 1e-9


def test_the_average_of_the_generator_is_what_draws() -> None:
    trainer = make(ema=0.9, rate=0.05)
    assert trainer.drawn is trainer.generator
    trainer.fit(points(), 1)
    assert trainer.drawn is trainer.averaged.module
    assert not same(weights(trainer.generator), weights(trainer.drawn))
    assert trainer.averaged.n_averaged.item() == trainer.steps == 10


def test_conditional_networks_are_given_the_labels() -> None:
    trainer, loader = images(classes=10)
    trainer.fit(loader, 2)
    assert trainer.labels[0].tolist()[:12] == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    assert trainer.render(*trainer.fixed(20, seed=4)).shape == (20, 1, 8, 8)


# History -----------------------------------------------------------------------------------------


def test_history_is_json_with_all_numbers() -> None:
    trainer = make(objective="wgan", penalty=10.0, d_steps=5)
    history = trainer.fit(points(), 2)
    assert json.loads(json.dumps(history)) == history
    means = ("d_loss", "g_loss", "d_grad_norm", "g_grad_norm", "real_score", "fake_score", "penalty")
    for number, record in enumerate(history, 1):
        assert set(record) == {"epoch", "step", *means, "spread", "d_lr", "g_lr", *CLOCK}
        assert (record["epoch"], record["step"], record["d_lr"]) == (number, 2 * number, 2e-3)
        assert record["d_loss"] == pytest.approx(record["fake_score"] - record["real_score"], abs=1e-5)


def test_notes_may_come_each_so_many_updates() -> None:
    seen = []
    trainer = make(every=4, on_epoch=lambda trainer, record, samples: seen.append((record["step"], samples)))
    trainer.fit(points(), steps=18)
    assert [record["step"] for record in trainer.history] == [4, 8, 12, 16, 18]
    assert [record["epoch"] for record in trainer.history] == [1, 1, 2, 2, 2]
    assert [step for step, _ in seen] == [4, 8, 12, 16, 18]
    assert all(samples.shape == (64, 2) for _, samples in seen)


def test_samples_are_of_the_same_latents() -> None:
    seen: list[Tensor] = []
    latents = Tensor(np.random.default_rng(0).standard_normal((3, 2)).astype(np.float32))
    trainer = make(
        rate=0.0, norm="none", samples=latents, on_epoch=lambda t, r, samples: seen.append(samples)
    )
    trainer.fit(points(), 2)
    assert seen[0].tolist() == seen[1].tolist() == trainer.generator(latents).tolist()


def test_looking_at_samples_changes_nothing() -> None:
    runs = [make(samples=count, every=every) for count, every in ((64, None), (8, 3))]
    for run in runs:
        autograd.manual_seed(9)
        run.fit(points(), 2)
    assert same(weights(runs[0].generator), weights(runs[1].generator))
    assert all(module.training for module in runs[0].generator.modules())


def test_collapse_is_told_once_with_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nn.models.adversarial.RIPE", 0)
    trainer = make(rate=0.0)
    for p in trainer.generator.parameters():
        p.data[...] *= 1e-3
    with pytest.warns(CollapseWarning, match="mean distance between 64 samples") as caught:
        trainer.fit(points(), 4)
    assert len(caught) == 1


def test_classes_are_counted_by_the_classifier() -> None:
    trainer, loader = images(classifier=lambda x: (x.mean((1, 2, 3)) > 0.5).astype(np.int64))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trainer.fit(loader, 1)
    assert sum(trainer.history[0]["classes"]) == 512


# Stopping and going on ---------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"d_steps": 3, "ema": 0.9, "packing": 2}, {"every": 4}])
@pytest.mark.parametrize("stop", [2, 7, 10])
def test_a_resumed_run_ends_with_the_same_bits(options: dict[str, Any], stop: int, tmp_path: Path) -> None:
    autograd.manual_seed(1)
    whole = make(**options)
    whole.fit(points(), 3)

    first = make(checkpoint=tmp_path / "run", **options)
    interrupt(first, stop)
    first.fit(points(), 3)
    assert first.epoch * 10 + first.batch == stop
    autograd.manual_seed(999)  # a new process begins with other numbers
    second = make(**options)
    autograd.rand(17)
    second.load(tmp_path / "run")
    autograd.rand(4)
    second.fit(points(), 3)
    same_runs(whole, second)


def interrupt(trainer: GANTrainer, stop: int) -> None:
    """Press Ctrl-C during batch `stop` of epochs of ten."""
    advance = trainer.step

    def step(*batch: Any) -> dict[str, float]:
        if trainer.epoch * 10 + trainer.batch + 1 == stop:
            os.kill(os.getpid(), signal.SIGINT)
        return advance(*batch)

    trainer.step = step  # type: ignore[method-assign]


@pytest.mark.parametrize("stop", [2, 10, 17])
def test_the_same_trainer_may_go_on(stop: int) -> None:
    whole, loader = make(), points()
    whole.fit(points(), 3)
    first = make()
    interrupt(first, stop)
    while first.epoch < 3:
        first.fit(loader, 3)
    same_runs(whole, first)


def same_runs(a: GANTrainer, b: GANTrainer) -> None:
    for name, model in a.models().items():
        assert same(weights(model), weights(b.models()[name])), name
    assert told(a.history) == told(b.history) and a.steps == b.steps


def test_fewer_d_steps_than_a_checkpoint_has_made(tmp_path: Path) -> None:
    first = make(d_steps=5, checkpoint=tmp_path / "run")
    interrupt(first, 3)
    first.fit(points(), 1)
    second = make(d_steps=2)
    second.load(tmp_path / "run")
    assert "g_loss" in second.step(*next(iter(points()))) and second.steps == 1


def test_ctrl_c_says_where_it_saved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trainer = make(
        checkpoint=tmp_path / "run", every=3, on_epoch=lambda *_: os.kill(os.getpid(), signal.SIGINT)
    )
    before = signal.getsignal(signal.SIGINT)
    assert len(trainer.fit(points(), 3)) == 1
    assert "stopped in epoch 1/3 after 3 batches" in capsys.readouterr().err and (tmp_path / "run").exists()
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_at_the_last_update_is_too_late(tmp_path: Path) -> None:
    trainer = make(checkpoint=tmp_path / "run", every=4)
    interrupt(trainer, 6)
    trainer.fit(points(), steps=6)
    assert [record["step"] for record in trainer.history] == [4, 6]
    again = make(every=4)
    again.load(tmp_path / "run")
    assert again.fit(points(), steps=6) == trainer.history


def test_a_run_can_be_prolonged() -> None:
    trainer, whole = make(), make()
    for goal in (7, 15, 20):
        autograd.manual_seed(4) if goal == 7 else None
        trainer.fit(points(), steps=goal)
    autograd.manual_seed(4)
    whole.fit(points(), steps=20)
    assert same(weights(whole.generator), weights(trainer.generator))
