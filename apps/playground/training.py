"""Trainer: the original's schedule of batches, run through one jitted float64 step.

The points keep one order. After every `batchSize` of them the weights change by the mean gradient. What is
left of an epoch is carried over: the first update of the next one is the mean over the rest and a batch, all
at the same weights. (So an epoch is over, as far as weights go, with its last update.)
"""

from __future__ import annotations

import math
import time
from typing import Any, NamedTuple

import numpy as np

from apps.playground.divergence import Diverged, first_not_finite
from apps.playground.network import Network, flat
from apps.playground.points import Points
from apps.playground.programs import Update, gradients_of, losses_of, targets_of
from apps.playground.settings import Settings, effect
from autograd import Tensor

__all__ = ["Trainer", "Work"]

Array = np.ndarray[Any, Any]

FEW = 20  # updates that are quicker one by one: many in one C call take 0.15 ms to begin
FIRST_RATE = 5000.0  # updates a second, until measured


class Work(NamedTuple):
    """What a slice of training did."""

    updates: int
    samples: int
    seconds: float


class Trainer:
    """Trains the network of `settings` on `points`; the weights are those of `weightSeed` until it does.

    network      with the present weights
    updates      done so far; `epoch`, whole epochs of them
    last_update  what the last of them changed, flat (P,): weights after less weights before; zeros at first
    diverged     None, or where numbers stopped being finite: training stopped just before, at finite weights

    >>> from apps.playground.points import generate
    >>> settings = Settings()
    >>> trainer = Trainer(settings, generate(settings))
    >>> trainer.train_epochs(2), trainer.updates, trainer.epoch
    (50, 50, 2)
    """

    def __init__(self, settings: Settings, points: Points) -> None:
        self.settings, self.points = settings, points
        self.network = Network(settings, points.classes)
        self.update = Update(self.network, settings)
        self.losses, self.gradient = losses_of(self.update), gradients_of(self.update)
        table = np.concatenate([points.train, points.test])
        self.inputs = self.network.inputs(table)
        self.labels = table[:, 2]
        self.targets = targets_of(self.labels, settings.loss, points.classes)
        self.lay_out(len(points.train), settings.batch_size)
        count = len(points.train)
        self.all = Tensor(self.inputs), Tensor(self.targets)
        self.training = Tensor(self.inputs[:count]), Tensor(self.targets[:count])
        self.losses.prepare(*self.all)
        self.gradient.prepare(*self.training)
        self.prepared: set[str] = set()  # penalties whose update is captured
        self.rate = FIRST_RATE
        self.start = self.update.state()
        self.reset()
        self.change(settings)

    def lay_out(self, count: int, batch: int) -> None:
        """The samples of an epoch in the order in which updates take them, all updates of one size: with room
        for those that the first one has carried over. What fills the room elsewhere has no share."""
        self.updates_per_epoch, rest = divmod(count, batch)
        self.batch, self.size = batch, batch + rest
        rows = np.full((self.updates_per_epoch, self.size), -1)
        rows[:, :batch] = np.arange(self.updates_per_epoch * batch).reshape(-1, batch)
        share = np.where(rows < 0, 0.0, 1 / batch)
        opening = rows[:1].copy(), share[:1].copy()  # nothing is carried over into the first epoch
        rows[:1, batch:] = np.arange(count - rest, count)
        share[:1] = 1 / self.size
        self.opening = self.filled(*opening)
        self.table = self.filled(rows, share)
        self.last_cut: tuple[tuple[int, int], list[Array]] = ((0, 0), [])

    def cut(self, start: int, end: int) -> list[Array]:
        """The samples of some updates of an epoch. The last cut is kept: a loop over the same arrays begins
        sooner."""
        if self.last_cut[0] != (start, end):
            part = [x[start * self.size : end * self.size] for x in self.table]
            self.last_cut = (start, end), part
        return self.last_cut[1]

    def filled(self, rows: Array, share: Array) -> list[Array]:
        """Inputs, targets and shares of the rows, zeros for -1."""
        rows, share = rows.ravel(), share.ravel()
        inputs, targets = self.inputs[rows], self.targets[rows]
        inputs[rows < 0] = 0
        targets[rows < 0] = 0
        return [inputs, targets, share.reshape(targets.shape)]

    # Training --------------------------------------------------------------------------------------

    @property
    def epoch(self) -> int:
        """Whole epochs done."""
        return self.updates // self.updates_per_epoch if self.updates_per_epoch else 0

    @property
    def idle(self) -> bool:
        """Whether a batch is more than all points for training: then no update ever happens."""
        return not self.updates_per_epoch

    def train(self, updates: int) -> int:
        """Exactly so many updates; returns how many were done: fewer only if it diverges, or has, or is
        idle."""
        if self.idle or self.diverged is not None or updates < 1:
            return 0
        begun, state, changed = self.updates, self.update.state(), self.last_update
        lost = self.run(updates)
        if lost is not None:
            for place in range(lost, begun - 1, -1):  # again, until before it, where weights are finite
                self.updates, self.last_update = begun, changed
                self.update.restore(state)
                self.run(place - begun)
                if np.isfinite(self.network.weights()).all():
                    break
            self.diverged = self.reason(place)
        self.fresh = None
        return self.updates - begun

    def train_epochs(self, epochs: int) -> int:
        """To the end of the epoch that is so many further than the present one; returns updates done."""
        return self.train((self.epoch + epochs) * self.updates_per_epoch - self.updates)

    def work(self, seconds: float, epochs: int | None = None) -> Work:
        """Train for about so many seconds, or to the end of so many epochs if that comes first; to the end of
        an epoch where one is short. Less if it diverges or is idle."""
        start, begun = time.perf_counter(), self.updates
        end = math.inf if epochs is None else (self.epoch + epochs) * self.updates_per_epoch
        spent = 0.0
        while spent < 0.75 * seconds and self.updates < end:
            count = max(1, int((seconds - spent) * self.rate))
            if count >= self.updates_per_epoch > 0:
                count -= (self.updates + count) % self.updates_per_epoch
            done = self.train(int(min(count, end - self.updates)))
            if not done:
                break
            now = time.perf_counter() - start
            self.rate = min(done / (now - spent), 4 * self.rate)  # the first one is slow; none is surprised
            spent = now
        samples = self.samples(self.updates) - self.samples(begun)
        return Work(self.updates - begun, samples, time.perf_counter() - start)

    def samples(self, updates: int) -> int:
        """How many samples so many updates take in."""
        if self.idle or not updates:
            return 0
        carried = (updates - 1) // self.updates_per_epoch  # first updates of an epoch, but the very first
        return updates * self.batch + carried * (self.size - self.batch)

    def run(self, updates: int) -> int | None:
        """So many updates. If not all is finite, the first update of which the loss wasn't, or that would be
        of weights that aren't."""
        lost = self.replay(updates - 1)
        if updates < 1 or lost is not None:
            return lost
        before = self.network.weights()
        lost = self.replay(1)
        after = self.network.weights()
        with np.errstate(over="ignore", invalid="ignore"):
            self.last_update = after - before
        return self.updates if lost is None and not np.isfinite(after).all() else lost

    def replay(self, updates: int) -> int | None:
        """So many updates, unwatched. The first one whose loss isn't finite, if there is one."""
        step = self.step()
        k = self.updates_per_epoch
        while updates > 0:
            place = self.updates % k
            whole = updates // k if place == 0 and self.updates else 0
            count = whole * k or min(updates, 1 if self.updates == 0 else k - place)
            data = self.table if self.updates else self.opening
            first = place * self.size
            if count > FEW:
                part = data if whole else self.cut(place, place + count)
                losses = step.loop(part, batch_size=self.size, epochs=max(whole, 1)).data
            else:
                losses = np.empty(count)
                for i in range(count):
                    at = (first + i * self.size) % len(data[2])
                    losses[i] = step(*[Tensor(x[at : at + self.size]) for x in data]).data
            if not np.isfinite(losses.sum()) and not np.isfinite(losses).all():
                return self.updates + int(np.argmin(np.isfinite(losses)))
            self.updates += count
            updates -= count
        return None

    def step(self) -> Any:
        """The program of an update, captured: all updates are replays, and so the same ones give the same."""
        kind = self.settings.regularization
        step = self.update.steps[kind]
        if kind not in self.prepared:
            step.prepare(*[Tensor(x) for x in self.opening])
            self.prepared.add(kind)
        return step

    def reason(self, lost: int) -> Diverged:
        """What isn't finite in the update `lost`, at the weights before it."""
        data = self.table if lost else self.opening
        first = lost % self.updates_per_epoch * self.size
        batch = [Tensor(x[first : first + self.size]) for x in data]
        return first_not_finite(self.update, self.settings.regularization, batch, self.epoch)

    def reset(self) -> None:
        """Back to the very same start: its weights, memories of the optimiser, dead links alive."""
        self.update.restore(self.start)
        self.updates = 0
        self.last_update = np.zeros(self.network.count)
        self.touched()

    # While it trains -------------------------------------------------------------------------------

    def change(self, settings: Settings) -> None:
        """Go on with other rates, or another of none and L2; ValueError for what needs a new trainer."""
        if effect(self.settings, settings) not in ("none", "live"):
            raise ValueError("change: these settings ask for a new start")
        self.settings = settings
        self.update.set_rates(settings.learning_rate, settings.regularization_rate)
        self.diverged = None

    def set_weight(self, layer: int, to: int, source: int, value: float) -> None:
        """A weight by hand (Network.set_weight): it counts at once, and a dead one is alive again."""
        self.network.set_weight(layer, to, source, value)
        self.update.alive[layer][to, source] = 1.0
        self.touched()

    def set_bias(self, layer: int, neuron: int, value: float) -> None:
        """A bias by hand (Network.set_bias)."""
        self.network.set_bias(layer, neuron, value)
        self.touched()

    def touched(self) -> None:
        """The weights are others, and not by training."""
        self.diverged: Diverged | None = None
        self.fresh: tuple[Array, Array] | None = None

    # What is shown ---------------------------------------------------------------------------------

    def evaluated(self) -> tuple[Array, Array]:
        """Losses (n + m,) and outputs (n + m, outputs) of all points, at the present weights."""
        if self.fresh is None:
            losses, outputs = self.losses(*self.all)
            self.fresh = losses.data.ravel(), outputs.data
        return self.fresh

    def parts(self, values: Array) -> tuple[Array, Array]:
        """Those of training, those of testing."""
        count = len(self.points.train)
        return values[:count], values[count:]

    def loss(self) -> tuple[float, float]:
        """The mean losses of the points for training and testing, without penalties; NaN without points."""
        train, test = self.parts(self.evaluated()[0])
        with np.errstate(over="ignore", invalid="ignore"):
            return float(train.mean()), float(test.mean()) if len(test) else math.nan

    def metrics(self) -> tuple[float | None, float | None]:
        """Accuracy, or R^2 of a regression, for training and testing. None where it says nothing: without
        points or finite outputs; R^2 of points of one label."""
        pairs = zip(self.parts(self.labels), self.parts(self.evaluated()[1]), strict=True)
        train, test = [self.metric(labels, outputs) for labels, outputs in pairs]
        return train, test

    def metric(self, labels: Array, outputs: Array) -> float | None:
        if len(labels) == 0 or not np.isfinite(outputs).all():
            return None
        if self.settings.regression:
            spread = float(((labels - labels.mean()) ** 2).sum())
            with np.errstate(over="ignore", invalid="ignore"):
                off = float(((labels - outputs[:, 0]) ** 2).sum())
            return 1 - off / spread if spread and math.isfinite(off) else None
        if outputs.shape[1] > 1:
            said = outputs.argmax(1)
            right = said == (labels if self.points.classes > 2 else (labels + 1) / 2)
        else:
            middle = 0.5 if self.network.output == "sigmoid" else 0.0
            right = (outputs[:, 0] >= middle) == (labels > 0)
        return float(right.mean())

    def gradients(self) -> Array:
        """d(mean loss of all points for training)/d(each weight and bias), flat (P,) as network.weights()."""
        return flat(g.data for g in self.gradient(*self.training))
