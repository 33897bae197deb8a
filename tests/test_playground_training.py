"""The playground's trainer: optimisers and losses against plain NumPy, schedules, changes, divergence."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from apps.playground.errors import Refused
from apps.playground.points import Points, generate, own
from apps.playground.settings import OPTIMIZERS, Settings
from apps.playground.training import Trainer

Array = np.ndarray[Any, Any]
LOSSES = [("squared", "circle"), ("bce", "xor"), ("cross_entropy", "circle"), ("cross_entropy", "blobs3")]


def trainer_of(count: int = 60, **given: Any) -> Trainer:
    """A trainer on a few points."""
    settings = Settings.from_mapping(given)
    points = generate(settings)
    return Trainer(settings, Points(points.train[:count].copy(), points.test[:count].copy(), points.classes))


# The oracle: a network of one hidden layer of tanh, written out ------------------------------------


def outputs_of(weights: list[Array], x: Array, loss: str) -> tuple[Array, Array]:
    w, b, v, c = weights
    hidden = np.tanh(x @ w.T + b)
    z = hidden @ v.T + c
    if loss == "squared":
        return hidden, np.tanh(z)
    if loss == "bce":
        return hidden, 1 / (1 + np.exp(-z))
    return hidden, np.exp(z) / np.exp(z).sum(1, keepdims=True)


def losses_by_hand(outputs: Array, labels: Array, loss: str, classes: int) -> Array:
    """Of each sample."""
    if loss == "squared":
        return (outputs[:, 0] - labels) ** 2 / 2
    if loss == "bce":
        return -np.log(np.where(labels > 0, outputs[:, 0], 1 - outputs[:, 0]))
    place = (labels > 0) if classes == 2 else labels
    return -np.log(outputs[np.arange(len(labels)), place.astype(int)])


def gradients_by_hand(weights: list[Array], x: Array, labels: Array, loss: str, classes: int) -> list[Array]:
    hidden, outputs = outputs_of(weights, x, loss)
    if loss == "squared":
        delta = (outputs - labels[:, None]) * (1 - outputs**2)
    elif loss == "bce":
        delta = outputs - (labels[:, None] > 0)
    else:
        place = (labels > 0) if classes == 2 else labels
        delta = outputs - np.eye(outputs.shape[1])[place.astype(int)]
    delta = delta / len(x)
    below = (delta @ weights[2]) * (1 - hidden**2)
    return [below.T @ x, below.sum(0), delta.T @ hidden, delta.sum(0)]


class Sgd:
    def __init__(self, momentum: float = 0.0, nesterov: bool = False) -> None:
        self.momentum, self.nesterov, self.velocity = momentum, nesterov, np.zeros(1)

    def __call__(self, g: Array, lr: float) -> Array:
        self.velocity = self.momentum * self.velocity + g
        return lr * (g + self.momentum * self.velocity if self.nesterov else self.velocity)


class RmsProp:
    def __init__(self) -> None:
        self.square = np.zeros(1)

    def __call__(self, g: Array, lr: float) -> Array:
        self.square = 0.99 * self.square + 0.01 * g**2
        return lr * g / (np.sqrt(self.square) + 1e-8)


class Adam:
    def __init__(self) -> None:
        self.mean, self.square, self.count = np.zeros(1), np.zeros(1), 0

    def __call__(self, g: Array, lr: float) -> Array:
        self.count += 1
        self.mean = 0.9 * self.mean + 0.1 * g
        self.square = 0.999 * self.square + 0.001 * g**2
        mean, square = self.mean / (1 - 0.9**self.count), self.square / (1 - 0.999**self.count)
        return lr * mean / (np.sqrt(square) + 1e-8)


RULES: dict[str, Callable[[], Any]] = {
    "sgd": Sgd,
    "momentum": lambda: Sgd(0.9),
    "nesterov": lambda: Sgd(0.9, True),
    "rmsprop": RmsProp,
    "adam": Adam,
}


def train_by_hand(trainer: Trainer, rates: list[tuple[float, float]]) -> list[Array]:
    """The weights after an update for each (learning rate, rate of the penalty); batches fill the epochs."""
    settings, data = trainer.settings, trainer.points.train
    weights = [part.copy() for part in trainer.network.parts(trainer.network.weights())]
    rules = [RULES[settings.optimizer]() for _ in weights]
    alive = [np.ones(w.shape, bool) for w in weights]
    for update, (lr, rate) in enumerate(rates):
        first = update * settings.batch_size % len(data)
        batch = data[first : first + settings.batch_size]
        grads = gradients_by_hand(weights, batch[:, :2], batch[:, 2], settings.loss, trainer.points.classes)
        for i, (rule, g) in enumerate(zip(rules, grads, strict=True)):
            before = weights[i]
            after = before - rule(g, lr)
            if i % 2 == 0 and settings.regularization == "L2":
                after = after - lr * rate * before
            if i % 2 == 0 and settings.regularization == "L1":
                moved = after - lr * rate * np.sign(before)
                alive[i] &= after * moved >= 0
                after = np.where(alive[i], moved, 0)
            weights[i] = after
    return weights


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("penalty", ["none", "L1", "L2"])
def test_optimizers_and_penalties(optimizer: str, penalty: str) -> None:
    trainer = trainer_of(
        networkShape=[5],
        optimizer=optimizer,
        regularization=penalty,
        regularizationRate=0.1,
        learningRate=0.02,
    )
    want = train_by_hand(trainer, [(0.02, 0.1)] * 50)
    assert trainer.train(50) == 50
    got = trainer.network.parts(trainer.network.weights())
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
    assert (trainer.update.dead() > 0) == (penalty == "L1")


@pytest.mark.parametrize(("loss", "dataset"), LOSSES)
def test_losses(loss: str, dataset: str) -> None:
    trainer = trainer_of(networkShape=[5], loss=loss, dataset=dataset, learningRate=0.1)
    want = train_by_hand(trainer, [(0.1, 0.0)] * 40)
    trainer.train(40)
    for a, b in zip(trainer.network.parts(trainer.network.weights()), want, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
    classes = trainer.points.classes
    for got, rows in zip(trainer.loss(), (trainer.points.train, trainer.points.test), strict=True):
        _, outputs = outputs_of(want, rows[:, :2], loss)
        assert math.isclose(got, losses_by_hand(outputs, rows[:, 2], loss, classes).mean(), rel_tol=1e-9)


@pytest.mark.parametrize(("loss", "dataset"), LOSSES)
def test_gradients_are_slopes_of_the_loss(loss: str, dataset: str) -> None:
    trainer = trainer_of(loss=loss, dataset=dataset, networkShape=[3, 3], activation="sigmoid")
    trainer.train(7)
    weights, gradients = trainer.network.weights(), trainer.gradients()
    assert gradients.shape == weights.shape
    for i in range(len(weights)):
        sides = []
        for step in (1e-5, -1e-5):
            moved = weights.copy()
            moved[i] += step
            trainer.network.set_weights(moved)
            trainer.touched()
            sides.append(trainer.loss()[0])
        assert math.isclose(gradients[i], (sides[0] - sides[1]) / 2e-5, rel_tol=1e-5, abs_tol=1e-9)


# Schedules -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
@pytest.mark.parametrize("batch", [7, 10])
def test_it_makes_no_difference_how_updates_are_grouped(optimizer: str, batch: int) -> None:
    whole = trainer_of(optimizer=optimizer, batchSize=batch, regularization="L1", regularizationRate=0.01)
    parts = trainer_of(optimizer=optimizer, batchSize=batch, regularization="L1", regularizationRate=0.01)
    assert whole.train(200) == 200
    assert sum(parts.train(n) for n in (1, 1, 3, 60, 25, 2, 108)) == 200
    assert (whole.network.weights() == parts.network.weights()).all()
    assert whole.epoch == parts.epoch == 200 // (60 // batch)


def test_epochs_end_where_they_end() -> None:
    trainer = trainer_of(batchSize=7)  # 8 updates an epoch
    assert trainer.train(3) == 3 and trainer.epoch == 0
    assert trainer.train_epochs(1) == 5 and trainer.epoch == 1
    assert trainer.train_epochs(2) == 16 and trainer.epoch == 3
    assert trainer.train(0) == trainer.train(-1) == trainer.train_epochs(0) == 0
    assert trainer.samples(8) == 56 and trainer.samples(9) == 56 + 4 + 7 and trainer.samples(0) == 0


def test_a_slice_ends_at_its_number_of_epochs() -> None:
    trainer = trainer_of()
    assert trainer.work(60.0, epochs=12).updates == 72
    assert trainer.epoch == 12
    again = trainer_of()
    again.train(72)
    assert (again.network.weights() == trainer.network.weights()).all()


def test_a_slice_ends_at_the_end_of_an_epoch() -> None:
    trainer = trainer_of()
    for _ in range(20):
        work = trainer.work(0.005)
        assert work.updates > 0 and work.seconds > 0
    assert trainer.updates % trainer.updates_per_epoch == 0
    assert work.samples == 10 * work.updates


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_reset_is_the_very_same_start(optimizer: str) -> None:
    trainer = trainer_of(optimizer=optimizer, regularization="L1", regularizationRate=0.5, batchSize=7)
    start, losses = trainer.network.weights(), trainer.loss()
    seen = []
    for _ in range(2):
        trainer.train(100)
        seen.append(trainer.network.weights())
        assert trainer.update.dead() > 0
        trainer.reset()
        assert trainer.updates == trainer.epoch == trainer.update.dead() == 0
        assert (trainer.network.weights() == start).all() and trainer.loss() == losses
        assert not trainer.last_update.any()
    assert (seen[0] == seen[1]).all() and (seen[0] != start).any()


def test_the_seed_of_the_weights_is_not_that_of_the_points() -> None:
    first, other, points = trainer_of(), trainer_of(weightSeed=2), trainer_of(seed=2)
    assert (first.points.train == other.points.train).all()
    assert (first.network.weights() != other.network.weights()).any()
    assert (first.network.weights() == points.network.weights()).all()
    weights, biases = first.network.parts(first.network.weights())[0::2], [0.1] * (4 + 2 + 1)
    assert np.concatenate(first.network.parts(first.network.weights())[1::2]).tolist() == biases
    assert all(np.abs(w).max() <= 0.5 for w in weights)


# While it trains -----------------------------------------------------------------------------------


def captures(trainer: Trainer) -> int:
    programs = [*trainer.update.steps.values(), trainer.losses]
    return sum(program.captured for program in programs)


def test_rates_change_without_a_new_program() -> None:
    trainer = trainer_of(networkShape=[5], regularization="L2", regularizationRate=0.1)
    want = train_by_hand(trainer, [(0.03, 0.1)] * 30 + [(0.3, 0.5)] * 30 + [(0.3, 0.0)] * 30)
    trainer.train(30)
    trainer.loss()
    before = captures(trainer)
    trainer.change(replace(trainer.settings, learning_rate=0.3, regularization_rate=0.5))
    trainer.train(30)
    trainer.change(replace(trainer.settings, regularization_rate=0.0))
    trainer.train(30)
    trainer.loss()
    assert captures(trainer) == before
    for a, b in zip(trainer.network.parts(trainer.network.weights()), want, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def test_l2_comes_and_goes_but_other_changes_need_a_new_start() -> None:
    trainer = trainer_of(regularizationRate=0.1)
    trainer.train(10)
    trainer.change(replace(trainer.settings, regularization="L2"))
    assert trainer.train(10) == 10
    for change in ({"regularization": "L1"}, {"batch_size": 3}, {"noise": 10}):
        with pytest.raises(ValueError, match="new start"):
            trainer.change(replace(trainer.settings, **change))


def test_a_weight_by_hand_counts_at_once() -> None:
    trainer = trainer_of(networkShape=[5], loss="bce")
    trainer.train(60)
    old = trainer.loss()
    before = captures(trainer)
    trainer.set_weight(0, 3, 1, 2.5)
    trainer.set_bias(1, 0, -0.25)
    weights = trainer.network.weights()
    assert weights[3 * 2 + 1] == 2.5 and weights[-1] == -0.25
    new = trainer.loss()
    assert new != old
    want = train_by_hand(trainer, [(0.03, 0.0)] * 60)
    trainer.train(60)
    assert captures(trainer) == before
    np.testing.assert_allclose(trainer.network.parts(trainer.network.weights())[0], want[0], rtol=1e-9)


def test_a_dead_weight_by_hand_lives_again() -> None:
    trainer = trainer_of(regularization="L1", regularizationRate=1.0)
    while not trainer.update.dead():
        trainer.train(1)
    layer = next(i for i, alive in enumerate(trainer.update.alive) if (alive.data == 0).any())
    to, source = map(int, np.argwhere(trainer.update.alive[layer].data == 0)[0])
    dead = trainer.update.dead()
    trainer.set_weight(layer, to, source, 3.0)
    assert trainer.update.dead() == dead - 1
    trainer.train(1)
    assert 2.0 < trainer.update.weights[layer].data[to, source] < 3.0


@pytest.mark.parametrize(
    ("place", "value", "code"),
    [
        ((3, 0, 0), 1.0, "weight_place"),
        ((-1, 0, 0), 1.0, "weight_place"),
        ((0, 4, 0), 1.0, "weight_place"),
        ((0, 0, 2), 1.0, "weight_place"),
        ((0, 0, "1"), 1.0, "weight_place"),
        ((0, True, 0), 1.0, "weight_place"),
        ((0, 0, 1.0), 1.0, "weight_place"),
        ((0, 0, 0), math.nan, "weight_value"),
        ((0, 0, 0), math.inf, "weight_value"),
        ((0, 0, 0), 10**400, "weight_value"),
        ((0, 0, 0), "1", "weight_value"),
        ((0, 0, 0), None, "weight_value"),
        ((0, 0, 0), True, "weight_value"),
    ],
)
def test_weights_that_are_refused(place: tuple[Any, ...], value: Any, code: str) -> None:
    trainer = trainer_of()
    before = trainer.network.weights()
    with pytest.raises(Refused) as refused:
        trainer.set_weight(*place, value)
    assert refused.value.code == code
    assert (trainer.network.weights() == before).all()


@pytest.mark.parametrize("updates", [1, 2, 30, 77])
def test_the_last_update(updates: int) -> None:
    trainer, beside = trainer_of(optimizer="adam"), trainer_of(optimizer="adam")
    assert not trainer.last_update.any()
    trainer.train(updates)
    beside.train(updates - 1)
    assert (trainer.last_update == trainer.network.weights() - beside.network.weights()).all()


# What is shown -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("loss", "dataset"), LOSSES)
def test_accuracy(loss: str, dataset: str) -> None:
    trainer = trainer_of(networkShape=[5], loss=loss, dataset=dataset, learningRate=0.3)
    trainer.train(20)
    parts = trainer.network.parts(trainer.network.weights())
    for got, rows in zip(trainer.metrics(), (trainer.points.train, trainer.points.test), strict=True):
        right = 0
        for x, y, label in rows.tolist():
            out = outputs_of(parts, np.array([[x, y]]), loss)[1][0]
            if len(out) > 1:
                said = [-1, 1][out.argmax()] if trainer.points.classes == 2 else out.argmax()
            else:
                said = 1 if out[0] >= (0.5 if loss == "bce" else 0) else -1
            right += said == label
        assert got == right / len(rows) and got not in (None, 0.0)


def test_r_squared() -> None:
    trainer = trainer_of(problem="regression")
    trainer.train_epochs(30)
    train, test = trainer.metrics()
    labels = trainer.points.train[:, 2]
    assert math.isclose(train, 1 - 2 * trainer.loss()[0] / labels.var(), rel_tol=1e-12)
    assert 0.5 < test < 1
    flat = own([[x, 0, 5] for x in range(4)], trainer.settings)
    assert Trainer(trainer.settings, flat).metrics() == (None, None)


def test_without_points_for_testing() -> None:
    settings = Settings()
    trainer = Trainer(replace(settings, batch_size=1), own([[1, 2, 1]], settings))
    assert trainer.train(100) == 100
    assert trainer.loss()[0] < 0.1 and math.isnan(trainer.loss()[1])
    assert trainer.metrics() == (1.0, None)


# Divergence ----------------------------------------------------------------------------------------

DIVERGING: list[tuple[dict[str, Any], str, int | None]] = [
    ({"problem": "regression", "activation": "linear", "learningRate": 10}, "loss", None),
    ({"problem": "regression", "activation": "relu", "learningRate": 30, "networkShape": [8, 8]}, "sum", 1),
    ({"learningRate": 100, "regularization": "L2", "regularizationRate": 1}, "weight", 0),
]


@pytest.mark.parametrize(("given", "what", "layer"), DIVERGING)
def test_divergence_stops_at_finite_weights(given: dict[str, Any], what: str, layer: int | None) -> None:
    trainer, slow = trainer_of(**given), trainer_of(**given)
    done = trainer.train(10_000)
    assert 0 < done < 10_000 and trainer.updates == done
    assert trainer.diverged is not None
    assert (trainer.diverged.what, trainer.diverged.epoch) == (what, done // 6)
    assert trainer.diverged.layer == layer
    assert np.isfinite(trainer.network.weights()).all()
    assert trainer.train(10) == 0 and trainer.work(0.01).updates == 0
    for _ in itertools.count():  # one by one it is the same
        if not slow.train(1):
            break
    assert slow.diverged == trainer.diverged and slow.updates == done
    assert (slow.network.weights() == trainer.network.weights()).all()
    assert (slow.last_update == trainer.last_update).all() and np.isfinite(slow.last_update).all()


def test_the_last_update_may_be_more_than_any_number_has() -> None:
    settings = Settings.from_mapping(
        {
            "networkShape": [],
            "regularization": "L2",
            "learningRate": 1,
            "regularizationRate": 2,
            "batchSize": 1,
        }
    )
    trainer = Trainer(settings, own([[0, 0, 1]], settings))
    trainer.network.set_weights(np.array([1.5e308, 0, 0]))
    with np.errstate(over="raise"):
        assert trainer.train(1) == 1 and trainer.diverged is None
    assert trainer.network.weights()[0] == -1.5e308 and trainer.last_update[0] == -np.inf


def test_after_divergence_it_goes_on_when_asked() -> None:
    trainer = trainer_of(problem="regression", activation="linear", learningRate=10)
    trainer.train(100)
    assert trainer.diverged is not None and trainer.metrics() == (None, None)
    trainer.reset()
    assert trainer.diverged is None
    trainer.change(replace(trainer.settings, learning_rate=0.03))
    assert trainer.train(100) == 100
    assert trainer.loss()[0] < 0.1
