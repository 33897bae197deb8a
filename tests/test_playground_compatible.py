"""The playground trains as the original does: against neurons and links in plain Python, sample by sample.

`Original` was written from the description of the original's training alone: a loop over samples that adds up
derivatives, and an update whenever so many of an epoch's samples have passed.
"""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

import numpy as np
import pytest

from apps.playground import compatible
from apps.playground.compatible import DATA, settings_of
from apps.playground.points import Points, generate
from apps.playground.settings import Settings
from apps.playground.training import Trainer

FUNCTIONS = {
    "tanh": (math.tanh, lambda z: 1 - math.tanh(z) ** 2),
    "relu": (lambda z: max(0.0, z), lambda z: 0.0 if z <= 0 else 1.0),
    "sigmoid": (lambda z: 1 / (1 + math.exp(-z)), lambda z: math.exp(-z) / (1 + math.exp(-z)) ** 2),
    "linear": (lambda z: z, lambda z: 1.0),
}
FEATURES = {
    "x": lambda x, y: x,
    "y": lambda x, y: y,
    "xSquared": lambda x, y: x * x,
    "ySquared": lambda x, y: y * y,
    "xTimesY": lambda x, y: x * y,
    "sinX": lambda x, y: math.sin(x),
    "sinY": lambda x, y: math.sin(y),
}


class Link:
    """A weight between two neurons; dead for ever once the penalty has pushed it across 0."""

    def __init__(self, source: Neuron, to: Neuron, weight: float) -> None:
        self.source, self.to, self.weight = source, to, weight
        self.dead, self.sum = False, 0.0
        source.outgoing.append(self)
        to.incoming.append(self)


class Neuron:
    def __init__(self, activation: str, bias: float = 0.0) -> None:
        self.function, self.slope = FUNCTIONS[activation]
        self.bias, self.sum = bias, 0.0
        self.z = self.a = self.delta = 0.0
        self.incoming: list[Link] = []
        self.outgoing: list[Link] = []


class Original:
    """The original's network and training, for these settings, from the trainer's first weights."""

    def __init__(self, settings: Settings, weights: list[float]) -> None:
        self.settings = settings
        self.samples = self.seen = self.updates = 0
        self.carried = False  # whether an update took in samples of the epoch before
        numbers = iter(weights)
        self.layers = [[Neuron("linear") for _ in settings.features]]
        output = "linear" if settings.problem == "regression" else "tanh"
        sizes = [*settings.network_shape, 1]
        for place, size in enumerate(sizes):
            kind = output if place == len(sizes) - 1 else settings.activation
            layer = [Neuron(kind) for _ in range(size)]
            for neuron in layer:
                for source in self.layers[-1]:
                    Link(source, neuron, next(numbers))
            for neuron in layer:
                neuron.bias = next(numbers)
            self.layers.append(layer)
        assert next(numbers, None) is None

    def links(self) -> list[Link]:
        return [link for layer in self.layers for neuron in layer for link in neuron.incoming]

    def weights(self) -> list[float]:
        found = []
        for layer in self.layers[1:]:
            found += [link.weight for neuron in layer for link in neuron.incoming]
            found += [neuron.bias for neuron in layer]
        return found

    def forward(self, x: float, y: float) -> float:
        for neuron, feature in zip(self.layers[0], self.settings.features, strict=True):
            neuron.a = FEATURES[feature](x, y)
        for layer in self.layers[1:]:
            for neuron in layer:
                neuron.z = neuron.bias
                for link in neuron.incoming:
                    neuron.z += link.weight * link.source.a
                neuron.a = neuron.function(neuron.z)
        return self.layers[-1][0].a

    def backward(self, label: float) -> None:
        for layer in reversed(self.layers[1:]):
            for neuron in layer:
                if neuron.outgoing:
                    pulled = sum(link.weight * link.to.delta for link in neuron.outgoing)
                else:
                    pulled = neuron.a - label
                neuron.delta = pulled * neuron.slope(neuron.z)
                neuron.sum += neuron.delta
                for link in neuron.incoming:
                    link.sum += neuron.delta * link.source.a
        self.samples += 1

    def change(self, kind: str, rate: float, learning: float) -> None:
        for layer in self.layers[1:]:
            for neuron in layer:
                neuron.bias -= learning * neuron.sum / self.samples
                neuron.sum = 0.0
        for link in self.links():
            if not link.dead:
                slope = {"none": 0.0, "L2": link.weight, "L1": float(np.sign(link.weight))}[kind]
                link.weight -= learning * link.sum / self.samples
                moved = link.weight - learning * rate * slope
                if kind == "L1" and link.weight * moved < 0:
                    link.dead, moved = True, 0.0
                link.weight = moved
            link.sum = 0.0
        self.carried |= self.samples > self.settings.batch_size
        self.samples = 0
        self.updates += 1

    def epoch(self, points: list[list[float]]) -> None:
        s = self.settings
        for place, (x, y, label) in enumerate(points):
            self.forward(x, y)
            self.backward(label)
            if (place + 1) % s.batch_size == 0:
                self.change(s.regularization, s.regularization_rate, s.learning_rate)

    def loss(self, points: list[list[float]]) -> float:
        return sum((self.forward(x, y) - label) ** 2 / 2 for x, y, label in points) / len(points)


def some(points: Points, count: int) -> Points:
    """Few points, for loops in Python are slow."""
    return Points(points.train[:count].copy(), points.test[:count].copy(), points.classes)


