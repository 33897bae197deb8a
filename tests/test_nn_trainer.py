"""Trainer: history, exact resume, Ctrl-C, loud failures."""

import json
import math
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd
import nn
from nn import optim
from nn.data import DataLoader, TensorDataset


def dataset(n: int = 70) -> TensorDataset:
    random = np.random.default_rng(0)
    x = random.normal(size=(n, 6)).astype(np.float32)
    return TensorDataset(x, (x[:, 0] > x[:, 1]).astype(np.int64) + (x[:, 2] > 1))


def make(
    own_generator: bool = False, schedule: str = "step", **options: Any
) -> tuple[nn.Trainer, DataLoader]:
    autograd.manual_seed(5)
    model = nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 3))
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    scheduler: Any = {
        "step": lambda: optim.lr_scheduler.StepLR(optimizer, 1, 0.5),
        "one cycle": lambda: optim.lr_scheduler.OneCycleLR(optimizer, 0.05, epochs=3, steps_per_epoch=5),
        "plateau": lambda: optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, threshold=0.5),
    }[schedule]()
    loader = DataLoader(dataset(), 16, shuffle=True, **({"seed": 3} if own_generator else {}))
    trainer = nn.Trainer(model, nn.CrossEntropyLoss(), optimizer, scheduler, progress=False, **options)
    return trainer, loader


def told(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The history without its clock."""
    return [
        {k: v for k, v in record.items() if k not in ("seconds", "samples_per_second")} for record in history
    ]


def same_bits(a: nn.Trainer, b: nn.Trainer) -> None:
    for name, value in a.model.state_dict().items():
        assert np.array_equal(value.data, b.model.state_dict()[name].data), name
    assert told(a.history) == told(b.history)


@pytest.mark.parametrize("own_generator", [False, True])
@pytest.mark.parametrize("schedule", ["step", "one cycle", "plateau"])
@pytest.mark.parametrize("stop", [2, 5, 7, 10])
def test_a_resumed_run_ends_with_the_same_bits(
    own_generator: bool, schedule: str, stop: int, tmp_path: Path
) -> None:
    whole, loader = make(own_generator, schedule)
    whole.fit(loader, 3, validation=DataLoader(dataset(20), 8))

    def interrupt(trainer: nn.Trainer, loss: float) -> None:
        if trainer.epoch * 5 + trainer.batch == stop:
            os.kill(os.getpid(), signal.SIGINT)

    first, loader = make(own_generator, schedule, checkpoint=tmp_path / "run", on_batch=interrupt)
    first.fit(loader, 3, validation=DataLoader(dataset(20), 8))
    assert first.epoch * 5 + first.batch == stop
    autograd.manual_seed(999)  # a new process begins with other numbers
    second, loader = make(own_generator, schedule)
    autograd.rand(17)
    second.load(tmp_path / "run")
    autograd.rand(4)
    second.fit(loader, 3, validation=DataLoader(dataset(20), 8))
    same_bits(whole, second)


def test_ctrl_c_says_where_it_saved_and_gives_the_signal_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(signal.SIGINT)
    trainer, loader = make(
        checkpoint=tmp_path / "run", on_batch=lambda trainer, loss: os.kill(os.getpid(), signal.SIGINT)
    )
    assert trainer.fit(loader, 3) == []
    assert "after 1 batches" in capsys.readouterr().err and (tmp_path / "run").exists()
    assert signal.getsignal(signal.SIGINT) is before


def test_history_is_json_and_the_model_learns() -> None:
    trainer, loader = make()
    history = trainer.fit(loader, 8, validation=DataLoader(dataset(20), 8))
    assert json.loads(json.dumps(history)) == history
    assert [record["epoch"] for record in history] == list(range(1, 9))
    assert history[-1]["loss"] < history[0]["loss"] and history[-1]["val_accuracy"] > 0.5
    assert history[1]["lr"] == pytest.approx(0.005)
    assert trainer.fit(loader, 8) is history and len(history) == 8  # nothing left to do


def test_evaluate_counts_samples_and_keeps_modes() -> None:
    trainer, _ = make()
    trainer.model.train()
    trainer.model[1].eval()
    found = trainer.evaluate(DataLoader(dataset(), 16))
    x, y = (autograd.tensor(t) for t in dataset().tensors)
    assert trainer.model.training and not trainer.model[1].training and trainer.model[3].training
    output = trainer.model.eval()(x)
    assert found["accuracy"] == pytest.approx(nn.metrics.accuracy(output, y))
    assert found["loss"] == pytest.approx(trainer.loss(output, y).item(), rel=1e-5)


def test_a_loss_that_is_not_finite_is_explained() -> None:
    bad = dataset()
    bad.tensors[0][3, 2] = math.nan
    trainer, _ = make()
    with pytest.raises(FloatingPointError, match="the inputs of this batch contain NaN"):
        trainer.fit(DataLoader(bad, 16), 1)
    trainer, loader = make()
    trainer.model[0].weight.data[0, 0] = math.inf
    with pytest.raises(
        FloatingPointError, match=r"epoch 1, batch 1: 0\.weight became .* lower the learning rate"
    ):
        trainer.fit(loader, 1)
    trainer, loader = make()
    trainer.loss = lambda output, target: (output.sum() * 0 - 1).log()
    with pytest.raises(FloatingPointError, match="the loss made it"):
        trainer.fit(loader, 1)


def test_checkpoints_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    trainer, loader = make(checkpoint=tmp_path / "run")
    trainer.fit(loader, 1)
    other = nn.Trainer(nn.Linear(2, 2), nn.CrossEntropyLoss(), optim.SGD(nn.Linear(2, 2).parameters()))
    with pytest.raises(ValueError, match="the checkpoint has a scheduler, this trainer has none"):
        other.load(tmp_path / "run")
    nn.save({"a": 1}, tmp_path / "else")
    with pytest.raises(ValueError, match="not a checkpoint"):
        trainer.load(tmp_path / "else")
    trainer.model = nn.Linear(2, 2)
    with pytest.raises(RuntimeError, match="size mismatch|Missing key"):
        trainer.load(tmp_path / "run")


def test_gradients_are_clipped() -> None:
    trainer, loader = make(clip_norm=1e-9)
    trainer.optimizer = optim.SGD(trainer.model.parameters(), lr=1.0)
    trainer.scheduler = None
    before = trainer.model[0].weight.data.copy()
    trainer.fit(loader, 1)
    assert np.allclose(trainer.model[0].weight.data, before, atol=1e-7)


def test_regression_has_no_accuracy() -> None:
    model = nn.Linear(1, 1)
    trainer = nn.Trainer(model, nn.MSELoss(), optim.SGD(model.parameters(), lr=0.1), progress=False)
    data = TensorDataset(np.ones((4, 1), np.float32), np.ones((4, 1), np.float32))
    assert "accuracy" not in trainer.fit(DataLoader(data, 2), 1)[0]


def test_plain_lines_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    trainer, loader = make()
    trainer.progress = True
    trainer.fit(loader, 2)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("epoch 1/2  loss ") and "samples/s" in lines[0] and "left 0:00" in lines[0]
    assert "left" not in lines[1]
