"""Is this gradient right? Compare it with finite differences, and say what seems wrong (chapter 3).

Everything is computed in float64: a central difference with h = 1e-5 is good to about ten digits there, and
to about one in float32.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nntrain.checks import generator, number, whole_number

__all__ = ["GradientReport", "check_gradient", "entry_name", "numerical_gradient"]

Function = Callable[[np.ndarray], Any]  # array -> one number


def numerical_gradient(
    f: Function, x: Any, h: float = 1e-5, dtype: Any = np.float64
) -> np.ndarray:
    """∂f/∂xᵢ ≈ (f(x + h eᵢ) − f(x − h eᵢ)) / 2h for every element; error O(h²) + O(epsilon / h).

    `f` takes an array like `x` and returns one number. `x` itself is left alone. Costs two calls an element.
    Raises ValueError if `f` returns more than one number, or for h ≤ 0.

    >>> numerical_gradient(lambda x: (x**2).sum(), [1.0, 2.0]).round(6)
    array([2., 4.])
    """
    x, h = np.array(x, dtype=dtype), number("h", h, open_low=True)
    slopes = [_slope(f, x, _unit(x, i), h) for i in range(x.size)]
    return np.array(slopes, dtype=dtype).reshape(x.shape)


def _slope(f: Function, x: np.ndarray, direction: np.ndarray, h: float) -> Any:
    """The slope of f at x along a direction, by a central difference."""
    return (_number(f(x + h * direction)) - _number(f(x - h * direction))) / (2 * h)


def _unit(x: np.ndarray, i: int) -> np.ndarray:
    """The direction, an array like x, that changes element i only."""
    direction = np.zeros_like(x)
    direction.flat[i] = 1
    return direction


def _number(value: Any) -> Any:
    value = np.asarray(value)
    if value.size != 1:
        raise ValueError(
            f"f must return one number, got an array of shape {value.shape}"
        )
    return value.reshape(())[()]


@dataclass(frozen=True)
class GradientReport:
    """What `check_gradient` found; true where the gradient is right.

    `error` is the largest relative error. It was found at element `index` (with random directions: at the
    direction of that number), where the gradient says `analytic` and finite differences say `numeric`.
    `message` says what seems wrong.
    """

    error: float
    index: tuple[int, ...]
    analytic: float
    numeric: float
    tolerance: float
    where: str
    message: str

    @property
    def ok(self) -> bool:
        return self.error <= self.tolerance

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        if self.ok:
            return f"The gradient is right: largest relative error {self.error:.1e}."
        worst = (
            f"\nWorst at {self.where}: it says {self.analytic:.6g}, finite differences say "
            f"{self.numeric:.6g}; relative error {self.error:.1e}."
        )
        # At a kink the differences themselves are in doubt, not the gradient.
        verdict = (
            "This check can't tell"
            if "kink" in self.message
            else "The gradient is wrong"
        )
        return f"{verdict}: {self.message}{worst if self.where else ''}"

    def _repr_markdown_(self) -> str:
        return ("✓ " if self.ok else "✗ ") + str(self).replace("\n", "  \n")


def check_gradient(
    f: Function,
    x: Any,
    gradient: Any,
    *,
    h: float = 1e-5,
    tolerance: float = 1e-6,
    names: Sequence[str] | None = None,
    directions: int | None = None,
    rng: np.random.Generator | None = None,
) -> GradientReport:
    """Compare `gradient`, claimed to be ∂f/∂x at x, with central differences of f in float64.

    The error of an element is |analytic − numeric| / max(|analytic|, |numeric|); very small elements are
    measured against the largest one, and against what rounding lets a difference see. `names` name the
    elements, for the report. For a large x, pass `directions` and `rng`: only the slopes along that many
    random directions are compared, at two calls of f each.
    A gradient of another shape than x gives a failing report; other bad arguments raise ValueError.

    >>> check_gradient(lambda x: (x**2).sum(), [1.0, 2.0], [-2.0, -4.0]).message
    'the sign is wrong everywhere.'
    """
    x, gradient = np.array(x, dtype=float), np.asarray(gradient, dtype=float)
    h, tolerance = (
        number("h", h, open_low=True),
        number("tolerance", tolerance, open_low=True),
    )
    if x.size == 0:
        raise ValueError("x has no elements, so there is nothing to check")
    if names is not None and len(names) != x.size:
        raise ValueError(f"expected {x.size} names, one an element, got {len(names)}")
    if gradient.shape != x.shape:
        hint = " It looks transposed." if gradient.shape == x.shape[::-1] else ""
        message = f"it has shape {gradient.shape}, but x has shape {x.shape}.{hint}"
        return GradientReport(np.inf, (), np.nan, np.nan, tolerance, "", message)

    turned = gradient.T if gradient.shape == gradient.T.shape else gradient
    if directions is None:
        rays = None
        analytic, transposed = gradient.ravel(), turned.ravel()
        numeric = numerical_gradient(f, x, h).ravel()
    else:
        directions, rng = (
            whole_number("directions", directions),
            generator("a choice of directions", rng),
        )
        rays = [
            rng.choice([-1.0, 1.0], size=x.shape) / np.sqrt(x.size)
            for _ in range(directions)
        ]
        analytic, transposed = (
            np.array([(ray * g).sum() for ray in rays]) for g in (gradient, turned)
        )
        numeric = np.array([_slope(f, x, ray, h) for ray in rays])

    rounding = (
        np.finfo(float).eps * abs(float(_number(f(x)))) / h
    )  # no difference is finer than this
    errors = _relative_errors(analytic, numeric, floor=rounding / tolerance)
    worst = int(np.argmax(errors))
    message = ""
    if errors[worst] > tolerance:
        message = (
            _kink(f, x, _unit(x, worst) if rays is None else rays[worst], h)
            or _usual_mistake(analytic, numeric, transposed)
            or f"{np.sum(errors > tolerance)} of {errors.size} values differ."
        )
    index = (
        (worst,) if rays else tuple(int(i) for i in np.unravel_index(worst, x.shape))
    )
    where = (
        f"random direction {worst}"
        if rays
        else names[worst]
        if names
        else entry_name("x", index)
    )
    return GradientReport(
        float(errors[worst]),
        index,
        float(analytic[worst]),
        float(numeric[worst]),
        tolerance,
        where,
        message,
    )


def entry_name(name: str, index: tuple[int, ...]) -> str:
    """How a report calls one element: `x[0, 3]`, or just `x` for a number."""
    return f"{name}[{', '.join(map(str, index))}]" if index else name


def _relative_errors(
    analytic: np.ndarray, numeric: np.ndarray, floor: float
) -> np.ndarray:
    size = np.maximum(np.abs(analytic), np.abs(numeric))
    with np.errstate(invalid="ignore"):
        errors = np.abs(analytic - numeric) / np.maximum(
            size, max(floor, 1e-3 * size.max(), 1e-300)
        )
    return np.where(np.isfinite(errors), errors, np.inf)


def _kink(f: Function, x: np.ndarray, direction: np.ndarray, h: float) -> str:
    """Do the slopes on both sides differ, however small the step? (Of a smooth f they do not.)"""
    middle, gaps = float(_number(f(x))), []
    for step in (h, 10 * h):
        left, right = (
            (float(_number(f(x + s * direction))) - middle) / s for s in (-step, step)
        )
        gaps.append((abs(right - left), left, right))
    (gap, left, right), (wide, *_) = gaps
    if not gap > max(0.3 * wide, 1e-3 * max(abs(left), abs(right))):
        return ""
    return (
        f"f seems to have a kink here (slope {left:.3g} on one side, {right:.3g} on the other), "
        "where differences prove nothing: check at another x."
    )


def _usual_mistake(
    analytic: np.ndarray, numeric: np.ndarray, transposed: np.ndarray
) -> str:
    """What went wrong, by the trace it leaves in the numbers; empty if it is none of the usual mistakes."""

    def like(a: np.ndarray, b: np.ndarray) -> bool:
        return bool(np.abs(a - b).max() <= 1e-4 * np.abs(b).max())

    if not np.isfinite(numeric).all():
        return "f is not finite near x, so there is nothing to compare with."
    if not np.isfinite(analytic).all():
        return "it holds values that are not finite."
    if not analytic.any():
        return "it is zero everywhere: was it computed at all?"
    if not numeric.any():
        return "f does not depend on x at all."
    if like(analytic, -numeric):
        return "the sign is wrong everywhere."
    if like(analytic, numeric):
        return "it is nearly right: was it computed in float32, or does h not suit f?"
    if like(transposed, numeric):
        return "it is transposed: rows and columns are exchanged."
    factor = float(analytic @ numeric / (numeric @ numeric))
    if factor and like(analytic, factor * numeric):
        return _factor(factor)
    if like(np.abs(analytic), np.abs(numeric)):
        return "some signs are wrong."
    return ""


def _factor(factor: float) -> str:
    ratio = max(abs(factor), 1 / abs(factor))
    n, part = round(ratio), "½" if round(ratio) == 2 else f"1/{ratio:.0f}"
    name, hint = f"{abs(factor):.4g}", ""
    if abs(ratio - n) < 1e-3 and abs(factor) > 1:
        name, hint = f"{n}", f" Is a factor {part} missing, or a sum taken for a mean?"
    elif abs(ratio - n) < 1e-3:
        name, hint = part, f" Is a factor {n} missing, or a mean taken for a sum?"
    sign = "the sign is wrong, and " if factor < 0 else ""
    return f"{sign}it is off by a factor of {name} everywhere.{hint}"
