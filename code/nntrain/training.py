"""The training loop (chapters 2 to 8)."""

from __future__ import annotations

import functools
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from nntrain.checks import scalar_loss, whole_number
from nntrain.data import Batches, check_data
from nntrain.network import Sequential

__all__ = ["History", "Run", "evaluate", "fit"]

Metric = Callable[[np.ndarray, np.ndarray], float]
EVENTS = (
    "on_train_begin",
    "on_gradient",
    "on_step_end",
    "on_epoch_end",
    "on_train_end",
)  # of callbacks


class History:
    """What a training run recorded.

    ``step_loss`` has the loss of every step, taken before that step's update; ``epochs`` has one dictionary
    an epoch. ``history["val_loss"]`` is that column as an array, nan in epochs that did not record it.
    ``stop_reason`` says why the run ended early, or is empty; ``lr`` is filled by the callback
    ``LearningRateLog``, ``best_epoch`` and its weights ``best_state`` by ``EarlyStopping``.
    """

    def __init__(self) -> None:
        self.step_loss: list[float] = []
        self.epochs: list[dict[str, float]] = []
        self.lr: list[float] = []
        self.stop_reason = ""
        self.best_epoch = 0
        self.best_state: dict[str, np.ndarray] | None = None

    def __getitem__(self, name: str) -> np.ndarray:
        known = list(dict.fromkeys(key for epoch in self.epochs for key in epoch))
        if name not in known:
            raise ValueError(
                f"this history has no {name!r}; it has {', '.join(known) or 'no whole epoch yet'}"
            )
        return np.array([epoch.get(name, np.nan) for epoch in self.epochs])

    def __len__(self) -> int:
        """The number of whole epochs."""
        return len(self.epochs)

    def __repr__(self) -> str:
        end = f", {self.stop_reason}" if self.stop_reason else ""
        return f"History({len(self)} epochs, {len(self.step_loss)} steps{end})"


class Run:
    """One training run, as callbacks see it. ``stop(reason)`` ends it after the current step."""

    def __init__(
        self, network: Any, loss: Any, optimizer: Any, train: Batches, history: History
    ) -> None:
        self.network, self.loss, self.optimizer = network, loss, optimizer
        self.train, self.history = train, history
        self.stopped = False

    def stop(self, reason: str) -> None:
        """End the run after the current step; ``reason`` is kept in the history."""
        self.stopped, self.history.stop_reason = True, reason


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
    """Train ``network`` until the history has ``epochs`` epochs, and return the history.

    Each epoch records ``train_loss`` (the mean of the batches' losses, weighted with their sizes, while the
    weights move), ``seconds`` and, given ``val = (x, y)``, ``val_loss`` and ``val_<metric>``. Pass an earlier
    ``history`` to go on from it. The bar shows in a terminal and in live Jupyter, never in logs.

    Ctrl-C ends the run after what is done: network and history stay usable, and ``history.stop_reason`` says
    so. A run that diverges records inf or nan; the callback ``StopOnDivergence`` ends it. Raises
    ``ValueError`` unless ``epochs`` is a whole number ≥ 0, for a loss that is not one number, training data
    that are not ``Batches``, an optimiser of another network, rebound weights, unusable validation data,
    and for metrics that are no functions and callbacks that lack a moment.
    """
    epochs = whole_number("epochs", epochs, least=0)
    _check_run(network, loss, optimizer, train, val, history)
    named, callbacks = _named(metrics), _checked(callbacks)
    history = History() if history is None else history
    history.stop_reason = ""
    run = Run(network, loss, optimizer, train, history)
    with (
        _progress_bar(epochs, len(history), progress) as bar,
        np.errstate(over="ignore", invalid="ignore"),
    ):
        try:
            _call(callbacks, "on_train_begin", run)
            while len(history) < epochs and not run.stopped:
                record = _epoch(run, callbacks)
                if record is None:
                    break
                if val is not None:
                    results = _results(network, loss, *val, named)
                    record.update(
                        {f"val_{name}": value for name, value in results.items()}
                    )
                history.epochs.append(record)
                bar.update()
                bar.set_postfix(
                    {name: f"{value:.4g}" for name, value in record.items()}
                )
                _call(callbacks, "on_epoch_end", run)
        except KeyboardInterrupt:
            run.stop(
                f"interrupted after {len(history)} whole epochs, at step {len(history.step_loss)}"
            )
        _call(callbacks, "on_train_end", run)
    return history


def _epoch(run: Run, callbacks: tuple[Any, ...]) -> dict[str, float] | None:
    """One pass over the training data; None where a callback stopped it midway."""
    network, loss, optimizer, train = run.network, run.loss, run.optimizer, run.train
    step_loss = run.history.step_loss
    first, began = len(step_loss), time.perf_counter()
    for x, y in train:
        value = loss.forward(network.forward(x, training=True), y)
        network.backward(loss.backward())
        if callbacks:
            _call(callbacks, "on_gradient", run)
        optimizer.step()
        step_loss.append(value)
        if callbacks:
            _call(callbacks, "on_step_end", run)
            if run.stopped:
                return None
    mean = float(np.average(step_loss[first:], weights=train.sizes))
    return {"train_loss": mean, "seconds": time.perf_counter() - began}


