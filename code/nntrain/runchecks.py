"""What can be known to be wrong with a training run before it begins."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from nntrain.checks import scalar_loss
from nntrain.data import check_data
from nntrain.history import History
from nntrain.network import Sequential

__all__ = ["HOOKS", "Metric", "check_callbacks", "check_run", "check_training"]

Metric = Callable[[np.ndarray, np.ndarray], float]
HOOKS = (
    "on_train_begin",
    "on_gradient",
    "on_step_end",
    "on_epoch_end",
    "on_train_end",
)  # of callbacks


def check_training(network: Any, loss: Any, optimizer: Any, train: Any) -> None:
    """`ValueError` for parts that do not fit together, so that nothing would train."""
    scalar_loss(loss)
    if not hasattr(train, "sizes"):
        raise ValueError(
            "train must be Batches(x, y, batch_size, rng=…), "
            f"got {type(train).__name__}"
        )
    if not (hasattr(network, "params") and hasattr(optimizer, "step")):
        raise ValueError(
            f"expected a network and an optimizer, got {network!r} and {optimizer!r}"
        )
    if optimizer.params is not network.params:
        raise ValueError(
            "this optimizer holds the parameters of another network; "
            "make one with this network"
        )
    if isinstance(network, Sequential):
        network.check_names()


def check_run(history: Any, val: Any) -> None:
    """`ValueError` for a history that is none, and for unusable validation data."""
    if history is not None and not isinstance(history, History):
        raise ValueError(
            f"history must be the History of an earlier run, got {history!r}"
        )
    if val is not None:
        if not hasattr(val, "__len__") or len(val) != 2:
            given = f"{len(val)} values" if hasattr(val, "__len__") else repr(val)
            raise ValueError(f"val must be (x, y), got {given}")
        check_data(*map(np.asarray, val))


def named_metrics(metrics: Sequence[Metric]) -> dict[str, Metric]:
    """The metrics by name.

    `ValueError` where one is no function or two results would have one name.
    """
    if callable(metrics):
        raise ValueError(
            "metrics must be a sequence of functions, such as (accuracy,), "
            f"got {metrics!r}"
        )
    named: dict[str, Metric] = {}
    for metric in metrics:
        if not callable(metric):
            raise ValueError(
                "a metric must be a function (outputs, targets) -> float, "
                f"got {metric!r}"
            )
        function = metric.func if isinstance(metric, functools.partial) else metric
        name = getattr(function, "__name__", type(function).__name__)
        if name in named or name == "loss":
            raise ValueError(
                f"two results would be called {name!r}: "
                "give each metric a name of its own"
            )
        named[name] = metric
    return named


def check_callbacks(callbacks: Iterable[Any]) -> tuple[Any, ...]:
    """Return the callbacks as a tuple; `ValueError` where one is no `Callback`."""
    if not isinstance(callbacks, Iterable):
        raise ValueError(
            "callbacks must be a sequence, such as (EarlyStopping(5),), "
            f"got {callbacks!r}"
        )
    callbacks = tuple(callbacks)
    for callback in callbacks:
        if isinstance(callback, type):
            raise ValueError(
                f"a callback must be an instance, got the class {callback.__name__}: "
                f"write {callback.__name__}(…)"
            )
        for hook in HOOKS:
            if not hasattr(callback, hook):
                raise ValueError(
                    f"a callback must be an instance of a Callback, got {callback!r}, "
                    f"which lacks the hook {hook}"
                )
    return callbacks
