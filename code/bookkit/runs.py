"""What several chapters run: a small network on real 8×8 digits, and a stopwatch.

A single training run takes a few hundredths of a second, so that twenty seeds are no luxury. The
chapters show these functions; the long sweeps behind `book/data` call the same ones.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from nntrain import (
    SGD,
    Batches,
    CrossEntropyLoss,
    Linear,
    ReLU,
    Sequential,
    accuracy,
    evaluate,
    fit,
    train_val_split,
)
from nntrain.datasets import load_digits

__all__ = [
    "digits_run",
    "loss_after_updates",
    "seconds",
    "small_network",
    "updates_to_goal",
    "validation_run",
]

_digits = functools.cache(load_digits)


@functools.cache
def _split_digits() -> tuple[np.ndarray, ...]:
    """The training images, 300 of them set aside for validation."""
    digits = _digits()
    rng = np.random.default_rng(11)
    return train_val_split(digits.x_train, digits.y_train, 300, rng=rng)


def small_network(seed: int, width: int = 32) -> Sequential:
    """A network of 64 inputs, `width` ReLU units and 10 outputs, with weights from `seed`."""
    rng = np.random.default_rng(seed)
    return Sequential(Linear(64, width, rng=rng), ReLU(), Linear(width, 10, rng=rng))


def digits_run(
    make_optimizer: Callable[[Sequential], Any],
    seed: int,
    epochs: int = 5,
    batch_size: int = 32,
) -> tuple[np.ndarray, float]:
    """The loss of every step, and the loss on all training images at the end."""
    x, y = _digits().x_train, _digits().y_train
    network, rng = small_network(seed), np.random.default_rng(100 + seed)
    batches = Batches(x, y, batch_size, drop_last=True, rng=rng)
    loss, optimizer = CrossEntropyLoss(), make_optimizer(network)
    history = fit(network, loss, optimizer, batches, epochs=epochs, progress=False)
    return np.array(history.step_loss), evaluate(network, loss, x, y)["loss"]


def loss_after_updates(
    batch_size: int,
    lr: float,
    seed: int,
    updates: int,
    make_optimizer: Callable[..., Any] = SGD,
) -> float:
    """The loss on all training images after so many updates, by default of plain SGD.

    A run that has diverged to nan counts as infinite.
    """
    heights = _heights(batch_size, lr, seed, {updates}, make_optimizer, False)
    return next(height for _, height in heights)


def updates_to_goal(
    batch_size: int, lr: float, seed: int, goal: float, most: int
) -> int | None:
    """How many updates of plain SGD bring the loss on all training images below `goal`.

    Every batch is full. The loss is looked up after every update at first, later after every
    3 % more of them. None if `most` updates are not enough.
    """
    looks = set(np.geomspace(1, most, 300).astype(int).tolist())
    for done, height in _heights(batch_size, lr, seed, looks, SGD, True):
        if height < goal:
            return done
    return None


def _heights(
    batch_size: int,
    lr: float,
    seed: int,
    looks: set[int],
    make_optimizer: Callable[..., Any],
    drop_last: bool,
) -> Iterator[tuple[int, float]]:
    """Train; after each number of updates in `looks`, that number and the loss of all."""
    x, y = _digits().x_train, _digits().y_train
    network, rng = small_network(seed), np.random.default_rng(200 + seed)
    loss, optimizer, done = CrossEntropyLoss(), make_optimizer(network, lr=lr), 0
    batches = Batches(x, y, batch_size, drop_last=drop_last, rng=rng)
    last = max(looks)
    with np.errstate(over="ignore", invalid="ignore"):
        while done < last:
            for batch_x, batch_y in batches:
                loss.forward(network.forward(batch_x, training=True), batch_y)
                network.backward(loss.backward())
                optimizer.step()
                done += 1
                if done in looks:
                    height = loss.forward(network.predict(x), y)
                    yield done, float(np.nan_to_num(height, nan=np.inf))
                if done == last:
                    return


def validation_run(
    seed: int,
    lr: float,
    *,
    momentum: float = 0.0,
    weight_decay: float = 0.0,
    width: int = 32,
) -> tuple[float, float]:
    """Loss and accuracy on the 300 validation images after ten epochs in batches of 32.

    A run that has diverged to nan counts as infinite.
    """
    x, y, x_val, y_val = _split_digits()
    network, rng = small_network(seed, width), np.random.default_rng(100 + seed)
    optimizer = SGD(network, lr=lr, momentum=momentum, weight_decay=weight_decay)
    loss, batches = CrossEntropyLoss(), Batches(x, y, 32, rng=rng)
    with np.errstate(over="ignore", invalid="ignore"):
        fit(network, loss, optimizer, batches, epochs=10, progress=False)
        found = evaluate(network, loss, x_val, y_val, metrics=(accuracy,))
    return float(np.nan_to_num(found["loss"], nan=np.inf)), found["accuracy"]


def seconds(*runs: Callable[[], Any], repeats: int = 7) -> np.ndarray:
    """The best time of each function, in seconds; they take turns."""
    times = np.empty((repeats, len(runs)))
    for row in times:
        for i, run in enumerate(runs):
            start = time.perf_counter()
            run()
            row[i] = time.perf_counter() - start
    return times.min(axis=0)
