"""Callbacks: what else should happen while a network trains (chapter 7).

A callback has five moments: ``on_train_begin``, ``on_gradient`` (gradients ready, weights not yet moved),
``on_step_end``, ``on_epoch_end`` and ``on_train_end``. Each gets the ``Run``: its ``network``, ``loss``,
``optimizer``, ``train`` and ``history``, and ``run.stop(reason)``.
"""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np

from nntrain.checks import number, whole_number
from nntrain.history import History, Run
from nntrain.optimizers import clip_grad_norm
from nntrain.storage import load_arrays, save_arrays

__all__ = [
    "Callback",
    "Checkpoint",
    "ClipGradients",
    "EarlyStopping",
    "LearningRateLog",
    "StopOnDivergence",
    "resume",
]


class Callback:
    """Does nothing at every moment; override the ones you need."""

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
    """Stop when ``monitor`` has not improved by more than ``min_delta`` for ``patience`` epochs.

    ``mode`` is "min" (a loss) or "max" (an accuracy). ``restore_best`` puts the weights of the best epoch
    back, also when the run ends in another way. ``best`` and ``best_epoch`` (counted from 1) tell which it
    was. A run that goes on from an earlier history counts on from there. Source: Prechelt (1998).
    """

    def __init__(
        self,
        patience: int,
        min_delta: float = 0.0,
        *,
        monitor: str = "val_loss",
        mode: str = "min",
        restore_best: bool = True,
    ) -> None:
        if not isinstance(monitor, str):
            raise ValueError(
                f"monitor must be the name of a result, such as 'val_loss', got {monitor!r}"
            )
        if mode not in ("min", "max"):
            raise ValueError(f"mode must be 'min' or 'max', got {mode!r}")
        self.patience, self.min_delta = (
            whole_number("patience", patience),
            number("min_delta", min_delta),
        )
        self.monitor, self.restore_best = monitor, restore_best
        self.sign = 1 if mode == "min" else -1

    def on_train_begin(self, run: Run) -> None:
        history = run.history
        self.best, self.best_epoch, self._state = math.inf * self.sign, 0, None
        for epoch, record in enumerate(
            history.epochs, start=1
        ):  # what an earlier run has seen
            value = record.get(self.monitor, math.nan)
            if self.sign * value < self.sign * self.best - self.min_delta:
                self.best, self.best_epoch = value, epoch
        if self.restore_best and self.best_epoch:
            if self.best_epoch == history.best_epoch:
                self._state = history.best_state
            elif self.best_epoch == len(
                history
            ):  # a checkpoint written before this callback had its turn
                self._state = run.network.state()

    def on_epoch_end(self, run: Run) -> None:
        value, epoch = run.history[self.monitor][-1], len(run.history)
        if (
            self.sign * value < self.sign * self.best - self.min_delta
        ):  # never true of NaN
            self.best, self.best_epoch = value, epoch
            self._state = run.network.state() if self.restore_best else None
            run.history.best_epoch, run.history.best_state = epoch, self._state
        elif epoch - self.best_epoch >= self.patience:
            best = f"the best {self.monitor} was {self.best:.4g} in epoch {self.best_epoch}"
            never = f"{self.monitor} was never a finite number"
            run.stop(
                f"stopped early after epoch {epoch}: {best if self.best_epoch else never}"
            )

    def on_train_end(self, run: Run) -> None:
        if self._state is not None:
            run.network.set_state(self._state)


class StopOnDivergence(Callback):
    """Stop when a step's loss is not finite or exceeds ``factor`` times the first one, and say why."""

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
            f"diverged at step {len(losses)}: the loss went from {losses[0]:.4g} to {value:.4g}; {cause}"
        )


class LearningRateLog(Callback):
    """Record the learning rate of every step in ``history.lr``."""

    def on_step_end(self, run: Run) -> None:
        run.history.lr.append(run.optimizer.lr)


class ClipGradients(Callback):
    """Shrink the gradient of every step to the length ``max_norm`` if it is longer."""

    def __init__(self, max_norm: float) -> None:
        self.max_norm = number("max_norm", max_norm, open_low=True, closed_high=True)

    def on_gradient(self, run: Run) -> None:
        clip_grad_norm(run.network.grads, self.max_norm)


