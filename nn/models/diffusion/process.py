"""Diffusion: noise comes to a picture step by step, and a network learns to say what of it is noise.

(Sohl-Dickstein et al. 2015; Ho, Jain and Abbeel 2020.) The schedule has the arithmetic, the network is
anything called as network(x, t, classes) -> like x, `sampling` has the way back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

import autograd
from autograd import Tensor
from autograd.tape import TRACE, mode
from nn.models.diffusion.likelihood import Bits, bits_per_dim
from nn.models.diffusion.sampling import Sampling
from nn.models.diffusion.schedules import Schedule
from nn.models.ranges import within
from nn.module import Module

__all__ = ["Diffusion", "Predictions"]

OBJECTIVES = ("noise", "x0", "v")
SLACK = 1e-4  # by which data may leave their range: rounding


def known(name: str, objective: str) -> str:
    if objective not in OBJECTIVES:
        raise ValueError(f"{name}: want an objective among {', '.join(OBJECTIVES)}, got {objective!r}")
    return objective


class Predictions(NamedTuple):
    """One statement in three ways; each follows from either other and x_t."""

    noise: Any
    x0: Any
    v: Any


class Diffusion(Sampling, Module):
    """Trains `network` to take noise away, and draws with it.

    network     called as network(x, t) or network(x, t, classes) -> like x: x (N, *shape), t (N,), whole
                numbers 0 ... timesteps - 1 as floats, classes int64 (N,). One with classes says how many in
                `network.classes`, and takes that number itself for "none" (UNet, PointDenoiser)
    shape       of one example, say (1, 28, 28), or (2,) for points of the plane
    schedule    "linear", "cosine", "sigmoid" or the betas
    objective   what the network's output means: "noise", "x0", or "v" = sqrt(a) noise - sqrt(1 - a) x_0
                (Salimans and Ho 2022). With data_range=None, where nothing is clipped, take "v" or "x0":
                x_0 as it follows from "noise" is divided by sqrt(a), at the last times next to nothing
    min_snr     if given, losses are weighted by min(snr, min_snr), as losses of x_0 count it (Hang et al.
                2023; they take 5): steps of little noise, the easy ones, count for less
    drop        of a network with classes: how often it is told none in training, for guidance
    data_range  the range of the data, mapped to [-1, 1] inside, where what is drawn is clipped to it; None:
                data as they are, for points of about unit variance

    Called on examples in data_range it gives their losses, each at a random t, so training is the trainer's:

    >>> import autograd, nn
    >>> from nn.models import Diffusion, PointDenoiser
    >>> from nn.data import DataLoader, TensorDataset
    >>> from nn.optim.swa_utils import AveragedModel, get_ema_avg_fn
    >>> _ = autograd.manual_seed(0)
    >>> points = autograd.randn(256, 2)
    >>> diffusion = Diffusion(PointDenoiser(2, width=32), (2,), timesteps=20, data_range=None)
    >>> average = AveragedModel(diffusion, avg_fn=get_ema_avg_fn(0.9))
    >>> trainer = nn.Trainer(diffusion, lambda losses, target: losses.mean(),
    ...                      nn.optim.Adam(diffusion.parameters()), average=average, jit=True, progress=False)
    >>> history = trainer.fit(DataLoader(TensorDataset(points, points), batch_size=64), epochs=2)
    >>> average.module.sample(5).shape
    (5, 2)
    """

    tables: Tensor

    def __init__(
        self,
        network: Module,
        shape: Sequence[int],
        *,
        timesteps: int = 1000,
        schedule: Any = "linear",
        objective: str = "noise",
        min_snr: float | None = None,
        drop: float = 0.1,
        data_range: tuple[float, float] | None = (0.0, 1.0),
    ) -> None:
        super().__init__()
        if isinstance(shape, int):
            raise ValueError(f"Diffusion: want the shape of one example, ({shape},) say, got {shape}")
        if not 0 <= drop <= 1:
            raise ValueError(f"Diffusion: want drop in [0, 1], got {drop}")
        if min_snr is not None and not min_snr > 0:
            raise ValueError(f"Diffusion: want min_snr > 0, got {min_snr}")
        if data_range is not None and not data_range[0] < data_range[1]:
            raise ValueError(f"Diffusion: want a data_range (low, high), got {data_range}")
        self.network = network
        self.shape = tuple(shape)
        self.schedule = Schedule.named(schedule, timesteps)
        self.timesteps = timesteps
        self.objective = known("Diffusion", objective)
        self.min_snr = min_snr
        self.drop = drop
        self.data_range = data_range
        self.classes: int | None = getattr(network, "classes", None)
        # A row for each t, so that a program finds its numbers by a tensor of times.
        columns = (self.schedule.signal, self.schedule.noise, self.loss_weights())
        self.register_buffer("tables", Tensor(np.stack(columns, 1).astype(np.float32)), persistent=False)

    def loss_weights(self) -> np.ndarray:
        """Of each t (T,): with min_snr, min(snr, min_snr) over an objective's own weight."""
        snr = self.schedule.snr
        if self.min_snr is None:
            return np.ones(len(snr))
        counts = {"noise": snr, "x0": np.ones_like(snr), "v": snr + 1}[self.objective]
        weights: np.ndarray = np.minimum(snr, self.min_snr) / counts
        return weights

    # The way into noise ---------------------------------------------------------------------------

    def at(self, t: Any) -> tuple[Any, Any, Any]:
        """signal, noise and loss weight at times int64 (N,): the first two (N, 1, ..., 1), to multiply by."""
        signal, noise, weight = autograd.embedding(self.tables, t).unbind(1)
        along = (-1, *(1 for _ in self.shape))
        return signal.reshape(along), noise.reshape(along), weight

    def q_sample(self, x0: Any, t: Any, noise: Any = None) -> Any:
        """x_t of x_0 (N, *shape) in [-1, 1] at times int64 (N,); `noise` like x_0 is drawn if not given."""
        signal, spread, _ = self.at(t)
        return signal * x0 + spread * (autograd.randn_like(x0) if noise is None else noise)

    def q_posterior(self, x0: Any, xt: Any, t: Any) -> tuple[Any, Any]:
        """Mean (N, *shape) and variance (N, 1, ..., 1) of x_(t-1), given x_t and x_0."""
        if not mode.word & TRACE and ((t.data < 0) | (t.data >= self.timesteps)).any():
            raise ValueError(f"q_posterior: want times 0 ... {self.timesteps - 1}, got {t.tolist()}")
        along = (-1, *(1 for _ in self.shape))
        a, b, variance = (Tensor(c.astype(xt.dtype))[t].reshape(along) for c in self.schedule.posterior())
        return a * x0 + b * xt, variance

    def predictions(self, xt: Any, t: Any, output: Any, objective: str | None = None) -> Predictions:
        """What an output says of x_t (N, *shape) at times (N,), in each objective's words."""
        signal, spread, _ = self.at(t)
        objective = known("predictions", objective or self.objective)
        if objective == "noise":
            noise, x0 = output, (xt - spread * output) / signal
        elif objective == "x0":
            noise, x0 = (xt - signal * output) / spread, output
        else:
            noise, x0 = spread * xt + signal * output, signal * xt - spread * output
        return Predictions(noise, x0, output if objective == "v" else signal * noise - spread * x0)

    # Training -------------------------------------------------------------------------------------

    def forward(self, x: Any, classes: Any = None) -> Any:
        """The losses (N,) of x (N, *shape) in data_range: mean squared errors of the objective, each at a t
        and with noise drawn from the default generator. classes int64 (N,)."""
        x0 = self.inward(x)
        count = x0.shape[0]
        t = autograd.randint(0, self.timesteps, (count,))
        noise = autograd.randn_like(x0)
        signal, spread, weight = self.at(t)
        target = {"noise": noise, "x0": x0}.get(self.objective)
        if target is None:
            target = signal * noise - spread * x0
        labels = self.labels(classes, count, none=False)
        output = self.called(signal * x0 + spread * noise, t, self.dropped(labels))
        errors = autograd.square(output - target).reshape(count, -1).mean(1)
        return self.of_data(errors if self.min_snr is None else weight * errors, x, labels)

    def loss(self, x: Any, classes: Any = None) -> Any:
        """The mean of the losses."""
        return self(x, classes).mean()

    def of_data(self, losses: Any, x: Any, classes: Any) -> Any:
        """The losses of data that inward() and labels() do not refuse; in a program as within() has it."""
        if self.data_range is not None:
            low, high = self.data_range
            losses = within(losses, x, low - SLACK, high + SLACK)
        if classes is not None:
            assert self.classes is not None
            losses = within(losses, classes, 0, self.classes - 1)
        return losses

    def dropped(self, classes: Any) -> Any:
        if classes is None or not self.drop or not self.training:
            return classes
        return autograd.where(autograd.rand(classes.shape[0]) < self.drop, self.classes, classes)

    def called(self, x: Any, t: Any, classes: Any) -> Any:
        """The network's output, of the shape of x."""
        t = t.to(x.dtype)
        output = self.network(x, t) if classes is None else self.network(x, t, classes)
        if tuple(output.shape) != tuple(x.shape):
            raise ValueError(
                f"Diffusion: the network made {tuple(output.shape)} of {tuple(x.shape)}; it must keep shapes"
            )
        return output

    # Data in and out ------------------------------------------------------------------------------

    def inward(self, x: Any) -> Any:
        """Data (N, *shape) as the network sees it."""
        x = autograd.as_tensor(x)
        if tuple(x.shape[1:]) != self.shape or len(x.shape) != len(self.shape) + 1:
            raise ValueError(
                f"Diffusion: made for examples of shape {self.shape}, want (N, *shape), got {tuple(x.shape)}"
            )
        if x.dtype.kind != "f":
            raise TypeError(f"Diffusion: want floats in {self.data_range or 'any range'}, got {x.dtype}")
        if x.dtype != self.tables.dtype:
            raise TypeError(
                f"Diffusion: its numbers are {self.tables.dtype}, the data {x.dtype}; give them as "
                f'{self.tables.dtype} (array.astype("{self.tables.dtype}")), or make it another (.double())'
            )
        if not x.shape[0]:
            raise ValueError(f"Diffusion: want at least one example, got {tuple(x.shape)}")
        if self.data_range is None:
            return x
        low, high = self.data_range
        if not mode.word & TRACE:
            least, most = float(x.data.min()), float(x.data.max())
            if least < low - SLACK or most > high + SLACK:
                raise ValueError(
                    f"Diffusion: want data in [{low:g}, {high:g}], got values from {least:g} to {most:g}; "
                    "scale them, or say their data_range"
                )
        return (x - low) * (2 / (high - low)) - 1

    def outward(self, x: Any) -> Any:
        """What the network sees as data; not clipped."""
        if self.data_range is None:
            return x
        low, high = self.data_range
        return (x + 1) * ((high - low) / 2) + low

    def labels(self, classes: Any, count: int, none: bool = True) -> Any:
        """Classes as int64 (count,), of one number or many; None as it is. With `none` they may be the number
        of classes, too, which means none of them."""
        if classes is None:
            return None
        if self.classes is None:
            raise ValueError("Diffusion: this network has no classes; make one with classes=their number")
        classes = autograd.as_tensor(classes)
        if tuple(classes.shape) in ((), (1,)):
            classes = classes.expand(count)
        if tuple(classes.shape) != (count,) or classes.dtype.kind not in "iu":
            raise ValueError(
                f"Diffusion: want {count} classes, integers (N,), got {classes.dtype} of shape "
                f"{tuple(classes.shape)}"
            )
        if not mode.word & TRACE and count:
            least, most = classes.data.min(), classes.data.max()
            if not 0 <= least <= most < self.classes + none:
                more = f" ({self.classes}: none)" if none else ""
                raise ValueError(
                    f"Diffusion: want classes 0 ... {self.classes - 1}{more}, got {least} to {most}"
                )
        return classes if classes.dtype == np.int64 else classes.to(np.int64)

    def bits_per_dim(self, x: Any, classes: Any = None, *, levels: int = 256, stride: int = 1) -> Bits:
        """How many bits a number of x (N, *shape) costs at most; see likelihood.bits_per_dim."""
        return bits_per_dim(self, x, classes, levels=levels, stride=stride)

    def extra_repr(self) -> str:
        return f"shape={self.shape}, timesteps={self.timesteps}, objective={self.objective!r}"
