"""A model that reads Shakespeare one character at a time, learns what comes next, and so can write.

    python -m docs.examples.characters                           an LSTM, and a feed-forward window beside it
    python -m docs.examples.characters --model gru transformer   others
    python -m docs.examples.characters --minutes 3               as much as each learns in that time
    python -m docs.examples.characters --write "ROMEO:"          what the LSTM writes, once it is trained

Losses are in nats a character, over the last tenth of the text, which is not trained on.
"""

from __future__ import annotations

import contextlib
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import autograd
import nn
from apps.command import UserError, number
from autograd import Generator, Tensor
from autograd.tape import replayed
from docs.examples import training
from docs.examples.language import Attentive, Reader, WindowReader
from docs.examples.text import Alphabet, split, tiny_shakespeare
from docs.examples.training import Run, parameters, table
from nn.generation import generate
from nn.optim.lr_scheduler import OneCycleLR

EPOCH = 250  # updates
SAMPLE = 5  # epochs from one sample of its writing to the next
WARM = 0.05  # the part of the updates at which the rate rises
NAMES = {"lstm": "LSTM", "gru": "GRU", "transformer": "Transformer", "window": "window"}


@dataclass(frozen=True)
class Recipe:
    """A model and its highest rate; `batch` sequences at a time, or of a Reader's lanes so many steps."""

    model: Any
    rate: float
    batch: int


def recipe(kind: str, size: int, quick: bool) -> Recipe:
    if kind == "window":
        width, reach, embedded = (16, 8, 4) if quick else (1024, 10, 64)
        return Recipe(WindowReader(size, width, reach, embedded, 0.1), 2e-3, 32 if quick else 1024)
    if kind == "transformer":
        sizes = (16, 2, 1, 16) if quick else (128, 4, 4, 128)
        return Recipe(Attentive(size, *sizes, dropout=0.0), 2e-3, 4 if quick else 32)
    width, lanes, embedded, length = (16, 4, 8, 16) if quick else (384, 64, 64, 64)
    layer = {"lstm": nn.LSTM, "gru": nn.GRU}[kind]
    return Recipe(Reader(layer, size, width, lanes, embedded, 0.2), 5e-3, length)


class Over(Exception):
    """The time is over."""


class Clock:
    """How long a training has run, validation and samples included, and what part of the time that is."""

    def __init__(self, minutes: float | None) -> None:
        self.limit = 60 * (minutes or math.inf)
        self.begun = time.perf_counter()

    def resume(self, trainer: nn.Trainer) -> None:
        """Go on where a checkpoint was made."""
        before = trainer.history[-1]["clock"] if trainer.history else 0.0
        self.begun = time.perf_counter() - before - trainer.sums.seconds

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self.begun

    @property
    def part(self) -> float:
        return min(self.seconds / self.limit, 1.0)


class TimedCycle(OneCycleLR):
    """One cycle of the rate that goes by the clock."""

    def __init__(self, optimizer: nn.optim.Optimizer, rate: float, clock: Clock) -> None:
        self.clock = clock
        super().__init__(optimizer, rate, total_steps=1001, pct_start=WARM, cycle_momentum=False)

    @replayed  # a program calls it, too
    def step(self) -> None:
        self.last_epoch = round(1000 * self.clock.part)
        self.write()

    def state_dict(self) -> dict[str, Any]:
        return {name: value for name, value in super().state_dict().items() if name != "clock"}


