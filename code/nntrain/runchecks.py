"""What can be known to be wrong with a training run before it begins."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

import numpy as np

from nntrain.checks import number, scalar_loss
from nntrain.data import Batches, check_data
from nntrain.evaluation import Metric, better, measure
from nntrain.history import History, Run
from nntrain.network import Sequential

__all__ = [
    "HOOKS",
    "check_callbacks",
    "check_parts",
    "check_run",
    "check_training",
    "directions",
]

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
    check_parts(network, optimizer, train)


def check_parts(network: Any, optimizer: Any, train: Any) -> None:
    """`ValueError` unless they are a network, its own optimiser, and batches."""
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


def check_run(run: Run, val: Any, metrics: dict[str, Metric], epochs: int) -> None:
    """`ValueError` for what would fail later in this run of so many `epochs`.

    A few examples, with the lowest and the highest targets among them, are tried on
    copies: one step of training, and one evaluation.
    """
    if not isinstance(run.history, History):
        raise ValueError(
            f"history must be the History of an earlier run, got {run.history!r}"
        )
    check_training(run.network, run.loss, run.optimizer, run.train)
    _check_rates(run.optimizer, len(run.train) * (epochs - len(run.history)))
    if val is None and metrics:
        raise ValueError(
            f"the metrics {', '.join(metrics)} are measured on validation data: "
            "pass val=(x, y) too"
        )
    if val is not None:
        if not hasattr(val, "__len__") or len(val) != 2:
            given = f"{len(val)} values" if hasattr(val, "__len__") else repr(val)
            raise ValueError(f"val must be (x, y), got {given}")
        check_data(*map(np.asarray, val))
    if isinstance(run.network, Sequential) and isinstance(run.train, Batches):
        with np.errstate(all="ignore"):
            _try_a_step(*copy.deepcopy((run.network, run.loss)), run.train)
            if val is not None:
                network, loss = copy.deepcopy((run.network, run.loss))
                x, y = map(np.asarray, val)
                few = np.union1d(np.arange(min(100, len(x))), _extremes(y))
                measure(network, loss, x[few], y[few], metrics)


def _check_rates(optimizer: Any, steps: int) -> None:
    """`ValueError` for a schedule that leaves the legal rates before the run ends."""
    schedule = getattr(optimizer, "schedule", None)
    if schedule is not None and steps > 0:
        first = optimizer.steps
        for step in np.linspace(first, first + steps - 1, min(steps, 100)).tolist():
            number(f"the rate of step {int(step)}", schedule(int(step)))


def _try_a_step(network: Sequential, loss: Any, train: Batches) -> None:
    """One step on as few examples as the smallest batch has."""
    few = _extremes(train.y)
    loss.forward(network.predict(train.x[few]), train.y[few])
    few = few[: train.sizes.min()]
    network.grads[...] = np.nan
    before = [dict(vars(layer)) for layer in network.all_layers]
    value = loss.forward(network.forward(train.x[few], training=True), train.y[few])
    _try_backward(network, train.x[few], loss.backward())
    network.backward(loss.backward())
    network.check_names()
    for layer, kept in zip(network.all_layers, before, strict=True):
        _check_kept(layer, kept)
    for layer in network.all_layers:
        for name in layer.parameter_names:
            gradient = getattr(layer, f"grad_{name}")
            if np.isfinite(value) and gradient.size and np.isnan(gradient).all():
                raise ValueError(
                    f"the backward pass of {layer} leaves grad_{name} as it was, "
                    f"or adds to it: it must write it, self.grad_{name}[...] = …"
                )


def _try_backward(network: Sequential, x: np.ndarray, dy: Any) -> None:
    """Back through all layers; each must return ∂L/∂x in the shape of its x."""
    shapes = [x.shape]
    for layer in network.layers[:-1]:
        x = layer.forward(np.asarray(x, network.dtype), True)
        shapes.append(np.shape(x))
    for layer, shape in zip(network.layers[::-1], shapes[::-1], strict=True):
        dy = layer.backward(dy)
        if dy is None or np.shape(dy) != shape:
            got = "None" if dy is None else f"shape {np.shape(dy)}"
            raise ValueError(
                f"the backward pass of {layer} must return the gradient with respect "
                f"to its inputs, shape {shape}, got {got}"
            )


def _check_kept(layer: Any, kept: dict[str, Any]) -> None:
    """`ValueError` for an array that is neither trained nor named as kept."""
    named = {*layer.parameter_names, *layer.buffer_names}
    named |= {f"grad_{name}" for name in layer.parameter_names}
    for name, value in kept.items():
        if (
            name not in named
            and isinstance(value, np.ndarray)
            and value.dtype.kind == "f"
            and vars(layer).get(name) is value
        ):
            raise ValueError(
                f"{layer} has an array {name!r} that nothing trains: name it in "
                "parameter_names, or in buffer_names if it should stay as it is"
            )


def _extremes(y: np.ndarray) -> np.ndarray:
    """The indices of the examples with the lowest and with the highest target."""
    width = max(y[0].size, 1)
    return np.array([y.argmin() // width, y.argmax() // width])


def directions(
    metrics: dict[str, Metric], callbacks: tuple[Any, ...], validated: bool
) -> dict[str, str | None]:
    """The results each epoch will record, and whether "min" or "max" is better."""
    known: dict[str, str | None] = {"train_loss": "min", "seconds": None}
    if validated:
        known["val_loss"] = "min"
        known |= {f"val_{name}": better(metric) for name, metric in metrics.items()}
    for callback in callbacks:
        known = known | dict.fromkeys(getattr(callback, "columns", ())) | known
    return known


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
