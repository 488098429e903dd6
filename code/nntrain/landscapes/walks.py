"""Walks of an optimiser on a surface (chapters 2, 6 and 7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nntrain.checks import whole_number
from nntrain.landscapes.surfaces import Surface

__all__ = ["Walker", "walk"]


class Walker:
    """A point on a surface as an optimiser sees it: `params` and `grads`, of length 2."""

    def __init__(self, surface: Surface, start: ArrayLike) -> None:
        self.surface = surface
        self.params = np.array(start, dtype=float)
        if self.params.shape != (2,):
            raise ValueError(
                f"start must be one point, shape (2,), got {self.params.shape}"
            )
        self.grads = np.zeros(2)

    def backward(self) -> None:
        """Write the gradient at `params` into `grads`."""
        self.grads[...] = self.surface.gradient(self.params)


def walk(
    surface: Surface,
    start: ArrayLike,
    make_optimizer: Callable[[Walker], Any],
    steps: int,
) -> np.ndarray:
    """The points an optimiser visits, shape (steps + 1, 2), the start first.

    `make_optimizer` gets the walker, as in `lambda model: SGD(model, lr=0.1)`. A walk
    that diverges ends in inf and nan, without warnings. Raises `ValueError` for a start
    that is no point and for steps below 0.

    >>> from nntrain import SGD
    >>> from nntrain.landscapes.surfaces import Ravine
    >>> walk(Ravine(b=20), (-9, 2), lambda model: SGD(model, lr=0.05), steps=100).shape
    (101, 2)
    """
    steps = whole_number("steps", steps, least=0)
    walker = Walker(surface, start)
    optimizer = make_optimizer(walker)
    path = np.empty((steps + 1, 2))
    path[0] = walker.params
    with np.errstate(all="ignore"):
        for step in range(steps):
            walker.backward()
            optimizer.step()
            path[step + 1] = walker.params
    return path
