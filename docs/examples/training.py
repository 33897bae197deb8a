"""What the examples share: flags, batches made as they are asked for, training that resumes, tables.

nn.Trainer does the work: progress, checkpoints, Ctrl-C, and a resumed run with the bits of one that was never
interrupted. An *epoch* here is a number of updates, after which the trainer notes, saves and calls back.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import autograd
import nn
from apps import command

__all__ = ["Run", "Stream", "main", "parameters", "seconds", "stage", "table"]

Batch = tuple[autograd.Tensor, ...]
EPOCH = 100


def main(
    run: Callable[[Run], None],
    name: str,
    steps: int,
    arguments: Sequence[str] | None = None,
    *,
    quick: int = 20,
    doc: str | None = None,
    flags: Callable[[command.Parser], None] | None = None,
) -> int:
    """The command line of an example: parses it and calls run(Run(...)); returns the exit code.

    steps, quick   updates of each net without a flag, and with --quick
    doc            the text of --help (say, the script's __doc__)
    flags          adds flags of the example's own to the parser
    """
    parser = command.Parser(prog=f"python -m docs.examples.{name}", description=doc)
    whole = command.number(int, 1)
    parser.add_argument("--steps", type=whole, metavar="N", help=f"updates of each net (default: {steps})")
    parser.add_argument("--quick", action="store_true", help=f"{quick} updates, to see that it runs")
    parser.add_argument("--seed", type=command.number(int, 0, 2**63 - 1), default=0, metavar="S",
                        help="of all random numbers (default: 0)")  # fmt: skip
    parser.add_argument("--out", type=Path, default=Path("runs") / name, metavar="FOLDER",
                        help=f"for pictures and checkpoints (default: runs/{name})")  # fmt: skip
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoints in FOLDER")
    parser.add_argument("--threads", type=command.number(int, 1, command.MOST_THREADS), metavar="N",
                        help="that the kernels use (default: one per core)")  # fmt: skip
    parser.add_argument("--silent", action="store_true", help="no progress")
    if flags is not None:
        flags(parser)

    def begin(options: Namespace) -> int:
        options.steps = options.steps or (quick if options.quick else steps)
        autograd.manual_seed(options.seed)
        run(Run(options))
        return 0

    parser.set_defaults(run=begin)
    return command.run(parser, arguments)


class Stream:
    """A loader without a dataset: `steps` batches an epoch, each made by make(generator).

    The same seed makes the same batches, whoever asks; so two nets learn from the same numbers.

    >>> from autograd import Tensor
    >>> stream = Stream(lambda g: (Tensor(g.integers(0, 2, (3,))),), steps=2, seed=1)
    >>> len(stream), [x.tolist() for (x,) in stream]
    (2, [[1, 1, 1], [1, 1, 0]])
    """

    def __init__(self, make: Callable[[autograd.Generator], Batch], steps: int, seed: int = 0) -> None:
        self.make = make
        self.steps = steps
        self.generator = autograd.Generator(seed)

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[Batch]:
        for _ in range(self.steps):
            yield self.make(self.generator)


def stage(make: Callable[[autograd.Generator], Batch], steps: int, seed: int) -> tuple[Stream, int]:
    """About `steps` updates on batches that are made: a stream and its epochs, of up to EPOCH updates each.

    >>> stream, epochs = stage(lambda g: (), 250, seed=0)
    >>> len(stream), epochs
    (83, 3)
    """
    epochs = -(-max(steps, 1) // EPOCH)
    return Stream(make, round(max(steps, 1) / epochs), seed), epochs


class Run:
    """One run of an example: its options, its folder, and the training of its nets."""

    def __init__(self, options: Namespace) -> None:
        self.options = options
        self.seed: int = options.seed
        self.steps: int = options.steps
        self.quick: bool = options.quick
        self.folder = command.writable_folder(options.out)
        if options.resume and not list(self.folder.glob(f"*-{self.mark}.safetensors")):
            raise command.UserError(
                f"nothing to resume in {self.folder}: no run with --seed {self.seed} --steps {self.steps} "
                "was interrupted there"
            )

    @property
    def mark(self) -> str:
        """What the names of this run's checkpoints end with."""
        minutes = getattr(self.options, "minutes", None)  # of examples that can train by the clock
        return f"seed{self.seed}-" + (f"minutes{minutes:g}" if minutes else f"steps{self.steps}")

    def train(
        self,
        name: str,
        model: nn.Module,
        loss: Callable[..., Any],
        optimizer: nn.optim.Optimizer,
        *stages: tuple[Any, int],
        validation: Any = None,
        keep: bool = True,
        **options: Any,
    ) -> nn.Trainer:
        """Train `model` through `stages`, each a loader and its epochs (see stage()); returns the trainer.

        name      of the net; its checkpoint, from which --resume goes on, is
                  FOLDER/NAME-seedS-stepsN.safetensors
        keep      False for a training so short that no checkpoint pays
        options   scheduler, clip_norm, on_batch, on_epoch of nn.Trainer (say, to sample text as it learns)

        Interrupted by Ctrl-C it saves and raises KeyboardInterrupt.
        """
        trainer = self.trainer(name, model, loss, optimizer, keep, **options)
        until = 0
        for loader, epochs in stages:
            until += epochs
            self.fit(trainer, loader, until, validation)
        return trainer

    def file(self, name: str) -> Path:
        """Where the checkpoint of a net is."""
        return self.folder / f"{name}-{self.mark}.safetensors"

    def trainer(
        self,
        name: str,
        model: nn.Module,
        loss: Callable[..., Any],
        optimizer: nn.optim.Optimizer,
        keep: bool = True,
        **options: Any,
    ) -> nn.Trainer:
        """A trainer, at the beginning, or with --resume where its checkpoint is; arguments as of train()."""
        file, say = self.file(name), not self.options.silent
        trainer = nn.Trainer(
            model, loss, optimizer, checkpoint=file if keep else None, jit=True, progress=say, **options
        )
        if keep and self.options.resume and file.exists():
            trainer.load(file)
        return trainer

    def fit(self, trainer: nn.Trainer, loader: Any, until: int, validation: Any = None) -> None:
        """Train until so many epochs are done; after Ctrl-C, once all is saved, KeyboardInterrupt."""
        trainer.fit(loader, until, validation)
        if trainer.epoch < until:
            raise KeyboardInterrupt(f"go on with --resume from {trainer.checkpoint}")


def parameters(model: nn.Module) -> int:
    """How many numbers a net learns.

    >>> parameters(nn.Linear(3, 2))
    8
    """
    return sum(p.numel() for p in model.parameters())


def seconds(trainer: nn.Trainer) -> float:
    """The time that training took, without validation; of all sittings, where it was resumed."""
    return sum(record["seconds"] for record in trainer.history)


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Rows below a head in columns, the first to the left and the others to the right.

    >>> print(table(["net", "error"], [["GRU", "0.01"], ["window", "0.17"]]))
    net     error
    GRU      0.01
    window   0.17
    """
    lines = [[str(cell) for cell in line] for line in (head, *rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )
