"""Which mistake is it? Guessed from the numbers: a wrong answer beside the right one.

The gradient check (chapter 4) and the checks of the exercises use it.
"""

from __future__ import annotations

import math

import numpy as np

__all__ = ["usual_mistake"]

# a ratio between two logarithms of the same number, and the two that were confused
LOGARITHMS = {
    math.log(2): "log2 is needed, not the natural logarithm",
    1 / math.log(2): "the natural logarithm is needed, not log2",
    math.log(10): "log10 is needed, not the natural logarithm",
    1 / math.log(10): "the natural logarithm is needed, not log10",
}


def usual_mistake(
    got: np.ndarray, right: np.ndarray, turned: np.ndarray | None = None
) -> str:
    """Name the usual mistake that turns `right` into `got`, or return "".

    Both are finite arrays of one shape. Tried in turn: a wrong sign, rows and columns
    exchanged, a constant factor, the reverse order, a constant added, rounding, signs
    that are wrong in places. Two answers count as alike if they differ by at most
    1e-4 of the largest element. `turned` is what `got` would be if rows and columns
    were exchanged; for square matrices it is the transpose.

    >>> usual_mistake(np.array([-1.0, -2.0]), np.array([1.0, 2.0]))
    'wrong sign: this is minus the right one.'
    """
    if turned is None:
        turned = got.T if got.T.shape == got.shape else got
    if _alike(got, -right):
        return "wrong sign: this is minus the right one."
    if _alike(got, right, 1e-6):
        return ""
    if _alike(got, right):
        return "nearly right: was something rounded, or computed in float32?"
    if _alike(turned, right):
        return "transposed: rows and columns are exchanged."
    if message := _factor(got, right):
        return message
    if right.size > 1 and right.ndim and _alike(got, right[::-1]):
        return "the right numbers in reverse order."
    if right.size > 1 and _alike(got - np.mean(got - right), right):
        return (
            f"every element is off by the same constant, {np.mean(got - right):+.4g}."
        )
    if _alike(got, right, 1e-3):
        return "nearly right: was something rounded, or computed in float32?"
    if right.size > 1 and _alike(np.abs(got), np.abs(right)):
        return "some signs are wrong."
    return ""


def _alike(one: np.ndarray, two: np.ndarray, tolerance: float = 1e-4) -> bool:
    return bool(np.abs(one - two).max() <= tolerance * np.abs(two).max())


def _factor(got: np.ndarray, right: np.ndarray) -> str:
    """The message for got = c · right, or "".

    Any two numbers differ by some factor: of single ones, only 2 and ½ are believed.
    """
    size = float(np.vdot(right, right))
    c = float(np.vdot(right, got)) / size if size else 0.0
    if not c or not _alike(got, c * right):
        return ""
    sign = "wrong sign, and " if c < 0 else ""
    for ratio, message in LOGARITHMS.items():
        if math.isclose(abs(c), ratio, rel_tol=1e-4):
            return f"{sign}off by a factor of {ratio:.4g}: {message}."
    ratio, large = max(abs(c), 1 / abs(c)), abs(c) > 1
    if not math.isfinite(ratio):
        return ""
    n = round(ratio)
    whole = abs(ratio - n) < 1e-3 and n > 1
    if whole and n == 2:
        times = "twice too large" if large else "half as large as it should be"
        return f"{sign}{times}: a factor {'½' if large else '2'} is missing."
    if right.size == 1:
        return ""
    if not whole:
        return (
            f"{sign}every element is {abs(c):.4g} times the right one: "
            "a constant factor is missing or extra."
        )
    if large:
        question = f"is a factor 1/{n} missing, or a sum taken for a mean?"
    else:
        question = f"is a factor {n} missing, or a mean taken for a sum?"
    return f"{sign}{n} times too {'large' if large else 'small'}: {question}"
