"""A Python program on this library that rebuilds a network, prints its losses, and goes on training it.

The program is put together from the lines below, from names that stand in this house, and from numbers. No
text that a visitor sent becomes part of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from apps.playground.network import FEATURE
from apps.playground.training import Trainer

__all__ = ["python"]

WIDTH = 100  # of the program's lines

ACTIVATIONS = {"tanh": " nn.Tanh(),", "relu": " nn.ReLU(),", "sigmoid": " nn.Sigmoid(),", "linear": ""}
OPTIMIZERS = {
    "sgd": "optim.SGD(model.parameters(), lr=LEARNING_RATE)",
    "momentum": "optim.SGD(model.parameters(), lr=LEARNING_RATE, momentum=0.9)",
    "nesterov": "optim.SGD(model.parameters(), lr=LEARNING_RATE, momentum=0.9, nesterov=True)",
    "rmsprop": "optim.RMSprop(model.parameters(), lr=LEARNING_RATE)",
    "adam": "optim.Adam(model.parameters(), lr=LEARNING_RATE)",
}
IMPORTS = """import argparse

import numpy as np

import autograd
import nn
FUNCTIONALfrom nn import optim
"""
LOSSES = {
    "squared": '''
def targets(points):
    return autograd.tensor(points[:, 2:])  # (N, 1): the label itself


def loss_of(outputs, targets):
    """Half the square of the error, the mean over the points."""
    return ((outputs - targets) ** 2 / 2).mean()
''',
    "bce": '''
def targets(points):
    return autograd.tensor((points[:, 2:] > 0) * 1.0)  # (N, 1): 1 for the label 1, 0 for the label -1


def loss_of(outputs, targets):
    """-log of the probability sigmoid(output) that the right class is given, the mean over the points."""
    return F.binary_cross_entropy_with_logits(outputs, targets)
''',
    "cross_entropy": '''
def targets(points):
    return autograd.tensor(np.maximum(points[:, 2], 0).astype(np.int64))  # (N,): the number of the class


def loss_of(outputs, targets):
    """-log of the probability softmax(outputs) that the right class is given, the mean over the points."""
    return F.cross_entropy(outputs, targets)
''',
}
METRICS = {
    "regression": '''
def metric(outputs, points):
    """R^2: the share of the labels' variance that the network explains; 1 is best."""
    labels = points[:, 2]
    spread = ((labels - labels.mean()) ** 2).sum()
    return 1 - ((labels - outputs[:, 0]) ** 2).sum() / spread if spread else float("nan")
''',
    "two": '''
def metric(outputs, points):
    """Accuracy: the share of the points on the right side."""
    return ((outputs[:, 0] >= 0) == (points[:, 2] > 0)).mean()
''',
    "many": '''
def metric(outputs, points):
    """Accuracy: the share of the points whose largest output is that of their class."""
    return (outputs.argmax(1) == np.maximum(points[:, 2], 0)).mean()
''',
}
UPDATES = {
    "none": """
def update(batch):
    optimizer.zero_grad()
    loss_of(model(inputs(batch)), targets(batch)).backward()
    optimizer.step()
""",
    "L2": """
def update(batch):
    optimizer.zero_grad()
    loss_of(model(inputs(batch)), targets(batch)).backward()
    with autograd.no_grad():
        pulls = [LEARNING_RATE * PENALTY * w for w in weights]  # L2: towards 0, in proportion
    optimizer.step()
    with autograd.no_grad():
        for w, pull in zip(weights, pulls):
            w.sub_(pull)
""",
    "L1": """
def update(batch):
    optimizer.zero_grad()
    loss_of(model(inputs(batch)), targets(batch)).backward()
    pulls = [LEARNING_RATE * PENALTY * autograd.sign(w.detach()) for w in weights]  # L1: towards 0, evenly
    optimizer.step()
    with autograd.no_grad():
        for w, pull, alive in zip(weights, pulls, links):
            moved = w - pull
            alive[w.data * moved.data < 0] = False  # pulled across 0: dead from now on
            w.copy_(autograd.where(alive, moved, 0.0))
""",
}
TRAINING = '''
def train(epochs):
    """The points in their order, an update every BATCH of them; the next epoch begins with what is left."""
    batch, first = list(CARRIED), FIRST
    for _ in range(epochs):
        for i in range(first, len(TRAIN)):
            batch.append(i)
            if (i + 1) % BATCH == 0:
                update(TRAIN[batch])
                batch = []
        first = 0


def report():
    for name, points in {"training": TRAIN, "test": TEST}.items():
        if len(points):
            with autograd.no_grad():
                outputs = model(inputs(points))
                loss = loss_of(outputs, targets(points)).item()
            print(f"{name:8}  loss {loss:.17g}  METRIC {metric(outputs.numpy(), points):.6f}")
