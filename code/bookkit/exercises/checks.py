"""Checks for the exercises: small functions whose messages teach.

    check_close("gradient", gradient, expected)

prints `✓ gradient` when the answer is right. When it is wrong it raises `ExerciseError`, whose message says
what kind of mistake it looks like: a wrong sign, a missing factor, a transposed matrix, an empty blank.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from bookkit.exercises.diagnosis import NOT_FILLED, diagnose, is_blank, kind
from nntrain.gradcheck import numerical_gradient


class ExerciseError(AssertionError):
    """A wrong answer. The message is the hint; notebooks show it without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [f"✗ {self}"]


def answer(f: Any, *args: Any) -> Any:
    """What the student's function returns for these arguments; a blank or an error becomes a hint.

    For checks that must look at the result themselves: `weights = answer(he, 400, 100, rng)`.
    """
    result = _call(_name(f), f, args)
    if is_blank(result):
        raise ExerciseError(f"{_name(f)}: {NOT_FILLED}.")
    return result


def check_true(name: str, condition: Any, hint: str) -> None:
    """`condition` must hold; otherwise `hint` is the message. A condition may be a NumPy boolean."""
    if is_blank(condition):
        raise ExerciseError(f"{name}: {NOT_FILLED}.")
    if not bool(condition):
        raise ExerciseError(f"{name}: {hint}")
    _passed(name)


def check_close(
    name: str,
    got: Any,
    expected: Any,
    *,
    rtol: float = 1e-5,
    atol: float = 1e-8,
    hints: Mapping[str, Any] | None = None,
) -> None:
    """`got` must equal `expected`: same shape, elements within `atol + rtol·|expected|`.

    `hints` maps a message to the wrong value that earns it, tried before the general ones:
    `hints={"you forgot the bias": w * x}`. Numbers, arrays and nested lists of numbers are all welcome.
    """
    problem = diagnose(got, expected, rtol=rtol, atol=atol, hints=hints)
    if problem:
        raise ExerciseError(f"{name}: {problem}")
    _passed(name)


def check_function(
    f: Any,
    reference: Callable[..., Any],
    cases: Iterable[Any],
    *,
    name: str | None = None,
    rtol: float = 1e-5,
    atol: float = 1e-8,
    hints: Mapping[str, Callable[..., Any]] | None = None,
) -> None:
    """`f` must agree with `reference` on every case. A case is a tuple of arguments (or one bare argument).

    The student's function gets copies of array arguments, and must leave them as they were. `hints` maps a
    message to a wrong function that earns it.
    """
    label = name or _name(f)
    if not callable(f):
        blank = (
            NOT_FILLED
            if is_blank(f)
            else f"this must be a function, but it is {kind(f)}"
        )
        raise ExerciseError(f"{label}: {blank}.")
    for case in cases:
        args = case if isinstance(case, tuple) else (case,)
        given = tuple(a.copy() if isinstance(a, np.ndarray) else a for a in args)
        got = _call(label, f, given)
        if any(
            isinstance(a, np.ndarray) and not np.array_equal(a, b, equal_nan=True)
            for a, b in zip(args, given, strict=True)
        ):
            raise ExerciseError(
                f"{label}: it changes its arguments in place; work on a new array instead."
            )
        wrong = {message: other(*args) for message, other in (hints or {}).items()}
        problem = diagnose(got, reference(*args), rtol=rtol, atol=atol, hints=wrong)
        if problem:
            raise ExerciseError(
                f"{label}({', '.join(_short(a) for a in args)}): {problem}"
            )
    _passed(label)


def check_gradient_function(
    f: Callable[[Any], Any],
    grad: Any,
    points: Iterable[Any],
    *,
    name: str | None = None,
    rtol: float = 1e-4,
    h: float = 1e-5,
) -> None:
    """`grad(x)` must be the gradient of the scalar function `f` at each point, judged by central differences.

    (f(x + h e_i) − f(x − h e_i)) / 2h, in float64, is right to about 1e-10, far within `rtol`.
    """

    def reference(x: Any) -> Any:
        return numerical_gradient(f, x, h)

    check_function(grad, reference, points, name=name, rtol=rtol, atol=1e-7)


def _call(label: str, f: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    shown = ", ".join(_short(a) for a in args)
    try:
        return f(*args)
    except NotImplementedError:
        raise ExerciseError(f"{label}: {NOT_FILLED}.") from None
    except Exception as error:
        raise ExerciseError(
            f"{label}({shown}) stops with {type(error).__name__}: {error}"
        ) from error


def _short(value: Any) -> str:
    if isinstance(value, np.ndarray) and value.ndim:
        return f"array of shape {value.shape}"
    return (
        f"{value:.4g}" if isinstance(value, float | np.floating) else repr(value)[:40]
    )


def _passed(name: str) -> None:
    print(f"✓ {name}")


def _name(f: Any) -> str:
    name = getattr(f, "__name__", "<lambda>")
    return "your function" if name == "<lambda>" else str(name)
