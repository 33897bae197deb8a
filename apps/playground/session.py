"""One visitor: settings, points, a training and a view of it. It knows no processes and no sockets.

`enter` and `handle` take messages and return replies, `work` trains for a moment, `frame` draws what there is
to see. What can't be had is answered by an error and changes nothing.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

from apps.playground import by_hand, csv_points, export, protocol
from apps.playground.errors import Refused
from apps.playground.fields import Fields
from apps.playground.history import History
from apps.playground.pace import Pace, Rate
from apps.playground.points import checked, generate, own
from apps.playground.settings import MOST_LAYERS, MOST_NEURONS, MOST_POINTS, Settings, effect
from apps.playground.training import Trainer
from apps.playground.view import View, finite, frame_of, state_of

__all__ = ["Session"]

MOST_CSV = 256_000  # bytes of a file; with what JSON adds to it, it fits into a message
LIMITS = {
    "layers": MOST_LAYERS, "neurons": MOST_NEURONS, "points": MOST_POINTS, "csv": MOST_CSV,
    "message": protocol.MOST_MESSAGE,
}  # fmt: skip
PATIENCE = 1.0  # seconds that a page may take to draw a frame
FRAMES = 30  # a second, at most

Message = dict[str, Any]


class Session:
    """The session `name`. `clock` gives seconds; `backend` says what computes, for the page to show."""

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic, backend: str = "") -> None:
        self.name = name
        self.clock = clock
        self.backend = backend
        self.settings = Settings()
        self.rows: list[list[float]] | None = None  # the visitor's own points
        self.view = View()
        self.pace = Pace(clock)
        self.rate = Rate(clock)
        self.generation = 0
        self.frames = 0
        self.drawing: int | None = None  # the frame that the page has not drawn yet
        self.sent_at = self.heard_at = self.next_frame = -math.inf
        self.present = False
        self.begin(self.settings, None)

    # What the page says ----------------------------------------------------------------------------

    def enter(self, hello: Message, resumed: bool) -> list[Message]:
        """The page is here, for the first time or again, with its settings and points. Where these are
        refused, it is told so, and the session stays as it was (at first: with the defaults)."""
        welcome = {"type": "welcome", "session": self.name, "resumed": resumed, "limits": LIMITS,
                   "backend": self.backend}  # fmt: skip
        self.present = self.view.visible = True
        self.drawing = None
        self.heard()
        self.wake()
        replies: list[Message] = [welcome]
        try:
            settings = Settings.from_mapping(hello["settings"], self.settings if resumed else None)
            self.become(settings, hello.get("points") or self.rows)
        except Refused as refused:
            replies.append(protocol.error(refused))
        return [*replies, self.state()]

    def leave(self) -> None:
        """The page has gone; training rests until it comes back."""
        self.present = False

    def handle(self, message: Message) -> list[Message]:
        """The replies to a message that `protocol.parse` let pass."""
        self.heard()
        try:
            return getattr(self, "on_" + message["type"])(message) or []
        except Refused as refused:
            return [protocol.error(refused)]

    def wake(self) -> None:
        """The clocks of training run from here: what lies behind is not made up for, and not counted."""
        self.pace.start()
        self.rate.start()

    def heard(self) -> None:
        self.heard_at = self.clock()

    def on_settings(self, message: Message) -> list[Message]:
        self.become(Settings.from_mapping(message["settings"], self.settings), self.rows)
        return [self.state()]

    def on_points(self, message: Message) -> list[Message]:
        key = "regDataset" if self.settings.regression else "dataset"
        self.become(Settings.from_mapping({key: "own"}, self.settings), message["points"])
        return [self.state()]

    def on_csv(self, message: Message) -> list[Message]:
        return self.on_points({"points": csv_points.read(message["text"], self.settings.regression)})

    def on_run(self, message: Message) -> None:
        if message["running"]:
            self.refuse_idle()
        self.running = message["running"]
        self.steps = 0
        self.wake()
        self.changed = True

    def on_step(self, message: Message) -> None:
        self.refuse_idle()
        same = self.steps and self.unit == message["unit"]
        self.steps = message["times"] + (self.steps if same else 0)
        self.unit = message["unit"]
        self.running = False
        self.wake()

    def on_reset(self, message: Message) -> list[Message]:
        self.trainer.reset()
        self.restart()
        return [self.state()]

    def on_weight(self, message: Message) -> None:
        self.trainer.set_weight(message["layer"], message["to"], message["from"], message["value"])
        self.changed = True

    def on_bias(self, message: Message) -> None:
        self.trainer.set_bias(message["layer"], message["neuron"], message["value"])
        self.changed = True

    def on_view(self, message: Message) -> None:
        if "shown" in message:
            self.fields.refuse(message["shown"])
        self.view.change(message)
        if "speed" in message:
            self.pace.set(message["speed"])
        if message.get("visible"):
            self.wake()
        self.changed = True

    def on_by_hand(self, message: Message) -> list[Message]:
        trainer = self.trainer
        found = by_hand.reply(self.settings, trainer.points.classes, trainer.network, message["point"])
        return [{**found, "id": message["id"]}]

    def on_export(self, message: Message) -> list[Message]:
        return [export.file(message["what"], self.trainer)]

    def on_ack(self, message: Message) -> None:
        if message["frame"] == self.drawing:
            self.drawing = None

    # Changes ---------------------------------------------------------------------------------------

    def become(self, settings: Settings, rows: Any) -> None:
        """Go on with other settings and own points: live if they allow it, else from a new start."""
        change = effect(self.settings, settings)
        if rows is not self.rows:
            rows = checked(rows).tolist()
        if change == "data" or (settings.data == "own" and rows != self.rows):
            self.begin(settings, rows)
        elif change == "reset":
            settings.refuse_loss(self.trainer.points.classes)
            self.begin(settings, rows, self.trainer.points)
        else:
            self.trainer.change(settings)
            self.settings, self.rows = settings, rows
            self.changed = True

    def begin(self, settings: Settings, rows: Any, points: Any = None) -> None:
        """A new training. Whatever is refused is refused before anything is changed."""
        if points is None:
            points = own(rows or [], settings) if settings.data == "own" else generate(settings)
        self.trainer, self.settings, self.rows = Trainer(settings, points), settings, rows
        self.fields = Fields(self.trainer.network)
        self.restart()

    def restart(self) -> None:
        """At the start of a training, which waits for the page to run it."""
        self.generation += 1
        self.view.shown = None
        self.history = History()
        self.history.add(self.row())
        self.rest()
        self.changed = True

    def rest(self) -> None:
        """Do nothing until the page says so."""
        self.running, self.steps, self.unit = False, 0, "epoch"
        self.changed = False

    def refuse_idle(self) -> None:
        if self.trainer.idle:
            points = len(self.trainer.points.train)
            raise Refused("batch_large", batch=self.settings.batch_size, points=points)

    # Training --------------------------------------------------------------------------------------

    def wants(self) -> bool:
        """Whether it has something to train now: asked for, and watched by a page that keeps up."""
        watched = self.present and self.view.visible and self.clock() < self.patience()
        return watched and self.training()

    def training(self) -> bool:
        """Whether it was asked to train, and has not come to the end of that."""
        return self.running or self.steps > 0

    def patience(self) -> float:
        """The time at which the page will have been silent for too long over a frame."""
        return math.inf if self.drawing is None else max(self.sent_at, self.heard_at) + PATIENCE

    def due(self) -> float:
        """The time at which `work` has something to do, if `wants`."""
        return self.pace.due() if self.running and self.between_epochs() else -math.inf

    def between_epochs(self) -> bool:
        return self.trainer.updates % self.trainer.updates_per_epoch == 0

    def work(self, seconds: float) -> list[Message]:
        """Train for about so long. What it does, update by update, does not depend on `seconds`."""
        end = self.clock() + seconds
        news: list[Message] = []
        while self.wants() and not news and (left := end - self.clock()) > 0 and self.due() <= self.clock():
            if self.running and self.between_epochs():
                self.pace.take()
            before = self.trainer.updates
            self.rate.add(self.advance(left))
            self.changed = True
            if self.trainer.updates > before and self.between_epochs():
                news += self.look()
            if self.trainer.diverged:
                lost = self.trainer.diverged
                news.append(event("diverged", what=lost.what, layer=lost.layer, epoch=lost.epoch))
                self.running, self.steps = False, 0
        return news

    def advance(self, seconds: float) -> int:
        """A part of an epoch, or as many whole ones as nobody needs to look into. Returns the samples."""
        trainer = self.trainer
        if self.steps and self.unit == "batch":
            k = trainer.updates_per_epoch
            count = min(self.steps, k - trainer.updates % k, max(1, int(seconds * trainer.rate)))
            before = trainer.samples(trainer.updates)
            self.steps -= trainer.train(count)
            return trainer.samples(trainer.updates) - before
        epoch = trainer.epoch
        samples = trainer.work(seconds, self.unwatched_epochs()).samples
        if self.steps:
            self.steps -= trainer.epoch - epoch
        return samples

    def unwatched_epochs(self) -> int:
        """How many epochs may pass until losses are to be kept, or a rule may stop the training."""
        epoch = self.trainer.epoch
        most = self.history.every - epoch % self.history.every
        if self.steps:
            return min(most, self.steps)
        if self.view.stop_loss is not None or self.pace.speed:
            return 1
        if self.view.stop_epoch is not None and self.view.stop_epoch > epoch:
            most = min(most, self.view.stop_epoch - epoch)
        return most

    def look(self) -> list[Message]:
        """At the end of an epoch: keep the losses, and stop where a rule says so."""
        epoch = self.trainer.epoch
        if self.history.wants(epoch):
            self.history.add(self.row())
        reason = self.running and self.view.stops(epoch, lambda: self.row()[1:])
        if not reason:
            return []
        self.running = False
        rule = {"loss": self.view.stop_loss} if reason == "loss" else {}
        return [event("stopped", reason=reason, epoch=epoch, **rule)]

    def row(self) -> tuple[int, float | None, float | None]:
        train, test = self.trainer.loss()
        return self.trainer.epoch, finite(train), finite(test)

    # What the page sees ----------------------------------------------------------------------------

    def state(self) -> Message:
        """All there is to know, but for the weights."""
        self.changed = True
        return state_of(self)

    def frame_due(self) -> float:
        """When a frame may be sent; infinity where nothing is new, nobody sees it, or one is on its way."""
        watched = self.present and self.view.visible and self.drawing is None
        return self.next_frame if self.changed and watched else math.inf

    def frame(self) -> bytes:
        """What there is to see now. It counts as on its way to the page until its ack."""
        self.frames += 1
        self.changed = False
        data = frame_of(self)
        self.drawing, self.sent_at = self.frames, self.clock()
        # One that came late, by a turn or two, does not make all that follow late.
        self.next_frame = max(self.next_frame, self.sent_at - 0.5 / FRAMES) + 1 / FRAMES
        return data


def event(code: str, **details: Any) -> Message:
    return {"type": "event", "code": code, "details": details}
