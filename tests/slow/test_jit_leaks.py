"""Replays and captures by the thousand take no memory that stays."""

from __future__ import annotations

import gc
import sys
import tracemalloc
from pathlib import Path

import pytest

import autograd
import nn
from autograd import kernels
from nn import functional as F
from nn import optim

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not kernels.active, reason="programs are made of kernels"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc"),
]


def resident() -> int:
    """Bytes of memory this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def training():
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Dropout(0.2), nn.Linear(144, 3)
    )
    update = optim.Adam(model.parameters(), lr=1e-3)
    schedule = optim.lr_scheduler.StepLR(update, 100, 0.99)

    @autograd.jit
    def step(x, target):
        update.zero_grad()
        logits = model(x)
        loss = F.cross_entropy(logits, target)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        update.step()
        schedule.step()
        return loss, logits[logits.argmax(1) % 2]  # with a step in Python

    return step


def test_replays():
    step = training()
    x, target = autograd.randn(4, 1, 8, 8), autograd.tensor([0, 1, 2, 0])
    for _ in range(500):
        step(x, target)
    gc.collect()
    before = resident()
    tracemalloc.start()
    kept = tracemalloc.take_snapshot()
    for _ in range(10_000):
        step(x, target)
    gc.collect()
    grown = [d for d in tracemalloc.take_snapshot().compare_to(kept, "lineno") if d.size_diff > 10_000]
    tracemalloc.stop()
    assert not grown, "\n".join(map(str, grown))
    assert resident() - before < 8 << 20


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_captures():
    """Of one function for new shapes, and of functions that are dropped."""
    w = autograd.rand(64, 64).requires_grad_()
    step = autograd.jit(lambda x: autograd.grad((x @ w).tanh().sum(), w))
    sizes = []
    for n in range(1, 401):
        x = autograd.ones(n % 200 + 1, 64)
        for _ in range(3):
            step(x)
        other, target = training(), autograd.tensor([0, 1])
        for _ in range(3):
            other(autograd.randn(2, 1, 8, 8), target)
        if n % 100 == 0:
            gc.collect()
            sizes.append(resident())
    assert sizes[-1] - sizes[0] < 24 << 20, sizes
