"""GANTrainer: the training of a generator against a discriminator.

As nn.Trainer: progress, a history, checkpoints from which a run goes on to the same bits, Ctrl-C that saves,
numbers that are not finite explained, each step a program. What is its own: two losses, more updates of one
network than of the other, an average of the generator, and an eye on the samples.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

import autograd
from autograd import Tensor
from autograd.ops.finite import require_finite
from autograd.ops.random import Generator
from autograd.tape import no_grad
from nn.containers import ModuleDict
from nn.course import Captured, Course, History, evaluating, interruptible
from nn.models.collapse import Watch
from nn.models.diagnosis import check_batch, check_loader, check_networks, explained, packing_of
from nn.models.gan import Objective, clip_weights_, gradient_penalty
from nn.models.gan import objective as objective_of
from nn.models.means import Means
from nn.module import Module
from nn.optim.optimizer import Optimizer
from nn.optim.swa_utils import AveragedModel, get_ema_avg_fn
from nn.progress import Progress
from nn.serialize import save
from nn.utils import clip_grad_norm_

__all__ = ["GANTrainer"]

RIPE = 500  # updates of a generator before it is blamed for its samples
WATCHED = 512  # samples whose classes are counted
CHUNK = 256  # samples drawn at once
SETTINGS = (  # of an update
    "generator", "discriminator", "g_optimizer", "d_optimizer", "averaged", "objective", "penalty", "target",
    "clip",
)  # fmt: skip
SHOWN = ("d_loss", "g_loss", "real_score", "fake_score", "spread")


class GANTrainer(Course):
    """Trains `generator` and `discriminator` against each other (Goodfellow et al. 2014).

    generator, discriminator   as nn.models.gan has them; a discriminator with packing=m judges m examples at
                               once (Lin et al. 2018), then m must divide each batch
    g_optimizer, d_optimizer   of their parameters
    objective    "gan", "lsgan", "wgan", "hinge", or an Objective
    d_steps      updates of the discriminator for each of the generator; each takes a batch of the data
    penalty      weight of the gradient penalty (Gulrajani et al. 2017: 10, with "wgan"), 0 for none
    target       the norm that the penalty draws gradients to: 1, or 0 (which suits "gan": it converges)
    clip         bound of the discriminator's weights after each update (Arjovsky et al. 2017: 0.01), or None
    ema          decay of an average of the generator (say 0.999), by which samples then are drawn, or None
    every        note, save and call back each `every` updates of the generator instead of each epoch
    samples      how many samples on_epoch is given, always of the same latents; or the latents, (n, latent)
    classifier   examples -> classes (N,) int, to count what is drawn (nn.metrics.features("mnist").classify);
                 of conditional networks, the labels' own
    checkpoint   a path, written at each note and on Ctrl-C
    jit          False to run eagerly
    progress     False to print nothing
    on_epoch     called as on_epoch(trainer, record, samples) at each note

    A batch is (examples, ...) or, for conditional networks, (examples, labels, ...). Images are in [0, 1].

    `history` has a dict for each note: epoch, step (updates of the generator); the means since the last note
    of d_loss (without the penalty), g_loss, d_grad_norm, g_grad_norm, real_score, fake_score and penalty;
    spread, the mean distance between samples over that in a batch (512 of each at most); with a classifier
    `classes`, their counts in 512 samples; d_lr, g_lr, seconds, samples_per_second. Of collapse a
    CollapseWarning tells once, with evidence (nn.models.collapse).

    >>> import autograd, nn
    >>> from nn.data import DataLoader, TensorDataset
    >>> from nn.data.points import ring
    >>> from nn.models.gan import PointDiscriminator, PointGenerator
    >>> _ = autograd.manual_seed(0)
    >>> g, d = PointGenerator(widths=(32,)), PointDiscriminator(widths=(32,), packing=2)
    >>> adam = nn.optim.Adam
    >>> trainer = GANTrainer(g, d, adam(g.parameters()), adam(d.parameters()), progress=False)
    >>> loader = DataLoader(TensorDataset(ring(512, seed=0)), batch_size=64, shuffle=True, seed=0)
    >>> history = trainer.fit(loader, epochs=2)
    >>> history[-1]["epoch"], history[-1]["step"], trainer.drawn.sample(5).shape
    (2, 16, (5, 2))
    """

    FORMAT = "kernelgrad GAN trainer 1"

    def __init__(
        self,
        generator: Any,
        discriminator: Any,
        g_optimizer: Optimizer,
        d_optimizer: Optimizer,
        objective: str | Objective = "gan",
        *,
        d_steps: int = 1,
        penalty: float = 0.0,
        target: float = 1.0,
        clip: float | None = None,
        ema: float | None = None,
        every: int | None = None,
        samples: int | Tensor = 64,
        classifier: Callable[[Any], Any] | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        jit: bool = True,
        progress: bool = True,
        on_epoch: Callable[[GANTrainer, dict[str, Any], Tensor], Any] | None = None,
    ) -> None:
        super().__init__(checkpoint)
        for name, number in (("d_steps", d_steps), ("every", every)):
            if number is not None and (not isinstance(number, int) or number < 1):
                raise ValueError(f"GANTrainer: want {name} >= 1, got {number!r}")
        if not 0 <= penalty < math.inf or (clip is not None and not 0 < clip < math.inf):
            raise ValueError(f"GANTrainer: want penalty >= 0 and clip > 0, got {penalty} and {clip}")
        check_networks(generator, discriminator, g_optimizer, d_optimizer)
        self.generator, self.discriminator = generator, discriminator
        self.g_optimizer, self.d_optimizer = g_optimizer, d_optimizer
        self.objective = objective_of(objective) if isinstance(objective, str) else objective
        self.d_steps, self.penalty, self.target, self.clip = d_steps, penalty, target, clip
        self.averaged: AveragedModel | None = None
        if ema is not None:
            self.averaged = AveragedModel(
                generator, avg_fn=get_ema_avg_fn(ema, warmup=True), use_buffers=True
            )
        self.every = every
        self.steps = 0  # updates of the generator
        self.turn = 0  # updates of the discriminator since
        self.means = Means()
        self.latest: Any = None  # examples of the latest batch
        self.watch = Watch(classifier)
        self.progress = progress
        self.on_epoch = on_epoch
        updates = self.critic, self.both
        self.advance = tuple(Captured(update, *SETTINGS) for update in updates) if jit else updates
        self.latents, *self.labels = self.fixed(samples, seed=0)
        self.watched = None if classifier is None else self.fixed(WATCHED, seed=1)
        self.example = self.trial()

    # Updates -------------------------------------------------------------------------------------

    def critic(self, real: Tensor, *labels: Tensor) -> tuple[Tensor, ...]:
        """Update the discriminator: its loss, mean scores of real and of drawn examples, gradient's norm, the
        penalty if there is one."""
        with no_grad():
            fake = self.draw(len(real), *labels)
        return self.judge(real, fake, *labels)

    def both(self, real: Tensor, *labels: Tensor) -> tuple[Tensor, ...]:
        """Update the discriminator, then the generator by the examples that were judged: the generator's loss
        and gradient's norm, and what critic() gives."""
        fake = self.draw(len(real), *labels)
        judged = self.judge(real, fake.detach(), *labels)
        self.g_optimizer.zero_grad()
        loss = require_finite(self.objective.generator(self.discriminator(fake, *labels)))
        weights = list(self.generator.parameters())
        loss.backward(inputs=weights)
        norm = require_finite(clip_grad_norm_(weights, math.inf))
        self.g_optimizer.step()
        if self.averaged is not None:
            self.averaged.update_parameters(self.generator)
        return loss.detach(), norm, *judged

    def draw(self, count: int, *labels: Tensor) -> Any:
        return self.generator(self.generator.draw(count), *labels)

    def judge(self, real: Tensor, fake: Tensor, *labels: Tensor) -> tuple[Tensor, ...]:
        self.d_optimizer.zero_grad()
        scores = self.discriminator(real, *labels), self.discriminator(fake, *labels)
        loss = self.objective.discriminator(*scores)
        extra = []
        if self.penalty:
            label = labels[0] if labels else None
            slopes = gradient_penalty(self.discriminator, real, fake, label, self.target)
            extra.append(self.penalty * slopes)
        weights = list(self.discriminator.parameters())
        require_finite(sum(extra, loss)).backward(inputs=weights)
        norm = require_finite(clip_grad_norm_(weights, math.inf))
        self.d_optimizer.step()
        if self.clip is not None:
            clip_weights_(self.discriminator, self.clip)
        return (
            *(x.detach() for x in (loss, scores[0].mean(), scores[1].mean())),
            norm,
            *(x.detach() for x in extra),
        )

    def step(self, *batch: Any) -> dict[str, float]:
        """One update on a batch, of the discriminator, and each d_steps-th time of the generator too; returns
        its numbers, under their names in the history."""
        inputs = check_batch(self.generator, self.discriminator, self.example, batch)
        last = self.turn + 1 >= self.d_steps
        names = ["d_loss", "real_score", "fake_score", "d_grad_norm", "penalty"]
        try:
            values = self.advance[last](*inputs)
        except FloatingPointError:
            raise FloatingPointError(explained(self, *inputs)) from None
        if last:
            names = ["g_loss", "g_grad_norm", *names]
        numbers = {name: float(value.item()) for name, value in zip(names, values, strict=False)}
        self.means.add(numbers, len(inputs[0]))
        self.steps, self.turn = (self.steps + 1, 0) if last else (self.steps, self.turn + 1)
        self.batch += 1
        if self.latest is None or len(inputs[0]) > 1:
            self.latest = inputs[0]
        return numbers

    # Training ------------------------------------------------------------------------------------

    def fit(self, loader: Any, epochs: int | None = None, *, steps: int | None = None) -> History:
        """Train until so many epochs, or updates of the generator, are done in all; returns the history.

        After load() it goes on where the checkpoint was made. On Ctrl-C the batch is finished, a checkpoint
        saved, and the history returned (a second Ctrl-C stops at once).
        """
        if (epochs is None) == (steps is None):
            raise ValueError("fit: give epochs, or steps (updates of the generator)")
        check_loader(self.discriminator, loader)
        self.generator.train()
        self.discriminator.train()
        size = len(loader)
        total = (epochs or 0) * size if steps is None else steps * self.d_steps
        turn = min(self.turn, self.d_steps - 1)  # d_steps may have been larger before
        done = self.epoch * size + self.batch if steps is None else self.steps * self.d_steps + turn

        def reached() -> bool:
            return self.epoch >= (epochs or 0) if steps is None else self.steps >= steps

        def title() -> str:
            return f"epoch {self.epoch + 1}/{epochs}" if steps is None else f"step {self.steps}/{steps}"

        with interruptible() as interrupted, Progress(total, done, self.progress) as progress:
            while not reached() and not interrupted.is_set():
                mark, told = time.perf_counter(), title()
                for batch in self.batches(loader):
                    self.step(*batch)
                    now = time.perf_counter()  # loading counts, looking at samples does not
                    self.means.seconds, mark = self.means.seconds + now - mark, now
                    told = title()
                    progress.batch(told, shown(self.means.numbers()), self.means.rate)
                    if self.every is not None and not self.turn and self.steps % self.every == 0:
                        self.note(progress, told)
                        mark = time.perf_counter()
                    if self.batch < size and (interrupted.is_set() or reached()):
                        break
                else:
                    self.epoch, self.batch = self.epoch + 1, 0
                    if self.every is None:
                        self.note(progress, told)
            if interrupted.is_set() and not reached():
                progress.say(self.stopped(epochs))
            else:
                if self.means.samples:  # the steps ended between two notes
                    self.note(progress, title())
                self.pause()
        return self.history

    def note(self, progress: Progress, title: str) -> None:
        """Note the means in the history, look at samples, call back, save."""
        means, self.means = self.means, Means()
        record: dict[str, Any] = {
            "epoch": self.epoch + (self.batch > 0),
            "step": self.steps,
            **means.numbers(),
        }
        samples = self.render(self.latents, *self.labels)
        latents, *labels = self.watched or (self.latents, *self.labels)
        watched = samples if self.watched is None else self.render(latents, *labels)
        if self.latest is not None:
            asked = labels[0].data if labels else None
            record.update(self.watch.look(watched.data, self.latest.data, self.steps >= RIPE, asked))
        for name, optimizer in (("d_lr", self.d_optimizer), ("g_lr", self.g_optimizer)):
            record[name] = optimizer.param_groups[0]["lr"]
        record["seconds"] = means.seconds
        record["samples_per_second"] = means.rate
        self.history.append(record)
        progress.line(title, shown(record), means.rate)
        if self.on_epoch is not None:
            self.on_epoch(self, record, samples)
        if self.checkpoint is not None:
            self.save(self.checkpoint)

    # Samples -------------------------------------------------------------------------------------

    @property
    def drawn(self) -> Any:
        """The generator to draw with: the averaged one, if there is one and it has begun."""
        return self.generator if self.averaged is None or not self.steps else self.averaged.module

    def fixed(self, samples: int | Tensor, seed: int) -> tuple[Tensor, ...]:
        """Latents that are always the same, and for conditional networks the classes in turn."""
        latent, classes = self.generator.latent, self.generator.classes
        if isinstance(samples, int):
            if samples < 2:
                raise ValueError(f"GANTrainer: want 2 or more samples, got {samples}")
            latents = self.generator.draw(samples, generator=Generator(seed))
        else:
            latents = samples
        if latents.ndim != 2 or latents.shape[1] != latent or len(latents) < 2:
            raise ValueError(
                f"samples: want a number from 2 on, or latents (n, {latent}) as this generator takes them; "
                f"got a tensor of shape {latents.shape}"
            )
        return (latents,) if classes is None else (latents, Tensor(np.arange(len(latents)) % classes))

    def render(self, latents: Tensor, *labels: Tensor) -> Tensor:
        """What `drawn` makes of latents (n, latent): n examples, in evaluation mode and off the tape."""
        chunks = [slice(i, i + CHUNK) for i in range(0, len(latents), CHUNK)]
        with evaluating(self.drawn), no_grad():
            parts = [self.drawn(*(x[chunk] for x in (latents, *labels))) for chunk in chunks]
            return parts[0] if len(parts) == 1 else autograd.cat(parts)  # type: ignore[no-any-return]

    def trial(self) -> Any:
        """A few of the generator's examples, (n, ...), which the discriminator must be able to judge."""
        latents, *labels = self.fixed(2 * packing_of(self.discriminator), seed=0)
        drawn = self.render(latents, *labels)
        with evaluating(self.discriminator), no_grad():
            self.discriminator(drawn, *labels)
        return drawn.data

    # Checkpoints ---------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a checkpoint (safetensors)."""
        state = {
            **self.place(),
            "models": {name: model.state_dict() for name, model in self.models().items()},
            "optimizers": {name: o.state_dict() for name, o in self.optimizers().items()},
            "steps": self.steps,
            "turn": self.turn,
            "means": asdict(self.means),
            "watch": self.watch.state_dict(),
        }
        save(state, path)

    def load(self, path: str | os.PathLike[str]) -> None:
        """Take over a checkpoint; fit() then goes on from there.

        A ValueError says what is wrong with a file that is no checkpoint of a GANTrainer, or of one with an
        average where this one has none; a RuntimeError lists what differs in one of other networks.
        """
        state = self.read(path)
        if ("averaged" in state["models"]) != (self.averaged is not None):
            raise ValueError(
                f"{os.fspath(path)}: the checkpoint has {'no' if self.averaged else 'an'} average of the "
                f"generator, this trainer has {'one (ema)' if self.averaged else 'none (ema=None)'}"
            )
        given = {f"{name}.{key}": x for name, model in state["models"].items() for key, x in model.items()}
        ModuleDict(self.models()).load_state_dict(given)
        for name, optimizer in self.optimizers().items():
            optimizer.load_state_dict(state["optimizers"][name])
        self.steps, self.turn = state["steps"], state["turn"]
        self.means = Means(**state["means"])
        self.watch.load_state_dict(state["watch"])
        self.go_to(state)
        for advance in self.advance:
            if isinstance(advance, Captured):
                advance.begin()  # the optimisers' memories are other arrays now

    def models(self) -> dict[str, Module]:
        found = {"generator": self.generator, "discriminator": self.discriminator}
        return found if self.averaged is None else {**found, "averaged": self.averaged}

    def optimizers(self) -> dict[str, Optimizer]:
        return {"generator": self.g_optimizer, "discriminator": self.d_optimizer}


def shown(numbers: Mapping[str, float]) -> dict[str, float]:
    return {name: numbers[name] for name in SHOWN if name in numbers}
