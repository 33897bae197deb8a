"""A trainer whose updates are programs: the run of an eager one, resumed to the same bits, NaN explained."""

from __future__ import annotations

import numpy as np
import pytest

import autograd
import nn
from autograd import kernels
from nn import optim
from nn.data import DataLoader, TensorDataset

pytestmark = pytest.mark.skipif(not kernels.active, reason="programs are made of kernels")


def data(count: int = 70) -> TensorDataset:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((count, 6), np.float32)
    return TensorDataset(x, (x[:, 0] > x[:, 1]).astype(np.int64))


def trainer(jit: bool, algorithm: str = "Adam", **options) -> nn.Trainer:
    autograd.manual_seed(5)
    model = nn.Sequential(
        nn.Linear(6, 16, bias=False), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 2)
    )
    update = getattr(optim, algorithm)(model.parameters(), lr=0.01, **options)
    schedule = optim.lr_scheduler.OneCycleLR(update, 0.02, total_steps=30)
    loss = nn.CrossEntropyLoss()
    return nn.Trainer(model, loss, update, schedule, clip_norm=1.0, jit=jit, progress=False)


def loader() -> DataLoader:
    return DataLoader(data(), batch_size=16, shuffle=True, seed=1)  # the last batch has 6 samples


@pytest.mark.parametrize(
    ("algorithm", "options"),
    [("Adam", {}), ("SGD", {"momentum": 0.9}), ("SGD", {"momentum": 0.9, "dampening": 0.5})],
)
def test_a_run_is_that_of_eager_updates(algorithm, options):
    eager, jitted = trainer(False, algorithm, **options), trainer(True, algorithm, **options)
    autograd.manual_seed(9)
    expected = eager.fit(loader(), epochs=4)
    autograd.manual_seed(9)
    history = jitted.fit(loader(), epochs=4)
    for mine, other in zip(history, expected, strict=True):
        for name in ("loss", "accuracy", "lr"):
            np.testing.assert_allclose(mine[name], other[name], rtol=1e-4, err_msg=name)
    for (name, p), q in zip(jitted.model.named_parameters(), eager.model.parameters(), strict=True):
        np.testing.assert_allclose(p.data, q.data, rtol=1e-3, atol=1e-4, err_msg=name)
    assert len(jitted.program.programs) == 2  # two shapes of batches


def test_a_resumed_run_ends_with_the_same_bits(tmp_path):
    whole = trainer(True)
    autograd.manual_seed(9)
    whole.fit(loader(), epochs=4)

    first = trainer(True)
    autograd.manual_seed(9)
    first.fit(loader(), epochs=2)
    first.save(tmp_path / "half")
    second = trainer(True)
    second.load(tmp_path / "half")
    second.fit(loader(), epochs=4)
    for (name, p), q in zip(
        whole.model.state_dict().items(), second.model.state_dict().values(), strict=True
    ):
        np.testing.assert_array_equal(p.data, q.data, err_msg=name)


def test_a_rate_that_a_callback_lowers_takes_no_new_program():
    def lower(trainer, record):
        trainer.optimizer.param_groups[0]["lr"] *= 0.5

    runs = [trainer(jit) for jit in (True, False)]
    for run in runs:
        run.scheduler, run.on_epoch = None, lower
        autograd.manual_seed(9)
        run.fit(loader(), epochs=6)
    assert runs[0].program.captured == 2  # two shapes of batches
    for p, q in zip(runs[0].model.parameters(), runs[1].model.parameters(), strict=True):
        np.testing.assert_allclose(p.data, q.data, rtol=1e-3, atol=1e-4)


def test_a_loss_that_is_set_in_a_run_is_minimised():
    run = trainer(True)
    run.fit(loader(), epochs=1)
    run.loss, plain = lambda output, target: 3 * plain(output, target) + 100, run.loss
    assert run.fit(loader(), epochs=2)[-1]["loss"] > 100


def test_a_loss_that_is_not_finite_stops_before_the_update():
    run = trainer(True)
    x, y = map(autograd.tensor, data(16).tensors)
    run.step(x, y)
    before = {name: p.data.copy() for name, p in run.model.named_parameters()}
    counts = [state["step"] for state in run.optimizer.state.values()]
    bad = autograd.tensor(np.full((16, 6), np.inf, np.float32))
    with pytest.raises(FloatingPointError, match="inputs of this batch contain NaN or infinity"):
        run.step(bad, y)
    for name, p in run.model.named_parameters():
        np.testing.assert_array_equal(p.data, before[name])
    assert [state["step"] for state in run.optimizer.state.values()] == counts