def trained(run: Run, kind: str, made: Recipe, text: tuple[Any, Any], letters: Alphabet) -> nn.Trainer:
    model, (train, validation), minutes = made.model, text, run.options.minutes
    epochs = -(-run.steps // EPOCH)
    loader = model.batches(train, made.batch, round(run.steps / epochs), run.seed + 1)
    optimizer = nn.optim.AdamW(model.parameters(), lr=made.rate, betas=(0.9, 0.99))
    clock = Clock(minutes)
    schedule = TimedCycle(optimizer, made.rate, clock) if minutes else OneCycleLR(
        optimizer, made.rate, epochs=epochs, steps_per_epoch=len(loader), pct_start=WARM, cycle_momentum=False
    )  # fmt: skip

    def loss(logits: Any, following: Tensor) -> Any:
        return nn.functional.cross_entropy(autograd.reshape(logits, (-1, letters.size)), following)

    def on_batch(trainer: nn.Trainer, loss: float) -> None:
        if clock.part == 1:
            raise Over

    def on_epoch(trainer: nn.Trainer, record: dict[str, Any]) -> None:
        record["val_loss"] = evaluated(model, validation)
        record["clock"] = clock.seconds
        if record["epoch"] % SAMPLE == 0 and not run.options.silent:
            say(f"--- {NAMES[kind]} after epoch {record['epoch']}\n{written(run, model, letters, 200)}\n---")

    trainer = run.trainer(
        kind, model, loss, optimizer, scheduler=schedule, clip_norm=1.0, on_batch=on_batch, on_epoch=on_epoch
    )
    clock.resume(trainer)
    if not minutes:
        run.fit(trainer, loader, epochs)
        return trainer
    with contextlib.suppress(Over):
        while clock.part < 1:  # how many epochs is a guess, from the time that those before took
            run.fit(trainer, loader, max(trainer.epoch + 1, round(trainer.epoch / clock.part)))
    if trainer.batch:
        trainer.finish_epoch(None)
    return trainer


@autograd.no_grad()
def evaluated(model: Any, codes: Any) -> float:
    model.eval()
    found = model.surprise(codes)
    model.train()
    return float(found)


def written(run: Run, model: Any, letters: Alphabet, length: int) -> str:
    """What the model writes after the prompt, with it. The draws are --seed's, and disturb no others."""
    given = run.options
    model.eval()
    codes = generate(
        model.step, letters.encode(given.write or "\n"), length, temperature=given.temperature,
        top_k=given.top_k, top_p=given.top_p, generator=Generator(run.seed),
    )  # fmt: skip
    model.train()
    return letters.decode(codes.data)


def say(text: str) -> None:
    """A line above the progress bar, where there is one."""
    with contextlib.suppress(ImportError):
        from tqdm import tqdm

        return tqdm.write(text, file=sys.stderr)
    print(text, file=sys.stderr)


def run(run: Run) -> None:
    text = tiny_shakespeare()[: 20_000 if run.quick else None]
    letters = Alphabet(text)
    codes = split(letters.encode(text))
    if run.options.write is not None:
        return write(run, letters)
    curves, rows = {}, []
    for kind in run.options.model:
        made = recipe(kind, letters.size, run.quick)
        history = trained(run, kind, made, codes, letters).history
        curves[kind] = [(record["clock"], record["val_loss"]) for record in history]
        seconds, found = curves[kind][-1]
        rows.append([NAMES[kind], f"{parameters(made.model):,}", f"{history[-1]['loss']:.3f}", f"{found:.3f}",
                     f"{seconds:.0f} s"])  # fmt: skip
        print(f"--- the {NAMES[kind]} writes:\n{written(run, made.model, letters, run.options.length)}\n---")
    print(f"characters: nats for each of the {len(codes[1]):,} that were held back, seed {run.seed}")
    print(table(["net", "parameters", "training loss", "validation loss", "time"], rows))
    draw(curves, run)


def write(run: Run, letters: Alphabet) -> None:
    """What the first of the nets named writes, as its checkpoint is."""
    kind = run.options.model[0]
    if not run.file(kind).exists():
        raise UserError(
            f"no {NAMES[kind]} is trained: {run.file(kind)} is not there; call without --write first"
        )
    model = recipe(kind, letters.size, run.quick).model
    model.load_state_dict(nn.load(run.file(kind))["model"])
    print(written(run, model, letters, run.options.length))


def draw(curves: dict[str, list[tuple[float, float]]], run: Run) -> None:
    from docs.examples import pictures  # matplotlib takes a second

    figure, axes = pictures.figure(6.6, 3.0)
    colors = {**pictures.COLORS, "Transformer": pictures.OTHER}
    for kind, curve in curves.items():
        seconds, losses = zip(*curve, strict=True)
        color = colors[NAMES[kind]]
        axes.plot(seconds, losses, color=color, lw=1.8)
        axes.text(seconds[-1], losses[-1], f" {NAMES[kind]} {losses[-1]:.2f}", color=color, va="center")
    axes.set(xlabel="seconds", title="Tiny Shakespeare, nats a character for text not seen")
    axes.set_ylim(top=min(3.4, max(loss for curve in curves.values() for _, loss in curve)))
    pictures.write(figure, run.folder / "characters.png")


def flags(parser: Any) -> None:
    parser.add_argument("--model", nargs="+", choices=tuple(NAMES), metavar="NAME",
                        default=["lstm", "window"],
                        help=f"of {', '.join(NAMES)} (default: lstm window)")  # fmt: skip
    parser.add_argument("--minutes", type=number(float, 0, above=True), metavar="M",
                        help="train each net for so long; the rate follows the clock then, so that two runs "
                        "differ")  # fmt: skip
    parser.add_argument(
        "--write", metavar="PROMPT", help="write on from this with a trained net; no training"
    )
    parser.add_argument("--length", type=number(int, 1), default=500, metavar="N",
                        help="characters to write (default: 500)")  # fmt: skip
    parser.add_argument("--temperature", type=number(float, 0), default=0.8, metavar="T",
                        help="logits are divided by it; 0: the most probable (default: 0.8)")  # fmt: skip
    parser.add_argument(
        "--top-k", type=number(int, 1), metavar="K", help="only the K most probable characters"
    )
    parser.add_argument("--top-p", type=number(float, 0, 1, above=True), metavar="P",
                        help="only the most probable that sum to P")  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    return training.main(run, "characters", 3000, arguments, doc=__doc__, flags=flags)


if __name__ == "__main__":
    sys.exit(main())
