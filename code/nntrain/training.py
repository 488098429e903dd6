"""The training loop (chapters 2 to 10)."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from nntrain.checks import flag, whole_number
from nntrain.data import Batches
from nntrain.evaluation import Metric, measure, named_metrics
from nntrain.history import History, Run
from nntrain.progress import progress_bar
from nntrain.runchecks import check_callbacks, check_run, directions

__all__ = ["fit", "train_epoch"]


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

    Each epoch records `train_loss` (the mean over the examples, while the weights
    move), `seconds` and, given `val = (x, y)`, `val_loss` and `val_<metric>`; both
    losses are means over the examples, also where the loss itself is a sum over the
    batch. Pass an earlier `history` to go on from it. The bar shows in a terminal and
    in live Jupyter, never in logs.

    Ctrl-C ends the run after what is done: network and history stay usable, and
    `history.stop_reason` says so. A run that diverges records inf or nan; the callback
    `StopOnDivergence` ends it.

    What can be known to be wrong is said before anything is trained, as a `ValueError`:
    parts that do not fit together (an optimiser of another network, targets that the
    loss does not take, a layer that computes no gradient), unusable validation data,
    metrics without any, and callbacks that lack a hook (`on_...`) or need a result that
    is not recorded.
    """
    epochs = whole_number("epochs", epochs, least=0)
    flag("progress", progress)
    named, callbacks = named_metrics(metrics), check_callbacks(callbacks)
    history = History() if history is None else history
    recorded = directions(named, callbacks, val is not None)
    run = Run(network, loss, optimizer, train, history, callbacks, recorded)
    check_run(run, val, named, epochs)
    history.stop_reason = ""
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
                    record |= _validate(run, val, named)
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
    on_gradient, on_step_end = run.hooks("on_gradient"), run.hooks("on_step_end")
    step_loss = run.history.step_loss
    first, began = len(step_loss), time.perf_counter()
    for x, y in train:
        value = loss.forward(network.forward(x, training=True), y)
        network.backward(loss.backward())
        for hook in on_gradient:
            hook(run)
        optimizer.step()
        step_loss.append(value)
        for hook in on_step_end:
            hook(run)
        if run.stopped:
            break
    losses = step_loss[first:]
    mean = _mean_loss(losses, train.sizes[: len(losses)], loss)
    return {"train_loss": mean, "seconds": time.perf_counter() - began}


def _validate(run: Run, val: Any, metrics: dict[str, Metric]) -> dict[str, float]:
    """The loss and the metrics on `val = (x, y)`, under their names in the history."""
    x, y = val
    results = measure(run.network, run.loss, x, y, metrics)
    results["loss"] = _mean_loss([results["loss"]], np.array([len(y)]), run.loss)
    return {f"val_{name}": value for name, value in results.items()}


def _mean_loss(losses: list[float], sizes: np.ndarray, loss: Any) -> float:
    """The mean over the examples; the single losses are means or sums over a batch."""
    if getattr(loss, "reduction", "mean") == "sum":
        return float(np.sum(losses) / np.sum(sizes))
    return float(np.average(losses, weights=sizes))
