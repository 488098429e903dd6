"""Is this gradient right? Compare it with finite differences (chapter 4).

Everything is computed in float64: a central difference with h = 1e-5 is good to about
ten digits there, and to about one in float32.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nntrain.checks import generator, number, whole_number
from nntrain.mistakes import usual_mistake

__all__ = ["GradientReport", "check_gradient", "entry_name", "numerical_gradient"]

Function = Callable[[np.ndarray], Any]  # array -> one number


def numerical_gradient(
    f: Function, x: Any, h: float = 1e-5, dtype: Any = np.float64
) -> np.ndarray:
    """∂f/∂xᵢ ≈ (f(x + h eᵢ) − f(x − h eᵢ)) / 2h for every element.

    The error is O(h²) + O(ε/h), ε the rounding of `dtype`. `f` takes an array like `x`
    and returns one number; it is called twice an element. `x` itself is left alone.
    Raises `ValueError` if `f` returns more than one number, and for h ≤ 0.

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

    `error` is the largest relative error. It was found at element `index` (with random
    directions: at the direction of that number), where the gradient says `analytic` and
    finite differences say `numeric`. `message` says what seems wrong.
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
            f"\nWorst at {self.where}: it says {self.analytic:.6g}, "
            f"finite differences say {self.numeric:.6g}; relative error {self.error:.1e}."
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
    """Compare `gradient`, claimed to be ∂f/∂x at x, with central differences of f.

    Everything is computed in float64. The error of an element is
    |analytic − numeric| / max(|analytic|, |numeric|); very small elements are measured
    against the largest one, and against what rounding lets a difference see. `names`
    name the elements, for the report. For a large x, pass `directions` and `rng`: only
    the slopes along that many random directions are compared, at two calls of f each.

    A gradient of another shape than x gives a failing report; other bad arguments raise
    `ValueError`.

    >>> check_gradient(lambda x: (x**2).sum(), [1.0, 2.0], [-2.0, -4.0]).message
    'wrong sign: this is minus the right one.'
    """
    x, gradient = np.array(x, dtype=float), np.asarray(gradient, dtype=float)
    h = number("h", h, open_low=True)
    tolerance = number("tolerance", tolerance, open_low=True)
    if x.size == 0:
        raise ValueError("x has no elements, so there is nothing to check")
    if names is not None and len(names) != x.size:
        raise ValueError(f"expected {x.size} names, one an element, got {len(names)}")
    if gradient.shape != x.shape:
        hint = " It looks transposed." if gradient.shape == x.shape[::-1] else ""
        message = f"it has shape {gradient.shape}, but x has shape {x.shape}.{hint}"
        return GradientReport(np.inf, (), np.nan, np.nan, tolerance, "", message)

    rays = _random_directions(x, directions, rng) if directions is not None else None
    slopes = _Slopes(f, x, gradient, h, rays)
    errors = slopes.errors(tolerance)
    worst = int(np.argmax(errors))
    place = (worst,) if rays else np.unravel_index(worst, x.shape)
    index = tuple(int(i) for i in place)
    where = names[worst] if names else entry_name("x", index)
    return GradientReport(
        error=float(errors[worst]),
        index=index,
        analytic=float(slopes.analytic[worst]),
        numeric=float(slopes.numeric[worst]),
        tolerance=tolerance,
        where=f"random direction {worst}" if rays else where,
        message=slopes.message(errors, tolerance),
    )


class _Slopes:
    """The slopes of f at x, as the gradient has them and as differences find them.

    Along `rays`; along the axes, so for every element, if there are none.
    """

    def __init__(
        self,
        f: Function,
        x: np.ndarray,
        gradient: np.ndarray,
        h: float,
        rays: list[np.ndarray] | None,
    ) -> None:
        self.f, self.x, self.h, self.rays = f, x, h, rays
        turned = gradient.T if gradient.T.shape == gradient.shape else gradient
        if rays is None:
            self.analytic, self.turned = gradient.ravel(), turned.ravel()
            self.numeric = numerical_gradient(f, x, h).ravel()
        else:
            self.analytic = np.array([np.vdot(ray, gradient) for ray in rays])
            self.turned = np.array([np.vdot(ray, turned) for ray in rays])
            self.numeric = np.array([_slope(f, x, ray, h) for ray in rays])

    def errors(self, tolerance: float) -> np.ndarray:
        """The relative error of each slope; inf where there is nothing to compare."""
        size = np.maximum(np.abs(self.analytic), np.abs(self.numeric))
        # No difference is finer than the rounding of f's own value.
        rounding = np.finfo(float).eps * abs(float(_number(self.f(self.x)))) / self.h
        with np.errstate(invalid="ignore"):
            least = max(rounding / tolerance, 1e-3 * size.max(), 1e-300)
            errors = np.abs(self.analytic - self.numeric) / np.maximum(size, least)
        return np.where(np.isfinite(errors), errors, np.inf)

    def message(self, errors: np.ndarray, tolerance: float) -> str:
        """What seems wrong, guessed from the numbers; empty if nothing is."""
        worst = int(np.argmax(errors))
        if errors[worst] <= tolerance:
            return ""
        if not np.isfinite(self.numeric).all():
            return "f is not finite near x, so there is nothing to compare with."
        if not np.isfinite(self.analytic).all():
            return "it has values that are not finite."
        ray = _unit(self.x, worst) if self.rays is None else self.rays[worst]
        if message := _kink(self.f, self.x, ray, self.h):
            return message
        if not self.analytic.any():
            return "it is zero everywhere: was it computed at all?"
        if not self.numeric.any():
            return "f does not depend on x at all."
        return (
            usual_mistake(self.analytic, self.numeric, self.turned)
            or f"{np.sum(errors > tolerance)} of {errors.size} values differ."
        )


def _random_directions(
    x: np.ndarray, count: int, rng: np.random.Generator | None
) -> list[np.ndarray]:
    """Directions of length 1, every element of which is as large as the others."""
    whole_number("directions", count)
    rng = generator("a choice of directions", rng)
    return [
        rng.choice([-1.0, 1.0], size=x.shape) / np.sqrt(x.size) for _ in range(count)
    ]


def entry_name(name: str, index: tuple[int, ...]) -> str:
    """How a report calls one element: `x[0, 3]`, or just `x` for a number."""
    return f"{name}[{', '.join(map(str, index))}]" if index else name


def _kink(f: Function, x: np.ndarray, direction: np.ndarray, h: float) -> str:
    """Do the slopes on both sides differ, however small the step?

    Of a smooth f they do not. Empty if there is no kink.
    """
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
        f"f seems to have a kink here (slope {left:.3g} on one side, {right:.3g} on "
        "the other), where differences prove nothing: check at another x."
    )
