"""Settings: all that decides a training, in one frozen object, and what each setting may be.

A setting has one name: in JSON and URLs as the page's users know it (learningRate), in Python in the spelling
of Python (learning_rate).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from apps.playground.errors import Refused

__all__ = [
    "CLASSES", "DATASETS", "FEATURES", "KEYS", "MOST_LAYERS", "MOST_NEURONS", "MOST_POINTS", "OPTIMIZERS",
    "RULES", "Settings", "effect", "is_number",
]  # fmt: skip

MOST_LAYERS, MOST_NEURONS, MOST_POINTS = 8, 32, 5000
SEEDS = 2**32

FEATURES = ("x", "y", "xSquared", "ySquared", "xTimesY", "sinX", "sinY")  # in this order as inputs
ACTIVATIONS = ("tanh", "relu", "sigmoid", "linear")
REGULARIZATIONS = ("none", "L1", "L2")
PROBLEMS = ("classification", "regression")
CLASSES = {"circle": 2, "xor": 2, "gauss": 2, "spiral": 2, "moons": 2, "rings": 2, "blobs3": 3, "spiral3": 3}
DATASETS = (*CLASSES, "own")
REGRESSION_DATASETS = ("reg-plane", "reg-gauss", "own")
OPTIMIZERS = ("sgd", "momentum", "nesterov", "rmsprop", "adam")
LOSSES = ("squared", "bce", "cross_entropy")

Check = Callable[[Any], Any]


@dataclass(frozen=True)
class Rule:
    """What a setting may be: `check` returns the value as Settings keeps it, or raises; `allowed` says it in
    English."""

    allowed: str
    check: Check

    def __call__(self, key: str, value: Any) -> Any:
        try:
            return self.check(value)
        except (TypeError, ValueError, OverflowError):
            raise Refused("setting_value", key=key, value=value, allowed=self.allowed) from None


def is_number(value: Any, most: float = math.inf) -> bool:
    """JSON's numbers, from -most to most. Booleans are none, though Python counts with them; nor is NaN."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= most


def real(least: float, most: float, above: bool = False) -> Rule:
    def check(value: Any) -> float:
        if not is_number(value) or not (least < value if above else least <= value) or value > most:
            raise ValueError
        return float(value)

    return Rule(
        f"a number {'above' if above else 'from'} {least:g} {'up ' if above else ''}to {most:g}", check
    )


def whole(least: int, most: int) -> Rule:
    """5.0 is a whole number too: JSON knows one kind of number."""

    def check(value: Any) -> int:
        if not is_number(value) or value != int(value) or not least <= value <= most:
            raise ValueError
        return int(value)

    return Rule(f"a whole number from {least} to {most}", check)


def seed() -> Rule:
    """The original's seeds are fractions of five digits, 0.12345: they become 12345."""
    number = whole(0, SEEDS - 1)

    def check(value: Any) -> Any:
        return number.check(round(value * 1e5) if is_number(value) and 0 < value < 1 else value)

    return Rule(number.allowed, check)


def one_of(*choices: str) -> Rule:
    def check(value: Any) -> str:
        if not isinstance(value, str) or value not in choices:
            raise ValueError
        return value

    return Rule("one of " + ", ".join(choices), check)


