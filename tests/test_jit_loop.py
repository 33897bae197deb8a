"""step.loop: the calls one by one, in C."""

from __future__ import annotations

import numpy as np
import pytest

import autograd
import nn
from autograd import kernels
from autograd.jit import epochs
from autograd.jit.loop import Loop
from nn import optim

pytestmark = pytest.mark.skipif(not kernels.active, reason="programs are made of kernels")


def training(algorithm: str = "Adam", schedule: bool = False, **options):
    """A jitted step with dropout and batch norm, and its model, from the same beginning each time."""
    autograd.manual_seed(2)
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 3))
    update = getattr(optim, algorithm)(model.parameters(), lr=0.05, **options)
    rates = optim.lr_scheduler.ExponentialLR(update, 0.9) if schedule else None
    loss_of = nn.CrossEntropyLoss()

    @autograd.jit
    def step(x, target):
        update.zero_grad()
        output = model(x)
        loss = loss_of(output, target)
        loss.backward()
        update.step()
        if rates is not None:
            rates.step()
        return {"loss": loss, "means": output.mean(0)}

    return step, model, update


def data(count: int = 40):
    rng = np.random.default_rng(1)
    return rng.standard_normal((count, 4), np.float32), rng.integers(0, 3, count)


def one_by_one(step, order, size):
    x, y = data()
    batches = [order[e, i : i + size] for e in range(len(order)) for i in range(0, order.shape[1], size)]
    step.prepare(autograd.tensor(x[batches[0]]), autograd.tensor(y[batches[0]]))
    return [step(autograd.tensor(x[rows]), autograd.tensor(y[rows])) for rows in batches]


@pytest.mark.parametrize("size", [8, 12])
@pytest.mark.parametrize(
    ("algorithm", "options"), [("Adam", {}), ("SGD", {"momentum": 0.9}), ("RMSprop", {}), ("SGD", {})]
)
@pytest.mark.parametrize("schedule", [False, True])
def test_a_loop_is_the_calls_one_by_one(algorithm, options, size, schedule):
    order = np.array([np.random.default_rng(e).permutation(40) for e in range(3)])
    step, model, update = training(algorithm, schedule, **options)
    autograd.manual_seed(7)
    expected = one_by_one(step, order, size)
    state = {name: x.data.copy() for name, x in model.state_dict().items()}
    offset = autograd.default_generator.offset
    counts = [s.get("step") for s in update.state.values()]

    step, model, update = training(algorithm, schedule, **options)
    autograd.manual_seed(7)
    turns = []
    results = step.loop(data(), order, batch_size=size, epochs=3, turn=lambda *turn: turns.append(turn))
    for name in ("loss", "means"):
        found = [np.asarray(each[name].data) for each in expected]
        np.testing.assert_allclose(results[name].data, np.stack(found), rtol=1e-5, atol=1e-6)
    for name, x in model.state_dict().items():
        np.testing.assert_allclose(x.data, state[name], rtol=1e-5, atol=1e-6, err_msg=name)
    assert autograd.default_generator.offset == offset
    assert [s.get("step") for s in update.state.values()] == counts
    assert turns[-1] == (len(expected), len(expected))
    assert [p.grad.shape for p in model.parameters()] == [p.shape for p in model.parameters()]


def test_rounds_run_in_c(monkeypatch):
    step, *_ = training()
    runs = []
    monkeypatch.setattr(
        Loop, "run", lambda self, order, turn, run=Loop.run: runs.append(1) or run(self, order, turn)
    )
    monkeypatch.setattr(step, "function", None)
    with pytest.raises(TypeError):
        step.loop(data(), batch_size=8)  # nothing was captured: the function is called
    step, *_ = training()
    step.loop(data(), batch_size=8, epochs=2)
    assert len(runs) == 1  # both epochs


@pytest.mark.parametrize("kept", [0, 1 << 20])
def test_loops_over_the_same_arrays_go_on(monkeypatch, kept):
    """The second is laid out anew or not; what was written into the arrays since, another order, rate and
    length, and other arrays are honoured."""
    monkeypatch.setattr(epochs, "KEPT", kept)
    laid_out = []
    monkeypatch.setattr(
        Loop, "encoded", lambda self, encoded=Loop.encoded: laid_out.append(1) or encoded(self)
    )
    orders = [np.random.default_rng(e).permutation(40)[None] for e in range(4)]

    def rounds(train):
        step, model, update = training("Adam")
        x, y = data()
        autograd.manual_seed(7)
        step.prepare(autograd.tensor(x[:8]), autograd.tensor(y[:8]))
        for i, order in enumerate(orders):
            update.param_groups[0]["lr"] = 0.05 / (i + 1)
            x[:, i] += 1
            train(step, x.copy() if i == 3 else x, y, order)
        return [p.data.copy() for p in model.parameters()]

    def calls(step, x, y, order):
        for i in range(0, 40, 8):
            step(autograd.tensor(x[order[0, i : i + 8]]), autograd.tensor(y[order[0, i : i + 8]]))

    expected = rounds(calls)
    for found, p in zip(
        rounds(lambda step, x, y, order: step.loop([x, y], order, batch_size=8)), expected, strict=True
    ):
        np.testing.assert_array_equal(found, p)
    assert len(laid_out) == (2 if kept else 4)


def test_a_new_rate_needs_no_capture():
    step, model, update = training("SGD")
    step.loop(data(), batch_size=8)
    before = [p.data.copy() for p in model.parameters()]
    update.param_groups[0]["lr"] = 0.0
    step.loop(data(), batch_size=8)
    assert step.captured == 1
    for p, value in zip(model.parameters(), before, strict=True):
        np.testing.assert_array_equal(p.data, value)


def test_an_exception_of_turn_ends_it_between_two_calls():
    step, *_, update = training()

    def turn(done, total):
        if done >= 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        step.loop(data(), batch_size=8, epochs=50_000, turn=turn)  # many times longer than a slice
    counts = {s["step"] for s in update.state.values()}
    assert len(counts) == 1 and 3 <= counts.pop() < 250_000


def test_shuffled_orders_come_from_the_default_generator():
    losses = []
    for seed in (3, 3, 4):
        step, *_ = training()
        autograd.manual_seed(seed)
        losses.append(step.loop(data(), "shuffle", batch_size=8, epochs=2)["loss"].tolist())
    assert losses[0] == losses[1] != losses[2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"batch_size": 0}, "batch_size >= 1"),
        ({"batch_size": 8, "order": "random"}, "shuffle"),
        ({"batch_size": 8, "order": np.arange(39)}, r"\(40,\)"),
        ({"batch_size": 8, "order": np.arange(40) + 1}, "want 0 to 39"),
        ({"batch_size": 8, "order": np.zeros(40)}, "integers"),
    ],
)
def test_bad_arguments(arguments, message):
    step, *_ = training()
    with pytest.raises((ValueError, IndexError), match=message):
        step.loop(data(), **arguments)


def test_results_of_unequal_shapes_are_refused():
    step = autograd.jit(lambda x: x * 2)
    x = np.ones((10, 2), np.float32)
    assert step.loop([x], batch_size=5).shape == (2, 5, 2)
    with pytest.raises(ValueError, match="another shape"):
        step.loop([x], batch_size=4)