def compare(settings: Settings, points: Points, epochs: int) -> tuple[Trainer, Original]:
    trainer = Trainer(settings, points)
    original = Original(settings, trainer.network.weights().tolist())
    train, test = points.train.tolist(), points.test.tolist()
    for epoch in range(epochs):
        assert trainer.epoch == epoch
        np.testing.assert_allclose(trainer.loss(), (original.loss(train), original.loss(test)), rtol=1e-9)
        trainer.train_epochs(1)
        original.epoch(train)
        assert trainer.updates == original.updates
    np.testing.assert_allclose(trainer.network.weights(), original.weights(), rtol=1e-8, atol=1e-11)
    return trainer, original


PENALTIES = {"none": 0.0, "L1": 0.05, "L2": 0.02}


@pytest.mark.parametrize("activation", FUNCTIONS)
@pytest.mark.parametrize("kind", PENALTIES)
@pytest.mark.parametrize("dataset", DATA)
def test_losses_of_every_epoch(dataset: str, kind: str, activation: str) -> None:
    """33 samples in batches of 7: five are carried into the next epoch."""
    settings = settings_of(
        dataset, regularization=kind, regularizationRate=PENALTIES[kind], activation=activation, batchSize=7
    )
    trainer, original = compare(settings, some(generate(settings), 33), epochs=20)
    assert original.carried
    dead = sum(link.dead for link in original.links())
    assert trainer.update.dead() == dead
    assert (dead > 0) == (kind == "L1")


def test_links_die_and_stay_dead() -> None:
    settings = settings_of("gauss", regularization="L1", regularizationRate=0.1, learningRate=0.1)
    trainer, original = compare(settings, some(generate(settings), 60), epochs=15)
    assert 0 < trainer.update.dead() < len(original.links())
    before = [link.dead for link in original.links()]
    trainer, later = compare(settings, some(generate(settings), 60), epochs=25)
    for was, link in zip(before, later.links(), strict=True):
        assert link.dead >= was
        assert link.weight == 0 or not link.dead


@pytest.mark.parametrize("batch", [1, 4, 10, 30, 31, 60, 61])
def test_batches_that_fill_an_epoch_or_do_not(batch: int) -> None:
    """Of 61 samples; from 31 on the carried rest is more than half of the first update."""
    settings = settings_of("spiral", batchSize=batch, learningRate=0.1)
    _, original = compare(settings, some(generate(settings), 61), epochs=6)
    assert original.carried == (61 % batch > 0)


def test_a_batch_beyond_all_samples_never_updates() -> None:
    settings = settings_of("circle", batchSize=62)
    points = some(generate(settings), 61)
    trainer, original = Trainer(settings, points), Original(settings, [0.0] * 25)
    for _ in range(3):
        original.epoch(points.train.tolist())
    assert original.updates == 0
    assert trainer.idle and trainer.train_epochs(3) == 0 and trainer.work(0.01).updates == 0


def test_all_features_and_layers() -> None:
    switched_on = dict.fromkeys(FEATURES, True)
    settings = settings_of(
        "spiral", networkShape=[8, 8, 8], regularization="L2", regularizationRate=0.003, **switched_on
    )
    compare(settings, some(generate(settings), 41), epochs=5)


def test_no_hidden_layers() -> None:
    compare(settings_of("xor", networkShape=[]), some(generate(settings_of("xor")), 41), epochs=5)


def test_zeros_at_the_start() -> None:
    settings = settings_of("gauss", initZero=True)
    trainer, _ = compare(settings, some(generate(settings), 45), epochs=5)
    assert trainer.start[0].tolist() == [0.0] * 25


# The command ---------------------------------------------------------------------------------------


def test_the_table_has_the_losses(capsys: pytest.CaptureFixture[str]) -> None:
    assert compatible.main(["--dataset", "circle", "reg-plane", "--epochs", "1"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert {(row["dataset"], row["regularization"], row["network"], row["batch"]) for row in rows} == {
        (dataset, kind, *network)
        for dataset in ("circle", "reg-plane")
        for kind in PENALTIES
        for network in (("2-4-2-1", "10"), ("2-8-8-1", "7"))
    }
    settings = settings_of(
        "circle", regularization="L1", regularizationRate=0.01, networkShape=[8, 8], batchSize=7
    )
    points = generate(settings)
    original = Original(settings, Trainer(settings, points).network.weights().tolist())
    of_these = [
        row for row in rows if (row["dataset"], row["regularization"], row["batch"]) == ("circle", "L1", "7")
    ]
    for epoch, row in enumerate(of_these):
        assert (int(row["epoch"]), int(row["updates"])) == (epoch, original.updates)
        assert math.isclose(float(row["train_loss"]), original.loss(points.train.tolist()), rel_tol=1e-10)
        assert math.isclose(float(row["test_loss"]), original.loss(points.test.tolist()), rel_tol=1e-10)
        original.epoch(points.train.tolist())
    assert len(of_these) == 2


def test_the_table_in_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "losses.csv"
    assert compatible.main(["--dataset", "moons", "--epochs", "2", "--output", str(file)]) == 0
    lines = file.read_text().splitlines()
    assert lines[0] == ",".join(compatible.COLUMNS) and len(lines) == 1 + 3 * 2 * 3
    assert capsys.readouterr().out == f"wrote {file}\n"
    with pytest.raises(SystemExit):
        compatible.main(["--epochs", "-1"])
    assert compatible.main(["--output", str(tmp_path / "none" / "losses.csv")]) == 2
