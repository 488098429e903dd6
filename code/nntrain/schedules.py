"""Schedules: the learning rate as a function of the step (chapter 5).

A schedule is a pure function: ``schedule(step)`` returns the rate as a Python float, with step = 0, 1, 2, …
Give it to an optimiser in place of a number, ``SGD(network, lr=cosine(0.1, total_steps=1000))``. Schedules
count *steps*; ``per_epoch`` makes one that was written for epochs count steps too. All raise ``ValueError``
for numbers that are not above 0.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from nntrain.checks import number, scalar_loss, whole_number
from nntrain.data import Batches

__all__ = [
    "Schedule",
    "constant",
    "cosine",
    "exponential",
    "inverse_time",
    "linear",
    "lr_range_test",
    "per_epoch",
    "step_decay",
    "warmup",
]

Schedule = Callable[[int], float]


def constant(lr: float) -> Schedule:
    """η at every step."""
    _positive(lr=lr)
    return lambda step: float(lr)


def step_decay(lr: float, factor: float, every: int) -> Schedule:
    """η·factor^⌊step/every⌋: a drop by ``factor`` every ``every`` steps.

    >>> schedule = step_decay(1.0, factor=0.1, every=10)
    >>> schedule(9), schedule(10)
    (1.0, 0.1)
    """
    _positive(lr=lr, factor=factor, every=every)
    return lambda step: float(lr * factor ** (step // every))


def exponential(lr: float, factor: float) -> Schedule:
    """η·factor^step: the same small shrinking at every step (growth, for a factor above 1)."""
    _positive(lr=lr, factor=factor)
    return lambda step: float(lr * factor**step)


def inverse_time(lr: float, rate: float) -> Schedule:
    """η/(1 + rate·step): slow enough that the steps still sum to infinity (Robbins and Monro, 1951)."""
    _positive(lr=lr, rate=rate)
    return lambda step: float(lr / (1 + rate * step))


def linear(lr: float, total_steps: int, final: float = 0.0) -> Schedule:
    """From η to ``final`` in a straight line over ``total_steps``, then ``final``.

    >>> [linear(1.0, 4)(step) for step in range(6)]
    [1.0, 0.75, 0.5, 0.25, 0.0, 0.0]
    """
    _positive(lr=lr, total_steps=total_steps)
    final = number("final", final, high=lr, closed_high=True)
    return lambda step: float(lr + (final - lr) * min(step / total_steps, 1.0))


def cosine(lr: float, total_steps: int, final: float = 0.0) -> Schedule:
    """From η to ``final`` along half a cosine over ``total_steps``, then ``final``.

    Source: Loshchilov and Hutter (2017).

    >>> [round(cosine(1.0, 4)(step), 3) for step in range(6)]
    [1.0, 0.854, 0.5, 0.146, 0.0, 0.0]
    """
    _positive(lr=lr, total_steps=total_steps)
    final = number("final", final, high=lr, closed_high=True)

    def schedule(step: int) -> float:
        progress = min(step / total_steps, 1.0)
        return float(final + (lr - final) * 0.5 * (1 + math.cos(math.pi * progress)))

    return schedule


def warmup(schedule: Schedule | float, steps: int) -> Schedule:
    """Climb in a straight line over the first ``steps`` steps, then follow ``schedule``, which starts there.

    The first step already moves: its rate is 1/steps of the full one.

    >>> [warmup(1.0, 4)(step) for step in range(6)]
    [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    """
    steps = whole_number("steps", steps)
    after = schedule if callable(schedule) else constant(schedule)
    return lambda step: float(
        after(0) * (step + 1) / steps if step < steps else after(step - steps)
    )


def per_epoch(schedule: Schedule, steps_per_epoch: int) -> Schedule:
    """A schedule of epochs as one of steps: the rate changes only when a new epoch begins."""
    steps_per_epoch = whole_number("steps_per_epoch", steps_per_epoch)
    if not callable(schedule):
        raise ValueError(
            f"per_epoch needs a schedule, a function of the epoch, got {schedule!r}"
        )
    return lambda step: float(schedule(step // steps_per_epoch))


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
    """Raise the rate from ``lr_min`` to ``lr_max``, a constant factor a step, and record the loss.

    ``make_optimizer(network, lr)`` builds the optimiser, as in ``lambda network, lr: SGD(network, lr)``.
    The test runs on copies: ``network`` keeps its weights and ``train`` the order of its batches to come. It
    stops once the loss exceeds ``stop_factor`` times its lowest value. ``train`` is gone through as often as
    needed. Returns the rates and the losses, one each a step. Raises ``ValueError`` for rates that are not
    positive or not in order, steps below 1, a stop_factor up to 1, and a loss that is not one number.
    Source: Smith (2017).
    """
    number("lr_min", lr_min, open_low=True)
    number("lr_max", lr_max, lr_min, open_low=True)
    number("stop_factor", stop_factor, 1, open_low=True, closed_high=True)
    scalar_loss(loss)
    whole_number("steps", steps)
    train = copy.copy(train)
    network, train.rng = copy.deepcopy((network, train.rng))
    optimizer = make_optimizer(
        network, exponential(lr_min, (lr_max / lr_min) ** (1 / max(steps - 1, 1)))
    )
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


def _positive(**values: float) -> None:
    for name, value in values.items():
        number(name, value, open_low=True)
