"""Learning rates that change with time, under PyTorch's names.

A scheduler is stepped once an epoch (or a batch, OneCycleLR), after the optimiser; it writes the "lr" of
the optimiser's groups. Formulas are in closed form, functions of the step t = `last_epoch`, so that a
schedule can be resumed anywhere and never drifts.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from autograd.tape import replayed
from nn.optim.optimizer import Optimizer

__all__ = [
    "CosineAnnealingLR", "ConstantLR", "ExponentialLR", "LRScheduler", "LambdaLR", "LinearLR", "MultiStepLR",
    "OneCycleLR", "ReduceLROnPlateau", "StepLR",
]  # fmt: skip


class Schedule:
    """What all schedules have: an optimizer whose rates they write, and a state that can be stored."""

    optimizer: Optimizer

    def get_last_lr(self) -> list[float]:
        """The rates in use."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """All but the optimizer and functions, which can't be stored."""
        return {k: v for k, v in vars(self).items() if k not in ("optimizer", "lr_lambdas")}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on where state_dict() was called (the optimizer's own state holds the rates)."""
        vars(self).update(state_dict)


class LRScheduler(Schedule):
    """The base of schedules in time: a subclass writes `factor(t)`, by which the initial learning rates are
    multiplied, or get_lr(), one rate a group."""

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(self).__name__}: want an optimizer, got a {type(optimizer).__name__}")
        self.optimizer = optimizer
        for group in optimizer.param_groups:
            if last_epoch == -1:
                group["initial_lr"] = group["lr"]
            elif "initial_lr" not in group:
                raise KeyError(
                    "last_epoch without initial_lr in the optimizer's groups; load its state_dict first"
                )
        self.base_lrs: list[float] = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self.step()

    def factor(self, t: int) -> float:
        raise NotImplementedError

    def get_lr(self) -> list[float]:
        factor = self.factor(self.last_epoch)
        return [base * factor for base in self.base_lrs]

    @replayed
    def step(self) -> None:
        """Go one step on."""
        self.last_epoch += 1
        self.write()

    def write(self) -> None:
        for group, lr in zip(self.optimizer.param_groups, self.get_lr(), strict=True):
            group["lr"] = lr


class LambdaLR(LRScheduler):
    """lr = initial lr * lr_lambda(t); one function, or one a group.

    >>> import autograd, nn
    >>> optimizer = nn.optim.SGD([nn.Parameter(autograd.ones(1))], lr=1.0)
    >>> scheduler = LambdaLR(optimizer, lambda t: 1 / (1 + t))
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Callable[[int], float] | Sequence[Callable[[int], float]],
        last_epoch: int = -1,
    ) -> None:
        count = len(optimizer.param_groups)
        self.lr_lambdas = [lr_lambda] * count if callable(lr_lambda) else list(lr_lambda)
        if len(self.lr_lambdas) != count:
            raise ValueError(f"LambdaLR: {len(self.lr_lambdas)} functions for {count} parameter groups")
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        return [b * f(self.last_epoch) for b, f in zip(self.base_lrs, self.lr_lambdas, strict=True)]


class StepLR(LRScheduler):
    """Times gamma every step_size steps."""

    def __init__(
        self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def factor(self, t: int) -> float:
        return float(self.gamma ** (t // self.step_size))


class MultiStepLR(LRScheduler):
    """Times gamma at each of the milestones."""

    def __init__(
        self, optimizer: Optimizer, milestones: Sequence[int], gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.milestones = sorted(milestones)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def factor(self, t: int) -> float:
        return float(self.gamma ** bisect.bisect_right(self.milestones, t))


class ExponentialLR(LRScheduler):
    """Times gamma every step."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def factor(self, t: int) -> float:
        return float(self.gamma**t)


class ConstantLR(LRScheduler):
    """Times `factor` for the first total_iters steps."""

    def __init__(
        self, optimizer: Optimizer, factor: float = 1.0 / 3, total_iters: int = 5, last_epoch: int = -1
    ) -> None:
        self.early_factor = factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def factor(self, t: int) -> float:
        return self.early_factor if t < self.total_iters else 1.0


class LinearLR(LRScheduler):
    """From start_factor to end_factor in a straight line over total_iters steps (a warm-up)."""

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 < start_factor <= 1 or not 0 <= end_factor <= 1:
            raise ValueError(f"LinearLR: want factors in (0, 1], got {start_factor} and {end_factor}")
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def factor(self, t: int) -> float:
        part = min(t, self.total_iters) / self.total_iters
        return self.start_factor + (self.end_factor - self.start_factor) * part


