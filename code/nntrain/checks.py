"""Checks of what a caller passes: what was expected and what was given."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

__all__ = [
    "finite_array",
    "flag",
    "flat_arrays",
    "generator",
    "nonzero",
    "number",
    "probabilities",
    "real_array",
    "scalar_loss",
    "whole_number",
]


def whole_number(name: str, value: Any, least: int = 1) -> int:
    """Return `value` as an int.

    `ValueError` unless it is an integer (no bool) of at least `least`.

    >>> whole_number("batch_size", np.int64(10))
    10
    """
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, np.integer))
        or value < least
    ):
        raise ValueError(
            f"{name} must be a whole number of at least {least}, got {value!r}"
        )
    return int(value)


def number(
    name: str,
    value: Any,
    low: float = 0.0,
    high: float = math.inf,
    *,
    open_low: bool = False,
    closed_high: bool = False,
) -> float:
    """Return `value` as a Python float.

    `ValueError` unless it is a real number in low ≤ value < high. With `open_low` it
    must lie above `low`; with `closed_high` it may be `high`. A Python float, since a
    NumPy float64 would turn float32 arithmetic into float64.

    >>> number("momentum", 1.5, high=1)
    Traceback (most recent call last):
    ValueError: momentum must be a number with 0 ≤ momentum < 1, got 1.5
    """
    real = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(
        value, bool
    )
    try:
        result = float(value) if real else math.nan
    except OverflowError:  # an integer of more than 308 digits
        result = math.nan
    if not (low < result if open_low else low <= result) or not (
        result <= high if closed_high else result < high
    ):
        left, right = ("<" if open_low else "≤"), ("≤" if closed_high else "<")
        bounds = f"{low:g} {left} {name} {right} {high:g}"
        raise ValueError(f"{name} must be a number with {bounds}, got {value!r}")
    return result


def nonzero(name: str, value: float, dtype: Any) -> None:
    """`ValueError` for a guard against division by 0 that is itself 0 in `dtype`."""
    if not np.dtype(dtype).type(value):
        raise ValueError(
            f"{name}={value:g} is 0 in {dtype}, so nothing guards the division: "
            "give a larger one, or compute in float32"
        )


def flag(name: str, value: Any) -> bool:
    """Return `value` as a bool; `ValueError` unless it is True or False.

    Otherwise "no" would mean yes.
    """
    if not isinstance(value, (bool, np.bool)):
        raise ValueError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def generator(user: str, rng: Any) -> np.random.Generator:
    """Return `rng`; `ValueError` naming its `user` unless it is a NumPy generator."""
    if not isinstance(rng, np.random.Generator):
        raise ValueError(
            f"{user} needs rng, a np.random.Generator such as "
            f"np.random.default_rng(0), got {rng!r}"
        )
    return rng


def real_array(name: str, values: Any) -> np.ndarray:
    """Return `values` as an array; `ValueError` unless it holds real numbers.

    Booleans count as such.
    """
    array = np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise ValueError(
            f"{name} must be real numbers, got an array of dtype {array.dtype}"
        )
    return array


def finite_array(name: str, values: Any, dtype: Any = None) -> np.ndarray:
    """Return `values` as an array, of `dtype` if given.

    `ValueError` unless they are finite in it.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # 1e200 is infinite in float32
        array = real_array(name, values)
        array = array if dtype is None else array.astype(dtype, copy=False)
        # the sum is finite unless a value is not, or many are huge
        finite = (
            np.isfinite(np.sum(array, dtype=np.float64)) or np.isfinite(array).all()
        )
    if not finite:
        raise ValueError(
            f"{name} must be finite in {array.dtype}, got "
            f"{np.count_nonzero(~np.isfinite(array))} values that are not"
        )
    return array


def scalar_loss(loss: Any) -> None:
    """`ValueError` unless `loss` is a loss object that gives one number."""
    if isinstance(loss, type) or not (
        hasattr(loss, "forward") and hasattr(loss, "backward")
    ):
        raise ValueError(f"expected a loss, such as CrossEntropyLoss(), got {loss!r}")
    if getattr(loss, "reduction", None) == "none":
        raise ValueError(
            f'expected a loss that is one number, got {loss}; try reduction="mean"'
        )


def flat_arrays(model: Any) -> tuple[np.ndarray, np.ndarray]:
    """The model's `params` and `grads`; `ValueError` unless trainable in place."""
    params, grads = getattr(model, "params", None), getattr(model, "grads", None)
    if not isinstance(params, np.ndarray) or not isinstance(grads, np.ndarray):
        raise ValueError(
            "an optimizer expects a model with flat arrays params and grads, "
            f"such as a network, got {type(model).__name__}"
        )
    if params.dtype.kind != "f" or params.shape != grads.shape:
        raise ValueError(
            "params and grads must be floating-point arrays of one shape, "
            f"got {params.dtype} of shape {params.shape} and {grads.dtype} of shape "
            f"{grads.shape}"
        )
    return params, grads


def probabilities(user: str, outputs: np.ndarray, *, rows: bool = False) -> None:
    """`ValueError` for outputs outside 0 … 1, such as logits.

    With `rows`, also for rows that do not sum to one. NaN passes, to be seen as a
    diverged run.
    """
    lowest = np.minimum.reduce(outputs, axis=None)
    highest = np.maximum.reduce(outputs, axis=None)
    if lowest < 0 or highest > 1 + 1e-3:  # rounding may leave a little more than 1
        raise ValueError(
            f"{user} expected probabilities in 0 … 1, got {lowest:g} … {highest:g}; "
            "for logits there are BCEWithLogitsLoss and CrossEntropyLoss"
        )
    if rows:
        off = np.abs(np.add.reduce(outputs, axis=1) - 1).max()
        if off > 1e-2:
            raise ValueError(
                f"{user} expected rows of probabilities that sum to one, got a sum off "
                f"by {off:g}; for logits there is CrossEntropyLoss"
            )
