"""The way back from noise: DDPM, DDIM, guided by classes, around known pixels, between two pictures.

All of them are one step, x_to = x0_share x_0 + xt_share x_t + spread noise, with x_0 as the network sees it
(clipped to the range of the data), along a list of times. The step is one program; what differs from step to
step comes to it in rows, so the whole way is a loop in C where the network has kernels for all it does.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

import autograd
from autograd import Generator, Tensor, default_generator
from autograd.ops.update import assign
from autograd.tape import no_grad
from nn.course import evaluating
from nn.models.diffusion.schedules import Schedule, Steps
from nn.models.ranges import whole

__all__ = ["Sampling", "Walk"]

Watch = Callable[[int, int, Tensor, Tensor], Any]
KEPT = 3  # programs of a model: each holds the memory that its network takes


def to_x0(schedule: Schedule, objective: str, t: Any) -> tuple[np.ndarray, np.ndarray]:
    """The shares of x_t and of the network's output in x_0."""
    signal, noise = schedule.signal[t], schedule.noise[t]
    if objective == "noise":
        return 1 / signal, -noise / signal
    return (np.zeros_like(signal), np.ones_like(signal)) if objective == "x0" else (signal, -noise)


class Walk:
    """A step back for `count` examples at once, as a program over its own memory: x, the estimate of x_0,
    the classes, what is known and where."""

    def __init__(
        self, diffusion: Any, count: int, dtype: Any, labelled: bool, guided: bool, filling: bool
    ) -> None:
        shape = (count, *diffusion.shape)
        self.x, self.estimate, self.known, self.mask = (
            Tensor(np.zeros(shape, dtype)) for _ in ("x", "estimate", "known", "mask")
        )
        self.dtype = dtype
        self.guided = guided
        rows = 2 * count if guided else count  # guided: with classes, then without
        self.classes = Tensor(np.full(rows, diffusion.classes or 0, np.int64)) if labelled else None
        self.generator = Generator(0)
        clipped = diffusion.data_range is not None

        @no_grad()
        def step(t: Any, guidance: Any, from_xt: Any, from_output: Any, x0_share: Any, xt_share: Any,
                 spread: Any, *filled: Any) -> None:  # fmt: skip
            x = self.x
            seen = autograd.cat((x, x)) if guided else x
            output = diffusion.called(seen, t.expand(rows), self.classes)
            if guided:
                told, untold = output[:count], output[count:]
                output = untold + guidance * (told - untold)
            x0 = from_xt * x + from_output * output
            x0 = autograd.clamp(x0, -1, 1) if clipped else x0
            after = x0_share * x0 + xt_share * x + spread * self.noise()
            if filling:
                signal, noise, again, stir = filled
                after = autograd.where(self.mask > 0, signal * self.known + noise * self.noise(), after)
                after = again * after + stir * self.noise()
            assign(self.estimate, x0)
            assign(self.x, after)

        self.step = autograd.jit(step)

    def noise(self) -> Any:
        return autograd.randn(self.x.shape, dtype=self.dtype, generator=self.generator)

    def run(self, rows: list[np.ndarray], stops: Sequence[int], turn: Callable[[int], Any]) -> None:
        """Go along rows (K,), and call turn(done) at each of the stops, increasing numbers up to K."""
        data = [row.astype(self.dtype) for row in rows]
        done = 0
        for stop in stops:
            if stop > done:
                self.step.loop([np.ascontiguousarray(row[done:stop]) for row in data], batch_size=1)
            done = stop
            turn(done)


