"""Averages of a model's weights over its training, under PyTorch's names (torch.optim.swa_utils).

The weights of a training step jump around the place that they drift to; their average lies nearer to it.
Models that draw owe it much of their quality (Ho et al. 2020 sample from an exponential average only).
"""

from __future__ import annotations

import copy
import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import autograd
from autograd import Tensor
from autograd.ops.update import assign
from autograd.tape import no_grad
from nn.module import Module
from nn.utils.spectral_norm import norms

__all__ = ["AveragedModel", "get_ema_avg_fn", "get_swa_avg_fn"]

AvgFn = Callable[[Any, Any, Any], Any]
MultiAvgFn = Callable[[Sequence[Any], Sequence[Any], Any], None]


class Blend:
    """An avg_fn kept * averaged + (1 - kept) * current, with one `kept(num_averaged)` for all parameters."""

    def __init__(self, kept: Callable[[Any], Any]) -> None:
        self.kept = kept

    def __call__(self, averaged: Any, current: Any, num_averaged: Any) -> Any:
        kept = self.kept(num_averaged)
        return kept * averaged + (1 - kept) * current


def get_ema_avg_fn(decay: float = 0.999, warmup: bool = False) -> AvgFn:
    """The exponential moving average, average <- decay average + (1 - decay) weight.

    warmup   begin with the shorter memory min(decay, (1 + n) / (10 + n)) after n updates, so that the
             first, random weights are soon forgotten

    ValueError if decay is not in [0, 1].

    >>> get_ema_avg_fn(0.75)(1.0, 2.0, 7)
    1.25
    """
    if not 0 <= decay <= 1:
        raise ValueError(f"get_ema_avg_fn: want a decay in [0, 1], got {decay}")
    return Blend(functools.partial(warming if warmup else constant, decay))


def get_swa_avg_fn() -> AvgFn:
    """The mean of the weights of all updates (Izmailov et al. 2018)."""
    return Blend(counting)


# What is kept of the average after n updates: functions of the module, so that averages can be pickled.


def constant(decay: float, n: Any) -> Any:
    return decay


def warming(decay: float, n: Any) -> Any:
    return autograd.clamp((1 + n) / (10 + n), max=decay)


def counting(n: Any) -> Any:
    return n / (n + 1)


class AveragedModel(Module):
    """A copy of `model` whose weights are an average of those that `model` had at each update_parameters().

    model         copied deeply, into `module`
    avg_fn        (averaged, current, num_averaged) -> the new average of a parameter, from tensors; the mean
                  of all by default, get_ema_avg_fn() for the exponential average
    multi_avg_fn  instead of it: (averages, currents, num_averaged), lists; writes the averages in place
    use_buffers   average buffers too (say, the running statistics of batch norms); else they are copied, as
                  integers always are. Spectral norms have singular vectors of the averaged weights

    The first update copies. An update may stand in a jitted step, behind the optimiser's; nn.Trainer does so
    with its `average`.

    >>> import autograd, nn
    >>> model = nn.Linear(2, 1)
    >>> averaged = AveragedModel(model, avg_fn=get_ema_avg_fn(0.9))
    >>> averaged.update_parameters(model)
    >>> with autograd.no_grad():
    ...     before, _ = model.bias.item(), model.bias.add_(1.0)
    >>> averaged.update_parameters(model)
    >>> round(averaged.module.bias.item() - before, 5), averaged.n_averaged.item()
    (0.1, 2)
    """

    n_averaged: Tensor

    def __init__(
        self,
        model: Module,
        *,
        avg_fn: AvgFn | None = None,
        multi_avg_fn: MultiAvgFn | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise ValueError("AveragedModel: give avg_fn or multi_avg_fn, not both")
        self.module = copy.deepcopy(model)
        self.register_buffer("n_averaged", Tensor(np.zeros((), np.int64)))
        self.avg_fn = avg_fn or get_swa_avg_fn()
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers = use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.module(*args, **kwargs)

    @no_grad()
    def update_parameters(self, model: Module) -> None:
        """Take the present weights of `model`, of the same structure, into the average."""
        averages, currents = self.averaged(self.module), self.averaged(model)
        if [p.shape for p in averages] != [p.shape for p in currents]:
            raise ValueError("update_parameters: this model has other parameters than the averaged one")
        for average, new in zip(averages, self.updated(averages, currents), strict=True):
            assign(average, new)
        for mine, theirs in zip(buffers(self.module), buffers(model), strict=True):
            if mine.numel() and (not self.use_buffers or mine.dtype.kind != "f"):
                assign(mine, theirs)
        for (norm, weight), (other, _) in zip(norms(self.module), norms(model), strict=True):
            for mine, first in zip(norm.buffers(), other.buffers(), strict=True):
                assign(mine, autograd.where(self.n_averaged == 0, first, mine))
            norm.iterate(weight, norm.iterations)
        assign(self.n_averaged, self.n_averaged + 1)

    def averaged(self, model: Module) -> list[Tensor]:
        """What is averaged of a model."""
        more = buffers(model) if self.use_buffers else ()
        return [p.detach() for p in itertools.chain(model.parameters(), more) if p.dtype.kind == "f"]

    def updated(self, averages: list[Tensor], currents: list[Tensor]) -> list[Any]:
        """The new averages. Whether this is the first update is no question for Python, in a program."""
        n = self.n_averaged
        pairs = list(zip(averages, currents, strict=True))
        if self.multi_avg_fn is None and isinstance(self.avg_fn, Blend):
            count = n.to(np.float64)
            kept = autograd.where(count == 0, 0.0, self.avg_fn.kept(count))  # 0 copies: weights are finite
            cast = {p.dtype: kept.to(p.dtype) for p in averages}
            return [cast[a.dtype] * a + (1 - cast[a.dtype]) * p for a, p in pairs]
        if self.multi_avg_fn is None:
            news = [self.avg_fn(average, p, n) for average, p in pairs]
        else:
            self.multi_avg_fn(averages, currents, n)
            news = averages
        return [autograd.where(n == 0, p, new) for p, new in zip(currents, news, strict=True)]


def buffers(model: Module) -> list[Tensor]:
    """All buffers but the singular vectors of spectral norms, which are of their own weights."""
    vectors = {id(x) for norm, _ in norms(model) for x in norm.buffers()}
    return [x for x in model.buffers() if id(x) not in vectors]