'''
MAIN = """
if __name__ == "__main__":
    flags = argparse.ArgumentParser(description="A network from the playground of kernelgrad.")
    flags.add_argument("--train", type=int, default=0, metavar="N", help="train N epochs more")
    epochs = flags.parse_args().train
    report()
    if epochs > 0:
        train(epochs)
        print(f"after {epochs} more epochs")
        report()
"""


def python(trainer: Trainer) -> str:
    """A program that builds the network with its present weights and prints losses and metrics of its points;
    with --train N it goes on training by the same updates (the optimiser's memory begins anew)."""
    s, network = trainer.settings, trainer.network
    count = len(trainer.points.train)
    rest = count % s.batch_size
    place = trainer.updates % trainer.updates_per_epoch if trainer.updates_per_epoch else 0
    carried = bool(trainer.updates and place == 0)
    kind = "regression" if s.regression else "many" if s.loss == "cross_entropy" else "two"
    settings = [
        f"LEARNING_RATE = {s.learning_rate!r}",
        f"BATCH = {s.batch_size}",
        *([f"PENALTY = {s.regularization_rate!r}"] if s.regularization != "none" else []),
        f"FIRST = {place * s.batch_size}  # the point with which training goes on",
        f"CARRIED = range({count - rest if carried else count}, {count})  # points that wait for an update",
    ]
    parts = [
        heading(trainer),
        IMPORTS.replace("FUNCTIONAL", "" if s.loss == "squared" else "from nn import functional as F\n"),
        "\n".join(settings) + "\n",
        inputs(network.features),
        model(trainer),
        *([WEIGHTS] if s.regularization != "none" else []),
        *([links(trainer)] if s.regularization == "L1" else []),
        f"optimizer = {OPTIMIZERS[s.optimizer]}\n",
        LOSSES[s.loss], METRICS[kind], UPDATES[s.regularization],
        TRAINING.replace("METRIC", "R^2" if s.regression else "accuracy"),
        numbers(trainer),
        MAIN,
    ]  # fmt: skip
    return "\n".join(parts)


def heading(trainer: Trainer) -> str:
    s, network = trainer.settings, trainer.network
    shape = "-".join(map(str, (len(network.features), *network.sizes)))
    train, test = trainer.loss()
    return f'''"""A {shape} network of the playground, {s.activation}, after {trainer.epoch} epochs.

    python playground.py               losses, as the playground showed them
    python playground.py --train 50    ... and fifty epochs later

Shown were: training loss {train!r}, test loss {test!r}.
It needs kernelgrad: run it in a checkout, or where that is installed.
"""
'''


def inputs(features: Iterable[str]) -> str:
    formulas = ", ".join(FEATURE[key].formula.replace("sin(", "np.sin(") for key in features)
    return f'''
def inputs(points):
    """What the network is told of each point: (N, inputs)."""
    x, y = points[:, 0], points[:, 1]
    return autograd.tensor(np.column_stack([{formulas}]))

'''


def model(trainer: Trainer) -> str:
    """The layers in a row. Sigmoid and softmax are inside their losses."""
    network, lines = trainer.network, []
    sizes = (len(network.features), *network.sizes)
    for k, (before, neurons) in enumerate(zip(sizes, sizes[1:], strict=False), 1):
        last = k == len(network.sizes)
        activation = network.activation
        if last:
            activation = "tanh" if network.output == "tanh" else "linear"
        lines.append(f'    nn.Linear({before}, {neurons}, dtype="float64"),{ACTIVATIONS[activation]}')
    return "\n".join(["model = nn.Sequential(", *lines, ")"])


WEIGHTS = "weights = [p for p in model.parameters() if p.ndim == 2]  # of all layers, without the biases"


def links(trainer: Trainer) -> str:
    """Which links L1 has not killed."""
    alive = [f"    np.array({array(one.data.astype(int), '    ')}, bool)," for one in trainer.update.alive]
    return "\n".join(["links = [  # of each layer; 0: dead, for good", *alive, "]"])


def numbers(trainer: Trainer) -> str:
    """Weights and points, in full precision."""
    network, points = trainer.network, trainer.points
    parts = network.parts(network.weights())
    layers = zip(range(1, len(network.sizes) + 1), parts[::2], parts[1::2], strict=True)
    blocks = [
        f"    # layer {k}: weights, biases\n    {array(w, '    ')},\n    {array(b, '    ')},"
        for k, w, b in layers
    ]
    return "\n".join([
        "", "# The weights, as they were: a row for each neuron " + "-" * 40, "",
        "PARAMETERS = [", *blocks, "]", "with autograd.no_grad():",
        "    for parameter, values in zip(model.parameters(), PARAMETERS):",
        '        parameter.copy_(autograd.tensor(values, dtype="float64"))',
        "", "# The points: x, y, label " + "-" * 65, "",
        f"TRAIN = np.array({array(points.train)})",
        f"TEST = np.array({array(points.test)}).reshape(-1, 3)", "",
    ])  # fmt: skip


def array(values: np.ndarray[Any, Any], margin: str = "") -> str:
    """A list (of lists) of numbers that read back exactly, in lines of bounded length; `margin` stands before
    each but the first."""
    inner = margin + "    "
    items = [array(row, inner) if row.ndim else repr(row.item()) for row in values]
    line = f"[{', '.join(items)}]"
    if "\n" not in line and len(margin + line) <= WIDTH:
        return line
    lines = [""]
    for item in items:
        if "\n" in lines[-1] + item or len(inner + lines[-1] + item) > WIDTH:
            lines.append("")
        lines[-1] += item + ", "
    return "\n".join(["[", *(inner + line.rstrip() for line in lines if line), margin + "]"])
