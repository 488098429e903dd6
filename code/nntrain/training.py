"""The training loop (chapters 2 to 8)."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from nntrain.checks import scalar_loss, whole_number
from nntrain.data import Batches, check_data
from nntrain.history import History, Run
from nntrain.progress import progress_bar
from nntrain.runchecks import (
    Metric,
    check_callbacks,
    check_run,
    check_training,
    named_metrics,
)

__all__ = ["evaluate", "fit", "train_epoch"]


def fit(
    network: Any,
    loss: Any,
    optimizer: Any,
    train: Batches,
    val: tuple[np.ndarray, np.ndarray] | None = None,
    *,
    epochs: int,
    metrics: Sequence[Metric] = (),
    callbacks: Iterable[Any] = (),
    progress: bool = True,
    history: History | None = None,
) -> History:
    """Train `network` until the history has `epochs` epochs, and return the history.

    Each epoch records `train_loss` (the mean of the batches' losses, weighted with their
    sizes, while the weights move), `seconds` and, given `val = (x, y)`, `val_loss` and
    `val_<metric>`. Pass an earlier `history` to go on from it. The bar shows in a
    terminal and in live Jupyter, never in logs.

    Ctrl-C ends the run after what is done: network and history stay usable, and
    `history.stop_reason` says so. A run that diverges records inf or nan; the callback
    `StopOnDivergence` ends it.

    Raises `ValueError` unless `epochs` is a whole number ≥ 0, for a loss that is not one
    number, training data that are not `Batches`, an optimiser of another network,
    rebound weights, unusable validation data, metrics that are no functions, and
    callbacks that lack a hook (`on_...`).
    """
    epochs = whole_number("epochs", epochs, least=0)
    check_training(network, loss, optimizer, train)
    check_run(history, val)
    named, callbacks = named_metrics(metrics), check_callbacks(callbacks)
    history = History() if history is None else history
    history.stop_reason = ""
    run = Run(network, loss, optimizer, train, history, callbacks)
    with (
        progress_bar(epochs, len(history), progress) as bar,
        np.errstate(over="ignore", invalid="ignore"),
    ):
        try:
            run.call("on_train_begin")
            while len(history) < epochs and not run.stopped:
                record = train_epoch(run)
                if run.stopped:  # by a callback, midway
                    break
                if val is not None:
                    results = _results(network, loss, *val, named)
                    record |= {f"val_{name}": value for name, value in results.items()}
                history.epochs.append(record)
                bar.update()
                bar.set_postfix({name: f"{x:.4g}" for name, x in record.items()})
                run.call("on_epoch_end")
        except KeyboardInterrupt:
            whole, steps = len(history), len(history.step_loss)
            run.stop(f"interrupted after {whole} whole epochs, at step {steps}")
        run.call("on_train_end")
    return history


def train_epoch(run: Run) -> dict[str, float]:
    """Go through the training data once; return the mean loss and the seconds taken."""
    network, loss, optimizer, train = run.network, run.loss, run.optimizer, run.train
    step_loss = run.history.step_loss
    first, began = len(step_loss), time.perf_counter()
    for x, y in train:
        value = loss.forward(network.forward(x, training=True), y)
        network.backward(loss.backward())
        run.call("on_gradient")
        optimizer.step()
        step_loss.append(value)
        run.call("on_step_end")
        if run.stopped:
            break
    losses = step_loss[first:]
    mean = float(np.average(losses, weights=train.sizes[: len(losses)]))
    return {"train_loss": mean, "seconds": time.perf_counter() - began}


def evaluate(
    network: Any,
    loss: Any,
    x: np.ndarray,
    y: np.ndarray,
    *,
    metrics: Sequence[Metric] = (),
) -> dict[str, float]:
    """Return `{"loss": …, "<metric>": …}` on `(x, y)`, with nothing trained.

    A metric is a function `(outputs, targets) -> float`; its name becomes the key.
    Raises `ValueError` for unusable data, for a loss or a metric that is not one number,
    and for two metrics of one name.
    """
    scalar_loss(loss)
    check_data(np.asarray(x), np.asarray(y))
    return _results(network, loss, x, y, named_metrics(metrics))


def _results(
    network: Any, loss: Any, x: np.ndarray, y: np.ndarray, metrics: dict[str, Metric]
) -> dict[str, float]:
    outputs = network.predict(x)
    results = {"loss": float(loss.forward(outputs, y))}
    for name, metric in metrics.items():
        value = np.asarray(metric(outputs, y))
        if value.size != 1 or value.dtype.kind not in "fiub":
            raise ValueError(
                f"the metric {name} must return one number, "
                f"got {value.dtype} of shape {value.shape}"
            )
        results[name] = float(value.item())
    return results
