"""Our side: what peer.mjs answers, by the Trainer and the fields of the playground. One thread."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np

import autograd
from apps.playground.fields import FIELD, Fields, grid
from apps.playground.points import Points
from apps.playground.settings import Settings
from apps.playground.training import Trainer
from autograd import Tensor

Record = dict[str, Any]


def timed(seconds: float, run: Callable[[], object]) -> list[float]:
    taken, begun = [], perf_counter()
    while not taken or perf_counter() - begun < seconds:
        start = perf_counter()
        run()
        taken.append(perf_counter() - start)
    return taken


class Side:
    """Answers requests; `load` comes first."""

    def load(
        self, settings: Record, points: list[list[float]], epochs: int, check: int, **more: Any
    ) -> Record:
        table = np.array(points)
        self.trainer = Trainer(Settings.from_mapping(settings), Points(table, table[:0], 2))
        self.epochs = epochs
        losses = [self.trainer.loss()[0]]
        for _ in range(check):
            self.trainer.train_epochs(1)
            losses.append(self.trainer.loss()[0])
        drawn = Fields(self.trainer.network)
        self.draw, self.activations = drawn.draw, drawn.activations
        self.pixels = Tensor(self.trainer.network.inputs(grid(FIELD)))
        fields = np.concatenate([layer.data.T for layer in self.activations(self.pixels)])
        return {"losses": losses, "pixels": fields[:, ::997].tolist(), "version": autograd.__version__}

    def train(self, seconds: float) -> Record:
        def run() -> None:
            self.trainer.reset()
            self.trainer.train_epochs(self.epochs)

        return {"taken": timed(seconds, run), "loss": self.trainer.loss()[0]}

    def fields(self, seconds: float) -> Record:
        """Every neuron at every pixel of the page, in float64."""
        return {"taken": timed(seconds, lambda: self.activations(self.pixels))}

    def pictures(self, seconds: float) -> Record:
        """What a frame has of them: the output large, all neurons small, as bytes."""
        return {"taken": timed(seconds, self.draw)}


def main() -> None:
    autograd.set_num_threads(1)
    side = Side()
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(getattr(side, request.pop("do"))(**request)), flush=True)


if __name__ == "__main__":
    main()