def evaluate(
    network: Any,
    loss: Any,
    x: np.ndarray,
    y: np.ndarray,
    *,
    metrics: Sequence[Metric] = (),
) -> dict[str, float]:
    """Return ``{"loss": …, "<metric>": …}`` on ``(x, y)`` with the network as used after training.

    A metric is a function ``(outputs, targets) -> float``; its name becomes the key. Raises ``ValueError``
    for unusable data, for a loss or a metric that is not one number, and for two metrics of one name.
    """
    scalar_loss(loss)
    check_data(np.asarray(x), np.asarray(y))
    return _results(network, loss, x, y, _named(metrics))


def _results(
    network: Any, loss: Any, x: np.ndarray, y: np.ndarray, metrics: dict[str, Metric]
) -> dict[str, float]:
    outputs = network.predict(x)
    results = {"loss": float(loss.forward(outputs, y))}
    for name, metric in metrics.items():
        value = np.asarray(metric(outputs, y))
        if value.size != 1 or value.dtype.kind not in "fiub":
            raise ValueError(
                f"the metric {name} must return one number, got {value.dtype} of shape {value.shape}"
            )
        results[name] = float(value.item())
    return results


def _named(metrics: Sequence[Metric]) -> dict[str, Metric]:
    """The metrics by name; ``ValueError`` where one is no function or two results would have one name."""
    if callable(metrics):
        raise ValueError(
            f"metrics must be a sequence of functions, such as (accuracy,), got {metrics!r}"
        )
    named: dict[str, Metric] = {}
    for metric in metrics:
        if not callable(metric):
            raise ValueError(
                f"a metric must be a function (outputs, targets) -> float, got {metric!r}"
            )
        function = metric.func if isinstance(metric, functools.partial) else metric
        name = getattr(function, "__name__", type(function).__name__)
        if name in named or name == "loss":
            raise ValueError(
                f"two results would be called {name!r}: give each metric a name of its own"
            )
        named[name] = metric
    return named


def _checked(callbacks: Iterable[Any]) -> tuple[Any, ...]:
    if not isinstance(callbacks, Iterable):
        raise ValueError(
            f"callbacks must be a sequence, such as (EarlyStopping(5),), got {callbacks!r}"
        )
    callbacks = tuple(callbacks)
    for callback in callbacks:
        missing = [event for event in EVENTS if not hasattr(callback, event)]
        if missing or isinstance(callback, type):
            lack = f", which has no {missing[0]}" if missing else ", a class: call it"
            raise ValueError(
                f"a callback must be an instance of a Callback, got {callback!r}{lack}"
            )
    return callbacks


def _check_run(
    network: Any, loss: Any, optimizer: Any, train: Any, val: Any, history: Any
) -> None:
    """Raise ``ValueError`` for what would fail later, or worse, would not fail but train nothing."""
    scalar_loss(loss)
    if history is not None and not isinstance(history, History):
        raise ValueError(
            f"history must be the History of an earlier run, got {history!r}"
        )
    if not hasattr(train, "sizes"):
        raise ValueError(
            f"train must be Batches(x, y, batch_size, rng=…), got {type(train).__name__}"
        )
    if not (hasattr(network, "params") and hasattr(optimizer, "step")):
        raise ValueError(
            f"expected a network and an optimizer, got {network!r} and {optimizer!r}"
        )
    if optimizer.params is not network.params:
        raise ValueError(
            "this optimizer holds the parameters of another network; make one with this network"
        )
    if isinstance(network, Sequential):
        network.check_views()
    if val is not None:
        if not hasattr(val, "__len__") or len(val) != 2:
            came = f"{len(val)} values" if hasattr(val, "__len__") else repr(val)
            raise ValueError(f"val must be (x, y), got {came}")
        check_data(*map(np.asarray, val))


def _call(callbacks: tuple[Any, ...], event: str, run: Run) -> None:
    for callback in callbacks:
        getattr(callback, event)(run)


def _progress_bar(epochs: int, done: int, wanted: bool) -> Any:
    """A tqdm bar where somebody watches: a live notebook or a terminal; else a silent one."""
    live_notebook = "ipykernel" in sys.modules and "NNTRAIN_STATIC" not in os.environ
    if wanted and live_notebook:
        from tqdm.auto import tqdm
    else:
        from tqdm import tqdm
    # disable=None: tqdm itself stays silent where standard error is not a terminal
    return tqdm(
        total=epochs,
        initial=done,
        unit="epoch",
        disable=(False if live_notebook else None) if wanted else True,
    )
