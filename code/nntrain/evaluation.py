"""How good is a network on data it was not trained on? Its loss, and other metrics."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from nntrain.checks import scalar_loss
from nntrain.data import check_data

__all__ = ["Metric", "better", "evaluate", "measure", "named_metrics"]

Metric = Callable[[np.ndarray, np.ndarray], float]


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
    Raises `ValueError` for unusable data, for a loss or a metric that is not one
    number, and for two metrics of one name.
    """
    scalar_loss(loss)
    if isinstance(network, type) or not hasattr(network, "predict"):
        raise ValueError(f"expected a network, got {network!r}")
    check_data(np.asarray(x), np.asarray(y))
    return measure(network, loss, x, y, named_metrics(metrics))


def measure(
    network: Any, loss: Any, x: np.ndarray, y: np.ndarray, metrics: dict[str, Metric]
) -> dict[str, float]:
    """The loss and metrics on `(x, y)`; `ValueError` unless all are numbers."""
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


def named_metrics(metrics: Sequence[Metric]) -> dict[str, Metric]:
    """The metrics by name.

    `ValueError` where one is no function or two results would have one name.
    """
    if callable(metrics) or not isinstance(metrics, Iterable):
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
        function = _function(metric)
        name = getattr(function, "__name__", type(function).__name__)
        if name in named or name == "loss":
            raise ValueError(
                f"two results would be called {name!r}: "
                "give each metric a name of its own"
            )
        named[name] = metric
    return named


def better(metric: Metric) -> str | None:
    """ "max" or "min", as the metric's `higher_is_better` says; None if it has none."""
    higher = getattr(_function(metric), "higher_is_better", None)
    return None if higher is None else "max" if higher else "min"


def _function(metric: Metric) -> Any:
    return metric.func if isinstance(metric, functools.partial) else metric
