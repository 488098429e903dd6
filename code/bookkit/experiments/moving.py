"""How data moves along the step control: `trail`, `head` and `frames`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Path:
    """Points in time order; the step control shows the first k+1 of them, or (`only_head`) the k-th alone."""

    x: np.ndarray
    y: np.ndarray
    only_head: bool = False

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True)
class Frames:
    """One value of an artist's data for every step."""

    items: tuple[Any, ...]

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, k: int) -> Any:
        return self.items[k]


def trail(x: Any, y: Any) -> Path:
    """A path that grows: at step k the artist shows points 0 … k."""
    return _path(x, y, False)


def head(x: Any, y: Any) -> Path:
    """The end of a growing path: at step k the artist shows point k alone, at no cost beside its trail."""
    return _path(x, y, True)


def frames(sequence: Sequence[Any]) -> Frames:
    """At step k the artist shows `sequence[k]`: an image, a text, heights, or a pair (x, y)."""
    items = tuple(sequence)
    if not items:
        raise ValueError("frames() needs at least one item, got an empty sequence")
    return Frames(items)


def _path(x: Any, y: Any, only_head: bool) -> Path:
    xs, ys = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if xs.ndim != 1 or xs.shape != ys.shape or len(xs) == 0:
        raise ValueError(
            f"a trail or head needs x and y of one equal, non-zero length, got {xs.shape} and {ys.shape}"
        )
    return Path(xs, ys, only_head)


def length(value: Any) -> int:
    """How many steps this piece of data has; 0 when it does not depend on the step."""
    return len(value) if isinstance(value, Path | Frames) else 0


def at_step(value: Any, k: int) -> Any:
    """The plain data an artist shows at step k (the last one if its path ended earlier)."""
    if isinstance(value, Frames):
        return value[min(k, len(value) - 1)]
    if isinstance(value, Path):
        k = min(k, len(value) - 1)
        return (
            (value.x[k : k + 1], value.y[k : k + 1])
            if value.only_head
            else (value.x[: k + 1], value.y[: k + 1])
        )
    return value


def cut(value: Any, k: int, grows: bool = False) -> Any:
    """Data as far as step k: the path up to there, the frame shown; else unchanged.

    `grows`: an array whose first axis is the step.
    """
    if isinstance(value, Path):
        k = min(k, len(value) - 1)
        first = k if value.only_head else 0
        return Path(value.x[first : k + 1], value.y[first : k + 1], value.only_head)
    if isinstance(value, Frames):
        return at_step(value, k)
    return value[: k + 1] if grows else value
