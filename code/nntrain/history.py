"""What a training run records, and how callbacks see the run (chapter 9)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nntrain.data import Batches

__all__ = ["History", "Run"]


class History:
    """What a training run recorded.

    `step_loss` has the loss of every step, taken before that step's update; `epochs`
    has one dictionary an epoch. `history["val_loss"]` is that column as an array, nan
    in epochs that did not record it. `stop_reason` says why the run ended early, or is
    empty; `lr` is filled by the callback `LearningRateLog`, `best_epoch` and its
    weights `best_state` by `EarlyStopping`.
    """

    def __init__(self) -> None:
        self.step_loss: list[float] = []
        self.epochs: list[dict[str, float]] = []
        self.lr: list[float] = []
        self.stop_reason = ""
        self.best_epoch = 0
        self.best_state: dict[str, np.ndarray] | None = None

    def __getitem__(self, name: str) -> np.ndarray:
        known = list(dict.fromkeys(key for epoch in self.epochs for key in epoch))
        if name not in known:
            raise ValueError(
                f"this history has no {name!r}; "
                f"it has {', '.join(known) or 'no whole epoch yet'}"
            )
        return np.array([epoch.get(name, np.nan) for epoch in self.epochs])

    def __len__(self) -> int:
        """The number of whole epochs."""
        return len(self.epochs)

    def __repr__(self) -> str:
        end = f", {self.stop_reason}" if self.stop_reason else ""
        return f"History({len(self)} epochs, {len(self.step_loss)} steps{end})"


class Run:
    """One training run, as callbacks see it.

    It has the `network`, `loss`, `optimizer`, `train` (the batches) and `history` of
    the run; `directions` has the name of each result that an epoch records, with "min"
    or "max", whichever is better, or None. `stop(reason)` ends the run after the
    current step.
    """

    def __init__(
        self,
        network: Any,
        loss: Any,
        optimizer: Any,
        train: Batches,
        history: History,
        callbacks: tuple[Any, ...] = (),
        directions: dict[str, str | None] | None = None,
    ) -> None:
        self.network, self.loss, self.optimizer = network, loss, optimizer
        self.train, self.history, self.callbacks = train, history, callbacks
        self.directions = directions or {}
        self.stopped = False

    def hooks(self, name: str) -> list[Callable[[Run], None]]:
        """The hooks of this name, such as "on_step_end", of all callbacks."""
        return [getattr(callback, name) for callback in self.callbacks]

    def call(self, name: str) -> None:
        """Call the hook of this name of every callback."""
        for hook in self.hooks(name):
            hook(self)

    def stop(self, reason: str) -> None:
        """End the run after the current step; `reason` is kept in the history."""
        self.stopped, self.history.stop_reason = True, reason
