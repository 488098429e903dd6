"""What a wrong answer looks like: the hints behind `bookkit.exercises.checks`, one sentence each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nntrain.mistakes import usual_mistake

NOT_FILLED = "you have not filled in the blank yet"


def diagnose(
    got: Any,
    expected: Any,
    *,
    rtol: float = 1e-5,
    atol: float = 1e-8,
    hints: Mapping[str, Any] | None = None,
) -> str | None:
    """What is wrong with `got`, in one sentence, or None when it is right."""
    want = np.asarray(expected)
    problem = _not_numbers(got)
    if problem:
        return problem
    value = np.asarray(got)
    for message, wrong in (hints or {}).items():
        if _same(value, np.asarray(wrong), rtol, atol) and not _same(
            value, want, rtol, atol
        ):
            return f"{message.rstrip('.')}."
    if value.shape != want.shape:
        return _shape_problem(value, want, rtol, atol)
    if (
        want.dtype.kind in "biu"
        and value.dtype.kind == "f"
        and np.array_equal(value, want)
    ):
        return f"the values are right, but the type should be {want.dtype}, not {value.dtype}."
    if _same(value, want, rtol, atol):
        return None
    return _value_problem(value, want, rtol, atol)


def _not_numbers(got: Any) -> str | None:
    if is_blank(got):
        return f"{NOT_FILLED}."
    if callable(got):
        return f"this is a function, not its value: call it, as in {getattr(got, '__name__', 'f')}(...)."
    try:
        array = np.asarray(got)
    except ValueError:
        return "the rows have different lengths, so this is not an array."
    if array.dtype.kind not in "biufc":
        return f"a number or an array of numbers is expected, but this is {kind(got)}."
    if array.dtype.kind in "fc" and np.isnan(array).any():
        return "the result contains NaN (not a number): look for 0/0, log of a negative number, or inf − inf."
    return None


def _shape_problem(
    value: np.ndarray, want: np.ndarray, rtol: float, atol: float
) -> str:
    shapes = f"the shape should be {want.shape}, but it is {value.shape}"
    if _same(value.T, want, rtol, atol):
        return f"the values are right but transposed: {shapes}."
    if value.size == want.size and _same(value.reshape(want.shape), want, rtol, atol):
        return f"the values are right but the shape is not: {shapes}."
    if want.ndim == 0:
        return f"one number is expected, but this is an array of shape {value.shape}: sum or average it."
    if value.ndim == 0:
        return f"an array of shape {want.shape} is expected, but this is one number: too much was summed."
    if value.T.shape == want.shape:
        return f"{shapes} (its transpose would fit)."
    return f"{shapes}."


def _value_problem(
    value: np.ndarray, want: np.ndarray, rtol: float, atol: float
) -> str:
    if np.isinf(value).any():
        return (
            "the result contains infinity: something overflows or is divided by zero."
        )
    if np.isfinite(want).all() and (
        mistake := usual_mistake(value.astype(float), want.astype(float))
    ):
        return mistake
    if want.ndim == 0:
        return f"{value:.6g} is not right. Check it with a small example by hand."
    bad = ~np.isclose(value, want, rtol=rtol, atol=atol)
    where = tuple(int(i) for i in np.argwhere(bad)[0])
    return (
        f"{bad.sum()} of {want.size} elements are wrong, "
        f"the first at index {where}: {value[where]:.6g}."
    )


def _same(value: np.ndarray, want: np.ndarray, rtol: float, atol: float) -> bool:
    if value.shape != want.shape:
        return False
    return bool(np.allclose(value, want, rtol=rtol, atol=atol, equal_nan=True))


def is_blank(value: Any) -> bool:
    """Nothing was handed in: None, or the `...` that stands for it."""
    return value is None or value is Ellipsis or value is NotImplemented


def kind(value: Any) -> str:
    """The type of a value, in words."""
    return f"of type {type(value).__name__}"
