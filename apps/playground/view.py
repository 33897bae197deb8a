"""What a page is shown of its session: the state in JSON, the frames in bytes, and how it chose to look."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from apps.playground import protocol

if TYPE_CHECKING:
    from apps.playground.session import Session

__all__ = ["View", "finite", "frame_of", "state_of"]


@dataclass
class View:
    """How a page looks at its session.

    shown                  [layer, neuron] whose field is drawn large; None: the outputs
    gradients              whether frames hold gradients and last updates
    visible                whether the page can be seen; if not, training rests
    stop_loss, stop_epoch  at which training stops; None: never
    """

    shown: list[int] | None = None
    gradients: bool = False
    visible: bool = True
    stop_loss: float | None = None
    stop_epoch: int | None = None

    def change(self, message: dict[str, Any]) -> None:
        """By what a message of the type "view" holds."""
        for key in ("shown", "gradients", "visible"):
            if key in message:
                setattr(self, key, message[key])
        for key, value in message.get("stop", {}).items():
            setattr(self, "stop_" + key, value)

    def stops(self, epoch: int, losses: Callable[[], tuple[float | None, float | None]]) -> str:
        """Why training stops at the end of this epoch: "epoch", "loss" (of the test points, or where there
        are none of the training points), or "": it does not."""
        if self.stop_epoch == epoch:
            return "epoch"
        if self.stop_loss is not None:
            train, test = losses()
            loss = train if test is None else test
            if loss is not None and loss <= self.stop_loss:
                return "loss"
        return ""


def state_of(session: Session) -> dict[str, Any]:
    """The message "state"."""
    trainer, network, points = session.trainer, session.trainer.network, session.trainer.points
    return {
        "type": "state",
        "generation": session.generation,
        "settings": session.settings.to_mapping(),
        "compatible": session.settings.compatible,
        "network": {
            "features": list(network.features),
            "layers": list(network.sizes),
            "activation": network.activation,
            "output": network.output,
        },
        "classes": points.classes,
        "points": {"train": points.train.tolist(), "test": points.test.tolist()},
        "own": session.rows if session.settings.data == "own" else None,
        "history": session.history.all(session.row()),
        "running": session.running,
        "epoch": trainer.epoch,
    }


def frame_of(session: Session) -> bytes:
    """The frame of this moment, as the page's protocol has it."""
    trainer, view = session.trainer, session.view
    (train, test), (train_metric, test_metric) = trainer.loss(), trainer.metrics()
    field, thumbnails = session.fields.draw(view.shown)
    blocks: dict[str, np.ndarray[Any, Any]] = {
        "field": field,
        "thumbnails": thumbnails,
        "weights": trainer.network.weights(),
    }
    if view.gradients:
        blocks |= {"gradients": trainer.gradients(), "updates": trainer.last_update}
    header = {
        "frame": session.frames,
        "generation": session.generation,
        "epoch": trainer.epoch,
        "updates": trainer.updates,
        "running": session.running,
        "train_loss": finite(train),
        "test_loss": finite(test),
        "train_metric": finite(train_metric),
        "test_metric": finite(test_metric),
        "rate": session.rate.now() if session.training() else 0,
        "shown": view.shown,
        "history": session.history.news(),
    }
    return protocol.encode_frame(header, blocks)


def finite(value: float | None) -> float | None:
    """JSON has no NaN and no infinity."""
    return value if value is not None and math.isfinite(value) else None
