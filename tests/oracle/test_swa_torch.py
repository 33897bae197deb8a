"""Averages of weights: PyTorch's numbers, eagerly and in a program, with buffers and without."""

import copy
from typing import Any

import numpy as np
import pytest
from torch_oracle import close, torch

import autograd
import nn
from nn.optim import swa_utils

THEIRS = torch.optim.swa_utils
AVERAGES: dict[str, tuple[Any, Any]] = {
    "the mean": (None, None),
    "the mean, named": (swa_utils.get_swa_avg_fn(), THEIRS.get_swa_avg_fn()),
    "exponential": (swa_utils.get_ema_avg_fn(0.9), THEIRS.get_ema_avg_fn(0.9)),
    "a function of one's own": (lambda a, p, n: a + (p - a) / (n + 2), lambda a, p, n: a + (p - a) / (n + 2)),
}


def pair() -> tuple[nn.Module, Any]:
    """The same small net here and there."""
    ours = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    theirs = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 2))
    theirs.load_state_dict({name: torch.tensor(x.data.copy()) for name, x in ours.state_dict().items()})
    return ours, theirs


@pytest.mark.parametrize("use_buffers", [False, True])
@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("name", AVERAGES)
def test_the_averages_are_pytorchs(name, jit, use_buffers):
    ours, theirs = pair()
    mine, yours = AVERAGES[name]
    a = swa_utils.AveragedModel(ours, avg_fn=mine, use_buffers=use_buffers)
    b = THEIRS.AveragedModel(theirs, avg_fn=yours, use_buffers=use_buffers)
    random = np.random.default_rng(0)
    update = autograd.jit(lambda: a.update_parameters(ours)) if jit else lambda: a.update_parameters(ours)
    for _ in range(5):
        state = {
            k: x.data + random.integers(1, 9, x.shape).astype(x.dtype) for k, x in ours.state_dict().items()
        }
        ours.load_state_dict(state)
        theirs.load_state_dict({k: torch.tensor(np.asarray(x)) for k, x in state.items()})
        update()
        b.update_parameters(theirs)
    assert sorted(a.state_dict()) == sorted(b.state_dict())
    for key, value in b.state_dict().items():
        if "tracked" in key:  # a count: PyTorch averages and truncates it
            value = torch.tensor(np.asarray(ours.state_dict()[key.removeprefix("module.")]))
        close(a.state_dict()[key], value, key, 1e-6)


def test_many_at_once():
    def ema(averages, currents, n):
        for average, p in zip(averages, currents, strict=True):
            average.copy_(0.9 * average + 0.1 * p)

    ours, _ = pair()
    at_once = swa_utils.AveragedModel(ours, multi_avg_fn=ema)
    one_by_one = swa_utils.AveragedModel(ours, avg_fn=swa_utils.get_ema_avg_fn(0.9))
    for _ in range(3):
        for averaged in (at_once, one_by_one):
            averaged.update_parameters(ours)
        ours.load_state_dict({k: x.data * 2 for k, x in ours.state_dict().items()})
    for p, q in zip(at_once.module.parameters(), one_by_one.module.parameters(), strict=True):
        assert autograd.allclose(p, q, atol=1e-6)


def test_warmup_forgets_the_beginning():
    model = nn.Linear(1, 1, bias=False)
    averaged = swa_utils.AveragedModel(model, avg_fn=swa_utils.get_ema_avg_fn(0.5, warmup=True))
    expected = 0.0
    for n in range(20):
        model.load_state_dict({"weight": np.full((1, 1), float(n), np.float32)})
        averaged.update_parameters(model)
        decay = min(0.5, (1 + n) / (10 + n)) if n else 0.0
        expected = decay * expected + (1 - decay) * n
        assert averaged.module.weight.item() == pytest.approx(expected, abs=1e-5)


def test_the_copy_is_its_own():
    ours, _ = pair()
    averaged = swa_utils.AveragedModel(ours)
    before = copy.deepcopy(averaged.module.state_dict())
    ours.load_state_dict({k: x.data * 0 for k, x in ours.state_dict().items()})
    for key, value in averaged.module.state_dict().items():
        assert (value.data == before[key].data).all()


def test_what_does_not_fit_is_said():
    with pytest.raises(ValueError, match=r"decay in \[0, 1\], got 2"):
        swa_utils.get_ema_avg_fn(2)
    with pytest.raises(ValueError, match="not both"):
        swa_utils.AveragedModel(
            nn.Linear(1, 1), avg_fn=swa_utils.get_swa_avg_fn(), multi_avg_fn=lambda *_: None
        )
    with pytest.raises(ValueError, match="other parameters"):
        swa_utils.AveragedModel(nn.Linear(1, 1)).update_parameters(nn.Linear(2, 1))