def true_or_false(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def shape(value: Any) -> tuple[int, ...]:
    if not isinstance(value, list | tuple) or len(value) > MOST_LAYERS:
        raise ValueError
    neurons = whole(1, MOST_NEURONS)
    return tuple(neurons.check(n) for n in value)


SWITCH = Rule("true or false", true_or_false)
RULES = {
    "learningRate": real(0, 100, above=True),
    "regularizationRate": real(0, 100),
    "activation": one_of(*ACTIVATIONS),
    "regularization": one_of(*REGULARIZATIONS),
    "problem": one_of(*PROBLEMS),
    "dataset": one_of(*DATASETS),
    "regDataset": one_of(*REGRESSION_DATASETS),
    "percTrainData": whole(10, 90),
    "noise": whole(0, 50),
    "batchSize": whole(1, MOST_POINTS),
    "networkShape": Rule(f"a list of 0 to {MOST_LAYERS} whole numbers from 1 to {MOST_NEURONS}", shape),
    **dict.fromkeys(FEATURES, SWITCH),
    "seed": seed(),
    "weightSeed": whole(0, SEEDS - 1),
    "initZero": SWITCH,
    "optimizer": one_of(*OPTIMIZERS),
    "loss": one_of(*LOSSES),
}


@dataclass(frozen=True)
class Settings:
    """All that decides a training; made by `Settings()` (the defaults) and `Settings.from_mapping`.

    >>> settings = Settings.from_mapping({"noise": 20, "networkShape": [8, 8]})
    >>> settings.noise, settings.network_shape, settings.learning_rate
    (20, (8, 8), 0.03)
    >>> settings.features
    ('x', 'y')
    """

    learning_rate: float = 0.03
    regularization_rate: float = 0.0
    activation: str = "tanh"
    regularization: str = "none"
    problem: str = "classification"
    dataset: str = "circle"
    reg_dataset: str = "reg-plane"
    perc_train_data: int = 50
    noise: int = 0
    batch_size: int = 10
    network_shape: tuple[int, ...] = (4, 2)
    x: bool = True
    y: bool = True
    x_squared: bool = False
    y_squared: bool = False
    x_times_y: bool = False
    sin_x: bool = False
    sin_y: bool = False
    seed: int = 1
    weight_seed: int = 1
    init_zero: bool = False
    optimizer: str = "sgd"
    loss: str = "squared"

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any], base: Settings | None = None) -> Settings:
        """`base` (the defaults) with the settings of `mapping`, each checked, and then how they go together.

        Refused, and nothing changed: `setting_unknown`, `setting_value`, `features_none`, `loss_needs`.
        Numbers are JSON's: 5.0 is whole; texts, booleans, NaN and infinity are no numbers.
        """
        changes = {}
        for key, value in mapping.items():
            if key not in RULES:
                raise Refused("setting_unknown", key=key)
            changes[KEYS[key]] = RULES[key](key, value)
        settings = replace(base or cls(), **changes)
        if not settings.features:
            raise Refused("features_none")
        settings.refuse_loss(CLASSES.get(settings.data))
        return settings

    def to_mapping(self) -> dict[str, Any]:
        """All settings by their keys, as JSON has them: from_mapping(to_mapping()) is the same settings."""
        values = {key: getattr(self, name) for key, name in KEYS.items()}
        return {**values, "networkShape": list(self.network_shape)}

    def refuse_loss(self, classes: int | None) -> None:
        """Refused (`loss_needs`) if the loss can't learn so many classes (None: not known yet)."""
        needs = ""
        if self.regression:
            needs = "squared"
        elif classes is not None and classes > 2:
            needs = "cross_entropy"
        if needs not in ("", self.loss):
            raise Refused("loss_needs", loss=self.loss, data=self.data, needs=needs)

    @property
    def regression(self) -> bool:
        return self.problem == "regression"

    @property
    def data(self) -> str:
        """The name of the data set that the problem chooses."""
        return self.reg_dataset if self.regression else self.dataset

    @property
    def features(self) -> tuple[str, ...]:
        """The features switched on, in the order in which the network has them."""
        return tuple(key for key in FEATURES if getattr(self, KEYS[key]))

    @property
    def compatible(self) -> bool:
        """Whether training follows the original to the letter: its loss and its optimiser."""
        return self.loss == "squared" and self.optimizer == "sgd"


def snake(key: str) -> str:
    return re.sub("[A-Z]", lambda found: "_" + found[0].lower(), key)


KEYS = {key: snake(key) for key in RULES}  # learningRate: learning_rate
assert set(KEYS.values()) == {field.name for field in fields(Settings)}


def effect(before: Settings, after: Settings) -> str:
    """What a change asks for: "data" (other points, and a new start), "reset" (a new start), "live" (training
    goes on with other numbers), or "none"."""
    if data_of(before) != data_of(after):
        return "data"
    if start_of(before) != start_of(after):
        return "reset"
    return "none" if before == after else "live"


def data_of(settings: Settings) -> tuple[Any, ...]:
    return settings.problem, settings.data, settings.perc_train_data, settings.noise, settings.seed


def start_of(s: Settings) -> tuple[Any, ...]:
    """With L1 links die, for good; so it starts anew, and so does what comes after it."""
    penalty = s.regularization == "L1"
    network = s.activation, s.network_shape, s.features, s.weight_seed, s.init_zero
    return *network, penalty, s.batch_size, s.optimizer, s.loss
