"""The run that chapters 4 and 5 repeat: a small network, real 8×8 digits, one optimiser.

A single run takes a few hundredths of a second, so that twenty seeds are no luxury. The
chapters show these functions; the long sweeps behind `book/data` call the same ones.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from nntrain import (
    SGD,
    Batches,
    CrossEntropyLoss,
    Linear,
    ReLU,
    Sequential,
    evaluate,
    fit,
)
from nntrain.datasets import load_digits

__all__ = ["digits_run", "loss_after_updates", "small_network"]

_digits = functools.cache(load_digits)


def small_network(seed: int) -> Sequential:
    """A 64–32–10 network with ReLU units and weights from `seed`."""
    rng = np.random.default_rng(seed)
    return Sequential(Linear(64, 32, rng=rng), ReLU(), Linear(32, 10, rng=rng))


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


def loss_after_updates(batch_size: int, lr: float, seed: int, updates: int) -> float:
    """The loss on all training images after so many updates of plain SGD.

    A run that has diverged to nan counts as infinite.
    """
    x, y = _digits().x_train, _digits().y_train
    network, rng = small_network(seed), np.random.default_rng(200 + seed)
    loss, optimizer, done = CrossEntropyLoss(), SGD(network, lr=lr), 0
    with np.errstate(over="ignore", invalid="ignore"):
        while True:
            for batch_x, batch_y in Batches(x, y, batch_size, rng=rng):
                if done == updates:
                    final = loss.forward(network.predict(x), y)
                    return float(np.nan_to_num(final, nan=np.inf))
                loss.forward(network.forward(batch_x, training=True), batch_y)
                network.backward(loss.backward())
                optimizer.step()
                done += 1
