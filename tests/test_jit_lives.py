"""Programs among other things: threads, forks, copies of the objects whose methods they are, their end."""

from __future__ import annotations

import copy
import gc
import os
import pickle
import threading
import weakref

import numpy as np
import pytest

import autograd
import nn
from autograd import kernels
from nn import optim

pytestmark = pytest.mark.skipif(not kernels.active, reason="programs are made of kernels")


class Learner(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 2)

    @autograd.jit
    def forward(self, x):
        return self.layer(x) * 2


def called(function, *args, times: int = 4):
    for _ in range(times):
        result = function(*args)
    return result


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_have_programs_of_their_own(copied):
    model, x = Learner(), autograd.ones(1, 3)
    called(model, x)
    other = copied(model)
    with autograd.no_grad():
        other.layer.weight.fill_(0.0)
        other.layer.bias.fill_(1.0)
    assert called(other, x).tolist() == [[2.0, 2.0]]
    np.testing.assert_allclose(called(model, x).data, model.layer(x).data * 2, rtol=1e-6)


def test_threads_with_one_program():
    """Each call is whole: the state counts all of them, and results are those of the arguments."""
    total = autograd.zeros(1, dtype=np.float64)

    @autograd.jit
    def step(x):
        total.add_(x.sum())
        return x * 2

    called(step, autograd.zeros(5, dtype=np.float64))
    wrong = []

    def work(k: int) -> None:
        for i in range(200):
            value = float(k * 1000 + i)
            if step(autograd.full((5,), value, dtype=np.float64)).tolist() != [value * 2] * 5:
                wrong.append(value)

    run([threading.Thread(target=work, args=(k,)) for k in range(4)])
    assert not wrong
    assert total.item() == sum(5.0 * (k * 1000 + i) for k in range(4) for i in range(200))


def test_threads_with_programs_of_their_own():
    """Captures and replays side by side, each as if it were alone."""
    results = {}

    def work(k: int) -> None:
        model = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 1))
        with autograd.no_grad():
            for p in model.parameters():
                p.fill_(0.01 * (k + 1))
        update = optim.Adam(model.parameters(), lr=0.01)

        def step(x):
            update.zero_grad()
            loss = model(x).square().mean()
            loss.backward()
            update.step()
            return loss

        function = autograd.jit(step) if k % 2 else step
        results[k] = [function(autograd.full((4, 8), 0.1 * k + 0.01 * i)).item() for i in range(50)]

    run([threading.Thread(target=work, args=(k,)) for k in range(4)])
    together = dict(results)
    for k in range(4):
        work(k)
        np.testing.assert_allclose(results[k], together[k], rtol=1e-5)


def run(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_fork_after_use():
    w = autograd.rand(200, 200)
    step = autograd.jit(lambda x: (x @ w).tanh() @ w)
    x = autograd.rand(200, 200)
    expected = called(step, x).data
    child = os.fork()
    if child == 0:
        same = all(np.allclose(called(step, x).data, expected, rtol=1e-4) for _ in range(3))
        os._exit(0 if same else 1)
    assert os.waitpid(child, 0)[1] == 0
    np.testing.assert_array_equal(step(x).data, expected)


def training_step():
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Dropout(0.1), nn.Linear(4, 2))
    update = optim.Adam(model.parameters())

    @autograd.jit
    def step(x):
        update.zero_grad()
        loss = model(x).square().mean()
        loss.backward()
        update.step()
        return loss

    called(step, autograd.ones(8, 4))
    return step


def test_programs_die_with_their_function():
    """By reference count alone: no cycle keeps an arena."""
    gc.collect()
    gc.disable()
    try:
        step = training_step()
        program, function = weakref.ref(step.program), weakref.ref(step)
        del step
        assert program() is None and function() is None
    finally:
        gc.enable()


def test_programs_of_methods_die_with_their_object():
    model = Learner()
    called(model, autograd.ones(1, 3))
    found = weakref.ref(model.forward.program)
    del model
    gc.collect()
    assert found() is None


def test_programs_for_many_shapes_stay_few():
    w = autograd.rand(3)
    step = autograd.jit(lambda x: x * w)
    with pytest.warns(UserWarning, match="captured 8 times"):
        for n in range(1, 60):
            called(step, autograd.ones(n, 3), times=2)
    assert sum(map(len, step.programs.values())) <= 17
