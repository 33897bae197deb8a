"""The course of a training: which batch of which epoch it is at, and how it gets back there.

What a trainer of any kind shares with the others: epochs over a loader whose order can be drawn again, the
states of the random generators, Ctrl-C that finishes the batch, a mark that tells its checkpoints from those
of another family, and programs that change nothing while they are captured. A run that was interrupted and
resumed ends with the same bits as one that was not.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

import numpy as np

import autograd
from autograd import Tensor
from autograd.ops.random import Generator, default_generator
from nn.module import Module
from nn.serialize import load

__all__ = ["Captured", "Course", "History", "evaluating", "finite", "interruptible"]

History = list[dict[str, Any]]
Start = tuple[np.ndarray, np.ndarray | None]


class Course:
    """The base of trainers. A subclass writes `FORMAT`, `save` and its loop over `batches(loader)`, in which
    it counts `batch` up, and `epoch` at the end of each; its checkpoints hold `place()`.

    checkpoint  a path to save to, or None
    history     a list with a dict for each epoch (or whatever the trainer notes)
    """

    # Callbacks are no part of an update. Here a program, which depends on all that the attributes in __dict__
    # reach, does not find them: they may set learning rates.
    __slots__ = ("__dict__", "on_batch", "on_epoch")

    FORMAT = "kernelgrad course 1"  # the mark of its checkpoints

    def __init__(self, checkpoint: str | os.PathLike[str] | None = None) -> None:
        self.checkpoint = checkpoint
        self.history: History = []
        # Where the run is: `epoch` epochs are done, and `batch` batches of the next one.
        self.epoch = 0
        self.batch = 0
        # The loader's own generator, if it has one; the states of the default generator and of that one at
        # the beginning of the present epoch.
        self.source: Generator | None = None
        self.epoch_start: Start | None = None
        # Between leaving an epoch (or load()) and going on: the state of the default generator then.
        self.pending: np.ndarray | None = None

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a checkpoint (safetensors)."""
        raise NotImplementedError(f"{type(self).__name__} must define save")

    # Epochs --------------------------------------------------------------------------------------

    def batches(self, loader: Any) -> Iterator[Any]:
        """The batches of the present epoch that are still to come."""
        own = getattr(loader, "generator", None)
        self.source = None if own is default_generator else own
        resumed, self.pending = self.pending, None
        if resumed is not None and self.epoch_start is not None:
            # The epoch begins as it did then: the loader draws the same order.
            default_generator.set_state(self.epoch_start[0])
            if self.source is not None and self.epoch_start[1] is not None:
                self.source.set_state(self.epoch_start[1])
        self.epoch_start = self.generators()
        batches = iter(loader)
        if resumed is not None and self.batch:
            for _ in range(self.batch):
                next(batches, None)
            default_generator.set_state(resumed)
        yield from batches

    def generators(self) -> Start:
        return default_generator.get_state(), None if self.source is None else self.source.get_state()

    def pause(self) -> None:
        """Leave the present epoch; the next batches() go on in its middle."""
        if self.batch:
            self.pending = default_generator.get_state()

    def stopped(self, epochs: int | None = None) -> str:
        """Save, for the user asked to stop; what to tell them."""
        goal = "" if epochs is None else f"/{epochs}"
        where = f"stopped in epoch {self.epoch + 1}{goal} after {self.batch} batches"
        self.pause()
        if self.checkpoint is None:
            return where + "; no checkpoint was asked for, so nothing was saved"
        self.save(self.checkpoint)
        return where + f"; saved {os.fspath(self.checkpoint)}, from which the run can be resumed"

    # Checkpoints ---------------------------------------------------------------------------------

    def place(self) -> dict[str, Any]:
        """Where the run is, as part of a checkpoint."""
        return {
            "format": self.FORMAT,
            "epoch": self.epoch,
            "batch": self.batch,
            "generator": default_generator.get_state(),
            # (None after updates that were no part of an epoch: step() alone)
            "epoch_start": (self.batch and self.epoch_start) or self.generators(),
            "history": self.history,
        }

    def go_to(self, state: dict[str, Any]) -> None:
        """Be where place() was called; the next batches() go on there."""
        self.epoch, self.batch, self.history = state["epoch"], state["batch"], state["history"]
        self.pending = state["generator"].data
        default_generator.set_state(state["generator"].data)
        default, own = state["epoch_start"]
        self.epoch_start = default.data, None if own is None else own.data

    def read(self, path: str | os.PathLike[str]) -> dict[str, Any]:
        """A checkpoint of this kind of trainer; a ValueError says what another file is."""
        state = load(path)
        if not isinstance(state, dict) or state.get("format") != self.FORMAT:
            mark = state.get("format") if isinstance(state, dict) else None
            known = isinstance(mark, str) and f"it is one of {mark!r}" or "it is none at all"
            raise ValueError(
                f"{os.fspath(path)}: not a checkpoint of a {type(self).__name__} "
                f"(it has no {self.FORMAT!r} mark; {known})"
            )
        return state


class Captured:
    """The method `update` as programs, one for each shape and type of arguments. Each is captured without
    effect, so that every update is a replay, the first one too. They are of what the attributes `settings`
    of the method's object are; once one is set to something else, new ones are captured."""

    def __init__(self, update: Any, *settings: str) -> None:
        self.update = update
        self.settings = settings
        self.begin()

    def begin(self) -> None:
        """Forget all programs."""
        self.program = autograd.jit(self.update)
        self.prepared: set[Any] = set()
        self.made_with = self.present()

    def present(self) -> list[Any]:
        return [getattr(self.update.__self__, name) for name in self.settings]

    def __call__(self, *batch: Any) -> Any:
        if self.present() != self.made_with:
            self.begin()
        key = tuple((x.shape, x.dtype) for x in batch)
        if key not in self.prepared:
            self.program.prepare(*batch)
            self.prepared.add(key)
        return self.program(*batch)


def finite(x: Any) -> bool:
    return not isinstance(x, Tensor) or bool(np.isfinite(x.data).all())


@contextlib.contextmanager
def evaluating(model: Module) -> Iterator[None]:
    """Within the block `model` is in evaluation mode; behind it each part is in its own again."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


@contextlib.contextmanager
def interruptible() -> Iterator[threading.Event]:
    """Within the block the first Ctrl-C only sets the event; the second is a KeyboardInterrupt."""
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event  # only the main thread may handle signals
        return

    def handle(number: int, frame: FrameType | None) -> None:
        event.set()
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield event
    finally:
        signal.signal(signal.SIGINT, before)
