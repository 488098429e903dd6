"""What a reader can set: a choice from a list, a whole number, a number on a linear or logarithmic scale."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


def Log(low: float, high: float, count: int) -> np.ndarray:
    """`count` values from `low` to `high`, equal *ratios* apart, rounded to three significant digits.

    The rounding keeps the page honest: the value shown beside the slider is the value computed with.

    >>> Log(0.01, 1, 5).tolist()
    [0.01, 0.0316, 0.1, 0.316, 1.0]
    """
    if not (0 < low < high and count >= 2):
        raise ValueError(
            f"Log needs 0 < low < high and count >= 2, got {low}, {high}, {count}"
        )
    return np.array([float(f"{value:.3g}") for value in np.geomspace(low, high, count)])


def Round(low: float, high: float, leads: Sequence[int] = (1, 2, 5)) -> list[float]:
    """The round numbers from `low` to `high`: 1, 2 and 5 times every power of ten.

    >>> Round(0.01, 0.1)
    [0.01, 0.02, 0.05, 0.1]
    >>> Round(0.01, 1, leads=(1, 3))
    [0.01, 0.03, 0.1, 0.3, 1.0]
    """
    if not 0 < low < high:
        raise ValueError(f"Round needs 0 < low < high, got {low} and {high}")
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    values = [float(f"{lead}e{power}") for power in powers for lead in leads]
    return [value for value in values if low <= value <= high]


@dataclass(frozen=True)
class Control:
    """One control: its values in order, how each is written, and the position it starts from."""

    name: str
    label: str
    kind: str  # "choice" | "integer" | "linear" | "log" | "listed"
    values: tuple[Any, ...]
    texts: tuple[str, ...]
    start: int
    format: str

    def write(self, value: Any) -> str:
        """How a value (possibly between two of the listed ones) is shown."""
        return (
            self.texts[self.values.index(value)]
            if self.kind == "choice"
            else self.format.format(value)
        )

    @property
    def fine(self) -> float | str:
        """The step of a slider that takes any value, in places of the list; "any" if free."""
        if self.kind == "integer":
            return 1 / (self.values[1] - self.values[0])
        return 1 if self.kind == "choice" else "any"

    def between(self, place: float) -> Any:
        """The value at a place in the list, or between two: what is shown there is what it is.

        >>> control = make_controls({"lr": Log(0.01, 1, 3)}, {}, {}, {}, {})[0]
        >>> control.between(0), control.between(1.5)
        (0.01, 0.316)
        """
        low = math.floor(place)
        if low == place:
            return self.values[low]
        first, last, share = self.values[low], self.values[low + 1], place - low
        if self.kind in ("log", "listed") and first > 0:
            value = first * (last / first) ** share
        else:
            value = first + share * (last - first)
        if isinstance(first, int) and isinstance(last, int):
            return round(value)
        try:
            return float(self.format.format(value))
        except ValueError:  # such as "30 %"
            return _plain(value)


def make_controls(
    spec: Mapping[str, Iterable[Any]],
    start: Mapping[str, Any],
    labels: Mapping[str, str],
    choices: Mapping[str, Mapping[Any, str]],
    formats: Mapping[str, str],
) -> list[Control]:
    """Read the author's `controls` dictionary; every mistake in it raises `ValueError`."""
    controls = []
    for name, given in spec.items():
        if not name.isidentifier():
            raise ValueError(
                f"a control's name is a keyword of compute(), so {name!r} cannot be one"
            )
        values = tuple(_plain(value) for value in given)
        if len(values) < 2 or len(set(values)) < len(values):
            raise ValueError(
                f"control {name!r} needs two or more different values, got {values}"
            )
        kind = _kind(name, values)
        form = formats.get(name, "{}" if kind in ("choice", "integer") else "{:.3g}")
        names = choices.get(name, {})
        texts = tuple(
            str(names.get(v, _word(v))) if kind == "choice" else form.format(v)
            for v in values
        )
        if len(set(texts)) < len(texts):
            raise ValueError(
                f"control {name!r}: two values look the same, give it a finer format: {texts}"
            )
        begin = start.get(
            name, values[0] if kind == "choice" else values[len(values) // 2]
        )
        controls.append(
            Control(
                name,
                labels.get(name, name),
                kind,
                values,
                texts,
                position(name, kind, values, begin),
                form,
            )
        )
    return controls


def _plain(value: Any) -> Any:
    """A Python number instead of a NumPy one, without the last-digit noise of `linspace`."""
    value = value.item() if isinstance(value, np.generic) else value
    return float(f"{value:.12g}") if isinstance(value, float) else value


def _word(value: Any) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _kind(name: str, values: tuple[Any, ...]) -> str:
    if not all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
        return "choice"
    numbers = np.array(values, dtype=float)
    gaps = np.diff(numbers)
    if not (np.isfinite(numbers).all() and (gaps > 0).all()):
        raise ValueError(
            f"the numbers of control {name!r} must be finite and increase, got {values}"
        )
    if np.allclose(gaps, gaps[0], rtol=1e-6):
        return "integer" if all(isinstance(v, int) for v in values) else "linear"
    ratios = numbers[1:] / numbers[:-1] if numbers[0] > 0 else np.array([1.0])
    floats = not all(isinstance(v, int) for v in values)
    return (
        "log"
        if floats and len(ratios) > 1 and ratios.max() < 1.7 * ratios.min()
        else "listed"
    )


def position(name: str, kind: str, values: tuple[Any, ...], begin: Any) -> int:
    if kind == "choice":
        if begin not in values:
            raise ValueError(
                f"start of {name!r} is {begin!r}, which is not among {values}"
            )
        return values.index(begin)
    if not values[0] <= begin <= values[-1]:
        raise ValueError(
            f"start of {name!r} is {begin!r}, outside {values[0]} … {values[-1]}"
        )
    return int(np.argmin(np.abs(np.array(values, dtype=float) - float(begin))))
