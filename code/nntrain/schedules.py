"""Schedules: the learning rate as a function of the step (chapter 6).

A schedule is a pure function: `schedule(step)` returns the rate as a Python float, with
step = 0, 1, 2, … Give it to an optimiser in place of a number, `SGD(network,
lr=cosine(0.1, total_steps=1000))`. Schedules count *steps*; `per_epoch` makes one that
was written for epochs count steps too. They can be copied and pickled. All raise
`ValueError` for numbers that are not above 0.
"""

from __future__ import annotations

import copy
import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from nntrain.checks import number, whole_number
from nntrain.data import Batches
from nntrain.runchecks import check_training

__all__ = [
    "Schedule",
    "constant",
    "cosine",
    "exponential",
    "inverse_time",
    "linear",
    "lr_range_test",
    "one_cycle",
    "per_epoch",
    "step_decay",
    "warmup",
]

Schedule = Callable[[int], float]


class _Made:
    """A schedule that knows how it was made, so that it can be copied and pickled."""

    def __init__(self, maker: Callable[..., Schedule], *args: Any, **kwargs: Any):
        self.recipe = functools.partial(maker, *args, **kwargs)
        self.rate: Schedule = vars(maker)["__wrapped__"](*args, **kwargs)

    def __call__(self, step: int) -> float:
        return float(self.rate(step))

    def __reduce__(self) -> tuple[Any, ...]:
        return self.recipe, ()

    def __repr__(self) -> str:
        settings = [f"{value!r}" for value in self.recipe.args]
        settings += [
            f"{name}={value!r}" for name, value in self.recipe.keywords.items()
        ]
        return f"{self.recipe.func.__name__}({', '.join(settings)})"


def _picklable(maker: Callable[..., Schedule]) -> Callable[..., Schedule]:
    """Let the schedules of `maker` be copied and pickled, though they are local."""

    @functools.wraps(maker)
    def made(*args: Any, **kwargs: Any) -> Schedule:
        return _Made(made, *args, **kwargs)

    return made


@_picklable
def constant(lr: float) -> Schedule:
    """η at every step."""
    _positive(lr=lr)
    return lambda step: lr


@_picklable
def step_decay(lr: float, factor: float, every: int) -> Schedule:
    """η·factor^⌊step/every⌋: a drop by `factor` every `every` steps.

    >>> schedule = step_decay(1.0, factor=0.1, every=10)
    >>> schedule(9), schedule(10)
    (1.0, 0.1)
    """
    _positive(lr=lr, factor=factor, every=every)
    return lambda step: lr * factor ** (step // every)


@_picklable
def exponential(lr: float, factor: float) -> Schedule:
    """η·factor^step: the same shrinking at every step (growth, for a factor above 1)."""
    _positive(lr=lr, factor=factor)
    return lambda step: lr * factor**step


@_picklable
def inverse_time(lr: float, rate: float) -> Schedule:
    """η/(1 + rate·step): slow enough that the steps still sum to infinity.

    Source: Robbins and Monro (1951).
    """
    _positive(lr=lr, rate=rate)
    return lambda step: lr / (1 + rate * step)


@_picklable
def cosine(lr: float, total_steps: int, final: float = 0.0) -> Schedule:
    """From η to `final` along half a cosine over `total_steps`, then `final`.

    final + (η − final)·½(1 + cos(π·step/total_steps)).

    Source: Loshchilov and Hutter (2017).

    >>> [round(cosine(1.0, 4)(step), 3) for step in range(6)]
    [1.0, 0.854, 0.5, 0.146, 0.0, 0.0]
    """
    _positive(lr=lr, total_steps=total_steps)
    final = number("final", final, high=lr, closed_high=True)

    def schedule(step: int) -> float:
        progress = min(step / total_steps, 1.0)
        return final + (lr - final) * 0.5 * (1 + math.cos(math.pi * progress))

    return schedule


@_picklable
def linear(lr: float, total_steps: int, final: float = 0.0) -> Schedule:
    """From η to `final` in a straight line over `total_steps`, then `final`.

    >>> [round(linear(1.0, 4)(step), 3) for step in range(6)]
    [1.0, 0.75, 0.5, 0.25, 0.0, 0.0]
    """
    _positive(lr=lr, total_steps=total_steps)
    final = number("final", final, high=lr, closed_high=True)
    return lambda step: lr + (final - lr) * min(step / total_steps, 1.0)


@_picklable
def one_cycle(
    lr: float,
    total_steps: int,
    *,
    rise: float = 0.3,
    start: float | None = None,
    final: float | None = None,
) -> Schedule:
    """Up from `start` to η, then down to `final`, both along half a cosine.

    The climb takes the share `rise` of the `total_steps`; the last of them has the rate
    `final`, as have all after it. As in PyTorch, `start` is η/25 and `final` is
    start/10,000 unless given. Source: Smith and Topin (2019).
    """
    _positive(lr=lr, rise=rise)
    number("rise", rise, high=1)
    total_steps = whole_number("total_steps", total_steps, least=2)
    low = number("start", lr / 25 if start is None else start, high=lr)
    end = number("final", low / 1e4 if final is None else final, high=lr)
    peak, last = max(rise * total_steps - 1, 0.0), total_steps - 1

    def schedule(step: int) -> float:
        if step <= peak:
            return _half_cosine(low, lr, step / peak if peak else 1.0)
        return _half_cosine(lr, end, min((step - peak) / (last - peak), 1.0))

    return schedule


def _half_cosine(start: float, end: float, progress: float) -> float:
    """From `start` to `end` while `progress` goes from 0 to 1, level at both ends."""
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * progress))