class Sampling:
    """What a Diffusion draws with; everything it gives is in data_range."""

    # What it needs of Diffusion.
    schedule: Schedule
    objective: str
    shape: tuple[int, ...]
    classes: int | None
    data_range: tuple[float, float] | None
    timesteps: int
    tables: Tensor
    inward: Callable[[Any], Any]
    outward: Callable[[Any], Any]
    labels: Callable[[Any, int], Any]
    q_sample: Callable[..., Any]

    def sample(
        self,
        n: int,
        *,
        classes: Any = None,
        steps: int | None = None,
        eta: float | None = None,
        guidance: float = 1.0,
        batch_size: int = 256,
        generator: Generator | None = None,
        watch: Watch | None = None,
        frames: int = 10,
    ) -> Tensor:
        """n examples drawn from noise: (n, *shape).

        classes     one class for all, or n of them, for a network that has classes
        steps       None: all of them, with new noise at each (DDPM); k: so many, evenly spaced (DDIM)
        eta         how much of the noise is new: 1 DDPM (the default of all steps), 0 DDIM (of k)
        guidance    how far to go from what the network draws without the class to what it draws with it:
                    1 with, more beyond (Ho and Salimans 2022, whose w is guidance - 1)
        batch_size  examples at once
        generator   of all noise; the default one if not given
        watch       called as watch(done, total, x, x0) at the start, the end, and evenly between, `frames`
                    times a batch: x as it is by then, x0 what the network takes it for, not clipped (at
                    the start nothing yet: the middle of the range)

        >>> import autograd
        >>> from nn.models import Diffusion, PointDenoiser
        >>> diffusion = Diffusion(PointDenoiser(2, width=16), (2,), timesteps=50, data_range=None)
        >>> diffusion.sample(3, steps=10).shape
        (3, 2)
        """
        n, batch_size = whole("sample", "n", n, 0), whole("sample", "batch_size", batch_size, 1)
        source = generator or default_generator
        times = self.schedule.times(steps)
        labels = self.labels(classes, n)
        drawn = []
        for first in range(0, n, batch_size):
            count = min(batch_size, n - first)
            x = autograd.randn(count, *self.shape, dtype=self.tables.dtype, generator=source)
            part = None if labels is None else labels[first : first + count]
            drawn.append(
                self.back(
                    x,
                    times,
                    ddpm(steps, eta),
                    source,
                    classes=part,
                    guidance=guidance,
                    watch=watch,
                    frames=frames,
                )  # fmt: skip
            )
        return autograd.cat(drawn) if drawn else autograd.zeros(0, *self.shape, dtype=self.tables.dtype)

    def inpaint(
        self,
        x: Any,
        mask: Any,
        *,
        classes: Any = None,
        steps: int | None = None,
        eta: float | None = None,
        guidance: float = 1.0,
        resamplings: int = 1,
        generator: Generator | None = None,
        watch: Watch | None = None,
        frames: int = 10,
    ) -> Tensor:
        """x (N, *shape) where mask is 1, and what goes with it elsewhere. The mask broadcasts to x.

        At each step what is known is put in with its share of noise. The rest learns of it one step later, so
        each step may be gone `resamplings` times, with a step back into noise between (RePaint: Lugmayr et
        al. 2022). The other arguments are sample()'s.
        """
        source = generator or default_generator
        known = self.inward(x)
        where = np.asarray(getattr(mask, "data", mask))
        fits = where.ndim <= len(known.shape) and all(
            size in (1, of_x) for size, of_x in zip(where.shape[::-1], known.shape[::-1], strict=False)
        )
        if not fits:
            raise ValueError(
                f"inpaint: want a mask that broadcasts to x {tuple(known.shape)}, got shape {where.shape}"
            )
        if not ((where == 0) | (where == 1)).all():
            raise ValueError("inpaint: want a mask of 1 where x is known and 0 elsewhere")
        where = np.broadcast_to(where, known.shape)
        resamplings = whole("inpaint", "resamplings", resamplings, 1)
        start = autograd.randn(known.shape, dtype=known.dtype, generator=source)
        filling = known, Tensor(where.astype(known.dtype)), resamplings
        return self.back(
            start, self.schedule.times(steps), ddpm(steps, eta), source,
            classes=self.labels(classes, known.shape[0]), guidance=guidance, filling=filling, watch=watch,
            frames=frames,
        )  # fmt: skip

    def interpolate(
        self,
        a: Any,
        b: Any,
        weights: Sequence[float],
        *,
        t: int | None = None,
        classes: Any = None,
        steps: int | None = None,
        eta: float | None = None,
        guidance: float = 1.0,
        generator: Generator | None = None,
    ) -> Tensor:
        """Pictures between a and b, both (*shape): one for each weight of b, 0 ... 1.

        The two are blended and sunk in the same noise up to step t (the middle by default), and go back from
        there (Ho et al. 2020, figure 8). The larger t, the more of what the blend has of two pictures at once
        is drawn anew, as one. The other arguments are sample()'s.
        """
        source = generator or default_generator
        t = self.timesteps // 2 if t is None else t
        times = self.schedule.times(steps, t)
        ends = self.inward(autograd.stack((a, b)))
        if not np.size(weights):
            raise ValueError("interpolate: want at least one weight of b, got none")
        share = Tensor(np.asarray(weights, ends.dtype).reshape(-1, *(1 for _ in self.shape)))
        noise = autograd.randn(1, *self.shape, dtype=ends.dtype, generator=source)
        blend = (1 - share) * ends[:1] + share * ends[1:]
        x = self.q_sample(blend, Tensor(np.full(len(share), t)), noise)
        labels = self.labels(classes, len(share))
        return self.back(x, times, ddpm(steps, eta), source, classes=labels, guidance=guidance)

    # The way --------------------------------------------------------------------------------------

    def back(
        self,
        x: Any,
        times: np.ndarray,
        eta: float,
        source: Generator,
        *,
        classes: Any = None,
        guidance: float = 1.0,
        filling: tuple[Any, Any, int] | None = None,
        watch: Watch | None = None,
        frames: int = 10,
    ) -> Tensor:
        """From x (N, *shape) at times[0] to data at times[-1] = -1."""
        guided = guidance != 1.0
        if guided and classes is None:
            raise ValueError("guidance goes from no class to a class; say which classes")
        rows = self.rows(self.schedule.steps(times, eta), guidance)
        if filling is not None:
            rows = self.refilled(rows, times, filling[2])
        total = len(rows[0])
        stops = np.linspace(0, total, max(frames, 2)).round().astype(int).tolist() if watch else [total]

        def turn(done: int) -> None:
            if watch is not None:
                watch(done, total, self.outward(walk.x.clone()), self.outward(walk.estimate.clone()))

        with self.walk(x.shape[0], x.dtype, classes is not None, guided, filling is not None) as walk:
            assign(walk.x, x)
            assign(walk.estimate, 0.0)
            if walk.classes is not None:
                assign(walk.classes, classes, slice(0, x.shape[0]))
            if filling is not None:
                assign(walk.known, filling[0])
                assign(walk.mask, filling[1])
            walk.generator.set_state(source.get_state())
            try:
                with evaluating(self), no_grad():  # type: ignore[arg-type]
                    walk.run(rows, stops, turn)
            finally:
                source.set_state(walk.generator.get_state())
            end = walk.x.clone()
        if not np.isfinite(end.data).all():
            raise FloatingPointError(
                "the way back from noise met NaN or infinity: look at the network's weights, and at the data "
                "given"
            )
        drawn: Tensor = self.outward(end)
        if self.data_range is not None:
            drawn = autograd.clamp(drawn, *self.data_range)
        return drawn

    def rows(self, steps: Steps, guidance: float) -> list[np.ndarray]:
        """What each step is told: (K,) each."""
        from_xt, from_output = to_x0(self.schedule, self.objective, steps.t)
        told = np.full(len(steps.t), guidance)
        return [steps.t, told, from_xt, from_output, steps.x0_share, steps.xt_share, steps.spread]

    def refilled(self, rows: list[np.ndarray], times: np.ndarray, resamplings: int) -> list[np.ndarray]:
        """Rows for in-painting: each step so many times, with what is known at its end, and the way back into
        noise between; not at the last step, which makes no more noise."""
        here, there = self.schedule.left(times[:-1]), self.schedule.left(times[1:])
        counts = np.where(times[1:] >= 0, resamplings, 1)
        last = np.cumsum(counts) - 1  # of each step's repetitions
        again, stir = (np.repeat(c, counts) for c in (np.sqrt(here / there), np.sqrt(1 - here / there)))
        again[last], stir[last] = 1.0, 0.0
        rows = [np.repeat(c, counts) for c in (*rows, np.sqrt(there), np.sqrt(1 - there))]
        return [*rows, again, stir]

    @contextlib.contextmanager
    def walk(self, *key: Any) -> Iterator[Walk]:
        """The program for such a batch, made once; while it runs, whoever draws too (in `watch`) has
        another."""
        walks, marks = self.walks, (*key, self.data_range is not None)
        walk = walks.pop(marks, None)
        while len(walks) >= KEPT:
            del walks[next(iter(walks))]
        walk = walk or Walk(self, *key)
        try:
            yield walk
        finally:
            walks[marks] = walk

    @property
    def walks(self) -> dict[Any, Walk]:
        found: dict[Any, Walk] = vars(self).setdefault("walks_", {})
        return found

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "walks_"}  # they have addresses


def ddpm(steps: int | None, eta: float | None) -> float:
    """eta, or what it is by default."""
    return (1.0 if steps is None else 0.0) if eta is None else eta
