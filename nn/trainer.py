"""Trainer: the loop of training, with progress, history, checkpoints, and resuming exactly.

A checkpoint holds all that the rest of the run depends on: the model, the optimiser, the schedule, the
history, the state of the random generators, and how far into which epoch the run is. A run that was
interrupted and resumed ends with the same bits as one that was not.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from autograd.ops.finite import require_finite
from autograd.tape import no_grad
from nn.course import Captured, Course, History, evaluating, finite, interruptible
from nn.module import Module
from nn.optim.lr_scheduler import LRScheduler, OneCycleLR, ReduceLROnPlateau
from nn.optim.optimizer import Optimizer
from nn.optim.swa_utils import AveragedModel
from nn.progress import Progress
from nn.serialize import save
from nn.utils import clip_grad_norm_

__all__ = ["Trainer"]

SETTINGS = ("model", "loss", "optimizer", "scheduler", "clip_norm", "average")  # of an update


@dataclass
class Sums:
    """What an epoch has added up so far. `labelled` counts samples that could be right or wrong."""

    loss: float = 0.0
    right: int = 0
    labelled: int = 0
    samples: int = 0
    seconds: float = 0.0

    def add(self, loss: float, output: Any, target: Any) -> None:
        """Take in one batch."""
        count = len(target)
        self.loss += loss * count
        self.samples += count
        if scored(output, target):
            self.right += int((output.data.argmax(1) == target.data).sum())
            self.labelled += target.data.size

    @property
    def rate(self) -> float:
        """Samples per second."""
        return self.samples / max(self.seconds, 1e-9)

    def numbers(self, prefix: str = "") -> dict[str, float]:
        found = {f"{prefix}loss": self.loss / self.samples if self.samples else math.nan}
        if self.labelled:
            found[f"{prefix}accuracy"] = self.right / self.labelled
        return found


def scored(output: Any, target: Any) -> bool:
    """Integer labels against one score a class: what accuracy means is clear."""
    return bool(
        target.dtype.kind in "iu" and hasattr(output, "shape") and len(output.shape) == len(target.shape) + 1
    )


class Trainer(Course):
    """Trains `model` with `loss` and `optimizer`.

    model       called as model(*inputs); a batch is (*inputs, target)
    loss        called as loss(output, target); the mean over the batch
    scheduler   stepped every epoch, but OneCycleLR every batch; ReduceLROnPlateau is given the validation
                loss (the training loss where there is no validation)
    clip_norm   if given, gradients are clipped to this norm
    average     an AveragedModel of `model` (say, its exponential average), updated after each step
    checkpoint  a path, written after every epoch and on Ctrl-C
    jit         True to run each step as a program (autograd.jit): captured once for each shape of batch
    progress    False to print nothing (a bar on a terminal if tqdm is there, else lines, on stderr)
    on_batch    called as on_batch(trainer, loss) after each batch; on_epoch(trainer, record) after each epoch

    `history` is a list with a dict for each epoch: epoch, loss, accuracy (of the batches as they were
    trained on; for integer labels), val_loss, val_accuracy, lr, seconds, samples_per_second.

    >>> import autograd, nn
    >>> from nn.data import DataLoader, TensorDataset
    >>> _ = autograd.manual_seed(0)
    >>> x = autograd.randn(64, 2)
    >>> data = TensorDataset(x.data, (x.data[:, 0] > x.data[:, 1]).astype("int64"))
    >>> model = nn.Linear(2, 2)
    >>> optimizer = nn.optim.SGD(model.parameters(), lr=1.0)
    >>> trainer = nn.Trainer(model, nn.CrossEntropyLoss(), optimizer, progress=False)
    >>> history = trainer.fit(DataLoader(data, batch_size=16, shuffle=True, seed=0), epochs=5)
    >>> history[-1]["epoch"], history[-1]["accuracy"] > 0.9
    (5, True)
    """

    FORMAT = "kernelgrad trainer 1"

    def __init__(
        self,
        model: Module,
        loss: Callable[..., Any],
        optimizer: Optimizer,
        scheduler: LRScheduler | ReduceLROnPlateau | None = None,
        *,
        clip_norm: float | None = None,
        average: AveragedModel | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        jit: bool = False,
        progress: bool = True,
        on_batch: Callable[[Trainer, float], Any] | None = None,
        on_epoch: Callable[[Trainer, dict[str, Any]], Any] | None = None,
    ) -> None:
        super().__init__(checkpoint)
        self.model = model
        self.loss = loss
        self.optimizer = optimizer
        self.scheduler = scheduler
        self.clip_norm = clip_norm
        self.average = average
        self.advance: Callable[..., tuple[Any, Any]] = self.update
        if jit:
            self.advance = Captured(self.update, *SETTINGS)
        self.progress = progress
        self.on_batch = on_batch
        self.on_epoch = on_epoch
        self.sums = Sums()

    @property
    def program(self) -> Any:
        """The jitted update."""
        if not isinstance(self.advance, Captured):
            raise AttributeError("program: this Trainer was made with jit=False, its updates are eager")
        return self.advance.program

    # Training ------------------------------------------------------------------------------------

    def fit(self, loader: Any, epochs: int, validation: Any = None) -> History:
        """Train until `epochs` epochs are done in all; returns the history.

        After load() it goes on where the checkpoint was made, in the middle of an epoch too. On Ctrl-C the
        batch is finished, a checkpoint saved, and the history returned (a second Ctrl-C stops at once). A
        loss that is not finite is a FloatingPointError that says what it found.
        """
        self.model.train()
        done = self.epoch * len(loader) + self.batch
        with interruptible() as interrupted, Progress(epochs * len(loader), done, self.progress) as progress:
            while self.epoch < epochs:
                title, mark = f"epoch {self.epoch + 1}/{epochs}", time.perf_counter()
                for batch in self.batches(loader):
                    value = self.step(*batch)
                    if self.on_batch is not None:
                        self.on_batch(self, value)
                    now = time.perf_counter()  # loading counts, validation does not
                    self.sums.seconds, mark = self.sums.seconds + now - mark, now
                    progress.batch(title, self.sums.numbers(), self.sums.rate)
                    if interrupted.is_set():
                        progress.say(self.stopped(epochs))
                        return self.history
                record = self.finish_epoch(validation)
                shown = {k: v for k, v in record.items() if "loss" in k or "accuracy" in k}
                progress.line(title, shown, record["samples_per_second"])
                if interrupted.is_set():
                    progress.say(self.stopped(epochs))
                    return self.history
        return self.history

    def step(self, *batch: Any) -> float:
        """One update on one batch (*inputs, target); returns its loss."""
        try:
            loss, output = self.advance(*batch)
        except FloatingPointError:
            raise FloatingPointError(self.explained(*batch)) from None
        except IndexError:
            self.explained(*batch)  # eagerly, what was given is looked at before: that error says more
            raise
        value = float(loss.item())
        self.sums.add(value, output, batch[-1])
        self.batch += 1
        return value

    def update(self, *batch: Any) -> tuple[Any, Any]:
        """Forward, backward and the optimiser's step; (loss, output), the latter where accuracy wants it."""
        *inputs, target = batch
        self.optimizer.zero_grad()
        output = self.model(*inputs)
        loss = require_finite(self.loss(output, target))
        loss.backward()
        if self.clip_norm is not None:
            clip_grad_norm_(self.model.parameters(), self.clip_norm)
        self.optimizer.step()
        if self.average is not None:
            self.average.update_parameters(self.model)
        if isinstance(self.scheduler, OneCycleLR):
            self.scheduler.step()
        return loss, output if scored(output, target) else None

    def finish_epoch(self, validation: Any) -> dict[str, Any]:
        """Note the epoch in the history, step the schedule, save the checkpoint."""
        record: dict[str, Any] = {"epoch": self.epoch + 1, **self.sums.numbers()}
        if validation is not None:
            record.update({f"val_{name}": value for name, value in self.evaluate(validation).items()})
        record["lr"] = self.optimizer.param_groups[0]["lr"]
        record["seconds"] = self.sums.seconds
        record["samples_per_second"] = self.sums.rate
        if isinstance(self.scheduler, ReduceLROnPlateau):
            self.scheduler.step(record.get("val_loss", record["loss"]))
        elif self.scheduler is not None and not isinstance(self.scheduler, OneCycleLR):
            self.scheduler.step()
        self.history.append(record)
        self.epoch, self.batch, self.sums = self.epoch + 1, 0, Sums()
        if self.on_epoch is not None:
            self.on_epoch(self, record)
        if self.checkpoint is not None:
            self.save(self.checkpoint)
        return record

    def evaluate(self, loader: Any) -> dict[str, float]:
        """{"loss": ..., "accuracy": ...} over all batches, in evaluation mode and without recording."""
        sums = Sums()
        with evaluating(self.model), no_grad():
            for *inputs, target in loader:
                output = self.model(*inputs)
                sums.add(float(self.loss(output, target).item()), output, target)
        return sums.numbers()

    # What went wrong -----------------------------------------------------------------------------

    def explained(self, *batch: Any) -> str:
        """Why the loss of a batch is not finite, as far as can be seen by computing it again."""
        *inputs, target = batch
        with no_grad():
            output = self.model(*inputs)
            value = float(self.loss(output, target).item())
        where = f"the loss is {value} at epoch {self.epoch + 1}, batch {self.batch + 1}: "
        if any(not finite(x) for x in inputs):
            return where + "the inputs of this batch contain NaN or infinity; look at the data"
        bad = [name for name, p in self.model.named_parameters() if not finite(p)]
        if bad:
            lr = self.optimizer.param_groups[0]["lr"]
            return where + (
                f"{', '.join(bad[:3])}{' ...' if len(bad) > 3 else ''} became NaN or infinite in an earlier "
                f"update: the steps are too large; lower the learning rate (now {lr:g}) or pass clip_norm=1.0"
            )
        part = "the loss" if finite(output) else "the model"
        return where + (
            f"{part} made it out of finite numbers; run the batch inside autograd.detect_anomaly() to see "
            "which operation"
        )

    # Checkpoints ---------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a checkpoint (safetensors)."""
        state = {
            **self.place(),
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": None if self.scheduler is None else self.scheduler.state_dict(),
            "average": None if self.average is None else self.average.state_dict(),
            "sums": asdict(self.sums),
        }
        save(state, path)

    def load(self, path: str | os.PathLike[str]) -> None:
        """Take over a checkpoint; fit() then goes on from there.

        A ValueError says what is wrong with a file that is no checkpoint, a RuntimeError lists what differs
        in one of another model; the model is left as it was.
        """
        state = self.read(path)
        for part in ("scheduler", "average"):
            given, own = state.get(part), getattr(self, part)
            if (given is None) != (own is None):
                raise ValueError(
                    f"{os.fspath(path)}: the checkpoint has {'a' if own is None else 'no'} {part}, this "
                    f"trainer has {'none' if own is None else 'one'}"
                )
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.scheduler is not None:
            self.scheduler.load_state_dict(state["scheduler"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self.sums = Sums(**state["sums"])
        self.go_to(state)
