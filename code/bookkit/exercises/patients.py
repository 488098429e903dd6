"""The eight patients of the museum's quiz.

They are kept here, and not in the notebook, so that a reader meets them by their curves:
what follows gives the answers away.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nntrain.activations import Softmax
from nntrain.initializers import he_normal
from nntrain.optimizers import SGD

ORDER = np.array([3, 7, 1, 9, 0, 5, 8, 2, 6, 4])


class Climb(SGD):
    """Adds the gradient where it should subtract it."""

    def step(self) -> None:
        self.params += self.lr * self.grads


def three_times_he(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Weights three times as large as He's rule says."""
    return 3 * he_normal(shape, rng)


def patients(
    x: np.ndarray, y: np.ndarray, split: tuple[np.ndarray, ...]
) -> dict[str, dict[str, Any]]:
    """What each patient does differently from the healthy run, as arguments of `run`.

    `x`, `y` are the healthy training data, `split` one that copies images before it
    splits them: training images and labels, validation images and labels.
    """
    by_label = np.argsort(ORDER[y], kind="stable")
    copies, labels, *val = split
    return {
        "A": {"x": x[by_label], "y": y[by_label], "shuffle": False},
        "B": {"lr": 0.002},
        "C": {"init": three_times_he},
        "D": {"bias": -10.0, "epochs": 6},
        "E": {"extra": [Softmax], "lr": 0.3, "epochs": 20},
        "F": {"optimizer": Climb, "lr": 0.0004, "epochs": 8},
        "G": {"y": np.roll(y, -2), "epochs": 6, "lr": 0.05},
        "H": {"x": copies, "y": labels, "val": val},
    }