@_picklable
def warmup(schedule: Schedule | float, steps: int) -> Schedule:
    """Climb in a straight line over `steps` steps, then follow `schedule`.

    The climb ends at the first rate of `schedule`. Its first step already moves: its
    rate is 1/steps of the full one.

    >>> [warmup(1.0, 4)(step) for step in range(6)]
    [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    """
    steps = whole_number("steps", steps)
    after = schedule if callable(schedule) else constant(schedule)
    return lambda step: (
        after(0) * (step + 1) / steps if step < steps else after(step - steps)
    )


@_picklable
def per_epoch(schedule: Schedule, steps_per_epoch: int) -> Schedule:
    """A schedule of epochs as one of steps: the rate changes when an epoch begins."""
    steps_per_epoch = whole_number("steps_per_epoch", steps_per_epoch)
    if not callable(schedule):
        raise ValueError(
            f"per_epoch needs a schedule, a function of the epoch, got {schedule!r}"
        )
    return lambda step: schedule(step // steps_per_epoch)


def lr_range_test(
    network: Any,
    loss: Any,
    make_optimizer: Callable[[Any, Schedule], Any],
    train: Batches,
    *,
    lr_min: float = 1e-5,
    lr_max: float = 10.0,
    steps: int = 100,
    stop_factor: float = 4.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Raise the rate from `lr_min` to `lr_max`, by a constant factor a step.

    Returns the rates and the losses, one each a step. `make_optimizer(network, lr)`
    builds the optimiser, as in `lambda network, lr: SGD(network, lr)`. The test runs on
    copies: `network` keeps its weights, and `train` the order of its batches to come,
    which are repeated as often as needed. It stops once the loss exceeds `stop_factor`
    times its lowest value, or is not a number.

    Raises `ValueError` for rates that are not positive or not in order, steps below 1,
    a stop_factor up to 1, a loss that is not one number, and for an optimiser of
    another network or with another rate than the ones it is given. Source: Smith
    (2017).
    """
    _check_range(lr_min, lr_max, steps, stop_factor)
    train = copy.copy(train)
    network, train.rng = copy.deepcopy((network, train.rng))
    schedule = exponential(lr_min, (lr_max / lr_min) ** (1 / max(steps - 1, 1)))
    optimizer = make_optimizer(network, schedule)
    _check_optimizer(network, loss, optimizer, train, lr_min)
    rates: list[float] = []
    losses: list[float] = []
    with np.errstate(over="ignore", invalid="ignore"):
        while len(losses) < steps:
            for x, y in train:
                losses.append(loss.forward(network.forward(x, training=True), y))
                network.backward(loss.backward())
                optimizer.step()
                rates.append(optimizer.lr)
                if len(losses) == steps or not losses[-1] <= stop_factor * min(losses):
                    return np.array(rates), np.array(losses)
    return np.array(rates), np.array(losses)


def _check_range(lr_min: float, lr_max: float, steps: int, stop_factor: float) -> None:
    number("lr_min", lr_min, open_low=True)
    number("lr_max", lr_max, lr_min, open_low=True)
    number("stop_factor", stop_factor, 1, open_low=True, closed_high=True)
    whole_number("steps", steps)


def _check_optimizer(
    network: Any, loss: Any, optimizer: Any, train: Any, lr_min: float
) -> None:
    check_training(network, loss, optimizer, train)
    if not math.isclose(optimizer.lr, lr_min):
        raise ValueError(
            "make_optimizer(network, lr) must use the lr it is given, "
            f"{lr_min:g} at first, but its optimiser begins with {optimizer.lr:g}"
        )


def _positive(**values: float) -> None:
    for name, value in values.items():
        number(name, value, open_low=True)