class CosineAnnealingLR(LRScheduler):
    """Half a cosine from the initial rate to eta_min over T_max steps (Loshchilov and Hutter 2017), and
    back up after that, as in PyTorch.

        lr = eta_min + (initial lr - eta_min) (1 + cos(pi t / T_max)) / 2
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        wave = (1 + math.cos(math.pi * self.last_epoch / self.T_max)) / 2
        return [self.eta_min + (base - self.eta_min) * wave for base in self.base_lrs]


class OneCycleLR(LRScheduler):
    """Up from max_lr / div_factor to max_lr in the first pct_start of the steps, then down to
    max_lr / (div_factor final_div_factor); momentum the other way (Smith and Topin 2018). Stepped a batch.

    Give total_steps, or epochs and steps_per_epoch.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | Sequence[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float = 0.85,
        max_momentum: float = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise ValueError("OneCycleLR: give total_steps, or epochs and steps_per_epoch")
            total_steps = epochs * steps_per_epoch
        if total_steps < 1 or not 0 <= pct_start <= 1:
            raise ValueError(f"OneCycleLR: total_steps {total_steps} or pct_start {pct_start} out of range")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f'OneCycleLR: anneal_strategy must be "cos" or "linear", got {anneal_strategy!r}'
            )
        count = len(optimizer.param_groups)
        self.total_steps = total_steps
        self.anneal_strategy = anneal_strategy
        tops = [float(max_lr)] * count if isinstance(max_lr, int | float) else list(max_lr)
        if len(tops) != count:
            raise ValueError(f"OneCycleLR: {len(tops)} max_lr for {count} parameter groups")
        self.cycle_momentum = cycle_momentum
        if cycle_momentum and not all("momentum" in g or "betas" in g for g in optimizer.param_groups):
            raise ValueError("OneCycleLR: the optimizer has no momentum to cycle; pass cycle_momentum=False")
        # Each phase: its last step, and the heights at its ends (0 lowest rate, 1 start, 2 top).
        peak = pct_start * total_steps - 1
        last = float(total_steps - 1)
        self.phases: list[tuple[float, str, str]] = (
            [(peak, "start", "top"), (2 * peak, "top", "start"), (last, "start", "end")]
            if three_phase
            else [(peak, "start", "top"), (last, "top", "end")]
        )
        self.heights = [
            {"start": top / div_factor, "top": top, "end": top / div_factor / final_div_factor}
            for top in tops
        ]
        self.momenta = {"start": max_momentum, "top": base_momentum, "end": max_momentum}
        if last_epoch == -1:
            for group, height in zip(optimizer.param_groups, self.heights, strict=True):
                group["lr"] = height["start"]
        super().__init__(optimizer, last_epoch)

    def between(self, heights: Mapping[str, float]) -> float:
        """The value at the present step of something that has these heights."""
        t, begin = self.last_epoch, 0.0
        if t > self.total_steps:
            raise ValueError(f"OneCycleLR: step {t}, but the cycle ends at total_steps={self.total_steps}")
        for end, low, high in self.phases:
            if t <= end or end == self.phases[-1][0]:
                part = (t - begin) / (end - begin) if end > begin else 1.0
                if self.anneal_strategy == "cos":
                    return heights[high] + (heights[low] - heights[high]) * (1 + math.cos(math.pi * part)) / 2
                return heights[low] + (heights[high] - heights[low]) * part
            begin = end
        raise AssertionError("the last phase catches every step")

    def get_lr(self) -> list[float]:
        return [self.between(heights) for heights in self.heights]

    def write(self) -> None:
        super().write()
        if self.cycle_momentum:
            momentum = self.between(self.momenta)
            for group in self.optimizer.param_groups:
                if "betas" in group:
                    group["betas"] = (momentum, *group["betas"][1:])
                else:
                    group["momentum"] = momentum


class ReduceLROnPlateau(Schedule):
    """Times `factor` when a metric has not got better for more than `patience` steps.

    Call step(metric) once an epoch. "Better" means by more than `threshold` (relative or absolute, by
    threshold_mode), lower in mode "min", higher in mode "max"; `cooldown` steps after that don't count.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | Sequence[float] = 0.0,
        eps: float = 1e-8,
    ) -> None:
        if factor >= 1:
            raise ValueError(f"ReduceLROnPlateau: want factor < 1, got {factor}")
        if mode not in ("min", "max") or threshold_mode not in ("rel", "abs"):
            raise ValueError(
                'ReduceLROnPlateau: mode must be "min" or "max" and threshold_mode "rel" or "abs", got '
                f"{mode!r} and {threshold_mode!r}"
            )
        self.optimizer = optimizer
        count = len(optimizer.param_groups)
        self.min_lrs = [float(min_lr)] * count if isinstance(min_lr, int | float) else list(min_lr)
        if len(self.min_lrs) != count:
            raise ValueError(f"ReduceLROnPlateau: {len(self.min_lrs)} min_lr for {count} parameter groups")
        self.mode, self.factor, self.patience, self.cooldown = mode, factor, patience, cooldown
        self.threshold, self.threshold_mode, self.eps = threshold, threshold_mode, eps
        self.best = math.inf if mode == "min" else -math.inf
        self.num_bad_epochs = 0
        self.cooldown_counter = 0
        self.last_epoch = 0

    def is_better(self, a: float, best: float) -> bool:
        sign = -1 if self.mode == "min" else 1
        if self.threshold_mode == "abs":
            return sign * (a - best) > self.threshold
        return sign * (a - best * (1 + sign * self.threshold)) > 0

    @replayed
    def step(self, metrics: Any) -> None:
        """Note the metric of this epoch, and reduce the rates if it is time."""
        value = float(metrics)
        self.last_epoch += 1
        if self.is_better(value, self.best):
            self.best, self.num_bad_epochs = value, 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            for group, low in zip(self.optimizer.param_groups, self.min_lrs, strict=True):
                lr = max(group["lr"] * self.factor, low)
                if group["lr"] - lr > self.eps:
                    group["lr"] = lr
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
