"""Callbacks: what else should happen while a network trains (chapter 9).

A callback has five hooks: `on_train_begin`, `on_gradient` (gradients ready, weights not
yet moved), `on_step_end`, `on_epoch_end` and `on_train_end`. Each gets the `Run`: its
`network`, `loss`, `optimizer`, `train` and `history`, and `run.stop(reason)`.
"""

from __future__ import annotations

import math

from nntrain.checks import flag, number, whole_number
from nntrain.history import Run

__all__ = ["Callback", "EarlyStopping", "LearningRateLog", "StopOnDivergence"]


class Callback:
    """Does nothing at every hook; override the ones you need.

    A callback that adds results of its own to `run.history.epochs[-1]` names them in
    `columns`, so that another one may monitor them.
    """

    columns: tuple[str, ...] = ()

    def on_train_begin(self, run: Run) -> None:
        """Before the first step."""

    def on_gradient(self, run: Run) -> None:
        """After the backward pass, before the optimiser's step."""

    def on_step_end(self, run: Run) -> None:
        """After the optimiser's step."""

    def on_epoch_end(self, run: Run) -> None:
        """After an epoch and its validation."""

    def on_train_end(self, run: Run) -> None:
        """After the last epoch, also of a run that was stopped."""


class EarlyStopping(Callback):
    """Stop when `monitor` has not improved for `patience` epochs.

    To improve is to change by more than `min_delta`. A loss improves by falling, and a
    metric as its `higher_is_better` says; `mode` ("min" or "max") is needed only for
    results that do not say. `restore_best` puts the weights of the best epoch back,
    also when the run ends in another way. `best` and `best_epoch` (counted from 1) tell
    which it was. A run that goes on from an earlier history counts on from there.

    Raises `ValueError` when training begins for a result that will not be recorded, and
    for a `mode` that is missing or contradicts the metric. Source: Prechelt (1998).
    """

    def __init__(
        self,
        patience: int,
        min_delta: float = 0.0,
        *,
        monitor: str = "val_loss",
        mode: str | None = None,
        restore_best: bool = True,
    ) -> None:
        if not isinstance(monitor, str):
            raise ValueError(
                "monitor must be the name of a result, such as 'val_loss', "
                f"got {monitor!r}"
            )
        if mode not in ("min", "max", None):
            raise ValueError(f"mode must be 'min' or 'max', got {mode!r}")
        self.patience = whole_number("patience", patience)
        self.min_delta = number("min_delta", min_delta)
        self.monitor, self.mode = monitor, mode
        self.restore_best = flag("restore_best", restore_best)

    def on_train_begin(self, run: Run) -> None:
        self.sign = _direction(self.monitor, self.mode, run)
        history = run.history
        self.best, self.best_epoch, self._state = math.inf * self.sign, 0, None
        for epoch, record in enumerate(history.epochs, start=1):  # of an earlier run
            value = record.get(self.monitor, math.nan)
            if self.improves(value):
                self.best, self.best_epoch = value, epoch
        if self.restore_best and self.best_epoch:
            if self.best_epoch == history.best_epoch:
                self._state = history.best_state
            elif self.best_epoch == len(history):
                # a checkpoint written before this callback had its turn
                self._state = run.network.state()

    def improves(self, value: float) -> bool:
        """Is `value` better than the best by more than `min_delta`? (NaN never is.)"""
        return self.sign * value < self.sign * self.best - self.min_delta

    def on_epoch_end(self, run: Run) -> None:
        value, epoch = run.history[self.monitor][-1], len(run.history)
        if self.improves(value):
            self.best, self.best_epoch = value, epoch
            self._state = run.network.state() if self.restore_best else None
            run.history.best_epoch, run.history.best_state = epoch, self._state
        elif epoch - self.best_epoch >= self.patience:
            run.stop(f"stopped early after epoch {epoch}: {self.story()}")

    def story(self) -> str:
        """What the best epoch was, in words."""
        if not self.best_epoch:
            return f"{self.monitor} was never a finite number"
        return f"the best {self.monitor} was {self.best:.4g} in epoch {self.best_epoch}"

    def on_train_end(self, run: Run) -> None:
        if self._state is not None:
            run.network.set_state(self._state)


def _direction(monitor: str, mode: str | None, run: Run) -> int:
    """1 where smaller is better, −1 where larger is; `ValueError` where nobody says."""
    if monitor not in run.directions:
        raise ValueError(
            f"EarlyStopping monitors {monitor!r}, but this run records "
            f"{', '.join(run.directions)}"
        )
    known = run.directions[monitor]
    if known is None and mode is None:
        raise ValueError(
            f"is a larger {monitor} better or a smaller one? "
            "Say so with mode='max' or mode='min'"
        )
    if known is not None and mode not in (None, known):
        raise ValueError(
            f"mode={mode!r} would keep the worst epoch: of {monitor}, the better value "
            f"is the {known}imum; leave mode out"
        )
    return 1 if (mode or known) == "min" else -1


class StopOnDivergence(Callback):
    """Stop when a step's loss is not finite or exceeds `factor` times the first one.

    `history.stop_reason` then says which step it was, and why it may have happened.
    """

    def __init__(self, factor: float = 100.0) -> None:
        self.factor = number("factor", factor, 1, open_low=True, closed_high=True)

    def on_step_end(self, run: Run) -> None:
        losses = run.history.step_loss
        value = losses[-1]
        if math.isfinite(value) and value <= self.factor * abs(losses[0]) + 1e-12:
            return
        if len(losses) == 1:
            cause = (
                "the very first loss is not finite: "
                "look at the initial weights and the scale of the inputs"
            )
        else:
            cause = f"the learning rate {run.optimizer.lr:g} is probably too high"
        run.stop(
            f"diverged at step {len(losses)}: "
            f"the loss went from {losses[0]:.4g} to {value:.4g}; {cause}"
        )


class LearningRateLog(Callback):
    """Record the learning rate of every step in `history.lr`.

    It stands beside `history.step_loss`, with nan for steps of an earlier run that did
    not record it.
    """

    def on_step_end(self, run: Run) -> None:
        missing = len(run.history.step_loss) - len(run.history.lr)
        if missing:
            run.history.lr += [math.nan] * (missing - 1) + [run.optimizer.lr]