class Checkpoint(Callback):
    """Write everything a run needs to go on to ``path`` every ``every`` epochs.

    That is: weights, the optimiser's averages, the history, and the states of all random generators (batches
    and dropout). ``resume(path, …)`` reads it; the continued run then gives the same numbers, bit for bit, as
    one that was never interrupted. The file is replaced only once the new one is whole. Raises
    ``ValueError``, before any training, where ``path`` cannot be written to.
    """

    def __init__(self, path: str | Path, *, every: int = 1) -> None:
        if not isinstance(path, (str, Path)):
            raise ValueError(f"path must be a file name, got {path!r}")
        self.path, self.every = Path(path), whole_number("every", every)

    def on_train_begin(self, run: Run) -> None:
        folder = self.path.parent
        if self.path.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
            what = (
                "is a folder"
                if self.path.is_dir()
                else f"needs a folder to write to, {folder} is none"
            )
            raise ValueError(f"the checkpoint {self.path} {what}")

    def on_epoch_end(self, run: Run) -> None:
        if len(run.history) % self.every:
            return
        history = run.history
        story = {
            "made_by": _signature(run.network, run.optimizer),
            "step_loss": history.step_loss,
            "epochs": history.epochs,
            "lr": history.lr,
            "best_epoch": history.best_epoch,
            "rng": [
                rng.bit_generator.state for rng in _generators(run.network, run.train)
            ],
        }
        # some bit generators keep their state in arrays
        arrays = {
            "story": np.array(json.dumps(story, default=lambda value: value.tolist()))
        }
        arrays.update(
            {f"network.{name}": array for name, array in run.network.state().items()}
        )
        arrays.update(
            {
                f"optimizer.{name}": array
                for name, array in run.optimizer.state().items()
            }
        )
        arrays.update(
            {
                f"best.{name}": array
                for name, array in (history.best_state or {}).items()
            }
        )
        save_arrays(self.path, arrays)


def resume(path: str | Path, network: Any, optimizer: Any, train: Any) -> History:
    """Read a ``Checkpoint`` into network, optimiser and batches; return the history to pass to ``fit``.

    Raises ``ValueError`` when the file is missing, damaged, or of another network, optimiser or kind of
    generator; then nothing is changed.
    """
    arrays = load_arrays(path)
    try:
        story = json.loads(str(arrays["story"]))
        states, history = story["rng"], History()
        history.step_loss, history.epochs, history.lr = (
            story["step_loss"],
            story["epochs"],
            story["lr"],
        )
        history.best_epoch, history.best_state = (
            story["best_epoch"],
            _part(arrays, "best.") or None,
        )
        made_by = story["made_by"]
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} is not a checkpoint ({error})") from error
    if made_by != _signature(network, optimizer):
        raise ValueError(
            f"{path} is of {made_by}, this run has {_signature(network, optimizer)}"
        )
    generators = _generators(network, train)
    if len(states) != len(generators):
        raise ValueError(
            f"the checkpoint has {len(states)} random generators, this run has {len(generators)}"
        )
    before = (
        optimizer.state(),
        [generator.bit_generator.state for generator in generators],
    )
    try:
        optimizer.set_state(_part(arrays, "optimizer."))
        for generator, state in zip(generators, states, strict=True):
            generator.bit_generator.state = state
        network.set_state(_part(arrays, "network."))  # last: it fails without a change
    except (ValueError, TypeError, KeyError) as error:
        optimizer.set_state(before[0])
        for generator, state in zip(generators, before[1], strict=True):
            generator.bit_generator.state = state
        raise ValueError(f"{path} does not fit this run: {error}") from error
    return history


def _signature(network: Any, optimizer: Any) -> str:
    return f"{network!r} trained by {type(optimizer).__name__}"


def _part(arrays: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }


def _generators(network: Any, train: Any) -> list[np.random.Generator]:
    """The random generators a run draws from, each once, in a fixed order."""
    found = [train.rng, *(layer.rng for layer in network.all_layers)]
    return list({id(rng): rng for rng in found if rng is not None}.values())
